//! What only looks: the menu, one model, what a swap would meet.

use super::args::{ListArgs, PreflightArgs, ShowArgs};
use super::menu::{self, Entry};
use super::menu_shot::MenuShot;
use super::run::{Until, at, config, hosts};
use super::show::{self, ShowShot};
use super::verdicts::{self, PreflightShot};
use super::{place, token, wait, words};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::here::Here;
use crate::cli::print;
use crate::cli::session::{self, Kept, Session, Wanted, is_away};
use crate::domain::{ModelKey, Place};
use crate::engine::{Command, Fleet, ModelsCommand, Preflight, Refusal, Reply, SwapOrder};

/// Prints the menu.
pub(super) fn list(args: &ListArgs, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: hosts(args.hosts.clone(), here)?,
        kept: Kept::Nothing,
    };
    session::with(wanted, here, async |session| {
        let fleet = wait::served(session).await;
        for problem in &fleet.catalog.problems {
            print::message(&menu::problem(problem));
        }
        if here.common.json {
            print::json(&MenuShot::of(&fleet, args.all))?;
        } else {
            print::data(&menu::menu(&fleet, args.all))?;
        }
        Ok(outcome(&fleet))
    })
}

/// A menu is complete only where every host has told.
fn outcome(fleet: &Fleet) -> Exit {
    let unread = |host: &&std::sync::Arc<crate::engine::Host>| host.models.weights.is_none();
    let mut unread = fleet.hosts.iter().filter(unread).peekable();
    if unread.peek().is_none() {
        return Exit::Done;
    }
    if unread.any(|host| is_away(fleet, host)) {
        Exit::Unreachable
    } else {
        Exit::Failed
    }
}

/// Prints one model.
pub(super) fn show(args: &ShowArgs, here: &Here) -> Result<Exit, CliError> {
    let wanted = Wanted {
        config: match &args.on {
            Some(name) => config(name, here)?,
            None => hosts(Vec::new(), here)?,
        },
        kept: Kept::Nothing,
    };
    session::with(wanted, here, async |session| {
        let fleet = wait::served(session).await;
        let entries = menu::entries(&fleet);
        let found: Vec<&Entry<'_>> = entries
            .iter()
            .filter(|entry| is_meant(entry, &args.model))
            .collect();
        if found.is_empty() {
            let known: Vec<String> = entries.iter().map(Entry::word).collect();
            return Ok(refuse(&show::unknown(&args.model, &known)));
        }
        let mut shown = Vec::new();
        for entry in found {
            let places = match (&args.on, &entry.recipe) {
                (Some(name), _) => place::named(name, &fleet).into_iter().collect(),
                (None, Some(recipe)) => place::of_recipe(recipe, &fleet),
                (None, None) => Vec::new(),
            };
            let launch = entry
                .recipe
                .as_ref()
                .zip(places.first())
                .map(|(recipe, at)| show::launching(recipe, at, &fleet));
            if here.common.json {
                print::json(&ShowShot::of(entry, launch.as_ref()))?;
                return Ok(Exit::Done);
            }
            shown.push(show::text(entry, launch.as_ref()));
        }
        print::data(&shown.join("\n\n"))?;
        Ok(Exit::Done)
    })
}

/// Whether this entry is meant by a word: its key, its repository, its folder.
fn is_meant(entry: &Entry<'_>, word: &str) -> bool {
    entry.word() == word
        || entry
            .source
            .as_ref()
            .is_some_and(|of| words::source(of) == word)
}

fn refuse(refusal: &Refusal) -> Exit {
    print::message(&format!("pilothouse: {}", refusal.why));
    if let Some(hint) = &refusal.hint {
        print::message(&format!("  {hint}"));
    }
    Exit::Usage
}

/// Prints what a swap would meet.
pub(super) fn preflight(args: &PreflightArgs, here: &Here) -> Result<Exit, CliError> {
    let token = token::read(args.token.token_file.as_deref())?;
    let wanted = Wanted {
        config: match &args.on {
            Some(name) => config(name, here)?,
            None => hosts(Vec::new(), here)?,
        },
        kept: Kept::Nothing,
    };
    session::with(wanted, here, async |session| {
        let name = match &args.on {
            Some(name) => name.clone(),
            None => match only_place(session, &args.model).await {
                Ok(place) => place::name(&place).to_owned(),
                Err(refusal) => return Ok(refuse(&refusal)),
            },
        };
        let head = match at(session, &name, Until::Read).await {
            Ok(head) => head,
            Err(exit) => return Ok(exit),
        };
        let order = SwapOrder {
            model: ModelKey::new(args.model.as_str()),
            place: name,
            force: false,
            token,
        };
        let ask = Command::Models(ModelsCommand::Preflight(order));
        match session.ask(ask).await {
            Reply::Preflight(preflight) => print_preflight(&preflight, here),
            reply => session.tell(&reply, Some(&head)),
        }
    })
}

fn print_preflight(preflight: &Preflight, here: &Here) -> Result<Exit, CliError> {
    if here.common.json {
        print::json(&PreflightShot::of(preflight))?;
    } else {
        print::data(&verdicts::text(preflight))?;
    }
    Ok(if preflight.passes() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// The only place where this model can be served; of several, the only one that has its weights.
async fn only_place(session: &Session<'_>, model: &str) -> Result<Place, Refusal> {
    let fleet = wait::weights(session).await;
    let Some(recipe) = fleet.catalog.recipes.get(&ModelKey::new(model)) else {
        let keys: Vec<String> = fleet
            .catalog
            .recipes
            .keys()
            .map(ToString::to_string)
            .collect();
        return Err(show::unknown(model, &keys));
    };
    let mut places = place::of_recipe(recipe, &fleet);
    let ready = |place: &Place| place::has_weights(&recipe.source, place, &fleet);
    if places.iter().any(ready) {
        places.retain(|place| ready(place));
    }
    let words: Vec<&str> = places.iter().map(place::name).collect();
    match places.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Refusal {
            why: format!("no place of this fleet fits {model}"),
            hint: Some("see its `hosts` and `mode`: `pilothouse models show`".into()),
        }),
        _ => Err(Refusal {
            why: format!("{model} can be served at more than one place"),
            hint: Some(format!("say where: --on {}", words.join(", --on "))),
        }),
    }
}
