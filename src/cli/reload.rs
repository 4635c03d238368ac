use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use http::{Method, StatusCode};

use super::run::block_on;
use super::{admin, fail, say};
use crate::config;

/// Asks the running gateway to reload and tells what came of it.
pub(super) fn reload(path: &Path, admin: Option<SocketAddr>) -> ExitCode {
    let Some(address) = admin.or_else(|| config::admin_address(path)) else {
        return fail(no_admin(path));
    };
    block_on(async {
        match admin::ask(address, Method::POST, "/reload").await {
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
