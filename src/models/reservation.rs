//! The reservation on its head (hands), and its rule (pure). A host keeps a hash of the token, never the token.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;

use super::swap_job::RESERVATION;
use super::{LockOrder, LockState};
use crate::domain::{Secret, Wall};
use crate::exec::{Exec, ExecError, RunLimits, feed};
use crate::jobs::FUNCTIONS;
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

const LOCK: &str = include_str!("lock.sh");

/// How long a reservation holds where nobody said.
pub const LOCK_TTL: Duration = Duration::from_mins(15);

/// The longest reservation: a day.
pub const LONGEST_LOCK: Duration = Duration::from_hours(24);

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockOutcome {
    /// It holds now.
    Held(LockState),
    /// Nobody holds it now.
    Free,
    /// Somebody else holds it; the order did nothing.
    Refused(LockState),
}

/// Why a reservation could not be looked at or changed.
#[derive(Debug, Error)]
pub enum LockError {
    /// The host could not be asked.
    #[error("the host could not be asked about the reservation")]
    Host(#[source] ExecError),
    /// The host says no.
    #[error("{0}")]
    Trouble(SafeText),
    /// The answer is not ours.
    #[error("the host did not answer as its reservation should")]
    Protocol,
    /// A token that can't be a line, or none where one is needed.
    #[error("{0}")]
    Token(&'static str),
}

impl LockError {
    /// The mend.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Host(error) => error.hint.as_deref(),
            Self::Trouble(_) => Some("look at the disk and at who owns ~/.pilothouse there"),
            Self::Protocol => Some("look at what a login on this host prints by itself"),
            Self::Token(_) => None,
        }
    }
}

/// A token nobody can guess.
pub fn fresh_token() -> Result<Secret<String>, LockError> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| LockError::Token("this machine gives no random numbers"))?;
    Ok(Secret::new(hex(&bytes)))
}

/// Who holds the place. `tokens` are those that this console keeps.
pub async fn read_lock(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    tokens: &[Secret<String>],
) -> Result<Option<LockState>, LockError> {
    let answer = ask(exec, base, "show", &[], "").await?;
    Ok(answer.state(tokens))
}

/// Carries out an order. A `Take` needs a token here: [`fresh_token`], or the one by which it is held already.
pub async fn order_lock(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    order: &LockOrder,
) -> Result<LockOutcome, LockError> {
    let none = String::new();
    let (verb, words, token) = match order {
        LockOrder::Take {
            holder,
            ttl,
            note,
            token,
        } => {
            let seconds = ttl.as_secs().clamp(1, LONGEST_LOCK.as_secs());
            let words = vec![holder.clone(), seconds.to_string(), note.clone()];
            ("take", words, token.as_ref())
        }
        LockOrder::Release { token } => ("release", Vec::new(), token.as_ref()),
        LockOrder::Break => ("break", Vec::new(), None),
    };
    if token.is_none() && verb == "take" {
        return Err(LockError::Token("a reservation needs a token"));
    }
    let text = token.map_or(&none, Secret::expose);
    if text.contains(['\n', '\r', '\0']) || text.len() > 1024 {
        return Err(LockError::Token(
            "that can't be a token: it is no single short line",
        ));
    }
    let answer = ask(exec, base, verb, &words, text).await?;
    let state = answer.state(token.map(std::slice::from_ref).unwrap_or_default());
    match (answer.how.as_str(), state) {
        ("refused", Some(state)) => Ok(LockOutcome::Refused(state)),
        ("taken", Some(state)) => Ok(LockOutcome::Held(state)),
        ("released" | "broken", _) => Ok(LockOutcome::Free),
        _ => Err(LockError::Protocol),
    }
}

