//! `cargo xtask test`.

use std::path::Path;

use anyhow::Result;

use crate::plugins::{self, Profile, WASM};
use crate::{assemblyscript, house, step};

/// Everything that CI runs, from what fails fastest to what takes longest.
pub(crate) fn run() -> Result<()> {
    format()?;
    plugins::ensure_wasm_target()?;
    lint()?;
    plugins::build(Profile::Release)?;
    test_plugins()?;
    test_gateway()
}

fn format() -> Result<()> {
    step::cargo(&house::root(), &["fmt", "--all", "--check"])?;
    step::cargo(&house::plugins(), &["fmt", "--check"])?;
    match house::test_guests() {
        Some(guests) => step::cargo(&guests, &["fmt", "--check"]),
        None => Ok(()),
    }
}

fn lint() -> Result<()> {
    step::cargo(&house::root(), &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    in_plugins(&["clippy", "--all-targets"], &["--", "-D", "warnings"])?;
    in_plugins(&["clippy", "--target", WASM], &["--", "-D", "warnings"])
}

fn test_plugins() -> Result<()> {
    in_plugins(&["test"], &[])?;
    assemblyscript::test()
}

fn test_gateway() -> Result<()> {
    let root = house::root();
    if step::has_cargo("nextest") {
        step::cargo(&root, &["nextest", "run", "--workspace"])?;
    } else {
        step::cargo(&root, &["test", "--workspace", "--lib", "--bins", "--tests"])?;
    }
    step::cargo(&root, &["test", "--workspace", "--doc"])
}

/// Runs cargo on the plugins, with their own target directory.
fn in_plugins(before: &[&str], after: &[&str]) -> Result<()> {
    let folder: &Path = &house::plugins();
    let mut command = step::cargo_command(folder, before);
    command.arg("--target-dir").arg(house::plugins_target()?).args(after);
    step::run(command)
}
