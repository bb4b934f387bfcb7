//! Lists and tables of an engine's answer, read up to a bound (pure): a small answer can hold very many empty things, and
//! engines write `null` where there is nothing.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A list; what is beyond the first `MOST` is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Few<T, const MOST: usize>(pub(super) Vec<T>);

/// A table in the order it was written; what is beyond the first `MOST` is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairs<T, const MOST: usize>(pub(super) Vec<(String, T)>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MOST: usize> Default for Pairs<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader::<Self>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Pairs<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader::<Self>(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reader<Few<T, MOST>> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Few::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while few.len() < MOST {
            match list.next_element()? {
                Some(one) => few.push(one),
                None => return Ok(Few(few)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Few(few))
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Reader<Pairs<T, MOST>> {
    type Value = Pairs<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Pairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while pairs.len() < MOST {
            match table.next_entry()? {
                Some(pair) => pairs.push(pair),
                None => return Ok(Pairs(pairs)),
            }
        }
        while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_by_rows() {
        let few = |json: &str| serde_json::from_str::<Few<u8, 3>>(json).map(|few| few.0);
        for (json, expected) in [
            ("null", &[][..]),
            ("[]", &[]),
            ("[1,2]", &[1, 2]),
            ("[1,2,3]", &[1, 2, 3]),
            ("[1,2,3,4,\"x\",[]]", &[1, 2, 3]),
        ] {
            assert_eq!(few(json).unwrap(), expected, "{json}");
        }
        for json in ["{}", "7", "[\"x\"]", "[1,2,3,4"] {
            assert!(few(json).is_err(), "{json}");
        }
        let pairs = |json: &str| serde_json::from_str::<Pairs<u8, 2>>(json).map(|pairs| pairs.0);
        let two = vec![("b".to_owned(), 1), ("a".to_owned(), 2)];
        assert_eq!(pairs("null").unwrap(), []);
        assert_eq!(pairs(r#"{"b":1,"a":2,"c":{}}"#).unwrap(), two);
        assert!(pairs("[]").is_err());
    }
}
