//! What can still be read of a file that is no YAML as a whole (pure): each top-level key by itself, and under `hosts`
//! each entry by itself, so that one slip of indentation does not take the fleet off the screen.

use super::node::{self, BadYaml, Key, Node, Value};

/// The parts that can be read, and what is wrong with the others beside the place that is known already.
pub(super) fn parts(text: &str, known: Option<u64>) -> (Vec<(Key, Node)>, Vec<BadYaml>) {
    let mut entries = Vec::new();
    let mut wrong = Vec::new();
    if text.len() > node::LONGEST_FILE {
        return (entries, wrong);
    }
    for block in blocks(text, is_top_level) {
        match block.parse() {
            Ok(Node {
                value: Value::Table(found),
                ..
            }) => entries.extend(found),
            Ok(_) => {}
            Err(bad) if block.text.starts_with("hosts:") => {
                let (hosts, more) = items(&block, bad);
                wrong.extend(more);
                entries.extend(hosts);
            }
            Err(bad) => {
                entries.extend(safeguard(&block));
                wrong.push(bad);
            }
        }
    }
    wrong.retain(|bad| bad.line != known);
    wrong.dedup();
    (entries, wrong)
}

/// A run of whole lines and the number of lines before it.
struct Block<'t> {
    before: u64,
    text: &'t str,
}

impl Block<'_> {
    /// Reads this part alone, with the line numbers of the whole.
    fn parse(&self) -> Result<Node, BadYaml> {
        // Blank lines keep the numbers right without any arithmetic on the tree.
        let blank = "\n".repeat(usize::try_from(self.before).unwrap_or_default());
        node::parse(&format!("{blank}{}", self.text))
    }
}

/// A line that sets read-only mode and can't be read counts as setting it.
fn safeguard(block: &Block<'_>) -> Option<(Key, Node)> {
    block.text.starts_with("read_only").then(|| {
        let line = block.before + 1;
        let key = Key {
            line,
            name: "read_only".into(),
        };
        let value = Value::Bool(true);
        (key, Node { line, value })
    })
}

/// The entries of a broken `hosts` list that hold.
fn items(hosts: &Block<'_>, whole: BadYaml) -> (Option<(Key, Node)>, Vec<BadYaml>) {
    let Some(indent) = hosts.text.lines().find_map(|line| {
        line.find('-')
            .filter(|at| line.trim_start().len() + at == line.len())
    }) else {
        return (None, vec![whole]);
    };
    let mut kept = Vec::new();
    let mut wrong = Vec::new();
    let begins = |line: &str| {
        line.get(..indent)
            .is_some_and(|head| head.trim().is_empty())
            && line
                .get(indent..)
                .is_some_and(|rest| rest == "-" || rest.starts_with("- "))
    };
    for block in blocks(hosts.text, begins).skip(1) {
        let block = Block {
            before: hosts.before + block.before,
            text: block.text,
        };
        match block.parse() {
            Ok(Node {
                value: Value::List(found),
                ..
            }) => kept.extend(found),
            Ok(_) => {}
            Err(bad) => wrong.push(bad),
        }
    }
    let line = hosts.before + 1;
    let key = Key {
        line,
        name: "hosts".into(),
    };
    let node = Node {
        line,
        value: Value::List(kept),
    };
    (Some((key, node)), wrong)
}

fn is_top_level(line: &str) -> bool {
    line.chars()
        .next()
        .is_some_and(|c| !c.is_whitespace() && !"#-]})".contains(c))
}

/// Cuts a text before every line that begins a part.
fn blocks(text: &str, begins: impl Fn(&str) -> bool) -> impl Iterator<Item = Block<'_>> {
    let mut starts = vec![(0_u64, 0_usize)];
    let mut offset = 0;
    for (number, line) in (0_u64..).zip(text.split_inclusive('\n')) {
        if offset > 0 && begins(line.trim_end_matches(['\n', '\r'])) {
            starts.push((number, offset));
        }
        offset += line.len();
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(_, at)| *at)
        .chain([text.len()])
        .collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|((before, start), end)| {
            text.get(start..end).map(|text| Block { before, text })
        })
}
