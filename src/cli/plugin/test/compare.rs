use http::HeaderMap;

use super::cases::{Case, Step};
use super::expect::{Check, Expect, ExpectRequest, HeaderCheck, Message};
use super::matcher::{Matcher, shown};
use super::outcome::Outcome;
use super::upstream::Reached;
use crate::config::Span;

/// Something that is not as expected.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// What: `response.status`.
    pub(super) key: String,
    /// Where the file expects something else.
    pub(super) span: Span,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Mismatch {
    fn of(check: &Check, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { key: check.key.clone(), span: check.span, expected: expected.into(), found: found.into() }
    }
}

impl Check {
    fn test(&self, found: Option<&[u8]>, mismatches: &mut Vec<Mismatch>) {
        if !self.matcher.matches(found) {
            mismatches.push(Mismatch::of(self, self.matcher.described(), self.matcher.shown(found)));
        }
    }
}

/// Whether the configuration was refused, or not, as it should.
pub(super) fn refusal(case: &Case, why: Option<&str>) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    match (&case.refused, why) {
        (Some(check), why) => check.test(why.map(str::as_bytes), &mut mismatches),
        (None, Some(why)) => mismatches.push(Mismatch {
            key: "config".to_owned(),
            span: case.config_span(),
            expected: "a configuration that the plugin takes".to_owned(),
            found: why.to_owned(),
        }),
        (None, None) => {}
    }
    mismatches
}

/// All that is not as expected.
pub(super) fn compare(step: &Step, outcome: &Outcome) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    let expect = &step.expect;
    failure(expect, outcome, step.span, &mut mismatches);
    calls(step, outcome, &mut mismatches);
    request(expect, outcome, &mut mismatches);
    if let (Some(expected), Some((head, body))) = (&expect.response, &outcome.response) {
        let line = |_: &str| head.status.as_str().to_owned();
        message(&expected.message, line, &head.headers, body, &mut mismatches);
    }
    for (name, check) in &expect.attributes {
        let found = outcome.attributes.iter().find(|(found, _)| found == name);
        check.test(found.map(|(_, value)| value.as_slice()), &mut mismatches);
    }
    for (key, check) in &expect.kv {
        check.test(outcome.kv.get(key).map(Vec::as_slice), &mut mismatches);
    }
    for (series, check) in &expect.metrics {
        check.test(outcome.metrics.get(series).map(String::as_bytes), &mut mismatches);
    }
    log(expect, outcome, &mut mismatches);
    mismatches.sort_by_key(|mismatch| mismatch.span.start);
    mismatches
}

/// A plugin must not fail unless that is what the case is about.
fn failure(expect: &Expect, outcome: &Outcome, step: Span, mismatches: &mut Vec<Mismatch>) {
    let failures = outcome.failures.join("\n");
    match &expect.error {
        Some(check) => check.test(Some(failures.as_bytes()).filter(|all| !all.is_empty()), mismatches),
        None if failures.is_empty() => {}
        None => mismatches.push(Mismatch {
            key: "error".to_owned(),
            span: step,
            expected: "none".to_owned(),
            found: failures,
        }),
    }
}

fn request(expect: &Expect, outcome: &Outcome, mismatches: &mut Vec<Mismatch>) {
    let reached = outcome.reached.last();
    if let Some(check) = &expect.upstream {
        check.test(reached.map(|reached| reached.upstream.as_bytes()), mismatches);
    }
    if let Some((check, answered)) = &expect.answered {
        let found = reached.is_none() && outcome.failures.is_empty() && outcome.complaints.is_empty();
        if found != *answered {
            let said = |answered| if answered { "the plugin answers" } else { "the plugin does not answer" };
            mismatches.push(Mismatch::of(check, said(*answered), instead(outcome)));
        }
    }
    match (&expect.request, reached) {
        (None, _) | (Some(ExpectRequest::None(_)), None) => {}
        (Some(ExpectRequest::None(check)), Some(_)) => {
            mismatches.push(Mismatch::of(check, "no request reaches an upstream", instead(outcome)));
        }
        (Some(ExpectRequest::Some(expected)), None) => {
            mismatches.push(Mismatch::of(&expected.place, "a request reaches an upstream", instead(outcome)));
        }
        (Some(ExpectRequest::Some(expected)), Some(reached)) => {
            sent(expected, reached, mismatches);
        }
    }
}

