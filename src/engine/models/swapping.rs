//! A swap before anybody has confirmed it (pure): the place, what is stopped there and who uses it, and what would be run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::places;
use crate::domain::{HostId, Metric, Place};
use crate::engine::command::Refusal;
use crate::engine::host_state::Host;
use crate::engine::state::Fleet;
use crate::jobs::JobId;
use crate::models::{
    Lasting, Launch, LaunchError, PlaceName, Recipe, Runs, Served, ServedState, StopWay,
    SwapLaunch, SwapLimits, SwapOrder, SwapPlan, halt, launch,
};
use crate::shell::{ShellCommand, ShellWord};
use crate::text::SafeText;

/// Seconds that an engine is asked before it is forced, in commands that have their own way to stop.
const GRACE: u64 = 30;

/// What a swap would do.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Swapping {
    /// The place as the person named it.
    pub(super) name: PlaceName,
    /// The place.
    pub(super) place: Place,
    /// What is brought; `None`: what is served is only stopped.
    pub(super) brings: Option<Brings>,
    /// What is stopped, in this order.
    pub(super) stop: Vec<StopWay>,
    /// The containers that are stopped, by name.
    pub(super) stopped: Vec<String>,
    /// What serves there now is known to be on the port of the launch.
    pub(super) serves: bool,
    /// What serves there now, with who uses it: a line each.
    pub(super) users: Vec<SafeText>,
    /// Not asked first.
    pub(super) force: bool,
}

/// What a swap brings.
#[derive(Debug, Clone)]
pub(super) struct Brings {
    pub(super) recipe: Arc<Recipe>,
    pub(super) launch: Launch,
    /// What ends it where it was launched over several nodes.
    undo: Option<ShellCommand>,
}

impl Swapping {
    /// The host on which all of it is run.
    pub(super) fn head(&self) -> &HostId {
        self.place.head()
    }

    /// What is done, in the order in which it is done, a line each.
    pub(super) fn shown(&self) -> String {
        let ways = self.stop.iter().map(|way| match way {
            StopWay::Container(name) => format!("stop the container {name}"),
            StopWay::Command(command) => command.render(),
            StopWay::Program(job) => format!("end the job {job}"),
        });
        let launch = self.brings.iter().map(|brings| brings.launch.shown());
        ways.chain(launch).collect::<Vec<_>>().join("\n")
    }

    /// The job's words, but for who begins it and the token.
    pub(super) fn plan(&self) -> SwapPlan {
        let workers = match &self.place {
            Place::Solo(_) => &[][..],
            Place::Cluster(cluster) => cluster.workers.as_slice(),
        };
        SwapPlan {
            place: self.name.clone(),
            launch: self.brings.as_ref().map(Brings::launch),
            by: String::new(),
            stop: self.stop.clone(),
            force: self.force,
            token: None,
            nodes: workers.iter().map(|node| node.address).collect(),
            limits: SwapLimits::default(),
            base: None,
        }
    }
}

impl Brings {
    fn launch(&self) -> SwapLaunch {
        let launch = &self.launch;
        SwapLaunch {
            model: launch.model.clone(),
            before: launch.before.clone(),
            command: launch.command.clone(),
            runs: match (&launch.container, launch.lasts) {
                (Some(name), Lasting::Ends) => Runs::Container(name.clone()),
                _ => Runs::Program(JobId::fresh()),
            },
            port: launch.port,
            listen: launch.listen.clone(),
            served_as: None,
            undo: self.undo.clone(),
            secrets: Vec::new(),
        }
    }
}

/// What an order would do, or why it can't be.
pub(in crate::engine) fn swapping(fleet: &Fleet, order: &SwapOrder) -> Result<Swapping, Refusal> {
    let place = known_place(fleet, &order.place)?;
    let recipe = fleet.catalog.recipes.get(&order.model);
    let recipe = recipe.ok_or_else(|| Refusal {
        why: format!("no recipe launches {}", order.model),
        hint: Some("look at it with `pilothouse models show`, and keep a recipe for it".into()),
    })?;
    may_run(fleet, recipe, &place)?;
    let head = head_of(fleet, &place)?;
    let weights = head.models.weights.as_ref().and_then(|report| {
        let mut all = report.value.weights.iter();
        all.find(|weights| weights.source == recipe.source)
    });
    let launch = launch(recipe, &place, &BTreeMap::new(), weights).map_err(|e| cant(&e))?;
    let brings = Brings {
        undo: undo(recipe, &place)?,
        recipe: Arc::clone(recipe),
        launch,
    };
    let mut swapping = stopping(fleet, &order.place, false)?;
    swapping.serves = leaving(fleet, head, Some(&brings.launch))
        .any(|served| served.port == brings.launch.port && served.container.is_some());
    if let Some(name) = &brings.launch.container
        && !swapping.stopped.contains(name)
    {
        swapping.stop.push(StopWay::Container(name.clone()));
        let held = leaving(fleet, head, Some(&brings.launch));
        let mut held = held.filter(|served| served.name.as_str() == name);
        if let Some(served) = held.next() {
            swapping.stopped.push(name.clone());
            swapping.users.push(user(served));
        }
    }
    swapping.brings = Some(brings);
    Ok(swapping)
}

