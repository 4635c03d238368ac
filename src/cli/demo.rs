//! `gatewright demo`: something to look at within a minute.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::run::{block_on, orders};
use super::{fail, log, say};
use crate::config;
use crate::gateway::Gateway;
use crate::server::Inherited;

/// The backends' names; their weights are in the configuration.
const BACKENDS: [&str; 3] = ["a", "b", "c"];

pub(super) fn demo(listen: SocketAddr, plugins: &Path) -> ExitCode {
    block_on(async {
        match start(listen, plugins).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    })
}

async fn start(listen: SocketAddr, plugins: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let orders = orders()?;
    let mut backends = Vec::new();
    for name in BACKENDS {
        backends.push(start_backend(name).await?);
    }
    let folder = Folder::create()?;
    let file = folder.0.join("gateway.toml");
    let plugins = std::path::absolute(plugins)?;
    std::fs::write(&file, configuration(listen, &backends, &plugins))?;
    let config = config::load(&file)?;
    log::start(&config.gateway.log);
    let gateway = Gateway::start(config, Inherited::default()).await?;
    say(guide(listen, &file, &backends));
    gateway.run(orders).await;
    Ok(())
}

/// A folder that goes with the demo.
struct Folder(PathBuf);

impl Folder {
    fn create() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("gatewright-demo-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn configuration(listen: SocketAddr, backends: &[SocketAddr], plugins: &Path) -> String {
    let weights = ["5", "1", "1"];
    let endpoints: Vec<_> = backends
        .iter()
        .zip(weights)
        .map(|(address, weight)| format!("  {{ url = \"http://{address}\", weight = {weight} }},\n"))
        .collect();
    let values = [
        ("@LISTEN@", listen.to_string()),
        ("@ENDPOINTS@", endpoints.concat()),
        ("@PLUGINS@", plugins.display().to_string()),
        ("@C@", backends.last().map(ToString::to_string).unwrap_or_default()),
    ];
    values.iter().fold(include_str!("demo.toml").to_owned(), |text, (name, value)| text.replace(name, value))
}

fn guide(listen: SocketAddr, file: &Path, backends: &[SocketAddr]) -> String {
    let mut text = include_str!("demo.txt").replace("@LISTEN@", &listen.to_string());
    text =
        text.replace("@FILE@", &file.display().to_string()).replace("@PID@", &std::process::id().to_string());
    for (name, address) in BACKENDS.iter().zip(backends) {
        let _ = writeln!(text, "  backend {name}: http://{address}");
    }
    text
}

async fn start_backend(name: &'static str) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service =
                service_fn(move |request| async move { Ok::<_, Infallible>(answer(name, &request)) });
            let mut protocol = http1::Builder::new();
            let connection =
                protocol.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(address)
}

/// `/` answers with the backend's name, everything else with the request as the backend got it.
fn answer(name: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let text = match request.uri().path() {
        "/" => format!("{name}\n"),
        _ => echo(name, request),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(http::header::SERVER, http::HeaderValue::from_static("demo-backend"));
    response
}

fn echo(name: &str, request: &Request<Incoming>) -> String {
    let mut text = format!("backend {name} got:\n{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}
