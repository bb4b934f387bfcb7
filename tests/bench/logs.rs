//! Measures the log lens in this process: lines in, search, filter, folding, pictures, and what the buffer really takes of the
//! heap. Prints `what|measured|unit|relation|bound|PASS or FAIL` a row.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a stopwatch that prints what it measured"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use pilothouse::docker::{LogFrames, LogLines};
use pilothouse::follow::{LineBatch, Stamp, StreamKind};
use pilothouse::logs::{Lens, LensOrder, SourceLabel, SourceNumber};
use pilothouse::text::SafeText;

const MIB: usize = 1024 * 1024;
const MILLION: u32 = 1_000_000;
const ROUNDS: usize = 5;
const TIMES: u32 = 20;
const BATCH_LINES: u32 = 4096;
/// What a follower reads of a container's log at once; no border of a frame.
const GULP: usize = 65_521;
/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;
/// What `statm` counts in, on the machines that this is run on.
const PAGE: u64 = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    sanitiser();
    let lines = batches(MILLION);
    let base = resident()?;
    default_buffer(&lines, base)?;
    large_buffer(&lines, base)?;
    merged(&lines);
    container(&lines);
    Ok(())
}

/// How much clean and hostile text goes through the sanitiser in a second.
fn sanitiser() {
    let clean =
        "GET /v1/models 200 took 12 ms from 10.0.0.7, next shard 13 of 16 ".repeat(64 * 1024);
    let hostile = "\x1b[31mred\x1b[0m \u{202e}\u{200b}\x1b]0;t\x07 e\u{301} \x07\x1b[2J\u{9b}5n"
        .repeat(64 * 1024);
    for (what, text, bound) in [
        ("sanitiser, clean", clean, 300.0),
        ("sanitiser, hostile", hostile, 50.0),
    ] {
        // Ticks are coarse: many times over.
        let took = fastest(|| {
            for _ in 0..TIMES {
                black_box(SafeText::new(black_box(&text)));
            }
        });
        let rate = f64::from(TIMES) * text.len() as f64 / 1e6 / took.as_secs_f64();
        row(what, rate, "MB/s", '≥', bound);
    }
}

fn default_buffer(lines: &[LineBatch], base: f64) -> Result<(), std::io::Error> {
    let (mut lens, source) = lens(64 * MIB);
    let begin = on_core();
    for batch in lines {
        lens.ingest(source, batch);
    }
    let took = since(begin);
    let picture = lens.picture();
    row(
        "lines in, one source",
        f64::from(MILLION) / took.as_secs_f64(),
        "lines/s",
        '≥',
        500_000.0,
    );
    row(
        "memory of a full 64 MiB buffer",
        resident()? - base,
        "MiB",
        '≤',
        66.0,
    );
    println!(
        "# {} lines in it, {} fell out",
        picture.lines, picture.fallen
    );
    searches(&mut lens, "64 MiB", 100.0);
    filters(&mut lens);
    Ok(())
}

fn large_buffer(lines: &[LineBatch], base: f64) -> Result<(), std::io::Error> {
    let (mut lens, source) = lens(256 * MIB);
    for batch in lines {
        lens.ingest(source, batch);
    }
    let picture = lens.picture();
    row(
        "lines kept under 256 MiB",
        picture.lines as f64,
        "lines",
        '≥',
        f64::from(MILLION),
    );
    row(
        "memory of 1,000,000 lines",
        resident()? - base,
        "MiB",
        '≤',
        256.0,
    );
    searches(&mut lens, "1,000,000 lines", 200.0);
    Ok(())
}

/// Two sources that take turns, each a batch behind the other.
fn merged(lines: &[LineBatch]) {
    let (mut lens, one) = lens(64 * MIB);
    let other = lens.add_source(label("spark-2"));
    let begin = on_core();
    for batch in lines.iter().take(lines.len() / 2) {
        lens.ingest(one, batch);
        lens.ingest(other, batch);
    }
    lens.picture();
    row(
        "lines in, two sources merged",
        f64::from(MILLION) / since(begin).as_secs_f64(),
        "lines/s",
        '≥',
        500_000.0,
    );
}