/// What stopping a place would do, or why it can't be.
pub(in crate::engine) fn stopping(
    fleet: &Fleet,
    name: &str,
    force: bool,
) -> Result<Swapping, Refusal> {
    let place = known_place(fleet, name)?;
    let head = head_of(fleet, &place)?;
    is_no_part_of_another(fleet, &place)?;
    let mut swapping = Swapping {
        name: name.to_owned(),
        place,
        brings: None,
        stop: Vec::new(),
        stopped: Vec::new(),
        serves: false,
        users: Vec::new(),
        force,
    };
    for served in leaving(fleet, head, None) {
        let ways = ways(fleet, head, served);
        swapping.stop.extend(ways);
        swapping.users.push(user(served));
        if served.container.is_some() {
            swapping.stopped.push(served.name.to_string());
        }
    }
    Ok(swapping)
}

/// What the last swap of a place has pushed aside, as the order that brings it back.
pub(in crate::engine) fn rollback(fleet: &Fleet, name: &str) -> Result<SwapOrder, Refusal> {
    let place = known_place(fleet, name)?;
    let head = head_of(fleet, &place)?;
    let nothing = || Refusal {
        why: format!("nothing is known to have been served by {name} before its last swap"),
        hint: Some("choose a model and swap to it".into()),
    };
    let last = head.models.swap.as_ref().ok_or_else(nothing)?;
    if last.end.is_none() {
        return Err(at_work(head).unwrap_or_else(nothing));
    }
    Ok(SwapOrder {
        model: last.before.clone().ok_or_else(nothing)?,
        place: name.to_owned(),
        force: false,
        token: None,
    })
}

/// The swap that is at work on a head, as a refusal of another one.
pub(super) fn at_work(head: &Host) -> Option<Refusal> {
    let swap = head
        .models
        .swap
        .as_ref()
        .filter(|swap| swap.end.is_none())?;
    let what = match &swap.model {
        Some(model) => format!("to {model}"),
        None => "to nothing".to_owned(),
    };
    Some(Refusal {
        why: format!("a swap {what} by {} is at work on {}", swap.by, head.id),
        hint: Some("wait for its end, or cancel it".into()),
    })
}

pub(super) fn known_place(fleet: &Fleet, name: &str) -> Result<Place, Refusal> {
    places::place(fleet, name).ok_or_else(|| Refusal {
        why: format!("no host and no cluster is named {name}"),
        hint: Some("clusters are named in the config, under `models.clusters`".into()),
    })
}

pub(super) fn head_of<'a>(fleet: &'a Fleet, place: &Place) -> Result<&'a Host, Refusal> {
    let host = fleet.host(place.head()).map(AsRef::as_ref);
    host.ok_or_else(|| Refusal {
        why: format!("no host is named {}", place.head()),
        hint: None,
    })
}

fn may_run(fleet: &Fleet, recipe: &Recipe, place: &Place) -> Result<(), Refusal> {
    for host in place.hosts() {
        let known = fleet.host(host);
        if known.is_some_and(|known| !recipe.may_run_on(&known.spec)) {
            return Err(Refusal {
                why: format!("the recipe {} is not for {host}", recipe.key),
                hint: Some(format!("it is for {}", recipe.hosts.join(", "))),
            });
        }
    }
    Ok(())
}

/// A host that is a node of a cluster that serves is not swapped by itself.
fn is_no_part_of_another(fleet: &Fleet, place: &Place) -> Result<(), Refusal> {
    for cluster in fleet.clusters.iter() {
        let is_node = cluster
            .workers
            .iter()
            .any(|node| node.host == *place.head());
        let whole = places::name(place) == cluster.name;
        let Some(head) = fleet.host(&cluster.head.host).filter(|_| is_node && !whole) else {
            continue;
        };
        let serving = leaving(fleet, head, None)
            .find(|served| matches!(place_of(fleet, head, served), Place::Cluster(_)));
        if let Some(served) = serving {
            let what = served.recipe.as_ref().map_or("a model", |key| key.as_str());
            return Err(Refusal {
                why: format!(
                    "{} is a node of {}, which serves {what}",
                    place.head(),
                    cluster.name
                ),
                hint: Some(format!(
                    "stop {} first, or swap it as a whole",
                    cluster.name
                )),
            });
        }
    }
    Ok(())
}

