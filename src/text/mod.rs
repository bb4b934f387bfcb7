//! Text from outside: cleaned before it can be drawn or copied, measured and cut by what a terminal shows.

mod class;
mod clean;
mod safe;
mod width;

pub use safe::SafeText;
pub use width::{cut, width};
