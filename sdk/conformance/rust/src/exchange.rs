use std::time::Duration;

use gatewright_sdk::prelude::*;

use crate::report::{NOT_UTF8, hex, say, shown, tried};

pub(crate) fn heads(name: &str, request: &mut Request) -> Result<Flow> {
    let mut headers = request.headers_mut();
    match name {
        "head" => {
            let all: Vec<_> = headers.get_all("x-many")?.iter().map(|value| text(value)).collect();
            let mut report =
                vec![shown(headers.get_str("X-Many")?), all.join(","), shown(headers.get_str("x-none")?)];
            headers.set("x-many", "c")?;
            headers.add("x-many", "d")?;
            report.push(tried(headers.remove("x-gone")).to_owned());
            report.push(tried(headers.remove("x-gone")).to_owned());
            let all = headers.all()?;
            report.push(all.iter().filter(|(name, _)| *name == "x-many").count().to_string());
            headers.set("x-report", report.join(" "))?;
            Ok(Continue)
        }
        "head-bytes" => {
            headers.set("x-bytes", NOT_UTF8)?;
            say(&[hex(&headers.get("x-bytes")?.unwrap_or_default())])
        }
        "head-bad" => say(&[
            tried(headers.set("te", "x")),
            tried(headers.set("Content-Length", "1")),
            tried(headers.set("cdn-loop", "x")),
            tried(headers.add("transfer-encoding", "chunked")),
            tried(headers.remove("connection")),
            tried(headers.remove("host")),
            tried(headers.add("host", "other.test")),
            tried(headers.set("bad name", "x")),
            tried(headers.set("", "x")),
            tried(headers.set("é", "x")),
            tried(headers.set("x-a", "a\r\nx-b: c")),
            tried(headers.set("x-a", "a\nb")),
            tried(headers.set("x-a", "a\0b")),
        ]),
        "head-limit" => {
            let added = (0..300).take_while(|_| headers.add("x-more", "x").is_ok()).count();
            let some = if added < 256 { "some" } else { "many" };
            say(&[some, tried(headers.add("x-more", "x"))])
        }
        "head-size" => say(&[tried(headers.set("x-long", "x".repeat(300 * 1024)))]),
        _ => Ok(Continue),
    }
}

pub(crate) fn parts(name: &str, request: &mut Request) -> Result<Flow> {
    if name == "parts" {
        let facts = [
            request.method()?,
            request.path()?,
            shown(request.query()?),
            request.host()?,
            request.client_ip()?,
            request.scheme()?,
            request.protocol()?,
            request.route()?,
            request.request_id()?.len().to_string(),
        ];
        request.headers_mut().set("x-report", facts.join(" "))?;
        request.set_method("PUT")?;
        request.set_path("/b")?;
        request.set_query("y=2")?;
        request.set_host("other.test")?;
        return Ok(Continue);
    }
    say(&[
        tried(request.set_path("none")),
        tried(request.set_path("/a b")),
        tried(request.set_path("/a?b")),
        tried(request.set_path("/a#b")),
        tried(request.set_path(&format!("/{}", "x".repeat(17 * 1024)))),
        tried(request.set_query("a b")),
        tried(request.set_method("G T")),
        tried(request.set_method("CONNECT")),
        tried(request.set_host("a b")),
        tried(request.set_host("a\r\nx-b: c")),
    ])
}

pub(crate) fn attributes(name: &str, request: &Request) -> Result<Flow> {
    let attributes = request.attributes();
    match name {
        "attributes" => {
            let mut report = vec![shown(attributes.get_str("a")?)];
            attributes.set("a", "é")?;
            report.push(shown(attributes.get_str("a")?));
            attributes.set("é", NOT_UTF8)?;
            report.push(hex(&attributes.get("é")?.unwrap_or_default()));
            attributes.set_bool("b", true)?;
            report.push(attributes.get_bool("b")?.unwrap_or_default().to_string());
            attributes.set_number("n", 42)?;
            report.push(attributes.get_number::<i64>("n")?.unwrap_or_default().to_string());
            report.push(tried(attributes.remove("a")).to_owned());
            report.push(tried(attributes.remove("a")).to_owned());
            say(&report)
        }
        "attribute-later" => attributes.set("conformance-later", NOT_UTF8).map(|()| Continue),
        _ => {
            let empty = tried(attributes.set("", "x"));
            let set = (0..100).take_while(|n| attributes.set(&format!("a{n}"), "x").is_ok()).count();
            let some = if set <= 64 { "some" } else { "many" };
            say(&[empty, some, tried(attributes.set("one-more", "x"))])
        }
    }
}

pub(crate) fn logged(name: &str) -> Result<Flow> {
    if name == "log-bad" {
        // What AssemblyScript makes of half a surrogate pair.
        log::info!("conformance half \u{fffd}\r\nsecond line");
        return say(&["ok"]);
    }
    log::error!("conformance error");
    log::warn!("conformance warn");
    log::info!("conformance info");
    let yes = |is_enabled| if is_enabled { "yes" } else { "no" };
    say(&[yes(log::enabled(log::Level::Info)), yes(log::enabled(log::Level::Trace))])
}

pub(crate) fn clocks() -> Result<Flow> {
    let before = clock::monotonic();
    let wall = clock::now();
    // The year 2020.
    let then = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    let on = if clock::monotonic() >= before { "on" } else { "back" };
    say(&[on, if wall > then { "now" } else { "then" }])
}

pub(crate) fn answered(name: &str) -> Result<Flow> {
    let answer = match name {
        "answer" => Answer::bytes(418, "x/y", NOT_UTF8).header("x-a", "1").header("x-a", "2"),
        "answer-json" => Answer::json(200, &json!({ "a": 1 }))?,
        "answer-redirect" => Answer::redirect(308, "/new"),
        "answer-status" => Answer::status(99),
        "answer-framing" => Answer::status(200).header("content-length", "7"),
        "answer-split" => Answer::status(200).header("x-a", "a\r\nx-b: c"),
        _ => Answer::bytes(200, "x/y", vec![0; (1 << 20) + 1]),
    };
    Ok(answer.into())
}

pub(crate) fn failing(name: &str) -> Result<Flow> {
    match name {
        "fail" => Err("no such user".into()),
        "fail-loop" => loop {
            let _ = clock::monotonic();
        },
        _ => trap(),
    }
}

/// Traps, and natively ends the test.
fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
