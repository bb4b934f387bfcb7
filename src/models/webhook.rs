//! Who is told of each swap: a small JSON body, signed, posted from this machine by whichever console saw the end, once.

use std::time::Duration;

use ring::hmac;
use serde::Serialize;
use tokio::time::sleep;

use super::reservation::hex;
use super::{SwapEnd, SwapReport};
use crate::domain::{HostId, Secret};
use crate::exec::{Exec, Post, RunLimits, post};
use crate::jobs::FUNCTIONS;
use crate::shell::{RemotePath, ShellCommand, ShellWord};
use crate::text::SafeText;

const TOLD: &str = include_str!("told.sh");

/// What is waited before each further try.
pub const TELL_AGAIN: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

/// What is posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwapNote {
    event: &'static str,
    place: SafeText,
    hosts: Vec<HostId>,
    model: Option<String>,
    before: Option<String>,
    by: SafeText,
    work: String,
    /// Milliseconds since the epoch, by the host's clock.
    began: i64,
    end: &'static str,
    phase: Option<&'static str>,
    why: Option<SafeText>,
    hint: Option<SafeText>,
    /// What chat services show.
    text: String,
}

impl SwapNote {
    /// What there is to tell; nothing while it is at work.
    pub fn of(report: &SwapReport, place: &str) -> Option<Self> {
        let end = report.end.as_ref()?;
        let (event, word, phase, why, hint) = match end {
            SwapEnd::Served => ("swap_complete", "served", None, None, None),
            SwapEnd::Stopped => ("swap_complete", "stopped", None, None, None),
            SwapEnd::Failed { phase, why, hint } => (
                "swap_failed",
                "failed",
                Some(phase.word()),
                Some(why.clone()),
                hint.clone(),
            ),
            SwapEnd::Cancelled { phase } => {
                ("swap_failed", "cancelled", Some(phase.word()), None, None)
            }
            SwapEnd::Lost => ("swap_failed", "lost", None, None, None),
        };
        let model = report.model.as_ref().map(|key| key.as_str().to_owned());
        let what = model.as_deref().unwrap_or("nothing");
        let text = match (&why, end) {
            (Some(why), _) => format!("{place}: {what} failed: {why}"),
            (None, SwapEnd::Served) => format!("{place} serves {what}"),
            (None, _) => format!("{place}: {what} {word}"),
        };
        Some(Self {
            event,
            place: place.into(),
            hosts: report.place.hosts().cloned().collect(),
            model,
            before: report.before.as_ref().map(|key| key.as_str().to_owned()),
            by: report.by.clone(),
            work: report.work.0.clone(),
            began: report.began.0,
            end: word,
            phase,
            why,
            hint,
            text: SafeText::from(text).to_string(),
        })
    }
}

/// `sha256=` and the HMAC-SHA256 of the body.
pub fn signature(key: &Secret<String>, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    format!("sha256={}", hex(hmac::sign(&key, body).as_ref()))
}

/// Posts a note from the machine of `exec` (this one), and again after each of these pauses while it is not taken.
pub async fn tell(
    exec: &dyn Exec,
    (url, key): (&Secret<String>, Option<&Secret<String>>),
    note: &SwapNote,
    pauses: &[Duration],
) -> Result<(), SafeText> {
    let body = serde_json::to_string(note).map_err(|error| SafeText::from(error.to_string()))?;
    let sign = |key| {
        format!(
            "X-Pilothouse-Signature: {}",
            signature(key, body.as_bytes())
        )
    };
    let headers: Vec<String> = key.map(sign).into_iter().collect();
    let note = Post {
        url,
        headers: &headers,
        body: &body,
    };
    let mut said = post(exec, &note).await;
    for pause in pauses {
        if said.is_ok() {
            break;
        }
        sleep(*pause).await;
        said = post(exec, &note).await;
    }
    said
}

