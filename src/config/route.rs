//! `[[route]]`: which requests go where, through what.

use http::{HeaderName, HeaderValue, Method};
use toml::de::DeValue;

use super::Names;
use super::answer::AnswerConfig;
use super::diagnostics::Problems;
use super::plugin::OnError;
use super::scalar::choice;
use super::source::{Span, Spanned};
use super::table::{TableReader, check_name, child, in_order};
use super::value::{Value, list, one_or_more, spanned, string, text};

/// `[[route]]`.
#[derive(Debug, Clone)]
pub struct RouteConfig {
    /// The name for logs.
    pub name: Option<Spanned<String>>,
    /// Where the route is in the file.
    pub span: Span,
    /// Which paths; the router knows the syntax.
    pub path: Spanned<String>,
    /// Which hosts; empty is all.
    pub hosts: Vec<Spanned<String>>,
    /// Which methods; empty is all.
    pub methods: Vec<Method>,
    /// Which headers the request must have; `None` is any value.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
    /// Where requests go when the director chooses nothing.
    pub upstream: Option<Spanned<String>>,
    /// The plugin that rewrites the request and may choose where it goes.
    pub director: Option<Spanned<PluginUse>>,
    /// The plugins around it, outermost first.
    pub middleware: Vec<Spanned<PluginUse>>,
    /// The plugins on the upstream's response, in this order.
    pub modify_response: Vec<Spanned<PluginUse>>,
    /// What it answers by itself.
    pub answer: Option<AnswerConfig>,
}

/// A plugin in a route: `"api-key"` or `{ plugin = "api-key", on_error = "skip" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUse {
    /// The plugin's name.
    pub plugin: String,
    /// What its failure means here; `None` is what the plugin says itself.
    pub on_error: Option<OnError>,
}

