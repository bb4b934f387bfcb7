//! The plan of a power act (pure): which steps a verb has, what comes next, what a failed or late step means, and how the act
//! ended. It does nothing itself: whoever drives it does what [`PowerPlan::next`] says and reports back.

use std::time::Duration;

use crate::domain::{ActOutcome, At, HostId, PowerVerb};
use crate::text::SafeText;

use super::{PowerAct, PowerStep, StepKind, StepState};

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// The time for a change of mind; zero: none was wanted.
    pub window: Duration,
    /// Looking before it is lost. More than the far side's own budget of 20 s.
    pub evidence: Duration,
    /// Writing down what is in memory.
    pub drain: Duration,
    /// From asking the machine to restart until it has a new boot.
    pub graceful: Duration,
    /// The same for a machine that is seen to go down for it: many servers test themselves for minutes before they boot, and
    /// a cut in the midst of that helps nobody.
    pub restart: Duration,
    /// From sending the verb until its operation on the far side ended.
    pub hard: Duration,
    /// From then until the ladder holds.
    pub verify: Duration,
}

impl Default for StepLimits {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            evidence: Duration::from_secs(25),
            drain: Duration::from_secs(10),
            graceful: Duration::from_mins(1),
            restart: Duration::from_mins(5),
            hard: Duration::from_mins(4),
            verify: Duration::from_mins(5),
        }
    }
}

impl StepLimits {
    /// The limit of one step.
    pub fn of(&self, step: StepKind) -> Duration {
        match step {
            StepKind::Window => self.window,
            StepKind::Evidence => self.evidence,
            StepKind::Drain => self.drain,
            StepKind::Graceful => self.graceful,
            StepKind::Hard => self.hard,
            StepKind::Verify => self.verify,
        }
    }
}

/// The steps of a verb, in order. `start` takes nothing away and waits for nobody; only `cycle` wants the machine back as
/// soon as it may, so only there it is asked to restart by itself first. Verbs that only look have none.
pub fn steps_of(verb: PowerVerb) -> &'static [StepKind] {
    use StepKind::{Drain, Evidence, Graceful, Hard, Verify, Window};
    match verb {
        PowerVerb::Status | PowerVerb::Forensics => &[],
        PowerVerb::Start => &[Hard, Verify],
        PowerVerb::Stop | PowerVerb::Reset => &[Window, Evidence, Drain, Hard, Verify],
        PowerVerb::Cycle => &[Window, Evidence, Drain, Graceful, Hard, Verify],
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Todo {
    /// Nothing until this moment (or until the step at work has reported): then ask again.
    Wait(At),
    /// Begin this step and report on it. It is told once; at `until` at the latest the plan goes on without it.
    Begin {
        /// The step; never the window, which needs nobody.
        step: StepKind,
        /// Its end at the latest.
        until: At,
    },
    /// Nothing more: this became of it.
    Ended(ActOutcome),
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepReport {
    /// It is still at work; this is seen of it.
    Seen(SafeText),
    /// It did what it should.
    Done(SafeText),
    /// It was not possible or not needed.
    Skipped(SafeText),
    /// It failed.
    Failed(SafeText),
    /// Nobody can tell.
    Unknown(SafeText),
}

/// What an abort came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aborted {
    /// It ended at once: no step was at work but the window or the wait for a new boot, and the verb will not leave.
    AtOnce,
    /// The step at work goes to its end; nothing follows.
    AfterStep(StepKind),
    /// The verb has left, or the act is over: it can't be taken back.
    TooLate,
}

/// A power act on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerPlan {
    act: PowerAct,
    limits: StepLimits,
    /// Why the host itself can't be asked for anything.
    unreachable: Option<SafeText>,
    aborted: bool,
    /// The machine went down as it was asked to, and nothing but its new boot is waited for.
    is_awaited: bool,
    verdict: Verdict,
}

/// What the steps so far mean for the act.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Nothing that decides it.
    Open,
    /// The machine did restart by itself: the verb is not needed.
    Restarted,
    /// The verb's answer was lost, for this reason.
    Unsure(SafeText),
    /// It can only end so.
    Fixed(ActOutcome),
}

