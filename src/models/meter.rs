//! What an engine counts, and what it did between two looks (pure). vLLM's names, old and new, and those of llama.cpp.

use super::exposition::samples;
use super::serving::{Latency, Served, ServedBy};
use crate::domain::{At, Metric, Missing, Percent};

/// Most buckets of a histogram.
const BUCKETS: usize = 64;

/// The shortest time over which a rate means anything, in seconds.
const SHORTEST: f64 = 0.2;

/// What an engine had counted at one moment. Values of several engines behind one port are added up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meter {
    at: At,
    /// Whose names they are.
    pub by: Option<ServedBy>,
    prompt: Option<f64>,
    generated: Option<f64>,
    running: Option<f64>,
    waiting: Option<f64>,
    cache: Newer<f64>,
    first: Buckets,
    next: Newer<Buckets>,
}

/// A value under its present name, and under the one it had before: engines of a middle age tell both.
#[derive(Debug, Clone, Default, PartialEq)]
struct Newer<T> {
    new: Option<T>,
    old: Option<T>,
}

impl<T> Newer<T> {
    fn get(&self) -> Option<&T> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// A histogram: for each upper end how many were below it, the ends in order.
#[derive(Debug, Clone, Default, PartialEq)]
struct Buckets(Vec<(f64, f64)>);

impl Meter {
    /// Reads an answer to `/metrics`.
    pub fn read(text: &[u8], at: At) -> Self {
        let mut meter = Self {
            at,
            ..Self::default()
        };
        for sample in samples(text) {
            let name = sample.name;
            if let Some(name) = name.strip_prefix("vllm:") {
                meter.by = Some(ServedBy::Vllm);
                meter.vllm(name, sample.le, sample.value);
            } else if let Some(name) = name.strip_prefix("llamacpp:") {
                meter.by = Some(ServedBy::LlamaCpp);
                meter.llama(name, sample.value);
            }
        }
        meter
    }

    fn vllm(&mut self, name: &str, le: Option<f64>, value: f64) {
        match (name, le) {
            ("prompt_tokens_total", _) => add(&mut self.prompt, value),
            ("generation_tokens_total", _) => add(&mut self.generated, value),
            ("num_requests_running", _) => add(&mut self.running, value),
            ("num_requests_waiting", _) => add(&mut self.waiting, value),
            ("kv_cache_usage_perc", _) => most(&mut self.cache.new, value),
            ("gpu_cache_usage_perc", _) => most(&mut self.cache.old, value),
            ("time_to_first_token_seconds_bucket", Some(le)) => self.first.add(le, value),
            ("inter_token_latency_seconds_bucket", Some(le)) => {
                self.next.new.get_or_insert_default().add(le, value);
            }
            ("time_per_output_token_seconds_bucket", Some(le)) => {
                self.next.old.get_or_insert_default().add(le, value);
            }
            _ => {}
        }
    }

    fn llama(&mut self, name: &str, value: f64) {
        match name {
            "prompt_tokens_total" => add(&mut self.prompt, value),
            "tokens_predicted_total" => add(&mut self.generated, value),
            "requests_processing" => add(&mut self.running, value),
            "requests_deferred" => add(&mut self.waiting, value),
            "kv_cache_usage_ratio" => most(&mut self.cache.new, value),
            _ => {}
        }
    }

    /// Writes what it tells, and what was done since the look before.
    pub fn tell(&self, before: Option<&Self>, served: &mut Served) {
        served.running = whole(self.running);
        served.waiting = whole(self.waiting);
        served.tokens_in = self.rate(before, |meter| meter.prompt);
        served.tokens_out = self.rate(before, |meter| meter.generated);
        let share = self.cache.get().map(|share| share.clamp(0.0, 1.0) * 100.0);
        served.kv_cache = self.missing_or(share.map(|share| Percent(share as f32)));
        let first = self.first.since(before.map(|meter| &meter.first)).latency();
        served.first_token = self.missing_or(first);
        let none = Buckets::default();
        let next = self.next.get().unwrap_or(&none);
        let next = next.since(before.and_then(|meter| meter.next.get()));
        served.next_token = self.missing_or(next.latency());
    }