/// Lines on their way out of a container's log, in batches as a follower hands them on.
#[derive(Default)]
struct Batches {
    batch: LineBatch,
    count: u32,
}

impl LogLines for Batches {
    fn line(&mut self, bytes: &[u8], stamp: Stamp, stream: StreamKind) {
        self.count += 1;
        self.batch.push(bytes, stamp, stream, None);
        if self.batch.len() as u32 == BATCH_LINES {
            black_box(std::mem::take(&mut self.batch));
        }
    }
}

/// The bytes that an engine sends for these lines, a frame and a time before each, in gulps whose borders fall anywhere.
fn container(lines: &[LineBatch]) {
    let log = frames(lines);
    let mut count = 0;
    let took = fastest(|| {
        let mut batches = Batches::default();
        let mut frames = LogFrames::new(false);
        for gulp in log.chunks(GULP) {
            frames.feed(black_box(gulp), &mut batches);
        }
        frames.finish(&mut batches);
        count = batches.count;
    });
    row(
        "a container's frames to lines",
        f64::from(count) / took.as_secs_f64(),
        "lines/s",
        '≥',
        f64::from(MILLION),
    );
    println!(
        "# {count} frames of {} bytes",
        log.len() / count.max(1) as usize
    );
}

fn frames(lines: &[LineBatch]) -> Vec<u8> {
    let mut log = Vec::new();
    let mut entry = Vec::new();
    for line in lines.iter().flat_map(LineBatch::iter) {
        let (seconds, nanos) = (line.head.stamp.0 / SECOND, line.head.stamp.0 % SECOND);
        entry.clear();
        entry.extend(format!("2026-11-21T14:05:{:02}.{nanos:09}Z ", seconds % 60).bytes());
        entry.extend(line.bytes);
        entry.push(b'\n');
        log.extend([1, 0, 0, 0]);
        log.extend((entry.len() as u32).to_be_bytes());
        log.extend(&entry);
    }
    log
}

/// Looks for several patterns in slices, as the lens does on a screen; the best of some rounds for each, the slowest of all.
fn searches(lens: &mut Lens, size: &str, bound: f64) {
    let (mut slowest, mut longest) = (Duration::ZERO, Duration::ZERO);
    for pattern in [
        "allocation refused",
        "Xid",
        r"took \d{4} ms",
        "shard.*of 16$",
        "nowhere to be found",
        "(timeout|refused|reset) by",
    ] {
        let mut slices = 1;
        let took = fastest(|| {
            lens.order(LensOrder::Search(String::new()));
            lens.order(LensOrder::Search(pattern.to_owned()));
            slices = to_the_end(lens);
        });
        println!("# search {pattern:?}, {size}: {:.1} ms", ms(took));
        (slowest, longest) = (slowest.max(took), longest.max(took / slices));
    }
    row(&format!("search, {size}"), ms(slowest), "ms", '≤', bound);
    row(
        &format!("a slice of a search, {size}"),
        ms(longest),
        "ms",
        '≤',
        2.0,
    );
    lens.order(LensOrder::Search(String::new()));
}

/// A filter typed letter by letter: what each letter costs until all is done, and until something is on the screen.
fn filters(lens: &mut Lens) {
    let (mut first, mut whole) = (Duration::ZERO, Duration::ZERO);
    for end in 1..="refused level>=warn".len() {
        let typed = "refused level>=warn".get(..end).unwrap_or_default();
        let mut quickest = Duration::MAX;
        let took = fastest(|| {
            lens.order(LensOrder::Filter(String::new()));
            let begin = Instant::now();
            lens.order(LensOrder::Filter(typed.to_owned()));
            black_box(lens.picture());
            quickest = quickest.min(begin.elapsed());
            to_the_end(lens);
        });
        (first, whole) = (first.max(quickest), whole.max(took));
    }
    row(
        "filter: a letter until the picture",
        ms(first),
        "ms",
        '≤',
        8.0,
    );
    row(
        "filter: a letter until all is done",
        ms(whole),
        "ms",
        '≤',
        200.0,
    );
    lens.order(LensOrder::Filter(String::new()));
    to_the_end(lens);
    lens.order(LensOrder::Fold(true));
    let begin = on_core();
    to_the_end(lens);
    row("fold all", ms(since(begin)), "ms", '≤', 200.0);
    row("a picture, folded", ms(picture(lens)), "ms", '≤', 2.0);
    lens.order(LensOrder::Fold(false));
    to_the_end(lens);
    row("a picture", ms(picture(lens)), "ms", '≤', 2.0);
}

