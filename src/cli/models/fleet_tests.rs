//! The menu, one model, verdicts and progress of a fleet made by hand: as a person reads them, and as scripts do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::menu::{self, Entry};
use super::menu_shot::MenuShot;
use super::progress::{self, SwapShot, Told};
use super::show::{self, ShowShot};
use super::verdicts::{self, PreflightShot};
use super::work::{self, WorkShot};
use super::{place, words};
use crate::config::Settings;
use crate::domain::{
    At, Bytes, BytesPerSecond, Cluster, ClusterNode, GpuSourceChoice, HostAddress, HostId,
    HostSpec, Metric, Missing, ModelKey, Percent, Place, Rung, SshSpec, Wall,
};
use crate::engine::{
    Catalog, Check, Completeness, Finding, Fleet, HostMsg, Latency, LockState, ModelSource,
    ModelsMsg, Msg, PhaseState, Preflight, PreflightVerdict, Served, ServedBy, ServedState,
    Serving, SwapEnd, SwapPhase, SwapPhaseRow, SwapReport, Weights, WeightsReport, WorkId,
    WorkKind, WorkReport, WorkState, model_import, read_catalog, update,
};
use crate::shell::RemotePath;

const NOW: Wall = Wall(1_800_000_000_000);

fn host(id: &str) -> HostId {
    HostId::new(id)
}

fn repo(name: &str) -> ModelSource {
    ModelSource::Repo(name.parse().unwrap())
}

fn weights(source: ModelSource, gib: u64, missing: Option<&str>) -> Weights {
    let path = match &source {
        ModelSource::Repo(repo) => format!("/home/ops/.cache/huggingface/hub/{}", repo.folder()),
        ModelSource::Local(path) => path.as_str().to_owned(),
    };
    Weights {
        source,
        path: RemotePath::new(path).unwrap(),
        size: Bytes(gib << 30),
        files: 21,
        changed: NOW,
        completeness: missing.map_or(Completeness::Complete, |words| {
            Completeness::Partial(words.into())
        }),
        config: None,
    }
}

fn served() -> Served {
    Served {
        by: ServedBy::Vllm,
        name: "vllm_node".into(),
        container: None,
        port: 8000.try_into().unwrap(),
        watched_only: false,
        state: ServedState::Ready,
        recipe: Some(ModelKey::new("bee")),
        model: Some("x/bee".into()),
        since: Some(Wall(NOW.0 - 7_200_000)),
        restarts: 1,
        context: Metric::Is(32_768),
        running: Metric::Is(2),
        waiting: Metric::Is(0),
        tokens_in: Metric::Is(812.4),
        tokens_out: Metric::Is(41.7),
        kv_cache: Metric::Is(Percent(12.5)),
        first_token: Metric::Is(Latency {
            p50_ms: 120.0,
            p95_ms: 340.0,
        }),
        next_token: Metric::Missing(Missing::NotReported),
        memory: Metric::Is(Bytes(90 << 30)),
    }
}

fn pair() -> Cluster {
    let node = |id: &str, last: u8| ClusterNode {
        host: host(id),
        address: [192, 168, 177, last].into(),
    };
    Cluster {
        name: "pair".into(),
        head: node("spark-1", 11),
        workers: vec![node("spark-2", 12)],
        interface: Some("enp1s0f1np1".into()),
        devices: Vec::new(),
    }
}

/// What the first Spark tells.
fn first() -> [ModelsMsg; 3] {
    [
        ModelsMsg::Weights(WeightsReport {
            weights: vec![
                weights(repo("x/bee"), 35, None),
                weights(repo("x/stray"), 8, None),
            ],
            cache: RemotePath::new("/home/ops/.cache/huggingface/hub").ok(),
            free: Some(Bytes(4 << 30)),
            troubles: vec!["/srv/models: permission denied".into()],
        }),
        ModelsMsg::Serving(Serving {
            served: vec![served()],
        }),
        ModelsMsg::Lock(Some(LockState {
            holder: "ann".into(),
            note: "evening run".into(),
            since: NOW,
            until: NOW,
            left: Duration::from_mins(25),
            ours: false,
        })),
    ]
}

/// What the second Spark tells.
fn partial() -> ModelsMsg {
    ModelsMsg::Weights(WeightsReport {
        weights: vec![weights(repo("x/bee"), 20, Some("9 of 16 shards"))],
        ..WeightsReport::default()
    })
}

