//! `models keep`: the recipe that is inferred for weights that nobody wrote one for, shown, and kept once a person says so.

use std::time::Duration;

use super::args::KeepArgs;
use super::run::{config, hosts, kept};
use super::{show, wait, words};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::print;
use crate::cli::session::{self, Session, Wanted, is_away, is_given_up, tell_away};
use crate::domain::{HostId, ModelKey};
use crate::engine::{
    Command, Fleet, ModelSource, ModelsCommand, Recipe, Refusal, ground, model_recipe_yaml,
    recipe_problems, suggest,
};

/// After this a host that has not told of its GPUs is taken to have none.
const GPUS: Duration = Duration::from_secs(5);

/// Shows what is inferred, and keeps it where it is confirmed by its key.
pub(super) fn keep(args: &KeepArgs, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: match &args.on {
            Some(name) => config(name, here)?,
            None => hosts(Vec::new(), here)?,
        },
        kept: kept(here),
    };
    let folder = wanted.config.settings.models.recipes.clone();
    session::with(wanted, here, async |session| {
        let fleet = looked(session).await;
        let recipe = match inferred(args, &fleet) {
            Ok(recipe) => recipe,
            Err(refusal) => return Ok(refuse(&refusal, &fleet)),
        };
        let file = folder.map(|folder| folder.join(format!("{}.yaml", recipe.key)));
        if here.common.json {
            print::json(&serde_json::json!({ "recipe": recipe, "file": file }))?;
        } else {
            print::data(model_recipe_yaml(&recipe).trim_end())?;
        }
        let place = file.map_or_else(String::new, |file| format!(" in {}", file.display()));
        if here.common.dry_run {
            print::message(&format!("would keep it{place}"));
            return Ok(Exit::Done);
        }
        if here.common.yes.as_deref() != Some(recipe.key.as_str()) {
            print::message(&format!("pilothouse: not confirmed: keep it{place}"));
            print::message(&format!(
                "  look at it, then confirm it with --yes {}",
                recipe.key
            ));
            return Ok(Exit::Refused);
        }
        let key = recipe.key.clone();
        let command = Command::Models(ModelsCommand::Keep(Box::new(recipe)));
        let (exit, _) = session.change(command, None).await?;
        if exit == Exit::Done {
            print::message(&format!("{key} is kept{place}"));
        }
        Ok(exit)
    })
}

/// The fleet with what lies on its disks and what it has of GPUs: both are inferred from.
async fn looked(session: &Session<'_>) -> std::sync::Arc<Fleet> {
    wait::weights(session).await;
    session
        .fleet_when(GPUS, |fleet| {
            let mut hosts = fleet.hosts.iter();
            hosts.all(|host| host.gpus.is_some() || is_given_up(fleet, host))
        })
        .await
}

/// The recipe for the weights that are meant, on the first host that has them.
fn inferred(args: &KeepArgs, fleet: &Fleet) -> Result<Recipe, Refusal> {
    let (host, source) = meant(&args.model, fleet)?;
    let known = fleet.catalog.recipes.values();
    if let Some(recipe) = known.into_iter().find(|recipe| recipe.source == source) {
        return Err(Refusal {
            why: format!("{} launches it already", recipe.key),
            hint: Some(format!("see `pilothouse models show {}`", recipe.key)),
        });
    }
    let report = fleet
        .host(&host)
        .and_then(|host| host.models.weights.as_ref());
    let weights = report.and_then(|report| report.value.of(&source));
    let weights = weights.ok_or_else(|| Refusal {
        why: format!("{} is on no disk any more", args.model),
        hint: None,
    })?;
    let mut recipe = suggest(weights, ground(fleet, &host));
    if let Some(key) = &args.key {
        recipe.key = ModelKey::new(key.as_str());
    }
    if let Some(other) = fleet.catalog.recipes.get(&recipe.key) {
        return Err(Refusal {
            why: format!(
                "{} is the recipe of {} already",
                recipe.key,
                words::source(&other.source)
            ),
            hint: Some("give this one a key of its own: --key NAME".into()),
        });
    }
    match recipe_problems(&recipe).into_iter().next() {
        None => Ok(recipe),
        Some(problem) => Err(Refusal {
            why: problem.what,
            hint: problem.hint,
        }),
    }
}

/// The weights of this name: a repository or folder as it is written, or the last part of one where that can mean only one.
fn meant(word: &str, fleet: &Fleet) -> Result<(HostId, ModelSource), Refusal> {
    let mut all: Vec<(HostId, ModelSource)> = Vec::new();
    for host in &fleet.hosts {
        let report = host.models.weights.as_ref();
        for weights in report.iter().flat_map(|report| &report.value.weights) {
            if !all.iter().any(|(_, source)| *source == weights.source) {
                all.push((host.id.clone(), weights.source.clone()));
            }
        }
    }
    let last = |source: &ModelSource| {
        let name = words::source(source);
        name.rsplit('/').next().unwrap_or(name).to_lowercase()
    };
    let whole = all.iter().find(|(_, source)| words::source(source) == word);
    if let Some(found) = whole {
        return Ok(found.clone());
    }
    let short = word.to_lowercase();
    let alike: Vec<_> = all
        .iter()
        .filter(|(_, source)| last(source) == short)
        .collect();
    match alike.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let names: Vec<String> = all
                .iter()
                .map(|(_, source)| words::source(source).to_owned())
                .collect();
            Err(show::unknown(word, &names))
        }
        several => {
            let names: Vec<&str> = several
                .iter()
                .map(|(_, source)| words::source(source))
                .collect();
            Err(Refusal {
                why: format!("{word} means more than one: {}", names.join(", ")),
                hint: Some("write it whole".into()),
            })
        }
    }
}

/// Where a host can't be asked, what is meant may lie there.
fn refuse(refusal: &Refusal, fleet: &Fleet) -> Exit {
    print::message(&format!("pilothouse: {}", refusal.why));
    if let Some(hint) = &refusal.hint {
        print::message(&format!("  {hint}"));
    }
    match fleet.hosts.iter().find(|host| is_away(fleet, host)) {
        Some(host) => tell_away(fleet, host),
        None => Exit::Usage,
    }
}
