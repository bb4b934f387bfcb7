//! The models and the services in four moods, and what lies over them.

use pilothouse::domain::{HostId, ModelKey, ServiceName};
use pilothouse::engine::{Command, ModelsCommand};
use pilothouse::tui::{
    Choice, ChooseUi, Chosen, Focus, FormField, FormKind, FormUi, Layer, ModelRef, ModelSort,
    ModelTab, Screen, ServiceRef, SwapStop, SwapUi, Tab, Then, Ui, WorkLayer,
};

use super::fleets;
use super::scenes::{Scene, detail, scene, typed};
use super::serving;

fn models(ui: &mut Ui) {
    ui.screen = Screen::Models;
}

/// Looks into this model.
fn inside(key: &str, place: Option<&str>, tab: ModelTab) -> impl FnOnce(&mut Ui) {
    let of = ModelRef {
        model: ModelKey::new(key),
        place: place.map(str::to_owned),
    };
    move |ui| {
        ui.screen = Screen::Models;
        ui.models.chosen = Chosen::One(of);
        ui.models.focus = Focus::Detail;
        ui.models.tab = tab;
    }
}

/// The models, in four moods: empty, busy, broken, narrow.
pub(crate) fn panes() -> Vec<Scene> {
    let long = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    vec![
        scene("empty-models", fleets::busy(), "spark-1", models),
        scene("busy-models", serving::busy(), "spark-1", models),
        scene(
            "busy-model",
            serving::busy(),
            "spark-1",
            inside("qwen3.6-35b-fp8", Some("h200-a"), ModelTab::Overview),
        ),
        scene(
            "busy-model-swap",
            serving::busy(),
            "spark-1",
            inside("minimax-m2.7", Some("pair"), ModelTab::Swap),
        ),
        scene("busy-models-filter", serving::busy(), "spark-1", |ui| {
            models(ui);
            ui.models.filter = typed("qwen !partial");
            ui.models.sort = ModelSort::Size;
        }),
        scene("busy-model-preflight", serving::busy(), "spark-1", |ui| {
            inside("qwen3-coder-next", None, ModelTab::Preflight)(ui);
            ui.models.check = Some(serving::check(ui.now));
        }),
        scene("broken-models", serving::broken(), "spark-1", models),
        scene(
            "broken-model-swap",
            serving::broken(),
            "spark-1",
            inside("minimax-m2.7", Some("pair"), ModelTab::Swap),
        ),
        scene("many-models", serving::many(60, 8), "host-3", models),
        scene("narrow-models", serving::crowded(), long, models),
        scene("lost-models", serving::lost(), "h200-a", models),
        scene(
            "lost-model",
            serving::lost(),
            "h200-a",
            inside("qwen3.6-35b-fp8", Some("h200-a"), ModelTab::Overview),
        ),
        scene(
            "empty-services",
            fleets::busy(),
            "plain-1",
            detail(Tab::Services),
        ),
        scene(
            "busy-services",
            serving::busy(),
            "spark-2",
            detail(Tab::Services),
        ),
        scene("busy-fleet-services", serving::busy(), "spark-2", |ui| {
            ui.screen = Screen::Services;
        }),
    ]
}

fn over(name: &'static str, layer: WorkLayer) -> Scene {
    scene(name, serving::busy(), "spark-1", |ui| {
        models(ui);
        ui.models.check = Some(serving::check(ui.now));
        ui.layers.push(Layer::Work(layer));
    })
}

/// What lies over them.
pub(crate) fn layers() -> Vec<Scene> {
    let swap = |stop, force, places: &[&str]| {
        WorkLayer::Swap(SwapUi {
            model: ModelKey::new("qwen3-coder-next"),
            places: places.iter().map(|place| (*place).to_owned()).collect(),
            place: 0,
            force,
            stop,
            scroll: 0,
        })
    };
    let mut download = FormUi::new(
        FormKind::Download,
        vec![
            FormField::new(
                "repository",
                "ORGANISATION/NAME; those with a recipe are completed",
                "Qwen/Qwen3-32B-AWQ",
            ),
            FormField::new(
                "onto",
                "a host, or a cluster: fetched once, then copied",
                "pair",
            ),
        ],
    );
    download.focus(1);
    let stop = |force| {
        Then::Ask(Command::Models(ModelsCommand::Stop {
            place: "pair".into(),
            force,
        }))
    };
    let choice = |word: &str, words: &str, then| Choice {
        word: word.into(),
        words: words.into(),
        then,
    };
    vec![
        over(
            "swap-fails",
            swap(SwapStop::No, false, &["pair", "spark-1"]),
        ),
        over("swap-asked", swap(SwapStop::Force, true, &["h200-a"])),
        over("download", WorkLayer::Form(download)),
        over(
            "stop-model",
            WorkLayer::Choose(ChooseUi {
                title: "Stop a model",
                about: "MiniMax M2.7 (AWQ) on pair".into(),
                rows: vec![
                    choice(
                        "stop",
                        "ask it to end, and end it after its grace",
                        stop(false),
                    ),
                    choice("force", "end it now; what it works on is lost", stop(true)),
                ],
                selected: 1,
            }),
        ),
        over(
            "service-card",
            WorkLayer::Service {
                of: ServiceRef {
                    host: HostId::new("spark-2"),
                    name: ServiceName::new("kokoro"),
                },
                scroll: 0,
            },
        ),
    ]
}
