//! What the script on the hypervisor prints, read line by line (pure). Tolerant: a line that is not understood is kept as
//! words, a missing end is told, and nothing in it can do more than be shown.

use std::time::Duration;

use crate::domain::PowerVerb;
use crate::text::SafeText;

use super::{MachineState, Operation, OperationState, PowerReport};

/// The first word of an answer; a number follows.
const NAME: &str = "pilothouse-power";

/// The version that is spoken here.
pub(super) const VERSION: u32 = 1;

/// Lines beyond it are counted and left out.
const MOST_LINES: usize = 2000;

/// Bytes of one line's words; they go to screens and into the ledger.
const LONGEST: usize = 2000;

/// Exit statuses of the script on the hypervisor, beside 0.
pub mod exit {
    /// What was sent is not one of the six words.
    pub const REJECTED: u32 = 2;
    /// Another operation is at work; nothing was begun.
    pub const BUSY: u32 = 3;
    /// It could not be begun, or a look failed.
    pub const FAILED: u32 = 4;
    /// The script itself is not set up: called without a target, or a tool is missing.
    pub const SETUP: u32 = 5;
}

/// One answer of the far side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it says of the machine, the newest operation, and everything else.
    pub report: PowerReport,
    /// The operation that this very verb began.
    pub begun: Option<SafeText>,
    /// The operations that it knows, newest first, each with the time since it was begun.
    pub operations: Vec<(Operation, Option<Duration>)>,
    /// The operation in whose favour this verb was not begun.
    pub busy: Option<SafeText>,
    /// Why it says no.
    pub refused: Option<SafeText>,
    /// The exit status that its last line names. `None`: the answer was cut off, or nobody of ours spoke.
    pub end: Option<u32>,
    /// The version it speaks; `None`: it said nothing that we know.
    pub version: Option<u32>,
}

impl Answer {
    /// Whether it came from our script at all.
    pub fn is_ours(&self) -> bool {
        self.version == Some(VERSION)
    }

    /// The operation of this name.
    pub fn operation(&self, id: &SafeText) -> Option<&Operation> {
        self.operations
            .iter()
            .map(|(operation, _)| operation)
            .find(|operation| operation.id == *id)
    }

    /// The newest operation of this verb that was begun at most `ago` ago.
    pub fn begun_since(&self, verb: PowerVerb, ago: Duration) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|(operation, age)| operation.verb == verb && age.is_some_and(|age| age <= ago))
            .map(|(operation, _)| operation)
    }
}

/// Reads an answer.
pub fn parse(bytes: &[u8]) -> Answer {
    let mut reader = Reader::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        reader.take(&String::from_utf8_lossy(line));
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    version: Option<u32>,
    state: Option<MachineState>,
    begun: Option<SafeText>,
    operations: Vec<(Operation, Option<Duration>)>,
    busy: Option<SafeText>,
    refused: Option<SafeText>,
    end: Option<u32>,
    lines: Vec<SafeText>,
    target: Option<SafeText>,
    left_out: usize,
}

impl Reader {
    fn take(&mut self, line: &str) {
        let line = line.trim_end_matches('\r');
        if line.is_empty() || self.end.is_some() {
            return;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        // Before its name was said, nobody of ours speaks: a banner, a login script, another program.
        let known = match word {
            NAME if self.version.is_none() => {
                self.version = rest.trim().parse().ok();
                self.version.is_some()
            }
            _ if self.version.is_none() => false,
            "state" => self.machine(rest),
            "operation" => self.known(rest).is_some(),
            "line" => {
                self.say(rest);
                true
            }
            "end" => {
                self.end = rest.trim().parse().ok();
                self.end.is_some()
            }
            _ => self.word(word, rest),
        };
        if !known {
            self.say(line);
        }
    }

    fn say(&mut self, words: &str) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(bounded(words.as_bytes()));
        } else {
            self.left_out += 1;
        }
    }

    fn word(&mut self, word: &str, rest: &str) -> bool {
        let place = match word {
            "begun" => &mut self.begun,
            "busy" => &mut self.busy,
            "refused" => &mut self.refused,
            // What it is called there; it is our own configuration that says which host it is.
            "target" => &mut self.target,
            _ => return false,
        };
        let said = bounded(rest.trim().as_bytes());
        // One verb begins one operation: whatever else is named does not take its place.
        let is_first = place.as_ref().is_none_or(|first| *first == said);
        place.get_or_insert(said);
        is_first
    }

    fn machine(&mut self, rest: &str) -> bool {
        let (word, words) = rest.split_once(' ').unwrap_or((rest, ""));
        self.state = Some(match word {
            "running" => MachineState::Running,
            "stopped" => MachineState::Stopped,
            "unknown" => {
                MachineState::Unknown(bounded(or(words, "the far side can't tell").as_bytes()))
            }
            _ => return false,
        });
        true
    }

    /// `ID VERB AGE running PHASE | done | failed WHY | lost`, the age in seconds.
    fn known(&mut self, rest: &str) -> Option<()> {
        let mut words = rest.splitn(5, ' ');
        let (id, verb, age, how) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let more = words.next().unwrap_or("");
        let state = match how {
            "running" => OperationState::Running(bounded(or(more, "at work").as_bytes())),
            "done" => OperationState::Done,
            "failed" => OperationState::Failed(bounded(or(more, "it did not say why").as_bytes())),
            "lost" => OperationState::Lost,
            _ => return None,
        };
        let operation = Operation {
            id: bounded(id.as_bytes()),
            verb: verb.parse().ok()?,
            state,
        };
        let age = age.parse().ok().map(Duration::from_secs);
        self.operations.push((operation, age));
        Some(())
    }

    fn finish(mut self) -> Answer {
        if self.left_out > 0 {
            let words = format!("{} more lines were left out", self.left_out);
            self.lines.push(SafeText::new(&words));
        }
        let silent = match self.version {
            None => "the far side did not answer as pilothouse-power does",
            Some(VERSION) => "the far side did not say",
            Some(_) => "the far side speaks another version; install its script again",
        };
        Answer {
            report: PowerReport {
                state: self
                    .state
                    .unwrap_or_else(|| MachineState::Unknown(SafeText::new(silent))),
                operation: self.operations.first().map(|(first, _)| first.clone()),
                lines: self.lines,
                target: self.target,
            },
            begun: self.begun,
            operations: self.operations,
            busy: self.busy,
            refused: self.refused,
            end: self.end,
            version: self.version,
        }
    }
}

