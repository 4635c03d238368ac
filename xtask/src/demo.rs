//! `cargo xtask demo`.

use std::process::Command;

use anyhow::Result;

use crate::plugins::{self, Profile};
use crate::{house, step};

/// Builds the plugins and becomes `gatewright demo`, so that Ctrl-C goes to nobody else.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    // The demo needs no others, and so no Node.js.
    plugins::build_rust(Profile::Release)?;
    // The development profile and the whole workspace, as the tests have it: one build serves both, and dependencies are
    // optimised in it.
    step::cargo(&house::root(), &["build", "--workspace", "--bins"])?;
    let target = house::target()?;
    let mut command = Command::new(target.join("debug/gatewright"));
    command.arg("demo").arg("--plugins").arg(target.join("plugins")).args(arguments);
    become_command(command)
}

#[cfg(unix)]
fn become_command(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    step::announce(&command);
    // Comes back only where it failed.
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_command(command: Command) -> Result<()> {
    step::run(command)
}
