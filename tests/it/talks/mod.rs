//! Conversations through the real engine, with a stand-in for the program behind them.

mod aftermath;
mod approved;
mod attach;
mod calls;
mod order;
mod runbooks;
mod signals;
pub(crate) mod stage;
