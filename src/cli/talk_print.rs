//! A conversation as plain lines: what the assistant says goes to standard output as it comes, line by line; calls, troubles
//! and costs are messages.

use std::collections::BTreeMap;

use super::error::CliError;
use super::print;
use crate::engine::{CallState, CallView, Entry, EntryId, StepResult, Transcript};
use crate::text::{SafeText, cut};

/// Cells of a message about a call.
const WIDTH: usize = 110;

/// What has been printed of a conversation.
pub(super) struct Printer {
    /// What was there before is not printed again.
    before: u64,
    quiet: bool,
    /// Lines that were printed of each text.
    said: BTreeMap<EntryId, usize>,
    /// Calls that were told as begun, and as ended.
    begun: Vec<EntryId>,
    ended: Vec<EntryId>,
}

impl Printer {
    pub(super) fn new(before: u64, quiet: bool) -> Self {
        Self {
            before,
            quiet,
            said: BTreeMap::new(),
            begun: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// The number after which everything is new.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// Prints what is new.
    pub(super) fn show(&mut self, shown: &Transcript) -> Result<(), CliError> {
        if self.quiet {
            return Ok(());
        }
        for entry in &shown.entries {
            if entry.id().0 <= self.before {
                continue;
            }
            match entry.as_ref() {
                Entry::Said { id, lines, draft } => self.lines(*id, lines, *draft)?,
                Entry::Findings { id, lines } => self.lines(*id, lines, false)?,
                Entry::Call(call) => self.call(call),
                Entry::Trouble {
                    id, sentence, hint, ..
                } => self.once(*id, || {
                    let hint = hint.as_ref().map(|hint| format!("\n  {hint}"));
                    format!("pilothouse: {sentence}{}", hint.unwrap_or_default())
                }),
                Entry::Denied { id, tool, why } => {
                    self.once(*id, || format!("· {tool} was denied: {why}"));
                }
                Entry::Asked { .. }
                | Entry::Thought { .. }
                | Entry::UnderWay { .. }
                | Entry::Decided { .. }
                | Entry::Runbook { .. }
                | Entry::Turn(_) => {}
            }
        }
        Ok(())
    }

    /// Whole lines; the last of a draft may still grow.
    fn lines(&mut self, id: EntryId, lines: &[SafeText], draft: bool) -> Result<(), CliError> {
        let whole = lines.len() - usize::from(draft && !lines.is_empty());
        let printed = self.said.entry(id).or_default();
        for line in lines.iter().take(whole).skip(*printed) {
            print::data(line.as_str())?;
        }
        *printed = whole.max(*printed);
        Ok(())
    }

    fn call(&mut self, call: &CallView) {
        if !self.begun.contains(&call.id) {
            self.begun.push(call.id);
            let host = call.host.as_ref().map(|host| format!(" {host}"));
            let what = (!call.what.is_empty()).then(|| format!(": {}", call.what));
            let (host, what) = (host.unwrap_or_default(), what.unwrap_or_default());
            let line = format!("· {}{host}{what}", call.tool);
            print::message(cut(&line, WIDTH).as_ref());
        }
        if let CallState::Ended(result) = &call.state
            && !self.ended.contains(&call.id)
        {
            self.ended.push(call.id);
            print::message(&format!("  {}", outcome(result)));
        }
    }

    fn once(&mut self, id: EntryId, words: impl FnOnce() -> String) {
        if !self.begun.contains(&id) {
            self.begun.push(id);
            print::message(&words());
        }
    }
}

/// The last words: what it took.
pub(super) fn end(shown: &Transcript) {
    let usage = &shown.usage;
    let model = shown.model.as_ref().map(|model| format!("{model}, "));
    print::message(&format!(
        "{}{} turns, {} s, {} tokens in, {} out, ${:.2}; go on with --session {}",
        model.unwrap_or_default(),
        usage.turns,
        usage.took.as_secs(),
        usage.input,
        usage.output,
        usage.cost,
        shown.session
    ));
}

/// How a call ended, in a line.
pub(super) fn outcome(result: &StepResult) -> String {
    let took = format!("{:.1} s", result.took.as_secs_f64());
    match (&result.failed, result.exit) {
        (Some(why), _) => format!("failed after {took}: {why}"),
        (None, Some(exit)) => format!("exit {exit}, {} lines, {took}", result.lines.len()),
        (None, None) => format!("{} lines, {took}", result.lines.len()),
    }
}
