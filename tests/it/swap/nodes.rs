//! What the other nodes of a cluster still serve when a swap begins, and ports that are lost at the last moment.

use std::fs;

use pilothouse::models::{SwapEnd, SwapPhase};

use super::stage::{Stage, each_kind};
use super::story::words;
use super::trouble::failed;

const NODES: [&str; 3] = ["192.168.177.12", "192.168.177.13", "192.168.177.14"];

/// A head with three other nodes: one serves ours, on one stands a stranger's container of that name, one is lost.
async fn cluster(kind: &'static str) -> Stage {
    let stage = Stage::new(kind).await;
    stage.program("ssh", include_str!("ssh-nodes"));
    for (node, label) in NODES.iter().zip(["qwen", "<no value>", "qwen"]) {
        let there = format!("nodes/{node}");
        fs::create_dir_all(stage.path(&format!("{there}/bin"))).unwrap();
        fs::create_dir_all(stage.path(&format!("{there}/dock/vllm"))).unwrap();
        stage.program_at(&format!("{there}/bin/docker"), include_str!("docker"));
        for (file, text) in [
            ("status", "running"),
            ("restarts", "0"),
            ("code", "0"),
            ("oom", "false"),
            ("label", label),
        ] {
            stage.write(&format!("{there}/dock/vllm/{file}"), &format!("{text}\n"));
        }
    }
    stage.write("lost", &format!("{}\n", NODES[2]));
    stage
}

#[tokio::test]
async fn what_other_nodes_serve_is_stopped_though_the_head_has_nothing_and_who_does_not_answer_is_named()
 {
    each_kind(async |kind| {
        let stage = cluster(kind).await;
        let mut plan = stage.plan("gemma");
        plan.nodes = NODES.iter().map(|node| node.parse().unwrap()).collect();
        plan.launch = None;
        let report = stage.swap(&plan).await;
        assert_eq!(report.end, Some(SwapEnd::Stopped), "{kind}: {report:#?}");
        let stop = words(&report, SwapPhase::Stop);
        assert!(
            stop.ends_with("; 192.168.177.14 does not answer, and what it serves is left"),
            "{kind}: {stop}"
        );
        let there = |node: &str| stage.path(&format!("nodes/{node}/dock/vllm"));
        assert!(!there(NODES[0]).exists(), "{kind}");
        // A stranger's is stopped, and kept.
        let kept = format!("nodes/{}/dock/vllm/status", NODES[1]);
        assert_eq!(stage.read(&kept), "exited\n", "{kind}");
        assert_eq!(
            stage.read(&format!("nodes/{}/dock/vllm/status", NODES[2])),
            "running\n"
        );
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_hangs_on_another_node_is_forced_there() {
    let stage = cluster("dash").await;
    stage.write(&format!("nodes/{}/behaviour", NODES[0]), "stop-hangs\n");
    let mut plan = stage.plan("gemma");
    plan.nodes = vec![NODES[0].parse().unwrap()];
    plan.launch = None;
    let report = stage.swap(&plan).await;
    assert_eq!(report.end, Some(SwapEnd::Stopped), "{report:#?}");
    assert!(
        !stage
            .path(&format!("nodes/{}/dock/vllm", NODES[0]))
            .exists()
    );
    assert!(
        stage
            .read(&format!("nodes/{}/asked", NODES[0]))
            .contains("docker kill vllm")
    );
}

#[tokio::test]
async fn a_port_that_a_stranger_takes_at_the_last_moment_is_named_and_the_next_swap_goes_on() {
    let stage = Stage::new("dash").await;
    stage.behaves("port-stolen");
    let report = stage.swap(&stage.plan("qwen")).await;
    let (phase, why, hint) = failed(&report);
    assert_eq!(phase, SwapPhase::Launch);
    assert!(why.contains("port is already allocated"), "{why}");
    assert!(hint.contains("another one"), "{hint}");
    stage.behaves("");
    let next = stage.swap(&stage.plan("qwen")).await;
    assert_eq!(next.end, Some(SwapEnd::Served), "{next:#?}");
}
