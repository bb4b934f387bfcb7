//! Events folded into the transcript that is shown. Pure. A draft grows here without being copied; readers get a new transcript
//! when they ask for one, and it costs a copy of pointers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::event::{CallId, Decided, Ending, EventKind, SessionEvent, StepResult, Usage};
use super::transcript::{CallState, CallView, Entry, EntryId, Phase, Transcript, TurnView, weight};
use crate::domain::{ProposalId, SessionId, Wall};
use crate::text::SafeText;

/// Most entries that are kept; the oldest go first, an eighth at a time.
const MOST_ENTRIES: usize = 2000;
/// Most bytes that all entries may take together: as many as are kept.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes that one draft may take.
const MOST_DRAFT: usize = 1024 * 1024;
/// What a line takes besides its text.
pub(super) const LINE: usize = 48;
/// A line of a draft that is longer is broken, so that what came of it is not cleaned, and laid out, again and again.
const LONGEST_LINE: usize = 4096;
/// Most characters of a title.
const TITLE: usize = 60;

/// A fold over the events of one conversation.
#[derive(Debug, Default)]
pub struct Fold {
    shown: Transcript,
    /// Bytes of text per entry, in step with the entries.
    weights: Vec<usize>,
    weight: usize,
    drafts: Vec<Draft>,
    running: BTreeMap<CallId, EntryId>,
    /// Approved proposals that are being carried out.
    carried: BTreeMap<ProposalId, EntryId>,
    /// A turn began and has not ended.
    turn: bool,
    /// When the newest that is kept happened.
    before: Option<Wall>,
    view: Option<Arc<Transcript>>,
}

/// A text that grows.
#[derive(Debug)]
struct Draft {
    block: SafeText,
    id: EntryId,
    thinking: bool,
    lines: Vec<SafeText>,
    /// The last line, as it came: an escape sequence may still be incomplete.
    last: String,
    bytes: usize,
    grew: bool,
}

impl Draft {
    fn more(&mut self, delta: &str) {
        let lines = memchr::memchr_iter(b'\n', delta.as_bytes()).count();
        let bytes = delta.len() + lines * LINE;
        if self.bytes + bytes > MOST_DRAFT {
            // From here on nothing: what follows a hole would read as if there were none.
            self.bytes = MOST_DRAFT;
            return;
        }
        self.bytes += bytes;
        self.grew = true;
        let mut pieces = delta.split('\n');
        self.grow(pieces.next().unwrap_or_default());
        for piece in pieces {
            self.lines.push(SafeText::new(&self.last));
            self.last.clear();
            self.grow(piece);
        }
    }

    fn grow(&mut self, piece: &str) {
        self.last.push_str(piece);
        while self.last.len() > LONGEST_LINE {
            let most = self.last.floor_char_boundary(LONGEST_LINE);
            let beginning = self.last.get(..most).unwrap_or_default();
            let end = beginning.rfind(' ').map_or(most, |blank| blank + 1);
            let rest = self.last.split_off(end);
            let line = std::mem::replace(&mut self.last, rest);
            self.lines.push(SafeText::new(&line));
        }
    }

    /// The entry, where it is a thought with the time that it took.
    fn entry(&self, draft: bool, took: Duration) -> Entry {
        let mut lines = self.lines.clone();
        if !self.last.is_empty() {
            lines.push(SafeText::new(&self.last));
        }
        said(self.id, self.thinking.then_some(took), lines, draft)
    }
}

/// What is said; with a time, what is thought.
fn said(id: EntryId, thought: Option<Duration>, lines: Vec<SafeText>, draft: bool) -> Entry {
    match thought {
        Some(took) => Entry::Thought {
            id,
            lines,
            draft,
            took,
        },
        None => Entry::Said { id, lines, draft },
    }
}

impl Fold {
    /// An empty transcript.
    pub fn new(session: SessionId) -> Self {
        Self {
            shown: Transcript {
                session,
                ..Transcript::default()
            },
            ..Self::default()
        }
    }

