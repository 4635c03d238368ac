use std::path::Path;

use http::HeaderName;
use toml::de::DeValue;

use super::matcher::{Matcher, json};
use super::message::{Answer, header_name};
use crate::config::{
    Problems, Span, TableReader, Value, boolean, child, did_you_mean, elements, in_order, list, text,
};

/// What is expected of one step. What is not mentioned may be as it likes.
#[derive(Clone, Debug, Default)]
pub(super) struct Expect {
    /// The request as it reaches an upstream.
    pub(super) request: Option<ExpectRequest>,
    /// The response as it reaches the client.
    pub(super) response: Option<ExpectResponse>,
    /// Whether the plugin answers by itself.
    pub(super) answered: Option<(Check, bool)>,
    /// The name of the upstream that is reached.
    pub(super) upstream: Option<Check>,
    pub(super) attributes: Vec<(String, Check)>,
    pub(super) kv: Vec<(String, Check)>,
    /// What the plugin has counted since the case began, by the names of the series.
    pub(super) metrics: Vec<(String, Check)>,
    /// Lines of the plugin's that are in the log, in this order; an empty list: none at all.
    pub(super) log: Option<(Check, Vec<Check>)>,
    /// What the plugin fails with.
    pub(super) error: Option<Check>,
}

#[derive(Clone, Debug)]
pub(super) enum ExpectRequest {
    /// Nothing reaches an upstream: `false`.
    None(Check),
    Some(Box<Message>),
}

#[derive(Clone, Debug)]
pub(super) struct ExpectResponse {
    pub(super) message: Message,
}

/// The parts of a request or response that are expected.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The whole of it.
    pub(super) place: Check,
    /// The status, or method and path.
    pub(super) line: Vec<(&'static str, Check)>,
    pub(super) headers: Vec<(HeaderName, HeaderCheck)>,
    pub(super) body: Option<Check>,
}

/// What should become of a field.
#[derive(Clone, Debug)]
pub(super) enum HeaderCheck {
    /// All its values, joined.
    Joined(Check),
    /// Each of its values, in order.
    Each(Check, Vec<Check>),
}

/// One thing that is expected, and where the file says so.
#[derive(Clone, Debug)]
pub(super) struct Check {
    /// `response.headers.x-user`.
    pub(super) key: String,
    pub(super) span: Span,
    pub(super) matcher: Matcher,
}

/// A request that the plugin is expected to make of its own.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The upstream that it goes to.
    pub(super) upstream: String,
    pub(super) place: Check,
    pub(super) expect: Option<Box<Message>>,
    pub(super) answer: Answer,
}

impl Call {
    pub(super) fn read(
        value: &Value<'_>,
        upstreams: &[String],
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table, [[case.calls]]", problems)?;
        let name = table.required("upstream", "upstream = \"NAME\"", |value, problems| {
            upstream_name(value, upstreams, problems).map(str::to_owned)
        });
        let expect = table.optional("expect", |value, problems| {
            Message::read(value, &["method", "path"], folder, problems).map(Box::new)
        });
        let answer = table.or("answer", Answer::default(), |value, problems| {
            Answer::read(value, &Answer::default(), folder, problems)
        });
        table.finish();
        Some(Self { upstream: name?, place: Check::new(value, Matcher::Present), expect, answer })
    }
}

impl Check {
    fn new(value: &Value<'_>, matcher: Matcher) -> Self {
        // `case[2].step[0].expect.` is where it is, which the span says better.
        let mut key = value.key.as_str();
        for prefix in ["case[", "step["] {
            key = key.strip_prefix(prefix).and_then(|key| key.split_once("].")).map_or(key, |(_, key)| key);
        }
        let key = key.strip_prefix("expect.").unwrap_or(key);
        Self { key: key.to_owned(), span: value.span, matcher }
    }
}

impl Expect {
    pub(super) fn read(
        value: &Value<'_>,
        upstreams: &[String],
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table, [case.expect]", problems)?;
        let named = |value: &Value<'_>, problems: &mut Problems| checks(value, folder, problems);
        let expect = Self {
            request: table
                .optional("request", |value, problems| ExpectRequest::read(value, folder, problems)),
            response: table
                .optional("response", |value, problems| Message::read(value, &["status"], folder, problems))
                .map(|message| ExpectResponse { message }),
            answered: table.optional("answered", |value, problems| {
                Some((Check::new(value, Matcher::Present), boolean(value, problems)?))
            }),
            upstream: table.optional("upstream", |value, problems| upstream(value, upstreams, problems)),
            attributes: table.or("attributes", Vec::new(), named),
            kv: table.or("kv", Vec::new(), named),
            metrics: table.or("metrics", Vec::new(), |value, problems| metrics(value, folder, problems)),
            log: table.optional("log", |value, problems| log(value, folder, problems)),
            error: table.optional("error", part_of_it),
        };
        table.finish();
        Some(expect)
    }
}