/// The quickest of some pictures, by the clock on the wall.
fn picture(lens: &mut Lens) -> Duration {
    let one = |_| {
        let begin = Instant::now();
        black_box(lens.picture());
        begin.elapsed()
    };
    (0..ROUNDS).map(one).min().unwrap_or_default()
}

/// The time that this thread had a core, so that a neighbour doesn't count; ticks are some milliseconds.
fn on_core() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// The time on a core since then.
fn since(begin: Duration) -> Duration {
    on_core().saturating_sub(begin)
}

/// Works in slices until nothing is left; how many it took.
fn to_the_end(lens: &mut Lens) -> u32 {
    let mut slices = 1;
    while lens.work(Lens::SLICE) {
        slices += 1;
    }
    slices
}

fn lens(cap: usize) -> (Lens, SourceNumber) {
    let mut lens = Lens::new(cap);
    lens.order(LensOrder::Rows(40));
    let source = lens.add_source(label("spark-1"));
    (lens, source)
}

fn label(host: &str) -> SourceLabel {
    SourceLabel {
        host: SafeText::new(host),
        name: SafeText::new("vllm"),
    }
}

/// Lines of some 120 bytes with colour, as a server writes them; now and then something goes wrong.
fn batches(count: u32) -> Vec<LineBatch> {
    let mut batches = Vec::new();
    let mut batch = LineBatch::default();
    let mut line = String::new();
    for n in 0..count {
        line.clear();
        let (second, shard) = (n / 50_000, n % 16);
        let _ = match n % 997 {
            0 => write!(
                line,
                "\x1b[31mERROR\x1b[0m 11-21 14:05:{:02} [worker.py:{}] \x1b[2mrequest {n}\x1b[0m allocation refused by the device, took {n} ms",
                second % 60,
                n % 400
            ),
            _ => write!(
                line,
                "\x1b[32mINFO\x1b[0m 11-21 14:05:{:02} [engine.py:{}] \x1b[2mrequest {n}\x1b[0m loaded shard {shard} of 16 in the background, took {} ms",
                second % 60,
                n % 400,
                n % 900
            ),
        };
        batch.push(
            line.as_bytes(),
            Stamp(i64::from(n) * 20_000),
            StreamKind::Out,
            None,
        );
        if batch.len() as u32 == BATCH_LINES {
            batches.push(std::mem::take(&mut batch));
        }
    }
    batches.push(batch);
    let bytes: usize = batches.iter().map(LineBatch::bytes).sum();
    println!("# {count} lines of {} bytes", bytes / count as usize);
    batches
}

fn fastest(mut run: impl FnMut()) -> Duration {
    let once = |_| {
        let begin = on_core();
        run();
        since(begin)
    };
    (0..ROUNDS).map(once).min().unwrap_or_default()
}

/// MiB of this process in memory.
fn resident() -> Result<f64, std::io::Error> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    Ok((pages.unwrap_or_default() * PAGE) as f64 / MIB as f64)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

fn row(what: &str, measured: f64, unit: &str, relation: char, bound: f64) {
    let held = if relation == '≤' {
        measured <= bound
    } else {
        measured >= bound
    };
    let verdict = if held { "PASS" } else { "FAIL" };
    println!("{what}|{measured:.2}|{unit}|{relation}|{bound}|{verdict}");
}
