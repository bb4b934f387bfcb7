//! Names that the person's ssh configuration knows (pure): its `Host` lines without patterns. What they mean is asked of
//! `ssh -G`; this only finds out that they exist.

use std::collections::BTreeSet;

/// Most names that are listed.
const MOST: usize = 500;

/// The names of an ssh configuration file's text.
pub(super) fn ssh_aliases(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(host_line)
        .flat_map(|names| names.split_whitespace().map(|name| name.trim_matches('"')))
        .filter(|name| !name.is_empty() && !name.contains(['*', '?', '!', '#']))
        .take(MOST)
        .map(ToOwned::to_owned)
        .collect()
}

/// What stands after `Host`, which ssh reads in any case and with or without `=`.
fn host_line(line: &str) -> Option<&str> {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (word, rest) = line.split_at_checked(end)?;
    word.eq_ignore_ascii_case("host")
        .then(|| rest.trim_start_matches(|c: char| c.is_whitespace() || c == '='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_patterns_left_out() {
        let text = "\
# comment\nHost spark-1 spark-2\n  HostName 10.0.0.1\nhost=\"box\"\nHost *.lan !x gpu?\nHOST\trtx\nHostName no\nMatch host y\n";
        let found: Vec<String> = ssh_aliases(text).into_iter().collect();
        assert_eq!(found, ["box", "rtx", "spark-1", "spark-2"]);
    }
}