/// A request as it reached an upstream.
fn sent(expected: &Message, reached: &Reached, mismatches: &mut Vec<Mismatch>) {
    let line = |key: &str| match key {
        "method" => reached.head.method.to_string(),
        _ => reached.head.uri.to_string(),
    };
    message(expected, line, &reached.head.headers, &reached.body, mismatches);
}

/// The plugin's own requests: those that are expected, and no others.
fn calls(step: &Step, outcome: &Outcome, mismatches: &mut Vec<Mismatch>) {
    for (call, planned) in step.calls.iter().zip(&outcome.calls) {
        match (&call.expect, &planned.found) {
            (_, None) => {
                let expected = format!("the plugin asks the upstream {:?}", call.upstream);
                mismatches.push(Mismatch::of(&call.place, expected, "it does not"));
            }
            (Some(expected), Some(reached)) => sent(expected, reached, mismatches),
            (None, Some(_)) => {}
        }
    }
    for reached in &outcome.unplanned {
        mismatches.push(Mismatch {
            key: "calls".to_owned(),
            span: step.span,
            expected: "no other requests of the plugin's".to_owned(),
            found: told(reached),
        });
    }
}

fn told(reached: &Reached) -> String {
    let Reached { upstream, head, .. } = reached;
    format!("{} {} reached the upstream {:?}", head.method, head.uri, &**upstream)
}

/// What happened, for somebody who expected something else to happen.
fn instead(outcome: &Outcome) -> String {
    let status = outcome.status();
    if let Some(reached) = outcome.reached.last() {
        return told(reached);
    }
    match outcome.complaints.first() {
        Some(why) => format!("the gateway answered {status}: {why}"),
        None if !outcome.failures.is_empty() => format!("the plugin failed, the gateway answered {status}"),
        None => format!("the plugin answered {status}"),
    }
}

fn message(
    expected: &Message,
    line: impl Fn(&str) -> String,
    headers: &HeaderMap,
    body: &[u8],
    mismatches: &mut Vec<Mismatch>,
) {
    for (key, check) in &expected.line {
        let found = line(key);
        // A status, a method or a path is read better without quotes.
        if !check.matcher.matches(Some(found.as_bytes())) {
            let expected = match &check.matcher {
                Matcher::Equals(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                other => other.described(),
            };
            mismatches.push(Mismatch::of(check, expected, found));
        }
    }
    for (name, check) in &expected.headers {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        check.test(&values, mismatches);
    }
    if let Some(check) = &expected.body {
        check.test(Some(body), mismatches);
    }
}

impl HeaderCheck {
    fn test(&self, values: &[&[u8]], mismatches: &mut Vec<Mismatch>) {
        match self {
            Self::Joined(check) => {
                let joined = values.join(&b", "[..]);
                check.test(Some(joined.as_slice()).filter(|_| !values.is_empty()), mismatches);
            }
            Self::Each(check, each) => {
                let pairs = each.iter().zip(values);
                let same = each.len() == values.len()
                    && pairs.into_iter().all(|(check, value)| check.matcher.matches(Some(value)));
                if !same {
                    let expected = lines(each.iter().map(|check| check.matcher.described()));
                    let found = lines(values.iter().map(|value| shown(value)));
                    mismatches.push(Mismatch::of(check, expected, found));
                }
            }
        }
    }
}

/// Each on a line of its own.
fn lines(all: impl Iterator<Item = String>) -> String {
    let all: Vec<_> = all.collect();
    if all.is_empty() { "none".to_owned() } else { all.join("\n") }
}

/// The lines have to be among those that were logged, in their order; none expected means that there are none.
fn log(expect: &Expect, outcome: &Outcome, mismatches: &mut Vec<Mismatch>) {
    let Some((check, expected)) = &expect.log else { return };
    let found = || lines(outcome.log.iter().map(|line| shown(line.as_bytes())));
    if expected.is_empty() {
        if !outcome.log.is_empty() {
            mismatches.push(Mismatch::of(check, "none", found()));
        }
        return;
    }
    let mut rest = outcome.log.iter();
    for line in expected {
        if !rest.any(|found| line.matcher.matches(Some(found.as_bytes()))) {
            mismatches.push(Mismatch::of(line, line.matcher.described(), found()));
            return;
        }
    }
}
