//! Where the fleet on the screen comes from: the running engine, or a recording that is played.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use super::ui::ReplayUi;
use super::ui_update::ReplayOrder;
use crate::domain::{Age, At, TerminalId};
use crate::engine::{
    Actor, Command, ContainerTerminal, Fleet, Handle, Notice, Refusal, Replay, ReplayError, Reply,
};

/// A recording, as the engine plays it.
pub trait Playback {
    /// Goes to a moment of the recording, or to the end that is nearer.
    fn seek(&mut self, to: At) -> Result<(), ReplayError>;
    /// The fleet at this moment.
    fn fleet(&self) -> Arc<Fleet>;
    /// This moment.
    fn at(&self) -> At;
    /// The first moment.
    fn begin(&self) -> At;
    /// The last moment.
    fn end(&self) -> At;
}

impl Playback for Replay {
    fn seek(&mut self, to: At) -> Result<(), ReplayError> {
        Replay::seek(self, to)
    }
    fn fleet(&self) -> Arc<Fleet> {
        Replay::fleet(self)
    }
    fn at(&self) -> At {
        Replay::at(self)
    }
    fn begin(&self) -> At {
        self.recording().begin()
    }
    fn end(&self) -> At {
        Replay::end(self)
    }
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
    /// The moment up to which it has been played, on the clock of the screen.
    played: At,
}

impl Player {
    /// Plays a recording from where it stands.
    pub(super) fn new(playback: Box<dyn Playback>, now: At) -> Self {
        Self {
            fleets: watch::Sender::new(playback.fleet()),
            playback,
            notices: broadcast::Sender::new(1),
            speed: 1.0,
            playing: true,
            played: now,
        }
    }

    /// Plays what is due.
    pub(super) fn play(&mut self, now: At) -> Result<(), ReplayError> {
        let passed = now.since(self.played);
        self.played = now;
        let by = (passed.0 as f64 * f64::from(self.speed)) as u64;
        if !self.playing || by == 0 || self.is_over() {
            return Ok(());
        }
        self.go(At(self.playback.at().0.saturating_add(by)))
    }

    /// Obeys the person.
    pub(super) fn steer(&mut self, order: ReplayOrder) -> Result<(), ReplayError> {
        let at = self.playback.at();
        match order {
            // At its end, playing on means playing again.
            ReplayOrder::Pause if self.is_over() => {
                self.playing = true;
                self.go(self.playback.begin())
            }
            ReplayOrder::Pause => {
                self.playing = !self.playing;
                Ok(())
            }
            ReplayOrder::Slower => {
                self.speed = (self.speed / 2.0).max(SLOWEST);
                Ok(())
            }
            ReplayOrder::Faster => {
                self.speed = (self.speed * 2.0).min(FASTEST);
                Ok(())
            }
            ReplayOrder::Back => self.go(At(at.0.saturating_sub(SEEK.0))),
            ReplayOrder::Forward => self.go(At(at.0.saturating_add(SEEK.0))),
            ReplayOrder::Start => self.go(self.playback.begin()),
            ReplayOrder::End => self.go(self.playback.end()),
        }
    }

    fn is_over(&self) -> bool {
        self.playback.at() >= self.playback.end()
    }

    /// What can't be read stops it.
    fn go(&mut self, to: At) -> Result<(), ReplayError> {
        let gone = self.playback.seek(to);
        self.playing &= gone.is_ok();
        self.fleets.send_replace(self.playback.fleet());
        gone
    }

    /// What the screen says of it, counted from its start.
    pub(super) fn looks(&self) -> ReplayUi {
        let begin = self.playback.begin();
        ReplayUi {
            at: At(self.playback.at().since(begin).0),
            end: At(self.playback.end().since(begin).0),
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

    /// The terminal that an answer named. A recording has none.
    pub(super) fn terminal(&self, id: TerminalId) -> Option<ContainerTerminal> {
        match self {
            Self::Live(handle) => handle.terminal(id),
            Self::Replay(_) => None,
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
    use crate::config::Settings;

    /// A recording of a minute whose fleet only knows its moment.
    struct Minute(At);

    impl Playback for Minute {
        fn seek(&mut self, to: At) -> Result<(), ReplayError> {
            self.0 = to.clamp(self.begin(), self.end());
            Ok(())
        }
        fn fleet(&self) -> Arc<Fleet> {
            Arc::new(Fleet {
                at: self.0,
                ..Fleet::new("recorded", &Settings::default())
            })
        }
        fn at(&self) -> At {
            self.0
        }
        fn begin(&self) -> At {
            At(500)
        }
        fn end(&self) -> At {
            At(60_500)
        }
    }

    #[test]
    fn a_recording_is_played_paused_sped_up_and_sought() {
        let mut player = Player::new(Box::new(Minute(At(500))), At(1_000));
        let fleets = player.fleets.subscribe();
        let shown = || fleets.borrow().at;
        let steer = |player: &mut Player, order| player.steer(order).unwrap();
        let play = |player: &mut Player, now| player.play(At(now)).unwrap();
        play(&mut player, 2_000);
        assert_eq!(shown(), At(1_500));
        assert_eq!(player.looks().at, At(1_000));
        steer(&mut player, ReplayOrder::Faster);
        play(&mut player, 3_000);
        assert_eq!(shown(), At(3_500));
        steer(&mut player, ReplayOrder::Forward);
        assert_eq!(shown(), At(13_500));
        steer(&mut player, ReplayOrder::Pause);
        play(&mut player, 9_000);
        assert_eq!(shown(), At(13_500));
        assert_eq!(player.looks().speed.to_bits(), 0.0_f32.to_bits());
        // The time of the pause is not played afterwards.
        steer(&mut player, ReplayOrder::Pause);
        play(&mut player, 9_500);
        assert_eq!(shown(), At(14_500));
        steer(&mut player, ReplayOrder::Back);
        steer(&mut player, ReplayOrder::Back);
        assert_eq!(shown(), At(500));
        steer(&mut player, ReplayOrder::End);
        play(&mut player, 10_000);
        assert_eq!(shown(), At(60_500));
        // At the end, going on begins anew.
        steer(&mut player, ReplayOrder::Pause);
        assert_eq!((shown(), player.playing), (At(500), true));
    }
}
