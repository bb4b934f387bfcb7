//! What happens is numbered, shown in its order, kept, and there again afterwards.

use std::time::Duration;

use pilothouse::domain::SessionId;
use pilothouse::engine::{AssistantCommand, MindWish, Phase, Reply};
use pilothouse::store::Store;
use tokio::time::Instant;

use super::stage::{Puppet, Stage, words};

#[tokio::test]
async fn a_question_is_streamed_shown_and_kept_and_goes_on_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    assert_eq!(stage.sessions().await, [], "nothing was asked");
    assert_eq!(stage.say(&talk, "why is it slow?").await, Reply::Done);
    let mut puppet = stage.puppet().await;
    assert_eq!(puppet.start.program, None);
    assert_eq!(puppet.wish().await, MindWish::Say("why is it slow?".into()));
    puppet.asked("why is it slow?").await;
    puppet.draft("m1.0", "The disk\nis ").await;
    puppet.draft("m1.0", "full").await;
    talk.shows_text("draft The disk/is full").await;
    puppet.text("m1.0", "The disk\nis full.").await;
    puppet.done(0.25).await;
    let shown = talk.shows_text("turn Done").await;
    let all = ["ask why is it slow?", "say The disk/is full.", "turn Done"];
    assert_eq!(words(&shown), all);
    assert_eq!(shown.title.as_str(), "why is it slow?");
    assert!((shown.usage.cost - 0.25).abs() < 1e-9);
    stage.end().await;

    let mut stage = Stage::new(folder.path());
    let listed = stage.sessions().await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].title.as_str(), "why is it slow?");
    assert_eq!((listed[0].questions, listed[0].session), (1, talk.id));
    let mut again = stage.resume(talk.id).await;
    let shown = again.shows_text("turn Done").await;
    assert_eq!(words(&shown), all);
    assert_eq!(shown.phase, Phase::Asleep);
    // The program is begun with the next question, as what it called itself.
    assert_eq!(stage.say(&again, "and now?").await, Reply::Done);
    let puppet = stage.puppet().await;
    assert_eq!(puppet.start.program.as_deref(), Some("0b5c-77"));
    stage.end().await;
}

#[tokio::test]
async fn what_was_under_way_when_a_console_ended_is_ended_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    puppet.draft("m1.0", "half an ans").await;
    talk.shows_text("draft half an ans").await;
    stage.end().await;
    let stage = Stage::new(folder.path());
    let mut again = stage.resume(talk.id).await;
    let shown = again
        .shows(|picture| words(picture).iter().any(|word| word.starts_with("turn")))
        .await;
    let all = words(&shown);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].contains("Died"), "{all:?}");
    stage.end().await;
}

#[tokio::test]
async fn the_first_token_is_shown_at_once_and_a_flood_at_most_once_a_frame() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    talk.shows_text("ask one").await;
    #[expect(clippy::disallowed_methods, reason = "a figure is measured")]
    let now = Instant::now;
    let told = now();
    puppet.draft("m1.0", "first").await;
    talk.shows_text("draft first").await;
    let took = told.elapsed();
    assert!(took < Duration::from_millis(30), "{took:?}");
    let mut pictures = 0;
    let began = now();
    let flood = async {
        for _ in 0..100_000 {
            puppet.draft("m1.0", "x").await;
        }
        puppet.text("m1.0", "done").await;
    };
    let look = async {
        loop {
            talk.pictures.changed().await.unwrap();
            pictures += 1;
            if words(&talk.pictures.borrow_and_update()).contains(&"say done".to_owned()) {
                return;
            }
        }
    };
    tokio::join!(flood, look);
    let frames = began.elapsed().as_millis() / 33 + 3;
    assert!(pictures <= frames, "{pictures} pictures in {frames} frames");
    stage.end().await;
}

/// Asks, is answered, and turns away.
async fn ask_and_leave(stage: &mut Stage) -> (SessionId, Puppet) {
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let mut puppet = stage.puppet().await;
    assert_eq!(puppet.wish().await, MindWish::Say("one".into()));
    puppet.asked("one").await;
    puppet.text("m1.0", "an answer").await;
    puppet.done(0.1).await;
    talk.shows_text("turn Done").await;
    (talk.id, puppet)
}

