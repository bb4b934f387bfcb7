//! The `:` line (pure): what it may say, what is completed, and what is wrong with what was typed.

use super::action::{self, Action};
use super::command_line_models as models;
pub use super::command_line_models::WorkOrder;
use super::lens_offers;
use super::ui::{GraphSpan, SortKey, Tab, Ui};
use super::ui_breakglass::Known;
use crate::domain::{HostId, PowerVerb};
use crate::engine::{Fleet, InvalidSource, Link, Signal, SourceAddress, SourceSpec, TextForm};

/// A line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// An act, as if its key were pressed.
    Act(Action),
    /// Go to this host.
    Go(HostId),
    /// Dial these hosts now; empty: the selected one.
    Reconnect(Vec<HostId>),
    /// A shell on this host.
    Shell(HostId),
    /// A signal to a process of the selected host.
    Signal {
        /// The process.
        pid: u32,
        /// The signal; none: ask which.
        signal: Option<Signal>,
    },
    /// Use this theme.
    Theme(String),
    /// Sort the processes by this.
    Sort(SortKey),
    /// Show this much time.
    Span(GraphSpan),
    /// The mouse on or off.
    Mouse(bool),
    /// Open this tab.
    Tab(Tab),
    /// Filter the host list.
    Filter(String),
    /// Show what a prune of this host would take, and ask.
    Prune(HostId),
    /// The power card of a host, and what its switch is asked for.
    Power(HostId, Option<PowerVerb>),
    /// Arm this host.
    Arm(HostId),
    /// Run this runbook on a host; none: show which there are.
    Runbook(HostId, Option<String>),
    /// Show what is and was wrong.
    Alerts,
    /// Open the log lens over these sources.
    Logs(Vec<SourceAddress>),
    /// Open it over the sources of a host.
    LogsOf(HostId),
    /// Something with models or services.
    Work(WorkOrder),
    /// Save the shown lines, to this file.
    Save(Option<String>, TextForm),
}

/// Why a line was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misunderstood {
    /// One sentence.
    pub what: String,
    /// The mend.
    pub hint: Option<String>,
}

/// Verbs that are no acts of their own, or take words after them.
const VERBS: [&str; 18] = [
    "go",
    "reconnect",
    "shell",
    "signal",
    "theme",
    "sort",
    "span",
    "mouse",
    "alerts",
    "filter",
    "meters",
    "processes",
    "link",
    "prune",
    "runbook",
    "logs",
    "save",
    "q",
];

const SORTS: [(&str, SortKey); 5] = [
    ("memory", SortKey::Memory),
    ("pid", SortKey::Pid),
    ("user", SortKey::User),
    ("command", SortKey::Command),
    ("gpu", SortKey::Gpu),
];
const SPANS: [(&str, GraphSpan); 3] = [
    ("2m", GraphSpan::Short),
    ("15m", GraphSpan::Middle),
    ("1h", GraphSpan::Long),
];
const SIGNALS: [(&str, Signal); 4] = [
    ("TERM", Signal::Term),
    ("INT", Signal::Int),
    ("HUP", Signal::Hup),
    ("KILL", Signal::Kill),
];
const SWITCH: [(&str, bool); 2] = [("on", true), ("off", false)];

/// Reads a line. An empty one is no order and no error.
pub fn parse(line: &str, fleet: &Fleet, ui: &Ui) -> Result<Option<Order>, Misunderstood> {
    let mut words = line.split_whitespace();
    let Some(verb) = words.next() else {
        return Ok(None);
    };
    let rest: Vec<&str> = words.collect();
    if is_about_models(verb, &rest) {
        let order = models::parse(verb, &rest, fleet)?.ok_or_else(|| misused(verb))?;
        return Ok(Some(Order::Work(order)));
    }
    parse_words(verb, &rest, fleet, ui).map(Some)
}

