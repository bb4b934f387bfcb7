//! The forms about models (pure): what they ask for, what is filled in already, and the command that comes of them.

use std::time::Duration;

use super::model_rows::ModelRow;
use super::ui_work::{FormField, FormKind, FormUi};
use crate::domain::{Cluster, HostId, ModelKey, Place, RepoId};
use crate::engine::{
    Command, Fleet, Knob, LockOrder, Mode, ModelSource, ModelsCommand, Recipe, Weights, ground,
    suggest,
};
use crate::engine::{HostModels, recipe_problems};

/// How long a reservation holds where nobody says otherwise: 15 minutes, as other schedulers have it.
const TTL: &str = "15m";

/// The longest one.
const LONGEST: Duration = Duration::from_hours(24);

/// Why a form was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The field.
    pub(super) field: usize,
    /// One sentence.
    pub(super) what: String,
    /// The mend.
    pub(super) hint: Option<String>,
}

fn wrong(field: usize, what: impl Into<String>, hint: &str) -> Wrong {
    Wrong {
        field,
        what: what.into(),
        hint: Some(hint.to_owned()),
    }
}

/// Every place by name: clusters, then hosts.
fn places(fleet: &Fleet) -> Vec<String> {
    let clusters = fleet.clusters.iter();
    let clusters = clusters.map(|cluster: &std::sync::Arc<Cluster>| cluster.name.clone());
    let hosts = fleet.hosts.iter().map(|host| host.id.to_string());
    clusters.chain(hosts).collect()
}

/// Fetching weights.
pub(super) fn download(fleet: &Fleet, repo: &str, place: Option<&str>) -> FormUi {
    let of = |recipe: &std::sync::Arc<Recipe>| match &recipe.source {
        ModelSource::Repo(repo) => Some(repo.to_string()),
        ModelSource::Local(_) => None,
    };
    let mut repos: Vec<String> = fleet.catalog.recipes.values().filter_map(of).collect();
    repos.sort();
    repos.dedup();
    let recipe = fleet
        .catalog
        .recipes
        .values()
        .find(|recipe| matches!(&recipe.source, ModelSource::Repo(of) if of.as_str() == repo));
    let all = places(fleet);
    // A model over a cluster is needed on every node of it; any other begins on the first host.
    let usual = match recipe.map(|recipe| recipe.mode) {
        Some(Mode::Solo) | None => fleet.hosts.first().map(|host| host.id.to_string()),
        _ => all.first().cloned(),
    };
    let place = place.map(str::to_owned).or(usual).unwrap_or_default();
    FormUi::new(
        FormKind::Download,
        vec![
            FormField::new(
                "repository",
                "ORGANISATION/NAME; those with a recipe are completed",
                repo,
            )
            .offering(repos),
            FormField::new(
                "onto",
                "a host, or a cluster: fetched once, then copied",
                place,
            )
            .offering(all),
        ],
    )
}

/// Reserving a place.
pub(super) fn reserve(place: &str) -> FormUi {
    FormUi::new(
        FormKind::Reserve(place.to_owned()),
        vec![
            FormField::new("who", "what others read as its holder", ""),
            FormField::new("for", "such as 45s, 15m or 2h; at most a day", TTL),
            FormField::new("why", "what others read when they are refused", ""),
        ],
    )
}

/// A recipe for the weights of a row, with what could be inferred from them; for one that has a recipe, that one.
pub(super) fn set_up(fleet: &Fleet, row: &ModelRow) -> Result<FormUi, String> {
    if let Some(recipe) = &row.recipe {
        let host = row
            .on
            .first()
            .map_or_else(|| HostId::new(""), |on| on.host.clone());
        return Ok(form_of((**recipe).clone(), host));
    }
    let found = row.on.iter().find_map(|on| {
        let host = fleet.host(&on.host)?;
        let weights = weights_of(&host.models, row.source.as_ref()?)?;
        Some((on.host.clone(), ground(fleet, &on.host), weights))
    });
    let Some((host, ground, weights)) = found else {
        return Err(format!("{} is on no disk: download it first", row.name));
    };
    Ok(form_of(suggest(weights, ground), host))
}

fn weights_of<'a>(models: &'a HostModels, source: &ModelSource) -> Option<&'a Weights> {
    models.weights.as_ref()?.value.of(source)
}

/// The few settings that matter, as text.
fn form_of(recipe: Recipe, host: HostId) -> FormUi {
    let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
    let mode = match recipe.mode {
        Mode::Solo => "solo",
        Mode::Cluster => "cluster",
        Mode::Either => "either",
    };
    let modes = ["solo", "cluster", "either"].map(String::from).to_vec();
    let fields = vec![
        FormField::new(
            "key",
            "short, in small letters: how commands name it",
            recipe.key.as_str(),
        ),
        FormField::new("name", "how people read it", recipe.name.clone()),
        FormField::new("mode", "solo, cluster or either", mode).offering(modes),
        FormField::new("port", "where it answers", recipe.port.to_string()),
        FormField::new(
            "context",
            "longest, in tokens; empty: the model's own",
            number(recipe.context),
        ),
        FormField::new(
            "gpu %",
            "share of the GPU's memory that it takes",
            number(recipe.gpu_percent.map(u64::from)),
        ),
        FormField::new(
            "split over",
            "GPUs in all",
            recipe.tensor_parallel.to_string(),
        ),
        FormField::new(
            "arguments",
            "each --flag=value, parted by blanks",
            recipe.args.join(" "),
        ),
    ];
    FormUi::new(FormKind::SetUp(Box::new(recipe), host), fields)
}

