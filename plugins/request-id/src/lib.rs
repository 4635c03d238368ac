//! A middleware that gives every exchange an identifier that the upstream, the client and the log see: the client's own
//! where it sends a sane one, else the gateway's.

use gatewright_sdk::prelude::*;

/// Which header carries the identifier.
#[config]
struct RequestId {
    /// The header that carries it, both ways.
    #[serde(default = "default_header")]
    header: HeaderName,
}

fn default_header() -> HeaderName {
    HeaderName::from_static("x-request-id")
}

const ATTRIBUTE: &str = "request_id";

/// An identifier goes into logs and headers wherever the request goes, so it is not for the client to make it long.
const MAX_LEN: usize = 128;

impl Middleware for RequestId {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        let id = match request.headers().get(&self.header)? {
            Some(id) if is_sane(&id) => id,
            _ => request.request_id()?.into_bytes(),
        };
        // Set also where it was taken: there may have been more than one.
        request.headers_mut().set(&self.header, &id)?;
        request.attributes().set(ATTRIBUTE, &id)?;
        Ok(Continue)
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        match response.attributes().get(ATTRIBUTE)? {
            Some(id) => response.headers_mut().set(&self.header, &id),
            None => Ok(()),
        }
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LEN).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

plugin!(RequestId: Middleware);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing::{self, Outcome};

    use super::*;

    const OWN: &str = "00112233445566778899aabbccddeeff";

    fn with_id(id: &[u8]) -> Outcome {
        let plugin: RequestId = testing::load(json!({})).unwrap();
        testing::request("GET", "/").request_id(OWN).header("x-request-id", id).run(&plugin).unwrap()
    }

    fn assert_id(outcome: &Outcome, id: &str) {
        assert_eq!(outcome.header_bytes("x-request-id"), [id.as_bytes()]);
        assert_eq!(outcome.response_header("x-request-id"), Some(id));
        assert_eq!(outcome.attribute("request_id"), Some(id));
    }

    #[test]
    fn a_sane_identifier_of_the_client_is_taken() {
        assert_id(&with_id(b"abc-123"), "abc-123");
        let longest = "x".repeat(128);
        assert_id(&with_id(longest.as_bytes()), &longest);
    }

    #[test]
    fn any_other_is_replaced_by_the_gateways() {
        for id in [&b""[..], b"a b", b"\xe9", &[b'x'; 129]] {
            assert_id(&with_id(id), OWN);
        }
    }

    #[test]
    fn without_one_the_gateways_is_taken() {
        let plugin: RequestId = testing::load(json!({})).unwrap();
        assert_id(&testing::request("GET", "/").request_id(OWN).run(&plugin).unwrap(), OWN);
    }

    #[test]
    fn of_several_the_first_is_taken_alone() {
        let plugin: RequestId = testing::load(json!({})).unwrap();
        let request = testing::request("GET", "/").header("x-request-id", "a").header("x-request-id", "b c");
        assert_id(&request.run(&plugin).unwrap(), "a");
    }

    #[test]
    fn the_header_can_be_another() {
        let plugin: RequestId = testing::load(json!({ "header": "X-Trace" })).unwrap();
        let outcome = testing::request("GET", "/").header("x-trace", "t1").run(&plugin).unwrap();
        assert_eq!(outcome.response_header("x-trace"), Some("t1"));
        assert_eq!(outcome.response_header("x-request-id"), None);
    }

    #[test]
    fn the_upstreams_own_answer_is_replaced() {
        let plugin: RequestId = testing::load(json!({})).unwrap();
        let request =
            testing::request("GET", "/").header("x-request-id", "a").upstream_header("x-request-id", "b");
        assert_eq!(request.run(&plugin).unwrap().response_header_bytes("x-request-id"), [b"a"]);
    }
}