impl PowerPlan {
    /// A plan that begins now. `unreachable`: why the host itself can't be asked for anything, where that is known.
    pub fn new(
        host: HostId,
        verb: PowerVerb,
        limits: StepLimits,
        unreachable: Option<SafeText>,
        at: At,
    ) -> Self {
        let steps = steps_of(verb)
            .iter()
            .map(|kind| PowerStep {
                kind: *kind,
                state: StepState::Waiting,
            })
            .collect();
        Self {
            act: PowerAct {
                host,
                verb,
                since: at,
                steps,
                ended: None,
            },
            limits,
            unreachable,
            aborted: false,
            is_awaited: false,
            verdict: Verdict::Open,
        }
    }

    /// What a person sees of it.
    pub fn act(&self) -> &PowerAct {
        &self.act
    }

    /// How it ended.
    pub fn outcome(&self) -> Option<&ActOutcome> {
        self.act.ended.as_ref().map(|(_, outcome)| outcome)
    }

    /// The step at work.
    pub fn at_work(&self) -> Option<StepKind> {
        self.running().map(|(step, ..)| step.kind)
    }

    /// The host can be asked again, or can't for this reason: steps that need it are skipped in these words.
    pub fn reachable(&mut self, reach: Result<(), SafeText>) {
        self.unreachable = reach.err();
    }

    /// The machine went down when it was asked to restart: it has longer to come back.
    pub fn restarting(&mut self) {
        let longer = self.limits.restart;
        self.is_awaited = self.at_work() == Some(StepKind::Graceful);
        for step in &mut self.act.steps {
            if let (StepKind::Graceful, StepState::Running { since, until, .. }) =
                (step.kind, &mut step.state)
            {
                *until = (*until).max(Some(since.plus(longer)));
            }
        }
    }

    /// What to do now. Ends steps that took too long.
    pub fn next(&mut self, at: At) -> Todo {
        loop {
            if let Some((_, outcome)) = &self.act.ended {
                return Todo::Ended(outcome.clone());
            }
            if let Some((step, since, until)) = self.running() {
                if at < until {
                    return Todo::Wait(until);
                }
                let kind = step.kind;
                self.too_late(kind, since, at);
                continue;
            }
            let Some(kind) = self.waiting() else {
                self.end(at);
                continue;
            };
            if let Some(why) = self.needless(kind) {
                self.set(kind, StepState::Skipped { why });
                continue;
            }
            let until = at.plus(self.limits.of(kind));
            self.set(
                kind,
                StepState::Running {
                    since: at,
                    until: Some(until),
                    words: begun(kind, self.act.verb),
                },
            );
            if kind != StepKind::Window {
                return Todo::Begin { step: kind, until };
            }
        }
    }

    /// Takes in what became of a step. A step that is not at work is not heard: it was late. Nor is the window: only time
    /// ends it.
    pub fn report(&mut self, step: StepKind, report: StepReport, at: At) {
        if step == StepKind::Window {
            return;
        }
        let Some((_, since, until)) = self.running().filter(|(s, ..)| s.kind == step) else {
            return;
        };
        let took = at.since(since).duration();
        let state = match report {
            StepReport::Seen(words) => StepState::Running {
                since,
                until: Some(until),
                words,
            },
            StepReport::Done(words) => {
                self.done(step);
                StepState::Done { took, words }
            }
            StepReport::Skipped(why) => StepState::Skipped { why },
            StepReport::Failed(why) => {
                self.failed(step, &why);
                StepState::Failed { why }
            }
            StepReport::Unknown(why) => {
                self.unknown(step, &why);
                StepState::Failed { why }
            }
        };
        self.set(step, state);
    }

    /// A person changed their mind.
    pub fn abort(&mut self, at: At) -> Aborted {
        let at_work = self.at_work();
        let left = self
            .act
            .steps
            .iter()
            .any(|step| step.kind == StepKind::Hard && step.state != StepState::Waiting);
        if self.act.ended.is_some() || left {
            return Aborted::TooLate;
        }
        self.aborted = true;
        match at_work {
            None | Some(StepKind::Window) => {
                if let Some(kind) = at_work {
                    self.set(kind, StepState::Aborted);
                }
                self.end(at);
                Aborted::AtOnce
            }
            Some(StepKind::Graceful) if self.is_awaited => {
                let why = SafeText::new("its new boot is not waited for");
                self.set(StepKind::Graceful, StepState::Failed { why });
                self.end(at);
                Aborted::AtOnce
            }
            Some(kind) => Aborted::AfterStep(kind),
        }
    }

