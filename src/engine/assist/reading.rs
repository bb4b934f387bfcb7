//! Reads a log for the assistant: once, bounded, without secrets, the newest lines that match.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::room::Room;
use crate::assistant::{LogWish, StepResult, clean_lines};
use crate::diagnose::Since;
use crate::engine::{Actor, Command, LogBegin, LogItem, LogStream, Refusal, Reply};
use crate::follow::{Level, LineRef, SourceAddress, Stamp};
use crate::logs::{SourceState, level_of};
use crate::text::SafeText;

/// How long reading may take; what has come by then is the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of the newest lines that are looked through.
const BYTES: usize = 4 << 20;

/// Lines that are read where nothing says how far back.
const TAIL: u32 = 20_000;

/// Reads what is wished for.
pub(super) async fn read(room: &Room, wish: &LogWish) -> Result<StepResult, String> {
    let command = Command::ReadLogs {
        sources: vec![SourceAddress {
            host: Some(wish.host.clone()),
            spec: wish.source.clone(),
        }],
        begin: begin(room, wish),
        until: None,
        follow: false,
    };
    let log = match room.handle.ask(Actor::Assistant, command).await {
        Reply::Log(id) => room.handle.log(id),
        Reply::Refused(Refusal { why, .. }) | Reply::Failed(Refusal { why, .. }) => {
            return Err(why);
        }
        _ => None,
    };
    let mut log = log.ok_or("the log can't be opened")?;
    let began = room.clock.at();
    let mut newest = Newest::default();
    let ended = timeout(PATIENCE, newest.read(&mut log, wish.level)).await;
    if ended.is_err() {
        let seconds = PATIENCE.as_secs();
        newest.remarks.push(
            format!("reading was ended after {seconds} s; the newest lines may be missing").into(),
        );
    }
    if newest.lines.is_empty()
        && let Some(why) = newest.refused
    {
        return Err(why.to_string());
    }
    Ok(StepResult {
        took: room.clock.at().since(began).duration(),
        ..newest.answer(wish)
    })
}

/// The wish in words, for the chip.
pub(super) fn words(wish: &LogWish) -> String {
    let grep = wish.grep.as_ref().map(|grep| format!(", with {grep:?}"));
    let level = wish
        .level
        .map(|level| format!(", {} and worse", level.word()));
    format!(
        "{}, the last {} lines since {}{}{}",
        wish.source,
        wish.lines,
        wish.since,
        level.unwrap_or_default(),
        grep.unwrap_or_default()
    )
}

fn begin(room: &Room, wish: &LogWish) -> LogBegin {
    let nanoseconds = |milliseconds: i64| Stamp(milliseconds.saturating_mul(1_000_000));
    match wish.since {
        Since::Ago(ago) => {
            let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
            LogBegin::Since(nanoseconds(room.clock.wall().0.saturating_sub(ago)))
        }
        Since::Moment(at) => LogBegin::Since(nanoseconds(at.as_millisecond())),
    }
}

/// The newest lines, as they come.
#[derive(Default)]
struct Newest {
    lines: VecDeque<String>,
    bytes: usize,
    left_out: u64,
    remarks: Vec<SafeText>,
    refused: Option<SafeText>,
}

impl Newest {
    async fn read(&mut self, log: &mut LogStream, level: Option<Level>) {
        while let Some((_, item)) = log.next().await {
            match item {
                LogItem::Lines(lines) => {
                    for line in lines.iter().filter(|line| matters(line, level)) {
                        self.push(text(&line));
                    }
                }
                LogItem::State(SourceState::Refused(why, _)) => self.refused = Some(why),
                // Its host is gone: it would come back, but nobody waits for that here.
                LogItem::State(SourceState::Waiting(why)) => {
                    self.refused = Some(why.clone());
                    self.remarks.push(why);
                    return;
                }
                LogItem::State(_) => {}
                LogItem::Gap(length) => {
                    self.remarks
                        .push(format!("nothing was read for {}", length.words()).into());
                }
                LogItem::Missing(Some(lines), why) => {
                    self.remarks
                        .push(format!("{lines} lines are missing: {why}").into());
                }
                LogItem::Missing(None, why) | LogItem::Note(why) => self.remarks.push(why),
            }
        }
    }

    fn push(&mut self, line: String) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        while self.bytes > BYTES || self.lines.len() > TAIL as usize {
            let Some(oldest) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= oldest.len() + 1;
            self.left_out += 1;
        }
    }

    /// Searched only once secrets are masked: or asking often enough would tell them letter by letter.
    fn answer(self, wish: &LogWish) -> StepResult {
        let (lines, _) = clean_lines(self.lines.iter().map(String::as_str));
        let grep = wish.grep.as_ref().map(|grep| grep.to_lowercase());
        let wanted = |line: &String| {
            grep.as_ref()
                .is_none_or(|grep| line.to_lowercase().contains(grep))
        };
        let matching: Vec<String> = lines.into_iter().filter(wanted).collect();
        let first = matching.len().saturating_sub(wish.lines as usize);
        let mut answer: Vec<SafeText> = self.remarks;
        if self.left_out > 0 {
            answer.push(format!("{} older lines were not looked through", self.left_out).into());
        }
        if first > 0 {
            answer.push(format!("{first} older lines match as well").into());
        }
        answer.extend(matching.into_iter().skip(first).map(SafeText::from));
        StepResult {
            lines: answer,
            cut: 0,
            exit: None,
            failed: None,
            took: Duration::ZERO,
        }
    }
}

fn matters(line: &LineRef<'_>, least: Option<Level>) -> bool {
    let Some(least) = least else {
        return true;
    };
    let level = line
        .head
        .level
        .or_else(|| level_of(&String::from_utf8_lossy(line.bytes)));
    level.is_some_and(|level| level >= least)
}

/// A line with its moment.
fn text(line: &LineRef<'_>) -> String {
    let at = Timestamp::from_nanosecond(i128::from(line.head.stamp.0)).unwrap_or_default();
    let text = SafeText::from_bytes(line.bytes);
    format!("{} {text}", at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
}
