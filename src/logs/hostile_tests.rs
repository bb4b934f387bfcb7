//! The lens against lines and orders that were made to break it.

use super::tests::{MIB, batch, label, work};
use super::*;
use crate::follow::{LineBatch, Stamp, StreamKind};

fn lens(rows: u16) -> (Lens, SourceNumber) {
    let mut lens = Lens::new(MIB);
    lens.order(LensOrder::Rows(rows));
    let source = lens.add_source(label("host", "app"));
    (lens, source)
}

/// Whatever is asked, an answer comes, and a picture can be made.
fn everything(lens: &mut Lens) {
    for order in [
        LensOrder::Fold(true),
        LensOrder::Search("x".into()),
        LensOrder::NextHit,
        LensOrder::PreviousHit,
        LensOrder::Filter("since:10m x".into()),
        LensOrder::Filter(String::new()),
        LensOrder::Top,
        LensOrder::Move(i64::MAX),
        LensOrder::Move(i64::MIN),
        LensOrder::To(Stamp(i64::MIN)),
        LensOrder::To(Stamp(i64::MAX)),
        LensOrder::Row(u16::MAX),
        LensOrder::Mark,
        LensOrder::NextMark,
        LensOrder::NextError,
        LensOrder::PreviousError,
        LensOrder::Raw(true),
        LensOrder::Rows(u16::MAX),
        LensOrder::Rows(0),
        LensOrder::Rows(10),
        LensOrder::Bottom,
    ] {
        lens.order(order);
        work(lens);
        let _ = lens.picture();
    }
    for form in [TextForm::Raw, TextForm::Pretty] {
        for scope in [TextScope::Cursor, TextScope::Marked, TextScope::Shown] {
            let text = lens.text(scope, form);
            assert!(!text.contains('\u{1b}'), "what is copied is safe");
        }
    }
}

#[test]
fn moments_at_both_ends_of_time_are_borne() {
    let (mut lens, source) = lens(10);
    let mut lines = LineBatch::default();
    for stamp in [i64::MIN, i64::MIN + 1, 0, 1, i64::MAX - 1, i64::MAX] {
        lines.push(b"ERROR x", Stamp(stamp), StreamKind::Out, None);
    }
    lens.ingest(source, &lines);
    lens.ingest_past(source, &lines);
    for skew in [0, i64::MAX, i64::MIN, 5_000] {
        lens.set_skew(source, skew);
        for now in [i64::MIN, 0, i64::MAX] {
            lens.set_now(Now {
                stamp: Stamp(now),
                zone: 3600,
            });
            everything(&mut lens);
        }
    }
    assert_eq!(lens.picture().lines, 12);
}

#[test]
fn patterns_that_were_made_to_explode_do_not() {
    let (mut lens, source) = lens(10);
    let a = "a".repeat(50_000);
    lens.ingest(source, &batch([(1, a.as_str()), (2, "x")]));
    let long = "a".repeat(1_000_000);
    let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    for pattern in [
        "(a*)*b",
        "(a|a)*$b",
        "(a|aa)+$",
        "((a{1,100}){1,100}){1,100}",
        r"\p{L}{1000}{1000}",
        "(?i:ſ)*",
        &long,
        &deep,
    ] {
        lens.order(LensOrder::Search(pattern.into()));
        work(&mut lens);
        lens.order(LensOrder::NextHit);
        work(&mut lens);
        lens.order(LensOrder::Filter(pattern.into()));
        work(&mut lens);
        let _ = lens.picture();
    }
    lens.order(LensOrder::Filter(String::new()));
    lens.order(LensOrder::Search("x".into()));
    work(&mut lens);
    assert_eq!(lens.picture().lines, 2);
}

#[test]
fn a_line_of_a_hundred_thousand_colours_costs_no_more_than_its_row_shows() {
    let (mut lens, source) = lens(10);
    let every = ["0", "1", "2", "3", "4", "5", "6", "7"].join("mx\x1b[3");
    let many = format!("\x1b[3{every}mx").repeat(12_500);
    lens.ingest(source, &batch([(1, many.as_str()), (2, "end")]));
    everything(&mut lens);
    let spans: usize = lens
        .picture()
        .rows
        .iter()
        .map(|row| row.text.spans.len())
        .sum();
    assert!(spans <= 100_000, "{spans}");
}

#[test]
fn a_source_that_is_taken_away_leaves_nothing_to_stumble_over() {
    let (mut lens, first) = lens(10);
    let second = lens.add_source(label("other", "app"));
    for round in 0..3 {
        lens.ingest(first, &batch([(round, "x one"), (round + 1, "x two")]));
        lens.ingest(second, &batch([(round, "x three")]));
        lens.order(LensOrder::Search("x".into()));
        lens.order(LensOrder::Filter("x".into()));
        lens.order(LensOrder::Mark);
        lens.remove(first);
        // Lines that were under way.
        lens.ingest(first, &batch([(round, "x late")]));
        lens.ingest_past(first, &batch([(round, "x late")]));
        lens.ingest(SourceNumber(u16::MAX), &batch([(round, "x nobody's")]));
        lens.set_skew(first, 7);
        everything(&mut lens);
    }
    assert_eq!(lens.picture().lines, 3);
}