/// Three recipes, and one that does not hold.
fn catalog() -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, RECIPES).unwrap();
    let mut catalog = read_catalog(&[file], None);
    catalog
        .recipes
        .retain(|key, _| ["bee", "wide", "far"].contains(&key.as_str()));
    catalog
}

/// Two Sparks that make a pair, and a box that can't be reached.
fn fleet() -> Fleet {
    let mut settings = Settings::default();
    settings.models.clusters = vec![Arc::new(pair())];
    let mut fleet = Fleet::new("home", &settings);
    let spec = |name: &str| {
        Arc::new(HostSpec {
            id: host(name),
            address: HostAddress::Ssh(SshSpec::new(name.parse().unwrap())),
            tags: vec!["gb10".into()],
            gpu: GpuSourceChoice::Auto,
            power: None,
        })
    };
    let mut put = |msg| drop(update(&mut fleet, msg));
    put(Msg::Tick {
        at: At(1),
        wall: NOW,
    });
    put(Msg::Hosts {
        at: At(1),
        specs: ["spark-1", "spark-2", "rtx-a"].map(spec).into(),
    });
    put(Msg::Catalog {
        at: At(1),
        catalog: Arc::new(catalog()),
    });
    let mut did = |id: &str, msg| {
        put(Msg::Host {
            at: At(2),
            host: host(id),
            msg,
        });
    };
    for msg in first() {
        did("spark-1", HostMsg::Models(msg));
    }
    did("spark-2", HostMsg::Models(partial()));
    did(
        "rtx-a",
        HostMsg::Fails {
            rung: Rung::Tcp,
            silent: false,
            why: "connection refused".into(),
            hint: Some("is sshd running?".into()),
        },
    );
    fleet
}

