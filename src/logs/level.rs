//! The level of a line, read from its beginning: from fields where it has them, else from the forms that loggers write.
//! Words that only speak of errors ("0 errors", `error_count=0`) don't make a line one.

use crate::follow::Level;

use super::fields::json_fields;

/// A level stands within so many bytes, or nowhere.
const LOOKED_AT: usize = 160;

/// The level of a line of clean text, where it can be told.
pub fn level_of(line: &str) -> Option<Level> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return in_json(line);
    }
    let head = line.get(..line.floor_char_boundary(LOOKED_AT))?;
    by_priority(head)
        .or_else(|| by_letter(head))
        .or_else(|| by_words(head))
        .or_else(|| by_phrase(line))
}

/// Whether a field of this name holds the level.
pub(super) fn is_level_key(key: &str) -> bool {
    const KEYS: [&str; 7] = [
        "level",
        "severity",
        "lvl",
        "log.level",
        "levelname",
        "loglevel",
        "severity_text",
    ];
    KEYS.iter().any(|known| key.eq_ignore_ascii_case(known))
}

fn in_json(line: &str) -> Option<Level> {
    json_fields(line)
        .find(|(key, _)| is_level_key(key))
        .and_then(|(_, value)| by_value(value.trim_matches('"')))
}

/// A level as the value of a field: a word, a number of pino and bunyan (10 to 60), or of syslog (0 to 7).
fn by_value(value: &str) -> Option<Level> {
    match value.parse::<u16>() {
        Ok(number @ 0..=7) => Some(by_syslog(number)),
        Ok(number @ 10..=69) => Some(match number / 10 {
            1 => Level::Trace,
            2 => Level::Debug,
            3 => Level::Info,
            4 => Level::Warning,
            5 => Level::Error,
            _ => Level::Critical,
        }),
        Ok(_) => None,
        Err(_) => by_word(value).or_else(|| match value.as_bytes() {
            [letter] => by_one(*letter),
            _ => None,
        }),
    }
}

/// RFC 5424, 6.2.1.
fn by_syslog(severity: u16) -> Level {
    match severity {
        0..=2 => Level::Critical,
        3 => Level::Error,
        4 => Level::Warning,
        5 => Level::Notice,
        6 => Level::Info,
        _ => Level::Debug,
    }
}

/// `<3>` before the text: facility and severity, as the kernel and systemd write them.
fn by_priority(head: &str) -> Option<Level> {
    let (number, _) = head.strip_prefix('<')?.split_once('>')?;
    let number: u16 = (number.len() <= 3).then(|| number.parse().ok())??;
    Some(by_syslog(number % 8))
}

/// klog's and glog's `E1121 10:…` and `E20261121 10:…`, and the same in brackets: `[E`.
fn by_letter(head: &str) -> Option<Level> {
    let (bracket, rest) = match head.strip_prefix('[') {
        Some(rest) => (true, rest),
        None => (false, head),
    };
    let (letter, rest) = rest.as_bytes().split_first()?;
    let level = by_one(*letter).filter(|_| letter.is_ascii_uppercase())?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let after = rest.get(digits);
    let dated = matches!(digits, 4 | 6 | 8) && after == Some(&b' ');
    let bracketed = bracket && digits == 0 && matches!(after, Some(b']' | b' '));
    (dated || bracketed).then_some(level)
}

fn by_one(letter: u8) -> Option<Level> {
    Some(match letter.to_ascii_uppercase() {
        b'T' => Level::Trace,
        b'D' => Level::Debug,
        b'I' => Level::Info,
        b'N' => Level::Notice,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'F' | b'C' => Level::Critical,
        _ => return None,
    })
}

/// The words that loggers use, in any case.
pub(super) fn by_word(word: &str) -> Option<Level> {
    const WORDS: [(&str, Level); 25] = [
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("warning", Level::Warning),
        ("warn", Level::Warning),
        ("error", Level::Error),
        ("err", Level::Error),
        ("trace", Level::Trace),
        ("notice", Level::Notice),
        ("note", Level::Notice),
        ("fatal", Level::Critical),
        ("critical", Level::Critical),
        ("crit", Level::Critical),
        ("panic", Level::Critical),
        ("emerg", Level::Critical),
        ("emergency", Level::Critical),
        ("alert", Level::Critical),
        ("severe", Level::Error),
        ("eror", Level::Error),
        ("success", Level::Info),
        ("information", Level::Info),
        ("informational", Level::Info),
        ("dbg", Level::Debug),
        ("inf", Level::Info),
        ("wrn", Level::Warning),
        ("verbose", Level::Trace),
    ];
    if !(3..=13).contains(&word.len()) {
        return None;
    }
    WORDS
        .iter()
        .find(|(known, _)| word.eq_ignore_ascii_case(known))
        .map(|(_, level)| *level)
}

