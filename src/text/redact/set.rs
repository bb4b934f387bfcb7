//! Generated secrets for tests: every kind by its maker's shape, and the places where they are met.

use fastrand::Rng;

/// A secret and what it is.
pub(crate) struct Secret {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    /// It is known by its shape alone; otherwise only by the name that it is given to.
    pub(crate) shaped: bool,
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";
const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PASSWORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%*+?^_";

fn of(random: &mut Rng, letters: &str, count: usize) -> String {
    let letters: Vec<char> = letters.chars().collect();
    (0..count)
        .map(|_| letters[random.usize(..letters.len())])
        .collect()
}

/// Prefix, letters, count.
const KINDS: &[(&str, &str, &str, usize)] = &[
    ("anthropic", "sk-ant-api03-", URL, 95),
    ("anthropic oauth", "sk-ant-oat01-", URL, 86),
    ("openai", "sk-", ALNUM, 48),
    ("openai project", "sk-proj-", URL, 120),
    ("huggingface", "hf_", ALNUM, 34),
    ("github", "ghp_", ALNUM, 36),
    ("github oauth", "gho_", ALNUM, 36),
    ("github app", "ghs_", ALNUM, 36),
    ("github fine", "github_pat_", ALNUM, 82),
    ("gitlab", "glpat-", URL, 20),
    ("gitlab runner", "glrt-", URL, 20),
    ("aws", "AKIA", UPPER, 16),
    ("aws session", "ASIA", UPPER, 16),
    ("google", "AIza", URL, 35),
    ("google client", "GOCSPX-", URL, 28),
    ("slack bot", "xoxb-123456789012-1234567890123-", ALNUM, 24),
    ("slack app", "xapp-1-A0123456789-1234567890123-", HEX, 64),
    ("stripe", "sk_live_", ALNUM, 24),
    ("stripe restricted", "rk_test_", ALNUM, 24),
    ("npm", "npm_", ALNUM, 36),
    ("pypi", "pypi-AgEIcHlwaS5vcmc", URL, 120),
    ("docker", "dckr_pat_", URL, 27),
    ("digitalocean", "dop_v1_", HEX, 64),
    ("databricks", "dapi", HEX, 32),
    ("shopify", "shpat_", HEX, 32),
    ("vault", "hvs.", URL, 90),
    ("pulumi", "pul-", HEX, 40),
    ("grafana", "glsa_", ALNUM, 41),
    ("linear", "lin_api_", ALNUM, 40),
    ("tailscale", "tskey-auth-", ALNUM, 30),
    ("nvidia", "nvapi-", URL, 64),
    ("replicate", "r8_", ALNUM, 37),
    ("groq", "gsk_", ALNUM, 52),
    ("xai", "xai-", ALNUM, 80),
    ("twilio", "SK", HEX, 32),
    ("mailgun", "key-", HEX, 32),
    ("age", "AGE-SECRET-KEY-1", UPPER, 58),
];

/// A letter of these that is no sign.
fn last(letters: &str) -> char {
    if letters == UPPER { 'Q' } else { 'a' }
}

/// Secrets that are known by their shape.
pub(crate) fn shaped(random: &mut Rng) -> Vec<Secret> {
    let mut all: Vec<Secret> = KINDS
        .iter()
        .map(|(kind, prefix, letters, count)| Secret {
            kind,
            // Words end before a sign, so none stands last.
            value: format!(
                "{prefix}{}{}",
                of(random, letters, *count - 1),
                last(letters)
            ),
            shaped: true,
        })
        .collect();
    let jwt = format!(
        "eyJ{}.eyJ{}.{}",
        of(random, ALNUM, 33),
        of(random, ALNUM, 80),
        of(random, ALNUM, 43)
    );
    let discord = format!(
        "M{}.{}.{}",
        of(random, ALNUM, 23),
        of(random, ALNUM, 6),
        of(random, ALNUM, 27)
    );
    let telegram = format!(
        "{}:AA{}",
        random.u32(100_000_000..999_999_999),
        of(random, ALNUM, 33)
    );
    let sendgrid = format!("SG.{}.{}", of(random, ALNUM, 22), of(random, ALNUM, 43));
    let hash = format!(
        "$6$rounds=5000${}${}",
        of(random, ALNUM, 16),
        of(random, ALNUM, 86)
    );
    for (kind, value) in [
        ("jwt", jwt),
        ("discord", discord),
        ("telegram", telegram),
        ("sendgrid", sendgrid),
        ("hash", hash),
    ] {
        all.push(Secret {
            kind,
            value,
            shaped: true,
        });
    }
    all
}

/// All of them: those with a shape, and passwords that only their name tells.
pub(crate) fn secrets(random: &mut Rng) -> Vec<Secret> {
    let mut all = shaped(random);
    for (kind, letters, count) in [
        ("password", PASSWORD, 14),
        ("aws secret", BASE64, 40),
        ("hex secret", HEX, 40),
        ("short", ALNUM, 7),
    ] {
        all.push(Secret {
            kind,
            value: format!("Q{}7", of(random, letters, count)),
            shaped: false,
        });
    }
    all
}

/// Places where a secret is met.
pub(crate) fn contexts(secret: &Secret, random: &mut Rng) -> Vec<String> {
    let value = &secret.value;
    let names = [
        "API_KEY",
        "DB_PASSWORD",
        "authToken",
        "client_secret",
        "aws_secret_access_key",
        "x-api-key",
        "PGPASSWORD",
        "passphrase",
    ];
    let name = names[random.usize(..names.len())];
    let flag = name.to_lowercase().replace('_', "-");
    let mut all = vec![
        format!("{name}={value}"),
        format!("  {name}: {value}\nnext: 1"),
        format!("export {name}=\"{value}\" && serve"),
        format!("{{\"{name}\": \"{value}\", \"n\": 1}}"),
        format!("{{\"message\":\"{{\\\"{name}\\\":\\\"{value}\\\"}}\"}}"),
        format!("serve --{flag} {value} --port 80"),
        format!("serve --{flag}={value} --port 80"),
        format!("2026-11-21T03:00:01Z spark-1 app[7]: {name} = '{value}', retrying"),
        format!("\"{name}={value}\",\n\"HOME=/root\""),
        format!("Authorization: Bearer {value}"),
        format!("-H 'Authorization: token {value}'"),
        format!("<{name}>{value}</{name}>"),
    ];
    if !value.contains(['#', '?', '/', '&']) {
        all.push(format!("GET /v1/x?{name}={value}&n=1 HTTP/1.1"));
        all.push(format!("https://user:{value}@example.org/x.git"));
        all.push(format!("machine example.org login me password {value}"));
    }
    if secret.shaped {
        all.push(format!("the key is {value}"));
        all.push(format!("error: \"{value}\" was refused"));
        all.push(format!("[{value}]"));
        all.push(value.clone());
    }
    all
}

/// Private keys in their blocks.
pub(crate) fn private_keys(random: &mut Rng) -> Vec<String> {
    [
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ]
    .into_iter()
    .map(|label| {
        let width = if label.starts_with("OPENSSH") { 70 } else { 64 };
        let body: Vec<String> = (0..random.usize(4..26))
            .map(|_| of(random, BASE64, width))
            .collect();
        let body = body.join("\n");
        format!(
            "-----BEGIN {label}-----\n{body}\n{}=\n-----END {label}-----\n",
            of(random, BASE64, 27)
        )
    })
    .collect()
}
