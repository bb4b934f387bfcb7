//! The works of a simulated machine (pure): each is a list of moments, so that it tells at every moment what the runner of jobs
//! would tell of it then. What a moment does to the machine is done by whoever plays the work.

use std::fmt::Write as _;
use std::sync::Arc;

use super::fetched::Fetch;
use super::launched::Launched;
use super::reserved::Reservation;
use crate::domain::Wall;

/// What a machine has been told to do, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Orders {
    all: Vec<Order>,
    generation: u64,
    /// The model that answered last, by its key.
    pub(super) served: Option<String>,
    /// Swaps that came to their end here, as the history of a host has them.
    pub(super) history: Vec<String>,
    /// Weights that came from another machine.
    pub(super) given: Vec<Fetch>,
    /// Repositories that were deleted, with when.
    pub(super) deleted: Vec<(String, Wall)>,
    /// Who holds the place.
    pub(super) reservation: Option<Reservation>,
}

/// One work.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) label: String,
    pub(super) begun: Wall,
    pub(super) beats: Vec<Beat>,
    /// What it fetches.
    pub(super) fetch: Option<Fetch>,
    /// What is left of what it launches when it is cancelled.
    pub(super) launches: Option<Arc<Launched>>,
    generation: u64,
    cancelled: Option<Wall>,
}

/// A moment of a work, in milliseconds after its beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beat {
    pub(super) at: i64,
    pub(super) what: What,
}

/// What is told, or done, at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Mark(&'static str, String),
    Line(String),
    Do(Deed),
}

/// What is done to a machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// A container stops.
    Stop(String),
    /// A container comes.
    Launch(Arc<Launched>),
    /// A container ends by itself with this status.
    Ends(String, i32),
    /// A container is taken away.
    Remove(String),
    /// A model answers: its key, and how its swap stands in the history.
    Served(Option<String>, String),
    /// Weights are here.
    Keep(Fetch),
    /// Weights are gone.
    Delete(String),
    /// The same on the machine with this address.
    Over(String, Box<Deed>),
}

impl Order {
    pub(super) fn new(id: &str, key: &str, label: &str, begun: Wall, beats: Vec<Beat>) -> Self {
        Self {
            id: id.to_owned(),
            key: key.to_owned(),
            label: label.to_owned(),
            begun,
            beats,
            fetch: None,
            launches: None,
            generation: 1,
            cancelled: None,
        }
    }

    /// Milliseconds that it has been at work.
    pub(super) fn age(&self, now: Wall) -> i64 {
        now.0 - self.begun.0
    }

    /// Up to when its beats count.
    pub(super) fn until(&self, now: Wall) -> i64 {
        self.age(self.cancelled.map_or(now, |at| at.min(now)))
    }

    pub(super) fn runs(&self, now: Wall) -> bool {
        let last = self.beats.last().map_or(0, |beat| beat.at);
        self.cancelled.is_none() && self.age(now) < last
    }

    fn state(&self, now: Wall) -> String {
        if self.runs(now) {
            return "running".into();
        }
        if self.cancelled.is_some() {
            return "cancelled 143".into();
        }
        let bad = |beat: &Beat| match &beat.what {
            What::Mark(key, value) => {
                *key == "failed" || *key == "end" && value.starts_with("failed")
            }
            _ => false,
        };
        format!("ended {}", i32::from(self.beats.iter().any(bad)))
    }

