//! Themes and keys follow their files while the console runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::event_loop::Console;
use super::frame::Reason;
use super::keymap::Keymap;
use super::theme_load;
use crate::config::{Problem, Settings};
use crate::domain::Severity;

impl Console {
    /// Uses the theme of this name or path; one that is wrong changes nothing and is told of.
    pub(super) fn use_theme(&mut self, name: &str) {
        match theme_load::load(name) {
            Ok(theme) => {
                self.theme = theme.at_depth(self.options.depth);
                self.ui.theme = Some(name.to_owned());
                self.watch_files();
            }
            Err(problem) => {
                let text = problem.to_string();
                self.ui.say(Severity::Error, text, problem.hint());
            }
        }
        self.pace.want(Reason::Person);
    }

    /// Watches the config and the theme's file, as they are now.
    pub(super) fn watch_files(&mut self) {
        let theme = self.ui.theme.as_deref().map(PathBuf::from);
        let theme = theme.filter(|path| path.is_file());
        self.files = self
            .options
            .config
            .iter()
            .cloned()
            .chain(theme)
            .map(|path| {
                let changed = changed(&path);
                (path, changed)
            })
            .collect();
    }

    /// Takes over what changed in the files.
    pub(super) fn look_at_files(&mut self) {
        let stale = |(path, seen): &(PathBuf, Option<SystemTime>)| changed(path) != *seen;
        if !self.files.iter().any(stale) {
            return;
        }
        self.watch_files();
        if let Some(name) = self.ui.theme.clone() {
            self.use_theme(&name);
        }
        if self.options.config.is_some() {
            match self.options.outside.settings() {
                Ok(settings) => self.use_settings(&settings),
                Err(problems) => self.tell_problems(&problems),
            }
        }
        self.pace.want(Reason::Person);
    }

    fn use_settings(&mut self, settings: &Settings) {
        let (keymap, problems) = Keymap::build(&settings.keys);
        self.keymap = keymap;
        // What was switched by hand stays so until the config itself changes.
        if settings.mouse != self.options.modes.mouse {
            self.options.modes.mouse = settings.mouse;
            self.ui.mouse = settings.mouse;
            self.guard.set_mouse(settings.mouse);
        }
        if let Some(name) = settings
            .theme
            .clone()
            .filter(|name| Some(name) != self.ui.theme.as_ref())
        {
            self.use_theme(&name);
        }
        match problems.first() {
            None => self
                .ui
                .say(Severity::Info, "the config was read anew", None),
            Some(problem) => {
                let line = problem
                    .line
                    .map(|line| format!("line {line}: "))
                    .unwrap_or_default();
                let text = format!("config: {line}{}", problem.fault);
                self.ui
                    .say(Severity::Error, text, Some(problem.fault.hint()));
            }
        }
    }

    fn tell_problems(&mut self, problems: &[Problem]) {
        if let Some(problem) = problems.first() {
            let line = problem
                .line
                .map(|line| format!("line {line}: "))
                .unwrap_or_default();
            let more = match problems.len() {
                1 => String::new(),
                n => format!(" (and {} more: `pilothouse config validate`)", n - 1),
            };
            let text = format!("config: {line}{}{more}", problem.what);
            self.ui.say(Severity::Error, text, problem.hint.clone());
        }
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}
