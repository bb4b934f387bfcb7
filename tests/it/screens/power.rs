//! Power switches and arming in four moods, and what lies over them.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{
    ActClass, ActOutcome, Armed, At, GpuSourceChoice, HostAddress, HostId, HostSpec, PowerMethod,
    PowerSpec, PowerVerb, SshSpec, StrictHostKeys, WakeOnLan, Wall,
};
use pilothouse::engine::{
    Challenge, Command, ConfirmationId, Fleet, MachineState, Operation, OperationState, Plan,
    PowerAct, PowerReport, PowerStep, Refusal, StepKind, StepState,
};
use pilothouse::text::SafeText;
use pilothouse::tui::{Awaited, Button, CardFace, Dialog, Layer, LineEdit, Said, Ui};

use super::boxes;
use super::fleets::{self, NOW, WALL};
use super::scenes::{Scene, scene, typed};

fn at(seconds: i64) -> At {
    At(NOW.0.saturating_add_signed(seconds * 1000))
}

fn words(text: &str) -> SafeText {
    SafeText::new(text)
}

/// The way to a hypervisor.
fn switch(host: &str) -> PowerSpec {
    PowerSpec {
        method: Some(PowerMethod::ForcedCommand(Arc::new(HostSpec {
            id: HostId::new(format!("{host}/power")),
            address: HostAddress::Ssh(SshSpec {
                user: Some("power".parse().unwrap()),
                strict: StrictHostKeys::Refuse,
                ..SshSpec::new("10.0.0.2".parse().unwrap())
            }),
            tags: Vec::new(),
            gpu: GpuSourceChoice::None,
            power: None,
        }))),
        wake: Some(WakeOnLan {
            mac: [0x3c, 0x6d, 0x66, 1, 2, 3],
            to: "10.0.0.255:9".parse().unwrap(),
        }),
    }
}

/// A fleet in which every host has a switch.
fn with_switches(mut fleet: Fleet) -> Fleet {
    for host in &mut fleet.hosts {
        let host = Arc::make_mut(host);
        let power = Some(switch(host.id.as_str()));
        host.spec = Arc::new(HostSpec {
            power,
            ..(*host.spec).clone()
        });
    }
    fleet
}

fn armed(host: &str, class: ActClass, left: i64) -> Armed {
    Armed {
        host: HostId::new(host),
        class,
        since: Wall(WALL.0 - 28_000),
        until: at(left),
        idle: at(299),
    }
}

fn step(kind: StepKind, state: StepState) -> PowerStep {
    PowerStep { kind, state }
}

fn done(kind: StepKind, took: u64, told: &str) -> PowerStep {
    let state = StepState::Done {
        took: Duration::from_secs(took),
        words: words(told),
    };
    step(kind, state)
}

fn running(kind: StepKind, since: i64, until: i64, told: &str) -> PowerStep {
    let state = StepState::Running {
        since: at(since),
        until: Some(at(until)),
        words: words(told),
    };
    step(kind, state)
}

fn act(
    host: &str,
    since: i64,
    steps: Vec<PowerStep>,
    ended: Option<(i64, ActOutcome)>,
) -> PowerAct {
    PowerAct {
        host: HostId::new(host),
        verb: PowerVerb::Cycle,
        since: at(since),
        steps,
        ended: ended.map(|(ago, outcome)| (at(ago), outcome)),
    }
}

/// A cycle in its cancel window.
fn in_window(host: &str) -> PowerAct {
    use StepKind::{Drain, Evidence, Graceful, Hard, Verify, Window};
    let mut steps = vec![running(
        Window,
        -3,
        7,
        "nothing has left yet; it can still be called off",
    )];
    for kind in [Evidence, Drain, Graceful, Hard, Verify] {
        steps.push(step(kind, StepState::Waiting));
    }
    act(host, -3, steps, None)
}

