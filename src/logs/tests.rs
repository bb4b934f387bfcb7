//! The lens from outside: lines in, orders, pictures.

use super::*;
use crate::follow::{Level, LineBatch, Stamp, StreamKind};
use crate::text::{SafeText, vectors};

pub(super) const SECOND: i64 = 1_000_000_000;
pub(super) const MIB: usize = 1024 * 1024;

pub(super) fn label(host: &str, name: &str) -> SourceLabel {
    SourceLabel {
        host: SafeText::new(host),
        name: SafeText::new(name),
    }
}

fn lens(sources: usize) -> (Lens, Vec<SourceNumber>) {
    let mut lens = Lens::new(MIB);
    lens.order(LensOrder::Rows(10));
    let numbers = (0..sources)
        .map(|n| lens.add_source(label(&format!("host-{n}"), "app")))
        .collect();
    (lens, numbers)
}

pub(super) fn batch<'a>(lines: impl IntoIterator<Item = (i64, &'a str)>) -> LineBatch {
    let mut batch = LineBatch::default();
    for (second, text) in lines {
        batch.push(
            text.as_bytes(),
            Stamp(second * SECOND),
            StreamKind::Out,
            None,
        );
    }
    batch
}

fn numbered(range: std::ops::Range<i64>) -> LineBatch {
    let mut batch = LineBatch::default();
    for n in range {
        batch.push(
            format!("line {n}").as_bytes(),
            Stamp(n * SECOND),
            StreamKind::Out,
            None,
        );
    }
    batch
}

fn texts(picture: &LensPicture) -> Vec<String> {
    let text = |row: &LensRow| row.text.text.as_str().to_owned();
    picture.rows.iter().map(text).collect()
}

pub(super) fn work(lens: &mut Lens) {
    while lens.work(Lens::SLICE) {}
}

/// The text of the row under the cursor.
fn cursor(lens: &mut Lens) -> String {
    let picture = lens.picture();
    let at = picture.cursor.expect("a cursor");
    texts(&picture)[at].clone()
}

#[test]
fn an_empty_lens_has_an_empty_picture() {
    let (mut lens, _) = lens(0);
    let picture = lens.picture();
    assert_eq!(
        (picture.rows.len(), picture.cursor, picture.following),
        (0, None, true)
    );
    for order in [
        LensOrder::Move(-1),
        LensOrder::NextHit,
        LensOrder::Mark,
        LensOrder::Top,
    ] {
        lens.order(order);
    }
    assert_eq!(lens.text(TextScope::Cursor, TextForm::Raw), "");
}

#[test]
fn sources_are_merged_by_their_moments() {
    let (mut lens, sources) = lens(2);
    lens.ingest(sources[0], &batch([(1, "a1"), (3, "a3"), (5, "a5")]));
    lens.ingest(sources[1], &batch([(2, "b2"), (3, "b3"), (6, "b6")]));
    lens.ingest_past(sources[0], &batch([(0, "a0"), (1, "a1 before")]));
    assert_eq!(
        texts(&lens.picture()),
        ["a0", "a1 before", "a1", "b2", "a3", "b3", "a5", "b6"]
    );
    lens.set_skew(sources[1], 3000);
    assert_eq!(
        texts(&lens.picture()),
        ["b2", "a0", "b3", "a1 before", "a1", "a3", "b6", "a5"]
    );
    assert_eq!(lens.picture().sources[1].skew, Some(3000));
    lens.hide(sources[0], true);
    assert_eq!(texts(&lens.picture()), ["b2", "b3", "b6"]);
    lens.hide(sources[0], false);
    lens.remove(sources[1]);
    assert_eq!(lens.picture().lines, 5);
    assert_eq!(lens.picture().sources.len(), 1);
}

#[test]
fn following_stops_on_the_way_up_and_resumes_at_the_end() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(0..50));
    let picture = lens.picture();
    assert_eq!(
        (picture.above, picture.cursor, picture.following),
        (40, Some(9), true)
    );
    lens.order(LensOrder::Move(-3));
    lens.ingest(sources[0], &numbered(50..70));
    let picture = lens.picture();
    assert_eq!(
        (picture.above, picture.cursor, picture.following),
        (40, Some(6), false)
    );
    assert_eq!((picture.behind, picture.shown), (20, 70));
    // The top of the screen scrolls only when the cursor passes it.
    lens.order(LensOrder::Move(-8));
    let picture = lens.picture();
    assert_eq!((picture.above, picture.cursor), (38, Some(0)));
    lens.order(LensOrder::Move(1));
    assert_eq!(lens.picture().cursor, Some(1));
    lens.order(LensOrder::Row(4));
    assert_eq!(cursor(&mut lens), "line 42");
    lens.order(LensOrder::Move(1000));
    let picture = lens.picture();
    assert!(picture.following);
    assert_eq!((picture.above, picture.behind), (60, 0));
    lens.order(LensOrder::Top);
    let picture = lens.picture();
    assert_eq!((picture.above, picture.cursor), (0, Some(0)));
    lens.order(LensOrder::To(Stamp(33 * SECOND + 1)));
    assert_eq!(cursor(&mut lens), "line 34");
    lens.order(LensOrder::To(Stamp(1000 * SECOND)));
    assert!(lens.picture().following);
}

