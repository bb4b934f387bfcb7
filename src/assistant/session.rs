//! The state of one conversation with the program: what it says, what a person wishes and what time it is become events and
//! orders to the hands. Pure: no process, no clock. Each turn ends exactly once.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::drafts::{Drafts, lines};
use super::event::{Ending, EventKind, Usage};
use super::session_turn::{Stop, StopStep, StopWhy, Turn};
use super::session_words as words;
use super::stream::CliEvent;
use super::transcript::Phase;
use super::trouble::Trouble;
use crate::domain::At;
use crate::text::SafeText;

/// From the start of the program to its first event.
const START_LIMIT: Duration = Duration::from_secs(30);
/// After its input ended, the program has this long to go by itself.
pub(super) const QUIET: Duration = Duration::from_secs(5);

/// What a conversation is held to.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// The names of our tools, without the server's.
    pub(super) tools: BTreeSet<String>,
    /// How long one question may take; the time that it waits for a person does not count.
    pub(super) limit: Duration,
    /// What one program may cost, in US dollars, for the words about it.
    pub(super) budget: f64,
    /// How many turns of the model one question may take, for the words about it.
    pub(super) turns: u32,
}

/// What a person wishes of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Ask; while a turn runs it waits.
    Say(String),
    /// Take back the questions that wait.
    Unqueue,
    /// Stop the turn; the conversation stays usable.
    Interrupt,
    /// So many proposals of this conversation wait for a person now. While one does, silence is nobody's fault and the
    /// turn's limit stands still.
    Awaiting(usize),
    /// End the program, and the conversation with it.
    Close,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exited {
    /// In words: `exit 1`, `SIGKILL`.
    pub(super) how: String,
    /// The end of its standard error.
    pub(super) stderr: String,
}

/// What comes in.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// From a person.
    Wish(Wish),
    /// From the program.
    Line(CliEvent),
    /// A line to the program was lost.
    Unwritten,
    /// The program could not be started.
    NotStarted(Trouble),
    /// The program ended and everything that it printed has come in.
    Exited(Exited),
    /// A moment that [`Session::due`] named has come.
    Time,
}

/// What goes out.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    /// Told to whoever watches.
    Event(EventKind),
    /// To be done.
    Act(Act),
}

/// An order to the hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Start the program.
    Start(Form),
    /// Write a line to it.
    Write(String),
    /// End its input.
    EndInput,
    /// Interrupt it.
    Int,
    /// Ask it to end.
    Term,
    /// End it and whatever it started.
    Kill,
    /// The conversation is over.
    Over,
}

/// How the program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// A new conversation with this name, a UUID.
    Create(String),
    /// An old conversation.
    Resume(String),
}

impl Form {
    fn other(&self) -> Self {
        match self {
            Self::Create(name) => Self::Resume(name.clone()),
            Self::Resume(name) => Self::Create(name.clone()),
        }
    }
}

/// The program behind the conversation.
#[derive(Debug)]
pub(super) enum Program {
    /// None runs.
    None,
    /// It was started and has said nothing yet.
    Starting(Starting),
    /// It has begun at least one turn.
    Up,
    /// It is on its way out: what it still says counts for nothing, and at this moment a harder step follows.
    Leaving { why: Leaving, due: At },
}

#[derive(Debug)]
pub(super) struct Starting {
    form: Form,
    /// The other form was tried before.
    second: bool,
    since: At,
    /// It says that this form is the wrong one.
    pub(super) wrong_form: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Its input ended.
    Quiet,
    /// It was asked to end.
    Asked,
    /// It was killed.
    Killed,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) rules: Rules,
    pub(super) program: Program,
    /// How the program is started next.
    pub(super) form: Form,
    pub(super) turn: Option<Turn>,
    pub(super) stop: Option<Stop>,
    queue: VecDeque<String>,
    pub(super) drafts: Drafts,
    pub(super) usage: Usage,
    /// Why no question is begun by itself; a new one is tried all the same.
    pub(super) dead: Option<SafeText>,
    pub(super) closing: bool,
    awaiting: usize,
    interrupts: u64,
    /// Lines that were no events, and events that we don't know.
    pub(super) odd: u64,
}

impl Session {
    /// A conversation; no program runs before its first question.
    pub(super) fn new(rules: Rules, form: Form) -> Self {
        Self {
            rules,
            program: Program::None,
            form,
            turn: None,
            stop: None,
            queue: VecDeque::new(),
            drafts: Drafts::default(),
            usage: Usage::default(),
            dead: None,
            closing: false,
            awaiting: 0,
            interrupts: 0,
            odd: 0,
        }
    }

