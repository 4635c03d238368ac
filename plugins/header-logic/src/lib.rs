//! The benchmark's middleware: one header read, two set on the request, one set on the response.

use gatewright_sdk::prelude::*;

#[config]
struct HeaderLogic;

impl Middleware for HeaderLogic {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        if let Some(user) = request.headers().get("x-user")? {
            request.headers_mut().set("x-gw-user", &user)?;
        }
        request.headers_mut().set("x-gw", "bench")?;
        Ok(Continue)
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        response.headers_mut().set("x-gw-resp", "1")
    }
}

plugin!(HeaderLogic: Middleware);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    #[test]
    fn the_user_is_copied_and_the_marks_are_set() {
        let outcome = testing::request("GET", "/").header("X-User", "alice").run(&HeaderLogic).unwrap();
        assert_eq!(outcome.header("x-gw-user"), Some("alice"));
        assert_eq!(outcome.header("x-gw"), Some("bench"));
        assert_eq!(outcome.response_header("x-gw-resp"), Some("1"));
    }

    #[test]
    fn without_a_user_none_is_made_up() {
        let outcome = testing::request("GET", "/").run(&HeaderLogic).unwrap();
        assert_eq!(outcome.header("x-gw-user"), None);
        assert_eq!(outcome.header("x-gw"), Some("bench"));
    }

    #[test]
    fn there_is_nothing_to_configure() {
        assert!(testing::load::<HeaderLogic>(json!({})).is_ok());
        assert!(testing::load::<HeaderLogic>(json!({ "user": "x-user" })).is_err());
    }
}