/// The command that a form stands for.
pub(super) fn command(form: &FormUi, fleet: &Fleet) -> Result<Command, Wrong> {
    let command = match &form.kind {
        FormKind::Download => download_command(form, fleet)?,
        FormKind::Reserve(place) => reserve_command(form, place)?,
        FormKind::SetUp(recipe, _) => ModelsCommand::Keep(Box::new(kept(form, recipe)?)),
    };
    Ok(Command::Models(command))
}

fn download_command(form: &FormUi, fleet: &Fleet) -> Result<ModelsCommand, Wrong> {
    let repo: RepoId = form
        .text(0)
        .parse()
        .map_err(|error: crate::domain::InvalidRepo| {
            wrong(0, error.to_string(), "as it stands in the hub's address")
        })?;
    let place = form.text(1).to_owned();
    if !places(fleet).contains(&place) {
        let what = format!("no host or cluster is called `{place}`");
        return Err(wrong(
            1,
            what,
            &format!("there are: {}", places(fleet).join(", ")),
        ));
    }
    Ok(ModelsCommand::Download { repo, place })
}

fn reserve_command(form: &FormUi, place: &str) -> Result<ModelsCommand, Wrong> {
    let holder = form.text(0).to_owned();
    if holder.is_empty() {
        return Err(wrong(
            0,
            "nobody is named as its holder",
            "others read it when they are refused",
        ));
    }
    let ttl = crate::config::duration(form.text(1))
        .filter(|ttl| !ttl.is_zero() && *ttl <= LONGEST)
        .ok_or_else(|| {
            wrong(
                1,
                format!("`{}` is no such time", form.text(1)),
                "write 45s, 15m or 2h",
            )
        })?;
    Ok(ModelsCommand::Lock {
        place: place.to_owned(),
        order: LockOrder::Take {
            holder,
            ttl,
            note: form.text(2).to_owned(),
            token: None,
        },
    })
}

/// The recipe with what was typed. Everything else of it stays; the trade has the last word over each value.
fn kept(form: &FormUi, recipe: &Recipe) -> Result<Recipe, Wrong> {
    let optional = |at| optional(form, at);
    let mode = mode(form.text(2))?;
    let port = form.text(3).parse().map_err(|_| {
        wrong(
            3,
            format!("`{}` is no port", form.text(3)),
            "from 1 to 65535",
        )
    })?;
    let percent = optional(5)?;
    let gpu_percent = percent
        .map(u8::try_from)
        .transpose()
        .map_err(|_| wrong(5, "more than the whole", "from 1 to 100"))?;
    let split = optional(6)?.unwrap_or(1);
    let tensor_parallel = u16::try_from(split).map_err(|_| {
        wrong(
            6,
            format!("{split} GPUs are too many"),
            "the GPUs of one place",
        )
    })?;
    let kept = Recipe {
        key: ModelKey::new(form.text(0)),
        name: form.text(1).to_owned(),
        mode,
        port,
        context: optional(4)?,
        gpu_percent,
        tensor_parallel,
        args: arguments(form.text(7), recipe)?,
        ..recipe.clone()
    };
    match recipe_problems(&kept).into_iter().next() {
        Some(problem) => Err(Wrong {
            field: 0,
            what: problem.what,
            hint: problem.hint,
        }),
        None => Ok(kept),
    }
}

fn optional(form: &FormUi, at: usize) -> Result<Option<u64>, Wrong> {
    let text = form.text(at);
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map(Some);
    number.map_err(|_| {
        wrong(
            at,
            format!("`{text}` is no number"),
            "digits only, or nothing",
        )
    })
}

fn mode(text: &str) -> Result<Mode, Wrong> {
    match text {
        "solo" => Ok(Mode::Solo),
        "cluster" => Ok(Mode::Cluster),
        "either" => Ok(Mode::Either),
        other => Err(wrong(
            2,
            format!("`{other}` is no mode"),
            "solo, cluster or either",
        )),
    }
}

