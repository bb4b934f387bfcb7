//! What the containers of the demo print (pure). Each line is a function of its number, so any stretch of time can be asked
//! for, now or later, and says the same.

/// A moment in milliseconds since the Unix epoch.
type Millis = i64;

/// A way of speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// An inference server: throughput now and then, requests between.
    Vllm,
    /// A picture generator: progress in colour.
    Pictures,
    /// A speech server: logfmt.
    Speech,
    /// A training job: JSON.
    Training,
    /// A web application: access lines.
    Web,
    /// A metrics exporter: almost nothing.
    Exporter,
    /// The container daemon.
    Dockerd,
    /// Logins.
    Sshd,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoken {
    /// When, in nanoseconds since the Unix epoch.
    pub nanos: i64,
    /// Whether it went to standard error.
    pub error: bool,
    /// The line, without its end.
    pub text: String,
}

impl Voice {
    /// Milliseconds from one line to the next, on average.
    fn period(self) -> Millis {
        match self {
            Self::Vllm => 1_700,
            Self::Pictures => 2_300,
            Self::Speech => 4_100,
            Self::Training => 1_300,
            Self::Web => 2_900,
            Self::Exporter => 60_000,
            Self::Dockerd => 37_000,
            Self::Sshd => 23_000,
        }
    }

    /// When the line of this number is spoken.
    fn nanos(self, number: i64) -> i64 {
        let period = self.period();
        let early = i64::try_from(mix(number, 1) % 800).unwrap_or_default() * period / 1000;
        (number * period + early) * 1_000_000
            + i64::try_from(mix(number, 2) % 1_000_000).unwrap_or_default()
    }

    /// The lines of a stretch of time, its end left out; both in nanoseconds.
    pub(super) fn between(self, from: i64, to: i64) -> impl Iterator<Item = Spoken> {
        let first = from.div_euclid(self.period() * 1_000_000);
        (first..)
            .map(move |number| (number, self.nanos(number)))
            .skip_while(move |(_, nanos)| *nanos < from)
            .take_while(move |(_, nanos)| *nanos < to)
            .map(move |(number, nanos)| self.line(number, nanos))
    }

    /// The last so many lines of a stretch of time.
    pub(super) fn last(self, from: i64, to: i64, count: usize) -> Vec<Spoken> {
        let stretch = self.period()
            * 1_000_000
            * (i64::try_from(count).unwrap_or(i64::MAX / 2).min(1 << 20) + 2);
        let lines: Vec<Spoken> = self.between(from.max(to - stretch), to).collect();
        let over = lines.len().saturating_sub(count);
        lines.into_iter().skip(over).collect()
    }

    fn line(self, number: i64, nanos: i64) -> Spoken {
        let any = |salt: u64, below: u64| mix(number, salt) % below;
        let (error, text) = match self {
            Self::Vllm => vllm(nanos, any),
            Self::Pictures => pictures(number, any),
            Self::Speech => speech(any),
            Self::Training => training(number, any),
            Self::Web => (
                false,
                access(
                    "GET",
                    ["/api/models", "/api/chats", "/health", "/static/app.js"],
                    any,
                ),
            ),
            Self::Exporter => (
                true,
                format!(
                    "level=info msg=\"scrape served\" series={}",
                    800 + any(3, 9)
                ),
            ),
            Self::Dockerd => dockerd(any),
            Self::Sshd => sshd(any),
        };
        Spoken { nanos, error, text }
    }
}

fn vllm(nanos: i64, any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let clock = month_day_time(nanos);
    match any(3, 12) {
        0..=3 => {
            let (tokens, cache) = (90 + any(4, 140), 8 + any(5, 60));
            (
                false,
                format!(
                    "INFO {clock} [loggers.py:208] Engine 000: Avg prompt throughput: {}.{} tokens/s, Avg generation throughput: {tokens}.{} tokens/s, Running: {} reqs, Waiting: {} reqs, GPU KV cache usage: {cache}.{}%, Prefix cache hit rate: {}.0%",
                    200 + any(6, 900),
                    any(7, 10),
                    any(8, 10),
                    1 + any(9, 6),
                    any(10, 3),
                    any(11, 10),
                    30 + any(12, 40)
                ),
            )
        }
        4 if any(13, 9) == 0 => (
            true,
            format!(
                "WARNING {clock} [scheduler.py:1231] Sequence group chatcmpl-{:08x} is preempted: not enough KV cache space",
                any(14, 1 << 32)
            ),
        ),
        5 if any(13, 30) == 0 => (
            true,
            format!(
                "ERROR {clock} [serving_chat.py:263] This model's maximum context length is 131072 tokens; the request asks for {}",
                131_100 + any(15, 9_000)
            ),
        ),
        _ => (
            false,
            access(
                "POST",
                [
                    "/v1/chat/completions",
                    "/v1/chat/completions",
                    "/v1/completions",
                    "/v1/embeddings",
                ],
                any,
            ),
        ),
    }
}

fn access(verb: &str, paths: [&str; 4], any: impl Fn(u64, u64) -> u64) -> String {
    let path = paths.get(any(20, 4) as usize).copied().unwrap_or("/");
    let (colour, status) = if any(21, 40) == 0 {
        (31, "503 Service Unavailable")
    } else {
        (32, "200 OK")
    };
    format!(
        "\x1b[32mINFO\x1b[0m:     192.0.2.{}:{} - \"\x1b[1m{verb} {path} HTTP/1.1\x1b[0m\" \x1b[{colour}m{status}\x1b[0m",
        10 + any(22, 6),
        40_000 + any(23, 20_000)
    )
}

