//! Conversations through the real engine, with a stand-in for the program behind them.

mod attach;
mod order;
mod stage;
