//! Whatever happens to a lens, in any order: its pictures hold together.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::block::Block;
use super::tests::{MIB, SECOND, batch, label, work};
use super::*;
use crate::follow::Stamp;

/// One thing that happens to a lens.
#[derive(Debug, Clone)]
enum Step {
    Lines(usize, Vec<(i64, String)>),
    Skew(usize, i64),
    Order(LensOrder),
    Work,
}

fn step() -> impl Strategy<Value = Step> {
    let line = (0..40_i64, "(a|b|ERROR |shard )[0-9]{1,2}");
    let lines =
        (0..3_usize, prop::collection::vec(line, 0..30)).prop_map(|(s, l)| Step::Lines(s, l));
    let order = prop_oneof![
        (-30..30_i64).prop_map(LensOrder::Move),
        Just(LensOrder::Top),
        Just(LensOrder::Bottom),
        (0..12_u16).prop_map(LensOrder::Row),
        (0..40_i64).prop_map(|s| LensOrder::To(Stamp(s * SECOND))),
        prop::sample::select(vec!["", "a", "1$", "ERROR"])
            .prop_map(|s| LensOrder::Search(s.into())),
        prop::sample::select(vec!["", "b", "!a", "level>=error", "host:host-1", "x("])
            .prop_map(|s| LensOrder::Filter(s.into())),
        Just(LensOrder::NextHit),
        Just(LensOrder::PreviousHit),
        any::<bool>().prop_map(LensOrder::Fold),
        Just(LensOrder::Mark),
        Just(LensOrder::NextMark),
        Just(LensOrder::PreviousError),
        (0..3_u16, any::<bool>()).prop_map(|(s, h)| LensOrder::Hide(SourceNumber(s), h)),
        (0..12_u16).prop_map(LensOrder::Rows),
    ];
    prop_oneof![
        3 => lines,
        1 => (0..3_usize, -5000..5000_i64).prop_map(|(s, ms)| Step::Skew(s, ms)),
        6 => order.prop_map(Step::Order),
        1 => Just(Step::Work),
    ]
}

fn play(steps: &[Step], cap: usize, split: usize) -> (Lens, usize) {
    let mut lens = Lens::new(cap);
    lens.order(LensOrder::Rows(8));
    let sources: Vec<_> = (0..3)
        .map(|n| lens.add_source(label(&format!("host-{n}"), "app")))
        .collect();
    let mut given = 0;
    for step in steps {
        match step {
            Step::Lines(source, lines) => {
                given += lines.len();
                for part in lines.chunks(split) {
                    lens.ingest(
                        sources[*source],
                        &batch(part.iter().map(|(s, t)| (*s, t.as_str()))),
                    );
                }
            }
            Step::Skew(source, ms) => lens.set_skew(sources[*source], *ms),
            Step::Order(order) => lens.order(order.clone()),
            Step::Work => while lens.work(1) {},
        }
    }
    (lens, given)
}

/// What must hold of every picture.
fn check(lens: &mut Lens, given: usize) {
    work(lens);
    let all: Vec<_> = lens
        .buffer
        .blocks
        .iter()
        .flat_map(Block::lines)
        .map(|line| line.key)
        .collect();
    assert!(all.is_sorted());
    assert_eq!(
        all.iter()
            .map(|key| key.number)
            .collect::<BTreeSet<_>>()
            .len(),
        all.len()
    );
    let picture = lens.picture();
    assert_eq!(picture.lines, all.len() as u64);
    assert_eq!(picture.lines + picture.fallen, given as u64);
    let room = u64::from(lens.room);
    assert_eq!(picture.rows.len() as u64, room.min(picture.shown));
    assert!(picture.above + picture.rows.len() as u64 <= picture.shown);
    assert_eq!(picture.cursor.is_some(), !picture.rows.is_empty());
    assert_eq!(picture.minimap.len() as u64, room);
    let bytes: usize = lens.buffer.blocks.iter().map(Block::bytes).sum();
    assert_eq!(picture.memory.0, bytes as u64);
    // What is in view is what walking everything gives.
    lens.order(LensOrder::Rows(u16::MAX));
    let whole = lens.picture();
    lens.order(LensOrder::Rows(u16::try_from(room).unwrap()));
    assert_eq!(whole.rows.len() as u64, picture.shown);
    let (from, to) = (
        picture.above as usize,
        picture.above as usize + picture.rows.len(),
    );
    assert_eq!(&whole.rows[from..to], &picture.rows[..]);
    let shown: u64 = whole.rows.iter().map(|row| u64::from(row.count)).sum();
    let expected = lens.text(TextScope::Shown, TextForm::Raw).lines().count();
    assert_eq!(shown, expected as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn pictures_hold_together(steps in prop::collection::vec(step(), 0..30)) {
        let (mut lens, given) = play(&steps, MIB, 1000);
        check(&mut lens, given);
        prop_assert_eq!(lens.picture().fallen, 0);
    }

    #[test]
    fn the_same_in_any_split_into_batches(steps in prop::collection::vec(step(), 0..30), split in 1..10_usize) {
        let (mut whole, _) = play(&steps, MIB, 1000);
        let (mut split, _) = play(&steps, MIB, split);
        work(&mut whole);
        work(&mut split);
        let (mut whole, split) = (whole.picture(), split.picture());
        whole.memory = split.memory;
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn a_small_buffer_holds_together(steps in prop::collection::vec(step(), 0..40)) {
        let (mut lens, given) = play(&steps, 8 * 1024, 1000);
        check(&mut lens, given);
    }
}
