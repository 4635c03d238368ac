//! The AssemblyScript side: the SDK in `sdk/assemblyscript`, and the plugins in `plugins/` that are npm packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{house, step};

/// The oldest node that the compiler runs on.
const NODE: u32 = 20;

/// Where a package's `build` script puts the module.
pub(crate) fn built(name: &str) -> PathBuf {
    house::plugins().join(name).join("build").join(format!("{name}.wasm"))
}

/// The folders of the plugins that are npm packages, which are their names.
pub(crate) fn names() -> Result<Vec<String>> {
    house::plugins_with("package.json")
}

/// Where a guest for tests is built, by its script's name in the SDK's package.
pub(crate) fn guest(name: &str) -> PathBuf {
    house::assemblyscript_sdk().join("build").join(format!("{name}.wasm"))
}

/// Builds every plugin that is written in AssemblyScript, the SDK's own guests, and that of the conformance set.
pub(crate) fn build() -> Result<()> {
    install(&house::plugins())?;
    npm(&house::plugins(), &["run", "build", "--workspaces"])?;
    install(&house::assemblyscript_sdk())?;
    npm(&house::assemblyscript_sdk(), &["run", "build"])
}

/// Runs the tests of the SDK and of the plugins, with the modules that [`build`] made.
pub(crate) fn test() -> Result<()> {
    npm(&house::assemblyscript_sdk(), &["test"])?;
    npm(&house::plugins(), &["test", "--workspaces"])
}

/// What the lock file says, no more and no less. Not again where it is there already.
fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    // npm's own note of what it installed last.
    let installed = folder.join("node_modules/.package-lock.json");
    if is_newer(&installed, &lock) && is_newer(&installed, &folder.join("package.json")) {
        return Ok(());
    }
    npm(folder, &["ci", "--no-audit", "--no-fund"])
}

fn is_newer(file: &Path, than: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((modified(file), modified(than)), (Ok(file), Ok(than)) if file > than)
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(arguments);
    step::run(command)
}

/// That there is a Node.js that is new enough, with npm.
pub(crate) fn check_node() -> Result<()> {
    let version = version("node")?;
    let major: Option<u32> =
        version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    match major {
        Some(major) if major >= NODE => {}
        _ => bail!("plugins in AssemblyScript need Node.js {NODE} or later; `node` here is {version}"),
    }
    self::version("npm").map(drop)
}

fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| {
        format!("cannot run `{program}`: plugins in AssemblyScript need Node.js {NODE} or later with npm")
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
