//! `config init`, `print`, `validate` and `path`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde_json::json;

use super::args::ConfigVerb;
use super::effective::Effective;
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{print, starter};
use crate::config::{Chosen, Paths, read_ssh_aliases};

/// Does what was asked of the configuration.
pub(super) fn run(verb: ConfigVerb, here: &Here) -> Result<Exit, CliError> {
    let Here {
        common,
        environment,
        paths,
    } = here;
    let chosen = Chosen::of(&common.flags(Vec::new()), environment, paths);
    match verb {
        ConfigVerb::Path => path(&chosen, common.json, paths),
        ConfigVerb::Init => init(&chosen, paths),
        ConfigVerb::Print => {
            let effective = here.load(Vec::new())?;
            for problem in &effective.config.problems {
                print::message(&print::problem(problem));
            }
            let effective = Effective::of(&effective);
            if common.json {
                print::json(&effective)?;
            } else {
                print::data(&effective.yaml())?;
            }
            Ok(Exit::Done)
        }
        ConfigVerb::Validate => {
            let config = here.load(Vec::new())?.config;
            if common.json {
                print::json(&json!({ "file": config.file, "problems": config.problems }))?;
            } else if config.problems.is_empty() {
                let file = config.file.as_ref().map_or_else(
                    || "no configuration file; the defaults hold".to_owned(),
                    |file| format!("{}: no problems", file.display()),
                );
                print::data(&file)?;
            } else {
                let all: Vec<String> = config.problems.iter().map(print::problem).collect();
                print::data(&all.join("\n"))?;
            }
            Ok(if config.problems.is_empty() {
                Exit::Done
            } else {
                Exit::Failed
            })
        }
    }
}

fn path(chosen: &Chosen, as_json: bool, paths: &Paths) -> Result<Exit, CliError> {
    let file = chosen.path().ok_or(CliError::Homeless)?;
    if as_json {
        print::json(&json!({
            "config": file,
            "exists": file.exists(),
            "themes": paths.themes(),
            "log": paths.log(),
            "history": paths.store(),
        }))?;
    } else {
        print::data(&file.display().to_string())?;
    }
    Ok(Exit::Done)
}

fn init(chosen: &Chosen, paths: &Paths) -> Result<Exit, CliError> {
    let file = chosen.path().ok_or(CliError::Homeless)?;
    write_new(file, &starter::starter(&read_ssh_aliases(paths)))?;
    print::message("written; edit it, then check it with `pilothouse config validate`");
    print::data(&file.display().to_string())?;
    Ok(Exit::Done)
}

/// Writes a file that only its owner may read, and never over another, not even through a link.
fn write_new(file: &Path, text: &str) -> Result<(), CliError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::AlreadyExists => CliError::Exists(file.to_owned()),
        _ => CliError::Write {
            file: file.to_owned(),
            source,
        },
    };
    if let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| CliError::Write {
                file: folder.to_owned(),
                source,
            })?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .map_err(failed)
}