async fn ask(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    verb: &'static str,
    words: &[String],
    token: &str,
) -> Result<Told, LockError> {
    let word = |text: &str| {
        ShellWord::new(text).map_err(|_| LockError::Token("a holder or a note can't hold NUL"))
    };
    let mut command = ShellCommand::new("sh")
        .arg("-c")
        .word(word(&format!("{FUNCTIONS}\n{RESERVATION}\n{LOCK}"))?)
        .arg("pilothouse-lock")
        .word(word(base.map_or("", RemotePath::as_str))?)
        .arg(verb);
    for text in words {
        command = command.word(word(text)?);
    }
    let limits = RunLimits {
        timeout: Duration::from_secs(10),
        output: 16 * 1024,
    };
    let line = format!("{token}\n");
    let said = feed(exec, &command, line.as_bytes(), limits)
        .await
        .map_err(LockError::Host)?;
    parse(&String::from_utf8_lossy(&said))
}

/// What the host said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    how: String,
    held: bool,
    holder: SafeText,
    note: SafeText,
    since: i64,
    until: i64,
    now: i64,
    hash: String,
}

impl Told {
    fn state(&self, tokens: &[Secret<String>]) -> Option<LockState> {
        let left = u64::try_from(self.until.saturating_sub(self.now)).unwrap_or(0);
        self.held.then(|| LockState {
            holder: self.holder.clone(),
            note: self.note.clone(),
            since: Wall(self.since.saturating_mul(1000)),
            until: Wall(self.until.saturating_mul(1000)),
            left: Duration::from_secs(left),
            ours: tokens.iter().any(|token| hash_of(token) == self.hash),
        })
    }
}

fn parse(text: &str) -> Result<Told, LockError> {
    let mut lines = text
        .lines()
        .skip_while(|line| *line != "pilothouse-lock 1")
        .skip(1);
    let mut told = Told::default();
    let first = lines.next().ok_or(LockError::Protocol)?;
    let (how, rest) = first.split_once(' ').ok_or(LockError::Protocol)?;
    if how == "trouble" {
        return Err(LockError::Trouble(rest.into()));
    }
    how.clone_into(&mut told.how);
    told.held = rest == "1";
    for line in lines {
        if line == "end" {
            return Ok(told);
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "holder" => told.holder = rest.into(),
            "note" => told.note = rest.into(),
            "hash" => rest.clone_into(&mut told.hash),
            "times" => {
                let mut times = rest.split(' ').map(str::parse::<i64>);
                let mut next = || match times.next() {
                    Some(Ok(time)) => Ok(time),
                    _ => Err(LockError::Protocol),
                };
                (told.since, told.until, told.now) = (next()?, next()?, next()?);
            }
            _ => {}
        }
    }
    Err(LockError::Protocol)
}

fn hash_of(token: &Secret<String>) -> String {
    hex(digest(&SHA256, token.expose().as_bytes()).as_ref())
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = "hello\npilothouse-lock 1\nshown 1\nholder bob \u{202e}x\nnote over night\ntimes 100 1000 400\n\
                        hash ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\nend\n";

    #[test]
    fn a_reservation_is_read_and_known_by_its_token() {
        let told = parse(HELD).unwrap();
        let state = told.state(&[Secret::new("abc".to_owned())]).unwrap();
        assert!(state.ours);
        assert_eq!(state.left, Duration::from_mins(10));
        assert_eq!(state.note.as_str(), "over night");
        assert!(!state.holder.as_str().contains('\u{202e}'));
        assert!(!told.state(&[Secret::new("abd".to_owned())]).unwrap().ours);
        assert_eq!(
            parse("pilothouse-lock 1\nshown 0\nend\n")
                .unwrap()
                .state(&[]),
            None
        );
    }

    #[test]
    fn what_is_not_whole_is_no_answer() {
        for text in [
            "",
            "shown 0\nend\n",
            "pilothouse-lock 1\n",
            "pilothouse-lock 1\nshown 1\nholder x\n",
            "pilothouse-lock 1\nshown 1\ntimes 1 2\nend\n",
        ] {
            assert!(matches!(parse(text), Err(LockError::Protocol)), "{text:?}");
        }
        let trouble = parse("pilothouse-lock 1\ntrouble no disk\nend\n").unwrap_err();
        assert_eq!(trouble.to_string(), "no disk");
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (one, two) = (fresh_token().unwrap(), fresh_token().unwrap());
        assert_eq!(one.expose().len(), 32);
        assert_ne!(one, two);
    }
}
