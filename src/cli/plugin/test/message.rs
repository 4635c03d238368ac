use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use toml::de::DeValue;

use crate::config::{
    Places, Problems, TableReader, Value, child, choice, convert, elements, in_order, list, one_or_more, text,
};

/// The host that requests are for where nothing is said.
const DEFAULT_HOST: HeaderValue = HeaderValue::from_static("gateway.test");

/// What the client sends.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: IpAddr,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

/// What the mock upstream does.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Does not answer, but this.
    pub(super) fail: Option<Fail>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

/// How an upstream fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fail {
    /// Takes the request and says nothing.
    Timeout,
    /// Takes the request and closes the connection.
    Unreachable,
}

/// A message's body, in the pieces in which it is sent.
pub(super) type Body = Vec<Bytes>;

impl Default for Request {
    fn default() -> Self {
        Self {
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            method: Method::GET,
            target: PathAndQuery::from_static("/"),
            headers: HeaderMap::from_iter([(HOST, DEFAULT_HOST)]),
            body: Body::new(),
        }
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self { fail: None, status: StatusCode::OK, headers: HeaderMap::new(), body: Body::new() }
    }
}

impl Request {
    pub(super) fn read(
        value: &Value<'_>,
        around: &Self,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table such as { path = \"/\" }", problems)?;
        let mut request = around.clone();
        request.method = table.or("method", request.method, method);
        request.target = table.or("path", request.target, target);
        request.client = table.or("client", request.client, client);
        overlay(&mut request.headers, table.optional("headers", headers));
        if let Some((body, json)) = read_body(&mut table, folder) {
            request.body = body;
            if json {
                request.headers.entry(CONTENT_TYPE).or_insert(JSON);
            }
        }
        table.finish();
        Some(request)
    }
}

impl Answer {
    pub(super) fn read(
        value: &Value<'_>,
        around: &Self,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table such as { status = 200 }", problems)?;
        let mut answer = around.clone();
        answer.fail = table.optional("fail", choice(FAILS)).or(around.fail);
        answer.status = table.or("status", answer.status, status);
        overlay(&mut answer.headers, table.optional("headers", headers));
        if let Some((body, json)) = read_body(&mut table, folder) {
            answer.body = body;
            if json {
                answer.headers.entry(CONTENT_TYPE).or_insert(JSON);
            }
        }
        table.finish();
        Some(answer)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const FAILS: &[(&str, Fail)] = &[("timeout", Fail::Timeout), ("unreachable", Fail::Unreachable)];

/// Fields that are said replace those of the same name.
fn overlay(headers: &mut HeaderMap, said: Option<Vec<(HeaderName, Vec<HeaderValue>)>>) {
    for (name, values) in said.into_iter().flatten() {
        headers.remove(&name);
        for value in values {
            headers.append(&name, value);
        }
    }
}

fn method(value: &Value<'_>, problems: &mut Problems) -> Option<Method> {
    let written = text(value, "a method such as \"GET\"", problems)?;
    let method = Method::from_bytes(written.as_bytes()).ok();
    if method.is_none() {
        value.mistake(problems, format!("{written:?} is no method")).help("such as \"GET\", \"POST\"");
    }
    method
}

fn target(value: &Value<'_>, problems: &mut Problems) -> Option<PathAndQuery> {
    let written = text(value, "a path such as \"/shop?page=2\"", problems)?;
    let target = PathAndQuery::try_from(written).ok().filter(|_| written.starts_with('/'));
    if target.is_none() {
        value
            .mistake(problems, format!("{written:?} is no path"))
            .help("as it goes over the wire: \"/shop/a%20b?page=2\"");
    }
    target
}

fn client(value: &Value<'_>, problems: &mut Problems) -> Option<IpAddr> {
    let written = text(value, "an IP address such as \"10.0.0.1\"", problems)?;
    let address = written.parse().ok();
    if address.is_none() {
        value.mistake(problems, format!("{written:?} is no IP address"));
    }
    address
}

fn status(value: &Value<'_>, problems: &mut Problems) -> Option<StatusCode> {
    let digits = value.node.as_integer().filter(|digits| digits.radix() == 10);
    // Those below 200 announce another response, which no upstream of a test sends.
    let status = digits
        .and_then(|digits| StatusCode::from_bytes(digits.as_str().as_bytes()).ok())
        .filter(|status| (200..=599).contains(&status.as_u16()));
    if status.is_none() {
        value.expected(problems, "a status from 200 to 599");
    }
    status
}

/// The name of a header in a table of them.
pub(super) fn header_name(key: &str, value: &Value<'_>, problems: &mut Problems) -> Option<HeaderName> {
    let name = HeaderName::try_from(key).ok();
    if name.is_none() {
        value.mistake(problems, format!("{key:?} is no name of a header"));
    }
    name
}

fn headers(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, "a table such as { x-user = \"alice\" }");
        return None;
    };
    let mut found = Vec::new();
    for (name, node) in in_order(entries) {
        let entry = Value::new(child(&value.key, name.get_ref()), node);
        let name = header_name(name.get_ref(), &entry, problems);
        // `false` takes away what was said around it.
        let values = match entry.node {
            DeValue::Boolean(false) => Some(Vec::new()),
            _ => one_or_more(header_value)(&entry, problems),
        };
        found.extend(name.zip(values));
    }
    Some(found)
}

