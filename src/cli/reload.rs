use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::run::block_on;
use super::{fail, say};
use crate::config;

/// Asks the running gateway to reload and tells what came of it.
pub(super) fn reload(path: &Path, admin: Option<SocketAddr>) -> ExitCode {
    let Some(address) = admin.or_else(|| config::admin_address(path)) else {
        return fail(no_admin(path));
    };
    block_on(async {
        match post(address).await {
            Ok((StatusCode::OK, text)) => {
                say(text);
                ExitCode::SUCCESS
            }
            Ok((_, report)) => {
                fail(format!("not reloaded, the old configuration stays in service\n{report}"))
            }
            Err(error) => fail(format!(
                "no answer from a gateway at {address} ({error}); is it running? `--admin` names another address"
            )),
        }
    })
}

/// Why there is nobody to ask: the file may be the reason.
fn no_admin(path: &Path) -> String {
    match config::load(path) {
        Err(problems) => format!("not reloaded, the old configuration stays in service\n{problems}"),
        Ok(_) => format!(
            "{}: there is no [admin] listener to ask; add one, name it with `--admin`, or send the gateway SIGHUP \
             and look into its log",
            path.display()
        ),
    }
}

async fn post(address: SocketAddr) -> Result<(StatusCode, String), Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::post("/reload").header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