impl RouteConfig {
    pub(super) fn read(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<Self> {
        let uses = |value: &Value<'_>, problems: &mut Problems| PluginUse::read(value, names, problems);
        let plugins = "an array such as [\"request-id\", \"api-key\"]";
        let mut table = TableReader::open(value, "a table, [[route]]", problems)?;
        let name = table.optional("name", read_name);
        let path = table.required("path", "path = \"/*\"", spanned(read_path));
        let hosts = table.or("host", Vec::new(), read_hosts);
        let methods = table.or("methods", Vec::new(), read_methods);
        let headers = table.or("headers", Vec::new(), read_headers);
        let upstream = table.optional(
            "upstream",
            spanned(|value: &Value<'_>, problems: &mut Problems| read_upstream(value, names, problems)),
        );
        let director = table.optional("director", spanned(uses));
        let middleware = table.or("middleware", Vec::new(), list(plugins, spanned(uses)));
        let modify_response = table.or("modify_response", Vec::new(), list(plugins, spanned(uses)));
        let respond = table.optional("respond", AnswerConfig::read_respond);
        let redirect = table.optional("redirect", AnswerConfig::read_redirect);
        check_destination(&mut table, value);
        table.finish();
        let path = path?;
        Some(Self {
            name,
            span: value.span,
            path,
            hosts,
            methods,
            headers,
            upstream,
            director,
            middleware,
            modify_response,
            answer: respond.or(redirect),
        })
    }
}

/// Refuses a route whose requests could go nowhere, or to two places.
fn check_destination(table: &mut TableReader<'_, '_>, route: &Value<'_>) {
    let leads = ["upstream", "director", "modify_response"].into_iter().find(|key| table.has(key));
    match (table.has("respond"), table.has("redirect"), leads) {
        (false, false, _) if !table.has("upstream") && !table.has("director") => {
            route
                .mistake(table.problems, "neither `upstream` nor `director`")
                .help("add upstream = \"NAME\", or a director that chooses one; or respond, or redirect");
        }
        (true, true, _) => {
            route
                .mistake(table.problems, "both `respond` and `redirect`")
                .help("a redirect is a response: leave one of them out");
        }
        (true, _, Some(key)) | (_, true, Some(key)) => {
            route
                .mistake(table.problems, format!("a route that answers by itself has no `{key}`"))
                .help("leave it out, or leave `respond` and `redirect` out");
        }
        _ => {}
    }
}

impl PluginUse {
    fn read(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<Self> {
        let plugin = |value: &Value<'_>, problems: &mut Problems| read_plugin(value, names, problems);
        if value.as_table().is_none() {
            return Some(Self { plugin: plugin(value, problems)?, on_error: None });
        }
        let mut table = TableReader::open(value, "a plugin", problems)?;
        let plugin = table.required("plugin", "plugin = \"NAME\"", plugin);
        let on_error = table.optional("on_error", choice(OnError::WORDS));
        table.finish();
        Some(Self { plugin: plugin?, on_error })
    }
}

fn read_path(value: &Value<'_>, problems: &mut Problems) -> Option<String> {
    text(value, "a path such as \"/shop/*\"", problems).map(str::to_owned)
}

fn read_plugin(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<String> {
    let wanted = "a plugin's name, or { plugin = \"NAME\", on_error = \"skip\" }";
    let name = text(value, wanted, problems)?;
    names.plugin(name, value, problems).then(|| name.to_owned())
}

fn read_upstream(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<String> {
    let name = text(value, "an upstream's name", problems)?;
    names.upstream(name, value, problems).then(|| name.to_owned())
}

fn read_name(value: &Value<'_>, problems: &mut Problems) -> Option<Spanned<String>> {
    let name = value.spanned(string(value, problems)?);
    check_name(&name, &value.key, problems);
    Some(name)
}

fn read_hosts(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<Spanned<String>>> {
    refuse_empty(value, problems);
    one_or_more(spanned(read_host))(value, problems)
}

fn read_host(value: &Value<'_>, problems: &mut Problems) -> Option<String> {
    let wanted = "a host such as \"shop.example\"";
    let host = text(value, wanted, problems)?;
    if host.is_empty() {
        value.expected(problems, wanted).help("leave the key out to match every host");
    }
    Some(host.to_owned())
}

fn read_methods(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<Method>> {
    refuse_empty(value, problems);
    list("an array such as [\"GET\", \"HEAD\"]", read_method)(value, problems)
}

/// Methods are case-sensitive, so `get` would never match: that is refused rather than guessed.
fn read_method(value: &Value<'_>, problems: &mut Problems) -> Option<Method> {
    let written = text(value, "a method such as \"GET\"", problems)?;
    let method = Method::from_bytes(written.as_bytes()).ok();
    let method = method.filter(|_| !written.contains(|c: char| c.is_ascii_lowercase()));
    if method.is_none() {
        value
            .mistake(problems, format!("invalid method {written:?}"))
            .help("methods are upper case: \"GET\", \"POST\"");
    }
    method
}

/// An empty list would match nothing, or everything: the reader of the file should not have to guess.
fn refuse_empty(value: &Value<'_>, problems: &mut Problems) {
    if value.node.as_array().is_some_and(|array| array.is_empty()) {
        value.mistake(problems, "empty array").help("leave the key out to match all");
    }
}

type Headers = Vec<(HeaderName, Option<HeaderValue>)>;

fn read_headers(value: &Value<'_>, problems: &mut Problems) -> Option<Headers> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, "a table such as { x-beta = \"1\", x-user = true }");
        return None;
    };
    let mut headers = Headers::new();
    for (key, node) in in_order(entries) {
        let value = Value::new(child(&value.key, key.get_ref()), node);
        let name = read_header_name(key.get_ref(), key.span().into(), &value.key, problems);
        if headers.iter().any(|(other, _)| Some(other) == name.as_ref()) {
            problems
                .add(Span::from(key.span()), &value.key, "given twice")
                .help("case does not matter in a header's name");
        }
        headers.extend(name.zip(read_header_value(&value, problems)));
    }
    Some(headers)
}

fn read_header_name(name: &str, span: Span, key: &str, problems: &mut Problems) -> Option<HeaderName> {
    let parsed = name.parse().ok();
    if parsed.is_none() {
        problems
            .add(span, key, format!("invalid header name {name:?}"))
            .help("letters, digits and - as in \"x-user\"");
    }
    parsed
}

/// `true` is any value, a string that one.
fn read_header_value(value: &Value<'_>, problems: &mut Problems) -> Option<Option<HeaderValue>> {
    match value.node {
        DeValue::Boolean(true) => Some(None),
        DeValue::String(text) => {
            let parsed = HeaderValue::from_str(text).ok();
            if parsed.is_none() {
                value
                    .mistake(problems, format!("invalid header value {text:?}"))
                    .help("no control characters");
            }
            parsed.map(Some)
        }
        _ => {
            value.expected(problems, "a header's value, or true for any value");
            None
        }
    }
}
