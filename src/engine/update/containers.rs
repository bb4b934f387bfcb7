//! What a host's container engine told: the list kept in order, and after a break what had changed meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::{Age, At, Container, ContainerId, ContainerState, ContainerStats};
use crate::engine::{Containers, ContainersMsg, DaemonState, GapChange, Timed};
use crate::text::SafeText;

/// Changes of a gap that are kept; of more the newest.
const GAP_CHANGES: usize = 100;

/// Most containers that are kept of one host, as many as a list may tell.
const MOST: usize = 20_000;

/// So long a change that was only found afterwards keeps its mark.
const GAP_SHOWN: Age = Age(10 * 60 * 1000);

/// Stats that are older tell nothing of now.
const STATS_KEPT: Age = Age(60 * 1000);

/// Folds what the container engine of one host told. What says nothing new copies nothing.
pub(super) fn update(known: &mut Arc<Containers>, at: At, msg: ContainersMsg) {
    match msg {
        ContainersMsg::Listed { daemon, list } => {
            let state = DaemonState::Up {
                since: up_since(&known.daemon, at),
                daemon,
            };
            listed(known, at, state, list);
        }
        ContainersMsg::Filled(container) => filled(known, at, *container),
        ContainersMsg::Changed(container) => changed(known, *container),
        ContainersMsg::Gone(id) => gone(known, &id),
        ContainersMsg::Stats(stats) => measured(known, at, stats),
        ContainersMsg::Absent { why, hint } => absent(known, at, why, hint),
        ContainersMsg::Lost { why, hint } => lost(known, at, why, hint),
    }
}

/// The way to the host is gone, and with it what its container engine says.
pub(super) fn link_lost(known: &mut Arc<Containers>, at: At, why: &SafeText) {
    if matches!(known.daemon, DaemonState::Up { .. }) {
        lost(known, at, why.clone(), None);
    }
}

/// Whether something has been shown long enough.
pub(super) fn is_due(known: &Containers, at: At) -> bool {
    known.after_gap.iter().any(|change| is_past(change, at))
        || known.stats.values().any(|stats| is_old(stats, at))
}

/// Drops what has been shown long enough.
pub(super) fn settle(known: &mut Arc<Containers>, at: At) {
    if is_due(known, at) {
        let known = Arc::make_mut(known);
        known.after_gap.retain(|change| !is_past(change, at));
        known.stats.retain(|_, stats| !is_old(stats, at));
    }
}

fn is_past(change: &GapChange, at: At) -> bool {
    at.since(change.at) > GAP_SHOWN
}

fn is_old(stats: &Timed<ContainerStats>, at: At) -> bool {
    stats.age(at) > STATS_KEPT
}

/// Since when it answers, if it does so now.
fn up_since(daemon: &DaemonState, at: At) -> At {
    match daemon {
        DaemonState::Up { since, .. } => *since,
        _ => at,
    }
}

/// Takes a whole list. Where one was known before, what differs happened while nobody heard.
fn listed(known: &mut Arc<Containers>, at: At, daemon: DaemonState, list: Vec<Container>) {
    let before: HashMap<&ContainerId, &Arc<Container>> =
        known.list.iter().map(|old| (&old.id, old)).collect();
    let mut list: Vec<Arc<Container>> = list
        .into_iter()
        .map(|new| match before.get(&new.id) {
            Some(old) => kept(old, new),
            None => Arc::new(new),
        })
        .collect();
    list.sort_by(|a, b| order(a).cmp(&order(b)));
    list.dedup_by(|a, b| a.id == b.id);
    let found = if was_heard(&known.daemon) {
        differences(&before, &list, at)
    } else {
        Vec::new()
    };
    let same = list.len() == known.list.len()
        && list.iter().zip(&known.list).all(|(a, b)| Arc::ptr_eq(a, b));
    if same && found.is_empty() && known.daemon == daemon {
        return;
    }
    let known = Arc::make_mut(known);
    known.daemon = daemon;
    known.list = list;
    let runs: HashMap<&ContainerId, ContainerState> =
        known.list.iter().map(|c| (&c.id, c.state)).collect();
    known
        .stats
        .retain(|id, _| runs.get(id).is_some_and(|state| takes(*state)));
    mark(&mut known.after_gap, found);
}