fn parse_words(verb: &str, rest: &[&str], fleet: &Fleet, ui: &Ui) -> Result<Order, Misunderstood> {
    let order = match (verb, rest) {
        ("q", []) => Order::Act(Action::Quit),
        ("alerts", []) => Order::Alerts,
        ("meters", []) => Order::Tab(Tab::Meters),
        ("processes", []) => Order::Tab(Tab::Processes),
        ("link", []) => Order::Tab(Tab::Link),
        ("go", [name]) => Order::Go(host(name, fleet)?),
        ("prune", [name]) => Order::Prune(host(name, fleet)?),
        ("power" | "arm" | "runbook", [name, rest @ ..]) => {
            in_need(verb, host(name, fleet)?, rest, ui)?
        }
        ("prune", []) => match &ui.selected {
            Some(id) => Order::Prune(id.clone()),
            None => return Err(misused("prune")),
        },
        ("shell", [name]) => Order::Shell(host(name, fleet)?),
        ("reconnect", names) => Order::Reconnect(
            names
                .iter()
                .map(|name| host(name, fleet))
                .collect::<Result<_, _>>()?,
        ),
        ("signal", [pid]) => Order::Signal {
            pid: number(pid)?,
            signal: None,
        },
        ("signal", [pid, signal]) => {
            let upper = signal.to_ascii_uppercase();
            let name = upper.strip_prefix("SIG").unwrap_or(&upper);
            Order::Signal {
                pid: number(pid)?,
                signal: Some(one_of("signal", name, &SIGNALS)?),
            }
        }
        ("theme", [name]) => theme(name, ui)?,
        ("sort", [key]) => Order::Sort(one_of("sort key", key, &SORTS)?),
        ("span", [span]) => Order::Span(one_of("span", span, &SPANS)?),
        ("mouse", [state]) => Order::Mouse(one_of("switch", state, &SWITCH)?),
        ("logs", [first, more @ ..]) => logs(first, more, fleet)?,
        ("save", [path]) => Order::Save(Some((*path).to_owned()), TextForm::Pretty),
        ("save", ["raw", path]) => Order::Save(Some((*path).to_owned()), TextForm::Raw),
        ("filter", words) => Order::Filter(words.join(" ")),
        (verb, []) => match Action::named(verb).filter(|action| action.is_verb()) {
            Some(action) => Order::Act(action),
            None => Order::Go(host(verb, fleet).map_err(|_| unknown_verb(verb, fleet))?),
        },
        (verb, _) if verbs().any(|known| known == verb) => {
            return Err(misused(verb));
        }
        (verb, _) => return Err(unknown_verb(verb, fleet)),
    };
    Ok(order)
}

/// Whole lines that what is typed may become, in the order they are offered.
pub fn completions(line: &str, fleet: &Fleet, ui: &Ui) -> Vec<String> {
    let line = line.trim_start();
    let (head, word) = match line.rsplit_once(char::is_whitespace) {
        Some((head, word)) => (head.trim_end(), word),
        None => ("", line),
    };
    let hosts = || fleet.hosts.iter().map(|host| host.id.as_str());
    let known;
    let mut candidates: Vec<&str> = match head.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] => {
            let mut all: Vec<&str> = verbs().filter(|verb| verb.len() > 1).collect();
            all.sort_unstable();
            all.extend(hosts());
            all
        }
        ["go" | "shell" | "prune" | "power" | "arm" | "runbook"] | ["reconnect", ..] => {
            hosts().collect()
        }
        ["runbook", _] => runbooks(ui),
        ["power", _] => PowerVerb::ALL.map(PowerVerb::word).to_vec(),
        ["logs", ..] => return log_completions(head, word, fleet, ui),
        ["theme"] => ui.themes.iter().map(String::as_str).collect(),
        ["sort"] => names(&SORTS),
        ["span"] => names(&SPANS),
        ["mouse"] => names(&SWITCH),
        ["signal", _] => names(&SIGNALS),
        words => {
            known = models::completions(words, fleet);
            known.iter().map(String::as_str).collect()
        }
    };
    let typed = word.to_lowercase();
    candidates.retain(|candidate| candidate.to_lowercase().starts_with(&typed));
    candidates
        .into_iter()
        .map(|candidate| match head {
            "" => candidate.to_owned(),
            head => format!("{head} {candidate}"),
        })
        .collect()
}

