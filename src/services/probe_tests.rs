//! Looks at services on real sockets and at commands of this machine; and the leave that a host gives to mend one.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::heal::{question, read};
use super::*;
use crate::clock::Clock;
use crate::domain::{
    DeepProbe, Endpoint, HostId, Managed, Port, ServiceName, ServicePreset, ServiceSpec,
    ShallowProbe, Wall,
};
use crate::exec::{Exec, LocalExec, RunLimits};
use crate::reach::test_service::{Service as Server, answer, nobody};
use crate::shell::RemotePath;
use crate::tasks::Tasks;

fn spec(preset: ServicePreset, port: Port) -> ServiceSpec {
    let (host, name) = (HostId::new("spark-2"), ServiceName::new("it"));
    preset.spec(host, name, Some(port), Managed::Watched)
}

async fn look(server: &Server, spec: &ServiceSpec, depth: Depth) -> Look {
    let prober = Prober::new(Arc::clone(&server.exec), Clock::system());
    prober.probe(None, spec, depth).await
}

/// The kind of what was found, and its words.
fn told(look: &Look) -> (&'static str, &str) {
    let kind = match &look.probed.outcome {
        ProbeOutcome::Good(_) => "good",
        ProbeOutcome::Idle(_) => "idle",
        ProbeOutcome::Starting(_) => "starting",
        ProbeOutcome::Bad(_) => "bad",
        ProbeOutcome::Wedged(_) => "wedged",
        ProbeOutcome::Absent(_) => "absent",
    };
    (kind, look.probed.outcome.words().as_str())
}

