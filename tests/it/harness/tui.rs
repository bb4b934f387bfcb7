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
    At, GpuSourceChoice, HealthWord, HostAddress, HostId, HostSpec, SessionId, SshSpec, Thresholds,
    Wall,
};
use pilothouse::engine::{
    AssistantCommand, Command, ContainerTerminal, Entry, EntryId, Fleet, Handle, Host, Link,
    Refusal, Reply, Request, Transcript, TroubleKind,
};
use pilothouse::shell::ShellCommand;
use pilothouse::tasks::Tasks;
use pilothouse::text::SafeText;
use pilothouse::tui::{self, Keymap, Left, Outside, TuiOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
            power: None,
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
        models: Arc::default(),
        services: Arc::default(),
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
        ledger_read: true,
        arming: Arc::default(),
        armed: Arc::default(),
        power: Arc::default(),
        doubts: Arc::default(),
        catalog: Arc::default(),
        menu: Arc::default(),
        preflights: Arc::default(),
        clusters: Arc::default(),
        schedule: Arc::default(),
        proposals: Arc::default(),
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
        pilothouse::cli::pass(terminal).await
    }
    fn settings(&self) -> Result<Settings, Vec<Problem>> {
        Ok(Settings::default())
    }
}

/// What a hostile container sends: modes of every kind, questions whose answers would be typed, a sequence without end.
const NASTY: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1004h\x1b[?2026h\x1b[?1h\x1b=\
    \x1b[?7l\x1b[?6h\x1b[4h\x1b[20h\x1b[2;5r\x1b(0\x1b[31;7m\x1b[>4;2m\x1b[>31u\x1b[2h\x1b[12l\x1b]0;owned\x07\x1b[6n\x1b[c\
    \x1b[5 q READY \x1bP1;2";

/// A terminal whose far end is nasty, echoes what is typed and ends at `e`.
fn far_terminal(tasks: &Tasks) -> ContainerTerminal {
    let (near, mut far) = tokio::io::duplex(4096);
    let (resize, mut sizes) = mpsc::channel(4);
    tasks.spawn(async move {
        let _ = far.write_all(NASTY).await;
        let mut byte = [0];
        loop {
            tokio::select! {
                read = far.read(&mut byte) => match read {
                    Ok(1) if byte != *b"e" => {
                        let _ = far.write_all(&byte).await;
                    }
                    _ => return,
                },
                Some((columns, rows)) = sizes.recv() => {
                    let _ = far.write_all(format!("\x1b\\SIZE {columns}x{rows} ").as_bytes()).await;
                }
            }
        }
    });
    ContainerTerminal {
        io: Box::pin(near),
        resize,
        status: Box::pin(std::future::ready(Some(0))),
    }
}

/// A conversation that was written by an enemy, with whom a person can go on.
fn hostile_talk(handle: &Handle) -> watch::Sender<Arc<Transcript>> {
    let nasty = String::from_utf8_lossy(NASTY).into_owned();
    let lines = |text: &str| -> Vec<SafeText> { text.split('\n').map(SafeText::new).collect() };
    let id = EntryId;
    let markdown = format!(
        "# {nasty}\n**&#27;[31m** `&#x9b;2J` [x](&#27;]0;owned&#7;) &#x202e;\n\n```&#27;c\n{nasty}\n```\n\n| &#27;[?1000h |\n|-|\n| {nasty} |"
    );
    let entries = vec![
        Entry::Asked {
            id: id(1),
            wall: Wall(0),
            lines: lines(&nasty),
        },
        Entry::Said {
            id: id(2),
            lines: lines(&markdown),
            draft: true,
        },
        Entry::Trouble {
            id: id(3),
            wall: Wall(0),
            kind: TroubleKind::Offline,
            sentence: SafeText::new(&nasty),
            hint: Some("the talk is there".into()),
        },
    ];
    let (pictures, reader) = watch::channel(Arc::new(Transcript {
        session: SessionId(1),
        title: SafeText::new(&nasty),
        model: Some(SafeText::new(&nasty)),
        queued: vec![SafeText::new(&nasty)],
        entries: entries.into_iter().map(Arc::new).collect(),
        number: 3,
        ..Transcript::default()
    }));
    handle.show_transcript(SessionId(1), reader);
    pictures
}

/// Does what the first argument says when it is asked to reconnect; answers everything else with Done.
async fn serve(
    mode: String,
    (handle, tasks): (Handle, Tasks),
    mut requests: mpsc::Receiver<Request>,
    fleets: watch::Sender<Arc<Fleet>>,
) {
    let talk = hostile_talk(&handle);
    while let Some(request) = requests.recv().await {
        if let Command::Assistant(command) = &request.command {
            let answer = match command {
                AssistantCommand::Open => Reply::Session(SessionId(1)),
                AssistantCommand::Say { text, .. } => {
                    talk.send_modify(|picture| {
                        let all = Arc::make_mut(picture);
                        all.number += 1;
                        all.entries.push(Arc::new(Entry::Asked {
                            id: EntryId(all.number),
                            wall: Wall(0),
                            lines: vec![SafeText::new(&format!("HEARD {text}"))],
                        }));
                    });
                    Reply::Done
                }
                _ => Reply::Failed(Refusal {
                    why: String::from_utf8_lossy(NASTY).into_owned(),
                    hint: None,
                }),
            };
            let _ = request.reply.send(answer);
            continue;
        }
        if let (Command::Shell { .. }, "terminal") = (&request.command, mode.as_str()) {
            let id = pilothouse::domain::TerminalId(1);
            handle.hand_out(id, far_terminal(&tasks));
            let _ = request.reply.send(Reply::Terminal(id));
            continue;
        }
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
    tasks.spawn(serve(
        mode,
        (handle.clone(), tasks.clone()),
        requests,
        fleets,
    ));
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
