//! Where secrets lie in a text, and the text without them.

use std::ops::Range;

use super::{blocks, encoded, named, shapes};

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text; in the place of each secret stands its kind, as `[redacted: GitHub token]`.
    pub text: String,
    /// How many places were masked.
    pub found: usize,
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: Range<usize>,
    pub(super) kind: &'static str,
}

/// Takes the secrets out of a text.
pub fn redact(text: &str) -> Redacted {
    without(text, found(text))
}

/// Where the secrets of a text lie, in order.
pub(in crate::text) fn places(text: &str) -> Vec<Range<usize>> {
    found(text).into_iter().map(|span| span.at).collect()
}

fn found(text: &str) -> Vec<Span> {
    let mut spans = direct(text);
    encoded::find(text, &mut spans);
    merged(spans)
}

/// Secrets that stand in the text as they are.
pub(super) fn direct(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    blocks::find(text, &mut spans);
    shapes::find(text, &mut spans);
    named::find(text, &mut spans);
    spans
}

/// Spans in order, those that overlap as one; the first rule that found it names it.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.at.start);
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.at.start < last.at.end => {
                last.at.end = last.at.end.max(span.at.end);
            }
            _ => merged.push(span),
        }
    }
    merged
}

fn without(text: &str, spans: Vec<Span>) -> Redacted {
    let found = spans.len();
    let mut left = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        left.push_str(text.get(done..span.at.start).unwrap_or_default());
        left.push_str("[redacted: ");
        left.push_str(span.kind);
        left.push(']');
        done = span.at.end;
    }
    left.push_str(text.get(done..).unwrap_or_default());
    Redacted { text: left, found }
}

#[cfg(test)]
mod tests {
    use super::super::set;
    use super::*;
    use proptest::prelude::*;

    /// Of every hundred generated secrets at least this many are masked whole.
    const WANTED: f64 = 99.0;

    #[test]
    fn of_the_generated_set_hardly_one_passes() {
        let mut random = fastrand::Rng::with_seed(0x5eed);
        let (mut all, mut passed) = (0_u32, Vec::new());
        for _ in 0..40 {
            for secret in set::secrets(&mut random) {
                for text in set::contexts(&secret, &mut random) {
                    all += 1;
                    let redacted = redact(&text);
                    if redacted.text.contains(&secret.value) {
                        passed.push(format!("{}: {text}", secret.kind));
                    }
                }
            }
        }
        let share = 100.0 - passed.len() as f64 * 100.0 / f64::from(all);
        println!(
            "{all} secrets, {} passed, {share:.3} % masked",
            passed.len()
        );
        assert!(all > 10_000, "{all}");
        assert!(
            share >= WANTED,
            "{share:.3} %: {:#?}",
            &passed[..passed.len().min(20)]
        );
    }

    #[test]
    fn no_private_key_passes_however_it_is_cut() {
        let mut random = fastrand::Rng::with_seed(7);
        for key in set::private_keys(&mut random) {
            let body: Vec<&str> = key
                .lines()
                .filter(|line| line.len() >= 60 && !line.contains(' '))
                .collect();
            assert!(!body.is_empty(), "{key}");
            let lines: Vec<&str> = key.lines().collect();
            let mut cuts = vec![key.clone(), key.replace('\n', "\\n")];
            cuts.push(
                lines
                    .join("\n")
                    .replace('\n', "\nNov 21 03:00:01 spark-1 app[7]: "),
            );
            for from in 0..lines.len() {
                cuts.push(lines[from..].join("\n"));
                cuts.push(lines[..from].join("\n"));
            }
            for cut in cuts {
                let left = redact(&cut).text;
                for line in &body {
                    assert!(!left.contains(line), "{left}");
                }
            }
        }
    }

