use std::path::Path;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use super::run::block_on;
use super::{admin, fail, say};
use crate::config::{self, Config, Diagnostics};
use crate::plugin::{Engine, ModuleError};
use crate::reload;
use crate::snapshot::Snapshot;
use crate::socket::Address;

/// Everything that `run` would refuse, without running.
pub(super) fn check(path: &Path) -> ExitCode {
    block_on(async {
        let config = match config::load(path) {
            Ok(config) => config,
            Err(problems) => return fail(problems),
        };
        match examine(&config).await {
            Ok(snapshot) => {
                let (routes, upstreams) = (snapshot.routes.len(), snapshot.upstreams.len());
                let plugins = snapshot.plugins.len();
                say(format!(
                    "{}: ok (routes {routes}, upstreams {upstreams}, plugins {plugins})",
                    path.display()
                ));
                ExitCode::SUCCESS
            }
            Err(problem) => fail(problem),
        }
    })
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Config(#[from] Diagnostics),
    #[error(transparent)]
    Engine(#[from] ModuleError),
}

async fn examine(config: &Config) -> Result<Snapshot, Problem> {
    let snapshot = reload::check(config, Engine::new()?).await?;
    reload::check_addresses(config, &running(config).await)?;
    Ok(snapshot)
}

/// The addresses of the gateway that runs on this configuration's admin address, if one does: checking a file before a
/// reload must not find fault with what the running gateway itself has.
async fn running(config: &Config) -> Vec<Address> {
    let Some(admin) = &config.admin else { return Vec::new() };
    let Ok((_, status)) = admin::ask(admin.listen.value, Method::GET, "/status").await else {
        return Vec::new();
    };
    let Ok(status) = serde_json::from_str::<Value>(&status) else { return Vec::new() };
    let listeners = status.get("listeners").and_then(Value::as_array).into_iter().flatten();
    listeners.filter_map(|listener| listener.get("address")?.as_str()?.parse().ok()).collect()
}
