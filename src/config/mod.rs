//! Configuration: the file, the environment and the flags become one [`Config`] that can't be wrong.

mod spec;

pub use spec::{AlertSettings, Config, KeyBinding, Problem, Settings};
