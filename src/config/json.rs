//! A plugin's configuration: TOML in the file, JSON for the guest.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value as Json};
use toml::de::{DeFloat, DeInteger, DeValue};

use super::diagnostics::Problems;
use super::source::Spanned;
use super::table::{child, in_order};
use super::value::{Value, elements};

/// Where each part of a JSON value is in the file, by JSON pointer: a schema's complaint should have a line, too.
pub(crate) type Places = BTreeMap<String, Spanned<()>>;

/// Converts a table and remembers the place of each of its parts.
pub(crate) fn object(value: &Value<'_>, places: &mut Places, problems: &mut Problems) -> Option<Json> {
    if value.as_table().is_none() {
        value.expected(problems, "a table such as { header = \"x-api-key\" }");
        return None;
    }
    convert(value, String::new(), places, problems)
}

/// Converts any value that JSON can carry; `pointer` is where it is going to be.
pub(crate) fn convert(
    value: &Value<'_>,
    pointer: String,
    places: &mut Places,
    problems: &mut Problems,
) -> Option<Json> {
    let json = match value.node {
        DeValue::String(text) => Some(Json::from(text.as_ref())),
        DeValue::Integer(digits) => whole(digits).or_else(|| no_number(value, problems)),
        DeValue::Float(digits) => real(digits).or_else(|| no_number(value, problems)),
        DeValue::Boolean(flag) => Some(Json::from(*flag)),
        // JSON has no dates; RFC 3339 text is what every language reads.
        DeValue::Datetime(time) => Some(Json::from(time.to_string())),
        DeValue::Array(_) => Some(array(value, &pointer, places, problems)),
        DeValue::Table(_) => Some(table(value, &pointer, places, problems)),
    };
    places.insert(pointer, value.spanned(()));
    json
}

fn array(value: &Value<'_>, pointer: &str, places: &mut Places, problems: &mut Problems) -> Json {
    let elements = elements(value).unwrap_or_default();
    let convert = |(index, element): (usize, &Value<'_>)| {
        convert(element, format!("{pointer}/{index}"), places, problems)
    };
    Json::Array(elements.iter().enumerate().filter_map(convert).collect())
}

fn table(value: &Value<'_>, pointer: &str, places: &mut Places, problems: &mut Problems) -> Json {
    let mut object = Map::new();
    for (key, node) in value.as_table().map(in_order).unwrap_or_default() {
        let name = key.get_ref().as_ref();
        let entry = Value::new(child(&value.key, name), node);
        let escaped = name.replace('~', "~0").replace('/', "~1");
        if let Some(json) = convert(&entry, format!("{pointer}/{escaped}"), places, problems) {
            object.insert(name.to_owned(), json);
        }
    }
    Json::Object(object)
}

fn whole(digits: &DeInteger<'_>) -> Option<Json> {
    let signed = i64::from_str_radix(digits.as_str(), digits.radix()).map(Json::from);
    signed.or_else(|_| u64::from_str_radix(digits.as_str(), digits.radix()).map(Json::from)).ok()
}

fn real(digits: &DeFloat<'_>) -> Option<Json> {
    Number::from_f64(digits.as_str().parse().ok()?).map(Json::Number)
}

fn no_number(value: &Value<'_>, problems: &mut Problems) -> Option<Json> {
    value
        .mistake(problems, "JSON has no such number")
        .help("plugins get their configuration as JSON: no inf, no nan, 64 bits");
    None
}