    /// Per second since the look before. A counter that went back belongs to an engine that was started anew.
    fn rate(&self, before: Option<&Self>, of: impl Fn(&Self) -> Option<f64>) -> Metric<f64> {
        let done = before.and_then(|before| {
            let seconds = self.at.since(before.at).0 as f64 / 1000.0;
            let more = of(self)? - of(before)?;
            let rate = more / seconds;
            (seconds >= SHORTEST && more >= 0.0 && rate.is_finite()).then_some(rate)
        });
        done.into()
    }

    /// What llama.cpp does not count can't be had from it.
    fn missing_or<T>(&self, value: Option<T>) -> Metric<T> {
        match (value, self.by) {
            (Some(value), _) => Metric::Is(value),
            (None, Some(ServedBy::LlamaCpp)) => Metric::Missing(Missing::NotSupported),
            (None, _) => Metric::Missing(Missing::NotReported),
        }
    }
}

fn add(sum: &mut Option<f64>, value: f64) {
    if value >= 0.0 {
        *sum = Some(sum.unwrap_or_default() + value);
    }
}

fn most(highest: &mut Option<f64>, value: f64) {
    *highest = Some(highest.map_or(value, |highest| highest.max(value)));
}

fn whole(value: Option<f64>) -> Metric<u64> {
    value.map(|value| value.round() as u64).into()
}

impl Buckets {
    fn add(&mut self, le: f64, count: f64) {
        if count < 0.0 {
            return;
        }
        match self.0.binary_search_by(|(end, _)| end.total_cmp(&le)) {
            Ok(place) => {
                if let Some((_, sum)) = self.0.get_mut(place) {
                    *sum += count;
                }
            }
            Err(place) if self.0.len() < BUCKETS => self.0.insert(place, (le, count)),
            Err(_) => {}
        }
    }

