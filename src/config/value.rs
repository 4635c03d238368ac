//! One value of the file on its way to a type.

use toml::de::{DeTable, DeValue};

use super::diagnostics::{Diagnostic, Problems};
use super::source::{Span, Spanned};

/// A value with its place and the path of its key.
///
/// A *read function* is `fn(&Value, &mut Problems) -> Option<T>`: `None` means the mistake has been noted.
#[derive(Clone)]
pub(crate) struct Value<'a> {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) node: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    pub(crate) fn new(key: String, node: &'a toml::Spanned<DeValue<'a>>) -> Self {
        Self { key, span: node.span().into(), node: node.get_ref() }
    }

    /// Notes a mistake about this value.
    pub(crate) fn mistake<'p>(
        &self,
        problems: &'p mut Problems,
        message: impl Into<String>,
    ) -> &'p mut Diagnostic {
        problems.add(self.span, &self.key, message)
    }

    /// Notes that the value is of the wrong type; `wanted` reads like `a duration such as "250ms"`.
    pub(crate) fn expected<'p>(&self, problems: &'p mut Problems, wanted: &str) -> &'p mut Diagnostic {
        self.mistake(problems, format!("expected {wanted}, found {}", self.described()))
    }

    /// The value with its place.
    pub(crate) fn spanned<T>(&self, value: T) -> Spanned<T> {
        Spanned::new(value, self.span)
    }

    pub(crate) fn as_table(&self) -> Option<&'a DeTable<'a>> {
        self.node.as_table()
    }

    fn described(&self) -> String {
        match self.node {
            DeValue::String(text) => format!("the string {text:?}"),
            DeValue::Integer(number) => format!("the integer {number}"),
            DeValue::Float(number) => format!("the number {number}"),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(time) => format!("the date {time}"),
            DeValue::Array(_) => "an array".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }
}

/// Reads a string.
pub(crate) fn string(value: &Value<'_>, problems: &mut Problems) -> Option<String> {
    text(value, "a string such as \"text\"", problems).map(str::to_owned)
}

/// Reads a string of a certain kind; `wanted` says which when it is no string at all.
pub(crate) fn text<'a>(value: &Value<'a>, wanted: &str, problems: &mut Problems) -> Option<&'a str> {
    let text = value.node.as_str();
    if text.is_none() {
        value.expected(problems, wanted);
    }
    text
}

/// Reads `true` or `false`.
pub(crate) fn boolean(value: &Value<'_>, problems: &mut Problems) -> Option<bool> {
    let flag = value.node.as_bool();
    if flag.is_none() {
        value.expected(problems, "true or false");
    }
    flag
}

/// Reads a whole number between `least` and `most`.
pub(crate) fn integer(least: u32, most: u32) -> impl Fn(&Value<'_>, &mut Problems) -> Option<u32> {
    move |value, problems| {
        let wanted = format!("an integer from {least} to {most}");
        let number = value.node.as_integer().and_then(|digits| {
            let number = u32::from_str_radix(digits.as_str(), digits.radix()).ok()?;
            (least..=most).contains(&number).then_some(number)
        });
        if number.is_none() {
            value.expected(problems, &wanted);
        }
        number
    }
}

/// Reads a value together with its place.
pub(crate) fn spanned<'a, T>(
    read: impl Fn(&Value<'a>, &mut Problems) -> Option<T>,
) -> impl Fn(&Value<'a>, &mut Problems) -> Option<Spanned<T>> {
    move |value, problems| Some(value.spanned(read(value, problems)?))
}

/// Reads an array; elements with a mistake are noted and left out.
pub(crate) fn list<'a, T>(
    wanted: &str,
    read: impl Fn(&Value<'a>, &mut Problems) -> Option<T>,
) -> impl Fn(&Value<'a>, &mut Problems) -> Option<Vec<T>> {
    move |value, problems| {
        let elements = elements(value);
        if elements.is_none() {
            value.expected(problems, wanted);
        }
        Some(elements?.iter().filter_map(|element| read(element, problems)).collect())
    }
}

/// Like [`list`], but one element may stand alone, without the brackets.
pub(crate) fn one_or_more<'a, T>(
    read: impl Fn(&Value<'a>, &mut Problems) -> Option<T>,
) -> impl Fn(&Value<'a>, &mut Problems) -> Option<Vec<T>> {
    move |value, problems| match elements(value) {
        Some(elements) => Some(elements.iter().filter_map(|element| read(element, problems)).collect()),
        None => Some(vec![read(value, problems)?]),
    }
}

/// The elements of an array, `None` when it is none.
pub(crate) fn elements<'a>(value: &Value<'a>) -> Option<Vec<Value<'a>>> {
    let array = value.node.as_array()?;
    let element = |(index, node)| Value::new(format!("{}[{index}]", value.key), node);
    Some(array.iter().enumerate().map(element).collect())
}

/// The key of the element of an array in which the span is; elements with a mistake count, too.
pub(crate) fn element_key(value: &Value<'_>, span: Span) -> String {
    let elements = elements(value).unwrap_or_default();
    let around = elements.into_iter().rfind(|element| element.span.start <= span.start);
    around.map_or_else(|| value.key.clone(), |element| element.key)
}
