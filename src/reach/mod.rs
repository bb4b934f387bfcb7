//! Whether a host can be reached, and how far: the liveness ladder. And what its services answer, asked over HTTP from the host.

mod http;
mod http_ask;
mod http_error;
#[cfg(test)]
mod http_tests;
mod ladder;
mod openai;
#[cfg(test)]
pub(crate) mod test_service;

pub use http::{Http, HttpAnswer};
pub use http_ask::{HttpAsk, HttpPart};
pub use http_error::{HttpError, HttpErrorKind};
pub use ladder::{Finding, Ladder, Outcome, Verdict, driver};
pub use openai::{Listed, Unanswered, models, one_token, read_json};
