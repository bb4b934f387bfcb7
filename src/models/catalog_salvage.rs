//! What can still be read of a catalogue that is no YAML as a whole (pure): its defaults, and each entry by itself, so that one
//! slip of indentation costs one model and not all of them.

use crate::config::{Key, Node, Problems, Value, parse_yaml};

/// Longest text that is taken apart, in bytes, and most entries of it: each is read with the lines before it.
const LONGEST: usize = 256 * 1024;
const MOST: usize = 300;

/// A run of whole lines, the first of them counted from 1.
struct Block {
    line: usize,
    text: String,
}

/// The parts that can be read. What can't is told with its line.
pub(super) fn parts(text: &str, problems: &mut Problems) -> Option<Node> {
    if text.len() > LONGEST {
        return None;
    }
    let defaults = block(text, "defaults:").and_then(|block| {
        let root = parse(&block, "")?;
        entries(root).into_iter().next()
    });
    let models = block(text, "models:")?;
    let mut kept = Vec::new();
    for block in by_key(&models).into_iter().take(MOST) {
        match parse_block(&block) {
            Ok(root) => {
                let found = entries(root)
                    .into_iter()
                    .flat_map(|(_, node)| entries(node));
                kept.extend(found);
            }
            Err((line, what)) => {
                problems.in_file(line, &what, "this entry is left out, the others are used");
            }
        }
    }
    let line = u64::try_from(models.line).unwrap_or(1);
    let key = Key {
        line,
        name: "models".into(),
    };
    let node = Node {
        line,
        value: Value::Table(kept),
    };
    Some(Node {
        line: 1,
        value: Value::Table(defaults.into_iter().chain([(key, node)]).collect()),
    })
}

fn entries(node: Node) -> Vec<(Key, Node)> {
    match node.value {
        Value::Table(entries) => entries,
        _ => Vec::new(),
    }
}

/// The lines of a top-level key.
fn block(text: &str, key: &str) -> Option<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| line.starts_with(key))?;
    let rest = lines.iter().skip(first + 1);
    let body = rest.take_while(|line| line.is_empty() || line.starts_with([' ', '#', '\t']));
    let all: Vec<&str> = lines.get(first).into_iter().chain(body).copied().collect();
    Some(Block {
        line: first + 1,
        text: all.join("\n"),
    })
}

/// The entries below `models:`, each with its own lines.
fn by_key(models: &Block) -> Vec<Block> {
    let mut indent = None;
    let mut blocks: Vec<Block> = Vec::new();
    for (number, line) in (models.line..).zip(models.text.lines()).skip(1) {
        let begin = line.trim_start();
        let depth = line.len() - begin.len();
        let said = !begin.is_empty() && !begin.starts_with('#');
        if said && depth == *indent.get_or_insert(depth) {
            blocks.push(Block {
                line: number,
                text: line.to_owned(),
            });
        } else if let Some(block) = blocks.last_mut() {
            block.text.push('\n');
            block.text.push_str(line);
        }
    }
    blocks
}

fn parse(block: &Block, above: &str) -> Option<Node> {
    parse_yaml(&placed(block, above)).ok()
}

fn parse_block(block: &Block) -> Result<Node, (Option<u64>, String)> {
    parse_yaml(&placed(block, "models:\n")).map_err(|bad| (bad.line, bad.what))
}

/// The block where it stood: blank lines keep the numbers right.
fn placed(block: &Block, above: &str) -> String {
    let lines = block.line.saturating_sub(1 + above.lines().count());
    format!("{}{above}{}\n", "\n".repeat(lines), block.text)
}

#[cfg(test)]
mod tests {
    use super::super::Catalog;
    use crate::domain::ModelKey;

    #[test]
    fn one_slip_costs_one_entry() {
        let text = "\
# mine
defaults:
  engine: vllm

models:
  a: {repo: x/a}
  b:
    repo: x/b
    args: [--x
  # between
  c:
    repo: x/c
     size: 3 GiB
  d:
    repo: x/d
    port: 0
  e: {repo: x/e}
";
        let catalog = Catalog::load(&[("m", text)]);
        let keys: Vec<&str> = catalog.recipes.keys().map(ModelKey::as_str).collect();
        assert_eq!(keys, ["a", "e"]);
        let lines: Vec<Option<u64>> = catalog
            .problems
            .iter()
            .map(|problem| problem.line)
            .collect();
        assert!(lines.contains(&Some(16)), "{:#?}", catalog.problems);
        assert!(
            lines
                .iter()
                .all(|line| line.is_some_and(|line| (8..=16).contains(&line)))
        );
        assert!(
            lines.len() >= 3 && lines.len() <= 4,
            "{:#?}",
            catalog.problems
        );
    }

    #[test]
    fn what_is_no_catalogue_at_all_is_told_once() {
        for text in ["[", "models: [", "\u{0}", "a: b: c\n"] {
            let catalog = Catalog::load(&[("m", text)]);
            assert_eq!(
                catalog.problems.len(),
                1,
                "{text:?}: {:?}",
                catalog.problems
            );
        }
    }
}