fn verbs() -> impl Iterator<Item = &'static str> {
    let acts = action::table()
        .iter()
        .filter(|spec| spec.action.is_verb() && !VERBS.contains(&spec.name))
        .map(|spec| spec.name);
    let acts = acts.collect::<Vec<_>>();
    let more = models::VERBS
        .into_iter()
        .map(|(verb, _)| verb)
        .filter(|verb| !acts.contains(verb))
        .collect::<Vec<_>>();
    VERBS.into_iter().chain(acts).chain(more)
}

/// A verb of the models with words behind it, or one that is nothing without them.
fn is_about_models(verb: &str, words: &[&str]) -> bool {
    models::VERBS.iter().any(|(name, _)| *name == verb)
        && (!words.is_empty() || Action::named(verb).is_none())
}

fn names<T>(table: &'static [(&'static str, T)]) -> Vec<&'static str> {
    table.iter().map(|(name, _)| *name).collect()
}

fn usage(verb: &str) -> String {
    let how = match verb {
        "go" | "shell" => " HOST",
        "power" => " HOST [status|forensics|start|stop|reset|cycle]",
        "runbook" => " HOST [NAME]",
        "reconnect" => " [HOST…]",
        "arm" | "prune" => " [HOST]",
        "signal" => " PID [TERM|INT|HUP|KILL]",
        "theme" => " NAME",
        "sort" => " memory|pid|user|command|gpu",
        "span" => " 2m|15m|1h",
        "mouse" => " on|off",
        "filter" => " WORDS",
        "logs" => " HOST | [HOST/]container:NAME [HOST/]unit:NAME [HOST/]file:PATH [HOST/]kernel",
        "save" => " [raw] FILE",
        _ => {
            let known = models::VERBS.iter().find(|(name, _)| *name == verb);
            known.map_or("", |(_, how)| how)
        }
    };
    format!("write `{verb}{how}`")
}

fn misused(verb: &str) -> Misunderstood {
    Misunderstood {
        what: format!("`{verb}` is not used like this"),
        hint: Some(usage(verb)),
    }
}

fn unknown_verb(word: &str, fleet: &Fleet) -> Misunderstood {
    let mut known: Vec<&str> = verbs().collect();
    known.extend(fleet.hosts.iter().map(|host| host.id.as_str()));
    Misunderstood {
        what: format!("no command or host is called `{word}`"),
        hint: Some(action::nearest(word, known).map_or_else(
            || "Tab shows all commands".into(),
            |near| format!("did you mean `{near}`?"),
        )),
    }
}

fn host(name: &str, fleet: &Fleet) -> Result<HostId, Misunderstood> {
    let ids = || fleet.hosts.iter().map(|host| &host.id);
    if let Some(id) = ids().find(|id| id.as_str() == name) {
        return Ok(id.clone());
    }
    Err(Misunderstood {
        what: format!("no host is called `{name}`"),
        hint: action::nearest(name, ids().map(HostId::as_str))
            .map(|near| format!("did you mean `{near}`?")),
    })
}

/// `logs HOST`, or sources by their addresses; a bare name on a host is a container's.
fn logs(first: &str, more: &[&str], fleet: &Fleet) -> Result<Order, Misunderstood> {
    if more.is_empty()
        && let Ok(id) = host(first, fleet)
    {
        return Ok(Order::LogsOf(id));
    }
    let words = std::iter::once(&first).chain(more);
    let sources: Result<Vec<SourceAddress>, Misunderstood> = words
        .map(|word| {
            let address: SourceAddress =
                word.parse().map_err(|error: InvalidSource| Misunderstood {
                    what: error.what,
                    hint: Some(error.hint.to_owned()),
                })?;
            if let Some(id) = &address.host {
                host(id.as_str(), fleet)?;
            }
            Ok(on_this_machine(address, fleet))
        })
        .collect();
    Ok(Order::Logs(sources?))
}