impl Expect {
    /// Whether it expects anything that only a request brings about.
    pub(super) fn is_of_a_request(&self) -> bool {
        let Self { request, response, answered, upstream, attributes, .. } = self;
        let parts = [request.is_some(), response.is_some(), answered.is_some(), upstream.is_some()];
        parts.contains(&true) || !attributes.is_empty()
    }
}

/// What an error says somewhere.
pub(super) fn part_of_it(value: &Value<'_>, problems: &mut Problems) -> Option<Check> {
    Some(Check::new(value, Matcher::read_part(value, problems)?))
}

impl ExpectRequest {
    fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        match value.node {
            DeValue::Boolean(false) => Some(Self::None(Check::new(value, Matcher::Absent))),
            _ => Some(Self::Some(Box::new(Message::read(value, &["method", "path"], folder, problems)?))),
        }
    }
}

impl Message {
    fn read(
        value: &Value<'_>,
        line: &[&'static str],
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let check = |value: &Value<'_>, problems: &mut Problems| check(value, folder, problems);
        let mut table = TableReader::open(value, "a table of what it should be", problems)?;
        let line = line.iter().filter_map(|key| Some((*key, table.optional(key, check)?))).collect();
        let headers = table.or("headers", Vec::new(), |value, problems| headers(value, folder, problems));
        let (body, json) = (
            table.optional("body", check),
            table.optional("json", |value, problems| Some(Check::new(value, json(value, problems)?))),
        );
        table.finish();
        Some(Self { place: Check::new(value, Matcher::Present), line, headers, body: body.or(json) })
    }
}

fn check(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Check> {
    Some(Check::new(value, Matcher::read(value, folder, problems)?))
}

/// A table of names and what each should be.
fn checks(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<(String, Check)>> {
    let read = |entry: &Value<'_>, problems: &mut Problems| check(entry, folder, problems);
    each(value, "a table such as { name = \"value\" }", read, problems)
}

/// A table of series and what each should be.
fn metrics(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<(String, Check)>> {
    let read = |entry: &Value<'_>, problems: &mut Problems| match entry.node {
        // As it is shown: 1.50 is 1.5.
        DeValue::Float(digits) => match digits.as_str().parse::<f64>() {
            Ok(number) => Some(Check::new(entry, Matcher::Equals(number.to_string().into_bytes()))),
            Err(_) => check(entry, folder, problems),
        },
        _ => check(entry, folder, problems),
    };
    each(value, "a table such as { hits_total = 1, 'hits_total{kind=\"a\"}' = 1 }", read, problems)
}

fn each(
    value: &Value<'_>,
    wanted: &str,
    read: impl Fn(&Value<'_>, &mut Problems) -> Option<Check>,
    problems: &mut Problems,
) -> Option<Vec<(String, Check)>> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, wanted);
        return None;
    };
    let mut found = Vec::new();
    for (name, node) in in_order(entries) {
        let entry = Value::new(child(&value.key, name.get_ref()), node);
        found.extend(read(&entry, problems).map(|check| (name.get_ref().to_string(), check)));
    }
    Some(found)
}

fn headers(
    value: &Value<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Vec<(HeaderName, HeaderCheck)>> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, "a table such as { x-user = \"alice\" }");
        return None;
    };
    let mut found = Vec::new();
    for (name, node) in in_order(entries) {
        let entry = Value::new(child(&value.key, name.get_ref()), node);
        let name = header_name(name.get_ref(), &entry, problems);
        let check = match elements(&entry) {
            Some(values) => {
                let each = values.iter().filter_map(|value| check(value, folder, problems)).collect();
                Some(HeaderCheck::Each(Check::new(&entry, Matcher::Present), each))
            }
            None => check(&entry, folder, problems).map(HeaderCheck::Joined),
        };
        found.extend(name.zip(check));
    }
    Some(found)
}

fn upstream(value: &Value<'_>, upstreams: &[String], problems: &mut Problems) -> Option<Check> {
    let name = upstream_name(value, upstreams, problems)?;
    Some(Check::new(value, Matcher::Equals(name.as_bytes().to_vec())))
}

fn upstream_name<'a>(value: &Value<'a>, upstreams: &[String], problems: &mut Problems) -> Option<&'a str> {
    let name = text(value, "the name of an upstream", problems)?;
    if !upstreams.iter().any(|known| known == name) {
        let guess = did_you_mean(name, upstreams.iter().map(String::as_str));
        let help = format!("{guess}`upstreams` at the top of the file names {}", upstreams.join(", "));
        value.mistake(problems, format!("unknown upstream {name:?}")).help(help);
        return None;
    }
    Some(name)
}

fn log(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<(Check, Vec<Check>)> {
    let wanted = "an array of lines such as [\"warn: no key\"]";
    let lines = list(wanted, |value: &Value<'_>, problems: &mut Problems| check(value, folder, problems));
    Some((Check::new(value, Matcher::Present), lines(value, problems)?))
}
