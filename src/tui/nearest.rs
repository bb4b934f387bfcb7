//! The word that was meant (pure): the candidate that a misspelt one is nearest to.

/// The candidate nearest to a misspelt word, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.chars().count().div_ceil(3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insert, delete, change.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        let mut next = vec![before];
        for (above, b) in row.iter().skip(1).zip(right.chars()) {
            before = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::action::table;

    #[test]
    fn a_misspelt_name_finds_its_neighbour_and_nonsense_does_not() {
        let names = || table().iter().map(|spec| spec.name);
        assert_eq!(nearest("reconect", names()), Some("reconnect"));
        assert_eq!(nearest("zom", names()), Some("zoom"));
        assert_eq!(nearest("xyzzy", names()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
