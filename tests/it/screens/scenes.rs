//! Every screen worth looking at, by name: a fleet and how a person looks at it.

use std::sync::Arc;

use pilothouse::domain::{At, HostId, QuestionId, Severity};
use pilothouse::engine::{Challenge, ConfirmationId, Fleet, Plan, Refusal};
use pilothouse::tui::{
    Button, Dialog, Flash, Focus, GraphSpan, Layer, LensState, LineEdit, LongLines, ReplayUi,
    Screen, Tab, Ui,
};

use super::fleets;
use super::lens;

/// A screen: its name, its facts, its looks.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) fleet: Fleet,
    pub(crate) ui: Ui,
}

pub(crate) fn scene(
    name: &'static str,
    fleet: Fleet,
    host: &str,
    change: impl FnOnce(&mut Ui),
) -> Scene {
    let mut ui = Ui::new((120, 40));
    ui.now = fleet.at;
    ui.cost = Some(1_940);
    ui.selected = Some(HostId::new(host));
    ui.themes = pilothouse::tui::theme::names().map(String::from).to_vec();
    change(&mut ui);
    Scene { name, fleet, ui }
}

pub(crate) fn typed(text: &str) -> LineEdit {
    LineEdit {
        text: text.into(),
        cursor: text.len(),
        active: true,
    }
}

pub(crate) fn detail(tab: Tab) -> impl FnOnce(&mut Ui) {
    move |ui| {
        ui.tab = tab;
        ui.focus = Focus::Detail;
    }
}

/// The panes in four moods: empty, busy, broken, narrow.
pub(crate) fn panes() -> Vec<Scene> {
    let long = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    vec![
        scene("empty", fleets::empty(), "none", |_| {}),
        scene("busy-list", fleets::busy(), "spark-2", |_| {}),
        scene(
            "busy-meters",
            fleets::busy(),
            "spark-2",
            detail(Tab::Meters),
        ),
        scene(
            "busy-meters-h200",
            fleets::busy(),
            "h200-a",
            detail(Tab::Meters),
        ),
        scene("busy-meters-plain", fleets::busy(), "plain-1", |ui| {
            detail(Tab::Meters)(ui);
            ui.span = GraphSpan::Long;
        }),
        scene("busy-processes", fleets::busy(), "spark-2", |ui| {
            detail(Tab::Processes)(ui);
            ui.processes.selected = Some(90_233);
        }),
        scene("busy-link", fleets::busy(), "spark-2", detail(Tab::Link)),
        scene("broken-list", fleets::broken(), "spark-3", |_| {}),
        scene(
            "broken-meters",
            fleets::broken(),
            "spark-3",
            detail(Tab::Meters),
        ),
        scene(
            "broken-driver",
            fleets::broken(),
            "rtx-a",
            detail(Tab::Meters),
        ),
        scene(
            "broken-lost-gpu",
            fleets::broken(),
            "h200-a",
            detail(Tab::Meters),
        ),
        scene(
            "broken-stale",
            fleets::broken(),
            "rtx-b",
            detail(Tab::Meters),
        ),
        scene(
            "broken-down",
            fleets::broken(),
            "nas-1",
            detail(Tab::Meters),
        ),
        scene(
            "broken-processes",
            fleets::broken(),
            "rtx-a",
            detail(Tab::Processes),
        ),
        scene(
            "broken-link",
            fleets::broken(),
            "spark-3",
            detail(Tab::Link),
        ),
        scene("narrow-list", fleets::many(), "node-12", |ui| {
            ui.marked = vec![HostId::new("node-03"), HostId::new("node-11")];
            ui.list_scroll = 2;
        }),
        scene("narrow-filter", fleets::many(), "node-07", |ui| {
            ui.list_filter = typed("tight");
        }),
        scene("narrow-meters", fleets::long(), long, detail(Tab::Meters)),
        scene(
            "narrow-processes",
            fleets::long(),
            long,
            detail(Tab::Processes),
        ),
        scene("narrow-link", fleets::long(), "kanji", detail(Tab::Link)),
    ]
}

/// The log lens in four moods.
pub(crate) fn lenses() -> Vec<Scene> {
    let on = |name, fleet: Fleet, change: Box<dyn FnOnce(&mut Ui)>| {
        scene(name, fleet, "spark-2", change)
    };
    vec![
        on(
            "logs-empty",
            fleets::busy(),
            Box::new(|ui| ui.screen = Screen::Logs),
        ),
        on(
            "logs-refused",
            fleets::busy(),
            Box::new(|ui| {
                ui.screen = Screen::Logs;
                ui.lens.state = LensState::Refused(Refusal {
                    why:
                        "docker on spark-2 may not be asked: no permission on /var/run/docker.sock"
                            .into(),
                    hint: Some("add the login to the group docker there, then log in anew".into()),
                });
            }),
        ),
        on(
            "logs-filtered-out",
            fleets::busy(),
            Box::new(|ui| {
                lens::shows(lens::filtered_out())(ui);
            }),
        ),
        on(
            "logs-busy",
            fleets::busy(),
            Box::new(lens::shows(lens::busy())),
        ),
        on(
            "logs-searched",
            fleets::busy(),
            Box::new(lens::shows(lens::searched())),
        ),
        on(
            "logs-aside",
            fleets::busy(),
            Box::new(|ui| {
                lens::shows(lens::searched())(ui);
                ui.lens.long = LongLines::Cut(16);
                ui.lens.search = typed("shard");
            }),
        ),
        on(
            "logs-broken",
            fleets::broken(),
            Box::new(lens::shows(lens::broken())),
        ),
        on(
            "logs-narrow",
            fleets::long(),
            Box::new(lens::wrapped(lens::narrow())),
        ),
    ]
}

