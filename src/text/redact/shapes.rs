//! Secrets that are known by their shape: the prefixes and lengths that their makers publish (compare gitleaks' rules).

use std::sync::LazyLock;

use regex::Regex;

use super::spans::Span;

/// Kind and pattern. Where there is a group, it alone is the secret.
pub(super) const SHAPES: &[(&str, &str)] = &[
    ("Anthropic key", r"sk-ant-[A-Za-z0-9_-]{16,}"),
    ("OpenAI key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    (
        "Hugging Face token",
        r"(?:hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,})",
    ),
    (
        "GitHub token",
        r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}",
    ),
    (
        "GitLab token",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas)-[A-Za-z0-9_=.-]{16,}",
    ),
    (
        "AWS key",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b",
    ),
    (
        "Google key",
        r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",
    ),
    (
        "Slack token",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}",
    ),
    (
        "webhook",
        r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_-]{20,})",
    ),
    (
        "webhook",
        r"discord(?:app)?\.com/api/webhooks/([A-Za-z0-9/_-]{20,})",
    ),
    (
        "Discord token",
        r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    ),
    ("Telegram token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,}"),
    (
        "Stripe key",
        r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{24,}",
    ),
    (
        "SendGrid key",
        r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}",
    ),
    ("Twilio key", r"\bSK[0-9a-f]{32}\b"),
    ("Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    ("npm token", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"pypi-[A-Za-z0-9_-]{50,}"),
    ("Docker token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    ("DigitalOcean token", r"do[opr]_v1_[a-f0-9]{64}"),
    ("Databricks token", r"\bdapi[a-f0-9]{32}"),
    ("Shopify token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    (
        "Terraform token",
        r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}",
    ),
    ("Pulumi token", r"\bpul-[a-f0-9]{40}"),
    ("Grafana token", r"\bgl(?:sa|c)_[A-Za-z0-9_=+/]{30,}"),
    ("Linear key", r"lin_api_[A-Za-z0-9]{30,}"),
    (
        "Notion token",
        r"\b(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,})",
    ),
    ("Postman key", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    ("Tailscale key", r"tskey-[a-z]{2,12}-[A-Za-z0-9-]{16,}"),
    ("NVIDIA key", r"nvapi-[A-Za-z0-9_-]{40,}"),
    ("Replicate token", r"\br8_[A-Za-z0-9]{30,}"),
    ("Groq key", r"\bgsk_[A-Za-z0-9]{40,}"),
    ("xAI key", r"\bxai-[A-Za-z0-9]{40,}"),
    ("Perplexity key", r"\bpplx-[A-Za-z0-9]{40,}"),
    ("Supabase token", r"\bsbp_[a-f0-9]{40}"),
    (
        "PlanetScale token",
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}",
    ),
    (
        "Doppler token",
        r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9]{30,}",
    ),
    ("Fly token", r"\bfm[12][ar]?_[A-Za-z0-9+/=_,-]{40,}"),
    ("age key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    (
        "JWT",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{1,}){0,3}",
    ),
    ("bearer token", r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{12,})"),
    (
        "password in an address",
        r"(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@\x22']*:([^\s@\x22']+)@",
    ),
    ("netrc password", r"(?i)\blogin\s+\S+\s+password\s+(\S+)"),
    (
        "password",
        r"(?i)\b(?:password|identified\s+by)\s+'([^'\n]+)'",
    ),
    (
        "password",
        r"(?i)\bpass(?:word|wd|phrase)\s+(?:is|was)\s+(\S{4,})",
    ),
    ("password", r"\bsshpass\s+-p\s*(\S+)"),
    ("password", r"\bmysql(?:dump|admin)?\b[^\n]*?\s-p(\S+)"),
    (
        "password",
        r"\bcurl\b[^\n]*?\s(?:-u|--user)\s+[^\s:]+:(\S+)",
    ),
    (
        "password hash",
        r"\$(?:1|2[abxy]|5|6|7|y|gy|argon2id?|argon2i|scrypt)\$[./A-Za-z0-9$=,+-]{20,}",
    ),
    (
        "pgpass password",
        r"(?m)^[^\s:#]+:(?:\d{1,5}|\*):[^\s:]+:[^\s:]+:(\S+)$",
    ),
];

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    SHAPES
        .iter()
        .filter_map(|(kind, pattern)| {
            // The boundaries of ASCII words: a letter of another script must not hide a key behind it.
            let pattern = pattern.replace(r"\b", r"(?-u:\b)");
            Some((*kind, Regex::new(&pattern).ok()?))
        })
        .collect()
});

/// Adds every secret that is known by its shape.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    for (kind, pattern) in COMPILED.iter() {
        if pattern.captures_len() == 1 {
            spans.extend(pattern.find_iter(text).map(|found| Span {
                at: found.range(),
                kind,
            }));
        } else {
            let groups = pattern.captures_iter(text).filter_map(|found| found.get(1));
            spans.extend(groups.map(|group| Span {
                at: group.range(),
                kind,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), SHAPES.len());
    }
}