fn header_value(value: &Value<'_>, problems: &mut Problems) -> Option<HeaderValue> {
    let written = match value.node {
        DeValue::Integer(digits) => digits.as_str().to_owned(),
        _ => text(value, "a string, or false for none", problems)?.to_owned(),
    };
    let header = HeaderValue::from_bytes(written.as_bytes()).ok();
    if header.is_none() {
        value
            .mistake(problems, "no value of a header")
            .help("without line breaks and other control characters");
    }
    header
}

/// The body that a table says in one of the ways there are, and whether it is JSON.
fn read_body(table: &mut TableReader<'_, '_>, folder: &Path) -> Option<(Body, bool)> {
    let said = ["body", "json", "body_base64", "body_file"].into_iter().filter(|key| table.has(key)).count();
    if said > 1
        && let Some(value) = ["body", "json", "body_base64"].into_iter().find_map(|key| table.take(key))
    {
        value
            .mistake(table.problems, "the body is said twice")
            .help("keep one of body, json, body_base64, body_file");
    }
    let pieces = table.optional("body", pieces);
    let json = table.optional("json", |value, problems| {
        let json = convert(value, String::new(), &mut Places::new(), problems)?;
        Some(vec![Bytes::from(json.to_string())])
    });
    let is_json = json.is_some();
    let base64 =
        table.optional("body_base64", |value, problems| Some(vec![Bytes::from(base64(value, problems)?)]));
    let file = table
        .optional("body_file", |value, problems| Some(vec![Bytes::from(file(value, folder, problems)?)]));
    let body = pieces.or(json).or(base64).or(file)?;
    Some((body, is_json))
}

fn pieces(value: &Value<'_>, problems: &mut Problems) -> Option<Body> {
    if elements(value).is_some() {
        return list("", |value: &Value<'_>, problems: &mut Problems| {
            bytes(value, problems).map(Bytes::from)
        })(value, problems);
    }
    bytes(value, problems).map(|bytes| vec![Bytes::from(bytes)])
}

/// Bytes that are written as text.
pub(super) fn bytes(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<u8>> {
    match value.node {
        DeValue::Integer(digits) => Some(digits.as_str().as_bytes().to_vec()),
        _ => Some(text(value, "a string such as \"text\"", problems)?.as_bytes().to_vec()),
    }
}

/// Bytes that are written in Base64.
pub(super) fn base64(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<u8>> {
    let written = text(value, "Base64 such as \"AAEC\"", problems)?;
    let compact: String = written.split_whitespace().collect();
    BASE64_STANDARD
        .decode(compact)
        .map_err(|error| {
            value.mistake(problems, format!("not Base64: {error}"));
        })
        .ok()
}

/// The bytes of a file; relative paths are relative to the cases file.
pub(super) fn file(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<u8>> {
    let path = folder.join(text(value, "a path such as \"body.bin\"", problems)?);
    std::fs::read(&path)
        .map_err(|error| {
            value.mistake(problems, format!("cannot read {}: {error}", path.display()));
        })
        .ok()
}