#[test]
fn a_filter_keeps_the_cursor_on_its_line() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(0..100));
    lens.order(LensOrder::To(Stamp(35 * SECOND)));
    assert_eq!(cursor(&mut lens), "line 35");
    lens.order(LensOrder::Filter("5$".into()));
    work(&mut lens);
    let picture = lens.picture();
    assert_eq!((picture.shown, picture.above), (10, 0));
    assert_eq!(cursor(&mut lens), "line 35");
    lens.order(LensOrder::Filter("7$".into()));
    assert_eq!(cursor(&mut lens), "line 37");
    lens.order(LensOrder::Filter("7(".into()));
    let filter = lens.picture().filter.unwrap();
    assert!(filter.error.unwrap().starts_with("column 2: "));
    assert_eq!(lens.picture().shown, 10);
    lens.order(LensOrder::Filter(String::new()));
    assert_eq!(cursor(&mut lens), "line 35");
    lens.order(LensOrder::Filter("5$".into()));
    lens.ingest(sources[0], &numbered(100..110));
    assert_eq!(lens.picture().shown, 11);
    lens.order(LensOrder::Filter("level>=error host:host-0".into()));
    lens.ingest(sources[0], &batch([(200, "INFO x"), (201, "ERROR y")]));
    assert_eq!(texts(&lens.picture()), ["ERROR y"]);
}

#[test]
fn a_search_counts_goes_on_and_wraps() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(0..100));
    lens.order(LensOrder::Search("LINE 1.$".into()));
    work(&mut lens);
    assert_eq!(lens.picture().search.unwrap().hits, 0);
    lens.order(LensOrder::Search("line 1.$".into()));
    work(&mut lens);
    let search = lens.picture().search.unwrap();
    assert_eq!((search.hits, search.present, search.done), (10, None, true));
    lens.order(LensOrder::NextHit);
    let picture = lens.picture();
    let search = picture.search.clone().unwrap();
    assert_eq!((search.present, search.wrapped), (Some(1), true));
    let row = &picture.rows[picture.cursor.unwrap()];
    assert_eq!(
        (row.text.text.as_str(), row.hits.as_slice()),
        ("line 10", &[(0, 7)][..])
    );
    lens.order(LensOrder::NextHit);
    assert_eq!(cursor(&mut lens), "line 11");
    lens.order(LensOrder::PreviousHit);
    lens.order(LensOrder::PreviousHit);
    let search = lens.picture().search.unwrap();
    assert_eq!((search.present, search.wrapped), (Some(10), true));
    // Independent of the filter, but only shown hits count.
    lens.order(LensOrder::Filter("!5".into()));
    work(&mut lens);
    assert_eq!(lens.picture().search.unwrap().hits, 9);
    lens.ingest(sources[0], &batch([(300, "line 1x")]));
    assert_eq!(lens.picture().search.unwrap().hits, 10);
    lens.order(LensOrder::Search("a(".into()));
    let search = lens.picture().search.unwrap();
    assert!(search.error.is_some() && search.hits == 0);
    lens.order(LensOrder::Search(String::new()));
    assert!(lens.picture().search.is_none());
}

#[test]
fn repeated_lines_fold_and_unfold_under_the_cursor() {
    let (mut lens, sources) = lens(2);
    let shard = |n: i64| (n, format!("loading shard {n}/16"));
    let lines: Vec<_> = (0..6)
        .map(shard)
        .chain([(6, "ready".to_owned())])
        .chain((7..9).map(shard))
        .collect();
    lens.ingest(
        sources[0],
        &batch(lines.iter().map(|(n, t)| (*n, t.as_str()))),
    );
    lens.ingest(sources[1], &batch([(20, "loading shard 1/16")]));
    lens.order(LensOrder::To(Stamp(3 * SECOND)));
    lens.order(LensOrder::Fold(true));
    let picture = lens.picture();
    let counts: Vec<_> = picture.rows.iter().map(|row| row.count).collect();
    assert_eq!((counts, picture.shown), (vec![6, 1, 2, 1], 4));
    assert_eq!(texts(&picture)[0], "loading shard 5/16");
    assert_eq!(picture.cursor, Some(0));
    lens.ingest(sources[1], &batch([(21, "loading shard 2/16")]));
    assert_eq!(lens.picture().rows[3].count, 2);
    // Without what lies between, the others are next to each other.
    lens.order(LensOrder::Filter("!ready".into()));
    assert_eq!(lens.picture().rows[0].count, 8);
    lens.order(LensOrder::Fold(false));
    assert_eq!(cursor(&mut lens), "loading shard 3/16");
}