    /// The marks as they stand: each with when it was made.
    fn marks(&self, now: Wall) -> Vec<(&'static str, i64, &str)> {
        let until = self.until(now);
        let mut marks: Vec<(&'static str, i64, &str)> = Vec::new();
        for beat in self.beats.iter().filter(|beat| beat.at <= until) {
            if let What::Mark(key, value) = &beat.what {
                marks.retain(|(known, ..)| known != key);
                marks.push((key, (self.begun.0 + beat.at) / 1000, value));
            }
        }
        marks
    }

    fn log(&self, now: Wall) -> String {
        let until = self.until(now);
        let mut log = String::new();
        for beat in self.beats.iter().filter(|beat| beat.at <= until) {
            if let What::Line(line) = &beat.what {
                let _ = writeln!(log, "{line}");
            }
        }
        log
    }

    fn tell_marks(&self, now: Wall) -> String {
        let mut text = String::new();
        for (key, at, value) in self.marks(now) {
            let _ = writeln!(text, "mark {key} {at} {value}");
        }
        text
    }

    fn told(&self, now: Wall) -> String {
        format!(
            "job {} {} {}\nlabel {}\nlease {} {}\n{}",
            self.id,
            self.begun.0 / 1000,
            self.state(now),
            self.label,
            self.generation,
            self.key,
            self.tell_marks(now)
        )
    }

    fn follow(&self, from: usize, now: Wall) -> String {
        let log = self.log(now);
        let from = from.min(log.len());
        let part = log.get(from..).unwrap_or_default();
        format!(
            "state {}\nlog {from} {}\n{}end\n\n{part}",
            self.state(now),
            log.len(),
            self.tell_marks(now)
        )
    }

    /// The next deed from this beat on, with its place and how long it is until then.
    pub(super) fn next_deed(&self, from: usize, now: Wall) -> Option<(usize, i64, Deed)> {
        let mut beats = self.beats.iter().enumerate().skip(from);
        beats.find_map(|(place, beat)| match &beat.what {
            What::Do(deed) if self.cancelled.is_none() => {
                Some((place, beat.at - self.age(now), deed.clone()))
            }
            _ => None,
        })
    }

    /// The phase of a swap that is at work, with when it began.
    fn phase(&self, now: Wall) -> Option<(&'static str, String)> {
        self.marks(now).into_iter().find_map(|(key, _, value)| {
            let since = value.strip_prefix("running ")?.split(' ').next()?;
            Some((key, since.to_owned()))
        })
    }

    fn cancel(&mut self, now: Wall) -> Vec<Deed> {
        let at = self.age(now);
        self.beats.retain(|beat| beat.at <= at);
        let mut tell = |what| self.beats.push(Beat { at, what });
        tell(What::Line("pilothouse: cancelled".into()));
        let Some((phase, since)) = self.phase(now) else {
            self.cancelled = Some(now);
            return Vec::new();
        };
        let comes = matches!(phase, "launch" | "load" | "ready");
        let left = if comes {
            "nothing is served"
        } else {
            "what was served before may be stopped or not: look at it"
        };
        let took = (now.0 - since.parse::<i64>().unwrap_or(0) * 1000).max(0) / 10;
        let mut tell = |what| self.beats.push(Beat { at, what });
        tell(What::Mark("end", format!("cancelled {phase}")));
        tell(What::Mark(
            phase,
            format!("cancelled {since} {took} {left}"),
        ));
        tell(What::Mark("left", left.to_owned()));
        self.cancelled = Some(now);
        let launched = self.launches.iter().filter(|_| comes);
        launched
            .flat_map(|launched| launched.everywhere(Deed::Remove(launched.name.clone())))
            .collect()
    }
}

impl Orders {
    /// Takes a work.
    pub(super) fn add(&mut self, mut order: Order) {
        self.generation += 1;
        order.generation = self.generation;
        self.all.push(order);
    }

    pub(super) fn find(&self, id: &str) -> Option<&Order> {
        self.all.iter().find(|order| order.id == id)
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.all.iter()
    }

    /// Whoever is at work on the same thing.
    pub(super) fn holder(&self, key: &str, now: Wall) -> Option<&Order> {
        let mut all = self.all.iter();
        all.find(|order| !key.is_empty() && order.key == key && order.runs(now))
    }

    /// What the runner answers to a verb that begins nothing, and what is to be done for it.
    pub(super) fn answer(&mut self, verb: &str, words: &[&str], now: Wall) -> (String, Vec<Deed>) {
        let id = words.first().copied().unwrap_or_default();
        let missing = || (format!("missing {id}\n"), Vec::new());
        if verb == "list" {
            let all = self.all.iter().map(|order| order.told(now));
            return (all.collect(), Vec::new());
        }
        let Some(order) = self.all.iter_mut().find(|order| order.id == id) else {
            return missing();
        };
        match verb {
            "look" => (order.told(now), Vec::new()),
            "state" => (format!("state {}\n", order.state(now)), Vec::new()),
            "cancel" => {
                let deeds = if order.runs(now) {
                    order.cancel(now)
                } else {
                    Vec::new()
                };
                (format!("state {}\n", order.state(now)), deeds)
            }
            "forget" => {
                self.all.retain(|order| order.id != id || order.runs(now));
                ("forgotten\n".into(), Vec::new())
            }
            _ => ("refused this machine is simulated\n".into(), Vec::new()),
        }
    }

