//! Where things are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for what it runs; the constant is for a binary that is run by itself.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).parent().map(Path::to_owned).unwrap_or_default()
}

/// The example plugins: a Cargo workspace, and an npm workspace beside it.
pub(crate) fn plugins() -> PathBuf {
    root().join("plugins")
}

/// The folders in [`plugins`] that hold `file`, by name: it tells what they are written in.
pub(crate) fn plugins_with(file: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins()).context("plugins")? {
        let entry = entry?;
        if entry.path().join(file).exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        bail!("there are no plugins with a {file} in {}", plugins().display());
    }
    names.sort();
    Ok(names)
}

/// The SDK for AssemblyScript.
pub(crate) fn assemblyscript_sdk() -> PathBuf {
    root().join("sdk/assemblyscript")
}

/// The workspace of the guests that tests load, where there is one.
pub(crate) fn test_guests() -> Option<PathBuf> {
    let guests = root().join("tests/guests");
    guests.join("Cargo.toml").exists().then_some(guests)
}

/// Cargo's target directory.
pub(crate) fn target() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => std::path::absolute(target).context("CARGO_TARGET_DIR"),
        None => Ok(root().join("target")),
    }
}

/// The target directory of the plugins: one of their own, so that building them and building the gateway do not
/// invalidate each other.
pub(crate) fn plugins_target() -> Result<PathBuf> {
    Ok(target()?.join("plugins-build"))
}