/// A service of one path; everything else is not found.
async fn serves(path: &'static str, status: &'static str, body: &'static str) -> Server {
    Server::by(move |request| {
        let asked = request.split(' ').nth(1).unwrap_or_default();
        if asked == path {
            answer(status, body)
        } else if asked == "/v1/models" {
            answer("200 OK", r#"{"data":[{"id":"m"}]}"#)
        } else {
            answer("404 Not Found", "")
        }
    })
    .await
}

/// A preset, the path that is asked, the answer's status and body, and what is made of it.
type Row = (
    ServicePreset,
    &'static str,
    &'static str,
    &'static str,
    (&'static str, &'static str),
);

const ROWS: &[Row] = &[
    (
        ServicePreset::Vllm,
        "/v1/completions",
        "200 OK",
        r#"{"choices":[{"text":"!"}]}"#,
        ("good", "one token of m"),
    ),
    (
        ServicePreset::Vllm,
        "/v1/models",
        "200 OK",
        r#"{"data":[]}"#,
        ("idle", "no model is loaded"),
    ),
    (
        ServicePreset::Vllm,
        "/v1/completions",
        "500 Oh",
        "EngineDeadError",
        (
            "wedged",
            "the engine core failed: it answers 500: EngineDeadError",
        ),
    ),
    (
        ServicePreset::Vllm,
        "/v1/completions",
        "503 Busy",
        "",
        ("bad", "it answers 503"),
    ),
    (
        ServicePreset::Vllm,
        "/v1/models",
        "500 Oh",
        "",
        ("wedged", "HTTP 500: it answers 500"),
    ),
    (
        ServicePreset::SpeechToText,
        "/v1/audio/transcriptions",
        "200 OK",
        r#"{"text":" Hello. \u001b[2J"}"#,
        ("good", "heard “Hello. ␛”"),
    ),
    (
        ServicePreset::SpeechToText,
        "/v1/audio/transcriptions",
        "200 OK",
        "[]",
        (
            "bad",
            "invalid length 0, expected struct Answer with 1 element at line 1 column 2",
        ),
    ),
    (
        ServicePreset::SpeechToText,
        "/v1/audio/transcriptions",
        "500 Oh",
        r#"{"detail":"cuFFT error: CUFFT_INTERNAL_ERROR"}"#,
        (
            "wedged",
            "CUFFT_INTERNAL_ERROR: it answers 500: cuFFT error: CUFFT_INTERNAL_ERROR",
        ),
    ),
    (
        ServicePreset::SpeechToText,
        "/v1/audio/transcriptions",
        "401 No",
        r#"{"detail":"key"}"#,
        ("bad", "it answers 401: key"),
    ),
    (
        ServicePreset::TextToSpeech,
        "/v1/audio/speech",
        "200 OK",
        "RIFF----------------------------------------- sound",
        ("good", "1 KiB of sound"),
    ),
    (
        ServicePreset::TextToSpeech,
        "/v1/audio/speech",
        "200 OK",
        r#"{"error":"x"}"#,
        ("bad", "it answers with no sound"),
    ),
    (
        ServicePreset::Embeddings,
        "/v1/embeddings",
        "200 OK",
        r#"{"data":[{"embedding":[0.5,-0.5,0]}]}"#,
        ("good", "3 numbers"),
    ),
    (
        ServicePreset::Embeddings,
        "/v1/embeddings",
        "200 OK",
        r#"{"data":[{"embedding":[0,0]}]}"#,
        ("bad", "it answers with an embedding of nothing but zeros"),
    ),
    (
        ServicePreset::Qdrant,
        "/collections",
        "200 OK",
        r#"{"result":{"collections":[{"name":"a"},{"name":"b"}]},"status":"ok"}"#,
        ("good", "2 collections"),
    ),
];

#[tokio::test]
async fn real_requests_by_rows() {
    for (preset, path, status, body, expected) in ROWS.iter().copied() {
        let server = serves(path, status, body).await;
        let spec = spec(preset, server.endpoint.port);
        let look = look(&server, &spec, Depth::Deep).await;
        assert_eq!(told(&look), expected, "{preset:?} {status} {body}");
        server.end().await;
    }
}

#[tokio::test]
async fn half_a_second_of_speech_is_sent() {
    let server = Server::by(|request| {
        if request.starts_with("GET ") {
            return answer("404 Not Found", "");
        }
        let whole = request.contains("name=\"file\"; filename=\"hello.wav\"")
            && request.contains("RIFF")
            && request.contains("name=\"model\"\r\n\r\nwhisper-1\r\n");
        answer("200 OK", &format!("{{\"text\":\"{whole}\"}}"))
    })
    .await;
    let spec = spec(ServicePreset::SpeechToText, server.endpoint.port);
    let look = look(&server, &spec, Depth::Deep).await;
    assert_eq!(told(&look), ("good", "heard “true”"));
    server.end().await;
    let sample = super::probe_deep::HELLO;
    assert!(sample.len() <= 20_000);
    let rate = u32::from_le_bytes(sample[24..28].try_into().unwrap());
    assert_eq!((&sample[..4], rate, sample[22]), (&b"RIFF"[..], 16_000, 1));
    // Speech, not silence.
    let loud = sample[44..]
        .chunks_exact(2)
        .filter(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 1000);
    assert!(loud.count() > 1000);
}

#[tokio::test]
async fn quick_looks_by_rows() {
    let server = serves("/health", "200 OK", "ok").await;
    let port = server.endpoint.port;
    let stt = spec(ServicePreset::SpeechToText, port);
    let found = look(&server, &stt, Depth::Shallow).await;
    assert_eq!(told(&found), ("good", "/health answers 200"));
    let vllm = spec(ServicePreset::Vllm, port);
    let found = look(&server, &vllm, Depth::Shallow).await;
    assert_eq!(
        (told(&found), found.model.as_ref().unwrap().as_str()),
        (("good", "m"), "m")
    );
    let gone = nobody().await;
    // Nothing listens: that is idle for an engine and a failure for the rest.
    let vllm = spec(ServicePreset::Vllm, gone.port);
    let found = look(&server, &vllm, Depth::Shallow).await;
    assert_eq!(told(&found), ("idle", "no model is loaded"));
    let stt = spec(ServicePreset::SpeechToText, gone.port);
    let found = look(&server, &stt, Depth::Shallow).await;
    assert_eq!(told(&found).0, "absent");
    let tcp = |endpoint: &Endpoint| ServiceSpec {
        shallow: ShallowProbe::Tcp(endpoint.clone()),
        deep: None,
        ..stt.clone()
    };
    for depth in [Depth::Shallow, Depth::Deep] {
        let found = look(&server, &tcp(&server.endpoint), depth).await;
        assert_eq!(told(&found).0, "good");
        let found = look(&server, &tcp(&gone), depth).await;
        assert_eq!(told(&found).0, "absent");
    }
    server.end().await;
    let loading = serves("/health", "503 No", r#"{"detail":"Loading the models"}"#).await;
    let stt = spec(ServicePreset::SpeechToText, loading.endpoint.port);
    let found = look(&loading, &stt, Depth::Shallow).await;
    assert_eq!(told(&found).0, "starting");
    loading.end().await;
}

#[tokio::test]
async fn commands_by_rows() {
    let server = Server::says("").await;
    let base = spec(ServicePreset::Git, server.endpoint.port);
    for (words, expected) in [
        (&["true"][..], ("good", "its command ends with 0")),
        (
            &["echo", "all $HOME is well"],
            ("good", "all $HOME is well"),
        ),
        (
            &["sh", "-c", "echo no >&2; exit 3"],
            ("bad", "its command ends with 3: no"),
        ),
        (&[], ("bad", "its command has no words, or NUL in them")),
        (
            &["a\0b"],
            ("bad", "its command has no words, or NUL in them"),
        ),
    ] {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let spec = ServiceSpec {
            shallow: ShallowProbe::Command(words),
            ..base.clone()
        };
        let found = look(&server, &spec, Depth::Shallow).await;
        assert_eq!(told(&found), expected);
    }
    // No container engine is known here.
    let spec = ServiceSpec {
        shallow: ShallowProbe::Container,
        managed: Managed::Container("x".into()),
        ..base
    };
    let found = look(&server, &spec, Depth::Shallow).await;
    assert_eq!(told(&found), ("bad", "the container engine can't be asked"));
    server.end().await;
}

#[test]
fn what_is_mended_by_rows() {
    let port = Port::try_from(8000).unwrap();
    let mut spec = spec(ServicePreset::SpeechToText, port);
    let wedged = ProbeOutcome::Wedged("HTTP 500".into());
    let (long, short) = (Duration::from_mins(5), Duration::from_secs(59));
    assert_eq!(mends(&spec, &wedged, long, None), Err(None));
    spec.managed = Managed::Container("parakeet".into());
    assert_eq!(mends(&spec, &wedged, long, None), Err(None));
    spec.heals = true;
    assert_eq!(mends(&spec, &wedged, long, None), Ok("HTTP 500".into()));
    assert!(mends(&spec, &wedged, short, None).unwrap_err().is_some());
    let started = mends(&spec, &wedged, long, Some(short));
    assert!(started.unwrap_err().is_some());
    for other in [
        ProbeOutcome::Idle("no model is loaded".into()),
        ProbeOutcome::Bad("it answers 503".into()),
        ProbeOutcome::Absent("nothing listens".into()),
    ] {
        assert_eq!(mends(&spec, &other, long, None), Err(None), "{other:?}");
    }
    assert_eq!(spec.deep, Some(DeepProbe::Transcription));
}

/// The host's rule and ours are one: the script is asked at moments, and what it says is compared.
#[tokio::test]
async fn the_host_keeps_the_same_limits() {
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
    let exec = LocalExec::new(tasks.clone());
    let base = RemotePath::new(folder.path().to_str().unwrap()).unwrap();
    let service = ServiceName::new("../odd name\u{1b}");
    let mut done = Vec::new();
    for now in [
        1000, 1060, 1119, 1120, 1300, 1500, 2799, 2800, 2801, 900, 2920, 2921, 5000,
    ] {
        let asked = question(Some(&base), "claim", &service, &now.to_string()).unwrap();
        let output = exec.run(&asked, RunLimits::default()).await.unwrap();
        let (word, restarts) = read(&String::from_utf8_lossy(&output.stdout)).unwrap();
        let expected = match leave(&done, Wall(now * 1000)) {
            Leave::Go => "go",
            Leave::Held { .. } => "held",
        };
        assert_eq!(word, expected, "at {now} after {done:?}");
        assert_eq!(restarts.now, Wall(now * 1000));
        if word == "go" {
            done.push(Wall(now * 1000));
        }
    }
    assert!(done.len() > 4, "{done:?}");
    // What stands in the file may be anything.
    let file = folder
        .path()
        .join("services/%2e%2e%2fodd%20name%1b.restarts");
    fs::write(&file, "x\n99999999999999999999\n-5\n\n$(reboot)\n").unwrap();
    let found = restarts(&exec, Some(&base), &service).await.unwrap();
    assert_eq!(found.times, []);
    assert!(tasks.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn of_two_consoles_one_gets_the_leave() {
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::new());
    let exec = LocalExec::new(tasks.clone());
    let base = RemotePath::new(folder.path().to_str().unwrap()).unwrap();
    let service = ServiceName::new("speech");
    let claims = (0..6).map(|_| claim(&exec, Some(&base), &service));
    let claims = futures_util::future::join_all(claims).await;
    let gone = claims
        .iter()
        .filter(|claim| matches!(claim, Ok(Claim::Go(_))));
    assert_eq!(gone.count(), 1, "{claims:?}");
    let count = restarts(&exec, Some(&base), &service)
        .await
        .unwrap()
        .count();
    assert_eq!(
        (count.recent, count.held.unwrap().as_str()),
        (1, "the last restart was less than 120 s ago")
    );
    assert!(tasks.shutdown(Duration::from_secs(5)).await);
}
