//! The raw input of a tool call, read field by field with bounds (pure). Every refusal names the field and what is wanted.

use serde_json::{Map, Value, json};

use crate::domain::{HostId, HostName};

/// The input of one call: an object that holds nothing but known fields.
pub(super) struct Input<'a> {
    fields: Option<&'a Map<String, Value>>,
}

/// The schema of a host's name.
pub(super) fn host_schema() -> Value {
    json!({"type": "string", "maxLength": 263, "description": "a host's name as `fleet` tells it"})
}

impl<'a> Input<'a> {
    /// Takes an object, or nothing; a field that is not known is refused.
    pub(super) fn of(input: &'a Value, known: &[&str]) -> Result<Self, String> {
        let fields = match input {
            Value::Null => None,
            Value::Object(fields) => Some(fields),
            _ => return Err("the input is an object".into()),
        };
        let stranger = fields
            .into_iter()
            .flat_map(Map::keys)
            .find(|key| !known.contains(&key.as_str()));
        match stranger {
            Some(key) if known.is_empty() => Err(format!("it takes no input, so no {key:?}")),
            Some(key) => Err(format!(
                "no field is called {key:?}; there are {}",
                known.join(", ")
            )),
            None => Ok(Self { fields }),
        }
    }

    /// A field that is there and not null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    /// A text, where it is given. NUL is refused everywhere.
    pub(super) fn maybe_text(&self, name: &str, longest: usize) -> Result<Option<&'a str>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() > longest => {
                Err(format!("`{name}` is longer than {longest} bytes"))
            }
            Some(Value::String(text)) if text.contains('\0') => {
                Err(format!("`{name}` holds a NUL character"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` is a text")),
        }
    }

    /// A text.
    pub(super) fn text(&self, name: &str, longest: usize) -> Result<&'a str, String> {
        self.maybe_text(name, longest)?
            .ok_or_else(|| format!("`{name}` has to be given"))
    }

    /// A number from 1 to `most`, where it is given.
    pub(super) fn count(&self, name: &str, most: u32) -> Result<Option<u32>, String> {
        self.value(name)
            .map(|value| {
                value
                    .as_u64()
                    .and_then(|number| u32::try_from(number).ok())
                    .filter(|number| (1..=most).contains(number))
                    .ok_or_else(|| format!("`{name}` is a number from 1 to {most}"))
            })
            .transpose()
    }

    /// One of these words, where it is given.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, String> {
        let Some(given) = self.maybe_text(name, 64)? else {
            return Ok(None);
        };
        words
            .iter()
            .find(|(word, _)| *word == given)
            .map(|(_, meant)| Some(*meant))
            .ok_or_else(|| {
                let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("`{name}` is one of {}", all.join(", "))
            })
    }

    /// A list of at most so many items, where it is given.
    pub(super) fn maybe_list(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Option<&'a [Value]>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) if items.len() > most => {
                Err(format!("`{name}` holds more than {most} items"))
            }
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(format!("`{name}` is a list")),
        }
    }

    /// A list of at most so many items.
    pub(super) fn list(&self, name: &str, most: usize) -> Result<&'a [Value], String> {
        self.maybe_list(name, most)?
            .ok_or_else(|| format!("`{name}` has to be given"))
    }

    /// The host: a name, an address, or either with a port, as a fleet spells them. Whether there is one is for the engine.
    pub(super) fn host(&self) -> Result<HostId, String> {
        let text = self.text("host", 263)?;
        let bare: String = text.chars().filter(|c| !matches!(c, '[' | ']')).collect();
        bare.parse::<HostName>()
            .map(|_| HostId::new(text))
            .map_err(|invalid| format!("`host`: {invalid}"))
    }
}