#[tokio::test]
async fn of_conversations_that_nobody_looks_at_the_oldest_leaves_memory_and_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let (first, mut puppet) = ask_and_leave(&mut stage).await;
    let works = stage.open().await;
    stage.say(&works, "two").await;
    let working = stage.puppet().await;
    working.asked("two").await;
    let works = works.id;
    let lets_go = async {
        while stage.handle.transcript(first).is_some() {
            drop(stage.open().await);
        }
    };
    let ends = async {
        assert_eq!(puppet.wish().await, MindWish::Close);
        drop(puppet);
    };
    let both = async { tokio::join!(lets_go, ends) };
    let both = tokio::time::timeout(Duration::from_secs(20), both);
    both.await.expect("it is never let go");
    assert!(stage.handle.transcript(works).is_some(), "it is at work");
    let mut again = stage.resume(first).await;
    let shown = again.shows_text("turn Done").await;
    assert_eq!(words(&shown), ["ask one", "say an answer", "turn Done"]);
    working.done(0.2).await;
    stage.end().await;
}

#[tokio::test]
async fn a_broken_store_is_said_once_and_the_conversation_lives_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("state");
    std::fs::write(&blocked, "").unwrap();
    let store = Store::new(&blocked.join("history.db"));
    let mut stage = Stage::with(folder.path(), Some(store));
    let mut notices = stage.handle.notices();
    let mut talk = stage.open().await;
    for question in ["one", "two"] {
        stage.say(&talk, question).await;
        if question == "one" {
            let puppet = stage.puppet().await;
            puppet.asked("one").await;
            puppet.done(0.1).await;
            talk.shows_text("turn Done").await;
        }
    }
    assert_eq!(stage.sessions().await.len(), 1);
    let mut told = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        told.push(notice.sentence.to_string());
    }
    let about = told.iter().filter(|told| told.contains("in memory only"));
    assert_eq!(about.count(), 1, "{told:?}");
    stage.end().await;
}

#[tokio::test]
async fn what_is_forgotten_is_gone_from_the_list_and_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    talk.shows_text("ask one").await;
    assert_eq!(
        stage.ask(AssistantCommand::Forget(talk.id)).await,
        Reply::Done
    );
    assert_eq!(stage.sessions().await, []);
    // Its program has been let go.
    puppet.news.closed().await;
    let gone = stage.ask(AssistantCommand::Resume(talk.id)).await;
    assert!(matches!(gone, Reply::Failed(_)), "{gone:?}");
    assert_eq!(
        std::fs::read_dir(folder.path().join("talks"))
            .unwrap()
            .count(),
        0
    );
    stage.end().await;
}

#[tokio::test]
async fn a_program_that_ends_leaves_a_conversation_that_can_be_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::new(folder.path());
    let mut talk = stage.open().await;
    stage.say(&talk, "one").await;
    let puppet = stage.puppet().await;
    puppet.asked("one").await;
    drop(puppet);
    let ended = |picture: &pilothouse::engine::Transcript| {
        words(picture).iter().any(|word| word.contains("Died"))
    };
    talk.shows(ended).await;
    stage.say(&talk, "two").await;
    let mut puppet = stage.puppet().await;
    assert_eq!(puppet.wish().await, MindWish::Say("two".into()));
    assert_eq!(puppet.start.program.as_deref(), Some("0b5c-77"));
    assert_eq!(
        stage.ask(AssistantCommand::Interrupt(talk.id)).await,
        Reply::Done
    );
    assert_eq!(puppet.wish().await, MindWish::Interrupt);
    stage.ask(AssistantCommand::Close(talk.id)).await;
    assert_eq!(puppet.wish().await, MindWish::Close);
    let refused = stage.say(&talk, "three").await;
    assert!(matches!(refused, Reply::Refused(_)), "{refused:?}");
    drop(puppet);
    talk.shows(|picture| picture.phase == Phase::Asleep).await;
    for text in ["", "  \n "] {
        let refused = stage.say(&talk, text).await;
        assert!(matches!(refused, Reply::Refused(_)), "{refused:?}");
    }
    stage.end().await;
}