#[test]
fn a_row_may_fold_over_many_blocks() {
    let (mut lens, sources) = lens(1);
    lens.order(LensOrder::Fold(true));
    for from in 0..30 {
        lens.ingest(sources[0], &numbered(from * 100..(from + 1) * 100));
    }
    let picture = lens.picture();
    assert_eq!(
        (picture.shown, picture.rows[0].count, picture.lines),
        (1, 3000, 3000)
    );
    assert_eq!(texts(&picture), ["line 2999"]);
}

#[test]
fn marks_and_errors_are_found() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(0..30));
    lens.ingest(
        sources[0],
        &batch([(30, "ERROR one"), (31, "x"), (32, "FATAL two"), (33, "y")]),
    );
    lens.order(LensOrder::PreviousError);
    assert_eq!(cursor(&mut lens), "FATAL two");
    lens.order(LensOrder::PreviousError);
    lens.order(LensOrder::Mark);
    lens.order(LensOrder::Top);
    lens.order(LensOrder::Mark);
    lens.order(LensOrder::NextError);
    assert_eq!(cursor(&mut lens), "ERROR one");
    lens.order(LensOrder::Filter("line".into()));
    lens.order(LensOrder::Filter(String::new()));
    lens.order(LensOrder::PreviousMark);
    assert_eq!(cursor(&mut lens), "line 0");
    lens.order(LensOrder::NextMark);
    assert_eq!(cursor(&mut lens), "ERROR one");
    assert_eq!(lens.picture().marks, 2);
    assert_eq!(
        lens.text(TextScope::Marked, TextForm::Raw),
        "line 0\nERROR one\n"
    );
    let map = lens.picture().minimap;
    assert_eq!(map.len(), 10);
    assert_eq!((map[0].mark, map[9].level), (true, Some(Level::Critical)));
    lens.order(LensOrder::Mark);
    assert_eq!(lens.picture().marks, 1);
    assert_eq!(
        lens.text(TextScope::Cursor, TextForm::Pretty),
        "1970-01-01 00:00:30.000 host-0 app error ERROR one\n"
    );
}

#[test]
fn gaps_stand_between_the_lines_whatever_is_filtered() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(0..3));
    lens.note(
        sources[0],
        RowKind::Gap,
        Stamp(3 * SECOND),
        &SafeText::new("gap 14 s"),
    );
    lens.ingest(sources[0], &numbered(3..6));
    lens.order(LensOrder::Filter("4 level>=error".into()));
    let picture = lens.picture();
    assert_eq!(texts(&picture), ["gap 14 s"]);
    assert_eq!(picture.rows[0].kind, RowKind::Gap);
}

