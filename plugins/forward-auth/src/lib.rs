//! A middleware that has another service decide who may pass: it is asked before each request, with the request's head.

use std::collections::BTreeMap;

use gatewright_sdk::Code;
use gatewright_sdk::http::Response as Verdict;
use gatewright_sdk::prelude::*;

/// Who is asked, what it is told, and what is taken from what it says.
#[config]
struct ForwardAuthConfig {
    /// The upstream that is asked; `allow` must grant it.
    upstream: String,
    /// Path and query of the question.
    #[serde(default = "default_path")]
    path: String,
    /// Its method.
    #[serde(default = "default_method")]
    method: String,
    /// How long the answer may take; otherwise as long as the upstream may.
    timeout: Option<Period>,
    /// The headers of the request that it is told; all that say nothing of the body where this is not given.
    request_headers: Option<Vec<HeaderName>>,
    /// Headers of its response that the request gets. What clients send under these names never passes.
    #[serde(default)]
    response_headers: Vec<HeaderName>,
    /// Attributes of the exchange, and the header of its response that each is set from.
    #[serde(default)]
    attributes: BTreeMap<String, HeaderName>,
    /// What happens where it does not answer.
    #[serde(default)]
    when_unavailable: WhenUnavailable,
    /// The status of the answer then.
    #[serde(default = "default_unavailable_status")]
    unavailable_status: u16,
}

/// What happens to a request that nobody decides about.
#[config]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum WhenUnavailable {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes, with nothing added.
    Allow,
}

fn default_path() -> String {
    "/".to_owned()
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_unavailable_status() -> u16 {
    503
}

/// What the question says of the request by itself, whatever the client sent under these names.
const TOLD: [&str; 5] =
    ["x-forwarded-method", "x-forwarded-uri", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-for"];

struct ForwardAuth(ForwardAuthConfig);

impl Plugin for ForwardAuth {
    type Config = ForwardAuthConfig;

    fn load(config: ForwardAuthConfig) -> Result<Self> {
        if !config.path.starts_with('/') {
            return Err(format!("path: `{}` does not begin with `/`", config.path).into());
        }
        if !(400..=599).contains(&config.unavailable_status) {
            return Err(
                format!("unavailable_status: {} is none of 400 to 599", config.unavailable_status).into()
            );
        }
        if let Some(name) = config.response_headers.iter().find(|name| name.is_reserved()) {
            return Err(format!("response_headers: only the gateway sets `{name}`").into());
        }
        Ok(Self(config))
    }
}

impl Middleware for ForwardAuth {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        match self.question(request)?.send() {
            Ok(verdict) if verdict.is_success() => self.let_in(request, &verdict),
            Ok(verdict) => refuse(&verdict),
            Err(error) if is_outage(&error) => self.unavailable(request, &error),
            // A mistake, such as an upstream that was not granted: nobody gets in by that.
            Err(error) => Err(error),
        }
    }
}

impl ForwardAuth {
    /// What is asked about the request.
    fn question(&self, request: &Request) -> Result<http::Request> {
        let target = match request.query()? {
            Some(query) => format!("{}?{query}", request.path()?),
            None => request.path()?,
        };
        let told = [request.method()?, target, request.host()?, request.scheme()?, request.client_ip()?];
        let mut question = http::request(&self.0.method, &self.0.upstream, &self.0.path);
        for (name, value) in request.headers().all()?.iter().filter(|(name, _)| self.is_told(name)) {
            question = question.header(name, value);
        }
        for (name, value) in TOLD.iter().zip(told) {
            question = question.header(name, value);
        }
        Ok(match &self.0.timeout {
            Some(timeout) => question.timeout(**timeout),
            None => question,
        })
    }

    /// Whether the question has this header of the request.
    fn is_told(&self, name: &str) -> bool {
        let is_ours =
            name == "host" || TOLD.contains(&name) || HeaderName::parse(name).is_ok_and(|n| n.is_reserved());
        if is_ours {
            return false;
        }
        match &self.0.request_headers {
            Some(names) => names.iter().any(|told| &**told == name),
            // The question has no body, and is not conditional.
            None => {
                !name.starts_with("content-")
                    && !name.starts_with("if-")
                    && name != "expect"
                    && name != "range"
            }
        }
    }

    fn let_in(&self, request: &mut Request, verdict: &Verdict) -> Result<Flow> {
        for name in &self.0.response_headers {
            match verdict.header(name)? {
                Some(value) => request.headers_mut().set(name, value)?,
                None => drop(request.headers_mut().remove(name)?),
            }
        }
        for (attribute, name) in &self.0.attributes {
            if let Some(value) = verdict.header(name)? {
                request.attributes().set(attribute, value)?;
            }
        }
        Ok(Continue)
    }

    fn unavailable(&self, request: &mut Request, error: &Error) -> Result<Flow> {
        log::warn!("nobody decides: {error}");
        match self.0.when_unavailable {
            WhenUnavailable::Refuse => Ok(Answer::status(self.0.unavailable_status).into()),
            WhenUnavailable::Allow => {
                for name in &self.0.response_headers {
                    request.headers_mut().remove(name)?;
                }
                Ok(Continue)
            }
        }
    }
}

/// Whether nobody decides because there was no response.
fn is_outage(error: &Error) -> bool {
    matches!(error.code(), Some(Code::Timeout | Code::Unreachable | Code::Limit | Code::Loop))
}

/// Hands the verdict to the client, as it is.
fn refuse(verdict: &Verdict) -> Result<Flow> {
    let mut answer = Answer::status(verdict.status()).body(verdict.body()?);
    for (name, value) in verdict.headers()?.iter() {
        if HeaderName::parse(name).is_ok_and(|name| !name.is_reserved()) {
            answer = answer.header(name, value);
        }
    }
    Ok(answer.into())
}

plugin!(ForwardAuth: Middleware);

#[cfg(test)]
mod tests;
