//! A request to a service, against real sockets that answer well, badly, slowly and for ever.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::test_service::{Service, answer, heard, nobody};
use super::{HttpAsk, HttpErrorKind, HttpPart, Unanswered, models, one_token};

#[tokio::test]
async fn a_connection_is_used_again() {
    let service = Service::says(answer("200 OK", "{}")).await;
    for _ in 0..3 {
        let answer = service.http.ask(&service.get("/health")).await.unwrap();
        assert!(answer.is_good());
        assert_eq!(
            (&*answer.body, answer.content_type.as_str()),
            (&b"{}"[..], "application/json")
        );
    }
    assert_eq!(service.opened(), 1);
    let order = HttpAsk::json(&service.endpoint, "/x", &json!({"a": 1}));
    service.http.ask(&order).await.unwrap();
    assert_eq!(service.opened(), 2);
    service.end().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_nothing() {
    let service = Service::new(|mut socket| async move {
        heard(&mut socket).await.unwrap();
        socket.write_all(&answer("200 OK", "1")).await.unwrap();
    })
    .await;
    for _ in 0..3 {
        assert!(service.http.ask(&service.get("/")).await.unwrap().is_good());
    }
    assert_eq!(service.opened(), 3);
    service.end().await;
}

#[tokio::test]
async fn a_failure_is_an_answer() {
    let service = Service::says(answer("503 Service Unavailable", "loading")).await;
    let answer = service.http.ask(&service.get("/health")).await.unwrap();
    assert_eq!((answer.status, &*answer.body), (503, &b"loading"[..]));
    service.end().await;
}

#[tokio::test]
async fn what_can_go_wrong_has_its_kind() {
    let service = Service::says("SSH-2.0-OpenSSH_9.6\r\n").await;
    let nobody = HttpAsk::get(&nobody().await, "/");
    assert_eq!(service.kind(&nobody).await, HttpErrorKind::Refused);
    let wait = Duration::from_secs(5);
    let error = service.http.listens(&nobody.endpoint, wait).await;
    assert_eq!(error.unwrap_err().kind, HttpErrorKind::Refused);
    assert_eq!(
        service.kind(&service.get("/")).await,
        HttpErrorKind::NotHttp
    );
    for path in ["https://x/", "x", "", "/\n", "/\u{1b}[2J"] {
        let kind = service.kind(&service.get(path)).await;
        assert_eq!(kind, HttpErrorKind::Request, "{path:?}");
    }
    let listening = service.http.listens(&service.endpoint, wait).await;
    listening.unwrap();
    service.end().await;

    // A TLS server that was spoken to in plain.
    let tls = Service::says(b"\x15\x03\x01\x00\x02\x02\x46".to_vec()).await;
    assert_eq!(tls.kind(&tls.get("/")).await, HttpErrorKind::NotHttp);
    tls.end().await;
}

#[tokio::test]
async fn a_body_without_end_is_left() {
    let endless = Service::new(|mut socket| async move {
        heard(&mut socket).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut more = socket.write_all(head).await;
        while more.is_ok() {
            more = socket.write_all(b"4\r\nmore\r\n").await;
        }
    })
    .await;
    let ask = endless.get("/").at_most(10_000);
    assert_eq!(endless.kind(&ask).await, HttpErrorKind::TooBig);
    endless.end().await;
    let heads = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    let long = Service::says(heads).await;
    assert_eq!(long.kind(&long.get("/")).await, HttpErrorKind::NotHttp);
    long.end().await;
    let short = Service::new(|mut socket| async move {
        heard(&mut socket).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab";
        socket.write_all(head).await.unwrap();
    })
    .await;
    assert_eq!(short.kind(&short.get("/")).await, HttpErrorKind::Lost);
    short.end().await;
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_limit() {
    let drip = Service::new(|mut socket| async move {
        heard(&mut socket).await.unwrap();
        let mut more = socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await;
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        while more.is_ok() {
            pace.tick().await;
            more = socket.write_all(b".").await;
        }
    })
    .await;
    let ask = drip.get("/").within(Duration::from_millis(60));
    assert_eq!(drip.kind(&ask).await, HttpErrorKind::Timeout);
    drip.end().await;
    let silent = Service::new(|mut socket| async move {
        heard(&mut socket).await;
        heard(&mut socket).await;
    })
    .await;
    let ask = silent.get("/").within(Duration::from_millis(60));
    assert_eq!(silent.kind(&ask).await, HttpErrorKind::Timeout);
    silent.end().await;
}

#[tokio::test]
async fn a_form_arrives_whole() {
    let service = Service::new(|mut socket| async move {
        let said = heard(&mut socket).await.unwrap();
        let body = said.split_once("\r\n\r\n").unwrap().1.to_owned();
        let told = answer("200 OK", &body);
        socket.write_all(&told).await.unwrap();
    })
    .await;
    let parts = [
        HttpPart {
            name: "model",
            file: None,
            content: Bytes::from_static(b"m"),
        },
        HttpPart {
            name: "file",
            file: Some(("speech.wav", "audio/wav")),
            content: Bytes::from_static(b"RIFF"),
        },
    ];
    let ask = HttpAsk::form(&service.endpoint, "/v1/audio/transcriptions", &parts);
    let answer = service.http.ask(&ask).await.unwrap();
    let form = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        form.contains("filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n"),
        "{form}"
    );
    service.end().await;
}

#[tokio::test]
async fn models_and_a_token() {
    let list = r#"{"object":"list","data":[{"id":"org/m\u001b[31m","owned_by":"vllm","max_model_len":4096},
        {"id":""},{"id":"b","owned_by":null,"meta":{"n_ctx":512}}]}"#;
    let service = Service::says(answer("200 OK", list)).await;
    let listed = models(&service.http, &service.endpoint).await.unwrap();
    let told: Vec<_> = listed.iter().map(|m| (m.id.as_str(), m.context)).collect();
    assert_eq!(told, [("org/m\u{1b}[31m", Some(4096)), ("b", Some(512))]);
    let second = Duration::from_secs(5);
    let odd = one_token(&service.http, &service.endpoint, "b", second).await;
    assert!(matches!(odd, Err(Unanswered::Odd(_))), "{odd:?}");
    service.end().await;

    let rows = [
        ("200 OK", r#"{"choices":[{"text":"x"}]}"#, Ok(())),
        ("200 OK", r#"{"choices":[]}"#, Err(None)),
        (
            "500 Oh",
            r#"{"error":{"message":"EngineCore died"}}"#,
            Err(Some(500)),
        ),
        ("404 No", r#"{"detail":"Not Found"}"#, Err(Some(404))),
    ];
    for (status, body, expected) in rows {
        let service = Service::says(answer(status, body)).await;
        let told = one_token(&service.http, &service.endpoint, "b", second).await;
        let told = told.map_err(|error| error.status());
        assert_eq!(told, expected, "{status} {body}");
        service.end().await;
    }
}
