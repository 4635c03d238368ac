use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::Value;
use gatewright_sdk::{Body, BodyMut, HeadersMut};

use crate::report::{hex, say, tried};

/// The request's body, which `on_request` has whole.
pub(crate) fn bodies(name: &str, request: &mut Request) -> Result<Flow> {
    match name {
        "body-read" => say(&seen(&request.body())?),
        "body-bytes" => say(&[hex(&request.body().read()?)]),
        "body-json" => {
            let json = request.body().json::<Value>();
            let word = json.as_ref().ok().and_then(|json| json.get("a")).and_then(Value::as_str);
            say(&[word.unwrap_or("invalid")])
        }
        "body-replace" => {
            let text = request.body().text()?;
            request.body_mut().replace(format!("{}!", text.to_uppercase()))?;
            let report = seen(&request.body())?.join(" ");
            request.headers_mut().set("x-report", report).map(|()| Continue)
        }
        "body-limit" => {
            let report = tried(request.body_mut().replace(vec![0; 64 * 1024 + 1]));
            request.headers_mut().set("x-report", report).map(|()| Continue)
        }
        _ => Ok(Continue),
    }
}

/// What is seen of the request's body by `direct`, which may only peek.
pub(crate) fn peeked(request: &mut Request) -> Result<()> {
    let replaced = tried(request.body_mut().replace("x"));
    let report = format!("{} {replaced}", seen(&request.body())?.join(" "));
    request.headers_mut().set("x-report", report)
}

/// The response's body, which `modify_response` has whole.
pub(crate) fn replaced(name: &str, response: &mut Response) -> Result<()> {
    if name == "response-limit" {
        let report = tried(response.body_mut().replace(vec![0; 64 * 1024 + 1]));
        return response.headers_mut().set("x-report", report);
    }
    let text = response.body().text()?;
    response.body_mut().replace(format!("{}!", text.to_uppercase()))?;
    let report = seen(&response.body())?.join(" ");
    response.headers_mut().set("x-report", report)
}

/// The response's body passes `on_response` piece by piece.
pub(crate) fn streamed(name: &str, response: &mut Response) -> Result<()> {
    let report = tried(response.body().is_whole());
    response.headers_mut().set("x-report", report)?;
    let (headers, body) = (response.headers_mut(), response.body_mut());
    response.stream(Brackets { name: name.to_owned(), open: false, headers, body });
    Ok(())
}

fn seen(body: &Body) -> Result<[String; 3]> {
    let whole = if body.is_whole()? { "whole" } else { "begun" };
    Ok([body.size()?.to_string(), whole.to_owned(), body.text()?])
}

struct Brackets {
    name: String,
    open: bool,
    /// What is at hand no more once the body is on its way.
    headers: HeadersMut,
    body: BodyMut,
}

impl BodyStream for Brackets {
    fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()> {
        if self.name == "stream-fail" {
            return Err("no such body".into());
        }
        if !self.open {
            out.write("<")?;
        }
        self.open = true;
        out.write(piece)?;
        match self.name.as_str() {
            "stream-pass" => out.pass_rest(),
            "stream-limit" => {
                let said = tried(out.write(vec![0; 64 * 1024]));
                out.write(said)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Sink) -> Result<()> {
        out.write(">")?;
        if self.name != "stream-late" {
            return Ok(());
        }
        // A stream has no answer to give in this SDK.
        let said = [tried(self.headers.set("x-late", "1")), tried(self.body.replace("late")), "forbidden"];
        out.write(said.join(" "))
    }
}
