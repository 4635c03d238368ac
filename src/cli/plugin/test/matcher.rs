use std::path::Path;

use regex::bytes::Regex;
use serde_json::Value as Json;
use toml::de::DeValue;

use super::message::{base64, file};
use crate::config::{Places, Problems, TableReader, Value, convert, text};

/// What a value should be.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// Not there: `false`.
    Absent,
    /// There, whatever it is: `true`.
    Present,
    /// Exactly this: `"text"`, `{ equals = "~text" }`, `{ base64 = "…" }`, `{ file = "…" }`.
    Equals(Vec<u8>),
    /// With a match of the expression in it: `"~expression"`, `{ matches = "expression" }`.
    Matches(Regex),
    /// With this in it: `{ contains = "text" }`.
    Contains(Vec<u8>),
    /// Without this in it: `{ lacks = "text" }`.
    Lacks(Vec<u8>),
    /// JSON that means the same: `{ json = … }`.
    Json(Json),
    /// All of it: a table with several keys.
    All(Vec<Matcher>),
}

const WANTED: &str = "what it should be: a string, \"~regular expression\", a table, or false for none";

impl Matcher {
    pub(super) fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        match value.node {
            DeValue::Boolean(there) => Some(if *there { Self::Present } else { Self::Absent }),
            DeValue::Integer(digits) => Some(Self::Equals(digits.as_str().as_bytes().to_vec())),
            DeValue::String(written) => match written.strip_prefix('~') {
                Some(expression) => regex(expression, value, problems),
                None => Some(Self::Equals(written.as_bytes().to_vec())),
            },
            DeValue::Table(_) => Self::read_table(value, folder, problems),
            _ => {
                value.expected(problems, WANTED);
                None
            }
        }
    }

    fn read_table(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = TableReader::open(value, WANTED, problems)?;
        let string = |value: &Value<'_>, problems: &mut Problems| {
            Some(text(value, "a string such as \"text\"", problems)?.as_bytes().to_vec())
        };
        let all = [
            table.optional("equals", string).map(Self::Equals),
            table.optional("matches", |value, problems| {
                regex(text(value, "a regular expression such as \"^v[0-9]+$\"", problems)?, value, problems)
            }),
            table.optional("contains", string).map(Self::Contains),
            table.optional("lacks", string).map(Self::Lacks),
            table.optional("json", json),
            table.optional("base64", base64).map(Self::Equals),
            table.optional("file", |value, problems| file(value, folder, problems)).map(Self::Equals),
        ];
        table.finish();
        let mut all: Vec<_> = all.into_iter().flatten().collect();
        match all.len() {
            1 => all.pop(),
            _ => Some(Self::All(all)),
        }
    }

    /// What an error or a refusal should say somewhere.
    pub(super) fn read_part(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        match Self::read(value, Path::new(""), problems)? {
            Self::Equals(bytes) => Some(Self::Contains(bytes)),
            other => Some(other),
        }
    }

    /// Whether the value, which may not be there, is as it should be.
    pub(super) fn matches(&self, found: Option<&[u8]>) -> bool {
        let Some(found) = found else { return self.takes_nothing() };
        match self {
            Self::Absent => false,
            Self::Present => true,
            Self::Equals(bytes) => found == bytes,
            Self::Matches(regex) => regex.is_match(found),
            Self::Contains(part) => contains(found, part),
            Self::Lacks(part) => !contains(found, part),
            Self::Json(json) => serde_json::from_slice::<Json>(found).is_ok_and(|found| found == *json),
            Self::All(all) => all.iter().all(|matcher| matcher.matches(Some(found))),
        }
    }

    fn takes_nothing(&self) -> bool {
        match self {
            Self::Absent | Self::Lacks(_) => true,
            Self::All(all) => all.iter().all(Self::takes_nothing),
            _ => false,
        }
    }

    /// What should be, in words.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Absent => "none".to_owned(),
            Self::Present => "any".to_owned(),
            Self::Equals(bytes) => shown(bytes),
            Self::Matches(regex) => format!("matches {regex}"),
            Self::Contains(part) => format!("contains {}", shown(part)),
            Self::Lacks(part) => format!("lacks {}", shown(part)),
            Self::Json(json) => format!("{json:#}"),
            Self::All(all) => all.iter().map(Self::described).collect::<Vec<_>>().join(" and "),
        }
    }

    /// What was found instead, in the same words.
    pub(super) fn shown(&self, found: Option<&[u8]>) -> String {
        let Some(found) = found else { return "none".to_owned() };
        match (self, serde_json::from_slice::<Json>(found)) {
            (Self::Json(_), Ok(json)) => format!("{json:#}"),
            _ => shown(found),
        }
    }
}

pub(super) fn json(value: &Value<'_>, problems: &mut Problems) -> Option<Matcher> {
    convert(value, String::new(), &mut Places::new(), problems).map(Matcher::Json)
}

fn regex(expression: &str, value: &Value<'_>, problems: &mut Problems) -> Option<Matcher> {
    match Regex::new(expression) {
        Ok(regex) => Some(Matcher::Matches(regex)),
        Err(error) => {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            value.mistake(problems, format!("not a regular expression: {why}"));
            None
        }
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// Text as it is, quoted where it is one line; other bytes escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text)
            if text.contains('\n') && text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t') =>
        {
            text.to_owned()
        }
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\" ({} bytes)", bytes.escape_ascii(), bytes.len()),
    }
}
