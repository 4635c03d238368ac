use std::fmt::Write as _;

use gatewright_sdk::Code;
use gatewright_sdk::prelude::*;

/// Bytes that are no UTF-8, and no control characters either.
pub(crate) const NOT_UTF8: [u8; 3] = [0xff, 0xc3, 0xe9];

/// What a call gave back, as far as it went well.
pub(crate) trait Done {
    fn word(&self) -> &'static str;
}

impl Done for () {
    fn word(&self) -> &'static str {
        "ok"
    }
}

impl Done for bool {
    fn word(&self) -> &'static str {
        if *self { "ok" } else { "no" }
    }
}

impl Done for i64 {
    fn word(&self) -> &'static str {
        "ok"
    }
}

/// What the gateway said to a call: `ok`, `no`, or its code.
pub(crate) fn tried<T: Done>(result: Result<T>) -> &'static str {
    match result {
        Ok(done) => done.word(),
        Err(error) => match error.code() {
            Some(Code::NotFound) => "not_found",
            Some(Code::Forbidden) => "forbidden",
            Some(Code::Limit) => "limit",
            Some(Code::Already) => "already",
            Some(Code::Timeout) => "timeout",
            Some(Code::Unreachable) => "unreachable",
            Some(Code::Loop) => "loop",
            Some(Code::Invalid) | None => "invalid",
        },
    }
}

/// A text, or `none`.
pub(crate) fn shown(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".to_owned())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Answers with what was found out.
pub(crate) fn say(report: &[impl AsRef<str>]) -> Result<Flow> {
    let words: Vec<&str> = report.iter().map(AsRef::as_ref).collect();
    Ok(Answer::text(200, words.join(" ")).into())
}
