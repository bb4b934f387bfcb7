//! The known word nearest to a mistyped one (pure).

/// The known word that `word` was probably meant to be: at most a third of it (and at least one letter) differs.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = word.to_lowercase().replace('-', "_");
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(&plain, &candidate.replace('-', "_")), candidate))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, with two neighbours swapped counting once (Damerau's restricted form), row by row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, from) in a.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in b.iter().enumerate() {
            let get = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (get(&above, column) + usize::from(from != *to))
                .min(get(&above, column + 1) + 1)
                .min(get(&current, column) + 1);
            let swapped = column > 0
                && previous == Some(*to)
                && b.get(column - 1).is_some_and(|left| *left == from);
            if swapped {
                best = best.min(get(&older, column - 1) + 1);
            }
            current.push(best);
        }
        previous = Some(from);
        older = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let verbs = ["config", "demo", "doctor", "once", "probe", "replay"];
        for (typed, meant) in [
            ("confg", Some("config")),
            ("cofnig", Some("config")),
            ("Config", Some("config")),
            ("dem", Some("demo")),
            ("onec", Some("once")),
            ("spark-1", None),
            ("box", None),
            ("d", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, verbs), meant, "{typed}");
        }
        assert_eq!(nearest("read-only", ["read_only"]), Some("read_only"));
    }

    #[test]
    fn the_distance_is_symmetric_and_zero_only_for_equals() {
        for (a, b, far) in [
            ("", "", 0),
            ("", "ab", 2),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(a, b), far, "{a} {b}");
            assert_eq!(distance(b, a), far, "{b} {a}");
        }
    }
}
