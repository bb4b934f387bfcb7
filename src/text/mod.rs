//! Text from outside: cleaned before it can be drawn or copied, measured and cut by what a terminal shows.

mod class;
mod clean;
mod escape;
mod mask;
mod mask_options;
pub mod redact;
mod safe;
mod secret_words;
mod sgr;
mod styled;
#[cfg(test)]
pub(crate) mod vectors;
mod width;

pub use escape::escape_json;
pub use mask::{Masking, mask_command};
pub use safe::SafeText;
pub use secret_words::{MASK, is_secret};
pub use sgr::clean_line;
pub use styled::{Sgr, SgrColor, StyleSpan, StyledText};
pub use width::{cut, width};