    #[test]
    fn rows() {
        for (text, left) in [
            (
                "HF_TOKEN=abc LEVEL=info",
                "HF_TOKEN=[redacted: value of a secret name] LEVEL=info",
            ),
            (
                "\"PASSWORD=a b\", \"HOME=/root\"",
                "\"PASSWORD=[redacted: value of a secret name]\", \"HOME=/root\"",
            ),
            (
                "DB_PASSWORD=two words\nnext",
                "DB_PASSWORD=[redacted: value of a secret name]\nnext",
            ),
            (
                "password: 'it''s'",
                "password: '[redacted: value of a secret name]''s'",
            ),
            (
                "{\"api_key\": \"x\", \"n\": 1}",
                "{\"api_key\": \"[redacted: value of a secret name]\", \"n\": 1}",
            ),
            (
                "{\\\"password\\\": \\\"x y\\\", 1}",
                "{\\\"password\\\": \\\"[redacted: value of a secret name]\\\", 1}",
            ),
            (
                "clientSecret: abc",
                "clientSecret: [redacted: value of a secret name]",
            ),
            (
                "serve --api-key s3 --port 80",
                "serve --api-key [redacted: value of a secret name] --port 80",
            ),
            (
                "<password>x</password>",
                "<password>[redacted: value of a secret name]</password>",
            ),
            (
                "GET /x?token=abc&n=1 200",
                "GET /x?token=[redacted: value of a secret name]&n=1 200",
            ),
            (
                "postgres://me:hunter2@db:5432/x",
                "postgres://me:[redacted: password in an address]@db:5432/x",
            ),
            (
                "Authorization: Bearer abc def",
                "Authorization: [redacted: value of a secret name]",
            ),
            (
                "curl -H 'Authorization: Basic abc' http://x",
                "curl -H 'Authorization: [redacted: value of a secret name]' http://x",
            ),
            (
                "machine x login me password p4 end",
                "machine x login me password [redacted: netrc password] end",
            ),
            (
                "ALTER USER x PASSWORD 'y z'",
                "ALTER USER x PASSWORD '[redacted: password]'",
            ),
            (
                "root:$6$ab$0123456789012345678901234567890:1:",
                "root:[redacted: password hash]:1:",
            ),
        ] {
            assert_eq!(redact(text).text, left, "{text}");
        }
    }

    #[test]
    fn ordinary_lines_stay_as_they_are() {
        for text in [
            "",
            "Failed password for root from 10.0.0.7 port 22 ssh2",
            "prompt tokens: 512, tokens/s: 43.2, max_tokens=4096, eos_token_id: 2",
            "pam_unix(sshd:auth): authentication failure; user=root",
            "2026-11-21T03:00:00Z INFO loaded key_file=/etc/x monkey=1 keyboard=de",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "/dev/vda ext4 252G 55G 37G 60% /var/lib/docker/overlay2/0a1b2c/merged",
            "http://127.0.0.1:8000/v1/models ssh://git@host:22/x",
            "NVRM: Xid (PCI:0000:01:00): 79, pid=1234, GPU has fallen off the bus.",
            "token::parse at src/auth.rs:12:30",
            "password authentication is off; auth: true, token: null, SECRET=${FROM_ENV}",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(
                redact(text),
                Redacted {
                    text: text.into(),
                    found: 0
                }
            );
        }
    }

    #[test]
    fn the_work_grows_with_the_text_and_not_faster() {
        let parts = [
            "a",
            "=",
            ":",
            "\"",
            "'",
            "\\",
            "-----BEGIN PRIVATE KEY-----\n",
            "-----END PRIVATE KEY-----",
            "token=",
            "password: \"",
            "--",
            "--token ",
            "http://",
            "http://a:",
            "eyJ",
            "eyJa.",
            "<password>",
            "login a password ",
            "bearer ",
            "MII",
            "authorization: ",
            "\n",
            "x@",
            "$6$",
            "AAAAAAAAAAbbbbbbbbbb0000000000",
            "PASSWORD '",
            "AIza",
        ];
        for part in parts {
            let text = part.repeat(100_000 / part.len());
            // A rule that is quadratic takes minutes for this.
            let redacted = redact(&text);
            assert!(redacted.text.len() < 50 * text.len() + 100, "{part}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_around_it_goes_or_stays_whole(before in ".{0,40}", after in ".{0,40}", seed: u64) {
            let mut random = fastrand::Rng::with_seed(seed);
            for secret in set::shaped(&mut random) {
                let text = format!("{before} {} {after}", secret.value);
                let left = redact(&text).text;
                prop_assert!(!left.contains(&secret.value), "{} in {left}", secret.kind);
            }
        }

        #[test]
        fn any_text_is_taken(text in "(?s).{0,400}") {
            let once = redact(&text);
            prop_assert_eq!(once.found == 0, once.text == text);
        }
    }
}