    /// Takes in an event. False when it was in already: a replay may overlap.
    pub fn apply(&mut self, event: &SessionEvent) -> bool {
        if event.number <= self.shown.number {
            return false;
        }
        self.shown.number = event.number;
        self.view = None;
        self.fold(EntryId(event.number), event.wall, &event.kind);
        // Drafts are not kept: a replay has to tell the same times.
        if !matches!(event.kind, EventKind::Draft { .. }) {
            self.before = Some(event.wall);
        }
        self.bound();
        true
    }

    /// Number of the newest event in it.
    pub fn number(&self) -> u64 {
        self.shown.number
    }

    /// What the assistant does now; no event, because it is nothing to be stored.
    pub fn set_phase(&mut self, phase: Phase) {
        if self.shown.phase != phase {
            self.shown.phase = phase;
            self.view = None;
        }
    }

    /// Which console runs the conversation, where it is another one.
    pub fn set_elsewhere(&mut self, elsewhere: Option<SafeText>) {
        if self.shown.elsewhere != elsewhere {
            self.shown.elsewhere = elsewhere;
            self.view = None;
        }
    }

    /// The transcript as it is now; the same one as long as nothing changes.
    pub fn view(&mut self) -> Arc<Transcript> {
        if let Some(view) = &self.view {
            return Arc::clone(view);
        }
        let mut drafts = std::mem::take(&mut self.drafts);
        for draft in drafts.iter_mut().filter(|draft| draft.grew) {
            draft.grew = false;
            self.replace(draft.id, draft.entry(true, Duration::ZERO), draft.bytes);
        }
        self.drafts = drafts;
        let view = Arc::new(self.shown.clone());
        self.view = Some(Arc::clone(&view));
        view
    }

    /// Events that settle what a console left open when it ended: questions that wait, calls that run, proposals, a turn.
    /// Whoever resumes the conversation tells and stores them first.
    pub fn unfinished(&self) -> Vec<EventKind> {
        let gone = SafeText::new("the console that ran it ended");
        let queued = self.shown.queued.iter().map(|_| EventKind::Unqueued);
        let calls = self.running.keys().map(|call| EventKind::CallEnded {
            call: call.clone(),
            result: StepResult {
                lines: Vec::new(),
                cut: 0,
                exit: None,
                failed: Some(gone.clone()),
                took: Duration::ZERO,
            },
        });
        let proposals = self.shown.proposals.iter().map(|open| EventKind::Decided {
            proposal: open.id,
            decided: Decided::abandoned(self.carried.contains_key(&open.id)),
        });
        let turn = self.turn.then(|| EventKind::TurnEnded {
            ending: Ending::Died(gone.clone()),
            usage: self.shown.usage.clone(),
        });
        queued.chain(calls).chain(proposals).chain(turn).collect()
    }

    fn fold(&mut self, id: EntryId, wall: Wall, kind: &EventKind) {
        match kind {
            EventKind::Asked { text, queued: true } => self.shown.queued.push(one_line(text)),
            EventKind::Asked { text, .. } => self.asked(id, wall, text),
            EventKind::Unqueued => {
                self.shown.queued.pop();
            }
            EventKind::Began { model, .. } => {
                self.turn = true;
                self.shown.model = Some(model.clone());
            }
            EventKind::Draft {
                block,
                thinking,
                delta,
            } => self.draft(id, block, *thinking, delta),
            EventKind::DraftDropped { block } => self.drop_draft(block),
            EventKind::Text {
                block,
                thinking,
                lines,
            } => {
                let thought = thinking.then(|| self.since_before(wall));
                self.text(id, block, thought, lines);
            }
            EventKind::CallBegan { .. } | EventKind::CallEnded { .. } => self.call(id, wall, kind),
            EventKind::Proposed(proposal) => {
                self.shown.proposals.push(Arc::new(proposal.clone()));
            }
            EventKind::Begun { .. } | EventKind::Decided { .. } => self.settle(id, wall, kind),
            EventKind::TurnEnded { ending, usage } => self.turn_ended(id, wall, (ending, usage)),
            EventKind::Cut { events } => self.shown.cut = self.shown.cut.saturating_add(*events),
            EventKind::Retrying { .. } => {}
            EventKind::Denied { .. }
            | EventKind::Trouble { .. }
            | EventKind::RunbookBegan { .. }
            | EventKind::RunbookEnded { .. } => self.note(id, wall, kind),
        }
    }

