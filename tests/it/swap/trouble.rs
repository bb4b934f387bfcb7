//! Swaps that go wrong, each told in words with its mend; then another console goes on.

#![allow(
    clippy::disallowed_methods,
    reason = "a test starts the console that it kills"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use pilothouse::jobs::{JobId, JobState};
use pilothouse::models::{PhaseState, SwapEnd, SwapPhase, SwapPlan, SwapReport};
use pilothouse::shell::{ShellCommand, ShellWord};

use super::stage::{Host, KINDS, Stage, each_kind};
use super::story::words;

pub(super) fn failed(report: &SwapReport) -> (SwapPhase, &str, &str) {
    match &report.end {
        Some(SwapEnd::Failed { phase, why, hint }) => (
            *phase,
            why.as_str(),
            hint.as_ref()
                .map(pilothouse::text::SafeText::as_str)
                .unwrap_or_default(),
        ),
        other => panic!("it did not fail but {other:?}: {report:#?}"),
    }
}

#[tokio::test]
async fn a_load_that_fails_says_why_and_the_model_before_can_be_brought_back() {
    let rows = [
        ("crash", "ended with status 1: ValueError: bad weights", ""),
        (
            "oom",
            "killed for want of memory: torch.OutOfMemoryError",
            "give it less",
        ),
        ("vanish", "is gone: ValueError: gone with its container", ""),
        (
            "restarts",
            "so that it does not go on for ever: RuntimeError",
            "",
        ),
    ];
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        assert_eq!(
            stage.swap(&stage.plan("qwen")).await.end,
            Some(SwapEnd::Served)
        );
        for (how, why, hint) in rows {
            stage.behaves(how);
            let report = stage.swap(&stage.plan("gemma")).await;
            let (phase, said, mend) = failed(&report);
            assert_eq!(phase, SwapPhase::Load, "{kind} {how}");
            assert!(said.contains(why), "{kind} {how}: {said}");
            assert!(mend.contains(hint), "{kind} {how}: {mend}");
            assert!(words(&report, SwapPhase::Ready).starts_with("skipped"));
            // However often it failed, what answered last is what a rollback brings back.
            assert_eq!(
                report
                    .before
                    .as_ref()
                    .map(pilothouse::domain::ModelKey::as_str),
                Some("qwen"),
                "{kind} {how}"
            );
            assert!(!report.log.is_empty());
        }
        stage.behaves("nothing");
        let back = stage.swap(&stage.plan("qwen")).await;
        assert_eq!(back.end, Some(SwapEnd::Served), "{kind}: {back:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_hangs_is_forced_and_memory_that_stays_is_said() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        stage.swap(&stage.plan("qwen")).await;
        stage.behaves("stop-hangs\nleak");
        let mut plan = stage.plan("gemma");
        plan.force = kind == "busybox";
        let report = stage.swap(&plan).await;
        assert_eq!(report.end, Some(SwapEnd::Served), "{kind}: {report:#?}");
        let stop = words(&report, SwapPhase::Stop);
        assert_eq!(
            stop,
            "done leak: only 0.0 GiB of 60.0 GiB came back; a restart of the host brings the rest; it had to be forced",
            "{kind}"
        );
        assert!(stage.read("asked").contains("docker stop") != plan.force);
    })
    .await;
}

#[tokio::test]
async fn memory_that_moves_by_itself_is_not_waited_for() {
    let stage = Stage::new("dash").await;
    stage.swap(&stage.plan("qwen")).await;
    // What was measured of it is no more than what other programs of a host take and give all the time.
    stage.write("base/models/served", "container vllm 300 0 qwen\n");
    stage.behaves("leak");
    let report = stage.swap(&stage.plan("gemma")).await;
    assert_eq!(report.end, Some(SwapEnd::Served), "{report:#?}");
    assert_eq!(words(&report, SwapPhase::Stop), "done 0.0 GiB came back");
    let stop = report
        .phases
        .iter()
        .find(|one| one.phase == SwapPhase::Stop)
        .unwrap();
    let PhaseState::Done { took, .. } = stop.state else {
        panic!("{stop:?}");
    };
    // Memory that is owed is waited for ten seconds.
    assert!(took < Duration::from_secs(9), "{took:?}");
}