/// Whose turn it is to tell the end of a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ours.
    Ours,
    /// Somebody told it, or is at it: one who is gone without having told loses the turn after two minutes.
    Theirs,
}

/// Takes the turn to tell the end of a swap, on the host that did it: of two consoles one gets it.
pub async fn take_turn(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    work: &str,
) -> Result<Turn, SafeText> {
    match asked(exec, base, "claim", work, &[]).await?.as_str() {
        "ours" => Ok(Turn::Ours),
        "theirs" => Ok(Turn::Theirs),
        _ => Err("the host did not say whose turn it is to tell".into()),
    }
}

/// Writes down that it was told, so that nobody tells it again.
pub async fn turn_done(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    work: &str,
) -> Result<(), SafeText> {
    match asked(exec, base, "sent", work, &[]).await?.as_str() {
        "written" => Ok(()),
        _ => Err("the host could not write down that the swap was told".into()),
    }
}

/// Hands a swap what this console found when it asked the engine for it: a host with neither curl nor python3 nor bash can't.
pub async fn found_ready(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    work: &str,
    found: Result<(), &str>,
) -> Result<(), SafeText> {
    let words = match found {
        Ok(()) => ["good", "it answers"],
        Err(why) => ["bad", why],
    };
    match asked(exec, base, "ready", work, &words).await?.as_str() {
        "written" => Ok(()),
        _ => Err("the host could not write down what was found".into()),
    }
}

async fn asked(
    exec: &dyn Exec,
    base: Option<&RemotePath>,
    verb: &'static str,
    work: &str,
    more: &[&str],
) -> Result<String, SafeText> {
    let words = |error: &dyn std::error::Error| SafeText::from(error.to_string());
    let id = crate::jobs::JobId::new(work).map_err(|error| words(&error))?;
    let word = |text: String| ShellWord::new(text).map_err(|error| words(&error));
    let mut command = ShellCommand::new("sh")
        .arg("-c")
        .word(word(format!("{FUNCTIONS}\n{TOLD}"))?)
        .arg("pilothouse-told")
        .word(word(base.map_or("", RemotePath::as_str).to_owned())?)
        .arg(verb)
        .word(word(id.as_str().to_owned())?);
    for text in more {
        command = command.word(word((*text).to_owned())?);
    }
    let output = exec
        .run(&command, RunLimits::default())
        .await
        .map_err(|error| words(&error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said
        .lines()
        .find_map(|line| line.strip_prefix("pilothouse-told "))
        .unwrap_or_default()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ModelKey, Place, Wall};
    use crate::models::{SwapPhase, WorkId};

    fn report(end: Option<SwapEnd>) -> SwapReport {
        SwapReport {
            work: WorkId("job-1".into()),
            place: Place::Solo(HostId::new("spark-1")),
            model: Some(ModelKey::new("qwen")),
            before: None,
            by: "ann@desk".into(),
            began: Wall(5),
            phases: Vec::new(),
            log: Vec::new(),
            end,
        }
    }

    #[test]
    fn a_note_is_signed_as_anybody_can_check() {
        // RFC 4231, test case 2.
        let sign = signature(&Secret::new("Jefe".into()), b"what do ya want for nothing?");
        assert_eq!(
            sign,
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn what_is_told_by_rows() {
        assert_eq!(SwapNote::of(&report(None), "pair"), None);
        let failed = SwapEnd::Failed {
            phase: SwapPhase::Load,
            why: "it \"died\"".into(),
            hint: None,
        };
        let note = SwapNote::of(&report(Some(failed)), "pair").unwrap();
        assert_eq!(
            (note.event, note.end, note.phase),
            ("swap_failed", "failed", Some("load"))
        );
        let served = SwapNote::of(&report(Some(SwapEnd::Served)), "pair").unwrap();
        assert_eq!(
            (served.event, served.text.as_str()),
            ("swap_complete", "pair serves qwen")
        );
    }
}
