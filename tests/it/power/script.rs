//! The script on the hypervisor: six words and nothing else, actions that nobody's leaving ends, and no kill but the right one.

use std::process::Command;

use pilothouse::power::{MachineState, OperationState};

use super::stage::{SHELLS, Stage, is_there};

#[test]
fn the_script_is_read_without_complaint_by_every_shell() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let output = Command::new(&stage.shell)
            .args(["-n", &stage.installed.script_path])
            .output()
            .unwrap();
        assert!(output.status.success(), "{shell}: {output:?}");
        assert!(output.stderr.is_empty(), "{shell}: {output:?}");
    }
}

#[test]
fn a_machine_is_started_reset_cycled_and_stopped() {
    for shell in SHELLS {
        let stage = Stage::new(shell);
        let (answer, output) = stage.ask("status");
        assert_eq!(
            answer.report.state,
            MachineState::Stopped,
            "{shell}: {output:?}"
        );
        assert!(answer.is_ours() && answer.end == Some(0) && output.stderr.is_empty());
        assert_eq!(
            stage.act("start"),
            OperationState::Done,
            "{shell}: {}",
            stage.notes()
        );
        let first = stage.pid().unwrap();
        assert_eq!(stage.ask("status").0.report.state, MachineState::Running);
        assert_eq!(
            stage.act("reset"),
            OperationState::Done,
            "{shell}: {}",
            stage.notes()
        );
        assert_eq!(stage.pid(), Some(first), "{shell}: warm");
        assert_eq!(
            stage.act("cycle"),
            OperationState::Done,
            "{shell}: {}",
            stage.notes()
        );
        assert!(!is_there(first));
        assert!(stage.pid().is_some());
        assert_eq!(stage.boots(), 2);
        assert_eq!(
            stage.act("stop"),
            OperationState::Done,
            "{shell}: {}",
            stage.notes()
        );
        let (answer, _) = stage.ask("status");
        assert_eq!(answer.report.state, MachineState::Stopped);
        assert_eq!(answer.operations.len(), 4);
        assert!(
            stage.log().contains("client=192.0.2.7 verb=cycle"),
            "{}",
            stage.log()
        );
    }
}
