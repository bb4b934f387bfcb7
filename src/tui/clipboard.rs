//! Which way a copied text goes (pure). A way that confirms comes before one that does not, and a way that takes the whole
//! text before one that would cut it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ui::CopyRoute;

/// Longest text that is sent as OSC 52: terminals cut or drop what is longer.
pub(super) const OSC52_LONGEST: usize = 64 * 1024;

/// The ways to try, in order.
pub(super) fn routes(in_tmux: bool, length: usize) -> Vec<CopyRoute> {
    let mut routes = Vec::new();
    if in_tmux {
        routes.push(CopyRoute::Tmux);
    }
    if length <= OSC52_LONGEST {
        routes.push(CopyRoute::Osc52);
    }
    routes.push(CopyRoute::File);
    routes
}

/// The OSC 52 sequence for a text. Its target is `c` and its end is BEL, the only form that mosh passes on.
pub(super) fn osc52(text: &str) -> Vec<u8> {
    let mut bytes = b"\x1b]52;c;".to_vec();
    bytes.extend_from_slice(STANDARD.encode(text).as_bytes());
    bytes.push(0x07);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_the_terminal_goes_elsewhere() {
        use CopyRoute::{File, Osc52, Tmux};
        assert_eq!(routes(true, 10), [Tmux, Osc52, File]);
        assert_eq!(routes(false, 10), [Osc52, File]);
        assert_eq!(routes(false, OSC52_LONGEST + 1), [File]);
        assert_eq!(routes(true, OSC52_LONGEST + 1), [Tmux, File]);
        assert_eq!(osc52("hi"), b"\x1b]52;c;aGk=\x07");
    }
}
