//! The simulated machines under the console's own questions: every entry of the catalogue is answered, and what a drill does
//! to a machine is what the built-in runbooks find there.

use std::time::Duration;

use pilothouse::demo::Drill;
use pilothouse::diagnose::{Answer, Question, ask, built_in, catalogue, findings};
use pilothouse::domain::{At, Wall};
use serde_json::{Value, json};

use super::demo::Stage;

const LIMIT: Duration = Duration::from_secs(15);

/// So many seconds into a drill.
async fn into(drill: Drill, seconds: u64) -> Stage {
    let stage = Stage::drill(drill).await;
    set(&stage, seconds);
    stage
}

/// The wall clock of a play begins at 0, so all that it says of the past is so long ago.
fn set(stage: &Stage, seconds: u64) {
    let wall = i64::try_from(seconds).unwrap() * 1000;
    stage.clock.set(At(seconds * 1000), Wall(wall));
}

async fn answers(stage: &Stage, host: &str, questions: &[Question]) -> Vec<Answer> {
    let exec = stage.exec(host).await;
    let mut answers = Vec::new();
    for question in questions {
        answers.push(ask(&exec, &stage.clock, question, LIMIT).await);
    }
    answers
}

/// What a built-in runbook finds on a machine.
async fn found(stage: &Stage, host: &str, runbook: &str) -> Vec<String> {
    let books = built_in();
    let book = books.iter().find(|book| book.name == runbook).unwrap();
    let answers = answers(stage, host, &book.steps).await;
    findings(book, &answers)
        .iter()
        .map(|line| line.as_str().to_owned())
        .collect()
}

fn tells(found: &[String], words: &str) {
    let told = found.iter().any(|line| line.contains(words));
    assert!(told, "{words:?} is not in {found:#?}");
}

/// Every question of the catalogue, with what it needs.
fn everything() -> Vec<Question> {
    let args = [
        Value::Null,
        json!({"unit": "ssh.service"}),
        json!({"path": "/var/log/syslog"}),
    ];
    let one = |name| {
        let mut asked = args
            .iter()
            .filter_map(|args| Question::parse(name, args).ok());
        asked.next().unwrap()
    };
    catalogue().iter().map(|entry| one(entry.name)).collect()
}

#[tokio::test]
async fn every_question_is_answered_by_every_machine() {
    let stage = Stage::calm().await;
    let questions = everything();
    for host in ["spark-1", "spark-2", "h200-a", "plain"] {
        for (question, answer) in questions
            .iter()
            .zip(answers(&stage, host, &questions).await)
        {
            let name = question.name();
            let has_none =
                host == "plain" && matches!(name, "gpu" | "gpu_processes" | "containers");
            assert_eq!(
                answer.failed.is_some(),
                has_none,
                "{host} {name}: {answer:?}"
            );
            let empty = answer.lines.is_empty();
            assert_eq!(
                empty,
                name == "failed_units" && host != "plain",
                "{host} {name}"
            );
        }
    }
}

#[tokio::test]
async fn calm_machines_are_found_calm() {
    let stage = Stage::calm().await;
    for (host, runbook) in [
        ("spark-1", "wedge"),
        ("spark-1", "memory"),
        ("spark-1", "disk"),
        ("spark-1", "services"),
        ("h200-a", "wedge"),
        ("h200-a", "disk"),
        ("plain", "disk"),
    ] {
        let found = found(&stage, host, runbook).await;
        assert_eq!(found.len(), 1, "{host} {runbook}: {found:#?}");
        assert!(
            found[0].starts_with("nothing conspicuous"),
            "{host} {runbook}: {found:#?}"
        );
    }
    let services = found(&stage, "plain", "services").await;
    tells(&services, "1 unit failed: certbot.service");
}

#[tokio::test]
async fn an_oom_drill_tells_who_takes_memory_and_whom_the_kernel_killed() {
    let stage = into(Drill::Oom, 96).await;
    let filling = found(&stage, "spark-1", "memory").await;
    tells(&filling, "memory is short");
    tells(&filling, "all work waited for memory");
    tells(&filling, "python3 (7741, of maria) holds ");
    let hung = found(&stage, "spark-1", "wedge").await;
    tells(&hung, "python3 (7741, in folio_wait_bit_common)");
    set(&stage, 105);
    let after = found(&stage, "spark-1", "memory").await;
    tells(&after, "the kernel killed python3, which held ");
    tells(&after, " GiB, for want of memory 7 s ago");
    assert!(
        !after.iter().any(|line| line.contains("7741")),
        "{after:#?}"
    );
}

#[tokio::test]
async fn a_thermal_drill_tells_of_the_heat_and_then_of_the_lost_gpu() {
    let stage = into(Drill::Thermal, 100).await;
    tells(&found(&stage, "h200-a", "wedge").await, "GPU 3 is at 9");
    set(&stage, 145);
    let lost = found(&stage, "h200-a", "wedge").await;
    tells(
        &lost,
        "Unable to determine the device handle for GPU 0000:5D:00.0: GPU is lost.",
    );
    tells(&lost, "a GPU has fallen off the bus");
    let services = found(&stage, "h200-a", "services").await;
    tells(&services, "1 unit failed: nvidia-dcgm.service");
}

#[tokio::test]
async fn a_wedge_drill_tells_of_the_want_of_memory_before_it_and_of_nothing_after() {
    let stage = into(Drill::Wedge, 79).await;
    let before = found(&stage, "spark-2", "wedge").await;
    tells(&before, "memory is short");
    tells(&before, "swap is ");
    tells(&before, "hang in D state: ");
    set(&stage, 320);
    let after = found(&stage, "spark-2", "wedge").await;
    assert_eq!(after, ["nothing conspicuous in 8 answers"]);
}

#[tokio::test]
async fn a_flap_drill_tells_how_often_the_link_went_down() {
    let stage = into(Drill::Flap, 70).await;
    let found = found(&stage, "h200-a", "wedge").await;
    tells(&found, "the network link went down, 2 lines; last: ");
}
