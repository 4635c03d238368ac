use std::path::Path;
use std::process::ExitCode;

use super::run::block_on;
use super::{fail, say};
use crate::plugin::Engine;
use crate::reload;

/// Everything that `run` would refuse, without running.
pub(super) fn check(path: &Path) -> ExitCode {
    block_on(async {
        let engine = match Engine::new() {
            Ok(engine) => engine,
            Err(error) => return fail(error),
        };
        match reload::check(path, engine).await {
            Ok(snapshot) => {
                let (routes, upstreams) = (snapshot.routes.len(), snapshot.upstreams.len());
                let plugins = snapshot.plugins.len();
                say(format!(
                    "{}: ok (routes {routes}, upstreams {upstreams}, plugins {plugins})",
                    path.display()
                ));
                ExitCode::SUCCESS
            }
            Err(problems) => fail(problems),
        }
    })
}
