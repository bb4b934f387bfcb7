//! Where the fleet on the screen comes from: the running engine, or a recording that is played.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::ui::ReplayUi;
use super::ui_update::ReplayOrder;
use crate::domain::{Age, At};
use crate::engine::{Actor, Command, Fleet, Handle, Notice, Refusal, Reply};

/// A recording, as the engine plays it.
pub trait Playback {
    /// Goes to a moment of the recording.
    fn seek(&mut self, to: At);
    /// Goes on by so much.
    fn advance(&mut self, by: Age);
    /// The fleet at this moment.
    fn fleet(&self) -> Arc<Fleet>;
    /// The last moment.
    fn end(&self) -> At;
}

/// Speeds that a recording can be played at.
const SLOWEST: f32 = 0.125;
const FASTEST: f32 = 64.0;
/// How far a seek goes.
const SEEK: Age = Age(10_000);

/// Where the fleet comes from.
pub(super) enum Source {
    /// The running engine.
    Live(Handle),
    /// A recording.
    Replay(Player),
}

/// A recording and how it is played.
pub(super) struct Player {
    playback: Box<dyn Playback>,
    fleets: watch::Sender<Arc<Fleet>>,
    notices: broadcast::Sender<Notice>,
    speed: f32,
    playing: bool,
    at: At,
    /// The moment up to which it has been played, on the clock of the screen.
    played: At,
}

impl Player {
    /// Plays a recording from its start.
    pub(super) fn new(mut playback: Box<dyn Playback>, now: At) -> Self {
        playback.seek(At::default());
        let fleets = watch::Sender::new(playback.fleet());
        let at = fleets.borrow().at;
        Self {
            playback,
            fleets,
            notices: broadcast::Sender::new(1),
            speed: 1.0,
            playing: true,
            at,
            played: now,
        }
    }

    /// Plays what is due; whether it went on.
    pub(super) fn play(&mut self, now: At) -> bool {
        let passed = now.since(self.played);
        self.played = now;
        let by = Age((passed.0 as f64 * f64::from(self.speed)) as u64);
        if !self.playing || by == Age(0) || self.at >= self.playback.end() {
            return false;
        }
        self.playback.advance(by);
        self.at = At(self.at.0 + by.0).min(self.playback.end());
        self.publish();
        true
    }

    /// Obeys the person.
    pub(super) fn steer(&mut self, order: ReplayOrder) {
        let end = self.playback.end();
        let to = match order {
            ReplayOrder::Pause => {
                // At its end, playing on means playing again.
                self.playing = !self.playing || self.at >= end;
                if self.at < end {
                    return;
                }
                At::default()
            }
            ReplayOrder::Slower => return self.speed = (self.speed / 2.0).max(SLOWEST),
            ReplayOrder::Faster => return self.speed = (self.speed * 2.0).min(FASTEST),
            ReplayOrder::Back => At(self.at.0.saturating_sub(SEEK.0)),
            ReplayOrder::Forward => At(self.at.0 + SEEK.0).min(end),
            ReplayOrder::Start => At::default(),
            ReplayOrder::End => end,
        };
        self.playback.seek(to);
        self.at = to;
        self.publish();
    }

    fn publish(&self) {
        self.fleets.send_replace(self.playback.fleet());
    }

    /// What the screen says of it.
    pub(super) fn looks(&self) -> ReplayUi {
        ReplayUi {
            at: self.at,
            end: self.playback.end(),
            speed: if self.playing { self.speed } else { 0.0 },
        }
    }
}

/// An answer on its way, with the command that it answers.
pub(super) type Asking = Pin<Box<dyn Future<Output = (Command, Reply)>>>;

impl Source {
    pub(super) fn fleets(&self) -> watch::Receiver<Arc<Fleet>> {
        match self {
            Self::Live(handle) => handle.fleet(),
            Self::Replay(player) => player.fleets.subscribe(),
        }
    }

    pub(super) fn notices(&self) -> broadcast::Receiver<Notice> {
        match self {
            Self::Live(handle) => handle.notices(),
            Self::Replay(player) => player.notices.subscribe(),
        }
    }

    /// Asks for something. What is recorded can't be changed.
    pub(super) fn ask(&self, command: Command) -> Asking {
        match self {
            Self::Live(handle) => {
                let handle = handle.clone();
                Box::pin(async move {
                    let reply = handle.ask(Actor::Terminal, command.clone()).await;
                    (command, reply)
                })
            }
            Self::Replay(_) => {
                let refusal = Refusal {
                    why: "this is a recording: nothing can be done in it".into(),
                    hint: None,
                };
                Box::pin(std::future::ready((command, Reply::Refused(refusal))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Thresholds, Wall};

    /// A recording of a minute whose fleet only knows its moment.
    struct Minute(At);

    impl Playback for Minute {
        fn seek(&mut self, to: At) {
            self.0 = to;
        }
        fn advance(&mut self, by: Age) {
            self.0 = At(self.0.0 + by.0).min(self.end());
        }
        fn fleet(&self) -> Arc<Fleet> {
            Arc::new(Fleet {
                name: "recorded".into(),
                at: self.0,
                wall: Wall::default(),
                read_only: false,
                period: std::time::Duration::from_secs(1),
                thresholds: Thresholds::default(),
                hosts: Vec::new(),
                questions: Arc::default(),
                alerts: Arc::default(),
                notices: Arc::default(),
            })
        }
        fn end(&self) -> At {
            At(60_000)
        }
    }

    #[test]
    fn a_recording_is_played_paused_sped_up_and_sought() {
        let mut player = Player::new(Box::new(Minute(At(5))), At(1_000));
        let fleets = player.fleets.subscribe();
        let shown = || fleets.borrow().at;
        assert!(player.play(At(2_000)));
        assert_eq!(shown(), At(1_000));
        player.steer(ReplayOrder::Faster);
        assert!(player.play(At(3_000)));
        assert_eq!(shown(), At(3_000));
        player.steer(ReplayOrder::Forward);
        assert_eq!(shown(), At(13_000));
        player.steer(ReplayOrder::Pause);
        assert!(!player.play(At(9_000)));
        assert_eq!(player.looks().speed.to_bits(), 0.0_f32.to_bits());
        // The time of the pause is not played afterwards.
        player.steer(ReplayOrder::Pause);
        assert!(player.play(At(9_500)));
        assert_eq!(shown(), At(14_000));
        player.steer(ReplayOrder::Back);
        player.steer(ReplayOrder::Back);
        assert_eq!(shown(), At(0));
        player.steer(ReplayOrder::End);
        assert!(!player.play(At(10_000)));
        assert_eq!(shown(), At(60_000));
        // At the end, going on begins anew.
        player.steer(ReplayOrder::Pause);
        assert_eq!((shown(), player.playing), (At(0), true));
    }
}