/// Words of the far side, cut where they have no end.
pub(super) fn bounded(words: &[u8]) -> SafeText {
    match words.get(..LONGEST) {
        Some(kept) if words.len() > LONGEST => {
            let left_out = words.len() - LONGEST;
            let kept = SafeText::from_bytes(kept);
            format!("{kept}… ({left_out} more bytes)").into()
        }
        _ => SafeText::from_bytes(words),
    }
}

fn or<'a>(words: &'a str, else_: &'a str) -> &'a str {
    let words = words.trim();
    if words.is_empty() { else_ } else { words }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Answer {
        parse(text.as_bytes())
    }

    #[test]
    fn a_whole_answer_is_understood() {
        let answer = read(
            "pilothouse-power 1\ntarget 102\nstate running\noperation b cycle 3 running forensics\n\
             operation a stop 90 failed qm said no\nline uptime 3 days\nend 0\n",
        );
        assert_eq!(answer.report.state, MachineState::Running);
        let newest = answer.report.operation.clone().unwrap();
        assert_eq!(newest.verb, PowerVerb::Cycle);
        assert_eq!(newest.state, OperationState::Running("forensics".into()));
        assert_eq!(answer.report.lines, [SafeText::from("uptime 3 days")]);
        assert_eq!(answer.report.target, Some("102".into()));
        assert_eq!(answer.end, Some(0));
        assert!(answer.is_ours());
        let second = Duration::from_secs(1);
        assert!(answer.begun_since(PowerVerb::Cycle, second * 3).is_some());
        assert!(answer.begun_since(PowerVerb::Cycle, second * 2).is_none());
        assert!(answer.begun_since(PowerVerb::Reset, second * 90).is_none());
        assert_eq!(
            answer.operation(&"a".into()).unwrap().state,
            OperationState::Failed("qm said no".into())
        );
    }

    #[test]
    fn words_of_strangers_are_only_words() {
        let banner = read("Welcome\nstate running\noperation a cycle 1 done\nend 0\n");
        assert!(!banner.is_ours());
        assert_eq!(banner.end, None);
        assert!(banner.operations.is_empty());
        assert!(matches!(banner.report.state, MachineState::Unknown(_)));
        assert_eq!(banner.report.lines.len(), 4);
        let newer = read("pilothouse-power 2\nend 0\n");
        assert!(!newer.is_ours());
        assert!(
            matches!(newer.report.state, MachineState::Unknown(w) if w.as_str().contains("version"))
        );
    }

    #[test]
    fn odd_lines_are_kept_and_a_cut_answer_has_no_end() {
        let answer = read(
            "pilothouse-power 1\nstate purring\noperation x\noperation x dance 1 done\nfuture things\n\
             line \u{1b}[31mred\u{202e}\nbegun b\nbusy a\nrefused no\nstate unknown",
        );
        assert_eq!(answer.end, None);
        assert_eq!(answer.report.lines.len(), 5);
        assert!(
            !answer
                .report
                .lines
                .iter()
                .any(|l| l.as_str().contains('\u{1b}'))
        );
        assert_eq!(answer.begun, Some("b".into()));
        assert_eq!(answer.busy, Some("a".into()));
        assert_eq!(answer.refused, Some("no".into()));
        assert!(matches!(answer.report.state, MachineState::Unknown(_)));
    }

    #[test]
    fn after_its_end_nothing_is_heard_and_a_flood_is_counted() {
        let answer = read("pilothouse-power 1\nend 3\nstate running\nend 0\n");
        assert_eq!(answer.end, Some(3));
        assert!(matches!(answer.report.state, MachineState::Unknown(_)));
        let flood = read(&format!("pilothouse-power 1\n{}", "line x\n".repeat(5000)));
        assert_eq!(flood.report.lines.len(), MOST_LINES + 1);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_harm(bytes: Vec<u8>, tail in "(operation|state|end|begun) [ -~]{0,40}") {
            let mut all = b"pilothouse-power 1\n".to_vec();
            all.extend(bytes);
            all.extend(tail.bytes());
            let answer = parse(&all);
            prop_assert!(answer.is_ours());
        }
    }
}
