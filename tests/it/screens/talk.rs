//! Conversations in the breakglass pane, in four moods, built by hand.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::{ActId, At, HostId, PowerMethod, PowerSpec, ProposalId, SessionId, Wall};
use pilothouse::engine::{
    AssistantCheck, CallId, CallState, CallView, Command, Decided, Ending, Entry, EntryId,
    Evidence, Fleet, Origin, PendingProposal, Phase, Proposal, Refusal, RunbookSummary,
    SessionSummary, StepResult, Transcript, TroubleKind, TurnView, Usage, Went,
};
use pilothouse::text::SafeText;
use pilothouse::tui::{
    Button, CardStop, Known, Layer, Part, SessionsUi, Shown, Stop, TalkState, TalkView, Ui,
};

use super::fleets::{self, NOW, WALL};
use super::scenes::{Scene, scene, typed};

fn lines(text: &str) -> Vec<SafeText> {
    text.split('\n').map(SafeText::new).collect()
}

fn asked(id: u64, text: &str) -> Entry {
    Entry::Asked {
        id: EntryId(id),
        wall: Wall(WALL.0 - 90_000),
        lines: lines(text),
    }
}

fn said(id: u64, text: &str) -> Entry {
    Entry::Said {
        id: EntryId(id),
        lines: lines(text),
        draft: false,
    }
}

fn call(id: u64, tool: &str, what: &str, state: CallState) -> Entry {
    Entry::Call(CallView {
        id: EntryId(id),
        call: CallId(format!("call-{id}").into()),
        origin: Origin::Assistant,
        tool: tool.into(),
        host: Some(HostId::new("spark-2")),
        what: what.into(),
        exact: None,
        why: Some("to see what holds the memory".into()),
        state,
    })
}

fn gave(output: &str, exit: i32, ms: u64) -> CallState {
    CallState::Ended(StepResult {
        lines: lines(output),
        cut: 0,
        exit: Some(exit),
        failed: None,
        took: Duration::from_millis(ms),
    })
}

const ANSWER: &str = "## What I found\n\nspark-2 is **short of memory**: `vllm_qwen3_next` holds *88 GiB* of 119 GiB, and the kernel\nrefused an allocation at 20:58:09.\n\n| process | holds | since |\n|:--------|------:|-------|\n| vllm_qwen3_next | 88 GiB | 20:41 |\n| embedder | 14 GiB | 3 days |\n| page cache | 4 GiB | |\n\n1. stop what nobody asks: `embedder`\n   - its last request was at 14:02\n2. then look again\n\n```bash\ndocker stop embedder\nfree -h\n```\n\n> The log says the *same* thing twice; see [the unit](https://docs.example/units).";

fn usage() -> Usage {
    Usage {
        cost: 0.0412,
        turns: 3,
        input: 12_345,
        output: 412,
        context: 18_200,
        window: 200_000,
        took: Duration::from_secs(14),
    }
}

fn transcript(entries: Vec<Entry>) -> Transcript {
    Transcript {
        session: SessionId(7),
        title: "What is wrong with spark-2?".into(),
        phase: Phase::Idle,
        entries: entries.into_iter().map(Arc::new).collect(),
        usage: usage(),
        model: Some("claude-sonnet-4".into()),
        number: 40,
        ..Transcript::default()
    }
}

fn evidence(what: &str, source: &str, at: Option<i64>) -> Evidence {
    Evidence {
        what: what.into(),
        host: Some(HostId::new("spark-2")),
        source: source.into(),
        at: at.map(|ago| Wall(WALL.0 - ago)),
    }
}

fn proposal() -> Arc<Proposal> {
    Arc::new(Proposal {
        id: ProposalId(3),
        host: Some(HostId::new("spark-2")),
        what: "restart the container vllm_qwen3_next on spark-2".into(),
        command: "POST /containers/4f2a9c/restart?t=10".into(),
        notes: Vec::new(),
        why: "it holds 88 GiB and answers nothing since 20:58; a restart gives the memory back and takes about four minutes".into(),
        evidence: vec![
            evidence("allocation refused", "spark-2/kernel", Some(362_000)),
            evidence("memory at 113 of 119 GiB", "memory", Some(60_000)),
        ],
        word: "spark-2".into(),
        expires: Wall(WALL.0 + 581_000),
    })
}

fn proposed(mut fleet: Fleet) -> Fleet {
    fleet.proposals = Arc::new(vec![PendingProposal {
        session: SessionId(7),
        proposal: proposal(),
        command: Command::Reconnect(HostId::new("spark-2")),
        expires: At(NOW.0 + 581_000),
    }]);
    fleet
}

