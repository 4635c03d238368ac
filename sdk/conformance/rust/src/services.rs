use std::time::Duration;

use gatewright_sdk::prelude::*;

use crate::report::{hex, say, shown, tried};

/// What came of a request to an upstream: the status, or why there is none.
fn status(request: &http::Request) -> String {
    outcome(request.send())
}

fn outcome(sent: Result<http::Response>) -> String {
    match sent {
        Ok(response) => response.status().to_string(),
        Err(error) => tried::<()>(Err(error)).to_owned(),
    }
}

pub(crate) fn requests(name: &str) -> Result<Flow> {
    match name {
        "http" => {
            let request = http::post("auth", "/check?x=1").header("x-a", "é").body("hi");
            let response = match request.timeout(Duration::from_secs(5)).send() {
                Ok(response) => response,
                Err(error) => return say(&[tried::<()>(Err(error))]),
            };
            let many = response.headers()?.iter().filter(|(name, _)| *name == "x-many").count();
            say(&[
                response.status().to_string(),
                shown(response.header_str("X-User")?),
                shown(response.header_str("x-none")?),
                many.to_string(),
                response.text()?,
            ])
        }
        "http-all" => {
            let sent = http::send_all([http::get("auth", "/check"), http::get("auth", "/missing")]);
            let mut report: Vec<_> = sent.into_iter().map(outcome).collect();
            report.extend(["down", "next", "nowhere"].map(|upstream| status(&http::get(upstream, "/"))));
            say(&report)
        }
        "http-many" => {
            let sent = http::send_all((0..9).map(|_| http::get("auth", "/check")));
            let report: Vec<_> = sent.into_iter().skip(7).map(outcome).collect();
            say(&report)
        }
        "http-slow" => say(&[status(&http::get("auth", "/slow").timeout(Duration::from_millis(50)))]),
        "http-large" => say(&[status(&http::get("auth", "/large"))]),
        _ => say(&[
            status(&http::get("auth", "no-slash")),
            status(&http::get("auth", "/a b")),
            status(&http::request("G T", "auth", "/")),
            status(&http::request("CONNECT", "auth", "/")),
            status(&http::get("auth", "/").header("content-length", "1")),
            status(&http::get("auth", "/").header("x y", "1")),
            status(&http::get("auth", "/").header("x-a", "a\r\nx-b: c")),
        ]),
    }
}

pub(crate) fn counted(name: &str) -> Result<Flow> {
    let by = [("by", "table")];
    if name == "metrics" {
        metrics::counter("conformance_total", &by)?.add(2.0)?;
        let gauge = metrics::gauge("conformance_level", &[])?;
        gauge.set(5.0)?;
        gauge.add(-1.5)?;
        metrics::histogram("conformance_seconds", &[])?.observe(0.25)?;
        return say(&["ok"]);
    }
    metrics::counter("conformance_kind", &[])?;
    say(&[
        tried(metrics::counter("a-b", &[]).map(drop)),
        tried(metrics::counter("", &[]).map(drop)),
        tried(metrics::counter("conformance_bad_total", &[("a-b", "x")]).map(drop)),
        tried(metrics::counter("conformance_bad_total", &[("le", "x")]).map(drop)),
        tried(metrics::gauge("conformance_kind", &[]).map(drop)),
        tried(metrics::counter("conformance_total", &by).and_then(|counter| counter.add(-1.0))),
        tried(metrics::gauge("conformance_level", &[]).and_then(|gauge| gauge.set(f64::NAN))),
    ])
}

pub(crate) fn drawn() -> Result<Flow> {
    let mut long = vec![0; 100_000];
    random::bytes(&mut long)?;
    let (mut one, mut other) = ([0; 16], [0; 16]);
    random::bytes(&mut one)?;
    random::bytes(&mut other)?;
    let differ = if one == other { "same" } else { "differ" };
    say(&[long.len().to_string(), hex(&one).len().to_string(), differ.to_owned()])
}
