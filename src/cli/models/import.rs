//! `models import`: recipe files of the launcher, as they are understood here, and kept on request.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::menu;
use super::run::kept;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::session::{self, Session, Wanted};
use crate::cli::{print, run};
use crate::engine::{
    CatalogProblem, Command, ModelsCommand, Recipe, model_import, model_recipe_yaml,
};

/// Longest recipe file.
const LONGEST: u64 = 1 << 20;

/// What a file gave.
struct Imported {
    file: PathBuf,
    recipe: Option<Recipe>,
    problems: Vec<CatalogProblem>,
}

/// Reads files, shows what is understood, and keeps what holds where that is wanted.
pub(super) fn import(files: &[PathBuf], keep: bool, here: &Here) -> Result<Exit, CliError> {
    let imported: Vec<Imported> = files
        .iter()
        .map(|file| read(file))
        .collect::<Result<_, _>>()?;
    show(&imported, here)?;
    let refused = imported.iter().any(|one| one.recipe.is_none());
    let outcome = if refused { Exit::Failed } else { Exit::Done };
    if !keep {
        return Ok(outcome);
    }
    let kept = keep_all(&imported, here)?;
    Ok(if kept == Exit::Done { outcome } else { kept })
}

fn read(file: &Path) -> Result<Imported, CliError> {
    let shown = file.display().to_string();
    let mut text = String::new();
    let outcome = fs::File::open(file)
        .map(|opened| opened.take(LONGEST + 1))
        .and_then(|mut opened| opened.read_to_string(&mut text));
    if let Err(error) = outcome {
        return Err(CliError::Usage {
            what: format!("{shown} can't be read: {error}"),
            hint: "name the recipe files of the launcher: its folder `recipes`".into(),
        });
    }
    if text.len() as u64 > LONGEST {
        return Err(CliError::Usage {
            what: format!("{shown} is larger than 1 MiB"),
            hint: "name a recipe file of the launcher".into(),
        });
    }
    let (recipe, problems) = model_import(&shown, &text);
    Ok(Imported {
        file: file.to_owned(),
        recipe,
        problems,
    })
}

/// The recipes are data; what was not understood is a message.
fn show(imported: &[Imported], here: &Here) -> Result<(), CliError> {
    for problem in imported.iter().flat_map(|one| &one.problems) {
        print::message(&menu::problem(problem));
    }
    if here.common.json {
        let shots: Vec<serde_json::Value> = imported
            .iter()
            .map(|one| {
                serde_json::json!({
                    "file": one.file,
                    "recipe": one.recipe,
                    "problems": one.problems,
                })
            })
            .collect();
        return print::json(&shots);
    }
    let understood: Vec<String> = imported
        .iter()
        .filter_map(|one| one.recipe.as_ref())
        .map(model_recipe_yaml)
        .collect();
    if !understood.is_empty() {
        print::data(&understood.join("\n"))?;
    }
    for one in imported.iter().filter(|one| one.recipe.is_none()) {
        print::message(&format!(
            "pilothouse: {} gives no recipe",
            one.file.display()
        ));
    }
    Ok(())
}

fn keep_all(imported: &[Imported], here: &Here) -> Result<Exit, CliError> {
    let mut config = run::fleet(Vec::new(), here)?;
    // It concerns no host: none is dialled.
    config.hosts.clear();
    let wanted = Wanted {
        config,
        kept: kept(here),
    };
    session::with(wanted, here, async |session| {
        let mut worst = Exit::Done;
        for recipe in imported.iter().filter_map(|one| one.recipe.as_ref()) {
            let exit = keep_one(session, recipe).await?;
            if exit != Exit::Done {
                worst = exit;
            }
        }
        Ok(worst)
    })
}

async fn keep_one(session: &Session<'_>, recipe: &Recipe) -> Result<Exit, CliError> {
    let command = Command::Models(ModelsCommand::Keep(Box::new(recipe.clone())));
    let (exit, _) = session.change(command, None).await?;
    if exit == Exit::Done && !session.here.common.dry_run {
        print::message(&format!("{} is kept", recipe.key));
    }
    Ok(exit)
}
