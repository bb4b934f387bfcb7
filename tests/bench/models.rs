//! Measures models on real hosts over open connections, in a process of its own with the real engine: what a preflight takes, what a
//! swap takes beside the engines that stop and load, what a look at the whole menu takes.
//!
//! `bench-models preflight CONFIG PLACE MODEL`, `bench-models swap CONFIG PLACE SSH-CONFIG
//! TOLD MODEL MODEL`, `bench-models menu CONFIG
//! [FILE]` print `name=figure` lines, in milliseconds. The weights have to be there. The file is emptied before the menu is looked at anew.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, whose result is what it prints, reads the clock"
)]

use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pilothouse::clock::Clock;
use pilothouse::config::{Environment, Flags, Paths, load};
use pilothouse::domain::ModelKey;
use pilothouse::engine::{
    Acting, Actor, Assisting, Challenge, Command, Engine, Fleet, Handle, ModelsCommand, PhaseState,
    Reply, ServedState, Setup, SwapEnd, SwapOrder, SwapReport, Ways, WorkId,
};
use pilothouse::ssh::Defaults;
use pilothouse::store::{Ledger, LedgerPaths};
use pilothouse::tasks::Tasks;

/// Preflights and looks at the menu that are timed.
const ROUNDS: usize = 21;
/// Swaps that are timed.
const SWAPS: usize = 8;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(2);
/// The container of every recipe that is swapped here.
const CONTAINER: &str = "lab-vllm";
/// What an engine says when it is loaded.
const LOADED: &str = "Application startup complete";

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (config, tasks) = (words.get(1).context("CONFIG is missing")?, Tasks::new());
    let engine = engine(config, &tasks)?;
    let desk = Desk(engine.handle());
    desk.until(is_read).await?;
    match words.as_slice() {
        ["preflight", _, place, model] => desk.preflights(place, model).await?,
        ["swap", _, place, ssh, told, one, other] => {
            desk.swaps(place, ssh, told, [one, other]).await?;
        }
        ["menu", _, told @ ..] => {
            for file in told {
                std::fs::write(file, "")?;
            }
            desk.menus().await?;
        }
        _ => bail!("bench-models preflight|swap|menu CONFIG …"),
    }
    engine.shutdown(Duration::from_secs(2)).await;
    tasks.shutdown(Duration::from_secs(2)).await;
    Ok(())
}

fn engine(config: &str, tasks: &Tasks) -> Result<Engine> {
    let flags = Flags {
        config: Some(config.into()),
        ..Flags::default()
    };
    let config = load(&flags, &Environment::of_process(), &Paths::of_process())?.config;
    ensure!(config.problems.is_empty(), "{:?}", config.problems);
    let clock = Clock::system();
    let person = Defaults {
        home: "/nonexistent".into(),
        user: "nobody".parse()?,
        agent: None,
    };
    Ok(Engine::start(Setup {
        connect: Arc::new(Ways::new(tasks, &clock, person, config.settings.period)),
        config,
        clock,
        tasks: tasks.clone(),
        store: None,
        record: None,
        acting: Acting {
            ledger: ledger(&Paths::of_process())?,
            who: "bench".into(),
            from: "a measurement".into(),
        },
        assisting: Assisting::default(),
    }))
}

/// The ledger of the person, as the console has it.
fn ledger(paths: &Paths) -> Result<Ledger> {
    Ok(Ledger::in_files(LedgerPaths {
        ledger: paths.ledger().context("no state directory")?,
        anchor: paths.ledger_anchor().context("no data directory")?,
        key: paths.ledger_key().context("no data directory")?,
    }))
}

/// Whether every host has told everything of its models.
fn is_read(fleet: &Fleet) -> bool {
    let told = |host: &Arc<pilothouse::engine::Host>| {
        let models = &host.models;
        models.weights.is_some() && models.serving.is_some() && models.lock.is_some()
    };
    !fleet.catalog.recipes.is_empty() && !fleet.hosts.is_empty() && fleet.hosts.iter().all(told)
}