    fn running(&self) -> Option<(&PowerStep, At, At)> {
        self.act.steps.iter().find_map(|step| match step.state {
            StepState::Running {
                since,
                until: Some(until),
                ..
            } => Some((step, since, until)),
            _ => None,
        })
    }

    /// The next step whose turn may come.
    fn waiting(&self) -> Option<StepKind> {
        if self.aborted || matches!(self.verdict, Verdict::Fixed(_)) {
            return None;
        }
        self.act
            .steps
            .iter()
            .find(|step| step.state == StepState::Waiting)
            .map(|step| step.kind)
    }

    fn set(&mut self, kind: StepKind, state: StepState) {
        if let Some(step) = self.act.steps.iter_mut().find(|step| step.kind == kind) {
            step.state = state;
        }
    }

    /// Why a step whose turn has come is passed over.
    fn needless(&self, kind: StepKind) -> Option<SafeText> {
        match kind {
            StepKind::Window if self.limits.window.is_zero() => {
                Some(SafeText::new("no time for a change of mind was wanted"))
            }
            StepKind::Drain | StepKind::Graceful => self
                .unreachable
                .as_ref()
                .map(|why| SafeText::new(&format!("the host can't be asked: {why}"))),
            StepKind::Hard if self.verdict == Verdict::Restarted => {
                Some(SafeText::new("not needed: it restarted by itself"))
            }
            _ => None,
        }
    }

    fn too_late(&mut self, kind: StepKind, since: At, at: At) {
        let took = at.since(since);
        if kind == StepKind::Window {
            let words = SafeText::new("nobody objected");
            let took = took.duration();
            self.set(kind, StepState::Done { took, words });
            return;
        }
        let why = SafeText::new(&format!("no end of it after {}", took.words()));
        match kind {
            StepKind::Hard => self.report(kind, StepReport::Unknown(why), at),
            _ => self.report(kind, StepReport::Failed(why), at),
        }
    }

    fn done(&mut self, step: StepKind) {
        match step {
            StepKind::Graceful => self.verdict = Verdict::Restarted,
            StepKind::Verify => self.verdict = Verdict::Fixed(ActOutcome::Done),
            _ => {}
        }
    }

    fn failed(&mut self, step: StepKind, why: &SafeText) {
        let what = match (step, &self.verdict) {
            (StepKind::Hard, _) => why.clone(),
            (StepKind::Verify, Verdict::Unsure(lost)) => {
                let why = format!("{lost}; and afterwards: {why}");
                self.verdict = Verdict::Fixed(ActOutcome::Unknown(SafeText::new(&why)));
                return;
            }
            (StepKind::Verify, _) => SafeText::new(&format!("{} {why}", but(self.act.verb))),
            _ => return,
        };
        self.verdict = Verdict::Fixed(ActOutcome::Failed(what));
    }

    fn unknown(&mut self, step: StepKind, why: &SafeText) {
        match step {
            StepKind::Hard => self.verdict = Verdict::Unsure(why.clone()),
            StepKind::Verify => {
                self.verdict = Verdict::Fixed(ActOutcome::Unknown(why.clone()));
            }
            _ => {}
        }
    }

    /// No step follows: those that wait are closed, and the outcome is written down.
    fn end(&mut self, at: At) {
        let outcome = self.conclude();
        for step in &mut self.act.steps {
            if step.state == StepState::Waiting {
                step.state = if self.aborted {
                    StepState::Aborted
                } else {
                    let why = SafeText::new("what came before it failed");
                    StepState::Skipped { why }
                };
            }
        }
        self.act.ended = Some((at, outcome));
    }

    fn conclude(&self) -> ActOutcome {
        if self.aborted {
            let passed = self
                .act
                .steps
                .iter()
                .rfind(|step| {
                    matches!(
                        step.state,
                        StepState::Done { .. } | StepState::Failed { .. }
                    )
                })
                .filter(|step| step.kind != StepKind::Window);
            let words = match passed {
                None => "cancelled in the window".to_owned(),
                Some(step) => format!(
                    "aborted after the step {:?}; {} was not sent",
                    step.kind.word(),
                    self.act.verb
                ),
            };
            return ActOutcome::Failed(SafeText::new(&words));
        }
        match &self.verdict {
            Verdict::Fixed(outcome) => outcome.clone(),
            Verdict::Unsure(why) => ActOutcome::Unknown(why.clone()),
            Verdict::Open | Verdict::Restarted => ActOutcome::Done,
        }
    }
}

