//! Swaps that come to their end: served, read by another console, served again, stopped; expected from what was.

use std::time::Duration;

use pilothouse::domain::{ModelKey, Secret};
use pilothouse::jobs::{JobId, JobState};
use pilothouse::models::{
    PhaseState, Runs, SwapEnd, SwapPhase, SwapReport, Turn, expected, found_ready, measured,
    parse_history, swap_job, take_turn, turn_done,
};
use pilothouse::shell::{EnvName, ShellCommand, ShellWord};

use super::stage::{KINDS, Stage, each_kind};

pub(crate) fn words(report: &SwapReport, phase: SwapPhase) -> String {
    let found = report.phases.iter().find(|one| one.phase == phase).unwrap();
    match &found.state {
        PhaseState::Waiting => "waiting".to_owned(),
        PhaseState::Running { words, .. } => format!("running {words}"),
        PhaseState::Done { words, .. } => format!("done {words}"),
        PhaseState::Failed { why } => format!("failed {why}"),
        PhaseState::Skipped { why } => format!("skipped {why}"),
    }
}

#[tokio::test]
async fn a_model_is_served_then_another_and_then_none() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        let mut plan = stage.plan("qwen");
        if let Some(launch) = &mut plan.launch {
            let name = EnvName::new("HF_TOKEN").unwrap();
            let secret = "s3cret $(id) 'x' \"y\" \\z".to_owned();
            launch.secrets.push((name, Secret::new(secret)));
        }
        let first = stage.swap(&plan).await;
        assert_eq!(first.end, Some(SwapEnd::Served), "{kind}: {first:#?}");
        assert_eq!(first.model, Some(ModelKey::new("qwen")));
        assert_eq!(first.before, None);
        assert_eq!(first.by.as_str(), "ann@desk");
        assert_eq!(words(&first, SwapPhase::Stop), "done nothing was served");
        let log: Vec<_> = first
            .log
            .iter()
            .map(pilothouse::text::SafeText::as_str)
            .collect();
        assert!(log.iter().any(|line| line.contains("4/4")), "{log:#?}");
        // The secret is in the environment of the launch, and in nobody's arguments or files.
        let env = stage.read("dock/vllm/env");
        assert!(
            env.contains("HF_TOKEN=s3cret $(id) 'x' \"y\" \\z\n"),
            "{env}"
        );
        assert!(!format!("{plan:?}").contains("s3cret"));
        assert!(!stage.read("asked").contains("s3cret"));
        let told = stage.read("asked");
        assert!(
            told.contains("image --served-model-name it's $(not) \"code\""),
            "{told}"
        );

        let second = stage.swap(&stage.plan("gemma")).await;
        assert_eq!(second.end, Some(SwapEnd::Served), "{kind}: {second:#?}");
        assert_eq!(second.before, Some(ModelKey::new("qwen")));
        assert_eq!(words(&second, SwapPhase::Stop), "done 60.0 GiB came back");
        assert_eq!(stage.read("dock/vllm/label"), "gemma\n");

        let mut none = stage.plan("");
        none.launch = None;
        let third = stage.swap(&none).await;
        assert_eq!(third.end, Some(SwapEnd::Stopped), "{kind}: {third:#?}");
        assert_eq!(third.model, None);
        assert_eq!(third.before, Some(ModelKey::new("gemma")));
        assert!(words(&third, SwapPhase::Launch).starts_with("skipped"));
        assert!(!stage.path("dock/vllm").exists());

        let history = parse_history(&stage.read("base/models/history"));
        assert_eq!(history.len(), 2, "{kind}");
        let qwen = ModelKey::new("qwen");
        assert!(expected(&history, &qwen).of(SwapPhase::Load).is_some());
        let (peak, loads) = measured(&history, &qwen, &history[0].print).unwrap();
        assert_eq!((peak.0, loads), (61_440, 1), "{kind}");
        let left: Vec<_> = std::fs::read_dir(stage.path("base/models"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("work") || name == "launched" || name == "served")
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{kind}");
    })
    .await;
}