    /// What came since then; all of it where nothing did, or where it was counted in another way.
    fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.0.len() == self.0.len()) else {
            return self.clone();
        };
        let pairs = self.0.iter().zip(&before.0);
        let fits = |((end, now), (before_end, before)): (&(f64, f64), &(f64, f64))| {
            (end.total_cmp(before_end).is_eq() && now >= before).then_some((*end, now - before))
        };
        let more: Option<Vec<_>> = pairs.map(fits).collect();
        match more {
            Some(more) if more.last().is_some_and(|(_, count)| *count > 0.0) => Self(more),
            _ => self.clone(),
        }
    }

    fn latency(&self) -> Option<Latency> {
        let ms = |share| {
            let ms = self.quantile(share)? * 1000.0;
            ms.is_finite().then_some(ms)
        };
        Some(Latency {
            p50_ms: ms(0.5)?,
            p95_ms: ms(0.95)?,
        })
    }

    /// The value below which this share lies, between the ends of its bucket in proportion.
    fn quantile(&self, share: f64) -> Option<f64> {
        let (_, total) = self.0.last().filter(|(_, total)| *total > 0.0)?;
        let wanted = share * total;
        let (mut from, mut below) = (0.0, 0.0);
        for (end, count) in &self.0 {
            if *count >= wanted && *count > below {
                // Above the last end that is a number nothing more is known.
                let length = if end.is_finite() { end - from } else { 0.0 };
                let part = ((wanted - below) / (count - below)).clamp(0.0, 1.0);
                return Some((from + length * part).max(0.0));
            }
            if end.is_finite() {
                from = *end;
            }
            below = count.max(below);
        }
        Some(from.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Port;

    fn at(seconds: u64, text: &str) -> Meter {
        Meter::read(text.as_bytes(), At(seconds * 1000))
    }

    fn told(now: &Meter, before: Option<&Meter>) -> Served {
        let mut served = Served::unseen(Port::SSH);
        now.tell(before, &mut served);
        served
    }

    const OLD: &str = include_str!("fixtures/vllm-0.6.prom");
    const NEW: &str = include_str!("fixtures/vllm-0.11.prom");
    const LLAMA: &str = include_str!("fixtures/llama-server.prom");

    #[test]
    fn vllm_of_both_ages() {
        for text in [OLD, NEW] {
            let served = told(&at(0, text), None);
            assert_eq!(served.running, Metric::Is(3));
            assert_eq!(served.waiting, Metric::Is(1));
            assert_eq!(served.kv_cache, Metric::Is(Percent(42.5)));
            assert_eq!(served.tokens_out, Metric::default());
            assert!(served.first_token.value().is_some());
            assert!(served.next_token.value().is_some());
        }
    }

    #[test]
    fn llama_counts_no_latencies() {
        let meter = at(0, LLAMA);
        assert_eq!(meter.by, Some(ServedBy::LlamaCpp));
        let served = told(&meter, None);
        assert_eq!(
            (served.running, served.waiting),
            (Metric::Is(1), Metric::Is(2))
        );
        assert_eq!(served.first_token, Metric::Missing(Missing::NotSupported));
    }

    #[test]
    fn rates_are_between_two_looks() {
        let text = |prompt: u64, out: u64| {
            format!(
                "vllm:prompt_tokens_total{{engine=\"0\"}} {prompt}\nvllm:prompt_tokens_total{{engine=\"1\"}} 100\n\
                 vllm:generation_tokens_total {out}\n"
            )
        };
        let (first, second) = (at(10, &text(0, 50)), at(15, &text(500, 60)));
        let served = told(&second, Some(&first));
        assert_eq!(served.tokens_in, Metric::Is(100.0));
        assert_eq!(served.tokens_out, Metric::Is(2.0));
        // It was started anew, or asked twice in a moment.
        let anew = at(20, &text(0, 3));
        let served = told(&anew, Some(&second));
        assert_eq!(
            (served.tokens_in, served.tokens_out),
            (Metric::default(), Metric::default())
        );
        assert_eq!(told(&second, Some(&second)).tokens_in, Metric::default());
    }

    fn histogram(counts: [u32; 4]) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for (le, count) in ["0.1", "0.2", "0.4", "+Inf"].iter().zip(counts) {
            let name = "vllm:time_to_first_token_seconds_bucket";
            writeln!(text, "{name}{{le=\"{le}\"}} {count}").unwrap();
        }
        text
    }

    #[test]
    fn quantiles_by_rows() {
        // From one look to the next 10 requests below 0.1 s, 10 between 0.1 s and 0.2 s.
        let before = at(0, &histogram([100, 100, 100, 200]));
        let rows = [
            ([110, 120, 120, 220], 100.0, 190.0),
            // Nothing came since: all of them.
            ([100, 100, 100, 200], 100.0, 400.0),
            // Started anew.
            ([0, 10, 10, 10], 150.0, 195.0),
            // All above the last end.
            ([100, 100, 100, 300], 400.0, 400.0),
        ];
        for (counts, p50, p95) in rows {
            let served = told(&at(5, &histogram(counts)), Some(&before));
            let told = *served.first_token.value().unwrap();
            assert!((told.p50_ms - p50).abs() < 1e-6, "{counts:?} {told:?}");
            assert!((told.p95_ms - p95).abs() < 1e-6, "{counts:?} {told:?}");
        }
        let nobody = told(&at(5, &histogram([0; 4])), None);
        assert_eq!(nobody.first_token, Metric::default());
    }

    proptest! {
        #[test]
        fn whatever_is_counted_gives_numbers(
            lines in prop::collection::vec((0_usize..6, any::<f64>(), any::<f64>()), 0..200),
            split in 0_usize..200,
        ) {
            let names = [
                "vllm:time_to_first_token_seconds_bucket", "vllm:inter_token_latency_seconds_bucket",
                "vllm:prompt_tokens_total", "vllm:num_requests_running", "vllm:kv_cache_usage_perc",
                "llamacpp:kv_cache_usage_ratio",
            ];
            let text = |lines: &[(usize, f64, f64)]| -> String {
                let lines = lines.iter().map(|(name, le, value)| format!("{}{{le=\"{le}\"}} {value}\n", names[*name]));
                lines.collect::<Vec<_>>().concat()
            };
            let split = split.min(lines.len());
            let (one, two) = (at(1, &text(&lines[..split])), at(9, &text(&lines[split..])));
            let served = told(&two, Some(&one));
            for latency in [&served.first_token, &served.next_token] {
                if let Metric::Is(latency) = latency {
                    prop_assert!(latency.p50_ms >= 0.0 && latency.p95_ms >= latency.p50_ms, "{latency:?}");
                }
            }
            if let Metric::Is(Percent(share)) = served.kv_cache {
                prop_assert!((0.0..=100.0).contains(&share));
            }
            if let Metric::Is(rate) = served.tokens_in {
                prop_assert!(rate >= 0.0);
            }
        }
    }
}
