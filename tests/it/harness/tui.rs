//! The console on a canned fleet, for tests in a pty and for looking at. `r` makes happen what the first argument says.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a harness that can't go on should stop, loudly"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pilothouse::clock::Clock;
use pilothouse::config::{Problem, Settings};
use pilothouse::domain::{
    At, GpuSourceChoice, HealthWord, HostAddress, HostId, HostSpec, SshSpec, Thresholds,
};
use pilothouse::engine::{
    Command, ContainerTerminal, Fleet, Handle, Host, Link, Refusal, Reply, Request,
};
use pilothouse::shell::ShellCommand;
use pilothouse::tasks::Tasks;
use pilothouse::tui::{self, Keymap, Left, Outside, TuiOptions};
use tokio::sync::{broadcast, mpsc, watch};

static PANIC_IN_MAIN: AtomicBool = AtomicBool::new(false);

fn host(name: &str, at: At) -> Arc<Host> {
    Arc::new(Host {
        id: HostId::new(name),
        spec: Arc::new(HostSpec {
            id: HostId::new(name),
            address: HostAddress::Ssh(SshSpec::new(name.parse().unwrap())),
            tags: Vec::new(),
            gpu: GpuSourceChoice::Auto,
        }),
        link: Link::Up { since: at },
        ladder: pilothouse::engine::Ladder::default(),
        word: HealthWord::Ok,
        detail: "".into(),
        since: at,
        seen: Some(at),
        round_trip: Some(Duration::from_millis(4)),
        machine: None,
        gpus: None,
        processes: None,
        disks: None,
        containers: Arc::default(),
        history: pilothouse::engine::History::default(),
        changes: Arc::default(),
    })
}

/// The name tells the pid, so that a test can find the process by what it sees.
fn fleet(clock: &Clock, hosts: usize) -> Arc<Fleet> {
    let names = (1..=hosts).map(|n| format!("spark-{n}"));
    Arc::new(Fleet {
        name: format!("pid-{}.", std::process::id()).into(),
        at: clock.at(),
        wall: clock.wall(),
        read_only: false,
        period: Duration::from_secs(1),
        thresholds: Thresholds::default(),
        hosts: names.map(|name| host(&name, clock.at())).collect(),
        questions: Arc::default(),
        alerts: Arc::default(),
        ledger: Arc::default(),
        notices: Arc::default(),
    })
}

struct Hands;

#[async_trait]
impl Outside for Hands {
    async fn copy_to_tmux(&self, _text: String) -> Result<(), String> {
        Err("there is no tmux here".into())
    }
    async fn copy_to_file(&self, _text: String) -> Result<PathBuf, String> {
        Err("the harness writes no files".into())
    }
    async fn save(&self, _text: String, _path: &str) -> Result<PathBuf, String> {
        Err("the harness writes no files".into())
    }
    async fn shell(&self, line: &ShellCommand) -> Result<(), Refusal> {
        println!("RUNS {line}");
        Ok(())
    }
    async fn terminal(&self, terminal: ContainerTerminal) -> Result<Left, Refusal> {
        drop(terminal);
        Ok(Left::Ended)
    }
    fn settings(&self) -> Result<Settings, Vec<Problem>> {
        Ok(Settings::default())
    }
}

/// Does what the first argument says when it is asked to reconnect; answers everything else with Done.
async fn serve(
    mode: String,
    mut requests: mpsc::Receiver<Request>,
    fleets: watch::Sender<Arc<Fleet>>,
) {
    while let Some(request) = requests.recv().await {
        if matches!(request.command, Command::Shell { .. }) {
            let line = ShellCommand::new("ssh").arg("spark-1");
            let _ = request.reply.send(Reply::Shell {
                terminal: pilothouse::domain::TerminalId(1),
                command: line,
            });
            continue;
        }
        match mode.as_str() {
            "panic-task" => panic!("a task panics on purpose"),
            "panic-main" => {
                PANIC_IN_MAIN.store(true, Ordering::Release);
                let _ = request.reply.send(Reply::Done);
            }
            "error" => break,
            "stdin-null" => {
                let null = std::fs::File::open("/dev/null").unwrap();
                rustix::stdio::dup2_stdin(null).unwrap();
            }
            _ => {
                let _ = request.reply.send(Reply::Done);
            }
        }
    }
    drop(fleets);
}

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_else(|| "run".into());
    let hosts = std::env::args().nth(2).map_or(8, |n| n.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let tasks = Tasks::new();
    let clock = Clock::system();
    let (commands, requests) = mpsc::channel(16);
    let (fleets, fleet_reader) = watch::channel(fleet(&clock, hosts));
    let handle = Handle::new(commands, fleet_reader, broadcast::Sender::new(16));
    let _entered = runtime.enter();
    tasks.spawn(serve(mode, requests, fleets));
    let options = TuiOptions {
        keymap: Keymap::default(),
        theme: None,
        depth: tui::theme::ColorDepth::True,
        modes: tui::terminal::Modes {
            mouse: true,
            kitty: true,
        },
        bell: false,
        term: None,
        in_tmux: false,
        config: None,
        zone: jiff::tz::TimeZone::UTC,
        now: Arc::new(move || {
            assert!(
                !PANIC_IN_MAIN.load(Ordering::Acquire),
                "the loop panics on purpose"
            );
            clock.at()
        }),
        outside: Arc::new(Hands),
    };
    match tui::run(handle, options) {
        Ok(()) => {
            println!("LEFT");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ENDED: {error} {}", error.hint().unwrap_or_default());
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
        }
    }
}