#[tokio::test]
async fn a_program_of_the_host_is_served_as_a_job_of_its_own_and_stopped() {
    each_kind(async |kind| {
        let stage = Stage::new(kind).await;
        let script = "echo \"llama $1 $ANSWER\"; cd \"$2\" && exec 3<&- && bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0; echo open >&3; read -r a <&3' \
            \"$(cat control)\"; echo 'main: server is listening on http://127.0.0.1'; exec sleep 600";
        let mut plan = stage.plan("tiny");
        plan.stop = Vec::new();
        let program = JobId::fresh();
        if let Some(launch) = &mut plan.launch {
            let word = |text: &str| ShellWord::new(text).unwrap();
            launch.runs = Runs::Program(program.clone());
            launch.command = ShellCommand::new("sh")
                .arg("-c")
                .word(word(script))
                .arg("llama-server")
                .word(word("it's; $(id)"))
                .word(word(&stage.root.display().to_string()))
                .env(EnvName::new("ANSWER").unwrap(), word("4 2"));
        }
        let report = stage.swap(&plan).await;
        assert_eq!(report.end, Some(SwapEnd::Served), "{kind}: {report:#?}");
        let list = stage.jobs().list().await.unwrap();
        let job = list.iter().find(|job| job.id == program).unwrap();
        assert_eq!(job.state, JobState::Running, "{kind}");
        assert!(job.label.as_str().starts_with("serves tiny on port "));
        let log = stage.jobs().follow(&program, 0).await.unwrap();
        assert!(
            log.bytes.starts_with(b"llama it's; $(id) 4 2\n"),
            "{:?}",
            log.bytes
        );

        // What we launched last is known there, so whoever swaps next need not know of it.
        let mut none = stage.plan("");
        (none.launch, none.stop) = (None, Vec::new());
        let stopped = stage.swap(&none).await;
        assert_eq!(stopped.end, Some(SwapEnd::Stopped), "{kind}: {stopped:#?}");
        assert_eq!(
            stage.jobs().state(&program).await.unwrap(),
            JobState::Cancelled,
            "{kind}"
        );
        assert_eq!(stopped.before, Some(ModelKey::new("tiny")));
    })
    .await;
}

