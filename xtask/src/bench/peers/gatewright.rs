use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::scenario::Task;
use super::super::site::Site;
use super::Peer;
use super::program::{Program, variable, version_in};
use crate::plugins::{self, Profile};
use crate::{house, step};

/// This gateway, in its release build.
pub(crate) struct Gatewright {
    program: Program,
    plugin: PathBuf,
}

impl Gatewright {
    /// The one that the environment variable names, else the one that is built for it.
    pub(crate) fn find() -> Result<Self> {
        if std::env::var_os(variable("gatewright")).is_some() {
            let program = Program::find("gatewright", &["--version"])?.context("gatewright")?;
            return Ok(Self { program, plugin: plugin()? });
        }
        // The whole workspace, as everywhere: with other features, everything would be built once more.
        step::cargo(&house::root(), &["build", "--release", "--workspace", "--bins"])?;
        let path = house::target()?.join("release/gatewright").into_os_string();
        let about = Command::new(&path).arg("--version").output().context("the gateway")?;
        let about = String::from_utf8_lossy(&about.stdout).into_owned();
        let version = version_in(&about).unwrap_or("?").to_owned();
        Ok(Self { program: Program { path, about, version }, plugin: plugin()? })
    }

    /// Its configuration: what is on by default is on, except for the access log.
    pub(crate) fn config(&self, site: &Site, task: Task) -> String {
        let [first, second] = site.backends;
        let mut config = format!(
            r#"
            [gateway]
            workers = 1
            log = {{ level = "warn", access = false }}

            [listener.web]
            listen = "127.0.0.1:{}"

            [upstream.backends]
            balance = "round_robin"
            endpoints = ["http://127.0.0.1:{first}", "http://127.0.0.1:{second}"]

            [[route]]
            path = "/*"
            upstream = "backends"
            "#,
            site.port,
        );
        if task.logic {
            config.push_str("middleware = [\"header-logic\"]\n\n[plugin.header-logic]\n");
            config.push_str(&format!("file = {:?}\n", self.plugin));
        }
        config
    }
}

impl Peer for Gatewright {
    fn name(&self) -> &'static str {
        "gatewright"
    }

    fn version(&self) -> &str {
        &self.program.version
    }

    fn logic(&self) -> &'static str {
        "Wasm"
    }

    fn command(&self, site: &Site, task: Task) -> Result<Command> {
        let config = site.write("gatewright.toml", &self.config(site, task))?;
        let mut command = self.program.command();
        command.arg("run").arg("--config").arg(config);
        Ok(command)
    }
}

/// The module of the header logic, built where it is not there yet.
fn plugin() -> Result<PathBuf> {
    let module = house::target()?.join("plugins/header-logic.wasm");
    if !module.exists() {
        plugins::build_rust(Profile::Release)?;
    }
    Ok(module)
}
