//! The few questions that every engine with OpenAI's interface answers alike: which models it has, and one token of one of them.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use super::http::{Http, HttpAnswer};
use super::http_ask::HttpAsk;
use super::http_error::{HttpError, HttpErrorKind};
use crate::domain::Endpoint;
use crate::text::SafeText;

/// Most models that one engine is believed to have.
const MODELS: usize = 64;

/// The longest name of a model.
const NAME: usize = 512;

/// Most characters kept of a complaint.
const COMPLAINT: usize = 600;

/// A model that an engine lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name, as the engine wants it back: foreign text.
    pub id: String,
    /// Who the engine says it is: `vllm`, `llamacpp`.
    pub owner: SafeText,
    /// The longest context, where it tells.
    pub context: Option<u64>,
}

/// Why a service did not do what it was asked.
#[derive(Debug, Error)]
pub enum Unanswered {
    /// It could not be asked.
    #[error("it could not be asked")]
    Http(#[from] HttpError),
    /// It answers with a failure.
    #[error("it answers {status}: {said}")]
    Status {
        /// The status.
        status: u16,
        /// What it says of it.
        said: SafeText,
    },
    /// It answers with something else.
    #[error("what it answers can't be read")]
    Odd(#[from] serde_json::Error),
}

impl Unanswered {
    /// The whole of it in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Http(error) => error.what.clone(),
            Self::Status { status, said } if said.is_empty() => format!("it answers {status}"),
            other => other.to_string(),
        }
    }

    /// Whether nothing listens there.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Http(error) if error.kind == HttpErrorKind::Refused)
    }

    /// Its status, where it gave one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Models {
    data: Vec<Model>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model {
    id: String,
    owned_by: Option<String>,
    max_model_len: Option<u64>,
    meta: Option<Meta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    n_ctx: Option<u64>,
}

/// The models that an engine has. None is an answer too: nothing is loaded.
pub async fn models(http: &Http, endpoint: &Endpoint) -> Result<Vec<Listed>, Unanswered> {
    let answer = http.ask(&HttpAsk::get(endpoint, "/v1/models")).await?;
    let models: Models = read_json(&answer)?;
    let listed = models.data.into_iter().filter(|model| fits(&model.id));
    Ok(listed
        .take(MODELS)
        .map(|model| Listed {
            owner: model.owned_by.unwrap_or_default().into(),
            context: model
                .max_model_len
                .or(model.meta.and_then(|meta| meta.n_ctx)),
            id: model.id,
        })
        .collect())
}

/// Lets a model make one token: the proof that it serves.
pub async fn one_token(
    http: &Http,
    endpoint: &Endpoint,
    model: &str,
    limit: Duration,
) -> Result<(), Unanswered> {
    let plain = json!({"model": model, "prompt": "Hi", "max_tokens": 1, "temperature": 0});
    let ask = HttpAsk::json(endpoint, "/v1/completions", &plain).within(limit);
    match read_json::<Choices>(&http.ask(&ask).await?) {
        // An engine that only talks.
        Err(Unanswered::Status {
            status: 404 | 405 | 501,
            ..
        }) => {}
        told => return told.and_then(Choices::some),
    }
    let talk = json!({
        "model": model, "max_tokens": 1, "temperature": 0,
        "messages": [{"role": "user", "content": "Hi"}],
    });
    let ask = HttpAsk::json(endpoint, "/v1/chat/completions", &talk).within(limit);
    read_json::<Choices>(&http.ask(&ask).await?).and_then(Choices::some)
}

#[derive(Debug, Deserialize)]
struct Choices {
    choices: Vec<serde::de::IgnoredAny>,
}

impl Choices {
    fn some(self) -> Result<(), Unanswered> {
        if self.choices.is_empty() {
            use serde::de::Error as _;
            return Err(serde_json::Error::custom("no choice was made").into());
        }
        Ok(())
    }
}

/// Reads an answer as JSON, a refusal made into an error.
pub fn read_json<T: DeserializeOwned>(answer: &HttpAnswer) -> Result<T, Unanswered> {
    if !answer.is_good() {
        return Err(complaint(answer));
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Complaint {
    Nested { error: Said },
    Flat { message: String },
    Detail { detail: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Long { message: String },
    Short(String),
}

/// What a service says when it fails.
fn complaint(answer: &HttpAnswer) -> Unanswered {
    let said = match serde_json::from_slice::<Complaint>(&answer.body) {
        Ok(
            Complaint::Nested {
                error: Said::Long { message } | Said::Short(message),
            }
            | Complaint::Flat { message }
            | Complaint::Detail { detail: message },
        ) => message,
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    let said: String = said.trim().chars().take(COMPLAINT).collect();
    Unanswered::Status {
        status: answer.status,
        said: said.into(),
    }
}

fn fits(name: &str) -> bool {
    (1..=NAME).contains(&name.len())
}