fn pictures(number: i64, any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let step = number.rem_euclid(7);
    match step {
        0 => (false, "got prompt".into()),
        6 => (
            false,
            format!(
                "Prompt executed in {}.{:02} seconds",
                11 + any(3, 4),
                any(4, 100)
            ),
        ),
        step => {
            let done = step * 20 / 5;
            (
                true,
                format!(
                    "{:>3}%|{:<20}| {done}/20 [00:0{step}<00:0{}, {}.{:02}it/s]",
                    done * 5,
                    "█".repeat(done.unsigned_abs() as usize),
                    6 - step,
                    1 + any(3, 2),
                    any(4, 100)
                ),
            )
        }
    }
}

fn dockerd(any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let id = any(3, u64::MAX);
    match any(4, 9) {
        0 => (
            true,
            format!(
                "level=warning msg=\"Health check for container {id:016x} error: timed out starting health check\""
            ),
        ),
        1 | 2 => (
            false,
            format!(
                "level=info msg=\"ignoring event\" container={id:016x} module=libcontainerd namespace=moby topic=/tasks/delete"
            ),
        ),
        _ => (
            false,
            format!(
                "level=info msg=\"Container health status changed\" container={id:016x} status=healthy took={}ms",
                20 + any(5, 400)
            ),
        ),
    }
}

fn sshd(any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let (from, port) = (10 + any(3, 6), 40_000 + any(4, 20_000));
    match any(5, 8) {
        0 => (
            true,
            format!("Invalid user admin from 198.51.100.{from} port {port}"),
        ),
        1 | 2 => (
            false,
            format!("Received disconnect from 192.0.2.{from} port {port}:11: disconnected by user"),
        ),
        _ => (
            false,
            format!("Accepted publickey for demo from 192.0.2.{from} port {port} ssh2: ED25519"),
        ),
    }
}

fn speech(any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let (seconds, took) = (2 + any(3, 28), 120 + any(4, 900));
    if any(5, 25) == 0 {
        return (
            true,
            format!(
                "level=warn msg=\"audio is silent\" duration={seconds}s request={:06x}",
                any(6, 1 << 24)
            ),
        );
    }
    (
        false,
        format!(
            "level=info msg=\"transcribed\" duration={seconds}s took={took}ms language={} request={:06x}",
            ["en", "de", "fr", "ja"]
                .get(any(7, 4) as usize)
                .copied()
                .unwrap_or("en"),
            any(6, 1 << 24)
        ),
    )
}

fn training(number: i64, any: impl Fn(u64, u64) -> u64) -> (bool, String) {
    let step = number.rem_euclid(40_000);
    let loss = 1.9 - step as f64 / 60_000.0 + any(3, 100) as f64 / 2_000.0;
    let level = if any(4, 60) == 0 { "warning" } else { "info" };
    let message = if level == "warning" {
        "gradient norm was clipped"
    } else {
        "step"
    };
    (
        false,
        format!(
            "{{\"level\":\"{level}\",\"message\":\"{message}\",\"step\":{step},\"loss\":{loss:.4},\"lr\":0.00002,\"tokens_per_second\":{},\"memory\":{{\"allocated_gib\":{}.{},\"reserved_gib\":71.5}}}}",
            41_000 + any(5, 900),
            62 + any(6, 4),
            any(7, 10)
        ),
    )
}

/// `11-21 14:05:06`, in UTC.
fn month_day_time(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(
        |_| String::new(),
        |stamp| stamp.strftime("%m-%d %H:%M:%S").to_string(),
    )
}

/// A number that looks random and is always the same for these two (SplitMix64).
fn mix(number: i64, salt: u64) -> u64 {
    let mut z = number
        .cast_unsigned()
        .wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_295_051_000_000_000;
    const VOICES: [Voice; 8] = [
        Voice::Vllm,
        Voice::Pictures,
        Voice::Speech,
        Voice::Training,
        Voice::Web,
        Voice::Exporter,
        Voice::Dockerd,
        Voice::Sshd,
    ];

    #[test]
    fn a_stretch_says_the_same_in_one_piece_or_in_many() {
        for voice in VOICES {
            let whole: Vec<Spoken> = voice.between(NOW, NOW + 600_000_000_000).collect();
            let parts: Vec<Spoken> = (0..600)
                .flat_map(|second| {
                    let from = NOW + second * 1_000_000_000;
                    voice.between(from, from + 1_000_000_000)
                })
                .collect();
            assert_eq!(whole, parts, "{voice:?}");
            assert!(whole.len() >= 9, "{voice:?}: {}", whole.len());
            assert!(whole.is_sorted_by_key(|line| line.nanos), "{voice:?}");
        }
    }

    #[test]
    fn the_last_lines_are_the_end_of_all_lines() {
        for voice in VOICES {
            let (from, to) = (NOW, NOW + 3_600_000_000_000);
            let all: Vec<Spoken> = voice.between(from, to).collect();
            assert_eq!(voice.last(from, to, 20), all[all.len() - 20..], "{voice:?}");
        }
    }

    #[test]
    fn the_training_job_speaks_json() {
        for line in Voice::Training.between(NOW, NOW + 300_000_000_000) {
            let value: serde_json::Value = serde_json::from_str(&line.text).unwrap();
            assert!(value["step"].is_i64());
        }
    }
}
