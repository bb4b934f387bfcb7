//! Private keys in their blocks, also where lines carry a prefix, where line ends are written as `\n`, and where the
//! beginning or the end was cut off.

use std::sync::LazyLock;

use regex::Regex;

use super::spans::Span;

const KIND: &str = "private key";
const BARE: &str = "key or encoded block";

/// A block farther apart than this is none: a key of 16384 bits takes 13 KiB.
const FARTHEST: usize = 48 * 1024;

static EDGES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // Labels: RFC 7468, OpenSSH, PGP, and SSH2 (RFC 4716) with four dashes and blanks.
    Regex::new(r"-{4,5} ?(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}").ok()
});

/// Lines of a key without edges: base64 as long as the lines of a PEM, whatever stands before it.
static BODY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/]{60,}={0,2}").ok());

/// `PuTTY-User-Key-File-3: …` up to its last line; `Private-Lines` and what follows is the secret part.
static PUTTY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"Private-Lines: ?\d{1,4}(?:\n[A-Za-z0-9+/=]{1,64}){1,200}").ok());

/// Adds every key of the text.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let (Some(edges), Some(body), Some(putty)) = (&*EDGES, &*BODY, &*PUTTY) else {
        return;
    };
    let mut open: Vec<usize> = Vec::new();
    for edge in edges.captures_iter(text) {
        let (Some(whole), Some(which)) = (edge.get(0), edge.get(1)) else {
            continue;
        };
        if which.as_str() == "BEGIN" {
            open.push(whole.start());
            continue;
        }
        // The first one: what stands between two beginnings may be a key whose end is missing.
        let start = open.drain(..).find(|start| whole.end() - start <= FARTHEST);
        spans.extend(start.map(|start| Span {
            at: start..whole.end(),
            kind: KIND,
        }));
    }
    let bare = body
        .find_iter(text)
        .filter(|found| is_encoded(found.as_str()));
    let parts = bare.chain(putty.find_iter(text));
    spans.extend(parts.map(|found| Span {
        at: found.range(),
        kind: BARE,
    }));
}

/// Whether a run of its letters is base64 and no digest and no path: digests have letters of one case, paths many slashes.
fn is_encoded(run: &str) -> bool {
    let has = |of: fn(&u8) -> bool| run.bytes().any(|b| of(&b));
    let slashes = run.bytes().filter(|b| *b == b'/').count();
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && slashes * 10 <= run.len()
}
