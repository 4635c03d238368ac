//! A modify-response plugin that takes secrets out of bodies while they pass.

mod rules;
mod stream;

use std::rc::Rc;

use gatewright_sdk::prelude::*;

use rules::{Rule, Rules};
use stream::Redaction;

/// What is taken out, and of which bodies.
#[config]
struct RedactConfig {
    /// What is looked for. Where several fit at the same place the first of them counts.
    rules: Vec<Rule>,
    /// The media types of the bodies that are looked at: `text/html`, or `text/*`.
    #[serde(default = "default_content_types")]
    content_types: Vec<String>,
    /// Whether `A` and `a` are the same to all rules; of ASCII only.
    #[serde(default)]
    ignore_case: bool,
}

fn default_content_types() -> Vec<String> {
    ["text/*", "application/json", "application/javascript", "application/xml"].map(str::to_owned).into()
}

struct Redact {
    rules: Rc<Rules>,
    content_types: Vec<String>,
}

impl Plugin for Redact {
    type Config = RedactConfig;

    fn load(config: RedactConfig) -> Result<Self> {
        let rules = Rules::compile(config.rules, config.ignore_case)?;
        Ok(Self { rules: Rc::new(rules), content_types: config.content_types })
    }
}

impl ModifyResponse for Redact {
    const BODY: BodyMode = BodyMode::stream().decoded();

    fn modify_response(&self, response: &mut Response) -> Result<()> {
        let content_type = response.headers().get("content-type")?.unwrap_or_default();
        if self.is_looked_at(&content_type) {
            // They are about the bytes that the upstream sent.
            for header in ["accept-ranges", "content-md5", "digest", "content-digest", "repr-digest", "etag"]
            {
                response.headers_mut().remove(header)?;
            }
            response.stream(Redaction::new(Rc::clone(&self.rules)));
        }
        Ok(())
    }
}

impl Redact {
    /// Whether bodies of this type are; what stands behind a `;` does not count.
    fn is_looked_at(&self, content_type: &[u8]) -> bool {
        let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let media_type = media_type.to_ascii_lowercase();
        self.content_types.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(beginning) => media_type.starts_with(beginning.to_ascii_lowercase().as_bytes()),
            None => media_type.eq_ignore_ascii_case(allowed.as_bytes()),
        })
    }
}

plugin!(Redact: ModifyResponse);

#[cfg(test)]
mod tests;