/// The first word that stands where a level stands.
fn by_words(head: &str) -> Option<Level> {
    let bytes = head.as_bytes();
    let mut at = 0;
    let mut before = Before::default();
    while let Some(byte) = bytes.get(at) {
        if !is_word(*byte) {
            at += 1;
            continue;
        }
        let start = at;
        at += bytes.get(at..)?.iter().take_while(|b| is_word(**b)).count();
        let word = Word {
            text: head.get(start..at)?,
            before: start.checked_sub(1).and_then(|b| bytes.get(b)).copied(),
            after: bytes.get(at).copied(),
            rest: head.get(at..)?,
        };
        if let Some(level) = word.field() {
            return Some(level);
        }
        if word.stands_alone(&before)
            && let Some(level) = by_word(word.text)
        {
            return Some(level);
        }
        before.see(word.text);
    }
    None
}

/// What was passed on the way to a word.
#[derive(Default)]
struct Before {
    /// Words of letters; the letters of times and dates are none.
    words: usize,
    /// Anything at all.
    any: bool,
    /// The last word says that there is nothing: `0 errors`, `no error`.
    none: bool,
}

impl Before {
    fn see(&mut self, word: &str) {
        const DATES: [&str; 23] = [
            "t", "z", "utc", "gmt", "am", "pm", "jan", "feb", "mar", "apr", "may", "jun", "jul",
            "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri",
        ];
        let digits = word.bytes().any(|b| b.is_ascii_digit());
        let date = digits || DATES.iter().any(|known| word.eq_ignore_ascii_case(known));
        self.words += usize::from(!date);
        self.any = true;
        self.none = ["0", "no", "without", "zero"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known));
    }
}

struct Word<'a> {
    text: &'a str,
    before: Option<u8>,
    after: Option<u8>,
    rest: &'a str,
}