/// What has to leave: what was launched by a recipe, and what holds the container's name. What somebody else runs there stays.
fn leaving<'a>(
    _fleet: &Fleet,
    head: &'a Host,
    launch: Option<&'a Launch>,
) -> impl Iterator<Item = &'a Served> {
    let serving = head.models.serving.as_ref();
    let all = serving.into_iter().flat_map(|timed| &timed.value.served);
    all.filter(move |served| {
        let ours = served.recipe.is_some() && served.state != ServedState::Idle;
        let name = launch.and_then(|launch| launch.container.as_deref());
        let same = served.container.is_some() && name == Some(served.name.as_str());
        !served.watched_only && (ours || same)
    })
}

/// How something that serves is stopped: by the launcher's own way where that reaches the other nodes, else by its container.
fn ways(fleet: &Fleet, head: &Host, served: &Served) -> Vec<StopWay> {
    let key = served.recipe.as_ref();
    let recipe = key.and_then(|key| fleet.catalog.recipes.get(key));
    let place = place_of(fleet, head, served);
    let own = recipe.filter(|recipe| has_own_way(recipe, &place));
    let mut ways: Vec<StopWay> = own
        .and_then(|recipe| halt(recipe, &place, GRACE).ok())
        .into_iter()
        .flatten()
        .map(StopWay::Command)
        .collect();
    if served.container.is_some() {
        ways.push(StopWay::Container(served.name.to_string()));
    }
    ways
}

fn has_own_way(recipe: &Recipe, place: &Place) -> bool {
    let launcher = matches!(
        recipe.engine,
        crate::models::EngineKind::SparkLauncher { .. }
    );
    launcher || matches!(place, Place::Cluster(_))
}

/// Where something is served: over the cluster of its last swap, or on its host alone.
pub(super) fn place_of(fleet: &Fleet, head: &Host, served: &Served) -> Place {
    let swap = head.models.swap.as_ref();
    let last = swap.filter(|swap| swap.model.is_some() && swap.model == served.recipe);
    if let Some(swap) = last {
        return swap.place.clone();
    }
    let key = served.recipe.as_ref();
    let recipe = key.and_then(|key| fleet.catalog.recipes.get(key));
    let spread = recipe.is_some_and(|recipe| recipe.mode == crate::models::Mode::Cluster);
    match places::headed(fleet, &head.id).filter(|_| spread) {
        Some(cluster) => Place::Cluster(crate::domain::Cluster::clone(cluster)),
        None => Place::Solo(head.id.clone()),
    }
}

/// One command that ends what is launched over several nodes.
fn undo(recipe: &Recipe, place: &Place) -> Result<Option<ShellCommand>, Refusal> {
    if !has_own_way(recipe, place) {
        return Ok(None);
    }
    let commands = halt(recipe, place, GRACE).map_err(|e| cant(&e))?;
    let lines: Vec<String> = commands.iter().map(ShellCommand::render).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let all = ShellWord::new(lines.join("; ")).map_err(|error| Refusal {
        why: error.to_string(),
        hint: None,
    })?;
    Ok(Some(ShellCommand::new("sh").arg("-c").word(all)))
}

fn cant(error: &LaunchError) -> Refusal {
    Refusal {
        why: error.to_string(),
        hint: Some(error.hint().into()),
    }
}

/// What serves, and who uses it.
pub(super) fn user(served: &Served) -> SafeText {
    let model = match (&served.recipe, &served.model) {
        (Some(key), _) => key.to_string(),
        (None, Some(model)) => model.to_string(),
        (None, None) => served.name.to_string(),
    };
    let count = |metric: &Metric<u64>| metric.value().copied();
    let requests = match (count(&served.running), count(&served.waiting)) {
        (Some(0), Some(0) | None) => "no requests now".to_owned(),
        (Some(1), Some(0) | None) => "1 request runs".to_owned(),
        (Some(running), Some(0) | None) => format!("{running} requests run"),
        (Some(running), Some(waiting)) => format!("{running} requests run, {waiting} wait"),
        (None, _) => match &served.state {
            ServedState::Ready => "how many use it is not known".to_owned(),
            _ => "it is not ready".to_owned(),
        },
    };
    format!("{model} on port {}: {requests}", served.port).into()
}
