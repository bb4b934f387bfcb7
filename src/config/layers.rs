//! One setting at a time: flag over environment over file over default (pure).

use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::{duration, memory};
use super::environment::Environment;
use super::origin::Origin;
use super::problems::Problems;
use super::raw::RawConfig;
use super::reader::Lined;
use super::resolve::Flags;
use super::{AlertSettings, LogSettings, Settings};
use crate::domain::{Celsius, Mib, Percent, Secret, Thresholds};

/// Shortest and longest time between two samples.
const PERIODS: RangeInclusive<Duration> = Duration::from_millis(200)..=Duration::from_hours(1);

/// Least and most memory of log lines. The least holds several of the longest lines; the most is what one search can
/// still look through while a person waits.
const BUFFERS: RangeInclusive<Mib> = Mib(8)..=Mib(4096);

/// Most lines that every source may begin with.
const MOST_LINES: f64 = 1_000_000.0;

fn origin_of<T>(value: Option<&Lined<T>>) -> Origin {
    value.map_or(Origin::Default, |value| Origin::Line(value.line))
}

/// Reads the time between two samples, wherever it is written; the error is one sentence with what may be written.
pub fn period(text: &str) -> Result<Duration, String> {
    match duration(text) {
        None => Err(format!(
            "`{text}` is no length of time; write 500ms, 1s or 2m"
        )),
        Some(length) if PERIODS.contains(&length) => Ok(length),
        Some(_) => Err(format!("`{text}` is not between 200ms and 1h")),
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The layers below the flags.
pub(super) struct Layers<'a> {
    pub(super) environment: &'a Environment,
    pub(super) problems: &'a mut Problems,
}

impl<'a> Layers<'a> {
    pub(super) fn new(environment: &'a Environment, problems: &'a mut Problems) -> Self {
        Self {
            environment,
            problems,
        }
    }

    /// A variable that is true or false. One that is neither is told, and `unclear` stands for it.
    fn switch_variable(
        &mut self,
        name: &str,
        unclear: Option<bool>,
        consequence: &str,
    ) -> Option<bool> {
        let text = self.environment.text(name)?;
        switch(&text).or_else(|| {
            self.problems.outside(
                format!("{name} is `{text}`, which is neither true nor false"),
                consequence,
            );
            unclear
        })
    }

    pub(super) fn fleet(&mut self, file: Option<&Lined<String>>) -> (String, Origin) {
        if let Some(name) = self.environment.text("PILOTHOUSE_FLEET") {
            return (clean(&name), Origin::Environment("PILOTHOUSE_FLEET"));
        }
        let Some(name) = file else {
            return ("home".into(), Origin::Default);
        };
        if clean(&name.value) != name.value || name.value.is_empty() {
            self.problems.at(
                name.line,
                "`fleet` is empty, longer than 40 characters, or holds control characters",
                "write one short name",
            );
        }
        (clean(&name.value), Origin::Line(name.line))
    }

    /// A switch that protects: a layer that can't be read counts as true.
    pub(super) fn read_only(
        &mut self,
        flags: &Flags,
        file: Option<&Lined<bool>>,
    ) -> (bool, Origin) {
        const NAME: &str = "PILOTHOUSE_READ_ONLY";
        if flags.read_only {
            return (true, Origin::Flag("--read-only"));
        }
        match self.switch_variable(NAME, Some(true), "until it is mended it counts as true") {
            Some(value) => (value, Origin::Environment(NAME)),
            None => (file.is_some_and(|file| file.value), origin_of(file)),
        }
    }

    pub(super) fn mouse(&mut self, file: Option<&Lined<bool>>) -> (bool, Origin) {
        const NAME: &str = "PILOTHOUSE_MOUSE";
        match self.switch_variable(NAME, None, "it is left aside") {
            Some(value) => (value, Origin::Environment(NAME)),
            None => (file.is_none_or(|file| file.value), origin_of(file)),
        }
    }

    pub(super) fn period(
        &mut self,
        flags: &Flags,
        file: Option<&Lined<String>>,
    ) -> (Duration, Origin) {
        const NAME: &str = "PILOTHOUSE_PERIOD";
        if let Some(length) = flags.period {
            return (length, Origin::Flag("--period"));
        }
        if let Some(text) = self.environment.text(NAME) {
            match period(&text) {
                Ok(length) => return (length, Origin::Environment(NAME)),
                Err(why) => self
                    .problems
                    .outside(format!("{NAME}: {why}"), "it is left aside"),
            }
        }
        if let Some(text) = file {
            match period(&text.value) {
                Ok(length) => return (length, Origin::Line(text.line)),
                Err(why) => self
                    .problems
                    .at(text.line, format!("`period`: {why}"), "1s is used"),
            }
        }
        (Settings::default().period, Origin::Default)
    }

    pub(super) fn theme(
        &mut self,
        flags: &Flags,
        file: Option<&Lined<String>>,
    ) -> (Option<String>, Origin) {
        const NAME: &str = "PILOTHOUSE_THEME";
        if let Some(theme) = &flags.theme {
            return (Some(theme.clone()), Origin::Flag("--theme"));
        }
        if let Some(theme) = self.environment.text(NAME) {
            return (Some(theme), Origin::Environment(NAME));
        }
        (file.map(|theme| theme.value.clone()), origin_of(file))
    }

    pub(super) fn thresholds(&mut self, raw: &RawConfig) -> (Thresholds, [Origin; 3]) {
        let mut thresholds = Thresholds::default();
        let mut origins = [Origin::Default; 3];
        let [percent_from, left_from, hot_from] = &mut origins;
        if let Some(percent) = &raw.tight_percent {
            if (0.0..=100.0).contains(&percent.value) {
                thresholds.tight_percent = Percent(percent.value as f32);
                *percent_from = Origin::Line(percent.line);
            } else {
                self.out_of_range(percent, "tight_percent", "a percentage from 0 to 100");
            }
        }
        if let Some(hot) = &raw.hot {
            if (1.0..=150.0).contains(&hot.value) {
                thresholds.hot = Celsius(hot.value as f32);
                *hot_from = Origin::Line(hot.line);
            } else {
                self.out_of_range(hot, "hot", "degrees Celsius from 1 to 150");
            }
        }
        if let Some(left) = &raw.tight_left {
            match memory(&left.value) {
                Some(amount) => {
                    thresholds.tight_left = amount;
                    *left_from = Origin::Line(left.line);
                }
                None => self.problems.at(
                    left.line,
                    format!("`tight_left` is `{}`", left.value),
                    "write an amount with its unit, such as 8 GiB",
                ),
            }
        }
        (thresholds, origins)
    }

    pub(super) fn out_of_range(&mut self, number: &Lined<f64>, key: &str, wanted: &str) {
        self.problems.at(
            number.line,
            format!("`{key}` is {}, and it must be {wanted}", number.value),
            "the default is used",
        );
    }

    pub(super) fn alerts(&mut self, raw: &RawConfig) -> (AlertSettings, [Origin; 2]) {
        let webhook = self.webhook(raw.webhook.as_ref());
        let kept = raw.webhook.as_ref().filter(|_| webhook.is_some());
        let origins = [origin_of(raw.bell.as_ref()), origin_of(kept)];
        let bell = raw.bell.as_ref().is_some_and(|bell| bell.value);
        (AlertSettings { bell, webhook }, origins)
    }

    pub(super) fn logs(&mut self, raw: &RawConfig) -> (LogSettings, [Origin; 2]) {
        let mut logs = LogSettings::default();
        let mut origins = [Origin::Default; 2];
        let [buffer_from, tail_from] = &mut origins;
        if let Some(buffer) = &raw.buffer {
            match memory(&buffer.value).filter(|amount| BUFFERS.contains(amount)) {
                Some(amount) => {
                    logs.buffer = amount;
                    *buffer_from = Origin::Line(buffer.line);
                }
                None => self.problems.at(
                    buffer.line,
                    format!("`buffer` is `{}`", buffer.value),
                    "write an amount from 8 MiB to 4 GiB with its unit, such as 64 MiB",
                ),
            }
        }
        if let Some(tail) = &raw.tail {
            if tail.value.fract() == 0.0 && (0.0..=MOST_LINES).contains(&tail.value) {
                logs.tail = tail.value as u32;
                *tail_from = Origin::Line(tail.line);
            } else {
                self.out_of_range(tail, "tail", "a whole number from 0 to 1000000");
            }
        }
        (logs, origins)
    }

    fn webhook(&mut self, file: Option<&Lined<String>>) -> Option<Secret<String>> {
        let url = file?;
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| url.value.strip_prefix(scheme));
        let sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
            && url.value.chars().all(|c| c.is_ascii_graphic());
        if !sound {
            // The address is a secret: the problem does not repeat it.
            self.problems.at(
                url.line,
                "`webhook` is no address of the form http://host/path",
                "alerts are shown, but not sent",
            );
        }
        sound.then(|| Secret::new(url.value.clone()))
    }
}

/// At most 40 printable characters.
fn clean(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