fn had() -> Known<AssistantCheck> {
    Known::Is(AssistantCheck {
        program: Ok("claude 2.1.197 at /usr/local/bin/claude".into()),
        login: Ok("a key from /run/secrets/claude".into()),
    })
}

fn missing() -> Known<AssistantCheck> {
    Known::Is(AssistantCheck {
        program: Err(Refusal {
            why: "no program `claude` is on this machine".into(),
            hint: Some("install it, or name it in the config under assistant.program".into()),
        }),
        login: Err(Refusal {
            why: "not looked for".into(),
            hint: None,
        }),
    })
}

fn runbooks() -> Known<Vec<RunbookSummary>> {
    let runbook = |name: &str, what: &str, steps: usize| RunbookSummary {
        name: name.into(),
        what: what.into(),
        steps: vec!["a step".into(); steps],
    };
    Known::Is(vec![
        runbook(
            "memory",
            "who holds the memory, and what the kernel killed",
            6,
        ),
        runbook("disk", "what fills the disks", 5),
        runbook("services", "units and containers that failed", 4),
        runbook("wedge", "whether it will come back by itself", 7),
    ])
}

fn open(ui: &mut Ui, part: Part) {
    ui.breakglass.shown = Shown::Focused;
    ui.breakglass.part = part;
    ui.breakglass.state = TalkState::Open(SessionId(7));
    ui.breakglass.check = had();
    ui.breakglass.runbooks = runbooks();
    ui.breakglass.transcript = Arc::new(Transcript {
        session: SessionId(7),
        ..Transcript::default()
    });
}

fn with_switch(mut fleet: Fleet, host: &str) -> Fleet {
    for of in &mut fleet.hosts {
        if of.id.as_str() == host {
            let mut changed = of.as_ref().clone();
            let mut spec = changed.spec.as_ref().clone();
            spec.power = Some(PowerSpec {
                method: Some(PowerMethod::Command {
                    on: None,
                    verbs: std::collections::BTreeMap::new(),
                }),
                wake: None,
            });
            changed.spec = Arc::new(spec);
            *of = Arc::new(changed);
        }
    }
    fleet
}

fn busy_entries() -> Vec<Entry> {
    vec![
        asked(1, "What is wrong with spark-2?"),
        Entry::Thought {
            id: EntryId(2),
            lines: lines("The person asks for triage.\nI look at the fleet first."),
            draft: false,
            took: Duration::from_secs(12),
        },
        call(3, "fleet", "", gave("4 hosts", 0, 3)),
        call(
            4,
            "read_logs",
            "spark-2/kernel since 10m",
            gave("a line", 0, 412),
        ),
        call(5, "host_facts", "memory", gave("", 1, 1_912)),
        said(6, ANSWER),
        Entry::Turn(TurnView {
            id: EntryId(7),
            ending: Ending::Done,
            usage: usage(),
        }),
        asked(8, "And the disks?"),
        call(
            9,
            "host_facts",
            "disks: df -B1 --output=source,size,used,avail,target",
            CallState::Running(Wall(WALL.0 - 2_300)),
        ),
    ]
}