    /// A question begins. One that waited is told again when its turn comes, and whatever waits longest is the one.
    fn asked(&mut self, id: EntryId, wall: Wall, text: &[SafeText]) {
        if !self.shown.queued.is_empty() {
            self.shown.queued.remove(0);
        }
        if self.shown.title.is_empty() {
            let title: String = one_line(text).as_str().chars().take(TITLE).collect();
            self.shown.title = title.into();
        }
        self.turn = true;
        self.push(Entry::Asked {
            id,
            wall,
            lines: text.to_vec(),
        });
    }

    fn draft(&mut self, id: EntryId, block: &SafeText, thinking: bool, delta: &str) {
        if let Some(draft) = self.drafts.iter_mut().find(|draft| draft.block == *block) {
            return draft.more(delta);
        }
        let mut draft = Draft {
            block: block.clone(),
            id,
            thinking,
            lines: Vec::new(),
            last: String::new(),
            bytes: 0,
            grew: true,
        };
        draft.more(delta);
        self.push(draft.entry(true, Duration::ZERO));
        self.drafts.push(draft);
    }

    fn take_draft(&mut self, block: &SafeText) -> Option<Draft> {
        let at = self.drafts.iter().position(|draft| draft.block == *block)?;
        Some(self.drafts.remove(at))
    }

    fn drop_draft(&mut self, block: &SafeText) {
        let Some(draft) = self.take_draft(block) else {
            return;
        };
        if let Some(at) = self.place(draft.id) {
            self.shown.entries.remove(at);
            self.weight -= self.weights.remove(at);
        }
    }

    fn text(
        &mut self,
        id: EntryId,
        block: &SafeText,
        thought: Option<Duration>,
        lines: &[SafeText],
    ) {
        let lines = lines.to_vec();
        match self.take_draft(block) {
            Some(draft) => {
                let entry = said(draft.id, thought, lines, false);
                let bytes = weight(&entry);
                self.replace(draft.id, entry, bytes);
            }
            None => self.push(said(id, thought, lines, false)),
        }
    }

    /// How long ago the newest that is kept happened; clocks that go back tell nothing.
    fn since_before(&self, wall: Wall) -> Duration {
        let before = self.before.map_or(wall.0, |before| before.0);
        Duration::from_millis(wall.0.saturating_sub(before).max(0).cast_unsigned())
    }

    fn call(&mut self, id: EntryId, wall: Wall, kind: &EventKind) {
        match kind {
            EventKind::CallBegan {
                call,
                origin,
                tool,
                host,
                what,
                exact,
                why,
            } => {
                self.running.insert(call.clone(), id);
                self.push(Entry::Call(CallView {
                    id,
                    call: call.clone(),
                    origin: *origin,
                    tool: tool.clone(),
                    host: host.clone(),
                    what: what.clone(),
                    exact: exact.clone(),
                    why: why.clone(),
                    state: CallState::Running(wall),
                }));
            }
            EventKind::CallEnded { call, result } => {
                let began = self.running.remove(call).and_then(|id| self.place(id));
                let Some(Entry::Call(view)) =
                    began.and_then(|at| self.shown.entries.get(at).map(AsRef::as_ref))
                else {
                    return;
                };
                let entry = Entry::Call(CallView {
                    state: CallState::Ended(result.clone()),
                    ..view.clone()
                });
                let (id, bytes) = (view.id, weight(&entry));
                self.replace(id, entry, bytes);
            }
            _ => {}
        }
    }

