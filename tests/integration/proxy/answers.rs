//! Routes that answer by themselves.

use crate::support::{Backend, Gateway, Request};

#[test]
fn a_route_responds_and_redirects_without_an_upstream() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.request-id]
        file = "<plugins>/request-id.wasm"
        [[route]]
        path = "/*"
        upstream = "app"
        [[route]]
        path = "/down"
        middleware = ["request-id"]
        respond = { status = 503, headers = { retry-after = "60", content-type = "text/plain" }, body = "back soon" }
        [[route]]
        path = "/empty"
        respond = { status = 204 }
        [[route]]
        path = "/old/*"
        redirect = "https://{host}/new{path}"
        [[route]]
        path = "/moved"
        redirect = { to = "/here", status = 301 }
        "#,
    )
    .put("app", app.url())
    .start();
    let mut client = gateway.connect();
    let down = client.ask(Request::get("/down"));
    assert_eq!(
        (down.status(), down.text().as_str(), down.get("retry-after")),
        (503, "back soon", Some("60"))
    );
    assert!(down.has("x-request-id"), "the middleware is around it: {down:?}");
    let head = client.ask(Request::new("HEAD", "/down"));
    assert_eq!((head.status(), head.get("content-length")), (503, Some("9")));
    assert_eq!(client.ask(Request::get("/empty")).status(), 204);
    let old = client.ask(Request::get("/old/a?b=c").with("Host", "shop.test:8080"));
    assert_eq!((old.status(), old.get("location")), (308, Some("https://shop.test/new/old/a?b=c")));
    let moved = client.ask(Request::post("/moved", "body"));
    assert_eq!((moved.status(), moved.get("location")), (301, Some("/here")));
    assert!(app.requests().is_empty());
    assert_eq!(gateway.get("/else").text(), "app");
}
