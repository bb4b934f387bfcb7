//! Conversations through the real engine, with a stand-in for the program behind them.

mod attach;
mod calls;
mod order;
mod runbooks;
pub(crate) mod stage;
