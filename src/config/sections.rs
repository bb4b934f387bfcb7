//! `arming`, `assistant` and `ledger` (pure): what is wrong is told and the default stands in for it. What protects counts
//! as set where it can't be read.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::duration::{duration, duration_words};
use super::hosts::Folders;
use super::layers::Layers;
use super::nearest::nearest;
use super::origin::{ArmingOrigins, AssistantOrigins, Origin};
use super::raw_sections::{RawArming, RawAssistant, RawLogin, RawSecret};
use super::reader::Lined;
use super::{ArmingSettings, AssistantSettings, Login, LoginKind};
use crate::domain::{ActClass, CHECKS, HostId, HostSpec};

/// How long a host may stay armed: a day is no longer a decision about this night.
const MINUTES: RangeInclusive<u16> = 1..=720;

/// How long nobody may touch a key before a host is disarmed.
const IDLE: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_hours(2);

/// How long a hard verb may wait. Whoever can't wait types `--now`, once, and the ledger says so.
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(2);

/// How long a machine that restarts by itself may be waited for: some servers test their memory for a quarter of an hour.
const RESTART: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_mins(30);

/// How long one question may take.
const LIMIT: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(6);

/// Dollars of one session.
const BUDGET: RangeInclusive<f64> = 0.01..=1000.0;

/// Turns of one question.
const TURNS: RangeInclusive<f64> = 1.0..=1000.0;

const PROGRAM: &str = "PILOTHOUSE_ASSISTANT";
const MODEL: &str = "PILOTHOUSE_MODEL";
/// The assistant's own variable, honoured as its own program does.
const BASE_URL: &str = "ANTHROPIC_BASE_URL";

