//! A person at the console of a small fleet, with a script of keys.

pub(super) use std::collections::VecDeque;
pub(super) use std::sync::Arc;
pub(super) use std::time::Duration;

pub(super) use crate::domain::{
    Answer, At, GpuId, GpuProcess, GpuSourceChoice, HealthWord, HostAddress, HostId, HostKeyFacts,
    HostSpec, Metric, Mib, Missing, Prompt, Question, QuestionId, SshSpec, Thresholds, Wall,
};
pub(super) use crate::engine::{
    Challenge, Command, ConfirmationId, Fleet, History, Host, Ladder, Link, PendingQuestion, Plan,
    Refusal, Reply, Signal, Timed,
};
pub(super) use crate::shell::ShellCommand;
pub(super) use crate::tui::input::MouseKind;
pub(super) use crate::tui::keymap::Keymap;
pub(super) use crate::tui::ui::{Button, Dialog, Focus, Layer, SortKey, Tab, Ui};
pub(super) use crate::tui::ui_update::{
    Copied, Input, ReplayOrder, Room, Scene, Spot, UiEffect, fit_talk, reply, update,
};

pub(super) const ROOM: Room = Room {
    list: 3,
    processes: 2,
    table: 3,
    detail: 4,
    detail_length: 10,
    lens: 9,
    talk: 20,
    talk_cells: 44,
    card: 9,
    card_cells: 40,
    layer: 5,
    layer_cells: 40,
};

pub(super) fn host(name: &str) -> Host {
    Host {
        id: HostId::new(name),
        spec: Arc::new(HostSpec {
            id: HostId::new(name),
            address: HostAddress::Ssh(SshSpec::new(name.parse().unwrap())),
            tags: vec!["lab".into()],
            gpu: GpuSourceChoice::Auto,
            power: None,
        }),
        link: Link::Up { since: At(0) },
        ladder: Ladder::default(),
        word: HealthWord::Ok,
        detail: "".into(),
        since: At(0),
        seen: None,
        round_trip: None,
        machine: None,
        gpus: None,
        processes: Some(Timed {
            at: At(0),
            value: Arc::new(vec![
                process(11, 0, 8_000),
                process(22, 0, 4_000),
                process(11, 1, 2_000),
                process(33, 1, 1_000),
            ]),
        }),
        disks: None,
        containers: Arc::default(),
        models: Arc::default(),
        services: Arc::default(),
        history: History::default(),
        changes: Arc::new(VecDeque::new()),
    }
}

pub(super) fn process(pid: u32, gpu: u32, memory: u64) -> GpuProcess {
    GpuProcess {
        pid,
        gpu: GpuId::new(format!("index:{gpu}")),
        memory: Metric::Is(Mib(memory)),
        user: Metric::Is("ada".into()),
        command: format!("vllm serve {pid}").into(),
        container: Metric::Missing(Missing::NotReported),
        started: Metric::Is(u64::from(pid) * 100),
    }
}

pub(in crate::tui) fn fleet(hosts: &[&str]) -> Fleet {
    Fleet {
        name: "home".into(),
        at: At(0),
        wall: Wall(0),
        read_only: false,
        period: Duration::from_secs(1),
        thresholds: Thresholds::default(),
        hosts: hosts.iter().map(|name| Arc::new(host(name))).collect(),
        questions: Arc::default(),
        alerts: Arc::default(),
        ledger: Arc::default(),
        ledger_read: true,
        menu: Arc::default(),
        preflights: Arc::default(),
        arming: Arc::default(),
        armed: Arc::default(),
        power: Arc::default(),
        doubts: Arc::default(),
        catalog: Arc::default(),
        clusters: Arc::default(),
        schedule: Arc::default(),
        proposals: Arc::default(),
        notices: Arc::default(),
    }
}

/// A person at the console.
pub(super) struct Person {
    pub(super) ui: Ui,
    pub(super) fleet: Arc<Fleet>,
    pub(super) keymap: Keymap,
    pub(super) room: Room,
}

impl Person {
    pub(super) fn new() -> Self {
        Self::with(fleet(&["spark-1", "spark-2", "rtx-a", "rtx-b", "tiny"]))
    }

    pub(super) fn with(fleet: Fleet) -> Self {
        let mut person = Self {
            ui: Ui::new((120, 40)),
            fleet: Arc::new(fleet),
            keymap: Keymap::default(),
            room: ROOM,
        };
        person.send(Input::Fleet);
        person
    }

    pub(super) fn send(&mut self, input: Input) -> Vec<UiEffect> {
        let scene = Scene {
            fleet: &self.fleet,
            keymap: &self.keymap,
            room: self.room,
        };
        let effects = update(&mut self.ui, scene, input);
        // Every input is followed by a picture.
        fit_talk(&mut self.ui, scene);
        effects
    }

    /// Presses keys, written as in the config and parted by spaces; `'text` types a text.
    pub(super) fn press(&mut self, keys: &str) -> Vec<UiEffect> {
        let mut effects = Vec::new();
        for word in keys.split(' ') {
            let typed: Vec<String> = match word.strip_prefix('\'') {
                Some(text) => text
                    .chars()
                    .map(|c| {
                        if c == '_' {
                            "space".into()
                        } else {
                            c.to_string()
                        }
                    })
                    .collect(),
                None => vec![word.to_owned()],
            };
            for key in typed {
                effects.extend(self.send(Input::Key(key.parse().unwrap())));
            }
        }
        effects
    }

    pub(super) fn at(&mut self, now: u64) -> Vec<UiEffect> {
        self.ui.now = At(now);
        self.send(Input::Tick)
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Fleet)) {
        change(Arc::make_mut(&mut self.fleet));
        self.send(Input::Fleet);
    }

    pub(super) fn selected(&self) -> &str {
        self.ui.selected.as_ref().map_or("", HostId::as_str)
    }

    pub(super) fn flash(&self) -> &str {
        self.ui
            .flash
            .as_ref()
            .map_or("", |flash| flash.text.as_str())
    }

    pub(super) fn dialog(&self) -> Option<&Dialog> {
        match self.ui.layers.last() {
            Some(Layer::Dialog(dialog)) => Some(dialog),
            _ => None,
        }
    }
}

pub(super) fn ask(command: Command) -> UiEffect {
    UiEffect::Ask(command)
}

pub(super) fn reconnect(name: &str) -> UiEffect {
    ask(Command::Reconnect(HostId::new(name)))
}

pub(super) fn key_question(id: u64) -> PendingQuestion {
    let ssh = SshSpec::new("spark-1".parse().unwrap());
    PendingQuestion {
        id: QuestionId(id),
        host: HostId::new("spark-1"),
        at: At(0),
        question: Question::UnknownHostKey(HostKeyFacts {
            endpoint: crate::domain::Endpoint {
                host: ssh.host,
                port: crate::domain::Port::SSH,
            },
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
            file: "known_hosts".into(),
        }),
    }
}