/// The pane in four moods: empty, busy, broken, narrow.
pub(crate) fn talks() -> Vec<Scene> {
    vec![
        scene(
            "talk-empty",
            with_switch(fleets::busy(), "spark-2"),
            "spark-2",
            |ui| open(ui, Part::Composer),
        ),
        scene("talk-busy", fleets::busy(), "spark-2", |ui| {
            open(ui, Part::Composer);
            let mut all = transcript(busy_entries());
            all.phase = Phase::Working {
                since: At(NOW.0 - 12_000),
                heard: At(NOW.0 - 400),
            };
            all.queued = vec!["and is anything else near its limit?".into()];
            ui.breakglass.transcript = Arc::new(all);
            ui.breakglass
                .composer
                .insert("why is `embedder` there at all?\nwho started it");
        }),
        scene("talk-unfolded", fleets::busy(), "spark-2", |ui| {
            open(ui, Part::Transcript);
            let mut entries = busy_entries();
            entries.truncate(5);
            entries[3] = call(
                4,
                "read_logs",
                "spark-2/kernel since 10m",
                gave(
                    "20:58:09 nvrm: allocation refused\n20:58:10 nvrm: Xid 31, pid 4121, a line that is longer than the pane is wide and goes on below",
                    0,
                    412,
                ),
            );
            ui.breakglass.unfolded.extend([EntryId(2), EntryId(4)]);
            ui.breakglass.stop = Some(Stop::Entry(EntryId(4)));
            ui.breakglass.transcript = Arc::new(transcript(entries));
        }),
        scene("talk-proposed", proposed(fleets::busy()), "spark-2", |ui| {
            open(ui, Part::Card);
            ui.breakglass.card.proposal = Some(ProposalId(3));
            ui.breakglass.card.word = typed("spar");
            let mut all = transcript(busy_entries());
            all.entries.truncate(6);
            all.phase = Phase::Waiting(At(NOW.0 - 19_000));
            ui.breakglass.transcript = Arc::new(all);
        }),
        scene("talk-evidence", proposed(fleets::busy()), "spark-2", |ui| {
            open(ui, Part::Card);
            ui.breakglass.card.proposal = Some(ProposalId(3));
            ui.breakglass.card.stop = CardStop::Evidence(1);
            ui.breakglass.transcript = Arc::new(transcript(busy_entries()));
        }),
        under_way(),
        decided(),
        scene(
            "talk-broken",
            with_switch(fleets::broken(), "spark-3"),
            "spark-3",
            |ui| {
                open(ui, Part::Transcript);
                ui.breakglass.check = missing();
                ui.breakglass.stop = Some(Stop::Offer(3));
            },
        ),
        trouble(),
        troubled_long_ago(),
        scene("talk-retrying", fleets::busy(), "spark-2", |ui| {
            open(ui, Part::Transcript);
            let mut all = transcript(busy_entries());
            all.phase = Phase::Retrying {
                attempt: 3,
                of: 10,
                due: At(NOW.0 + 4_200),
                why: "the API is overloaded".into(),
            };
            ui.breakglass.transcript = Arc::new(all);
            ui.breakglass.view = TalkView::From { row: 4, seen: 30 };
            ui.breakglass.search.text = "memory".into();
        }),
        scene(
            "talk-narrow",
            with_switch(fleets::broken(), "spark-3"),
            "spark-3",
            |ui| {
                open(ui, Part::Composer);
                let mut all = transcript(vec![
                    asked(
                        1,
                        "日本語のとても長い質問は右の端で折り返されます。"
                            .repeat(6)
                            .as_str(),
                    ),
                    said(
                        2,
                        &format!(
                            "`{}`\n\n- {}\n\n| a | b |\n|-|-|\n| {} | {} |",
                            "x".repeat(200),
                            "word ".repeat(60),
                            "left ".repeat(20),
                            "right ".repeat(20)
                        ),
                    ),
                ]);
                all.title = "日本語のとても長い題".repeat(8).as_str().into();
                all.elsewhere = Some("console 4121 on a-very-long-name".into());
                ui.breakglass.transcript = Arc::new(all);
            },
        ),
    ]
}

/// A command that does not fit on a small screen, with as much evidence as there may be, read from this row on.
pub(crate) fn long_proposal(name: &'static str, first: usize) -> Scene {
    let mut fleet = proposed(fleets::busy());
    let mut pending = fleet.proposals[0].clone();
    let told = Arc::make_mut(&mut pending.proposal);
    told.command = format!("sh -c {} ; rm -rf /srv", "echo harmless ".repeat(40)).into();
    told.evidence = vec![told.evidence[0].clone(); 12];
    fleet.proposals = Arc::new(vec![pending]);
    scene(name, fleet, "spark-2", |ui| {
        open(ui, Part::Card);
        ui.breakglass.card.proposal = Some(ProposalId(3));
        ui.breakglass.card.first = first;
        ui.breakglass.transcript = Arc::new(transcript(busy_entries()));
    })
}

fn decided() -> Scene {
    let decided = |id: u64, decided: Decided| Entry::Decided {
        id: EntryId(id),
        wall: WALL,
        proposal: proposal(),
        decided,
    };
    scene("talk-decided", fleets::busy(), "spark-2", move |ui| {
        open(ui, Part::Transcript);
        ui.breakglass.full = true;
        ui.breakglass.unfolded.insert(EntryId(2));
        ui.breakglass.transcript = Arc::new(transcript(vec![
            asked(1, "Mend it."),
            decided(
                2,
                Decided::Approved {
                    act: Some(ActId(41)),
                    outcome: "restarted in 8 s".into(),
                    went: Went::Done,
                },
            ),
            decided(
                3,
                Decided::Refused {
                    why: Some("not while the batch runs".into()),
                },
            ),
            decided(
                4,
                Decided::Shut {
                    why: "spark-2 is not armed for restart".into(),
                },
            ),
            decided(5, Decided::Expired),
            Entry::Denied {
                id: EntryId(6),
                tool: "WebFetch".into(),
                why: "it is none of the tools".into(),
            },
            Entry::Runbook {
                id: EntryId(7),
                wall: WALL,
                host: HostId::new("spark-2"),
                name: "memory".into(),
                steps: 6,
            },
            call(8, "memory", "cat /proc/meminfo", gave("MemTotal", 0, 31)),
            Entry::Findings {
                id: EntryId(9),
                lines: lines("memory is short: 6 GiB left\nthe kernel killed nothing"),
            },
            Entry::Turn(TurnView {
                id: EntryId(10),
                ending: Ending::Failed("the budget of $0.50 is used up".into()),
                usage: usage(),
            }),
        ]));
    })
}