    /// A proposal is carried out, or has come to its end; that takes the place of its being under way.
    fn settle(&mut self, id: EntryId, wall: Wall, kind: &EventKind) {
        let (EventKind::Begun { proposal } | EventKind::Decided { proposal, .. }) = kind else {
            return;
        };
        let open = &mut self.shown.proposals;
        let Some(at) = open.iter().position(|open| open.id == *proposal) else {
            return;
        };
        let EventKind::Decided { decided, .. } = kind else {
            let proposal = open.get(at).map(Arc::clone);
            if let Some(proposal) = proposal.filter(|of| !self.carried.contains_key(&of.id)) {
                self.carried.insert(proposal.id, id);
                self.push(Entry::UnderWay { id, wall, proposal });
            }
            return;
        };
        let proposal = open.remove(at);
        let carried = self.carried.remove(&proposal.id);
        let began = carried.filter(|began| self.place(*began).is_some());
        let entry = Entry::Decided {
            id: began.unwrap_or(id),
            wall,
            proposal,
            decided: decided.clone(),
        };
        match began {
            Some(began) => {
                let bytes = weight(&entry);
                self.replace(began, entry, bytes);
            }
            None => self.push(entry),
        }
    }

    fn turn_ended(&mut self, id: EntryId, wall: Wall, (ending, usage): (&Ending, &Usage)) {
        let took = self.since_before(wall);
        for draft in std::mem::take(&mut self.drafts) {
            self.replace(draft.id, draft.entry(false, took), draft.bytes);
        }
        self.turn = false;
        self.shown.usage = usage.clone();
        self.push(Entry::Turn(TurnView {
            id,
            ending: ending.clone(),
            usage: usage.clone(),
        }));
    }

    fn note(&mut self, id: EntryId, wall: Wall, kind: &EventKind) {
        let entry = match kind {
            EventKind::Denied { tool, why } => Entry::Denied {
                id,
                tool: tool.clone(),
                why: why.clone(),
            },
            EventKind::Trouble {
                kind,
                sentence,
                hint,
            } => Entry::Trouble {
                id,
                wall,
                kind: *kind,
                sentence: sentence.clone(),
                hint: hint.clone(),
            },
            EventKind::RunbookBegan { host, name, steps } => Entry::Runbook {
                id,
                wall,
                host: host.clone(),
                name: name.clone(),
                steps: *steps,
            },
            EventKind::RunbookEnded { findings } => Entry::Findings {
                id,
                lines: findings.clone(),
            },
            _ => return,
        };
        self.push(entry);
    }

    fn push(&mut self, entry: Entry) {
        let bytes = weight(&entry);
        self.shown.entries.push(Arc::new(entry));
        self.weights.push(bytes);
        self.weight += bytes;
    }

    /// Entries stand in the order of their ids.
    fn place(&self, id: EntryId) -> Option<usize> {
        self.shown
            .entries
            .binary_search_by_key(&id, |entry| entry.id())
            .ok()
    }

    fn replace(&mut self, id: EntryId, entry: Entry, bytes: usize) {
        let Some(at) = self.place(id) else { return };
        if let (Some(slot), Some(old)) = (self.shown.entries.get_mut(at), self.weights.get_mut(at))
        {
            *slot = Arc::new(entry);
            self.weight = self.weight - *old + bytes;
            *old = bytes;
        }
    }

    /// Drops the oldest entries when there are too many; the newest stays whatever it weighs.
    fn bound(&mut self) {
        let entries = self.shown.entries.len();
        if entries <= MOST_ENTRIES && self.weight <= MOST_BYTES {
            return;
        }
        let mut go = usize::from(entries > MOST_ENTRIES) * entries / 8;
        let mut left = self.weight - self.weights.iter().take(go).sum::<usize>();
        while left > MOST_BYTES && go + 1 < entries {
            left -= self.weights.get(go).copied().unwrap_or_default();
            go += 1;
        }
        self.shown.entries.drain(..go);
        self.weights.drain(..go);
        self.weight = left;
        self.shown.cut = self.shown.cut.saturating_add(go as u64);
    }
}

/// Several lines as one.
fn one_line(lines: &[SafeText]) -> SafeText {
    match lines {
        [line] => line.clone(),
        lines => {
            let words: Vec<&str> = lines.iter().map(SafeText::as_str).collect();
            words.join(" ").into()
        }
    }
}
