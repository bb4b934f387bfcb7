//! Values of a compose file as they are read (pure): one reader for each shape, which tells what does not fit and where.

use serde_json::{Map, Value as Json, json};

use super::compose::Scan;
use super::compose_words::expanded;
use crate::config::{Node, Value};
use crate::domain::TreePath;

impl Scan<'_> {
    /// A text or a number, its variables put in.
    pub(super) fn scalar(&mut self, node: &Node, place: &str) -> Option<String> {
        let text = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            other => {
                let why = format!("it is {}, and a text is wanted", other.kind());
                self.wrong(node.line, place, why);
                return None;
            }
        };
        match expanded(&text, self.variables) {
            Ok(text) => Some(text),
            Err(why) => {
                self.wrong(node.line, place, why);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, node: &Node, place: &str) -> Option<bool> {
        if let Value::Bool(flag) = node.value {
            return Some(flag);
        }
        // Compose takes `"true"` for true; whoever looks for `true` alone would let it pass.
        match self.scalar(node, place)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => Some(true),
            "false" | "no" | "n" | "off" | "0" => Some(false),
            _ => {
                self.wrong(node.line, place, "it is true or false");
                None
            }
        }
    }

    pub(super) fn list(&mut self, node: &Node, place: &str) -> Vec<String> {
        let Value::List(items) = &node.value else {
            self.wrong(node.line, place, "it is a list");
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| self.scalar(item, place))
            .collect()
    }

    pub(super) fn pairs(&mut self, node: &Node, place: &str) -> Map<String, Json> {
        let mut pairs = Map::new();
        if let Value::List(_) = node.value {
            for pair in self.list(node, place) {
                match pair.split_once('=') {
                    Some((name, value)) => pairs.insert(name.to_owned(), json!(value)),
                    None => {
                        // Without a value it is taken from whoever runs compose.
                        self.wrong(node.line, place, format!("`{pair}` has no value"));
                        None
                    }
                };
            }
            return pairs;
        }
        for (key, node) in self.table(node, place) {
            let value = match &node.value {
                Value::Bool(flag) => Some(flag.to_string()),
                Value::Null => {
                    self.wrong(key.line, place, format!("`{}` has no value", key.name));
                    None
                }
                _ => self.scalar(node, place),
            };
            if let Some(value) = value {
                pairs.insert(key.name.clone(), Json::String(value));
            }
        }
        pairs
    }

    /// A path inside the project's folder, as compose is to read it.
    pub(super) fn inside(&mut self, path: &str, line: u64, place: &str) -> Option<String> {
        let plain = path
            .strip_prefix("./")
            .unwrap_or(path)
            .trim_end_matches('/');
        if matches!(plain, "" | ".") && !path.starts_with('/') {
            return Some(".".into());
        }
        match plain.parse::<TreePath>() {
            Ok(inside) if !plain.contains(':') && !plain.starts_with('~') => {
                Some(format!("./{inside}"))
            }
            _ => {
                let why = format!(
                    "`{}` is not inside the project's folder",
                    path.escape_debug()
                );
                self.wrong(line, place, why);
                None
            }
        }
    }

    /// As it stands: only for what a person has allowed.
    pub(super) fn json(&mut self, node: &Node, place: &str) -> Json {
        match &node.value {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Integer(number) => json!(number),
            Value::Float(number) => json!(number),
            Value::Text(_) => self.scalar(node, place).map_or(Json::Null, Json::String),
            Value::List(items) => items.iter().map(|item| self.json(item, place)).collect(),
            Value::Table(_) => {
                let entries = self.table(node, place);
                let mut table = Map::new();
                for (key, node) in entries {
                    table.insert(key.name.clone(), self.json(node, place));
                }
                Json::Object(table)
            }
        }
    }
}
