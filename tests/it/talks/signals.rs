//! A signal that the assistant proposes reaches the process that was meant, or none.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pilothouse::config::Settings;
use pilothouse::domain::HostSpec;
use pilothouse::engine::sim::SimFleet;
use pilothouse::engine::{Connect, ConnectError, Connected, Transcript};
use pilothouse::exec::{BoxedIo, Exec, ExecError, HostSocket, LineStream, Output, RunLimits};
use pilothouse::shell::{RemotePath, ShellCommand};
use pilothouse::ssh::Ask;
use serde_json::json;

use super::stage::{Stage, commands};

/// A way to simulated hosts on which one process runs that no GPU knows of.
struct WithProcess(Arc<SimFleet>);

#[async_trait]
impl Connect for WithProcess {
    async fn connect(&self, spec: &HostSpec, ask: Arc<dyn Ask>) -> Result<Connected, ConnectError> {
        let real = self.0.connect(spec, ask).await?;
        Ok(Connected {
            exec: Arc::new(Hands(real.exec)),
            ..real
        })
    }
}

struct Hands(Arc<dyn Exec>);

#[async_trait]
impl Exec for Hands {
    async fn run(&self, command: &ShellCommand, limits: RunLimits) -> Result<Output, ExecError> {
        let output = self.0.run(command, limits).await?;
        if !command.render().ends_with(" pilothouse-process 4242") {
            return Ok(output);
        }
        let fields = "S 1 4242 4242 0 -1 4194560 9 0 0 0 1 2 0 0 20 0 1 0 987654 1000 20";
        Ok(Output {
            stdout: format!("ops\n4242 (train) x) {fields}\n").into(),
            ..output
        })
    }

    async fn stream(&self, command: &ShellCommand) -> Result<LineStream, ExecError> {
        self.0.stream(command).await
    }

    async fn upload(&self, path: &RemotePath, mode: u32, what: Bytes) -> Result<(), ExecError> {
        self.0.upload(path, mode, what).await
    }

    async fn connect(&self, socket: &HostSocket) -> Result<BoxedIo, ExecError> {
        self.0.connect(socket).await
    }
}

#[tokio::test]
async fn a_signal_names_the_start_of_its_process_and_is_not_proposed_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let sim = SimFleet::new(1, 2);
    let ways = Arc::new(WithProcess(Arc::clone(&sim))) as Arc<dyn Connect>;
    let ways = (ways, sim.specs());
    let mut stage = Stage::over(folder.path(), None, (sim, ways), Settings::default());
    stage.is_up().await;
    let mut talk = stage.open().await;
    stage.say(&talk, "look").await;
    let puppet = stage.puppet().await;
    puppet.asked("look").await;
    let term = |pid: u32| json!({"host": "sim-001", "act": {"signal": "TERM", "pid": pid}, "why": "it hangs"});

    let unknown = puppet.call("a", "propose", term(4243)).await.await.unwrap();
    assert!(unknown.is_error, "{}", unknown.text);
    assert!(
        unknown
            .text
            .contains("does not tell when process 4243 was started"),
        "{}",
        unknown.text
    );

    let _answer = puppet.call("b", "propose", term(4242)).await;
    let waits = |picture: &Transcript| !picture.proposals.is_empty();
    let shown = talk.shows(waits).await;
    let proposal = &shown.proposals[0];
    assert!(
        proposal.command.as_str().contains("4242 987654 TERM"),
        "{}",
        proposal.command
    );
    let seen = &proposal.evidence[0];
    assert_eq!(seen.what.as_str(), "process 4242 is train) x of ops");
    assert!(
        commands(&stage, "sim-001")
            .iter()
            .all(|ran| ran.contains("pilothouse-process"))
    );
    stage.end().await;
}
