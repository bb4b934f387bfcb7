//! What a power switch asks on its way: whether its host key is trusted, put to whoever sits at the terminal; everything else,
//! and everything where nobody sits there, is refused with the mend.

use std::pin::pin;

use super::super::error::CliError;
use super::super::interrupts::Interrupts;
use super::super::{print, typed};
use crate::domain::{Answer, HostId, HostKeyFacts, Question, QuestionId};
use crate::engine::{Actor, Command, Handle, PendingQuestion};

/// What came of a question.
pub(super) enum Asked {
    /// It was answered, or it does not wait any more.
    Answered,
    /// The person asked to stop.
    Stop,
}

/// Answers a question of the switch of this host.
pub(super) async fn answer(
    handle: &Handle,
    host: &HostId,
    asked: &PendingQuestion,
    interrupts: &Interrupts,
) -> Asked {
    let id = asked.id;
    let Question::UnknownHostKey(facts) = &asked.question else {
        print::message(&unanswerable(&asked.question));
        refuse(handle, id).await;
        return Asked::Answered;
    };
    print::message(&format!(
        "the key of the power switch {} is not known yet: {} {}",
        facts.endpoint, facts.algorithm, facts.fingerprint
    ));
    if !typed::is_possible() {
        print::message(&format!(
            "  refused: nobody is at a terminal to compare it; run `pilothouse power {host} status` at one"
        ));
        refuse(handle, id).await;
        return Asked::Answered;
    }
    match decide(handle, (id, facts), interrupts).await {
        Ok(asked) => asked,
        Err(error) => {
            print::error(&error);
            refuse(handle, id).await;
            Asked::Answered
        }
    }
}

/// What the mend is where a question is none for this place.
fn unanswerable(question: &Question) -> String {
    match question {
        Question::Passphrase { key, .. } => format!(
            "the key {key} of the power switch has a passphrase: hand it to an agent first, `ssh-add {key}`"
        ),
        _ => "the power switch asks for a password: it takes its own key and nothing else; `pilothouse power install` \
              prints the line for authorized_keys"
            .to_owned(),
    }
}

/// Lets the person compare.
async fn decide(
    handle: &Handle,
    (id, facts): (QuestionId, &HostKeyFacts),
    interrupts: &Interrupts,
) -> Result<Asked, CliError> {
    typed::forget()?;
    let file = if facts.file.as_str().is_empty() {
        "for this time".to_owned()
    } else {
        format!("and write it to {}", facts.file)
    };
    print::message(&format!(
        "  there, `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints its own; type yes to trust it {file}, \
         anything else refuses"
    ));
    let mut reading = pin!(typed::line());
    tokio::select! {
        line = &mut reading => {
            let answer = match line?.as_str() {
                "yes" => Answer::Trust,
                _ => Answer::Refuse,
            };
            put(handle, id, answer).await;
            Ok(Asked::Answered)
        }
        () = interrupts.next() => {
            refuse(handle, id).await;
            Ok(Asked::Stop)
        }
        () = gone(handle, id) => {
            print::message("the switch does not wait any more; press Enter");
            // One that reads on would take the answer to the next question.
            tokio::select! {
                line = reading => line.map(|_| Asked::Answered),
                () = interrupts.next() => Ok(Asked::Stop),
            }
        }
    }
}

/// Waits until a question is asked no more.
async fn gone(handle: &Handle, id: QuestionId) {
    let mut fleet = handle.fleet();
    // An error means that the engine has ended.
    drop(
        fleet
            .wait_for(|fleet| fleet.questions.iter().all(|asked| asked.id != id))
            .await,
    );
}

async fn refuse(handle: &Handle, id: QuestionId) {
    put(handle, id, Answer::Refuse).await;
}

/// Answers, and waits until it is heard: nobody is asked twice.
async fn put(handle: &Handle, question: QuestionId, answer: Answer) {
    let answer = Command::Answer { question, answer };
    handle.ask(Actor::CommandLine, answer).await;
    gone(handle, question).await;
}
