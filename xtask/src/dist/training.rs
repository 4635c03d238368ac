//! The traffic that the gateway is compiled for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bench::load::{self, Load};
use crate::bench::server::{Server, pinned};
use crate::bench::site::{self, PROXY_CPU, Site};
use crate::bench::{backend, probe};
use crate::house;
use crate::plugins::{self, Profile};

/// Seconds of each kind of traffic.
const EACH: u32 = 4;

/// A counting gateway is slow to compile plugins, and to write down what it has counted.
const PATIENCE: Duration = Duration::from_secs(120);

/// That what makes the traffic is here.
pub(super) fn check_tools() -> Result<()> {
    site::check_cpus()?;
    load::check_tools()?;
    let found = Command::new("openssl").arg("version").output();
    found.map(drop).context("openssl is not here (Debian: openssl)")
}

/// Serves it: connections that stay and such that do not, small bodies and large ones, both versions of HTTP, in clear
/// and by TLS, through plugins that work on heads, on bodies and with the key-value store.
pub(super) fn train(gateway: &Path) -> Result<()> {
    plugins::build_rust(Profile::Release)?;
    let mut site = Site::open()?;
    let _backends = backend::start(&site)?;
    let config = site.write("gatewright.toml", &config(&site)?)?;
    let mut command = Command::new(gateway);
    command.arg("run").arg("--config").arg(config);
    let server = Server::start(&pinned(PROXY_CPU, &command), &site.log("gateway"))?;
    let server = server.listens(site.port, PATIENCE)?;
    probe::ready(site.port)?;
    for path in ["", "big", "logic", "limited", "redacted"] {
        served(path, load::connections(&site, path, &[], EACH)?)?;
    }
    for (scheme, port) in [("http", site.port), ("https", site.secure)] {
        (site.scheme, site.port) = (scheme, port);
        served("HTTP/2", load::streams(&site, EACH)?)?;
        served("close", load::connections(&site, "", &["-H", "Connection: close"], EACH)?)?;
    }
    served("TLS", load::connections(&site, "logic", &[], EACH)?)?;
    // Counts are written at the end.
    server.interrupt(PATIENCE)
}

fn served(what: &str, load: Load) -> Result<()> {
    println!("xtask: trained on {} requests of {what:?}", load.requests);
    ensure!(load.requests > 0 && load.errors == 0, "{what:?}: {} errors", load.errors);
    Ok(())
}

fn config(site: &Site) -> Result<String> {
    let (certificate, key) = certificate(site)?;
    let [first, second] = site.backends;
    let modules = house::target()?.join("plugins");
    let plugin = |name: &str| format!("file = {:?}", modules.join(format!("{name}.wasm")));
    Ok(format!(
        r#"
        [gateway]
        workers = 1

        [listener.clear]
        listen = "127.0.0.1:{clear}"

        [listener.secure]
        listen = "127.0.0.1:{secure}"
        tls = {{ certificate = {certificate:?}, key = {key:?} }}

        [upstream.backends]
        balance = "round_robin"
        endpoints = ["http://127.0.0.1:{first}", "http://127.0.0.1:{second}"]

        [plugin.header-logic]
        {logic}

        [plugin.rate-limit]
        {limit}
        allow = ["kv"]
        config = {{ rate = 1000000, per = "1s", burst = 1000000, key = "client_ip" }}

        [plugin.redact]
        {redact}
        config = {{ rules = [{{ text = "internal.example" }}] }}

        [[route]]
        path = "/*"
        upstream = "backends"

        [[route]]
        path = "/logic"
        upstream = "backends"
        middleware = ["header-logic"]

        [[route]]
        path = "/limited"
        upstream = "backends"
        middleware = ["rate-limit"]

        [[route]]
        path = "/redacted"
        upstream = "backends"
        modify_response = ["redact"]
        "#,
        clear = site.port,
        secure = site.secure,
        logic = plugin("header-logic"),
        limit = plugin("rate-limit"),
        redact = plugin("redact"),
    ))
}

/// Made for this run.
fn certificate(site: &Site) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (site.folder.join("cert.pem"), site.folder.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl
        .args(["-subj", "/CN=localhost", "-days", "2"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    let output = openssl.output().context("cannot run `openssl`")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok((certificate, key))
}
