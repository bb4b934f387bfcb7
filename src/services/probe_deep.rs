//! The real requests (hands): one token, one embedding, half a second of speech, two letters spoken, Qdrant's collections.
//! A failure in one of the known ways is a wedge; where nothing is loaded there is nothing to fail.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::state::ProbeOutcome;
use super::wedge::wedge;
use crate::domain::{DeepProbe, Endpoint};
use crate::reach::{Http, HttpAsk, HttpPart, Unanswered, models, one_token, read_json};
use crate::text::SafeText;

/// Longest real request: a busy engine lets it wait.
const REAL: Duration = Duration::from_mins(1);

/// Largest answer with sound in it.
const SOUND: usize = 8 * 1024 * 1024;

/// The head of a WAV file as everybody writes it.
const WAV_HEAD: usize = 44;

/// "Hello", half a second of it; see `speech/README.md`.
pub(super) const HELLO: &[u8] = include_bytes!("speech/hello.wav");

/// What was found, and the model that was asked.
pub(super) async fn deep(
    http: &Http,
    probe: DeepProbe,
    endpoint: &Endpoint,
) -> (ProbeOutcome, Option<SafeText>) {
    match probe {
        DeepProbe::Completion => completion(http, endpoint).await,
        DeepProbe::Embedding => (told(embedding(http, endpoint).await), None),
        DeepProbe::Transcription => (told(transcription(http, endpoint).await), None),
        DeepProbe::Speech => (told(speech(http, endpoint).await), None),
        DeepProbe::Collections => (told(collections(http, endpoint).await), None),
    }
}

/// Which models first: nothing loaded is idle.
async fn completion(http: &Http, endpoint: &Endpoint) -> (ProbeOutcome, Option<SafeText>) {
    let idle = || ProbeOutcome::Idle("no model is loaded".into());
    let listed = match models(http, endpoint).await {
        Ok(listed) => listed,
        Err(error) if error.is_refused() => return (idle(), None),
        Err(error) => return (failed(&error), None),
    };
    let Some(first) = listed.first() else {
        return (idle(), None);
    };
    let model = SafeText::new(&first.id);
    let outcome = match one_token(http, endpoint, &first.id, REAL).await {
        Ok(()) => ProbeOutcome::Good(format!("one token of {model}").into()),
        Err(error) => failed(&error),
    };
    (outcome, Some(model))
}

/// The first model of a service that lists some; others take any name.
async fn some_model(http: &Http, endpoint: &Endpoint, otherwise: &str) -> String {
    let listed = models(http, endpoint).await.unwrap_or_default();
    let first = listed.into_iter().next();
    first.map_or_else(|| otherwise.to_owned(), |model| model.id)
}

async fn embedding(http: &Http, endpoint: &Endpoint) -> Result<String, Unanswered> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        embedding: Vec<f64>,
    }
    let model = some_model(http, endpoint, "embedding").await;
    let body = json!({"model": model, "input": "Hello"});
    let ask = HttpAsk::json(endpoint, "/v1/embeddings", &body).within(REAL);
    let answer: Answer = read_json(&http.ask(&ask).await?)?;
    let numbers = answer.data.first().map_or(&[][..], |one| &one.embedding);
    if numbers.iter().all(|number| *number == 0.0) {
        return Err(odd("an embedding of nothing but zeros"));
    }
    Ok(format!("{} numbers", numbers.len()))
}

async fn transcription(http: &Http, endpoint: &Endpoint) -> Result<String, Unanswered> {
    #[derive(Deserialize)]
    struct Answer {
        text: String,
    }
    let model = some_model(http, endpoint, "whisper-1").await;
    let part = |name, content: Bytes| HttpPart {
        name,
        file: None,
        content,
    };
    let parts = [
        part("model", model.into()),
        part("response_format", "json".into()),
        HttpPart {
            file: Some(("hello.wav", "audio/wav")),
            ..part("file", Bytes::from_static(HELLO))
        },
    ];
    let ask = HttpAsk::form(endpoint, "/v1/audio/transcriptions", &parts).within(REAL);
    let answer: Answer = read_json(&http.ask(&ask).await?)?;
    let heard: String = answer.text.trim().chars().take(80).collect();
    Ok(format!("heard “{heard}”"))
}

async fn speech(http: &Http, endpoint: &Endpoint) -> Result<String, Unanswered> {
    let model = some_model(http, endpoint, "tts-1").await;
    let voice = voice(http, endpoint).await;
    let voice = voice.unwrap_or_else(|| "alloy".into());
    let body = json!({"model": model, "voice": voice, "input": "Hi", "response_format": "wav"});
    let ask = HttpAsk::json(endpoint, "/v1/audio/speech", &body);
    let answer = http.ask(&ask.within(REAL).at_most(SOUND)).await?;
    if !answer.is_good() {
        read_json::<serde_json::Value>(&answer)?;
    }
    let sound = answer.body.get(WAV_HEAD..).unwrap_or_default();
    if !answer.body.starts_with(b"RIFF") || sound.iter().all(|byte| *byte == 0) {
        return Err(odd("no sound"));
    }
    Ok(format!("{} KiB of sound", answer.body.len().div_ceil(1024)))
}

/// A voice that it has, where it tells.
async fn voice(http: &Http, endpoint: &Endpoint) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        voices: Vec<Voice>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Voice {
        Name(String),
        Known { id: String },
    }
    let ask = HttpAsk::get(endpoint, "/v1/audio/voices");
    let answer: Answer = read_json(&http.ask(&ask).await.ok()?).ok()?;
    let (Voice::Name(name) | Voice::Known { id: name }) = answer.voices.into_iter().next()?;
    Some(name)
}

async fn collections(http: &Http, endpoint: &Endpoint) -> Result<String, Unanswered> {
    #[derive(Deserialize)]
    struct Answer {
        result: All,
    }
    #[derive(Deserialize)]
    struct All {
        collections: Vec<serde::de::IgnoredAny>,
    }
    let ask = HttpAsk::get(endpoint, "/collections").within(REAL);
    let answer: Answer = read_json(&http.ask(&ask).await?)?;
    Ok(match answer.result.collections.len() {
        1 => "1 collection".into(),
        count => format!("{count} collections"),
    })
}

fn odd(what: &str) -> Unanswered {
    use serde::de::Error as _;

    let what = format!("it answers with {what}");
    Unanswered::Odd(serde_json::Error::custom(what))
}

fn told(answer: Result<String, Unanswered>) -> ProbeOutcome {
    match answer {
        Ok(words) => ProbeOutcome::Good(words.into()),
        Err(error) if error.is_refused() => ProbeOutcome::Absent(error.words().into()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Unanswered) -> ProbeOutcome {
    let words: String = match error {
        Unanswered::Odd(what) => what.to_string(),
        other => other.words(),
    };
    let found = match error {
        Unanswered::Status { status, said } => wedge(*status, said.as_str()),
        _ => None,
    };
    let words: String = words.chars().take(200).collect();
    match found {
        Some(wedge) => ProbeOutcome::Wedged(format!("{}: {words}", wedge.words()).into()),
        None => ProbeOutcome::Bad(words.into()),
    }
}