    /// Takes in one thing.
    pub(super) fn step(&mut self, at: At, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Wish(wish) => self.wish(at, wish, out),
            Input::Line(event) => self.line(at, event, out),
            Input::Unwritten => self.unwritten(at, out),
            Input::NotStarted(trouble) => self.not_started(at, trouble, out),
            Input::Exited(exited) => self.exited(at, &exited, out),
            Input::Time => self.time(at, out),
        }
    }

    /// What the assistant does now.
    pub(super) fn phase(&self) -> Phase {
        if let Some(stop) = &self.stop {
            return Phase::Stopping(stop.since);
        }
        match (&self.program, &self.turn) {
            (Program::Starting(starting), _) => Phase::Starting(starting.since),
            (_, Some(turn)) => turn.phase(),
            (Program::Leaving { due, .. }, None) => Phase::Stopping(*due),
            (Program::Up, None) => Phase::Idle,
            (Program::None, None) => self.dead.clone().map_or(Phase::Asleep, Phase::Dead),
        }
    }

    /// When [`Input::Time`] is wanted next.
    pub(super) fn due(&self) -> Option<At> {
        let starting = match &self.program {
            // One that is being stopped has the ladder's moments.
            Program::Starting(starting) if self.stop.is_none() => {
                Some(starting.since.plus(START_LIMIT))
            }
            Program::Leaving { due, .. } => Some(*due),
            Program::None | Program::Starting(_) | Program::Up => None,
        };
        let stop = self.stop.as_ref().map(|stop| stop.due);
        let turn = self.turn.as_ref().and_then(|turn| {
            let limit = stop.is_none().then(|| turn.limit()).flatten();
            [limit, turn.silence()].into_iter().flatten().min()
        });
        [starting, stop, turn].into_iter().flatten().min()
    }

    fn wish(&mut self, at: At, wish: Wish, out: &mut Vec<Output>) {
        match wish {
            Wish::Say(_) if self.closing => {}
            Wish::Say(text) => self.say(at, text, out),
            Wish::Unqueue => self.unqueue(out),
            Wish::Interrupt => self.stop(at, StopWhy::Person, out),
            Wish::Awaiting(count) => {
                self.awaiting = count;
                if let Some(turn) = &mut self.turn {
                    turn.awaits(at, count > 0);
                }
            }
            Wish::Close => self.close(at, out),
        }
    }

    fn say(&mut self, at: At, text: String, out: &mut Vec<Output>) {
        let waits = self.turn.is_some()
            || !self.queue.is_empty()
            || matches!(self.program, Program::Leaving { .. });
        if waits {
            out.push(asked(&text, true));
        }
        self.queue.push_back(text);
        if self.turn.is_none() && !matches!(self.program, Program::Leaving { .. }) {
            self.begin_next(at, out);
        }
    }

    fn unqueue(&mut self, out: &mut Vec<Output>) {
        for _ in self.queue.drain(..) {
            out.push(Output::Event(EventKind::Unqueued));
        }
    }

    /// Begins the first question that waits. Told again where it was told as waiting, and always as one that begins.
    pub(super) fn begin_next(&mut self, at: At, out: &mut Vec<Output>) {
        let Some(text) = self.queue.pop_front() else {
            return;
        };
        out.push(asked(&text, false));
        self.dead = None;
        if matches!(self.program, Program::None) {
            self.start(at, self.form.clone(), false, out);
        }
        out.push(Output::Act(Act::Write(words::question(&text))));
        let mut turn = Turn::new(at, self.rules.limit, Some(text));
        turn.awaits(at, self.awaiting > 0);
        self.turn = Some(turn);
    }

    fn start(&mut self, at: At, form: Form, second: bool, out: &mut Vec<Output>) {
        self.program = Program::Starting(Starting {
            form: form.clone(),
            second,
            since: at,
            wrong_form: false,
        });
        out.push(Output::Act(Act::Start(form)));
    }

    fn close(&mut self, at: At, out: &mut Vec<Output>) {
        self.unqueue(out);
        self.closing = true;
        match &self.program {
            Program::None => out.push(Output::Act(Act::Over)),
            Program::Leaving { .. } => {}
            _ if self.turn.is_some() => self.stop(at, StopWhy::Person, out),
            _ => self.end_input(at, out),
        }
    }

    pub(super) fn end_input(&mut self, at: At, out: &mut Vec<Output>) {
        self.leave(Leaving::Quiet, at.plus(QUIET));
        out.push(Output::Act(Act::EndInput));
    }

    pub(super) fn leave(&mut self, why: Leaving, due: At) {
        self.program = Program::Leaving { why, due };
    }

    /// Begins the ladder: an interrupt, then signals. A program that has not begun yet hears only signals.
    pub(super) fn stop(&mut self, at: At, why: StopWhy, out: &mut Vec<Output>) {
        if self.turn.is_none() || self.stop.is_some() {
            return;
        }
        self.interrupts += 1;
        let step = StopStep::Interrupt;
        self.stop = Some(Stop {
            why,
            step,
            since: at,
            due: at.plus(step.patience()),
        });
        out.push(Output::Act(Act::Write(words::interrupt(self.interrupts))));
    }

    fn time(&mut self, at: At, out: &mut Vec<Output>) {
        self.starting_time(at, out);
        self.leaving_time(at, out);
        if let Some(stop) = &mut self.stop
            && at >= stop.due
        {
            stop.step = stop.step.next();
            stop.due = at.plus(stop.step.patience());
            out.push(Output::Act(stop.step.act()));
        }
        let Some(turn) = &mut self.turn else { return };
        if let Some(trouble) = turn.silent_since(at) {
            out.push(Output::Event(trouble.event()));
        }
        if turn.limit().is_some_and(|limit| at >= limit) {
            self.stop(at, StopWhy::Limit, out);
        }
    }

    fn starting_time(&mut self, at: At, out: &mut Vec<Output>) {
        let Program::Starting(starting) = &self.program else {
            return;
        };
        if self.stop.is_some() || at < starting.since.plus(START_LIMIT) {
            return;
        }
        let what = match self.odd {
            0 => "claude was started and has said nothing".to_owned(),
            odd => format!("claude was started and has printed {odd} lines that are no events,"),
        };
        let trouble = Trouble::silent(&what, START_LIMIT);
        self.give_up(at, &trouble, out);
    }

    /// Ends the program at once, and the turn with a trouble.
    pub(super) fn give_up(&mut self, at: At, trouble: &Trouble, out: &mut Vec<Output>) {
        out.push(Output::Act(Act::Kill));
        self.leave(Leaving::Killed, at.plus(QUIET));
        out.push(Output::Event(trouble.event()));
        self.dead = Some(trouble.sentence.clone());
        self.end_turn(at, Ending::Failed(trouble.sentence.clone()), out);
    }

    /// A question that never arrives would wait for its limit. A turn that is being stopped goes on with signals.
    fn unwritten(&mut self, at: At, out: &mut Vec<Output>) {
        if self.turn.is_some() && self.stop.is_none() {
            self.give_up(at, &Trouble::deaf(), out);
        }
    }

    fn leaving_time(&mut self, at: At, out: &mut Vec<Output>) {
        let Program::Leaving { why, due } = &mut self.program else {
            return;
        };
        if at < *due {
            return;
        }
        *due = at.plus(QUIET);
        let (next, act) = match why {
            Leaving::Quiet => (Leaving::Asked, Act::Term),
            Leaving::Asked | Leaving::Killed => (Leaving::Killed, Act::Kill),
        };
        *why = next;
        out.push(Output::Act(act));
    }

    fn not_started(&mut self, at: At, trouble: Trouble, out: &mut Vec<Output>) {
        self.program = Program::None;
        out.push(Output::Event(trouble.event()));
        self.end_turn(at, Ending::Failed(trouble.sentence.clone()), out);
        self.dead = Some(trouble.sentence);
        if self.closing {
            out.push(Output::Act(Act::Over));
        }
    }

    fn exited(&mut self, at: At, exited: &Exited, out: &mut Vec<Output>) {
        let program = std::mem::replace(&mut self.program, Program::None);
        if let Program::Starting(starting) = &program {
            let wrong = starting.wrong_form || says_other_form(&exited.stderr);
            if wrong && !starting.second && self.stop.is_none() && !self.closing {
                return self.other_form(at, starting.form.other(), out);
            }
        }
        if self.turn.is_some() {
            self.died(at, &program, exited, out);
        }
        if self.closing {
            out.push(Output::Act(Act::Over));
        } else if self.dead.is_none() {
            self.begin_next(at, out);
        }
    }

    fn other_form(&mut self, at: At, form: Form, out: &mut Vec<Output>) {
        self.form = form.clone();
        self.start(at, form, true, out);
        if let Some(text) = self.turn.as_ref().and_then(|turn| turn.question.as_deref()) {
            out.push(Output::Act(Act::Write(words::question(text))));
        }
    }

    fn died(&mut self, at: At, program: &Program, exited: &Exited, out: &mut Vec<Output>) {
        let ending = match self.stop.as_ref().map(|stop| stop.why) {
            Some(why) => why.ending(),
            None => {
                let trouble = match program {
                    Program::Starting(_) => Trouble::of_start(&exited.how, &exited.stderr),
                    _ => Trouble::died(&exited.how, &exited.stderr),
                };
                out.push(Output::Event(trouble.event()));
                self.dead = Some(trouble.sentence.clone());
                Ending::Died(trouble.sentence)
            }
        };
        self.end_turn(at, ending, out);
    }

    pub(super) fn end_turn(&mut self, at: At, ending: Ending, out: &mut Vec<Output>) {
        let Some(turn) = self.turn.take() else { return };
        self.told(Drafts::keep_all, out);
        self.stop = None;
        self.usage.took = at.since(turn.since).duration();
        out.push(Output::Event(EventKind::TurnEnded {
            ending,
            usage: self.usage.clone(),
        }));
    }

    pub(super) fn told(
        &mut self,
        act: impl FnOnce(&mut Drafts, &mut Vec<EventKind>),
        out: &mut Vec<Output>,
    ) {
        let mut events = Vec::new();
        act(&mut self.drafts, &mut events);
        out.extend(events.into_iter().map(Output::Event));
    }
}

fn asked(text: &str, queued: bool) -> Output {
    Output::Event(EventKind::Asked {
        text: lines(text),
        queued,
    })
}

/// The program says that a conversation with this name exists already, or that none does.
pub(super) fn says_other_form(text: &str) -> bool {
    text.contains("is already in use") || text.contains("No conversation found")
}
