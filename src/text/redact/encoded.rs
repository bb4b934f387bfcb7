//! Secrets that stand in the text as base64. One layer: what is wrapped twice is not looked for.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::Regex;

use super::spans::{Span, direct};

static RUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{24,}={0,2}").ok());

const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, TOLERANT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, TOLERANT);

/// Adds every run of base64 that holds a secret.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let Some(run) = &*RUN else { return };
    let runs = run.find_iter(text).filter(|run| holds_secret(run.as_str()));
    spans.extend(runs.map(|run| Span {
        at: run.range(),
        kind: "encoded secret",
    }));
}

fn holds_secret(run: &str) -> bool {
    let decoded = STANDARD.decode(run).or_else(|_| URL_SAFE.decode(run));
    let Ok(decoded) = decoded.map(String::from_utf8) else {
        return false;
    };
    decoded.is_ok_and(|text| !direct(&text).is_empty())
}
