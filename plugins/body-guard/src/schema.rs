use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use gatewright_sdk::serde_json::{Number, Value};
use regex_lite::Regex;

use crate::number::{compare, is_equal, is_integer};

/// How many problems a client is told of: who sends garbage is not to get an essay.
const MOST_PROBLEMS: usize = 16;

/// The part of JSON Schema that this plugin knows, ready to be used.
#[derive(Default)]
pub(crate) struct Schema {
    /// `false` as a schema: nothing keeps to it.
    pub(crate) is_never: bool,
    pub(crate) types: Vec<Type>,
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) properties: BTreeMap<String, Schema>,
    pub(crate) required: Vec<String>,
    pub(crate) additional: Option<Box<Schema>>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) item_count: Bounds<u64>,
    pub(crate) length: Bounds<u64>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) range: Bounds<Number>,
    /// As `range`, without the bounds themselves.
    pub(crate) between: Bounds<Number>,
}

/// A type of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// The least and the most.
pub(crate) struct Bounds<T> {
    pub(crate) least: Option<T>,
    pub(crate) most: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { least: None, most: None }
    }
}

/// What is wrong with a value, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// A JSON pointer: empty for the body itself.
    pub(crate) at: String,
    pub(crate) what: String,
}

impl Schema {
    /// What keeps `value` from this schema, up to the first few.
    pub(crate) fn problems(&self, value: &Value) -> Vec<Problem> {
        let mut walk = Walk { path: String::new(), problems: Vec::new() };
        walk.visit(self, value);
        walk.problems
    }
}

/// A value being looked at.
struct Walk {
    path: String,
    problems: Vec<Problem>,
}

impl Walk {
    fn visit(&mut self, schema: &Schema, value: &Value) {
        if schema.is_never {
            return self.wrong("must not be there");
        }
        if !schema.types.is_empty() && !schema.types.iter().any(|wanted| wanted.has(value)) {
            return self.wrong(format_args!("must be {}", Type::list(&schema.types)));
        }
        if schema.values.as_ref().is_some_and(|values| !values.iter().any(|known| is_equal(known, value))) {
            self.wrong("is none of the values it may be");
        }
        match value {
            Value::Object(members) => self.object(schema, members),
            Value::Array(items) => self.array(schema, items),
            Value::String(text) => self.string(schema, text),
            Value::Number(number) => self.number(schema, number),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, schema: &Schema, members: &gatewright_sdk::serde_json::Map<String, Value>) {
        for name in schema.required.iter().filter(|name| !members.contains_key(*name)) {
            self.wrong(format_args!("`{name}` is missing"));
        }
        for (name, value) in members {
            let known = schema.properties.get(name).or(schema.additional.as_deref());
            if let Some(known) = known {
                self.below(name, |walk| walk.visit(known, value));
            }
        }
    }

    fn array(&mut self, schema: &Schema, items: &[Value]) {
        let count = items.len() as u64;
        self.bounds(&schema.item_count, |bound| count.cmp(bound), "items");
        let Some(of) = &schema.items else { return };
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.below(&index.to_string(), |walk| walk.visit(of, item));
        }
    }

    fn string(&mut self, schema: &Schema, text: &str) {
        if schema.length.least.is_some() || schema.length.most.is_some() {
            let length = text.chars().count() as u64;
            self.bounds(&schema.length, |bound| length.cmp(bound), "characters");
        }
        if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            self.wrong(format_args!("must match `{pattern}`"));
        }
    }

    fn number(&mut self, schema: &Schema, number: &Number) {
        self.bounds(&schema.range, |bound| compare(number, bound), "");
        let Bounds { least, most } = &schema.between;
        if let Some(least) = least.as_ref().filter(|least| compare(number, least).is_le()) {
            self.wrong(format_args!("must be more than {least}"));
        }
        if let Some(most) = most.as_ref().filter(|most| compare(number, most).is_ge()) {
            self.wrong(format_args!("must be less than {most}"));
        }
    }

    fn bounds<T: fmt::Display>(&mut self, bounds: &Bounds<T>, compare: impl Fn(&T) -> Ordering, unit: &str) {
        let gap = if unit.is_empty() { "" } else { " " };
        if let Some(least) = bounds.least.as_ref().filter(|least| compare(least).is_lt()) {
            self.wrong(format_args!("must be at least {least}{gap}{unit}"));
        }
        if let Some(most) = bounds.most.as_ref().filter(|most| compare(most).is_gt()) {
            self.wrong(format_args!("must be at most {most}{gap}{unit}"));
        }
    }

    /// Looks at what lies under `name`.
    fn below(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        look(self);
        self.path.truncate(length);
    }

    fn wrong(&mut self, what: impl fmt::Display) {
        if !self.is_full() {
            self.problems.push(Problem { at: self.path.clone(), what: what.to_string() });
        }
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }
}

impl Type {
    const ALL: [(Self, &str); 7] = [
        (Self::Null, "null"),
        (Self::Boolean, "boolean"),
        (Self::Integer, "integer"),
        (Self::Number, "number"),
        (Self::String, "string"),
        (Self::Array, "array"),
        (Self::Object, "object"),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(known, _)| known)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }

    fn list(types: &[Self]) -> String {
        types.iter().map(|known| known.name()).collect::<Vec<_>>().join(" or ")
    }

    fn has(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::String(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Integer, Value::Number(number)) => is_integer(number),
            _ => false,
        }
    }
}