/// The arguments as they are typed. One that has a blank in it can't be told from two: such a recipe is changed in its file.
fn arguments(text: &str, recipe: &Recipe) -> Result<Vec<String>, Wrong> {
    if text == recipe.args.join(" ").trim() {
        return Ok(recipe.args.clone());
    }
    if recipe
        .args
        .iter()
        .any(|arg| arg.contains(char::is_whitespace))
    {
        let hint = "leave them as they were here, and change them in its file";
        return Err(wrong(7, "one of its arguments has a blank in it", hint));
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Settings of a recipe that the form leaves as they are, in words.
pub(super) fn left_out(recipe: &Recipe) -> String {
    let knob = |(name, knob): (&String, &Knob)| match knob {
        Knob::Flag(on) => format!("{name}={on}"),
        Knob::Value(value) => format!("{name}={value}"),
    };
    let knobs: Vec<String> = recipe.knobs.iter().map(knob).collect();
    let engine = super::model_lines::engine_words(&recipe.engine);
    if knobs.is_empty() {
        engine
    } else {
        format!("{engine} · {}", knobs.join(" "))
    }
}

/// The place of a name. A cluster of the name of a host comes first.
pub(super) fn place_named(fleet: &Fleet, name: &str) -> Option<Place> {
    let cluster = fleet.clusters.iter().find(|cluster| cluster.name == name);
    if let Some(cluster) = cluster {
        return Some(Place::Cluster((**cluster).clone()));
    }
    let host = fleet.hosts.iter().find(|host| host.id.as_str() == name)?;
    Some(Place::Solo(host.id.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::Catalog;
    use crate::tui::ui::LineEdit;

    fn recipe() -> Recipe {
        let catalog = Catalog::with_bundled(&[]);
        let found = catalog.recipes.get(&ModelKey::new("qwen3.6-35b-fp8"));
        Recipe::clone(found.unwrap())
    }

    fn typed(form: &mut FormUi, at: usize, text: &str) {
        form.fields[at].line = LineEdit {
            cursor: text.len(),
            text: text.to_owned(),
            active: false,
        };
    }

    #[test]
    fn a_recipe_that_is_not_touched_comes_back_as_it_was() {
        let recipe = recipe();
        let form = form_of(recipe.clone(), HostId::new("spark-1"));
        assert_eq!(kept(&form, &recipe).unwrap(), recipe);
    }

    #[test]
    fn fields_of_a_recipe_by_rows() {
        for (field, text, wrong) in [
            (0, "Not A Key", true),
            (2, "both", true),
            (2, "cluster", false),
            (3, "0", true),
            (3, "70000", true),
            (3, "9000", false),
            (4, "many", true),
            (4, "", false),
            (5, "300", true),
            (5, "80", false),
            (6, "99999", true),
            (7, "--max-num-seqs=4  --enforce-eager", false),
        ] {
            let recipe = recipe();
            let mut form = form_of(recipe.clone(), HostId::new("spark-1"));
            typed(&mut form, field, text);
            let kept = kept(&form, &recipe);
            assert_eq!(kept.is_err(), wrong, "{field} {text:?}: {kept:?}");
        }
        let recipe = recipe();
        let mut form = form_of(recipe.clone(), HostId::new("spark-1"));
        typed(&mut form, 7, "--max-num-seqs=4  --enforce-eager");
        let kept = kept(&form, &recipe).unwrap();
        assert_eq!(kept.args, ["--max-num-seqs=4", "--enforce-eager"]);
    }

    #[test]
    fn arguments_with_blanks_are_changed_in_their_file() {
        let mut recipe = recipe();
        recipe.args = vec!["--speculative-config={\"method\": \"mtp\"}".into()];
        let mut form = form_of(recipe.clone(), HostId::new("spark-1"));
        assert_eq!(kept(&form, &recipe).unwrap().args, recipe.args);
        typed(&mut form, 7, "--other");
        let wrong = kept(&form, &recipe).unwrap_err();
        assert_eq!(
            (wrong.field, wrong.what.as_str()),
            (7, "one of its arguments has a blank in it")
        );
    }

    #[test]
    fn a_reservation_wants_a_holder_and_a_time_of_at_most_a_day() {
        for (who, time, wrong) in [
            ("ann", "15m", None),
            ("ann", "24h", None),
            ("", "15m", Some(0)),
            ("ann", "25h", Some(1)),
            ("ann", "0s", Some(1)),
            ("ann", "soon", Some(1)),
        ] {
            let mut form = reserve("pair");
            typed(&mut form, 0, who);
            typed(&mut form, 1, time);
            let made = reserve_command(&form, "pair");
            assert_eq!(made.err().map(|wrong| wrong.field), wrong, "{who:?} {time}");
        }
    }

    #[test]
    fn a_download_goes_onto_a_place_that_is_there() {
        let mut fleet = crate::tui::ui_update::test_fleet(&["spark-1", "spark-2"]);
        fleet.catalog = Arc::new(Catalog::with_bundled(&[]));
        for (repo, place, wrong) in [
            ("a/b", "spark-2", None),
            ("a/b", "spark-9", Some(1)),
            ("a b", "spark-1", Some(0)),
            ("../etc/passwd", "spark-1", Some(0)),
            ("", "spark-1", Some(0)),
        ] {
            let form = download(&fleet, repo, Some(place));
            let made = download_command(&form, &fleet);
            assert_eq!(
                made.err().map(|wrong| wrong.field),
                wrong,
                "{repo:?} {place}"
            );
        }
    }
}