#[tokio::test]
async fn of_two_consoles_one_tells_the_end() {
    for kind in KINDS {
        let stage = Stage::new(kind).await;
        let base = stage.base();
        let turn = async || {
            take_turn(&*stage.exec(), Some(&base), "job-1")
                .await
                .unwrap()
        };
        assert_eq!(
            (turn().await, turn().await),
            (Turn::Ours, Turn::Theirs),
            "{kind}"
        );
        // One that died before it told loses its turn.
        stage.write("base/models/told/job-1", "1000\n");
        assert_eq!(turn().await, Turn::Ours, "{kind}");
        turn_done(&*stage.exec(), Some(&base), "job-1")
            .await
            .unwrap();
        assert_eq!(turn().await, Turn::Theirs, "{kind}");
        assert!(
            take_turn(&*stage.exec(), Some(&base), "../x")
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_host_with_nothing_to_ask_with_is_told_by_a_console() {
    let stage = Stage::new("busybox").await;
    let tools = stage.path("tools");
    std::fs::create_dir(&tools).unwrap();
    let here = "awk cat chmod cp cut date dd env find flock grep head id ls mkdir mkfifo mv ps readlink rm sed setsid sh sleep \
                stat tail tr wc sha256sum dirname true mktemp timeout";
    for tool in here.split_whitespace() {
        // Some builds of busybox have no flock.
        let from = if tool == "flock" {
            "/usr/bin/flock"
        } else {
            "/usr/bin/busybox"
        };
        std::os::unix::fs::symlink(from, tools.join(tool)).unwrap();
    }
    for (bad, why) in [(None, ""), (Some("it answers 500"), "it answers 500")] {
        let mut plan = stage.plan("tiny");
        plan.stop = Vec::new();
        if let Some(launch) = &mut plan.launch {
            launch.runs = Runs::Program(JobId::fresh());
            launch.command = ShellCommand::new("sh")
                .arg("-c")
                .arg("echo 'server is listening on'; exec sleep 600");
        }
        let jobs = stage.jobs_with(&format!("PATH={}", tools.display()));
        let id = JobId::fresh();
        jobs.begin(&id, &swap_job(&plan).unwrap()).await.unwrap();
        stage
            .until(&id, |report| {
                words(report, SwapPhase::Ready).contains("a console has to ask")
            })
            .await;
        let found = bad.map_or(Ok(()), Err);
        found_ready(&*stage.exec(), Some(&stage.base()), id.as_str(), found)
            .await
            .unwrap();
        let report = stage.ended(&id).await;
        match report.end {
            Some(SwapEnd::Served) => assert_eq!(bad, None),
            Some(SwapEnd::Failed { why: said, .. }) => assert_eq!(said.as_str(), why),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_ours_takes_about_a_second_with_all_that_the_stand_in_takes() {
    let stage = Stage::new("dash").await;
    stage.swap(&stage.plan("qwen")).await;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let report = stage.swap(&stage.plan("gemma")).await;
        assert_eq!(report.end, Some(SwapEnd::Served), "{report:#?}");
        let took: Duration = report
            .phases
            .iter()
            .map(|phase| match phase.state {
                PhaseState::Done { took, .. } => took,
                _ => Duration::ZERO,
            })
            .sum();
        best = best.min(took);
    }
    // The figure is 1 s without the engine; here its stand-in and whatever else this machine does are in it.
    assert!(best < Duration::from_secs(2), "{best:?}");
}

#[tokio::test]
async fn two_consoles_never_swap_at_once() {
    let stage = Stage::new("dash").await;
    stage.behaves("slow");
    let first = stage.begin(&stage.plan("qwen")).await;
    let id = JobId::fresh();
    let refused = stage
        .jobs()
        .begin(&id, &swap_job(&stage.plan("gemma")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        refused.kind,
        pilothouse::jobs::JobErrorKind::Held(first.clone())
    );
    assert!(
        refused.to_string().contains("swap spark-1 to qwen"),
        "{refused}"
    );
    stage.jobs().cancel(&first).await.unwrap();
}

#[test]
fn hostile_values_never_become_words_of_the_script() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::new("dash"));
    for name in [
        "", "-rf", "a b", "a;id", "$(id)", "a\nb", "../x", "ä", "a/b",
    ] {
        let mut plan = stage.plan("qwen");
        plan.stop = vec![pilothouse::models::StopWay::Container(name.to_owned())];
        assert!(swap_job(&plan).is_err(), "{name:?}");
    }
    for text in ["a\nb", "a\0b", &"x".repeat(200)] {
        let mut plan = stage.plan("qwen");
        text.clone_into(&mut plan.place);
        assert!(swap_job(&plan).is_err(), "{text:?}");
        let mut plan = stage.plan("qwen");
        if let Some(launch) = &mut plan.launch {
            launch.model = ModelKey::new(text);
        }
        assert!(swap_job(&plan).is_err(), "{text:?}");
        let mut plan = stage.plan("qwen");
        plan.token = Some(Secret::new(text.replace('x', "\r")));
        assert!(swap_job(&plan).is_err(), "{text:?}");
    }
    for listen in ["", "a.example", "127.0.0.1/x", "1.2.3.4 -o x", "$(id)"] {
        let mut plan = stage.plan("qwen");
        if let Some(launch) = &mut plan.launch {
            listen.clone_into(&mut launch.listen);
        }
        assert!(swap_job(&plan).is_err(), "{listen:?}");
    }
}