impl Layers<'_> {
    pub(super) fn arming(&mut self, raw: &RawArming) -> (ArmingSettings, ArmingOrigins) {
        let mut arming = ArmingSettings::default();
        let mut from = ArmingOrigins::default();
        if let Some(needed) = &raw.needed {
            arming.needed = self.needed(needed);
            from.needed = Origin::Line(needed.line);
        }
        if let Some(minutes) = &raw.minutes {
            let (first, last) = (f64::from(*MINUTES.start()), f64::from(*MINUTES.end()));
            if minutes.value.fract() == 0.0 && (first..=last).contains(&minutes.value) {
                arming.minutes = minutes.value as u16;
                from.minutes = Origin::Line(minutes.line);
            } else {
                self.out_of_range(minutes, "minutes", "a whole number from 1 to 720");
            }
        }
        self.length(
            raw.idle.as_ref(),
            "idle",
            &IDLE,
            &mut arming.idle,
            &mut from.idle,
        );
        self.length(
            raw.window.as_ref(),
            "window",
            &WINDOW,
            &mut arming.window,
            &mut from.window,
        );
        self.length(
            raw.restart.as_ref(),
            "restart",
            &RESTART,
            &mut arming.restart,
            &mut from.restart,
        );
        (arming, from)
    }

    /// The classes that need arming: power always does, and a word that can't be read was meant to protect something.
    fn needed(&mut self, raw: &Lined<Vec<Lined<String>>>) -> Vec<ActClass> {
        let mut needed = vec![ActClass::Power];
        for word in &raw.value {
            let named = |class: &&ActClass| class.word() == word.value;
            if let Some(class) = ActClass::ALL.iter().find(named) {
                if !needed.contains(class) {
                    needed.push(*class);
                }
                continue;
            }
            let words = ActClass::ALL.map(ActClass::word);
            let meant = match nearest(&word.value, words) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the classes are {}.", words.join(", ")),
            };
            self.problems.at(
                word.line,
                format!("`{}` is nothing that a host is armed for", word.value),
                format!("{meant} Until it is mended every class has to be armed"),
            );
            needed = ActClass::ALL.to_vec();
        }
        needed.sort_unstable();
        needed
    }

    /// A length of time within bounds; what is not keeps the default.
    fn length(
        &mut self,
        raw: Option<&Lined<String>>,
        key: &str,
        bounds: &RangeInclusive<Duration>,
        value: &mut Duration,
        from: &mut Origin,
    ) {
        let Some(text) = raw else { return };
        if let Some(length) = duration(&text.value).filter(|length| bounds.contains(length)) {
            *value = length;
            *from = Origin::Line(text.line);
            return;
        }
        self.problems.at(
            text.line,
            format!(
                "`{key}` is `{}`, and it must be a length of time from {} to {}",
                text.value,
                duration_words(*bounds.start()),
                duration_words(*bounds.end())
            ),
            format!("{} is used", duration_words(*value)),
        );
    }

    pub(super) fn assistant(
        &mut self,
        raw: &RawAssistant,
        folders: &Folders<'_>,
    ) -> (AssistantSettings, AssistantOrigins) {
        let mut assistant = AssistantSettings::default();
        let mut from = AssistantOrigins::default();
        self.program(raw.program.as_ref(), folders, &mut assistant, &mut from);
        self.model(raw.model.as_ref(), &mut assistant, &mut from);
        self.base_url(raw.base_url.as_ref(), &mut assistant, &mut from);
        if let Some(budget) = &raw.budget {
            if BUDGET.contains(&budget.value) {
                assistant.budget = budget.value;
                from.budget = Origin::Line(budget.line);
            } else {
                self.out_of_range(
                    budget,
                    "budget",
                    "an amount in US dollars from 0.01 to 1000",
                );
            }
        }
        if let Some(turns) = &raw.turns {
            if turns.value.fract() == 0.0 && TURNS.contains(&turns.value) {
                assistant.turns = turns.value as u32;
                from.turns = Origin::Line(turns.line);
            } else {
                self.out_of_range(turns, "turns", "a whole number from 1 to 1000");
            }
        }
        self.length(
            raw.limit.as_ref(),
            "limit",
            &LIMIT,
            &mut assistant.limit,
            &mut from.limit,
        );
        if let Some((login, line)) = raw.login.as_ref().and_then(|raw| self.login(raw, folders)) {
            assistant.login = login;
            from.login = Origin::Line(line);
        }
        if let Some(entries) = &raw.ask_for {
            for entry in &entries.value {
                self.check(entry);
            }
            assistant.ask_for = entries
                .value
                .iter()
                .map(|entry| entry.value.clone())
                .collect();
            from.ask_for = Origin::Line(entries.line);
        }
        (assistant, from)
    }

    /// A check that may be named. A mistyped one would go on running by itself, unasked.
    fn check(&mut self, entry: &Lined<String>) {
        if CHECKS.contains(&entry.value.as_str()) {
            return;
        }
        let hint = match nearest(&entry.value, CHECKS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", CHECKS.join(", ")),
        };
        let what = format!("`ask_for` names `{}`, which is no check", entry.value);
        self.problems.at(entry.line, what, hint);
    }

    fn program(
        &mut self,
        file: Option<&Lined<String>>,
        folders: &Folders<'_>,
        assistant: &mut AssistantSettings,
        from: &mut AssistantOrigins,
    ) {
        if let Some(program) = self.environment.path(PROGRAM) {
            assistant.program = program;
            from.program = Origin::Environment(PROGRAM);
            return;
        }
        let Some(program) = file else { return };
        if program.value.is_empty() || program.value.starts_with('-') {
            self.problems.at(
                program.line,
                format!("`program` is `{}`, which is no program", program.value),
                "claude is looked for; write its name or its path",
            );
            return;
        }
        // A bare name is looked for in PATH; anything else is a path as everywhere in the file.
        assistant.program = if program.value.contains('/') {
            folders.resolve(&program.value)
        } else {
            PathBuf::from(&program.value)
        };
        from.program = Origin::Line(program.line);
    }

    fn model(
        &mut self,
        file: Option<&Lined<String>>,
        assistant: &mut AssistantSettings,
        from: &mut AssistantOrigins,
    ) {
        const HINT: &str = "the program's own default is used; write a name such as sonnet";
        if let Some(model) = self.environment.text(MODEL) {
            if is_model(&model) {
                assistant.model = Some(model);
                from.model = Origin::Environment(MODEL);
                return;
            }
            self.problems
                .outside(format!("{MODEL} is no name of a model"), "it is left aside");
        }
        let Some(model) = file else { return };
        if is_model(&model.value) {
            assistant.model = Some(model.value.clone());
            from.model = Origin::Line(model.line);
        } else {
            self.problems.at(
                model.line,
                format!("`model` is `{}`, which is no name of a model", model.value),
                HINT,
            );
        }
    }

    fn base_url(
        &mut self,
        file: Option<&Lined<String>>,
        assistant: &mut AssistantSettings,
        from: &mut AssistantOrigins,
    ) {
        if let Some(url) = self.environment.text(BASE_URL) {
            if is_base_url(&url) {
                assistant.base_url = Some(url);
                from.base_url = Origin::Environment(BASE_URL);
                return;
            }
            // The address may hold what is nobody's business: it is not repeated.
            self.problems.outside(
                format!("{BASE_URL} is no address of the form https://host/path without a login"),
                "it is left aside",
            );
        }
        let Some(url) = file else { return };
        if is_base_url(&url.value) {
            assistant.base_url = Some(url.value.clone());
            from.base_url = Origin::Line(url.line);
        } else {
            self.problems.at(
                url.line,
                "`base_url` is no address of the form https://host/path without a login",
                "the usual address is used; a secret belongs under `login`",
            );
        }
    }

    /// Whose login, and the line that says so. Nothing of a wrong value is repeated: it may be the secret itself.
    fn login(&mut self, raw: &RawLogin, folders: &Folders<'_>) -> Option<(Login, u64)> {
        const HINT: &str = "write environment, own, or one of api_key_file, oauth_token_file, api_key_command, \
             oauth_token_command with its value; the environment is used";
        match raw {
            RawLogin::Word(word) => match word.value.as_str() {
                "environment" => Some((Login::Environment, word.line)),
                "own" => Some((Login::Own, word.line)),
                _ => {
                    self.problems.at(
                        word.line,
                        "`login` is neither `environment` nor `own`",
                        HINT,
                    );
                    None
                }
            },
            RawLogin::Table(line, secrets) => {
                let [first, more @ ..] = secrets.as_slice() else {
                    self.problems
                        .at(*line, "`login` says nothing that can be used", HINT);
                    return None;
                };
                for other in more {
                    self.problems.at(
                        other.line,
                        format!("`login` names `{}` beside `{}`", other.key, first.key),
                        format!("`{}` is used; remove the other", first.key),
                    );
                }
                self.secret(first, folders).map(|login| (login, first.line))
            }
        }
    }

    fn secret(&mut self, raw: &RawSecret, folders: &Folders<'_>) -> Option<Login> {
        let kind = if raw.key.starts_with("api_key") {
            LoginKind::ApiKey
        } else {
            LoginKind::OauthToken
        };
        let words: Vec<&str> = raw.words.iter().map(|word| word.value.as_str()).collect();
        match (raw.key.ends_with("_file"), words.as_slice()) {
            (true, [file]) if !file.is_empty() && !file.starts_with("sk-") => {
                Some(Login::File(kind, folders.resolve(file)))
            }
            (false, [program, ..]) if !program.is_empty() && !program.starts_with('-') => Some(
                Login::Command(kind, words.iter().map(|word| (*word).to_owned()).collect()),
            ),
            (true, _) => {
                self.problems.at(
                    raw.line,
                    format!("`{}` is the path of a file, never the secret itself", raw.key),
                    "put the secret into a file with mode 0600 and name it here; the environment is used",
                );
                None
            }
            (false, _) => {
                self.problems.at(
                    raw.line,
                    format!("`{}` is a program and its words", raw.key),
                    "write a list: [pass, show, claude]; the environment is used",
                );
                None
            }
        }
    }

    pub(super) fn sink(
        &mut self,
        raw: Option<&Lined<String>>,
        hosts: &[(u64, Arc<HostSpec>)],
    ) -> (Option<HostId>, Origin) {
        let Some(sink) = raw else {
            return (None, Origin::Default);
        };
        if let Some((_, host)) = hosts
            .iter()
            .find(|(_, host)| host.id.as_str() == sink.value)
        {
            return (Some(host.id.clone()), Origin::Line(sink.line));
        }
        let names = hosts.iter().map(|(_, host)| host.id.as_str());
        let meant = match nearest(&sink.value, names) {
            Some(meant) => format!("did you mean `{meant}`? "),
            None => String::new(),
        };
        self.problems.at(
            sink.line,
            format!("`sink` is `{}`, which is no host of this file", sink.value),
            format!("{meant}The ledger is kept here, and not sent anywhere"),
        );
        (None, Origin::Default)
    }
}

/// It becomes an argument of the program.
fn is_model(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-:/@[]".contains(c))
}

/// An address that may be shown: no login in it, no question.
fn is_base_url(url: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.len() <= 300
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && !"@?#\\".contains(c))
}