/// A cycle at its verb: the host was silent.
fn at_its_verb(host: &str) -> PowerAct {
    use StepKind::{Drain, Evidence, Graceful, Hard, Verify, Window};
    let silent = "the host can't be asked: its ssh banner has been silent for 3m";
    let steps = vec![
        done(Window, 10, "nobody objected"),
        done(
            Evidence,
            9,
            "3 containers, 2 GPU processes; forensics of 41 lines",
        ),
        step(Drain, StepState::Skipped { why: words(silent) }),
        step(Graceful, StepState::Skipped { why: words(silent) }),
        running(
            Hard,
            -4,
            86,
            "operation 20261121T210407-4121: stopped, starting it afresh",
        ),
        step(Verify, StepState::Waiting),
    ];
    act(host, -26, steps, None)
}

/// A cycle of which nobody knows what became of it.
fn unknown(host: &str) -> PowerAct {
    let mut act = at_its_verb(host);
    let why = "the connection to the switch was lost after the verb had left, and it has not answered for 90 s";
    act.steps[4] = step(StepKind::Hard, StepState::Failed { why: words(why) });
    act.steps[5] = step(StepKind::Verify, StepState::Aborted);
    act.ended = Some((at(-1), ActOutcome::Unknown(words(why))));
    act
}

/// A cycle that went well.
fn well(host: &str) -> PowerAct {
    let mut act = at_its_verb(host);
    act.since = at(-150);
    act.steps[4] = done(StepKind::Hard, 11, "operation 20261121T210407-4121 is done");
    act.steps[5] = done(
        StepKind::Verify,
        74,
        "its ladder holds again, booted 1m ago",
    );
    act.ended = Some((at(-12), ActOutcome::Done));
    act
}

fn said(host: &str, verb: PowerVerb, answer: Awaited<PowerReport>) -> Said {
    Said {
        host: HostId::new(host),
        verb,
        at: at(-12),
        answer,
    }
}

fn report() -> PowerReport {
    PowerReport {
        state: MachineState::Running,
        operation: Some(Operation {
            id: words("20261120T031502-977"),
            verb: PowerVerb::Reset,
            state: OperationState::Done,
        }),
        lines: Vec::new(),
        target: None,
    }
}

fn card(host: &str, face: CardFace, selected: usize) -> Layer {
    Layer::Dialog(Dialog::Power {
        host: HostId::new(host),
        face,
        selected,
        scroll: 0,
    })
}

/// A screen of a fleet with switches.
fn switched(
    name: &'static str,
    fleet: Fleet,
    host: &'static str,
    acts: Vec<PowerAct>,
    change: impl FnOnce(&mut Ui),
) -> Scene {
    let mut fleet = with_switches(fleet);
    fleet.power = Arc::new(acts);
    let (armed, acts) = (Arc::clone(&fleet.armed), Arc::clone(&fleet.power));
    scene(name, fleet, host, |ui| {
        ui.power.armed = armed;
        ui.power.acts = acts;
        change(ui);
    })
}

fn arm(mut fleet: Fleet, all: Vec<Armed>) -> Fleet {
    fleet.armed = Arc::new(all);
    fleet
}

fn only(layer: Layer) -> impl FnOnce(&mut Ui) {
    move |ui| ui.layers = vec![layer]
}

/// What is seen of acts and arming without any card.
pub(crate) fn panes() -> Vec<Scene> {
    let power = |host, left| vec![armed(host, ActClass::Power, left)];
    let long = "a-very-long-host-name-that-no-column-can-hold.rack-17.example";
    vec![
        switched(
            "armed",
            arm(fleets::broken(), power("spark-3", 872)),
            "spark-3",
            Vec::new(),
            |_| {},
        ),
        switched(
            "acting",
            arm(fleets::broken(), power("spark-3", 872)),
            "spark-1",
            vec![in_window("spark-3")],
            |_| {},
        ),
        switched(
            "unknown",
            fleets::broken(),
            "spark-1",
            vec![unknown("spark-3")],
            |_| {},
        ),
        switched(
            "armed-long",
            arm(
                fleets::long(),
                vec![
                    armed(long, ActClass::Power, 872),
                    armed(long, ActClass::Restart, 1_772),
                ],
            ),
            long,
            Vec::new(),
            |_| {},
        ),
    ]
}