/// A list does not tell when a container started or how often: that stays as it was read, while it does the same.
fn kept(old: &Arc<Container>, mut new: Container) -> Arc<Container> {
    if old.state == new.state {
        new.started = new.started.or(old.started);
        new.finished = new.finished.or(old.finished);
        if new.restarts.value().is_none() {
            new.restarts = old.restarts.clone();
        }
    }
    if **old == new {
        Arc::clone(old)
    } else {
        Arc::new(new)
    }
}

fn order(container: &Container) -> (&SafeText, &ContainerId) {
    (&container.name, &container.id)
}

/// Whether there is a list to compare with.
fn was_heard(daemon: &DaemonState) -> bool {
    matches!(daemon, DaemonState::Up { .. } | DaemonState::Lost { .. })
}

/// What differs between two lists.
fn differences(
    before: &HashMap<&ContainerId, &Arc<Container>>,
    list: &[Arc<Container>],
    at: At,
) -> Vec<GapChange> {
    let now: HashMap<&ContainerId, &Arc<Container>> = list.iter().map(|c| (&c.id, c)).collect();
    let change = |of: &Container, was, is| GapChange {
        at,
        id: of.id.clone(),
        name: of.name.clone(),
        was,
        is,
    };
    let here = list.iter().filter_map(|new| match before.get(&new.id) {
        None => Some(change(new, None, Some(new.state))),
        Some(old) => went_on(old, new).then(|| change(new, Some(old.state), Some(new.state))),
    });
    let gone = before
        .values()
        .filter(|old| !now.contains_key(&old.id))
        .map(|old| change(old, Some(old.state), None));
    let mut all: Vec<GapChange> = here.chain(gone).collect();
    all.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    all
}

/// Whether a container did something between two looks: one that runs as before may have been started anew meanwhile.
fn went_on(old: &Container, new: &Container) -> bool {
    let moved = |a: Option<_>, b: Option<_>| a.is_some() && b.is_some() && a != b;
    old.state != new.state || moved(old.started, new.started) || moved(old.finished, new.finished)
}

/// Marks changes; a newer one of the same container takes the place of the older.
fn mark(marked: &mut Vec<GapChange>, found: Vec<GapChange>) {
    marked.retain(|old| found.iter().all(|new| new.id != old.id));
    marked.extend(found);
    let over = marked.len().saturating_sub(GAP_CHANGES);
    marked.drain(..over);
}

/// Takes what was read of one container after the list. If it started anew since it was read before, nobody heard it.
fn filled(known: &mut Arc<Containers>, at: At, new: Container) {
    let unheard = known
        .get(&new.id)
        .filter(|old| old.state == new.state && went_on(old, &new))
        .map(|old| GapChange {
            at,
            id: new.id.clone(),
            name: new.name.clone(),
            was: Some(old.state),
            is: Some(new.state),
        });
    changed(known, new);
    if let Some(unheard) = unheard {
        mark(&mut Arc::make_mut(known).after_gap, vec![unheard]);
    }
}

fn changed(known: &mut Arc<Containers>, new: Container) {
    let place = known.list.iter().position(|old| old.id == new.id);
    if let Some(old) = place.and_then(|place| known.list.get(place))
        && **old == new
    {
        return;
    }
    if place.is_none() && known.list.len() >= MOST {
        return;
    }
    let known = Arc::make_mut(known);
    if let Some(place) = place {
        let old = known.list.remove(place);
        if went_on(&old, &new) {
            known.after_gap.retain(|change| change.id != new.id);
        }
    }
    if !takes(new.state) {
        known.stats.remove(&new.id);
    }
    let place = known.list.partition_point(|c| order(c) < order(&new));
    known.list.insert(place, Arc::new(new));
}

fn gone(known: &mut Arc<Containers>, id: &ContainerId) {
    let Some(place) = known.list.iter().position(|old| old.id == *id) else {
        return;
    };
    let known = Arc::make_mut(known);
    known.list.remove(place);
    known.stats.remove(id);
    known.after_gap.retain(|change| change.id != *id);
}

/// Whether a container in this state takes anything that can be measured.
fn takes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused)
}

fn measured(known: &mut Arc<Containers>, at: At, stats: Vec<(ContainerId, ContainerStats)>) {
    let mut stats: HashMap<ContainerId, ContainerStats> = stats.into_iter().collect();
    let here: Vec<(ContainerId, ContainerStats)> = known
        .list
        .iter()
        .filter(|container| takes(container.state))
        .filter_map(|container| stats.remove_entry(&container.id))
        .collect();
    if here.is_empty() {
        return;
    }
    let timed = |(id, value)| (id, Timed { at, value });
    Arc::make_mut(known)
        .stats
        .extend(here.into_iter().map(timed));
}