#[tokio::test]
async fn a_node_that_is_lost_while_it_loads_is_named_though_another_answers() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        stage.program("ssh", include_str!("ssh"));
        stage.behaves("slow");
        let mut plan = stage.plan("qwen");
        plan.nodes = vec![
            "192.168.177.12".parse().unwrap(),
            "192.168.177.13".parse().unwrap(),
        ];
        plan.limits.load = Duration::from_mins(1);
        let id = stage.begin(&plan).await;
        stage
            .until(&id, |report| {
                words(report, SwapPhase::Load).contains("shard 0 of 4")
            })
            .await;
        stage.write("lost", "192.168.177.12\n");
        let report = stage.ended(&id).await;
        let (phase, why, _) = failed(&report);
        assert_eq!(phase, SwapPhase::Load, "{kind}");
        assert!(
            why.starts_with("the node 192.168.177.12 does not answer any more"),
            "{kind}: {why}"
        );
    })
    .await;
}

const NODES: [&str; 2] = ["192.168.177.12", "192.168.177.13"];

/// A swap over two more nodes, each started by a command of its own before the head's.
fn spread(stage: &Stage) -> SwapPlan {
    let mut plan = stage.plan("qwen");
    plan.nodes = NODES.map(|node| node.parse().unwrap()).to_vec();
    plan.launch.as_mut().unwrap().before = NODES
        .map(|node| {
            ShellCommand::new("ssh")
                .arg("--")
                .word(ShellWord::new(node).unwrap())
                .arg("docker run -d --name vllm image")
        })
        .to_vec();
    plan
}

#[tokio::test]
async fn a_launch_that_fails_leaves_nothing_on_the_other_nodes() {
    for kind in KINDS {
        let stage = Stage::new(kind).await;
        stage.program("ssh", include_str!("ssh"));
        let on = |node: &str| stage.path(&format!("on.{node}")).exists();
        for (how, lost, at, why) in [
            ("no-image", "", SwapPhase::Launch, "Unable to find image"),
            (
                "nothing",
                NODES[1],
                SwapPhase::Launch,
                "another node could not be started: ssh: connect to host 192.168.177.13",
            ),
            ("crash", "", SwapPhase::Load, "ValueError: bad weights"),
        ] {
            stage.behaves(how);
            stage.write("lost", &format!("{lost}\n"));
            stage.write("asked", "");
            let report = stage.swap(&spread(&stage)).await;
            let (phase, said, _) = failed(&report);
            assert_eq!(phase, at, "{kind} {how}");
            assert!(said.contains(why), "{kind} {how}: {said}");
            let asked = stage.read("asked");
            assert!(asked.contains("192.168.177.12: docker run"), "{asked}");
            assert!(!NODES.into_iter().any(on), "{kind} {how}: {asked}");
        }
        // What only takes long is left for a person to look at.
        stage.behaves("slow");
        let mut plan = spread(&stage);
        plan.limits.load = Duration::from_secs(1);
        let report = stage.swap(&plan).await;
        assert!(failed(&report).1.contains("left running"), "{report:#?}");
        assert!(NODES.into_iter().all(on), "{kind}");
    }
}

#[tokio::test]
async fn a_port_of_a_stranger_is_named_before_anything_is_launched() {
    let stage = Stage::new("busybox").await;
    let stranger = tokio::net::TcpListener::bind(("127.0.0.1", stage.port))
        .await
        .unwrap();
    let report = stage.swap(&stage.plan("qwen")).await;
    let (phase, why, hint) = failed(&report);
    assert_eq!(phase, SwapPhase::Launch);
    assert!(
        why.starts_with(&format!("port {} is taken by ", stage.port)),
        "{why}"
    );
    assert!(hint.contains("another one"), "{hint}");
    assert!(!stage.read("asked").contains("docker run"));
    drop(stranger);
}

#[tokio::test]
async fn a_container_of_somebody_else_is_kept_under_another_name() {
    let stage = Stage::new("dash").await;
    stage.swap(&stage.plan("qwen")).await;
    stage.write("dock/vllm/label", "<no value>\n");
    let report = stage.swap(&stage.plan("gemma")).await;
    assert_eq!(report.end, Some(SwapEnd::Served), "{report:#?}");
    let kept = std::fs::read_dir(stage.path("dock"))
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("vllm.before.")
        })
        .count();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_launch_that_fails_keeps_its_words() {
    let stage = Stage::new("dash").await;
    stage.behaves("no-image");
    let report = stage.swap(&stage.plan("qwen")).await;
    let (phase, why, hint) = failed(&report);
    assert_eq!(phase, SwapPhase::Launch);
    assert_eq!(why, "it could not be started: Unable to find image");
    assert!(hint.contains("pull"), "{hint}");
}

#[tokio::test]
async fn a_load_that_never_ends_is_late() {
    let stage = Stage::new("dash").await;
    stage.behaves("slow");
    let mut plan = stage.plan("qwen");
    plan.limits.load = std::time::Duration::from_secs(1);
    let report = stage.swap(&plan).await;
    let (phase, why, _) = failed(&report);
    assert_eq!(phase, SwapPhase::Load);
    assert!(
        why.starts_with("it was not loaded within 1 s; it is left running"),
        "{why}"
    );
}

