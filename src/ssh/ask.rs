//! How a connection in the making speaks with the floors above: steps it has reached, questions for a person.

use async_trait::async_trait;

use crate::domain::{Answer, Question, Telling};

/// A rung that a connection in the making has reached. Each is sent once a hop, the last hop being the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The name has addresses.
    Resolved,
    /// TCP (or the jump's channel, or the ProxyCommand) is open.
    Connected,
    /// The server sent its SSH banner and the host key was accepted.
    Greeted,
    /// The server let us in.
    LoggedIn,
}

/// Who listens while a connection is made.
#[async_trait]
pub trait Ask: Send + Sync {
    /// A person is asked; waits as long as the person takes. A dropped future takes the question back.
    async fn ask(&self, question: Question) -> Answer;

    /// Something to show; never waits.
    fn tell(&self, telling: Telling);

    /// The target (not one of its jumps) has reached a rung; never waits.
    fn step(&self, step: Step);
}