/// A screen of the lens.
pub(crate) fn lens(name: &'static str, change: impl FnOnce(&mut Ui)) -> Scene {
    scene(name, fleets::busy(), "spark-2", change)
}

/// What lies over the lens.
pub(crate) fn lens_layers() -> Vec<Scene> {
    vec![
        scene("logs-sources", fleets::busy(), "spark-2", |ui| {
            lens::shows(lens::busy())(ui);
            lens::offers(ui);
        }),
        scene("logs-help", fleets::busy(), "spark-2", |ui| {
            lens::shows(lens::busy())(ui);
            ui.layers = vec![Layer::Help {
                search: LineEdit::default(),
                scroll: 0,
            }];
        }),
        scene("logs-filter", fleets::busy(), "spark-2", |ui| {
            lens::shows(lens::searched())(ui);
            ui.lens.filter = typed("level>=info !health");
        }),
    ]
}

/// What lies over the panes.
pub(crate) fn layers() -> Vec<Scene> {
    let over = |name, layer: Layer| {
        scene(name, fleets::broken(), "spark-1", |ui| {
            ui.layers = vec![layer];
        })
    };
    vec![
        over(
            "help",
            Layer::Help {
                search: LineEdit::default(),
                scroll: 0,
            },
        ),
        over(
            "help-search",
            Layer::Help {
                search: typed("pane"),
                scroll: 0,
            },
        ),
        over(
            "palette",
            Layer::Palette {
                search: typed("rec"),
                selected: 0,
            },
        ),
        over(
            "command",
            Layer::CommandLine {
                line: typed("theme "),
                completion: Some(1),
                history: None,
            },
        ),
        over(
            "text",
            Layer::Text {
                title: "spark-3 wedged".into(),
                lines: (1..80)
                    .map(|n| format!("line {n} of what was said"))
                    .collect(),
                scroll: 10,
                search: LineEdit {
                    active: false,
                    ..typed("line 2")
                },
                hit: 1,
            },
        ),
        over(
            "host-keys",
            Layer::Dialog(Dialog::HostKeys {
                selected: Some(QuestionId(2)),
                marked: vec![QuestionId(1)],
                button: None,
            }),
        ),
        over(
            "host-keys-button",
            Layer::Dialog(Dialog::HostKeys {
                selected: Some(QuestionId(2)),
                marked: vec![QuestionId(1)],
                button: Some(Button::No),
            }),
        ),
        over(
            "prompts",
            Layer::Dialog(Dialog::Prompts {
                question: QuestionId(3),
                fields: vec![typed("hunter2"), typed("123 456")],
                focused: 1,
            }),
        ),
        over(
            "passphrase",
            Layer::Dialog(Dialog::Prompts {
                question: QuestionId(4),
                fields: vec![typed("correct horse")],
                focused: 0,
            }),
        ),
        over(
            "confirm",
            confirm(Challenge::YesNo, LineEdit::default(), false),
        ),
        over(
            "confirm-name",
            confirm(Challenge::TypeName("spark-1".into()), typed("spark"), true),
        ),
        over(
            "signal",
            Layer::Dialog(Dialog::Signal {
                host: HostId::new("spark-1"),
                pid: 4121,
                started: Some(412_100),
                command: "VLLM::EngineCore --model Qwen/Qwen3-Next-80B-A3B-Instruct-FP8".into(),
                selected: 0,
            }),
        ),
    ]
}

/// Modes and messages of the lines around the panes.
pub(crate) fn moods() -> Vec<Scene> {
    vec![
        scene("read-only-paused", fleets::busy(), "spark-1", |ui| {
            let mut held = fleets::busy();
            held.at = At(held.at.0 - 12_000);
            ui.paused = Some(Arc::new(held));
            ui.mouse = false;
        })
        .read_only(),
        scene("replay", fleets::busy(), "h200-a", |ui| {
            ui.replay = Some(ReplayUi {
                at: At(754_000),
                end: At(3_840_000),
                speed: 2.0,
            });
            ui.flash = Some(Flash {
                at: At(3_999_000),
                severity: Severity::Warning,
                text: "copied 412 B to the terminal, not confirmed".into(),
                hint: Some("set-clipboard in tmux confirms".into()),
            });
        }),
        scene("zoom-list", fleets::broken(), "spark-3", |ui| {
            ui.zoom = true;
        }),
        scene("processes-filter", fleets::busy(), "spark-2", |ui| {
            detail(Tab::Processes)(ui);
            ui.processes.filter = typed("jup");
        }),
    ]
}

impl Scene {
    fn read_only(mut self) -> Self {
        self.fleet.read_only = true;
        self
    }
}

fn confirm(challenge: Challenge, typed: LineEdit, full: bool) -> Layer {
    Layer::Dialog(Dialog::Confirm {
        id: ConfirmationId(1),
        challenge,
        expires: At(fleets::NOW.0 + 47_000),
        plan: Plan {
            what: "Send TERM to process 4121 (VLLM::EngineCore, of anna, 90 GiB of GPU memory) on spark-1.".into(),
            command: "sh -c 'read -r line < /proc/4121/stat && test \"${line##*) }\" = started && kill -s TERM 4121' pilothouse 4121 412100".into(),
            notes: Vec::new(),
        },
        button: Button::No,
        typed,
        full,
        scroll: 0,
    })
}