/// Whether a verb is known to have happened, by the outcome of its plan: it may have failed only afterwards.
pub fn was_done(verb: PowerVerb, outcome: &ActOutcome) -> bool {
    match outcome {
        ActOutcome::Done => true,
        ActOutcome::Failed(why) => why.as_str().starts_with(&but(verb)),
        ActOutcome::Unknown(_) => false,
    }
}

/// How the sentence begins of a verb that was done, and did not help.
fn but(verb: PowerVerb) -> String {
    format!("{verb} was done, but")
}

/// What is said of a step before it says anything itself.
fn begun(kind: StepKind, verb: PowerVerb) -> SafeText {
    SafeText::new(match (kind, verb) {
        (StepKind::Window, _) => "nothing has left yet",
        (StepKind::Evidence, _) => "asking what will be lost",
        (StepKind::Drain, _) => "writing what is in memory to disk",
        (StepKind::Graceful, _) => "asking the machine to restart by itself",
        (StepKind::Hard, _) => "sending the verb",
        (StepKind::Verify, PowerVerb::Stop) => "waiting until it is down",
        (StepKind::Verify, _) => "waiting until it is back",
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(verb: PowerVerb) -> PowerPlan {
        let host = HostId::new("spark-1");
        PowerPlan::new(host, verb, StepLimits::default(), None, At(0))
    }

    fn words() -> SafeText {
        SafeText::new("words")
    }

    /// Drives a plan by a script of reports, and gives the steps that were begun and the outcome.
    fn drive(
        mut plan: PowerPlan,
        answer: impl Fn(StepKind) -> Option<StepReport>,
    ) -> (Vec<StepKind>, ActOutcome) {
        let mut at = At(0);
        let mut begun = Vec::new();
        loop {
            match plan.next(at) {
                Todo::Wait(until) => at = until,
                Todo::Begin { step, until } => {
                    begun.push(step);
                    assert_eq!(plan.at_work(), Some(step));
                    at = At(at.0 + 1000);
                    match answer(step) {
                        Some(report) => plan.report(step, report, at),
                        None => at = until,
                    }
                }
                Todo::Ended(outcome) => {
                    assert_eq!(plan.outcome(), Some(&outcome));
                    return (begun, outcome);
                }
            }
        }
    }

    fn done() -> StepReport {
        StepReport::Done(words())
    }

    #[test]
    fn each_verb_has_its_steps() {
        use StepKind::{Drain, Evidence, Graceful, Hard, Verify};
        let rows: [(PowerVerb, &[StepKind]); 6] = [
            (PowerVerb::Status, &[]),
            (PowerVerb::Forensics, &[]),
            (PowerVerb::Start, &[Hard, Verify]),
            (PowerVerb::Stop, &[Evidence, Drain, Hard, Verify]),
            (PowerVerb::Reset, &[Evidence, Drain, Hard, Verify]),
            // It restarted by itself: the verb is not needed.
            (PowerVerb::Cycle, &[Evidence, Drain, Graceful, Verify]),
        ];
        for (verb, wanted) in rows {
            let (begun, outcome) = drive(plan(verb), |_| Some(done()));
            assert_eq!(begun, wanted, "{verb}");
            assert_eq!(outcome, ActOutcome::Done, "{verb}");
        }
    }

    /// What one step says, what then is begun, and how the act ends.
    #[test]
    fn what_a_step_says_decides_what_follows() {
        use StepKind::{Drain, Evidence, Graceful, Hard, Verify};
        let failed = || Some(StepReport::Failed(words()));
        let unknown = || Some(StepReport::Unknown(words()));
        let all: &[StepKind] = &[Evidence, Drain, Graceful, Hard, Verify];
        let to_hard: &[StepKind] = &[Evidence, Drain, Graceful, Hard];
        let rows: Vec<(StepKind, Option<StepReport>, &[StepKind], &str)> = vec![
            (Evidence, failed(), all, "done"),
            (Evidence, unknown(), all, "done"),
            (Evidence, None, all, "done"),
            (Drain, failed(), all, "done"),
            (Drain, None, all, "done"),
            (Drain, Some(StepReport::Skipped(words())), all, "done"),
            (Graceful, None, all, "done"),
            (Graceful, unknown(), all, "done"),
            (Hard, failed(), to_hard, "failed"),
            // Its answer was lost, and the machine came back: the ladder has the last word.
            (Hard, unknown(), all, "done"),
            (Hard, None, all, "done"),
            (Verify, failed(), all, "failed"),
            (Verify, None, all, "failed"),
            (Verify, unknown(), all, "unknown"),
        ];
        for (step, report, wanted, end) in rows {
            let (begun, outcome) = drive(plan(PowerVerb::Cycle), |kind| match kind {
                _ if kind == step => report.clone(),
                Graceful => failed(),
                _ => Some(done()),
            });
            assert_eq!(begun, wanted, "{step:?} {report:?}");
            let seen = match outcome {
                ActOutcome::Done => "done",
                ActOutcome::Failed(_) => "failed",
                ActOutcome::Unknown(_) => "unknown",
            };
            assert_eq!(seen, end, "{step:?} {report:?}");
        }
    }

    #[test]
    fn a_lost_answer_and_a_machine_that_stays_away_is_unknown() {
        let (_, outcome) = drive(plan(PowerVerb::Cycle), |kind| match kind {
            StepKind::Hard | StepKind::Verify => None,
            _ => Some(StepReport::Failed(words())),
        });
        assert!(matches!(outcome, ActOutcome::Unknown(_)), "{outcome:?}");
    }

    #[test]
    fn what_needs_the_host_is_skipped_in_words_when_it_is_silent() {
        let mut plan = plan(PowerVerb::Cycle);
        plan.reachable(Err("wedged at login".into()));
        let (begun, outcome) = drive(plan.clone(), |_| Some(done()));
        assert_eq!(
            begun,
            [StepKind::Evidence, StepKind::Hard, StepKind::Verify]
        );
        assert_eq!(outcome, ActOutcome::Done);
        plan.limits.window = Duration::ZERO;
        assert_eq!(
            plan.next(At(5)),
            Todo::Begin {
                step: StepKind::Evidence,
                until: At(25_005)
            }
        );
        assert!(matches!(
            &plan.act().steps[0].state,
            StepState::Skipped { .. }
        ));
    }

    #[test]
    fn the_window_lets_nothing_leave_before_its_end() {
        let mut plan = plan(PowerVerb::Stop);
        assert_eq!(plan.next(At(0)), Todo::Wait(At(10_000)));
        assert_eq!(plan.next(At(9_999)), Todo::Wait(At(10_000)));
        let mut other = plan.clone();
        assert!(matches!(plan.next(At(10_000)), Todo::Begin { .. }));
        assert_eq!(other.abort(At(9_999)), Aborted::AtOnce);
        let cancelled = ActOutcome::Failed("cancelled in the window".into());
        assert_eq!(other.next(At(20_000)), Todo::Ended(cancelled));
        assert!(
            other
                .act()
                .steps
                .iter()
                .all(|step| step.state == StepState::Aborted)
        );
        assert_eq!(other.abort(At(20_000)), Aborted::TooLate);
    }

    #[test]
    fn an_abort_between_steps_lets_the_step_end_and_nothing_follow() {
        let mut plan = plan(PowerVerb::Cycle);
        plan.limits.window = Duration::ZERO;
        plan.next(At(0));
        assert_eq!(plan.abort(At(1)), Aborted::AfterStep(StepKind::Evidence));
        assert_eq!(plan.next(At(2)), Todo::Wait(At(25_000)));
        plan.report(StepKind::Evidence, StepReport::Done(words()), At(3));
        let Todo::Ended(ActOutcome::Failed(why)) = plan.next(At(4)) else {
            panic!("it went on")
        };
        assert!(why.as_str().contains("cycle was not sent"), "{why}");
    }

    #[test]
    fn an_abort_in_the_wait_for_a_new_boot_ends_it_at_once() {
        let mut plan = plan(PowerVerb::Cycle);
        plan.limits.window = Duration::ZERO;
        for step in [StepKind::Evidence, StepKind::Drain] {
            plan.next(At(0));
            plan.report(step, StepReport::Done(words()), At(1));
        }
        assert!(matches!(
            plan.next(At(2)),
            Todo::Begin {
                step: StepKind::Graceful,
                ..
            }
        ));
        let mut asking = plan.clone();
        assert_eq!(asking.abort(At(3)), Aborted::AfterStep(StepKind::Graceful));
        plan.restarting();
        assert_eq!(plan.abort(At(3)), Aborted::AtOnce);
        let Todo::Ended(ActOutcome::Failed(why)) = plan.next(At(4)) else {
            panic!("it is still at work")
        };
        assert!(why.as_str().contains("cycle was not sent"), "{why}");
    }

    #[test]
    fn a_verb_that_has_left_is_not_taken_back() {
        let mut plan = plan(PowerVerb::Start);
        assert!(matches!(
            plan.next(At(0)),
            Todo::Begin {
                step: StepKind::Hard,
                ..
            }
        ));
        assert_eq!(plan.abort(At(1)), Aborted::TooLate);
        plan.report(StepKind::Hard, StepReport::Done(words()), At(2));
        assert_eq!(plan.abort(At(3)), Aborted::TooLate);
        assert!(matches!(
            plan.next(At(4)),
            Todo::Begin {
                step: StepKind::Verify,
                ..
            }
        ));
    }

    fn any_report() -> impl Strategy<Value = StepReport> {
        prop_oneof![
            Just(StepReport::Seen(words())),
            Just(StepReport::Done(words())),
            Just(StepReport::Skipped(words())),
            Just(StepReport::Failed(words())),
            Just(StepReport::Unknown(words())),
        ]
    }

    #[derive(Debug, Clone)]
    enum Event {
        Tick(u64),
        Report(usize, StepReport),
        Abort,
        Reach(bool),
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0_u64..200_000).prop_map(Event::Tick),
            6 => (0_usize..6, any_report()).prop_map(|(step, report)| Event::Report(step, report)),
            1 => Just(Event::Abort),
            1 => any::<bool>().prop_map(Event::Reach),
        ]
    }

    proptest! {
        /// Whatever comes in whatever order: the verb leaves at most once, never after an abort that was granted, never
        /// before the window is over; one step is at work at a time; the act ends, and stays as it ended.
        #[test]
        fn the_verb_leaves_at_most_once(verb in 0_usize..6, events in prop::collection::vec(any_event(), 0..80)) {
            let verb = PowerVerb::ALL[verb];
            let mut plan = plan(verb);
            let mut at = At(0);
            let (mut sent, mut stopped, mut ended) = (0, false, None);
            let mut turn = |plan: &mut PowerPlan, at: At, stopped: bool| {
                match plan.next(at) {
                    Todo::Begin { step: StepKind::Hard, .. } => {
                        sent += 1;
                        assert!(!stopped, "the verb left after an abort");
                        assert!(!verb.is_hard() || at >= At(10_000), "it left in its window");
                    }
                    Todo::Ended(outcome) => {
                        assert_eq!(ended.get_or_insert_with(|| outcome.clone()), &outcome);
                    }
                    Todo::Wait(until) => assert!(until > at),
                    Todo::Begin { .. } => {}
                }
                assert!(sent <= 1);
                let running = plan.act().steps.iter()
                    .filter(|step| matches!(step.state, StepState::Running { .. })).count();
                assert!(running <= 1);
            };
            for event in events {
                match event {
                    Event::Tick(by) => at = At(at.0 + by),
                    Event::Report(step, report) => plan.report(KINDS[step], report, at),
                    Event::Abort => stopped |= plan.abort(at) != Aborted::TooLate,
                    Event::Reach(yes) => plan.reachable(if yes { Ok(()) } else { Err(words()) }),
                }
                turn(&mut plan, at, stopped);
            }
            for _ in 0..20 {
                at = At(at.0 + 1_000_000);
                turn(&mut plan, at, stopped);
            }
            prop_assert!(plan.outcome().is_some());
            let waits = plan.act().steps.iter()
                .any(|step| matches!(step.state, StepState::Waiting | StepState::Running { .. }));
            prop_assert!(!waits);
        }
    }

    const KINDS: [StepKind; 6] = [
        StepKind::Window,
        StepKind::Evidence,
        StepKind::Drain,
        StepKind::Graceful,
        StepKind::Hard,
        StepKind::Verify,
    ];
}
