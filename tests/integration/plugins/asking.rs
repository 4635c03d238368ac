//! `forward-auth` and `jwt`, which ask others before they let anybody in.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{attributes, echo};
use crate::support::{Backend, Gateway, Refusing, Reply, Request, eventually};

/// A gateway in front of `app` with a plugin that may ask `auth`.
#[track_caller]
fn gateway_asking(auth: &str, app: &Backend, plugin: &str, config: &str) -> Gateway {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [upstream.auth]
        endpoints = ["<auth>"]
        [plugin.guard]
        file = "<plugins>/<plugin>.wasm"
        allow = ["kv", "http:auth"]
        limits = { time = "5s" }
        config = { <config> }
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["guard"]
        "#,
    )
    .put("app", app.url())
    .put("auth", auth)
    .put("plugin", plugin)
    .put("config", config)
    .start()
}

const FORWARD_AUTH: &str =
    r#"upstream = "auth", path = "/check", response_headers = ["x-user"], attributes = { user = "x-user" }"#;

/// Lets in whoever has the session 1.
fn session_service() -> Backend {
    Backend::answering(|request| match request.get("cookie") {
        Some("session=1") => Reply::status(204).with("x-user", "alice"),
        _ => Reply::status(302).with("location", "https://login.test/").with("set-cookie", "a=1"),
    })
}

#[test]
fn forward_auth_lets_in_whom_the_service_lets_in() {
    let (auth, app) = (session_service(), echo());
    let gateway = gateway_asking(&auth.url(), &app, "forward-auth", FORWARD_AUTH);
    let request = Request::post("/shop/a?x=1", "body").with("cookie", "session=1").with("x-user", "mallory");
    let response = gateway.ask(request);
    assert_eq!((response.status(), response.text().as_str()), (200, "/shop/a?x=1"));
    assert_eq!(app.received().all("x-user"), ["alice"]);
    assert_eq!(app.received().text(), "body");
    assert!(attributes(&gateway.log().access("/shop/a?x=1")).contains("alice"));
    let asked = auth.received();
    assert_eq!((asked.method(), asked.target(), asked.text().as_str()), ("GET", "/check", ""));
    for (name, value) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/shop/a?x=1"),
        ("x-forwarded-host", "gateway.test"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(asked.all(name), [value], "{name}");
    }
}

#[test]
fn forward_auth_hands_on_what_the_service_says_to_others() {
    let (auth, app) = (session_service(), echo());
    let gateway = gateway_asking(&auth.url(), &app, "forward-auth", FORWARD_AUTH);
    let response = gateway.ask(Request::get("/shop").with("cookie", "session=2").with("cdn-loop", "x"));
    assert_eq!((response.status(), response.get("location")), (302, Some("https://login.test/")));
    assert_eq!(response.get("set-cookie"), Some("a=1"));
    assert!(app.requests().is_empty(), "nothing reached the upstream");
}

#[test]
fn forward_auth_lets_nobody_in_where_the_service_is_not_there() {
    let (auth, app) = (Refusing::new(), echo());
    let gateway = gateway_asking(&auth.url(), &app, "forward-auth", FORWARD_AUTH);
    assert_eq!(gateway.get("/shop").status(), 503);
    assert!(app.requests().is_empty(), "nothing reached the upstream");
}

/// The keys and tokens of RFC 7515, appendix A.2 and A.3. They ended in 2011.
mod rfc7515 {
    pub(super) const RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    pub(super) const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    pub(super) const RSA: &str = r#"{"kty":"RSA","kid":"rsa","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    pub(super) const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
}

const JWT: &str = r#"jwks = { upstream = "auth", path = "/keys" }, issuer = "joe", leeway = "200000h", attributes = { iss = "user" }"#;

fn bearer(target: &str, token: &str) -> Request {
    Request::get(target).with("authorization", &format!("Bearer {token}"))
}

#[test]
fn jwt_lets_in_who_has_a_token_of_a_key_in_the_set() {
    let app = echo();
    let auth = Backend::answering(|_| Reply::ok(format!("{{\"keys\":[{}]}}", rfc7515::RSA)));
    let gateway = gateway_asking(&auth.url(), &app, "jwt", JWT);
    assert_eq!(auth.received().target(), "/keys", "a tick has fetched it");
    let response = gateway.ask(bearer("/in", rfc7515::RS256));
    assert_eq!((response.status(), response.text().as_str()), (200, "/in"));
    assert!(attributes(&gateway.log().access("/in")).contains("joe"));
    for (request, challenge) in [
        (Request::get("/none"), r#"Bearer realm="gateway""#),
        (bearer("/forged", &format!("{}A", rfc7515::RS256)), "invalid_token"),
        (bearer("/other", rfc7515::ES256), "not signed by a known key"),
    ] {
        let response = gateway.ask(request);
        assert_eq!(response.status(), 401);
        let said = response.get("www-authenticate").unwrap();
        assert!(said.contains(challenge), "{said}");
    }
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn jwt_asks_at_once_for_a_key_that_is_new_and_then_not_for_a_while() {
    let app = echo();
    let asked = AtomicUsize::new(0);
    let auth = Backend::answering(move |_| {
        let keys = match asked.fetch_add(1, Ordering::SeqCst) {
            0 => rfc7515::RSA.to_owned(),
            _ => format!("{},{}", rfc7515::RSA, rfc7515::EC),
        };
        Reply::ok(format!("{{\"keys\":[{keys}]}}"))
    });
    let gateway = gateway_asking(&auth.url(), &app, "jwt", JWT);
    eventually("the tick has fetched the set", || !auth.requests().is_empty());
    assert_eq!(gateway.ask(bearer("/", rfc7515::RS256)).status(), 200);
    assert_eq!(gateway.ask(bearer("/", rfc7515::ES256)).status(), 200);
    assert_eq!(auth.requests().len(), 2);
    let unknown = "eyJhbGciOiJFUzI1NiIsImtpZCI6Im5vbmUifQ.e30.AAAA";
    for _ in 0..3 {
        assert_eq!(gateway.ask(bearer("/", unknown)).status(), 401);
    }
    assert_eq!(auth.requests().len(), 2, "whoever makes up names does not make it ask");
}
