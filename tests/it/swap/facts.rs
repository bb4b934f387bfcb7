//! What a swap would meet, asked of hosts with a stand-in for docker, a GPU and the other nodes, under every kind of `sh`.

use std::time::{Duration, Instant};

use pilothouse::capacity::PortOwner;
use pilothouse::domain::Mib;
use pilothouse::exec::ExecErrorKind;
use pilothouse::models::{FactsAsk, Flags, HostFacts, host_facts};
use tokio::time::timeout;

use super::stage::{Host, KINDS, Stage};

const LONG: Duration = Duration::from_mins(1);

/// A host that serves `qwen`, and one of whose nodes is lost.
async fn serving(kind: &'static str) -> Stage {
    let stage = Stage::new(kind).await;
    stage.program("ssh", include_str!("ssh"));
    stage.write("lost", "192.168.177.13\n");
    stage.write("images", "vllm-node\n");
    for (name, label) in [("vllm", "qwen"), ("web", "<no value>")] {
        std::fs::create_dir_all(stage.path("dock").join(name)).unwrap();
        stage.write(&format!("dock/{name}/status"), "running\n");
        stage.write(&format!("dock/{name}/label"), &format!("{label}\n"));
    }
    let ports = format!("0.0.0.0:{0}->80/tcp, :::{0}->80/tcp\n", stage.port);
    stage.write("dock/web/ports", &ports);
    let ours = std::process::id();
    stage.write("apps", &format!("GPU-1, {ours}, 70000, /usr/bin/python3\n"));
    stage
}

fn ask(host: &Host) -> FactsAsk {
    FactsAsk {
        images: vec![
            "vllm-node".to_owned(),
            "other:latest; touch forged $(touch forged)".to_owned(),
        ],
        nodes: vec![
            "192.168.177.12".parse().unwrap(),
            "192.168.177.13".parse().unwrap(),
        ],
        interface: Some("lo".to_owned()),
        flags_of: Some("vllm-node".to_owned()),
        base: Some(host.base()),
    }
}

async fn look(host: &Host) -> HostFacts {
    host_facts(&*host.exec(), &ask(host)).await.unwrap()
}

#[tokio::test]
async fn what_a_swap_would_meet_is_asked_all_at_once() {
    for kind in KINDS {
        let stage = serving(kind).await;
        let holder = tokio::net::TcpListener::bind(("127.0.0.1", stage.port))
            .await
            .unwrap();
        let facts = look(&stage).await;
        let (total, free) = facts.memory.unwrap();
        assert!(total > free && free > Mib(0), "{kind}");
        assert_eq!(facts.gpus.len(), 1, "{kind} {facts:#?}");
        assert_eq!(facts.gpus[0].memory, Some((Mib(81_920), Mib(1000))));
        assert_eq!(facts.gpus[0].name.as_str(), "NVIDIA A100, odd");
        assert_eq!((facts.cuda, facts.smi_trouble), (Some((13, 0)), None));
        assert_eq!(facts.apps[0].holds, Mib(70_000), "{kind}");
        assert_eq!(facts.docker_trouble, None, "{kind}");
        let boxes: Vec<_> = facts
            .boxes
            .iter()
            .map(|one| (one.name.as_str(), one.runs, one.ports.len()))
            .collect();
        assert_eq!(boxes, [("vllm", true, 0), ("web", true, 2)], "{kind}");
        let model = facts.boxes[0]
            .model
            .as_ref()
            .map(pilothouse::text::SafeText::as_str);
        assert_eq!((model, &facts.boxes[1].model), (Some("qwen"), &None));
        let there: Vec<bool> = facts.images.iter().map(|(_, there)| *there).collect();
        assert_eq!(there, [true, false], "{kind}");
        assert!(!stage.path("forged").exists());
        let held = facts
            .listeners
            .iter()
            .find(|one| one.port.0.get() == stage.port);
        let owner = PortOwner::Container("web".to_owned());
        assert_eq!(held.map(|one| &one.owner), Some(&owner), "{kind}");
        assert_eq!(facts.nodes[0].1, None, "{kind}");
        let lost = facts.nodes[1].1.as_ref().unwrap();
        assert!(lost.as_str().contains("No route to host"), "{kind} {lost}");
        assert!(facts.link.is_some(), "{kind}");
        assert_eq!(facts.flags, Flags::Asked, "{kind}");
        // The build is asked for its flags once, by itself.
        let known = async {
            loop {
                if let Flags::Known(flags) = look(&stage).await.flags {
                    return flags;
                }
            }
        };
        let flags = timeout(LONG, known).await.unwrap();
        assert!(flags.contains("--flag-22"), "{kind} {flags:?}");
        drop(holder);
    }
}

#[tokio::test]
async fn two_hosts_are_looked_at_within_a_second() {
    for kind in KINDS {
        let (head, peer) = (serving(kind).await, serving(kind).await);
        let mut best = LONG;
        // The figure is the program's, not that of whatever else this machine does meanwhile.
        for _ in 0..10 {
            let begun = Instant::now();
            let (one, other) = tokio::join!(look(&head), look(&peer));
            best = best.min(begun.elapsed());
            assert_eq!((one.boxes.len(), other.boxes.len()), (2, 2), "{kind}");
        }
        assert!(best < Duration::from_secs(1), "{kind}: {best:?}");
    }
}

#[tokio::test]
async fn a_docker_that_hangs_is_told_and_the_rest_is_known() {
    let stage = serving("dash").await;
    stage.behaves("daemon-hangs");
    let facts = look(&stage).await;
    assert!(facts.docker_trouble.is_some(), "{facts:#?}");
    assert_eq!((facts.boxes.len(), facts.gpus.len()), (0, 1));
}

#[tokio::test]
async fn a_host_that_can_not_look_is_no_host_where_all_is_free() {
    let stage = serving("dash").await;
    stage.program("mktemp", "#!/bin/sh\nexit 1\n");
    let error = host_facts(&*stage.exec(), &ask(&stage)).await.unwrap_err();
    assert_eq!(error.kind, ExecErrorKind::Protocol, "{error}");
}
