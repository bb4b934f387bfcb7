//! What a host serves, looked at over real sockets: engines of all kinds, and some that mean harm.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::serving_look::Asked;
use super::serving_place::{Expected, places};
use super::*;
use crate::domain::{
    At, Bytes, Container, ContainerId, ContainerState, GpuId, GpuProcess, Metric, Mib, ModelKey,
    Port, PortMap, Wall,
};
use crate::reach::test_service::{Service, answer, nobody};

const PAGE: &str = include_str!("fixtures/vllm-0.11.prom");

fn container(image: &str, labels: &[(&str, &str)], published: Option<u16>) -> Container {
    Container {
        id: ContainerId::new("c0ffee000000c0ffee"),
        name: "box".into(),
        image: image.into(),
        state: ContainerState::Running,
        health: None,
        ports: published
            .map(|port| PortMap {
                inside: 8000,
                protocol: "tcp".into(),
                published: Some(("0.0.0.0".into(), port)),
            })
            .into_iter()
            .collect(),
        created: Wall(1),
        started: Some(Wall(2)),
        finished: None,
        restarts: Metric::Is(4),
        project: None,
        owner: None,
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn expected(recipe: &str, port: Port, name: &str) -> Expected {
    Expected {
        recipe: ModelKey::new(recipe),
        model: format!("org/{recipe}"),
        port,
        container: name.into(),
    }
}

/// Answers as an engine does, by path.
async fn engine(
    health: &'static str,
    list: &'static str,
    page: impl Fn() -> String + Send + Sync + 'static,
) -> Service {
    Service::by(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/health" => answer(health, ""),
            "/v1/models" => answer("200 OK", list),
            "/metrics" => answer("200 OK", &page()),
            _ => answer("404 Not Found", ""),
        }
    })
    .await
}

async fn look(service: &Service, asked: Asked<'_>) -> Serving {
    let mut watch = ServingWatch::new(std::sync::Arc::clone(&service.exec));
    watch.look(None, asked, At(1000)).await
}

const LIST: &str = r#"{"data":[{"id":"org/m","owned_by":"vllm","max_model_len":32768}]}"#;

#[tokio::test]
async fn an_engine_in_a_container_is_told_whole() {
    let count = AtomicU64::new(0);
    let service = engine("200 OK", LIST, move || {
        let more = 1642 + 500 * count.fetch_add(1, Ordering::Relaxed);
        PAGE.replace(" 1642.0", &format!(" {more}"))
    })
    .await;
    let port = service.endpoint.port;
    let containers = [container("vllm/vllm-openai:v0.11", &[], Some(port.get()))];
    let process = GpuProcess {
        pid: 7,
        gpu: GpuId::new("GPU-1"),
        memory: Metric::Is(Mib(2048)),
        user: Metric::default(),
        command: "VLLM::EngineCore".into(),
        container: Metric::Is("box".into()),
        started: Metric::default(),
    };
    let recipes = [expected("m", port, "other")];
    let asked = Asked {
        containers: &containers,
        processes: &[process],
        expected: &recipes,
        watched: &[],
    };
    let mut watch = ServingWatch::new(std::sync::Arc::clone(&service.exec));
    watch.look(None, asked, At(1000)).await;
    let serving = watch.look(None, asked, At(6000)).await;
    let [served] = serving.served.as_slice() else {
        panic!("{serving:?}")
    };
    assert_eq!(
        (served.by, &served.state),
        (ServedBy::Vllm, &ServedState::Ready)
    );
    assert_eq!(served.model.as_ref().unwrap().as_str(), "org/m");
    assert_eq!(served.recipe, Some(ModelKey::new("m")));
    assert_eq!(served.context, Metric::Is(32768));
    assert_eq!(served.tokens_out, Metric::Is(100.0));
    assert_eq!(served.memory, Metric::Is(Bytes(2048 * 1024 * 1024)));
    assert_eq!((served.restarts, served.since), (4, Some(Wall(2))));
    service.end().await;
}

#[tokio::test]
async fn idle_is_no_failure() {
    let service = Service::says("").await;
    let nowhere = nobody().await.port;
    let recipes = [expected("a", nowhere, "x"), expected("b", nowhere, "y")];
    let asked = Asked {
        expected: &recipes,
        ..Asked::default()
    };
    let serving = look(&service, asked).await;
    let told: Vec<_> = serving.served.iter().map(|one| &one.state).collect();
    assert_eq!(told, [&ServedState::Idle]);
    let watched = Asked {
        watched: &[nowhere],
        ..asked
    };
    let serving = look(&service, watched).await;
    assert!(serving.served[0].watched_only);
    // A container runs, and there is no log to be had: it may come up.
    let containers = [container("vllm/vllm-openai", &[], Some(nowhere.get()))];
    let asked = Asked {
        containers: &containers,
        ..Asked::default()
    };
    let serving = look(&service, asked).await;
    assert!(matches!(
        serving.served[0].state,
        ServedState::Loading { .. }
    ));
    let mut gone = containers[0].clone();
    gone.labels.insert("pilothouse.model".into(), "m".into());
    gone.state = ContainerState::Exited(137);
    let containers = [gone];
    let asked = Asked {
        containers: &containers,
        ..Asked::default()
    };
    let serving = look(&service, asked).await;
    let why = "its container ended with 137".into();
    assert_eq!(serving.served[0].state, ServedState::Failing { why });
    service.end().await;
}

