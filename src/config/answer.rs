//! `respond` and `redirect`: what a route answers by itself.

use http::{HeaderName, HeaderValue, StatusCode};

use super::diagnostics::Problems;
use super::source::Span;
use super::table::{TableReader, child, in_order};
use super::value::{Value, integer, string, text};

/// Fields that say where a message ends, or belong to one connection: the gateway's to set.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// What a route answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerConfig {
    /// `respond`: always the same.
    Respond {
        /// The status.
        status: StatusCode,
        /// The fields.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// The body.
        body: String,
    },
    /// `redirect`: somewhere else.
    Redirect {
        /// The status.
        status: StatusCode,
        /// Where to, in pieces.
        to: Vec<PieceConfig>,
    },
}

/// A piece of where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PieceConfig {
    /// Text as it is written.
    Text(String),
    /// `{host}`: the host that the client asked for, without a port.
    Host,
    /// `{path}`: path and query of the request.
    Path,
}

impl AnswerConfig {
    pub(super) fn read_respond(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut table =
            TableReader::open(value, "a table such as { status = 404, body = \"none\" }", problems)?;
        let status = table.required("status", "status = 200", status(200, 599));
        let headers = table.or("headers", Vec::new(), read_headers);
        let body = table.or("body", String::new(), string);
        table.finish();
        let status = status?;
        if matches!(status.as_u16(), 204 | 205 | 304) && !body.is_empty() {
            value.mistake(problems, format!("a response with the status {} has no body", status.as_u16()));
            return None;
        }
        Some(Self::Respond { status, headers, body })
    }

    pub(super) fn read_redirect(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.as_table().is_none() {
            return Some(Self::Redirect {
                status: StatusCode::PERMANENT_REDIRECT,
                to: read_to(value, problems)?,
            });
        }
        let mut table = TableReader::open(value, "a redirect", problems)?;
        let to = table.required("to", "to = \"https://{host}{path}\"", read_to);
        let status = table.or("status", StatusCode::PERMANENT_REDIRECT, read_redirect_status);
        table.finish();
        Some(Self::Redirect { status, to: to? })
    }
}

fn status(least: u32, most: u32) -> impl Fn(&Value<'_>, &mut Problems) -> Option<StatusCode> {
    move |value, problems| {
        let number = integer(least, most)(value, problems)?;
        u16::try_from(number).ok().and_then(|number| StatusCode::from_u16(number).ok())
    }
}

fn read_redirect_status(value: &Value<'_>, problems: &mut Problems) -> Option<StatusCode> {
    let status = status(300, 399)(value, problems)?;
    if !REDIRECTS.contains(&status.as_u16()) {
        value
            .mistake(problems, format!("{} is no redirect", status.as_u16()))
            .help("301, 302, 303, 307 or 308");
        return None;
    }
    Some(status)
}

fn read_headers(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, "a table such as { content-type = \"text/plain\" }");
        return None;
    };
    let mut headers = Vec::new();
    for (key, node) in in_order(entries) {
        let value = Value::new(child(&value.key, key.get_ref()), node);
        let name: Option<HeaderName> = key.get_ref().parse().ok();
        let Some(name) = name.filter(|name| !RESERVED.contains(&name.as_str())) else {
            problems
                .add(Span::from(key.span()), &value.key, "not a field that can be set here")
                .help("letters, digits and -; what frames the message is the gateway's to set");
            continue;
        };
        let Some(written) = text(&value, "a header's value", problems) else { continue };
        match HeaderValue::from_str(written) {
            Ok(value) => headers.push((name, value)),
            Err(_) => {
                value.mistake(problems, "invalid header value").help("no control characters");
            }
        }
    }
    Some(headers)
}

/// Where it leads is decided here, not by whoever writes the path of a request.
fn read_to(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<PieceConfig>> {
    let wanted = "a URL or a path such as \"https://{host}{path}\"";
    let written = text(value, wanted, problems)?;
    let absolute = written.starts_with("http://") || written.starts_with("https://");
    let path = written.starts_with('/') && !written.starts_with("//") && !written.starts_with("/{");
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`|".contains(&byte);
    if !(absolute || path) || !written.bytes().all(fits) {
        value.expected(problems, wanted).help("it begins with http://, https:// or one /");
        return None;
    }
    let pieces = pieces(written);
    if pieces.is_none() {
        value
            .mistake(problems, "an unknown placeholder")
            .help("{host} is the host that the client asked for, {path} path and query of the request");
    }
    pieces
}

fn pieces(mut rest: &str) -> Option<Vec<PieceConfig>> {
    let mut pieces = Vec::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        if !before.is_empty() {
            pieces.push(PieceConfig::Text(before.to_owned()));
        }
        pieces.push(match name {
            "host" => PieceConfig::Host,
            "path" => PieceConfig::Path,
            _ => return None,
        });
        rest = behind;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(PieceConfig::Text(rest.to_owned()));
    }
    Some(pieces)
}