/// One that has answered before is not absent but lost: its containers may well run on.
fn absent(known: &mut Arc<Containers>, at: At, why: SafeText, hint: Option<SafeText>) {
    if was_heard(&known.daemon) {
        return lost(known, at, why, hint);
    }
    let state = DaemonState::Absent { why, hint };
    if known.daemon != state {
        Arc::make_mut(known).daemon = state;
    }
}

fn lost(known: &mut Arc<Containers>, at: At, why: SafeText, hint: Option<SafeText>) {
    let since = match &known.daemon {
        DaemonState::Lost { since, .. } => *since,
        _ => at,
    };
    let state = DaemonState::Lost { why, hint, since };
    if known.daemon != state {
        let known = Arc::make_mut(known);
        known.daemon = state;
        known.stats.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::{Daemon, DaemonFlavour, Metric, Wall};
    use ContainerState::{Created, Exited, Paused, Running};

    fn daemon() -> Arc<Daemon> {
        Arc::new(Daemon {
            flavour: DaemonFlavour::Docker,
            version: "20.10.24".into(),
            api: "1.41".into(),
            socket: "/var/run/docker.sock".into(),
            rootless: false,
        })
    }

    fn id(name: &str) -> ContainerId {
        ContainerId::new(format!("id-of-{name}"))
    }

    fn container(name: &str, state: ContainerState) -> Container {
        Container {
            id: id(name),
            name: name.into(),
            image: "busybox".into(),
            state,
            health: None,
            ports: Vec::new(),
            created: Wall(1),
            started: Some(Wall(2)),
            finished: None,
            restarts: Metric::Is(0),
            project: None,
            owner: None,
            labels: std::collections::BTreeMap::default(),
        }
    }

    fn stats() -> ContainerStats {
        ContainerStats {
            cpu: Metric::default(),
            memory: Metric::default(),
            limit: Metric::default(),
            network: Metric::default(),
            disk: Metric::default(),
            pids: Metric::Is(3),
        }
    }

    /// One host's containers, driven by hand: a second passes between two messages.
    #[derive(Default)]
    struct Stage {
        known: Arc<Containers>,
        at: At,
    }

    impl Stage {
        fn did(&mut self, msg: ContainersMsg) -> &mut Self {
            self.at = self.at.plus(Duration::from_secs(1));
            update(&mut self.known, self.at, msg);
            self
        }

        fn listed(&mut self, list: &[(&str, ContainerState)]) -> &mut Self {
            let list = list.iter().map(|(name, state)| container(name, *state));
            self.did(ContainersMsg::Listed {
                daemon: daemon(),
                list: list.collect(),
            })
        }

        fn changed(&mut self, name: &str, state: ContainerState) -> &mut Self {
            let new = container(name, state);
            self.did(ContainersMsg::Changed(Box::new(new)))
        }

        fn gone(&mut self, name: &str) -> &mut Self {
            self.did(ContainersMsg::Gone(id(name)))
        }

        fn lost(&mut self) -> &mut Self {
            self.did(ContainersMsg::Lost {
                why: "it ended".into(),
                hint: None,
            })
        }

        fn absent(&mut self) -> &mut Self {
            self.did(ContainersMsg::Absent {
                why: "no engine".into(),
                hint: None,
            })
        }

        fn measured(&mut self, names: &[&str]) -> &mut Self {
            let all = names.iter().map(|name| (id(name), stats()));
            self.did(ContainersMsg::Stats(all.collect()))
        }

        /// `name state` of each, in order.
        fn list(&self) -> String {
            let row = |c: &Arc<Container>| format!("{} {}", c.name, c.state.word());
            self.known
                .list
                .iter()
                .map(row)
                .collect::<Vec<_>>()
                .join(", ")
        }

        /// `name: was > is` of each change that was found afterwards.
        fn gap(&self) -> String {
            let word = |state: Option<ContainerState>| state.map_or("–", ContainerState::word);
            self.known
                .after_gap
                .iter()
                .map(|c| format!("{}: {} > {}", c.name, word(c.was), word(c.is)))
                .collect::<Vec<_>>()
                .join(", ")
        }

        fn measured_ones(&self) -> Vec<&str> {
            self.known.stats.keys().map(ContainerId::as_str).collect()
        }
    }

    #[test]
    fn the_list_is_kept_by_name_whatever_comes() {
        let mut stage = Stage::default();
        stage.listed(&[("web", Running), ("db", Running), ("job", Exited(1))]);
        assert_eq!(stage.list(), "db running, job exited, web running");
        stage.changed("cache", Created).changed("web", Paused);
        assert_eq!(
            stage.list(),
            "cache created, db running, job exited, web paused"
        );
        let mut renamed = container("web", Paused);
        renamed.name = "a-web".into();
        stage.did(ContainersMsg::Changed(Box::new(renamed)));
        assert_eq!(
            stage.list(),
            "a-web paused, cache created, db running, job exited"
        );
        stage.gone("db").gone("nobody");
        assert_eq!(stage.list(), "a-web paused, cache created, job exited");
        assert_eq!(stage.gap(), "", "all of this was heard");
    }

    #[test]
    fn what_differs_after_a_break_is_marked_until_it_is_old_or_newer_is_known() {
        let mut stage = Stage::default();
        stage.listed(&[("web", Running), ("db", Running), ("old", Exited(0))]);
        assert_eq!(stage.gap(), "", "the first list is no change");
        stage.lost();
        assert_eq!(stage.list(), "db running, old exited, web running");
        stage.listed(&[("web", Exited(137)), ("db", Running), ("new", Running)]);
        assert_eq!(
            stage.gap(),
            "new: – > running, old: exited > –, web: running > exited"
        );
        // A second break in which nothing happens adds nothing, and takes nothing away.
        let marked = stage.gap();
        stage
            .lost()
            .listed(&[("web", Exited(137)), ("db", Running), ("new", Running)]);
        assert_eq!(stage.gap(), marked);
        stage.changed("web", Running);
        assert_eq!(stage.gap(), "new: – > running, old: exited > –");
        stage.gone("new");
        assert_eq!(stage.gap(), "old: exited > –");
        let soon = stage.at.plus(Duration::from_mins(9));
        settle(&mut stage.known, soon);
        assert_eq!(stage.gap(), "old: exited > –");
        let late = stage.at.plus(Duration::from_mins(11));
        settle(&mut stage.known, late);
        assert_eq!(stage.gap(), "");
    }

    #[test]
    fn one_that_was_started_anew_in_the_gap_is_marked_when_it_is_read() {
        let mut stage = Stage::default();
        stage.listed(&[("web", Running), ("db", Running)]);
        // A list says less: what was read before stays.
        let mut rows = vec![container("web", Running), container("db", Running)];
        for row in &mut rows {
            (row.started, row.restarts) = (None, Metric::default());
        }
        let list = rows.clone();
        let shown = Arc::clone(&stage.known);
        stage.did(ContainersMsg::Listed {
            daemon: daemon(),
            list,
        });
        assert!(Arc::ptr_eq(&shown, &stage.known));
        for (name, started) in [("db", 2), ("web", 99)] {
            let mut read = container(name, Running);
            read.started = Some(Wall(started));
            stage.did(ContainersMsg::Filled(Box::new(read)));
        }
        assert_eq!(stage.gap(), "web: running > running");
        // The same where it is heard of is news, and no mark.
        let mut heard = container("web", Running);
        heard.started = Some(Wall(100));
        stage.did(ContainersMsg::Changed(Box::new(heard)));
        assert_eq!(stage.gap(), "");
    }

    #[test]
    fn an_engine_that_invents_containers_fills_no_memory() {
        let mut stage = Stage::default();
        stage.listed(&[("web", Running)]);
        let full = Arc::make_mut(&mut stage.known);
        let one = Arc::clone(&full.list[0]);
        full.list.resize(MOST, one);
        stage.changed("one more", Running);
        assert_eq!(stage.known.list.len(), MOST);
        assert!(stage.known.get(&id("one more")).is_none());
        stage.changed("web", Exited(0));
        assert_eq!(stage.known.list.len(), MOST, "one that is known changes");
    }

    #[test]
    fn the_marks_are_bounded() {
        let mut stage = Stage::default();
        let names: Vec<String> = (0..300).map(|n| format!("c{n:03}")).collect();
        let all: Vec<_> = names.iter().map(|name| (name.as_str(), Running)).collect();
        stage.listed(&[]).listed(&all);
        assert_eq!(stage.known.after_gap.len(), GAP_CHANGES);
    }

    fn since(known: &Containers) -> Option<(&'static str, At)> {
        match &known.daemon {
            DaemonState::Up { since, .. } => Some(("up", *since)),
            DaemonState::Lost { since, .. } => Some(("lost", *since)),
            DaemonState::Unknown | DaemonState::Absent { .. } => None,
        }
    }

    #[test]
    fn since_is_kept_while_it_goes_on() {
        let mut stage = Stage::default();
        stage.listed(&[]).listed(&[("web", Running)]);
        assert_eq!(since(&stage.known), Some(("up", At(1000))));
        stage.lost().lost().absent();
        assert_eq!(since(&stage.known), Some(("lost", At(3000))));
        assert_eq!(stage.list(), "web running", "the last list stays");
        stage.listed(&[("web", Running)]);
        assert_eq!(since(&stage.known), Some(("up", At(6000))));
        let why: SafeText = "the link ended".into();
        link_lost(&mut stage.known, At(7000), &why);
        assert_eq!(since(&stage.known), Some(("lost", At(7000))));
    }

    #[test]
    fn a_host_without_an_engine_stays_so() {
        let mut stage = Stage::default();
        stage.absent();
        link_lost(&mut stage.known, At(7000), &"the link ended".into());
        assert!(matches!(stage.known.daemon, DaemonState::Absent { .. }));
        stage.listed(&[("web", Running)]);
        assert_eq!(
            stage.gap(),
            "",
            "an engine that is new has no past to compare"
        );
    }

    #[test]
    fn stats_are_of_containers_that_run() {
        let mut stage = Stage::default();
        stage.listed(&[("a", Running), ("b", Running), ("c", Exited(0))]);
        stage.measured(&["a", "b", "c", "nobody"]);
        assert_eq!(stage.measured_ones(), ["id-of-a", "id-of-b"]);
        stage.changed("a", Exited(0));
        assert_eq!(stage.measured_ones(), ["id-of-b"]);
        stage.gone("b");
        assert!(stage.measured_ones().is_empty());
        stage.listed(&[("a", Running)]).measured(&["a"]).listed(&[]);
        assert!(stage.measured_ones().is_empty());
        stage.listed(&[("a", Running)]).measured(&["a"]).lost();
        assert!(stage.measured_ones().is_empty(), "nobody measures any more");
        stage.listed(&[("a", Running)]).measured(&["a"]);
        let late = stage.at.plus(Duration::from_mins(2));
        settle(&mut stage.known, late);
        assert!(stage.measured_ones().is_empty(), "too old to be of use");
    }

    #[test]
    fn what_says_nothing_new_copies_nothing() {
        let mut stage = Stage::default();
        stage.listed(&[("web", Running), ("db", Running)]);
        let shown = Arc::clone(&stage.known);
        stage
            .listed(&[("db", Running), ("web", Running)])
            .changed("web", Running)
            .gone("nobody")
            .measured(&["nobody"]);
        settle(&mut stage.known, At(9_000_000));
        assert!(Arc::ptr_eq(&shown, &stage.known));
        stage.changed("web", Paused);
        assert!(!Arc::ptr_eq(&shown, &stage.known));
        assert!(Arc::ptr_eq(&shown.list[0], &stage.known.list[0]));
    }

    /// The limits are those of a development build on a busy machine.
    #[test]
    fn five_thousand_that_have_ended_are_cheap() {
        let list = || -> Vec<Container> {
            (0..5000)
                .map(|n| container(&format!("job-{n:05}"), Exited(0)))
                .collect()
        };
        let clock = Clock::system();
        let mut stage = Stage::default();
        let listed = |list| ContainersMsg::Listed {
            daemon: daemon(),
            list,
        };
        stage.did(listed(list()));
        let shown = Arc::clone(&stage.known);
        let again = list();
        let began = clock.at();
        stage.did(listed(again));
        let whole = clock.at().since(began);
        assert!(Arc::ptr_eq(&shown, &stage.known));
        let storm: Vec<Container> = (0..200)
            .map(|n| container(&format!("job-{n:05}"), Running))
            .collect();
        let began = clock.at();
        for new in storm {
            stage.did(ContainersMsg::Changed(Box::new(new)));
        }
        let storm = clock.at().since(began);
        assert!(whole < Age(1000), "listed anew: {whole:?}");
        assert!(storm < Age(1000), "200 of them changed: {storm:?}");
    }
}