#[tokio::test]
async fn states_by_rows() {
    let failing = |why: &str| ServedState::Failing { why: why.into() };
    let rows: [(&str, &str, ServedState); 5] = [
        ("200 OK", LIST, ServedState::Ready),
        ("404 No", LIST, ServedState::Ready),
        ("200 OK", r#"{"data":[]}"#, ServedState::Idle),
        ("503 Dead", LIST, failing("its health check answers 503")),
        ("200 OK", "<html>", failing("what it answers can't be read")),
    ];
    for (health, list, state) in rows {
        let service = engine(health, list, String::new).await;
        let watched = [service.endpoint.port];
        let asked = Asked {
            watched: &watched,
            ..Asked::default()
        };
        let serving = look(&service, asked).await;
        assert_eq!(serving.served[0].state, state, "{health} {list}");
        service.end().await;
    }
    let loads = Service::says(answer(
        "503 Service Unavailable",
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
    ))
    .await;
    let watched = [loads.endpoint.port];
    let asked = Asked {
        watched: &watched,
        ..Asked::default()
    };
    let state = &look(&loads, asked).await.served[0].state;
    assert!(matches!(state, ServedState::Loading { .. }), "{state:?}");
    loads.end().await;
}

#[tokio::test]
async fn what_is_hostile_stays_text() {
    let list = r#"{"data":[{"id":"\u001b]0;owned\u0007org/\u202em","owned_by":"\u001b[31mvllm","max_model_len":1}]}"#;
    let service = engine("200 OK", list, || {
        format!(
            "vllm:num_requests_running NaN\n{}\n",
            "x".repeat(3 * 1024 * 1024)
        )
    })
    .await;
    let watched = [service.endpoint.port];
    let asked = Asked {
        watched: &watched,
        ..Asked::default()
    };
    let serving = look(&service, asked).await;
    let served = &serving.served[0];
    let model = served.model.as_ref().unwrap().as_str();
    assert!(!model.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{model}");
    assert_eq!(served.running, Metric::default());
    service.end().await;
    // A page larger than any engine has.
    let service = engine("200 OK", LIST, || "y".repeat(10 * 1024 * 1024)).await;
    let watched = [service.endpoint.port];
    let asked = Asked {
        watched: &watched,
        ..Asked::default()
    };
    let serving = look(&service, asked).await;
    assert_eq!(serving.served[0].state, ServedState::Ready);
    service.end().await;
}

#[test]
fn places_by_rows() {
    let port = |number: u16| Port::try_from(number).unwrap();
    let recipes = [expected("m", port(8888), "vllm_node")];
    let ours = [("pilothouse.model", "m"), ("pilothouse.port", "9001")];
    let of = |container: Container| {
        let found = places(&[container], &recipes, &[]);
        let place = found.iter().find(|place| place.container.is_some());
        place.map(|place| place.endpoint.to_string())
    };
    let mut named = container("node-image", &[], None);
    named.name = "vllm_node".into();
    let mut ended = container("vllm/vllm-openai", &[], Some(7000));
    ended.state = ContainerState::Exited(1);
    let mut two = container("vllm/vllm-openai", &[], Some(7000));
    two.ports.insert(
        0,
        PortMap {
            inside: 9090,
            protocol: "tcp".into(),
            published: Some(("::".into(), 7001)),
        },
    );
    for (container, expected) in [
        (
            container("vllm/vllm-openai", &[], Some(7000)),
            Some("127.0.0.1:7000"),
        ),
        (two, Some("127.0.0.1:7000")),
        (
            container("vllm/vllm-openai", &[], None),
            Some("127.0.0.1:8000"),
        ),
        (
            container("ghcr.io/ggml-org/llama.cpp:server-cuda", &[], None),
            Some("127.0.0.1:8080"),
        ),
        (named, Some("127.0.0.1:8888")),
        (container("anything", &ours, None), Some("127.0.0.1:9001")),
        (
            container("anything", &ours[..1], None),
            Some("127.0.0.1:8888"),
        ),
        (container("postgres", &[], Some(5432)), None),
        (ended, None),
    ] {
        assert_eq!(of(container.clone()).as_deref(), expected, "{container:?}");
    }
    let watched = places(&[], &recipes, &[port(8888), port(1)]);
    let told: Vec<_> = watched
        .iter()
        .map(|place| (place.endpoint.port.get(), place.watched_only))
        .collect();
    assert_eq!(told, [(1, true), (8888, true)]);
}