const RECIPES: &str = "\
models:
  bee: {name: Bee, engine: vllm, image: \"vllm/vllm-openai:v1\", repo: x/bee, size: 34 GiB, args: [\"--enable-prefix-caching\"], knobs: {max-model-len: 32768}}
  wide: {name: Wide, repo: x/wide, size: 120 GiB, mode: cluster, engine: spark-launcher, tensor_parallel: 2}
  far: {name: Far, repo: x/far, hosts: [\"tag:rack-9\"]}
  broken: {name: No}
";

#[test]
fn the_menu_as_a_person_reads_it() {
    let fleet = fleet();
    insta::assert_snapshot!("menu", menu::menu(&fleet, false));
    insta::assert_snapshot!("menu-all", menu::menu(&fleet, true));
    let problems: Vec<String> = fleet.catalog.problems.iter().map(menu::problem).collect();
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert!(problem.contains("mine.yaml:5: broken: "), "{problem}");
    assert!(problem.contains("\n    write `repo:"), "{problem}");
}

#[test]
fn the_menu_as_scripts_read_it() {
    let shot = serde_json::to_string_pretty(&MenuShot::of(&fleet(), true)).unwrap();
    insta::assert_snapshot!("menu-json", shot);
}

fn entry<'a>(entries: &'a [Entry<'a>], word: &str) -> &'a Entry<'a> {
    entries.iter().find(|entry| entry.word() == word).unwrap()
}

#[test]
fn one_model_is_shown_with_the_exact_command() {
    let fleet = fleet();
    let entries = menu::entries(&fleet);
    let bee = entry(&entries, "bee");
    let recipe = bee.recipe.as_ref().unwrap();
    let places = place::of_recipe(recipe, &fleet);
    let names: Vec<&str> = places.iter().map(place::name).collect();
    assert_eq!(names, ["spark-1", "spark-2", "rtx-a"], "solo: no cluster");
    let launch = show::launching(recipe, &places[0], &fleet);
    insta::assert_snapshot!("show", show::text(bee, Some(&launch)));
    let shot = serde_json::to_value(ShowShot::of(bee, Some(&launch))).unwrap();
    assert_eq!(shot["recipe"]["key"], "bee");
    assert_eq!(shot["launch"]["place"], "spark-1");
    assert!(
        shot["launch"]["command"]
            .as_str()
            .unwrap()
            .contains("x/bee")
    );
    assert_eq!(shot["weights"][1]["missing"], "9 of 16 shards");

    let wide = entry(&entries, "wide");
    let recipe = wide.recipe.as_ref().unwrap();
    let names: Vec<Place> = place::of_recipe(recipe, &fleet);
    assert_eq!(names, [Place::Cluster(pair())]);
    let far = entry(&entries, "far").recipe.as_ref().unwrap();
    assert_eq!(place::of_recipe(far, &fleet), []);
    let solo = show::launching(recipe, &Place::Solo(host("spark-1")), &fleet);
    assert!(solo.command.is_none() && solo.why.is_some() && solo.hint.is_some());

    let stray = show::text(entry(&entries, "x/stray"), None);
    assert!(stray.contains("no recipe launches it yet"), "{stray}");
    let unknown = show::unknown("beee", &["bee".to_owned()]);
    assert!(unknown.hint.unwrap().contains("did you mean `bee`?"));
}

fn preflight(last: Finding) -> Preflight {
    let verdict = |check, finding| PreflightVerdict {
        check,
        host: host("spark-1"),
        finding,
    };
    Preflight {
        model: ModelKey::new("bee"),
        place: Place::Cluster(pair()),
        verdicts: vec![
            verdict(Check::Lock, Finding::Pass("nobody reserved it".into())),
            verdict(
                Check::Memory,
                Finding::Warn {
                    why: "88 of 95 GiB".into(),
                    hint: Some("lower max_model_len".into()),
                },
            ),
            verdict(Check::Driver, Finding::Unknown("not asked".into())),
            verdict(Check::Port, last),
        ],
        command: "docker run x".into(),
        users: vec!["wide: 2 requests running".into()],
    }
}

#[test]
fn verdicts_are_told_each_with_its_mend() {
    let fails = preflight(Finding::Fail {
        why: "8000 is held by nginx".into(),
        hint: Some("stop it, or choose another port".into()),
    });
    insta::assert_snapshot!("verdicts", verdicts::text(&fails));
    let shot = serde_json::to_value(PreflightShot::of(&fails)).unwrap();
    assert_eq!(shot["passes"], false);
    assert_eq!(shot["place"], "pair");
    assert_eq!(shot["checks"][3]["state"], "fail");
    let passes = preflight(Finding::Pass("free".into()));
    assert!(verdicts::text(&passes).ends_with("bee can be served on pair"));
}

fn swap(states: [PhaseState; 5], end: Option<SwapEnd>) -> SwapReport {
    SwapReport {
        work: WorkId("swap-7".into()),
        place: Place::Cluster(pair()),
        model: Some(ModelKey::new("bee")),
        before: Some(ModelKey::new("wide")),
        by: "ann@desk".into(),
        began: Wall(NOW.0 - 60_000),
        phases: SwapPhase::ALL
            .into_iter()
            .zip(states)
            .map(|(phase, state)| SwapPhaseRow {
                phase,
                state,
                expected: (phase == SwapPhase::Load).then_some(Duration::from_secs(95)),
            })
            .collect(),
        log: vec!["loading shard 12/16".into()],
        end,
    }
}

fn done(seconds: u64) -> PhaseState {
    PhaseState::Done {
        took: Duration::from_secs(seconds),
        words: "".into(),
    }
}

#[test]
fn a_swap_is_told_phase_by_phase_and_each_once() {
    let loading = PhaseState::Running {
        since: Wall(NOW.0 - 12_300),
        words: "shard 12 of 16".into(),
    };
    let mut report = swap(
        [done(0), done(3), done(1), loading, PhaseState::Waiting],
        None,
    );
    let mut told = Told::default();
    assert_eq!(
        told.news(&report),
        [
            "lock    done in 0.0 s",
            "stop    done in 3.0 s",
            "launch  done in 1.0 s",
            "load    shard 12 of 16 … ~1m last time",
        ]
    );
    assert!(told.news(&report).is_empty(), "nothing is told twice");
    assert_eq!(
        progress::live(&report, NOW).unwrap(),
        "load    shard 12 of 16  12.3 s of ~1m"
    );
    report.phases[3].state = PhaseState::Failed {
        why: "out of memory".into(),
    };
    let end = SwapEnd::Failed {
        phase: SwapPhase::Load,
        why: "out of memory".into(),
        hint: Some("lower max_model_len".into()),
    };
    report.end = Some(end.clone());
    assert_eq!(told.news(&report), ["load    FAILED: out of memory"]);
    let (what, mend) = progress::ending(&report, &end);
    assert_eq!(what, "the swap on pair failed (load): out of memory");
    let mend = mend.unwrap();
    assert!(mend.contains("lower max_model_len"), "{mend}");
    assert!(mend.contains("models rollback pair --yes pair"), "{mend}");
    let shot = serde_json::to_value(SwapShot::of(&report, NOW)).unwrap();
    insta::assert_snapshot!("swap-json", serde_json::to_string_pretty(&shot).unwrap());
}

#[test]
fn every_end_of_a_swap_has_its_code_and_its_words() {
    use super::follow::exit_of;
    use crate::cli::exit::Exit;
    let phase = SwapPhase::Stop;
    let failed = SwapEnd::Failed {
        phase,
        why: "x".into(),
        hint: None,
    };
    for (end, exit, state) in [
        (SwapEnd::Served, Exit::Done, "served"),
        (SwapEnd::Stopped, Exit::Done, "stopped"),
        (failed, Exit::Failed, "failed"),
        (SwapEnd::Cancelled { phase }, Exit::Failed, "cancelled"),
        (SwapEnd::Lost, Exit::Unknown, "lost"),
    ] {
        assert_eq!(exit_of(&end), exit, "{end:?}");
        let report = swap([(); 5].map(|()| PhaseState::Waiting), Some(end.clone()));
        let shot = serde_json::to_value(SwapShot::of(&report, NOW)).unwrap();
        assert_eq!(shot["state"], state);
        assert!(!progress::ending(&report, &end).0.is_empty());
    }
}

#[test]
fn a_download_has_a_bar_a_rate_and_the_time_that_is_left() {
    let at = |done: u64, total: Option<u64>, rate: Option<u64>| WorkReport {
        work: WorkId("get-1".into()),
        kind: WorkKind::Download,
        subject: "x/bee".into(),
        began: NOW,
        state: WorkState::Running {
            words: "fetching".into(),
            done: Bytes(done),
            total: total.map(Bytes),
            rate: rate.map(BytesPerSecond),
        },
    };
    let gib = 1 << 30;
    for (report, line) in [
        (
            at(10 * gib, Some(40 * gib), Some(100 << 20)),
            "fetching  [######                  ]  10 GiB of 40 GiB  25 %  100 MiB/s  5m left",
        ),
        (at(3 * gib, None, None), "fetching  3.0 GiB"),
        (at(0, Some(0), Some(0)), "fetching  0 B/s"),
        (
            at(50 * gib, Some(40 * gib), Some(1)),
            "fetching  [########################]  50 GiB of 40 GiB  100 %  1 B/s",
        ),
    ] {
        assert_eq!(work::live(&report).as_deref(), Some(line));
        let shot = serde_json::to_value(WorkShot::of(&report, &host("spark-1"))).unwrap();
        assert_eq!(shot["state"], "running");
    }
    let ended = |state| WorkReport {
        state,
        ..at(0, None, None)
    };
    let hint = || Some("free some space".into());
    for (report, told) in [
        (ended(WorkState::Done), "is done"),
        (
            ended(WorkState::Failed {
                why: "the disk is full".into(),
                hint: hint(),
            }),
            "failed: the disk is full",
        ),
        (ended(WorkState::Cancelled), "was cancelled"),
        (ended(WorkState::Lost), "nobody knows"),
    ] {
        let (what, _) = work::ending(&report, &host("spark-1")).unwrap();
        assert!(what.contains(told), "{what}");
        assert!(work::live(&report).is_none());
    }
}

#[test]
fn names_of_places_are_found_or_mended() {
    let fleet = fleet();
    assert_eq!(place::named("pair", &fleet), Some(Place::Cluster(pair())));
    let solo = Some(Place::Solo(host("spark-2")));
    assert_eq!(place::named("spark-2", &fleet), solo);
    assert_eq!(place::named("$(id)", &fleet), None);
    assert_eq!(place::mend("pairs", &fleet), "did you mean `pair`?");
    assert!(place::mend("zzzzzz", &fleet).contains("pair, spark-1"));
}

#[test]
fn moments_and_lengths_at_their_ends_are_borne() {
    for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0)] {
        assert!(!words::length(words::between(Wall(from), Wall(to))).is_empty());
    }
    assert_eq!(words::moment(Wall(i64::MAX)), None);
    assert_eq!(words::size(Bytes(u64::MAX)).len(), "17179869184 GiB".len());
}

#[test]
fn what_was_imported_says_where_it_does_not_hold() {
    let (recipe, problems) = model_import("r.yaml", "nonsense: [");
    assert!(recipe.is_none() && !problems.is_empty());
    let keys: BTreeSet<String> = problems.iter().map(menu::problem).collect();
    assert!(
        keys.iter().all(|line| line.starts_with("r.yaml")),
        "{keys:?}"
    );
}
