//! A schema as it is written becomes one that can be used; what it has of JSON Schema that this plugin does not know is
//! refused, since to leave it out would let in what the schema was to keep out.

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::{Number, Value};
use regex_lite::Regex;

use crate::schema::{Schema, Type};

/// What says nothing about values.
const REMARKS: [&str; 8] =
    ["$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated"];

impl Schema {
    /// The schema that is written in `value`.
    pub(crate) fn compile(value: &Value) -> Result<Self> {
        match value {
            Value::Bool(is_any) => Ok(Self { is_never: !is_any, ..Self::default() }),
            Value::Object(keywords) => {
                let mut schema = Self::default();
                for (keyword, value) in keywords {
                    schema.add(keyword, value).map_err(|error| error.context(keyword))?;
                }
                Ok(schema)
            }
            _ => Err("must be an object or a boolean".into()),
        }
    }

    fn add(&mut self, keyword: &str, value: &Value) -> Result<()> {
        match keyword {
            "type" => self.types = types(value)?,
            "enum" => self.values = Some(value.as_array().ok_or("must be an array")?.clone()),
            "const" => self.values = Some(vec![value.clone()]),
            "properties" => {
                for (name, value) in value.as_object().ok_or("must be an object")? {
                    let schema = Self::compile(value).map_err(|error| error.context(name))?;
                    self.properties.insert(name.clone(), schema);
                }
            }
            "required" => self.required = strings(value)?,
            "additionalProperties" => self.additional = Some(Box::new(Self::compile(value)?)),
            "items" => self.items = Some(Box::new(Self::compile(value)?)),
            "minItems" => self.item_count.least = Some(count(value)?),
            "maxItems" => self.item_count.most = Some(count(value)?),
            "minLength" => self.length.least = Some(count(value)?),
            "maxLength" => self.length.most = Some(count(value)?),
            "pattern" => self.pattern = Some(pattern(value)?),
            "minimum" => self.range.least = Some(number(value)?),
            "maximum" => self.range.most = Some(number(value)?),
            "exclusiveMinimum" => self.between.least = Some(number(value)?),
            "exclusiveMaximum" => self.between.most = Some(number(value)?),
            remark if REMARKS.contains(&remark) => {}
            _ => return Err("is not among the keywords that this plugin knows".into()),
        }
        Ok(())
    }
}

fn types(value: &Value) -> Result<Vec<Type>> {
    let names = match value {
        Value::String(name) => vec![name.clone()],
        _ => strings(value)?,
    };
    if names.is_empty() {
        return Err("must name a type".into());
    }
    let named = |name: &String| Type::named(name).ok_or_else(|| format!("`{name}` is not a type").into());
    names.iter().map(named).collect()
}

fn strings(value: &Value) -> Result<Vec<String>> {
    let strings = value.as_array().and_then(|items| {
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    strings.ok_or_else(|| "must be an array of strings".into())
}

fn count(value: &Value) -> Result<u64> {
    value.as_u64().ok_or_else(|| "must be a whole number, 0 or more".into())
}

fn number(value: &Value) -> Result<Number> {
    value.as_number().cloned().ok_or_else(|| "must be a number".into())
}

fn pattern(value: &Value) -> Result<Regex> {
    Regex::new(value.as_str().ok_or("must be a string")?).map_err(Error::new)
}