/// A command that was approved and runs, its answer far above what Claude said before.
fn under_way() -> Scene {
    scene("talk-under-way", fleets::busy(), "spark-2", |ui| {
        open(ui, Part::Transcript);
        let mut entries = busy_entries();
        entries.truncate(2);
        entries.push(Entry::UnderWay {
            id: EntryId(30),
            wall: Wall(WALL.0 - 12_000),
            proposal: proposal(),
        });
        let mut all = transcript(entries);
        all.phase = Phase::Waiting(At(NOW.0 - 40_000));
        all.proposals = vec![proposal()];
        ui.breakglass.transcript = Arc::new(all);
    })
}

/// What can be done about it has moved the trouble out of view: the row of what Claude does has its sentence.
fn troubled_long_ago() -> Scene {
    scene(
        "talk-over-quota",
        with_switch(fleets::broken(), "spark-3"),
        "spark-3",
        |ui| {
            open(ui, Part::Composer);
            let mut entries = busy_entries();
            entries.truncate(2);
            entries.extend([
                Entry::Trouble {
                    id: EntryId(30),
                    wall: WALL,
                    kind: TroubleKind::OverQuota,
                    sentence: "the account's limit is used up: You've hit your usage limit, it resets at 23:00 (Europe/Berlin)"
                        .into(),
                    hint: Some("wait, or name another login (assistant.login)".into()),
                },
                Entry::Turn(TurnView {
                    id: EntryId(32),
                    ending: Ending::Failed("You've hit your usage limit".into()),
                    usage: Usage::default(),
                }),
            ]);
            ui.breakglass.transcript = Arc::new(transcript(entries));
        },
    )
}

fn trouble() -> Scene {
    scene(
        "talk-trouble",
        with_switch(fleets::broken(), "spark-3"),
        "spark-3",
        |ui| {
            open(ui, Part::Transcript);
            ui.breakglass.transcript = Arc::new(transcript(vec![
                asked(1, "Is it wedged?"),
                Entry::Trouble {
                    id: EntryId(2),
                    wall: WALL,
                    kind: TroubleKind::LoggedOut,
                    sentence: "Claude has no login here".into(),
                    hint: Some("name a key file under assistant.login in the config".into()),
                },
                Entry::Turn(TurnView {
                    id: EntryId(3),
                    ending: Ending::Failed("no login".into()),
                    usage: Usage::default(),
                }),
            ]));
        },
    )
}

/// A pane whose answer is being written.
pub(crate) fn streaming(lines: &[String]) -> Scene {
    scene("talk-streaming", fleets::busy(), "spark-2", |ui| {
        open(ui, Part::Composer);
        goes_on(ui, lines);
    })
}

/// The answer, as far as it is written.
pub(crate) fn goes_on(ui: &mut Ui, lines: &[String]) {
    let mut all = transcript(Vec::new());
    all.entries.push(Arc::new(Entry::Said {
        id: EntryId(1),
        lines: lines.iter().map(|line| SafeText::new(line)).collect(),
        draft: true,
    }));
    ui.breakglass.transcript = Arc::new(all);
}

/// What lies over it.
pub(crate) fn talk_layers() -> Vec<Scene> {
    let summary = |session: u64, title: &str, cost: f64, minutes: u64| SessionSummary {
        session: SessionId(session),
        title: title.into(),
        began: WALL,
        last: WALL,
        questions: 3,
        cost,
        elsewhere: (session == 5).then(|| "runs in another console".into()),
        age: Duration::from_secs(minutes * 60),
    };
    let list = move |forgetting| {
        move |ui: &mut Ui| {
            open(ui, Part::Composer);
            ui.layers = vec![Layer::Sessions(SessionsUi {
                sessions: Known::Is(vec![
                    summary(7, "What is wrong with spark-2?", 0.0412, 3),
                    summary(5, "Is rtx-a wedged?", 1.207, 180),
                    summary(2, "", 0.0, 9_000),
                ]),
                selected: 2,
                forgetting,
            })];
        }
    };
    vec![
        scene("talk-sessions", fleets::busy(), "spark-2", list(None)),
        scene(
            "talk-forget",
            fleets::busy(),
            "spark-2",
            list(Some((SessionId(5), Button::No))),
        ),
    ]
}
