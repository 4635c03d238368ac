//! @NAME@: answers `/hello` by itself, and puts its greeting on every response.

use gatewright_sdk::prelude::*;

/// The plugin's `config` table. Comments like this one are in the schema that `gatewright plugin inspect` shows.
#[config]
struct Greeter {
    /// What is said.
    #[serde(default = "default_greeting")]
    greeting: String,
}

fn default_greeting() -> String {
    "hello".to_owned()
}

impl Middleware for Greeter {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        if request.path()? == "/hello" {
            return Ok(Answer::text(200, format!("{}\n", self.greeting)).into());
        }
        Ok(Continue)
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        response.headers_mut().set("x-greeting", &self.greeting)
    }
}

plugin!(Greeter: Middleware);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    #[test]
    fn hello_is_answered_with_the_greeting() {
        let greeter: Greeter = testing::load(json!({ "greeting": "hi" })).unwrap();
        let outcome = testing::request("GET", "/hello").run(&greeter).unwrap();
        assert_eq!(outcome.answer().unwrap().text(), Some("hi\n"));
    }

    #[test]
    fn every_response_carries_the_greeting() {
        let greeter: Greeter = testing::load(json!({})).unwrap();
        let outcome = testing::request("GET", "/shop").run(&greeter).unwrap();
        assert!(outcome.answer().is_none());
        assert_eq!(outcome.response_header("x-greeting"), Some("hello"));
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(testing::load::<Greeter>(json!({ "greting": "hi" })).is_err());
    }
}