/// The card and the dialog that arms.
pub(crate) fn cards() -> Vec<Scene> {
    let power = || vec![armed("spark-3", ActClass::Power, 872)];
    let broken = || arm(fleets::broken(), power());
    let busy = || arm(boxes::busy(), vec![armed("spark-2", ActClass::Power, 872)]);
    vec![
        switched("power-verbs", busy(), "spark-2", Vec::new(), |ui| {
            ui.power.said = vec![said("spark-2", PowerVerb::Status, Awaited::Got(report()))];
            ui.layers = vec![card("spark-2", CardFace::Verbs, 5)];
        }),
        switched(
            "power-unarmed",
            fleets::broken(),
            "spark-3",
            Vec::new(),
            |ui| {
                let why = Refusal {
                    why: "10.0.0.2:22 did not answer within 10 s".into(),
                    hint: None,
                };
                ui.power.said = vec![said("spark-3", PowerVerb::Status, Awaited::Failed(why))];
                ui.layers = vec![card("spark-3", CardFace::Verbs, 4)];
            },
        ),
        scene(
            "power-none",
            fleets::busy(),
            "plain-1",
            only(card("plain-1", CardFace::Verbs, 0)),
        ),
        switched(
            "power-window",
            broken(),
            "spark-3",
            vec![in_window("spark-3")],
            only(card("spark-3", CardFace::Plan, 5)),
        ),
        switched(
            "power-hard",
            broken(),
            "spark-3",
            vec![at_its_verb("spark-3")],
            only(card("spark-3", CardFace::Plan, 5)),
        ),
        switched(
            "power-unknown",
            broken(),
            "spark-3",
            vec![unknown("spark-3")],
            only(card("spark-3", CardFace::Plan, 5)),
        ),
        switched(
            "power-well",
            broken(),
            "spark-3",
            vec![well("spark-3")],
            only(card("spark-3", CardFace::Plan, 5)),
        ),
        switched("arm", broken(), "spark-3", Vec::new(), |ui| {
            ui.layers = vec![Layer::Dialog(Dialog::Arm {
                host: HostId::new("spark-3"),
                selected: 0,
                minutes: 15,
            })];
        }),
        switched("confirm-power", broken(), "spark-3", Vec::new(), |ui| {
            confirm(
                ui,
                1,
                LineEdit {
                    active: true,
                    ..LineEdit::default()
                },
            );
        }),
        switched("confirm-power-now", broken(), "spark-3", Vec::new(), |ui| {
            confirm(ui, 1, typed("spark-3 --now"));
        }),
        switched("confirm-long", broken(), "spark-3", Vec::new(), |ui| {
            confirm(ui, 40, LineEdit::default());
            if let Some(Layer::Dialog(Dialog::Confirm { scroll, .. })) = ui.layers.last_mut() {
                *scroll = 9;
            }
        }),
    ]
}

fn confirm(ui: &mut Ui, lines: usize, typed: LineEdit) {
    let id = ConfirmationId(7);
    let command = Command::Power {
        host: HostId::new("spark-3"),
        verb: PowerVerb::Cycle,
    };
    ui.asked = vec![(id, command)];
    let request = (1..=lines).map(|n| format!("ssh power@10.0.0.2 cycle  # {n} of {lines}\n"));
    ui.layers = vec![
        card("spark-3", CardFace::Verbs, 5),
        Layer::Dialog(Dialog::Confirm {
            id,
            challenge: Challenge::TypeName("spark-3".into()),
            expires: at(47),
            plan: Plan {
                what: "Power-cycle spark-3: drain, ask it to restart, else cut its power and start it afresh.".into(),
                command: request.collect(),
                notes: vec![
                    "3 containers run there: vllm_qwen3_next, litellm, gateway-postgres-1".into(),
                    "2 processes hold GPU memory: VLLM::EngineCore of anna, 90 GiB; python of ben, 2 GiB".into(),
                    "spark-3 can't be asked (ssh banner silent for 3m): drain and graceful restart are skipped".into(),
                    "10 s to change your mind before anything leaves; typing `spark-3 --now` leaves them out".into(),
                ],
            },
            button: Button::No,
            typed,
            full: lines > 1,
            scroll: 0,
        }),
    ];
}