/// A source without a host is this machine's, by its name where it is one of the hosts.
fn on_this_machine(mut address: SourceAddress, fleet: &Fleet) -> SourceAddress {
    if address.host.is_none() && address.spec != SourceSpec::Actions {
        let here = fleet.hosts.iter().find(|host| host.link == Link::Local);
        address.host = here.map(|host| host.id.clone());
    }
    address
}

fn log_completions(head: &str, word: &str, fleet: &Fleet, ui: &Ui) -> Vec<String> {
    let typed = word.to_lowercase();
    let hosts = fleet.hosts.iter().map(|host| host.id.to_string());
    let rows = lens_offers::rows(&ui.lens, fleet, "");
    let sources = rows.iter().map(|row| row.address.to_string());
    hosts
        .chain(sources)
        .filter(|candidate| candidate.to_lowercase().starts_with(&typed))
        .map(|candidate| format!("{head} {candidate}"))
        .collect()
}

/// What is at hand in an emergency: arming, the power switch, runbooks.
fn in_need(verb: &str, host: HostId, rest: &[&str], ui: &Ui) -> Result<Order, Misunderstood> {
    Ok(match (verb, rest) {
        ("power", []) => Order::Power(host, None),
        ("power", [verb]) => Order::Power(host, Some(power_verb(verb)?)),
        ("arm", []) => Order::Arm(host),
        ("runbook", []) => Order::Runbook(host, None),
        ("runbook", [name]) => Order::Runbook(host, Some(runbook(name, ui)?)),
        _ => return Err(misused(verb)),
    })
}

/// The runbooks there are, as far as that is known.
fn runbooks(ui: &Ui) -> Vec<&str> {
    match &ui.breakglass.runbooks {
        Known::Is(known) => known.iter().map(|book| book.name.as_str()).collect(),
        _ => Vec::new(),
    }
}

/// A name is checked where the runbooks are known; the engine knows them all.
fn runbook(name: &str, ui: &Ui) -> Result<String, Misunderstood> {
    let known = runbooks(ui);
    if known.is_empty() || known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(Misunderstood {
        what: format!("no runbook is called `{name}`"),
        hint: Some(action::nearest(name, known.iter().copied()).map_or_else(
            || format!("there are: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        )),
    })
}

/// One of the six words, letter by letter: none of them is guessed.
fn power_verb(word: &str) -> Result<PowerVerb, Misunderstood> {
    word.parse().map_err(|_| {
        let words = PowerVerb::ALL.map(PowerVerb::word);
        Misunderstood {
            what: format!("`{word}` is no verb of a power switch"),
            hint: Some(action::nearest(word, words).map_or_else(
                || format!("there are: {}", words.join(", ")),
                |near| format!("did you mean `{near}`?"),
            )),
        }
    })
}

fn number(word: &str) -> Result<u32, Misunderstood> {
    word.parse().map_err(|_| Misunderstood {
        what: format!("`{word}` is no process id"),
        hint: Some(usage("signal")),
    })
}

fn theme(name: &str, ui: &Ui) -> Result<Order, Misunderstood> {
    // A path is tried as it stands: the loader tells what is wrong with it.
    if name.contains('/') || ui.themes.is_empty() || ui.themes.iter().any(|known| known == name) {
        return Ok(Order::Theme(name.to_owned()));
    }
    let known = ui.themes.iter().map(String::as_str);
    Err(Misunderstood {
        what: format!("no theme is called `{name}`"),
        hint: Some(action::nearest(name, known).map_or_else(
            || format!("there are: {}", ui.themes.join(", ")),
            |near| format!("did you mean `{near}`?"),
        )),
    })
}

fn one_of<T: Copy>(
    what: &str,
    word: &str,
    table: &'static [(&'static str, T)],
) -> Result<T, Misunderstood> {
    table
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| Misunderstood {
            what: format!("`{word}` is no {what}"),
            hint: Some(format!("there are: {}", names(table).join(", "))),
        })
}
