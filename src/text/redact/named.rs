//! Values that are given to a secret name: `NAME=value`, `name: value`, `"name": "value"`, `--name value`,
//! `<name>value</name>`. Found from the sign between them, looking a bounded way back for the name.

use super::names::suspicion;
use super::spans::Span;

const KIND: &str = "value of a secret name";

/// Longest name that is looked for.
const LONGEST_NAME: usize = 100;

/// Headers whose value is the rest of the line.
const HEADERS: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

/// A name and what stands before it.
struct Name<'a> {
    text: &'a str,
    /// The character before it, or a line end at the beginning of the text.
    before: char,
    /// It stood in quotes of its own.
    quoted: bool,
}

/// Adds every value that a secret name is given.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let mut done = 0;
    for (at, sign) in text.match_indices(['=', ':', '>']) {
        if at < done {
            continue;
        }
        if let Some(span) = given_at(text, at, sign) {
            done = span.at.end;
            spans.push(span);
        }
    }
    flags(text, spans);
}

fn given_at(text: &str, at: usize, sign: &str) -> Option<Span> {
    let name = name_before(text, at)?;
    let rest = text.get(at + 1..)?;
    // `=>` and `:=` end at their second character; `::` and `://` give nothing.
    if rest.starts_with(['=', ':', '>']) || (sign == ":" && rest.starts_with("//")) {
        return None;
    }
    // `src/auth.rs:12` and `token::parse` are places in code.
    if sign == ":" && (name.before == '/' || text.get(..at)?.ends_with(':')) {
        return None;
    }
    if sign == ">" && name.before != '<' && !text.get(..at)?.ends_with('=') {
        return None;
    }
    given(text, at + 1, &name, sign)
}

/// The value from here on, where its name makes a secret of it.
fn given(text: &str, from: usize, name: &Name<'_>, sign: &str) -> Option<Span> {
    // The name first: most are harmless, and values may be long.
    let suspicion = suspicion(name.text)?;
    let reach = text.floor_char_boundary(from.saturating_add(suspicion.reach()));
    let line = text.get(from..reach)?.lines().next()?;
    let rest = line.trim_start_matches([' ', '\t']);
    let (skipped, value) = value(rest, name, sign)?;
    let start = from + line.len() - rest.len() + skipped;
    suspicion.convicts(value).then(|| Span {
        at: start..start + value.len(),
        kind: KIND,
    })
}

/// The name that ends before this sign.
fn name_before(text: &str, at: usize) -> Option<Name<'_>> {
    let head = text.get(..at)?;
    let head = head.get(head.floor_char_boundary(at.saturating_sub(LONGEST_NAME))..)?;
    let head = head
        .trim_end_matches([':', '='])
        .trim_end_matches([' ', '\t']);
    let bare = head
        .trim_end_matches(['"', '\'', '`'])
        .trim_end_matches('\\');
    let quoted = bare.len() < head.len();
    let start = bare
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_ascii_alphanumeric() || "_.-".contains(*c))
        .last()
        .map(|(start, _)| start)?;
    let before = bare.get(..start)?.chars().next_back().unwrap_or('\n');
    Some(Name {
        text: bare.get(start..)?,
        before,
        quoted,
    })
}

/// The value at the beginning of a line, without its quotes, and how many bytes stand before it.
fn value<'a>(line: &'a str, name: &Name<'_>, sign: &str) -> Option<(usize, &'a str)> {
    let unescaped = line.trim_start_matches('\\');
    let escapes = line.len() - unescaped.len();
    if let Some(quote) = unescaped.chars().next().filter(|c| "\"'`".contains(*c)) {
        let inside = unescaped.get(1..)?;
        return Some((escapes + 1, in_quotes(inside, quote, escapes > 0)));
    }
    let is_header = sign == ":"
        && HEADERS
            .iter()
            .any(|known| name.text.eq_ignore_ascii_case(known));
    let constant = name
        .text
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let until: &dyn Fn(char) -> bool = match name.before {
        '"' | '\'' | '`' if !name.quoted => &|c| c == name.before,
        '?' | '&' => &|c: char| c.is_whitespace() || "&\"'`<>#".contains(c),
        _ if is_header => &|_| false,
        '\n' if constant && sign == "=" => return Some((0, before_next(line))),
        _ => &|c: char| c.is_whitespace() || "\"'`<".contains(c),
    };
    let value = line.get(..line.find(until).unwrap_or(line.len()))?;
    Some((0, with_scheme(line, value).trim_end_matches([',', ';'])))
}

/// Up to the closing quote: one that is not escaped, or, where the opening one was, the next that is.
fn in_quotes(inside: &str, quote: char, escaped: bool) -> &str {
    let mut slashes = 0;
    for (at, c) in inside.char_indices() {
        if c == quote && (slashes % 2 == 1) == escaped {
            let end = if escaped { at - slashes } else { at };
            return inside.get(..end).unwrap_or(inside);
        }
        slashes = if c == '\\' { slashes + 1 } else { 0 };
    }
    inside
}

/// A line of an environment: a value may have blanks, until another name is given one.
fn before_next(line: &str) -> &str {
    let next = line.match_indices(' ').find(|(at, _)| {
        let word = line.get(at + 1..).unwrap_or_default();
        let word = word.split(' ').next().unwrap_or_default();
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    });
    line.get(..next.map_or(line.len(), |(at, _)| at))
        .unwrap_or(line)
}

/// `Bearer x`: the word of a scheme is not the secret, the one behind it is.
fn with_scheme<'a>(line: &'a str, value: &'a str) -> &'a str {
    const SCHEMES: [&str; 5] = ["bearer", "basic", "token", "digest", "apikey"];
    if !SCHEMES
        .iter()
        .any(|scheme| value.eq_ignore_ascii_case(scheme))
    {
        return value;
    }
    let rest = line.get(value.len()..).unwrap_or_default();
    let word = rest.trim_start();
    let blanks = rest.len() - word.len();
    let end = word
        .find(|c: char| c.is_whitespace() || "\"'`".contains(c))
        .unwrap_or(word.len());
    line.get(..value.len() + blanks + end).unwrap_or(value)
}

/// `--name value`
fn flags(text: &str, spans: &mut Vec<Span>) {
    for (at, _) in text.match_indices("--") {
        let rest = text.get(at..).unwrap_or_default();
        let rest = rest
            .get(..rest.floor_char_boundary(LONGEST_NAME))
            .unwrap_or_default();
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
            .unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        let gap = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        if gap == 0 || name.len() < 3 {
            continue;
        }
        let named = Name {
            text: name,
            before: ' ',
            quoted: false,
        };
        let given = given(text, at + length, &named, " ");
        // `--token --port 80`: the next flag is no value.
        spans.extend(given.filter(|span| {
            !text
                .get(span.at.clone())
                .is_some_and(|v| v.starts_with('-'))
        }));
    }
}
