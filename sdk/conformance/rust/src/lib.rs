//! The conformance guest in Rust: does what the request's `x-case` names. `../cases.toml` says what must come of it;
//! `../assemblyscript` does the same.

mod bodies;
mod entries;
mod exchange;
mod report;
mod services;

use std::time::Duration;

use gatewright_sdk::prelude::*;

use report::{hex, tried};

/// What the guest is told.
#[config]
struct ConformanceConfig {
    /// What it answers to the case `config`.
    #[serde(default)]
    word: String,
    /// What it does too early.
    #[serde(default)]
    early: String,
    /// Milliseconds from tick to tick.
    #[serde(default = "default_period")]
    period: u64,
}

fn default_period() -> u64 {
    3_600_000
}

struct Conformance {
    word: String,
    period: u64,
}

impl Plugin for Conformance {
    type Config = ConformanceConfig;

    fn load(config: ConformanceConfig) -> Result<Self> {
        match config.early.as_str() {
            "kv" => {
                kv::get("early")?;
            }
            "http" => {
                http::get("auth", "/").send()?;
            }
            "refuse" => return Err("early: is too early".into()),
            _ => {}
        }
        Ok(Self { word: config.word, period: config.period })
    }
}

/// The case that the request names.
fn case(request: &Request) -> Result<String> {
    Ok(request.headers().get_str("x-case")?.unwrap_or_default())
}

impl Middleware for Conformance {
    const REQUEST_BODY: BodyMode = BodyMode::buffer();
    const RESPONSE_BODY: BodyMode = BodyMode::stream().decoded();

    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        let name = case(request)?;
        let family = name.split('-').next().unwrap_or_default();
        match family {
            "config" => Ok(Answer::text(200, &self.word).into()),
            "head" => exchange::heads(&name, request),
            "parts" => exchange::parts(&name, request),
            "attributes" | "attribute" => exchange::attributes(&name, request),
            "log" => exchange::logged(&name),
            "clock" => exchange::clocks(),
            "answer" => exchange::answered(&name),
            "fail" => exchange::failing(&name),
            "kv" => entries::entries(&name),
            "http" => services::requests(&name),
            "metrics" => services::counted(&name),
            "random" => services::drawn(),
            "body" => bodies::bodies(&name, request),
            _ => Ok(Continue),
        }
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        match case(response.request())?.as_str() {
            "attribute-later" => {
                let later = response.attributes().get("conformance-later")?;
                let later = later.map_or("none".to_owned(), |later| hex(&later));
                response.headers_mut().set("x-later", later)
            }
            "response" => {
                let request = response.request();
                let saw = format!("{} {} {}", request.method()?, request.path()?, response.status()?);
                response.headers_mut().set("x-saw", saw)?;
                let mut headers = response.headers_mut();
                let report = [
                    // A request that was sent has no setters in this SDK.
                    "forbidden",
                    tried(headers.set("content-length", "1")),
                    tried(headers.set("x-a", "a\r\nb")),
                    tried(headers.remove("x-gone")),
                    tried(headers.remove("x-gone")),
                ];
                headers.set("x-report", report.join(" "))
            }
            "response-fail" => Err("no such response".into()),
            name if name.starts_with("stream") => bodies::streamed(name, response),
            _ => Ok(()),
        }
    }
}

impl Director for Conformance {
    const BODY: BodyMode = BodyMode::peek(4);

    fn direct(&self, request: &mut Request, direction: &mut Direction) -> Result<()> {
        match case(request)?.as_str() {
            "direct" => {
                direction.set_upstream("next")?;
                direction.set_hash_key([0, 0])?;
                direction.set_timeout(Duration::from_millis(2500))?;
                request.headers_mut().set("x-directed", "yes")
            }
            "direct-peek" => bodies::peeked(request),
            "direct-endpoint" => match request.headers().get_str("x-endpoint")? {
                Some(endpoint) => direction.set_endpoint(&endpoint),
                None => Ok(()),
            },
            "direct-bad" => {
                let report = [
                    tried(direction.set_upstream("")),
                    tried(direction.set_endpoint("")),
                    tried(direction.set_timeout(Duration::ZERO)),
                ];
                request.headers_mut().set("x-report", report.join(" "))
            }
            "direct-nowhere" => direction.set_upstream("nowhere"),
            _ => Ok(()),
        }
    }
}

impl ModifyResponse for Conformance {
    const BODY: BodyMode = BodyMode::buffer();

    fn modify_response(&self, response: &mut Response) -> Result<()> {
        match case(response.request())?.as_str() {
            "modify" => {
                response.set_status(503)?;
                response.headers_mut().set("x-modified", "yes")
            }
            "modify-bad" => {
                let report = [99, 600, 204].map(|status| tried(response.set_status(status)));
                response.headers_mut().set("x-report", report.join(" "))
            }
            "response-body" | "response-limit" => bodies::replaced(&case(response.request())?, response),
            "modify-fail" => Err("no such response".into()),
            _ => Ok(()),
        }
    }
}

impl Tick for Conformance {
    fn period(&self) -> Duration {
        Duration::from_millis(self.period)
    }

    fn on_tick(&self) -> Result<()> {
        kv::put("ticked", "yes", None)
    }
}

plugin!(Conformance: Middleware, Director, ModifyResponse, Tick);
