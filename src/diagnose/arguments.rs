//! The arguments of an entry of the catalogue: one table from which the schema that is shown and the check that is made
//! both follow (pure).

use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::catalogue::InvalidQuestion;
use super::values::{InvalidValue, Priority, Since};

/// One argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) kind: Kind,
}

/// What may stand in an argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A number from 1 to this, with what is taken where none is given.
    Count { most: u32, usual: u32 },
    /// One of these words; the first is taken where none is given.
    Choice(&'static [&'static str]),
    /// A time to look back.
    Since { usual: &'static str },
    /// The least priority that is wanted.
    Priority,
    /// A unit; it may be left out.
    Unit,
    /// A unit; it has to be there.
    NeededUnit,
    /// A file below `/var/log`.
    LogPath,
}

impl Argument {
    fn is_needed(&self) -> bool {
        matches!(self.kind, Kind::NeededUnit | Kind::LogPath)
    }

    /// Its name with what may stand in it.
    pub(super) fn words(&self) -> String {
        let name = self.name;
        match self.kind {
            Kind::Count { most, usual } => format!("{name}: 1 to {most}, else {usual}"),
            Kind::Choice(words) => format!("{name}: {}", words.join("|")),
            Kind::Since { usual } => format!("{name}: 30m, 2h, 3d or RFC 3339, else {usual}"),
            Kind::Priority => format!("{name}: {}", Priority::ALL.map(Priority::word).join("|")),
            Kind::Unit => format!("{name}: optional"),
            Kind::NeededUnit | Kind::LogPath => format!("{name}: needed"),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Count { most, usual } => {
                json!({"type": "integer", "minimum": 1, "maximum": most, "default": usual})
            }
            Kind::Choice(words) => {
                json!({"type": "string", "enum": words, "default": words.first()})
            }
            Kind::Since { usual } => {
                json!({"type": "string", "maxLength": 40, "default": usual})
            }
            Kind::Priority => json!({"type": "string", "enum": Priority::ALL.map(Priority::word)}),
            Kind::Unit | Kind::NeededUnit => {
                json!({"type": "string", "maxLength": 255, "pattern": r"^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$"})
            }
            Kind::LogPath => {
                json!({"type": "string", "maxLength": 255, "pattern": "^/var/log/"})
            }
        };
        if let Value::Object(fields) = &mut schema {
            fields.insert("description".into(), self.what.into());
        }
        schema
    }
}

/// The JSON schema of a set of arguments: nothing beside them is allowed.
pub(super) fn schema(arguments: &[Argument]) -> Value {
    let properties: Map<String, Value> = arguments
        .iter()
        .map(|argument| (argument.name.to_owned(), argument.schema()))
        .collect();
    let needed: Vec<&str> = arguments
        .iter()
        .filter(|argument| argument.is_needed())
        .map(|argument| argument.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": needed,
        "additionalProperties": false,
    })
}

/// The given arguments of one question, as they are read out.
pub(super) struct Given<'a> {
    question: &'static str,
    known: &'static [Argument],
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Given<'a> {
    /// Takes an object or nothing, and refuses arguments that the question does not have.
    pub(super) fn new(
        question: &'static str,
        known: &'static [Argument],
        given: &'a Value,
    ) -> Result<Self, InvalidQuestion> {
        let this = |fields| Self {
            question,
            known,
            fields,
        };
        let fields = match given {
            Value::Null => return Ok(this(None)),
            Value::Object(fields) => fields,
            other => {
                return Err(InvalidQuestion::new(format!(
                    "the arguments of `{question}` are an object, not {}",
                    kind_of(other)
                )));
            }
        };
        if let Some(stranger) = fields
            .keys()
            .find(|key| !known.iter().any(|argument| argument.name == key.as_str()))
        {
            return Err(InvalidQuestion::new(format!(
                "`{question}` has no argument {stranger:?}; {}",
                known_words(known)
            )));
        }
        Ok(this(Some(fields)))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        self.known
            .iter()
            .find(|argument| argument.name == name)
            .map(|argument| argument.kind)
    }

    fn wrong(&self, name: &str, why: &str) -> InvalidQuestion {
        InvalidQuestion::new(format!("`{name}` of `{}`: {why}", self.question))
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, InvalidQuestion> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(self.wrong(name, &format!("a text is wanted, not {}", kind_of(other))))
            }
        }
    }

    /// A number within its bounds.
    pub(super) fn count(&self, name: &'static str) -> Result<u32, InvalidQuestion> {
        let Some(Kind::Count { most, usual }) = self.kind(name) else {
            return Err(self.wrong(name, "no number"));
        };
        let Some(value) = self.value(name) else {
            return Ok(usual);
        };
        value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| self.wrong(name, &format!("a number from 1 to {most} is wanted")))
    }

    /// One of its words.
    pub(super) fn choice(&self, name: &'static str) -> Result<&'static str, InvalidQuestion> {
        let Some(Kind::Choice(words)) = self.kind(name) else {
            return Err(self.wrong(name, "no choice"));
        };
        let given = self.text(name)?;
        words
            .iter()
            .find(|word| given.is_none_or(|given| given == **word))
            .copied()
            .ok_or_else(|| self.wrong(name, &format!("one of {} is wanted", words.join(", "))))
    }

    /// A time to look back.
    pub(super) fn since(&self, name: &'static str) -> Result<Since, InvalidQuestion> {
        let Some(Kind::Since { usual }) = self.kind(name) else {
            return Err(self.wrong(name, "no time"));
        };
        self.parsed(self.text(name)?.unwrap_or(usual), name)
    }

    /// The least priority.
    pub(super) fn priority(&self, name: &'static str) -> Result<Option<Priority>, InvalidQuestion> {
        let Some(given) = self.text(name)? else {
            return Ok(None);
        };
        Priority::ALL
            .into_iter()
            .find(|priority| priority.word() == given)
            .map(Some)
            .ok_or_else(|| {
                let words = Priority::ALL.map(Priority::word).join(", ");
                self.wrong(name, &format!("one of {words} is wanted"))
            })
    }

    /// A value with a grammar, where it is given.
    pub(super) fn maybe<T>(&self, name: &'static str) -> Result<Option<T>, InvalidQuestion>
    where
        T: FromStr<Err = InvalidValue>,
    {
        self.text(name)?
            .map(|text| self.parsed(text, name))
            .transpose()
    }

    /// A value with a grammar that has to be given.
    pub(super) fn needed<T>(&self, name: &'static str) -> Result<T, InvalidQuestion>
    where
        T: FromStr<Err = InvalidValue>,
    {
        self.maybe(name)?
            .ok_or_else(|| self.wrong(name, "it has to be given"))
    }

    fn parsed<T>(&self, text: &str, name: &str) -> Result<T, InvalidQuestion>
    where
        T: FromStr<Err = InvalidValue>,
    {
        text.parse::<T>()
            .map_err(|invalid| self.wrong(name, &invalid.0))
    }
}

fn known_words(known: &[Argument]) -> String {
    if known.is_empty() {
        return "it takes none".to_owned();
    }
    let names: Vec<&str> = known.iter().map(|argument| argument.name).collect();
    format!("it takes {}", names.join(", "))
}

/// What sort of JSON value it is, with its article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
