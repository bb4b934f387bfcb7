//! `demo`: the simulated fleet on the console. Headless it serves, without a screen, whoever comes with its configuration.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::console::{self, Memory, Wishes};
use super::error::CliError;
use super::exit::Exit;
use super::here::Here;
use super::{breakglass_drill, looks, once, print, runtime};
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::demo::{Demo, DemoOptions, Drill};
use crate::tasks::Tasks;

/// What the demo is to show.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Play a disaster: wedge, oom, flap or thermal; or breakglass: a machine wedges, and its whole recovery is played and
    /// timed without a screen
    #[arg(long, value_name = "NAME", value_parser = drill)]
    drill: Option<Drill>,
    /// Only serve the machines, without a screen, until Ctrl-C
    #[arg(long, requires = "write_config")]
    headless: bool,
    /// Write a configuration that reaches the machines, for trying every other command on them
    #[arg(long, value_name = "FILE", requires = "headless")]
    write_config: Option<PathBuf>,
    /// So many machines: the four first, then more of their kinds
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=200))]
    hosts: u16,
    /// Record the session into a new file, for `pilothouse replay`
    #[arg(long, value_name = "FILE", conflicts_with = "headless")]
    record: Option<PathBuf>,
    /// The same seed plays the same readings
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl DemoArgs {
    fn options(&self) -> DemoOptions {
        DemoOptions {
            drill: self.drill,
            seed: self.seed,
            hosts: usize::from(self.hosts),
        }
    }
}

fn drill(name: &str) -> Result<Drill, String> {
    name.parse::<Drill>().map_err(|error| error.to_string())
}

/// Shows the machines, or serves them until somebody ends it.
pub(super) fn run(args: &DemoArgs, here: &Arc<Here>) -> Result<Exit, CliError> {
    if args.headless {
        return runtime::block_on(serve(args))?;
    }
    let settings = here.load(Vec::new())?.config.settings;
    let runtime = runtime::start()?;
    let tasks = Tasks::new();
    let demo = runtime.block_on(Demo::start(&tasks, &Clock::system(), args.options()))?;
    let own = demo.config();
    let config = Config {
        settings: Settings {
            // The person's machines are not here: nobody is told of their swaps, and none of their services is asked.
            models: own.settings.models.clone(),
            services: own.settings.services.clone(),
            ..settings
        },
        ..own
    };
    let outcome = if args.drill == Some(Drill::Breakglass) {
        runtime.block_on(breakglass_drill::play(&demo, here, &tasks))
    } else if here.common.json || !looks::is_console(&here.environment) {
        runtime.block_on(once::look(config, here, &tasks))
    } else {
        let wishes = Wishes {
            record: args.record.as_deref(),
            memory: Memory::Passing(demo.folder()),
        };
        console::show(config, here, &wishes, (&runtime, &tasks))
    };
    drop(demo);
    runtime.block_on(tasks.shutdown(runtime::FAREWELL));
    runtime.shutdown_background();
    outcome
}

async fn serve(args: &DemoArgs) -> Result<Exit, CliError> {
    let tasks = Tasks::new();
    // Before anything is written, so that no signal can end us in between and leave keys behind.
    let mut ends = [
        signal(SignalKind::interrupt()).map_err(CliError::Runtime)?,
        signal(SignalKind::terminate()).map_err(CliError::Runtime)?,
        signal(SignalKind::hangup()).map_err(CliError::Runtime)?,
    ];
    let demo = Demo::start(&tasks, &Clock::system(), args.options()).await?;
    if let Some(file) = &args.write_config {
        demo.write_config(file)?;
        print::message(&format!(
            "serving {} machines on 127.0.0.1 until Ctrl-C; try: pilothouse --config {} config print",
            demo.config().hosts.len(),
            file.display()
        ));
    }
    let [interrupt, terminate, hangup] = &mut ends;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    drop(demo);
    tasks.shutdown(runtime::FAREWELL).await;
    Ok(Exit::Done)
}
