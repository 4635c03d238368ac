//! The example plugins through the gateway, and the order in which plugins run.

mod access;
mod asking;
mod bodies;
mod direct;
mod headers;
mod order;

use serde_json::Value;

use crate::support::{Backend, Gateway, Reply};

/// A gateway in front of `app` with one plugin.
#[track_caller]
pub(super) fn gateway_with(app: &Backend, name: &str, plugin: &str, uses: &str) -> Gateway {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.<name>]
        file = "<plugins>/<name>.wasm"
        <plugin>
        [[route]]
        path = "/*"
        upstream = "app"
        <uses>
        "#,
    )
    .put("app", app.url())
    .put("name", name)
    .put("plugin", plugin)
    .put("uses", uses)
    .start()
}

pub(super) fn echo() -> Backend {
    Backend::answering(|request| Reply::ok(request.target()).with("server", "echo").with("x-app", "1"))
}

/// What an access line says of the attributes.
fn attributes(line: &Value) -> String {
    line["attributes"].to_string()
}