fn order(model: &str, place: &str) -> SwapOrder {
    SwapOrder {
        model: ModelKey::new(model),
        place: place.to_owned(),
        force: false,
        token: None,
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Prints the median and the worst.
fn tell(what: &str, mut times: Vec<f64>) -> Result<()> {
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times.get(times.len() / 2), times.last());
    println!("{what}_ms={:.1}", median.context("nothing was timed")?);
    println!("{what}_worst_ms={:.1}", worst.context("nothing was timed")?);
    Ok(())
}

/// A person's end of the engine.
struct Desk(Handle);

/// One swap, timed.
struct Swapped {
    /// From the confirmation until its end is in the fleet.
    whole: Duration,
    report: Arc<SwapReport>,
}

impl Desk {
    async fn ask(&self, command: ModelsCommand) -> Reply {
        self.0.ask(Actor::Terminal, Command::Models(command)).await
    }

    async fn until(&self, holds: impl Fn(&Fleet) -> bool) -> Result<Arc<Fleet>> {
        let mut fleet = self.0.fleet();
        let found = tokio::time::timeout(PATIENCE, fleet.wait_for(|fleet| holds(fleet))).await;
        let fleet = found.context("it never came to that")??;
        Ok(Arc::clone(&fleet))
    }

    async fn preflights(&self, place: &str, model: &str) -> Result<()> {
        let mut times = Vec::new();
        // The first asks the image for its flags, once for all times.
        for round in 0..=ROUNDS {
            let began = Instant::now();
            let reply = self
                .ask(ModelsCommand::Preflight(order(model, place)))
                .await;
            let took = milliseconds(began.elapsed());
            let Reply::Preflight(found) = reply else {
                bail!("no preflight: {reply:?}");
            };
            let unknown = format!("{:?}", found.verdicts).contains("Unknown(");
            ensure!(round == 0 || !unknown, "{:?}", found.verdicts);
            if round > 0 {
                times.push(took);
            } else {
                println!("preflight_first_ms={took:.1}");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        tell("preflight", times)
    }

    async fn menus(&self) -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let reply = self.ask(ModelsCommand::Refresh(None)).await;
            times.push(milliseconds(began.elapsed()));
            ensure!(reply == Reply::Done, "{reply:?}");
        }
        let fleet = self.until(is_read).await?;
        let models = fleet.hosts.iter().map(|host| {
            let weights = host.models.weights.as_ref();
            weights.map_or(0, |told| told.value.weights.len())
        });
        println!("hosts={}", fleet.hosts.len());
        println!("models_of_a_host={}", models.min().unwrap_or_default());
        tell("menu", times)
    }

    /// Each swap from the confirmation until its end is seen, less what the container engine and the model's own engine took of it.
    async fn swaps(&self, place: &str, ssh: &str, told: &str, models: [&str; 2]) -> Result<()> {
        let (mut ours, mut whole) = (Vec::new(), Vec::new());
        for (round, model) in models.iter().cycle().take(SWAPS + 1).enumerate() {
            std::fs::write(told, "")?;
            let swapped = self.swap(place, model).await?;
            if round == 0 {
                // Nothing was served before the first.
                continue;
            }
            let all = milliseconds(swapped.whole);
            let share = Share::of(&std::fs::read_to_string(told)?, ssh, place)?;
            let marks: Vec<String> = swapped.report.phases.iter().map(took).collect();
            let rest = all - share.docker - share.load;
            println!(
                "# {all:.0} ms: docker {:.0}, the engine loads {:.0}, ours {rest:.0}; the job's marks: {}",
                share.docker,
                share.load,
                marks.join(", ")
            );
            ours.push(rest);
            whole.push(all);
        }
        tell("swap", whole)?;
        tell("overhead", ours)
    }

    async fn swap(&self, place: &str, model: &str) -> Result<Swapped> {
        let asked = self.ask(ModelsCommand::Swap(order(model, place))).await;
        let Reply::NeedsConfirmation { id, challenge, .. } = asked else {
            bail!("nothing to confirm: {asked:?}");
        };
        let answer = match challenge {
            Challenge::YesNo => "yes".to_owned(),
            Challenge::TypeName(name) => name,
        };
        let start = Instant::now();
        let begun = self
            .0
            .ask(Actor::Terminal, Command::Confirm { id, answer })
            .await;
        let Reply::Working { work, .. } = begun else {
            bail!("it was not begun: {begun:?}");
        };
        let fleet = self.until(|fleet| ended(fleet, &work).is_some()).await?;
        let whole = start.elapsed();
        let report = ended(&fleet, &work).context("its end is gone")?;
        // What is served is looked at after the end: the next swap is judged by it.
        let key = ModelKey::new(model);
        self.until(|fleet| serves(fleet, &key)).await?;
        ensure!(report.end == Some(SwapEnd::Served), "{report:?}");
        Ok(Swapped { whole, report })
    }
}

fn serves(fleet: &Fleet, model: &ModelKey) -> bool {
    let serving = fleet
        .hosts
        .iter()
        .filter_map(|host| host.models.serving.as_ref());
    let mut served = serving.flat_map(|told| &told.value.served);
    served.any(|served| served.recipe.as_ref() == Some(model) && served.state == ServedState::Ready)
}

fn ended(fleet: &Fleet, work: &WorkId) -> Option<Arc<SwapReport>> {
    let mut swaps = fleet
        .hosts
        .iter()
        .filter_map(|host| host.models.swap.as_ref());
    let swap = swaps.find(|swap| swap.work == *work && swap.end.is_some())?;
    Some(Arc::clone(swap))
}

/// What the job's own mark says of a phase.
fn took(phase: &pilothouse::engine::SwapPhaseRow) -> String {
    match &phase.state {
        PhaseState::Done { took, .. } => {
            format!("{} {:.0}", phase.phase.word(), milliseconds(*took))
        }
        state => format!("{} {state:?}", phase.phase.word()),
    }
}

/// What is not ours of a swap, in milliseconds.
struct Share {
    /// The commands that stop, remove and run containers.
    docker: f64,
    /// From the end of the last of them until the engine says that it is loaded.
    load: f64,
}

impl Share {
    /// From what each `docker` of the host wrote down (verb, begin, end in nanoseconds) and from the log of the container.
    fn of(told: &str, ssh: &str, host: &str) -> Result<Self> {
        let (mut docker, mut ran) = (0.0, None);
        for line in told.lines() {
            let mut words = line.split(' ');
            let verb = words.next().unwrap_or_default();
            let mut time = || {
                words
                    .next()
                    .context("a line is cut short")?
                    .parse::<f64>()
                    .context("no time")
            };
            let (begin, end) = (time()?, time()?);
            if ["stop", "rm", "run"].contains(&verb) {
                docker += (end - begin) / 1e6;
            }
            if verb == "run" {
                ran = Some(end);
            }
        }
        let ran = ran.context("nothing was run")?;
        let log = remote(ssh, host, &format!("docker logs -t {CONTAINER} 2>&1"))?;
        let line = log.lines().find(|line| line.contains(LOADED));
        let stamp = line.and_then(|line| line.split(' ').next());
        let stamp: jiff::Timestamp = stamp.context("it was never loaded")?.parse()?;
        let load = (stamp.as_nanosecond() as f64 - ran) / 1e6;
        Ok(Self {
            docker,
            load: load.max(0.0),
        })
    }
}

fn remote(ssh: &str, host: &str, command: &str) -> Result<String> {
    let ran = Process::new("ssh")
        .args([
            "-o",
            "BatchMode=yes",
            "-F",
            ssh,
            &format!("lab-{host}"),
            command,
        ])
        .output()?;
    ensure!(ran.status.success(), "{ran:?}");
    Ok(String::from_utf8(ran.stdout)?)
}
