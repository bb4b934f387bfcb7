//! Containers, log sources and the ledger in four moods, and what lies over them.

use pilothouse::domain::HostId;
use pilothouse::domain::{ActId, ContainerAct};
use pilothouse::tui::{
    Awaited, Button, Chosen, ContainerSort, ContainerTab, Dialog, EnvShown, Layer, Screen, Tab,
};

use super::boxes;
use super::fleets;
use super::scenes::{Scene, detail, scene, typed};

/// The tables and one container, in four moods: empty, busy, broken, narrow.
pub(crate) fn boxes() -> Vec<Scene> {
    let long = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    let open = |name, tab, env| {
        scene(name, boxes::busy(), "spark-2", move |ui| {
            detail(Tab::Containers)(ui);
            ui.containers.open = Some(boxes::open(tab, env));
        })
    };
    vec![
        scene(
            "empty-containers",
            boxes::busy(),
            "plain-1",
            detail(Tab::Containers),
        ),
        scene("empty-fleet-containers", fleets::empty(), "none", |ui| {
            ui.screen = Screen::Containers;
        }),
        scene("empty-actions", fleets::busy(), "spark-1", |ui| {
            ui.screen = Screen::Actions;
        }),
        scene("busy-containers", boxes::busy(), "spark-2", |ui| {
            detail(Tab::Containers)(ui);
            ui.containers.chosen = boxes::chosen("litellm");
            ui.containers.marked = boxes::targets(&["embedder"])
                .into_iter()
                .map(|(of, _)| of)
                .collect();
        }),
        scene("busy-fleet-containers", boxes::busy(), "spark-2", |ui| {
            ui.screen = Screen::Containers;
            ui.containers.sort = ContainerSort::Memory;
            ui.containers.hide_ended = true;
        }),
        open("busy-container-stats", ContainerTab::Stats, EnvShown::Names),
        open("busy-container-env", ContainerTab::Env, EnvShown::Plain),
        open(
            "busy-container-config",
            ContainerTab::Config,
            EnvShown::Names,
        ),
        open("busy-container-top", ContainerTab::Top, EnvShown::Names),
        scene("busy-actions", boxes::busy(), "spark-2", |ui| {
            ui.screen = Screen::Actions;
            ui.ledger.chosen = Chosen::One(ActId(5));
        }),
        scene(
            "busy-host-actions",
            boxes::busy(),
            "spark-2",
            detail(Tab::Actions),
        ),
        scene("busy-sources", boxes::busy(), "spark-2", detail(Tab::Logs)),
        scene(
            "broken-containers",
            boxes::broken(),
            "rtx-a",
            detail(Tab::Containers),
        ),
        scene("broken-fleet-containers", boxes::broken(), "rtx-a", |ui| {
            ui.screen = Screen::Containers;
        }),
        scene("broken-container-config", boxes::busy(), "spark-2", |ui| {
            detail(Tab::Containers)(ui);
            let mut open = boxes::open(ContainerTab::Config, EnvShown::Names);
            open.detail = Awaited::Failed(boxes::refusal());
            ui.containers.open = Some(open);
        }),
        scene(
            "narrow-containers",
            boxes::crowded(),
            long,
            detail(Tab::Containers),
        ),
        scene("narrow-fleet-containers", boxes::crowded(), long, |ui| {
            ui.screen = Screen::Containers;
            ui.containers.filter = typed("batch-1");
        }),
        scene("narrow-actions", boxes::broken(), "rtx-a", |ui| {
            ui.screen = Screen::Actions;
            ui.ledger.filter = typed("failed");
        }),
    ]
}

/// What lies over them.
pub(crate) fn over() -> Vec<Scene> {
    let over = |name, dialog: Dialog| {
        scene(name, boxes::busy(), "spark-2", |ui| {
            detail(Tab::Containers)(ui);
            ui.layers = vec![Layer::Dialog(dialog)];
        })
    };
    vec![
        over(
            "container-acts",
            Dialog::Container {
                targets: boxes::targets(&["vllm_qwen3_next"]),
                acts: vec![
                    ContainerAct::Stop,
                    ContainerAct::Restart,
                    ContainerAct::Pause,
                    ContainerAct::Kill,
                ],
                selected: 0,
            },
        ),
        over(
            "container-acts-many",
            Dialog::Container {
                targets: boxes::targets(&["litellm", "embedder", "hf-download"]),
                acts: vec![
                    ContainerAct::Start,
                    ContainerAct::Stop,
                    ContainerAct::Restart,
                    ContainerAct::Pause,
                    ContainerAct::Unpause,
                    ContainerAct::Kill,
                    ContainerAct::Remove,
                ],
                selected: 6,
            },
        ),
        over(
            "prune",
            Dialog::Prune {
                host: HostId::new("spark-2"),
                preview: boxes::preview(),
                scroll: 0,
                button: Button::No,
            },
        ),
    ]
}
