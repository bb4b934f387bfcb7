//! Which rows a list shows, in which order (pure): filters and sorting. The view draws them, the update moves over them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ui::{SortKey, TableUi, Ui};
use crate::domain::{GpuProcess, Metric};
use crate::engine::{Fleet, Host};
use crate::text::SafeText;

/// A filter as it is typed: words that must all be there, `!word` that must not. Case does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    words: Vec<(bool, String)>,
}

impl Filter {
    /// Reads a filter.
    pub fn new(text: &str) -> Self {
        let words = text
            .split_whitespace()
            .map(|word| match word.strip_prefix('!') {
                Some(not) => (false, not.to_lowercase()),
                None => (true, word.to_lowercase()),
            })
            .filter(|(_, word)| !word.is_empty())
            .collect();
        Self { words }
    }

    /// Whether a row with these texts is shown.
    pub fn matches<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let texts: Vec<String> = texts.into_iter().map(str::to_lowercase).collect();
        self.words
            .iter()
            .all(|(wanted, word)| texts.iter().any(|text| text.contains(word)) == *wanted)
    }
}

/// The hosts that the list shows, in the fleet's order.
pub fn hosts<'a>(fleet: &'a Fleet, ui: &Ui) -> Vec<&'a Arc<Host>> {
    let filter = Filter::new(&ui.list_filter.text);
    fleet
        .hosts
        .iter()
        .filter(|host| {
            let tags = host.spec.tags.iter().map(String::as_str);
            let state = [host.id.as_str(), host.word.word(), host.detail.as_str()];
            filter.matches(state.into_iter().chain(tags))
        })
        .collect()
}

/// The processes that the table shows, sorted. A process on two GPUs has two rows.
pub fn processes<'a>(host: &'a Host, table: &TableUi) -> Vec<&'a GpuProcess> {
    let Some(read) = &host.processes else {
        return Vec::new();
    };
    let filter = Filter::new(&table.filter.text);
    let mut rows: Vec<&GpuProcess> = read
        .value
        .iter()
        .filter(|process| {
            filter.matches([
                process.pid.to_string().as_str(),
                text(&process.user),
                process.command.as_str(),
                text(&process.container),
            ])
        })
        .collect();
    rows.sort_by(|a, b| {
        let order = compare(a, b, table.sort);
        let order = if table.reverse {
            order.reverse()
        } else {
            order
        };
        // Rows that are equal keep one order from beat to beat.
        order.then_with(|| (a.pid, a.gpu.as_str()).cmp(&(b.pid, b.gpu.as_str())))
    });
    rows
}

fn compare(a: &GpuProcess, b: &GpuProcess, key: SortKey) -> Ordering {
    match key {
        SortKey::Memory => b.memory.value().cmp(&a.memory.value()),
        SortKey::Pid => a.pid.cmp(&b.pid),
        SortKey::User => text(&a.user).cmp(text(&b.user)),
        SortKey::Command => a.command.cmp(&b.command),
        SortKey::Gpu => a.gpu.cmp(&b.gpu),
    }
}

fn text(metric: &Metric<SafeText>) -> &str {
    metric.value().map_or("", SafeText::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_must_all_be_there_and_negated_ones_must_not() {
        let row = ["spark-1", "ok", "lab"];
        for (filter, shown) in [
            ("", true),
            ("  ", true),
            ("SPARK", true),
            ("spark lab", true),
            ("spark down", false),
            ("!down", true),
            ("spark !ok", false),
            ("!", true),
        ] {
            assert_eq!(Filter::new(filter).matches(row), shown, "{filter:?}");
        }
    }
}
