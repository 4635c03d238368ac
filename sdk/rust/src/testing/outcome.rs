use std::time::Duration;

use gatewright_abi::Part;

use super::{Answered, LogLine, Sent};
use crate::host::stub::metrics::Series;
use crate::host::stub::{Exchange, Fields};

/// An exchange after it happened: what the plugin made of it.
///
/// What is read as `&str` is `None` also where it is not UTF-8; the `_bytes` methods give it as it is.
#[derive(Clone, Debug)]
pub struct Outcome {
    exchange: Exchange,
    answer: Option<Answered>,
    logs: Vec<LogLine>,
    sent: Vec<Sent>,
    series: Vec<Series>,
    body: Vec<u8>,
    response_body: Vec<u8>,
}

impl Outcome {
    pub(super) fn of(mut exchange: Exchange, series: Vec<Series>) -> Self {
        let answer = exchange.answer.take();
        let answer =
            answer.map(|given| Answered { status: given.status, fields: given.fields, body: given.body });
        let logs = std::mem::take(&mut exchange.logs);
        let logs = logs.into_iter().map(|(level, text)| LogLine { level, text }).collect();
        let sent =
            std::mem::take(&mut exchange.outbound.calls).into_iter().map(|call| Sent(call.request)).collect();
        let (body, response_body) = (exchange.bodies.request.concat(), exchange.bodies.response.concat());
        Self { exchange, answer, logs, sent, series, body, response_body }
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

    /// The body of the request, as it goes to the upstream.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body of the request as text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text(Some(&self.body))
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

    /// The body of the response that the client sees.
    #[must_use]
    pub fn response_body(&self) -> &[u8] {
        &self.response_body
    }

    /// The body of the response as text.
    #[must_use]
    pub fn response_text(&self) -> Option<&str> {
        text(Some(&self.response_body))
    }

    /// The same body in the pieces in which it goes to the client.
    #[must_use]
    pub fn response_pieces(&self) -> &[Vec<u8>] {
        &self.exchange.bodies.response
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

    /// What the plugin sent to upstreams by itself, in its order.
    #[must_use]
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// A metric of the plugin: what this exchange added to a counter, or where a gauge stands after it.
    #[must_use]
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.series(name, labels)?.value()
    }

    /// The values that this exchange had a histogram count.
    #[must_use]
    pub fn observed(&self, name: &str, labels: &[(&str, &str)]) -> &[f64] {
        self.series(name, labels).map_or(&[], Series::observed)
    }

    fn series(&self, name: &str, labels: &[(&str, &str)]) -> Option<&Series> {
        self.series.iter().find(|series| series.is(name, labels))
    }

    fn part(&self, part: Part) -> Option<&str> {
        text(self.exchange.part(part))
    }
}

fn values<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.as_slice())
}

pub(super) fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    values(fields, name).next()
}

pub(super) fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}
