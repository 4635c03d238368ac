//! A middleware that lets in only JSON of a given shape.

mod compile;
mod number;
mod schema;
mod strict;

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::Value;

use schema::{Problem, Schema};

/// What bodies must be.
#[config]
struct BodyGuardConfig {
    /// The JSON Schema that bodies must keep to: the part of it that the README lists.
    schema: Value,
    /// The media types that a body may have.
    #[serde(default = "default_content_types")]
    content_types: Vec<String>,
    /// The methods that need a body. Requests of others pass without one; a body that is there is looked at in any case.
    #[serde(default = "default_methods")]
    methods: Vec<String>,
}

fn default_content_types() -> Vec<String> {
    vec!["application/json".to_owned()]
}

fn default_methods() -> Vec<String> {
    ["POST", "PUT", "PATCH"].map(str::to_owned).into()
}

struct BodyGuard {
    schema: Schema,
    content_types: Vec<String>,
    methods: Vec<String>,
}

impl Plugin for BodyGuard {
    type Config = BodyGuardConfig;

    fn load(config: BodyGuardConfig) -> Result<Self> {
        Ok(Self {
            schema: Schema::compile(&config.schema).map_err(|error| error.context("schema"))?,
            content_types: config.content_types,
            methods: config.methods,
        })
    }
}

impl Middleware for BodyGuard {
    const REQUEST_BODY: BodyMode = BodyMode::buffer().decoded();

    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        if request.body().size()? == 0 && !self.needs_body(&request.method()?) {
            return Ok(Continue);
        }
        if !self.has_media_type(request)? {
            return refuse(415, &format!("the body must be {}", self.content_types.join(" or ")), &[]);
        }
        match strict::parse(&request.body().read()?) {
            Err(why) => refuse(400, &format!("the body is not JSON: {why}"), &[]),
            Ok(body) => match self.schema.problems(&body) {
                problems if problems.is_empty() => Ok(Continue),
                problems => refuse(422, "the body has not the shape it must have", &problems),
            },
        }
    }
}

impl BodyGuard {
    fn needs_body(&self, method: &str) -> bool {
        self.methods.iter().any(|needs| needs == method)
    }

    /// Whether the body says that it is what it must be; what stands behind a `;` does not count.
    fn has_media_type(&self, request: &Request) -> Result<bool> {
        let [given] = &*request.headers().get_all("content-type")? else { return Ok(false) };
        let media_type = given.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        Ok(self.content_types.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(media_type)))
    }
}

fn refuse(status: u16, why: &str, problems: &[Problem]) -> Result<Flow> {
    let problems: Vec<_> = problems.iter().map(|p| json!({ "at": p.at, "problem": p.what })).collect();
    let body = if problems.is_empty() {
        json!({ "error": why })
    } else {
        json!({ "error": why, "problems": problems })
    };
    Ok(Answer::json(status, &body)?.into())
}

plugin!(BodyGuard: Middleware);

#[cfg(test)]
mod tests;