impl Word<'_> {
    /// `level=warn`, `"severity": "ERROR"`, `lvl=info`.
    fn field(&self) -> Option<Level> {
        const KEYS: [&str; 5] = ["level", "lvl", "severity", "loglevel", "levelname"];
        if !KEYS.iter().any(|key| self.text.eq_ignore_ascii_case(key)) {
            return None;
        }
        let rest = self.rest.trim_start_matches(['"', '\'']);
        let rest = rest
            .strip_prefix(['=', ':'])?
            .trim_start_matches([' ', '"', '\'']);
        let end = rest.bytes().take_while(|b| is_word(*b)).count();
        by_value(rest.get(..end)?)
    }

    /// Whether it stands where a level does: set off from the text, in capitals, before a colon or behind a time.
    fn stands_alone(&self, before: &Before) -> bool {
        if before.none
            || !matches!(
                self.before,
                None | Some(b' ' | b'[' | b'(' | b'|' | b'<' | b':' | b'*' | b'"' | b'-')
            )
            || !matches!(
                self.after,
                None | Some(
                    b' ' | b']'
                        | b')'
                        | b'|'
                        | b'>'
                        | b':'
                        | b','
                        | b'*'
                        | b'"'
                        | b'!'
                        | b'/'
                        | b'-'
                )
            )
        {
            return false;
        }
        let capitals = self.text.bytes().all(|b| b.is_ascii_uppercase());
        let enclosed = matches!(
            (self.before, self.after),
            (Some(b'['), Some(b']'))
                | (Some(b'('), Some(b')'))
                | (Some(b'<'), Some(b'>'))
                | (Some(b'|'), Some(b'|'))
        );
        let announces = self.after == Some(b':') && before.words <= 2;
        let behind_time = before.any && before.words == 0;
        capitals || enclosed || announces || behind_time
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// What says without a level how bad it is.
fn by_phrase(line: &str) -> Option<Level> {
    let starts = |phrase: &str| line.starts_with(phrase);
    if starts("Traceback (most recent call last)") {
        return Some(Level::Error);
    }
    if starts("thread '") && line.contains(" panicked at") || starts("panic: ") {
        return Some(Level::Critical);
    }
    let head = line.get(..line.floor_char_boundary(LOOKED_AT))?;
    if head.contains("NVRM: Xid") {
        return Some(Level::Error);
    }
    // `torch.cuda.OutOfMemoryError: …`, `java.lang.IllegalStateException: …`: a type and its message.
    let (kind, _) = head.split_once(": ")?;
    let named = kind.ends_with("Error") || kind.ends_with("Exception");
    (named && !kind.contains(' ')).then_some(Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_rows() {
        use Level::{Critical, Debug, Error, Info, Notice, Trace, Warning};
        for (line, level) in [
            ("", None),
            ("plain words", None),
            // vLLM, loguru, python, uvicorn, rust
            (
                "INFO 11-21 14:05:22 [engine.py:123] Engine started",
                Some(Info),
            ),
            (
                "(EngineCore pid=123) WARNING 11-21 14:05:22 [x.py:1] slow",
                Some(Warning),
            ),
            (
                "2026-11-21 14:05:22.123 | ERROR    | app:run:12 - no",
                Some(Error),
            ),
            (
                "2026-11-21 14:05:22,123 - root - CRITICAL - bye",
                Some(Critical),
            ),
            ("ERROR:root:message", Some(Error)),
            (
                "INFO:     127.0.0.1:5000 - \"GET /error HTTP/1.1\" 200 OK",
                Some(Info),
            ),
            (
                "2026-11-21T14:05:22.123456Z  WARN hyper: slow",
                Some(Warning),
            ),
            ("2026-11-21T14:05:22Z debug starting", Some(Debug)),
            ("[2026-11-21 14:05:22 +0000] [7] [INFO] Booting", Some(Info)),
            ("Nov 21 14:05:22 error: no route", Some(Error)),
            (
                "2026/11/21 14:05:22 [error] 7#7: *1 open() failed",
                Some(Error),
            ),
            ("spark-1:1:7 [0] NCCL INFO Channel 00", Some(Info)),
            ("[ERROR/MainProcess] x", Some(Error)),
            ("Traceback (most recent call last):", Some(Error)),
            (
                "torch.cuda.OutOfMemoryError: CUDA out of memory.",
                Some(Error),
            ),
            ("thread 'main' panicked at src/main.rs:1", Some(Critical)),
            ("error: unused variable", Some(Error)),
            ("cargo: warning: x", Some(Warning)),
            ("[W 2026-11-21 14:05] x", Some(Warning)),
            ("[E] x", Some(Error)),
            // klog, glog, priorities
            (
                "E1121 10:00:00.123456       1 reflector.go:1] failed",
                Some(Error),
            ),
            ("W20261121 10:00:00 1 a.cc:1] x", Some(Warning)),
            ("<3>oops", Some(Error)),
            ("<14>app: hi", Some(Info)),
            // fields
            ("time=\"2026\" level=warning msg=\"x\"", Some(Warning)),
            ("ts=1 lvl=eror msg=x", Some(Error)),
            ("msg=\"an error\" level=info", Some(Info)),
            (r#"{"level":"error","msg":"x"}"#, Some(Error)),
            (r#"{"level":30,"time":1,"msg":"x"}"#, Some(Info)),
            (r#"{"msg":"x","level":50}"#, Some(Error)),
            (r#"{"version":"1.1","level":3}"#, Some(Error)),
            (r#"{"severity":"NOTICE"}"#, Some(Notice)),
            (r#"{"lvl":"trace"}"#, Some(Trace)),
            (r#"{"a":{"level":"error"},"b":1}"#, None),
            (r#"{"msg":"ERROR level","n":1}"#, None),
            (r#"{"level":{"x":1}}"#, None),
            ("{\"level\":\"err", None),
            // words that are none
            ("0 errors, 0 warnings", None),
            ("error_count=0", None),
            ("ERROR_COUNT=0", None),
            ("0 ERROR found", None),
            ("no error: fine", None),
            ("GET /ERROR HTTP/1.1", None),
            ("finished without errors", None),
            ("the error was fixed", None),
            ("info about something", None),
            ("Information wants to be free", None),
            ("INFO then an ERROR later", Some(Info)),
            ("E is a letter", None),
            (
                "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
                Some(Error),
            ),
            ("ключ ERROR ключ", Some(Error)),
        ] {
            assert_eq!(level_of(line), level, "{line:?}");
        }
    }
}