#[tokio::test]
async fn a_cancelled_load_leaves_nothing_served_and_says_so() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        stage.swap(&stage.plan("qwen")).await;
        stage.behaves("slow");
        let id = stage.begin(&stage.plan("gemma")).await;
        stage
            .until(&id, |report| {
                words(report, SwapPhase::Load).contains("shard 0 of 4")
            })
            .await;
        assert_eq!(stage.jobs().cancel(&id).await.unwrap(), JobState::Cancelled);
        let report = stage.ended(&id).await;
        let phase = SwapPhase::Load;
        assert_eq!(report.end, Some(SwapEnd::Cancelled { phase }), "{kind}");
        assert_eq!(words(&report, phase), "skipped nothing is served", "{kind}");
        assert!(!stage.path("dock/vllm").exists(), "{kind}");
        // And nothing stands in the way of the next.
        stage.behaves("nothing");
        let next = stage.swap(&stage.plan("gemma")).await;
        assert_eq!(next.end, Some(SwapEnd::Served), "{kind}: {next:#?}");
        assert_eq!(
            next.before
                .as_ref()
                .map(pilothouse::domain::ModelKey::as_str),
            Some("qwen")
        );
    })
    .await;
}

#[tokio::test]
async fn a_swap_whose_runner_was_killed_is_lost_and_the_next_one_goes_on() {
    let stage = Stage::new("dash").await;
    stage.behaves("slow");
    let id = stage.begin(&stage.plan("qwen")).await;
    stage
        .until(&id, |report| {
            words(report, SwapPhase::Load).starts_with("running")
        })
        .await;
    for name in ["program.is", "runner.is"] {
        let text = stage.read(&format!("base/jobs/{id}/{name}"));
        let pid: i32 = text.split(' ').next().unwrap().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let kill = rustix::process::Signal::KILL;
        let _gone = rustix::process::kill_process_group(pid, kill);
        let _gone = rustix::process::kill_process(pid, kill);
    }
    let report = stage.ended(&id).await;
    assert_eq!(report.end, Some(SwapEnd::Lost));
    assert_eq!(
        words(&report, SwapPhase::Load),
        "failed its runner was gone here"
    );
    stage.behaves("nothing");
    let next = stage.swap(&stage.plan("gemma")).await;
    assert_eq!(next.end, Some(SwapEnd::Served), "{next:#?}");
}

/// A console of its own process: begins a swap and looks at it for ever.
#[tokio::test]
#[ignore = "it is the console that the test below kills"]
async fn console() {
    let told = |name: &str| std::env::var(name).unwrap();
    let host = Host {
        root: told("SWAP_STAGE").into(),
        port: told("SWAP_PORT").parse().unwrap(),
        kind: "dash".to_owned(),
    };
    let id = JobId::new(&told("SWAP_ID")).unwrap();
    let mut plan = host.plan("gemma");
    plan.limits.patience = Duration::from_secs(20);
    host.begin_as(&id, &plan).await;
    while host.jobs().look(&id).await.is_ok() {}
}

#[tokio::test]
async fn a_console_that_is_killed_in_any_phase_changes_nothing() {
    let rows = [
        ("gate-stop", SwapPhase::Stop),
        ("gate-run", SwapPhase::Launch),
        ("gate-load", SwapPhase::Load),
        ("gate-ready", SwapPhase::Ready),
    ];
    let stage = Stage::new("dash").await;
    let mut before = "qwen";
    stage.swap(&stage.plan("qwen")).await;
    for (gate, phase) in rows {
        stage.behaves(gate);
        let id = JobId::fresh();
        let mut console = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "swap::trouble::console", "--ignored"])
            .env("SWAP_STAGE", &stage.root)
            .env("SWAP_PORT", stage.port.to_string())
            .env("SWAP_ID", id.as_str())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let known = async { while stage.jobs().look(&id).await.is_err() {} };
        tokio::time::timeout(Duration::from_mins(1), known)
            .await
            .unwrap();
        stage
            .until(&id, |report| words(report, phase).starts_with("running"))
            .await;
        console.kill().unwrap();
        console.wait().unwrap();
        // Another console sees it at work, and to its end.
        let seen = stage.report(&id).await.0;
        assert_eq!(seen.end, None, "{phase:?}: {seen:#?}");
        stage.behaves("nothing");
        let report = stage.ended(&id).await;
        assert_eq!(report.end, Some(SwapEnd::Served), "{phase:?}: {report:#?}");
        assert_eq!(
            report
                .before
                .as_ref()
                .map(pilothouse::domain::ModelKey::as_str),
            Some(before)
        );
        before = "gemma";
    }
}
