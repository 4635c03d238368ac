use std::time::Duration;

use gatewright_abi::{Level, Part};

use crate::host::stub::{Exchange, Fields};

/// An exchange after it happened: what the plugin made of it.
///
/// What is read as `&str` is `None` also where it is not UTF-8; the `_bytes` methods give it as it is.
#[derive(Clone, Debug)]
pub struct Outcome {
    exchange: Exchange,
    answer: Option<Answered>,
    logs: Vec<LogLine>,
}

impl Outcome {
    pub(crate) fn of(mut exchange: Exchange) -> Self {
        let answer = exchange.answer.take();
        let answer =
            answer.map(|given| Answered { status: given.status, fields: given.fields, body: given.body });
        let logs = std::mem::take(&mut exchange.logs);
        let logs = logs.into_iter().map(|(level, text)| LogLine { level, text }).collect();
        Self { exchange, answer, logs }
    }

    /// The request's method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.part(Part::Method).unwrap_or_default()
    }

    /// The request's path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.part(Part::Path).unwrap_or_default()
    }

    /// The request's query.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.part(Part::Query)
    }

    /// The `Host` for the upstream.
    #[must_use]
    pub fn host(&self) -> &str {
        self.part(Part::Host).unwrap_or_default()
    }

    /// The first value of a header of the request, as it goes to the upstream.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(first(&self.exchange.request, name))
    }

    /// All values of a header of the request.
    #[must_use]
    pub fn header_bytes(&self, name: &str) -> Vec<&[u8]> {
        values(&self.exchange.request, name).collect()
    }

    /// The upstream: the director's choice, or `default`.
    #[must_use]
    pub fn upstream(&self) -> &str {
        self.part(Part::Upstream).unwrap_or_default()
    }

    /// The endpoint that the director chose.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.part(Part::Endpoint)
    }

    /// The hash key that the director gave.
    #[must_use]
    pub fn hash_key(&self) -> Option<&[u8]> {
        self.exchange.part(Part::HashKey)
    }

    /// The time that the director gave the upstream.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.part(Part::TimeoutMs)?.parse().ok().map(Duration::from_millis)
    }

    /// What the middleware answered, where it did.
    #[must_use]
    pub fn answer(&self) -> Option<&Answered> {
        self.answer.as_ref()
    }

    /// The status that the client sees.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.exchange.status
    }

    /// The first value of a header of the response that the client sees.
    #[must_use]
    pub fn response_header(&self, name: &str) -> Option<&str> {
        text(first(&self.exchange.response, name))
    }

    /// All values of a header of the response that the client sees.
    #[must_use]
    pub fn response_header_bytes(&self, name: &str) -> Vec<&[u8]> {
        values(&self.exchange.response, name).collect()
    }

    /// An attribute of the exchange.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        text(self.attribute_bytes(name))
    }

    /// An attribute of the exchange.
    #[must_use]
    pub fn attribute_bytes(&self, name: &str) -> Option<&[u8]> {
        self.exchange.attributes.get(name).map(Vec::as_slice)
    }

    /// What the plugin logged, in its order.
    #[must_use]
    pub fn logs(&self) -> &[LogLine] {
        &self.logs
    }

    fn part(&self, part: Part) -> Option<&str> {
        text(self.exchange.part(part))
    }
}

/// An answer that a middleware gave instead of the upstream, before its response phase.
#[derive(Clone, Debug)]
pub struct Answered {
    status: u16,
    fields: Fields,
    body: Vec<u8>,
}

impl Answered {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(first(&self.fields, name))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text, where it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text(Some(&self.body))
    }
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How severe.
    pub level: Level,
    /// What.
    pub text: String,
}

fn values<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.as_slice())
}

fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    values(fields, name).next()
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}