    /// A part of a log, which is the last that is said.
    pub(super) fn follow(&self, id: &str, from: usize, now: Wall) -> String {
        match self.find(id) {
            Some(order) => order.follow(from, now),
            None => format!("missing {id}\nend\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::swapped::{Found, Swap};

    const BEGUN: Wall = Wall(1_795_295_051_000);

    fn after(seconds: i64) -> Wall {
        Wall(BEGUN.0 + seconds * 1000)
    }

    fn found() -> Found {
        Found {
            running: vec![("vllm_node".into(), 44_310), ("web".into(), 0)],
            before: Some("old".into()),
            shards: Some(8),
            gpu: (124_600, 60_000, 1),
            reserved: None,
        }
    }

    fn swap(repo: &str) -> Swap {
        let launch = format!(
            "./launch-cluster.sh -t vllm-node exec vllm serve {repo} --gpu-memory-utilization=0.7"
        );
        Swap::read(&[
            "base",
            "",
            "place",
            "spark-1",
            "by",
            "ann@desk",
            "stop-container",
            "vllm_node",
            "model",
            "new",
            "launch",
            &launch,
            "name",
            "vllm_node",
            "port",
            "8888",
        ])
    }

    fn orders(found: &Found, swap: &Swap) -> Orders {
        let (beats, launches) = swap.beats(found, BEGUN);
        let mut order = Order::new("job-1", "models-swap", "swap", BEGUN, beats);
        order.launches = launches;
        let mut orders = Orders::default();
        orders.add(order);
        orders
    }

    fn look(orders: &mut Orders, verb: &str, now: Wall) -> String {
        orders.answer(verb, &["job-1"], now).0
    }

    #[test]
    fn a_swap_is_told_phase_by_phase_and_does_what_it_tells() {
        let mut orders = orders(&found(), &swap("a/b"));
        assert!(look(&mut orders, "look", after(1)).contains("\nmark stop 1795295051 running"));
        let loading = look(&mut orders, "look", after(16));
        assert!(
            loading.contains("stop") && loading.contains("43.3 GiB came back"),
            "{loading}"
        );
        assert!(loading.contains(" of 8\n") && loading.contains("mark before 1795295051 old"));
        let done = look(&mut orders, "look", after(40));
        assert!(
            done.contains("ended 0") && done.contains(" served\n"),
            "{done}"
        );
        let order = orders.find("job-1").unwrap();
        let deeds: Vec<Deed> = order
            .beats
            .iter()
            .filter_map(|beat| match &beat.what {
                What::Do(deed) => Some(deed.clone()),
                _ => None,
            })
            .collect();
        assert!(
            matches!(deeds.as_slice(), [Deed::Stop(_), Deed::Launch(_), Deed::Served(Some(model), _)] if model == "new"),
            "{deeds:?}"
        );
        assert!(
            orders
                .follow("job-1", 0, after(40))
                .contains("this machine is simulated")
        );
    }

    #[test]
    fn a_swap_that_can_not_be_fails_as_a_real_one_would() {
        let none = Found {
            shards: None,
            ..found()
        };
        let small = Found {
            gpu: (124_600, 1_000, 1),
            ..found()
        };
        let held = Found {
            reserved: Some("reserved by ann".into()),
            ..found()
        };
        for (found, swap, end) in [
            (
                &none,
                swap("a/b"),
                "failed load its container ended with status 1: OSError: a/b",
            ),
            (
                &small,
                swap("a/b"),
                "failed load its container ended with status 1: ValueError: Free memory",
            ),
            (&held, swap("a/b"), "failed lock reserved by ann"),
            (
                &none,
                swap("nothing"),
                "failed launch it could not be started: only vLLM",
            ),
        ] {
            let told = look(&mut orders(found, &swap), "look", after(60));
            assert!(
                told.contains(end) && told.contains("ended 1"),
                "{end}: {told}"
            );
        }
    }

    #[test]
    fn a_cancelled_swap_takes_what_it_launched_away() {
        let mut orders = orders(&found(), &swap("a/b"));
        let (said, deeds) = orders.answer("cancel", &["job-1"], after(12));
        assert_eq!(said, "state cancelled 143\n");
        assert_eq!(deeds, [Deed::Remove("vllm_node".into())]);
        let told = look(&mut orders, "look", after(60));
        assert!(
            told.contains("cancelled load") && told.contains("nothing is served"),
            "{told}"
        );
        assert_eq!(orders.find("job-1").unwrap().next_deed(0, after(60)), None);
        assert!(orders.holder("models-swap", after(13)).is_none());
    }

    #[test]
    fn nobody_begins_a_second_one_meanwhile() {
        let orders = orders(&found(), &swap("a/b"));
        assert!(orders.holder("models-swap", after(3)).is_some());
        assert!(orders.holder("models-swap", after(60)).is_none());
        assert!(orders.holder("", after(3)).is_none());
    }
}
