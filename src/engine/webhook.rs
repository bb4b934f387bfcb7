//! Calls the webhook of alerts, with `curl` on this machine. Address and body go in through its standard input: the
//! address often holds a token, and a process list is everybody's.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::Semaphore;

use super::notice::Notice;
use super::trouble::Trouble;
use crate::domain::{HostId, Secret, Severity};
use crate::exec::{Exec, Post, post};
use crate::tasks::Tasks;
use crate::text::SafeText;

/// Calls at a time: a whole fleet that goes down is no storm on the receiver.
const CALLS: usize = 2;

/// The webhook of alerts.
#[derive(Clone)]
pub(super) struct Webhook {
    address: Secret<String>,
    exec: Arc<dyn Exec>,
    calls: Arc<Semaphore>,
    trouble: Trouble,
}

/// What is posted. `text` is what chat services show.
#[derive(Serialize)]
struct Body<'a> {
    text: &'a SafeText,
    severity: Severity,
    host: Option<&'a HostId>,
    hint: Option<&'a SafeText>,
}

impl Webhook {
    /// A webhook that is called from `exec`'s machine.
    pub(super) fn new(address: Secret<String>, exec: Arc<dyn Exec>, trouble: Trouble) -> Self {
        Self {
            address,
            exec,
            calls: Arc::new(Semaphore::new(CALLS)),
            trouble,
        }
    }

    /// Posts a notice, in a task. A failure is a notice of its own, told once.
    pub(super) fn call(&self, notice: Notice, tasks: &Tasks) {
        let webhook = self.clone();
        tasks.spawn(async move {
            let _turn = webhook.calls.acquire().await;
            match webhook.post(&notice).await {
                Ok(()) => webhook.trouble.passed(),
                Err(why) => {
                    let sentence = format!("the webhook of alerts failed: {why}");
                    let hint = "look at alerts.webhook in the config".to_owned();
                    webhook.trouble.tell(sentence, Some(hint)).await;
                }
            }
        });
    }

    async fn post(&self, notice: &Notice) -> Result<(), SafeText> {
        let note = Post {
            url: &self.address,
            headers: &[],
            body: &body(notice)?,
        };
        post(self.exec.as_ref(), &note).await
    }
}

fn body(notice: &Notice) -> Result<String, SafeText> {
    let body = Body {
        text: &notice.sentence,
        severity: notice.severity,
        host: notice.host.as_ref(),
        hint: notice.hint.as_ref(),
    };
    serde_json::to_string(&body).map_err(|error| SafeText::from(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::At;
    use crate::engine::Msg;
    use crate::engine::lanes::lanes;
    use crate::exec::{SimExec, SimReply};

    fn notice(sentence: &str) -> Notice {
        Notice {
            at: At(1),
            severity: Severity::Error,
            host: Some(HostId::new("spark-1")),
            sentence: sentence.into(),
            hint: None,
        }
    }

    #[test]
    fn the_body_says_what_is_told_and_nothing_else() {
        assert_eq!(
            body(&notice("\"down\" \\o/")).unwrap(),
            concat!(
                "{\"text\":\"\\\"down\\\" \\\\o/\",",
                "\"severity\":\"error\",\"host\":\"spark-1\",\"hint\":null}"
            )
        );
    }

    #[tokio::test]
    async fn a_failure_is_told_once_and_the_token_is_in_no_argument() {
        let tasks = Tasks::new();
        let exec =
            SimExec::new(tasks.clone()).on("curl", SimReply::Fails(22, "curl: (22) error 404\n"));
        let exec = Arc::new(exec);
        let (hands, mut ends) = lanes(Clock::manual());
        let address = Secret::new("https://x.example/token".to_owned());
        let webhook = Webhook::new(address, exec.clone(), Trouble::new(hands));
        for sentence in ["spark-1 is down", "spark-2 is down"] {
            webhook.call(notice(sentence), &tasks);
        }
        let Some(Msg::Noticed(told)) = ends.facts.recv().await else {
            panic!("nothing was told");
        };
        assert_eq!(
            told.sentence.as_str(),
            "the webhook of alerts failed: curl: (22) error 404"
        );
        assert!(tasks.shutdown(std::time::Duration::from_secs(5)).await);
        assert!(ends.facts.try_recv().is_err());
        assert!(exec.asked().iter().all(|line| !line.contains("token")));
    }
}