#[test]
fn fields_are_shown_and_the_raw_line_on_demand() {
    let (mut lens, sources) = lens(1);
    let json = r#"{"level":"warn","msg":"slow","took":{"ms": 12}}"#;
    lens.ingest(sources[0], &batch([(0, json), (1, "a=1 msg=hi")]));
    let row = lens.picture().rows[0].clone();
    assert_eq!(
        (row.text.text.as_str(), row.level),
        ("slow", Some(Level::Warning))
    );
    let fields: Vec<_> = row
        .fields
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    // The level has its column.
    assert_eq!(fields, [("took", r#"{"ms":12}"#)]);
    assert_eq!(texts(&lens.picture())[1], "hi");
    lens.order(LensOrder::Raw(true));
    assert_eq!(texts(&lens.picture()), [json, "a=1 msg=hi"]);
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    let (mut lens, sources) = lens(1);
    let long = "x".repeat(10 * MIB);
    lens.ingest(
        sources[0],
        &batch([(0, long.as_str()), (1, "é".repeat(40_000).as_str())]),
    );
    let texts = texts(&lens.picture());
    assert!(
        texts[0].ends_with(" ✂ 10436608 bytes more"),
        "{}",
        &texts[0][texts[0].len() - 40..]
    );
    assert!(texts[1].ends_with(" ✂ 30848 bytes more"));
    assert!(texts.iter().all(|text| text.len() < 50_000));
}

#[test]
fn the_full_buffer_lets_the_oldest_fall_and_counts_them() {
    let mut lens = Lens::new(64 * 1024);
    lens.order(LensOrder::Rows(5));
    let source = lens.add_source(label("h", "s"));
    lens.order(LensOrder::Mark);
    for from in 0..100 {
        lens.ingest(source, &numbered(from * 100..(from + 1) * 100));
        let picture = lens.picture();
        assert!(picture.memory.0 <= picture.memory.1);
        assert_eq!(picture.fallen + picture.lines, (from as u64 + 1) * 100);
    }
    let picture = lens.picture();
    assert!(
        picture.fallen > 5000 && picture.lines > 300,
        "{}",
        picture.lines
    );
    assert_eq!(texts(&picture)[4], "line 9999");
    lens.order(LensOrder::Top);
    assert_eq!(lens.picture().past, Past::Full);
    assert!(!lens.wants_past());
    // The line under the cursor falls out: the next one is under it.
    lens.ingest(source, &numbered(10_000..15_000));
    assert_eq!(lens.picture().cursor, Some(0));
    lens.order(LensOrder::Clear);
    let picture = lens.picture();
    assert_eq!(
        (picture.lines, picture.rows.len(), picture.past),
        (0, 0, Past::Start)
    );
}

#[test]
fn older_lines_are_wanted_near_the_top() {
    let (mut lens, sources) = lens(1);
    lens.ingest(sources[0], &numbered(100..200));
    assert!(!lens.wants_past());
    lens.order(LensOrder::Move(-50));
    assert!(!lens.wants_past());
    lens.order(LensOrder::Move(-40));
    assert!(lens.wants_past());
    lens.set_past(Past::Fetching);
    assert!(!lens.wants_past());
    let before = cursor(&mut lens);
    lens.ingest_past(sources[0], &numbered(50..100));
    lens.ingest_past(sources[0], &numbered(0..50));
    lens.set_past(Past::Start);
    assert_eq!(cursor(&mut lens), before);
    assert_eq!(lens.picture().behind, 0);
    lens.order(LensOrder::Top);
    assert_eq!(cursor(&mut lens), "line 0");
}

#[test]
fn nothing_that_a_terminal_obeys_comes_through() {
    let whole = vectors::SEQUENCES.iter().chain(vectors::CHARACTERS);
    let pieces = whole
        .map(|text| text.as_bytes())
        .chain(vectors::BYTES.iter().copied());
    let mut batch = LineBatch::default();
    let mut push = |line: &[u8]| batch.push(line, Stamp(0), StreamKind::Out, None);
    for piece in pieces {
        for cut in 1..=piece.len() {
            let part = &piece[..cut];
            push(&[b"x", part, b"y"].concat());
            push(&[b"x", part].concat());
            push(&[part, b"\x1b[31m", part].concat());
            push(&[b"level=info msg=\"", part, b"\" k=", part].concat());
        }
        let text = String::from_utf8_lossy(piece);
        let json = serde_json::json!({ "msg": text, "a\u{202e}": text, "nested": { "k": text } });
        push(json.to_string().as_bytes());
        push(&[piece.repeat(60), b"z".to_vec()].concat());
    }
    let mut lens = Lens::new(8 * MIB);
    let source = lens.add_source(label("h", "s"));
    lens.ingest(source, &batch);
    lens.order(LensOrder::Rows(u16::MAX));
    for raw in [false, true] {
        lens.order(LensOrder::Raw(raw));
        let picture = lens.picture();
        assert_eq!((picture.rows.len(), picture.fallen), (batch.len(), 0));
        for row in &picture.rows {
            let fields = row.fields.iter().flat_map(|(k, v)| [k, v]);
            for text in fields.chain([&row.text.text]) {
                // Cleaning finds nothing more to clean.
                assert_eq!(&SafeText::new(text.as_str()), text);
                assert!(!text.as_str().chars().any(char::is_control), "{text:?}");
                assert!(
                    !text.as_str().contains(['\u{202e}', '\u{200b}', '\u{feff}']),
                    "{text:?}"
                );
            }
            for span in &row.text.spans {
                let part = row
                    .text
                    .text
                    .as_str()
                    .get(span.start as usize..span.end as usize);
                assert!(part.is_some_and(|part| !part.is_empty()));
            }
        }
    }
    let copied = lens.text(TextScope::Shown, TextForm::Raw);
    assert_eq!(copied.lines().count(), batch.len());
    assert!(!copied.chars().any(|c| c.is_control() && c != '\n'));
}
