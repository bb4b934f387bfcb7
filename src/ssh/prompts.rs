//! Logins that a person types: keyboard-interactive, then a password, each at most three times.

use std::sync::atomic::AtomicBool;

use russh::client::KeyboardInteractiveAuthResponse as Response;
use russh::{MethodKind, MethodSet};

use super::error::{SshError, SshErrorKind};
use super::login::{Login, Reply, lost, patient};
use crate::domain::{Answer, Prompt, Question, Rung, Secret};
use crate::text::SafeText;

/// `NumberOfPasswordPrompts` of OpenSSH.
const ATTEMPTS: usize = 3;
/// Rounds of questions in one attempt; a server that asks on and on is not serious.
const ROUNDS: usize = 10;
/// Prompts of one round that are shown; and their length in characters.
const PROMPTS: usize = 8;
const LONGEST: usize = 1024;

/// Answers what the server asks, as long as it offers a method that a person can answer.
pub(super) async fn answer(login: &mut Login<'_>, methods: MethodSet) -> Result<Reply, SshError> {
    let mut left = methods;
    if left.contains(&MethodKind::KeyboardInteractive) {
        for _ in 0..ATTEMPTS {
            match keyboard_interactive(login).await? {
                Reply::In => return Ok(Reply::In),
                Reply::More(more) => left = more,
            }
            if login.handle.is_closed() || !left.contains(&MethodKind::KeyboardInteractive) {
                break;
            }
        }
    }
    if left.contains(&MethodKind::Password) {
        for _ in 0..ATTEMPTS {
            match password(login).await? {
                Reply::In => return Ok(Reply::In),
                Reply::More(more) => left = more,
            }
            if login.handle.is_closed() || !left.contains(&MethodKind::Password) {
                break;
            }
        }
    }
    Ok(Reply::More(left))
}

async fn keyboard_interactive(login: &mut Login<'_>) -> Result<Reply, SshError> {
    let idle = AtomicBool::new(false);
    let user = login.target.user.to_string();
    let starting = login
        .handle
        .authenticate_keyboard_interactive_start(user, None::<String>);
    let mut response = patient(starting, &idle).await?;
    for _ in 0..ROUNDS {
        let (instructions, prompts) = match response.map_err(|error| lost(&error))? {
            Response::Success => return Ok(Reply::In),
            Response::Failure {
                remaining_methods, ..
            } => return Ok(Reply::More(remaining_methods)),
            Response::InfoRequest {
                name,
                instructions,
                prompts,
            } => (format!("{name}\n{instructions}"), prompts),
        };
        let shown = prompts.iter().map(|p| Prompt {
            text: clip(&p.prompt),
            echo: p.echo,
        });
        let texts = ask(login, clip(instructions.trim()), shown.collect()).await?;
        let responding = login
            .handle
            .authenticate_keyboard_interactive_respond(texts);
        response = patient(responding, &idle).await?;
    }
    Err(SshError::new(
        SshErrorKind::Protocol,
        Rung::Login,
        format!("{} asks and asks", login.target.endpoint),
    ))
}

async fn password(login: &mut Login<'_>) -> Result<Reply, SshError> {
    let prompt = Prompt {
        text: SafeText::new(&format!(
            "{}@{}'s password: ",
            login.target.user, login.target.endpoint.host
        )),
        echo: false,
    };
    let texts = ask(login, SafeText::default(), vec![prompt]).await?;
    let password = texts.into_iter().next().unwrap_or_default();
    let idle = AtomicBool::new(false);
    let user = login.target.user.to_string();
    let trying = login.handle.authenticate_password(user, password);
    let result = patient(trying, &idle).await?;
    Ok(result.map_err(|error| lost(&error))?.into())
}

fn clip(text: &str) -> SafeText {
    SafeText::new(&text.chars().take(LONGEST).collect::<String>())
}

/// Asks a person; a round without prompts (servers send such) is answered at once.
async fn ask(
    login: &Login<'_>,
    instructions: SafeText,
    prompts: Vec<Prompt>,
) -> Result<Vec<String>, SshError> {
    if prompts.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = prompts.len();
    if wanted > PROMPTS {
        return Err(SshError::new(
            SshErrorKind::Protocol,
            Rung::Login,
            format!("{} asks {wanted} things at once", login.target.endpoint),
        ));
    }
    login.place.give_away();
    let question = Question::Prompts {
        from: login.target.endpoint.clone(),
        instructions,
        prompts,
    };
    match login.ask.ask(question).await {
        Answer::Texts(texts) if texts.len() == wanted => Ok(texts.iter().map(expose).collect()),
        _ => Err(SshError::new(
            SshErrorKind::UserRefused,
            Rung::Login,
            format!("nobody answered the login of {}", login.target.endpoint),
        )),
    }
}

/// The library wants the text itself, and wipes passwords after use.
fn expose(secret: &Secret<String>) -> String {
    secret.expose().clone()
}
