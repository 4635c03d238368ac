//! `cargo xtask plugins`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{assemblyscript, house, step};

/// What plugins are built for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Release,
    Debug,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
        }
    }
}

/// Builds every plugin and puts the modules into `target/plugins`.
pub(crate) fn build(profile: Profile) -> Result<()> {
    // First: it takes no time, and the rest does.
    assemblyscript::check_node()?;
    build_rust(profile)?;
    assemblyscript::build()?;
    for name in assemblyscript::names()? {
        place(&assemblyscript::built(&name), &modules()?, &name)?;
    }
    let tests = modules()?.join("tests");
    fs::create_dir_all(&tests).with_context(|| tests.display().to_string())?;
    place(&assemblyscript::guest("guest"), &tests, "assemblyscript")?;
    place(&assemblyscript::guest("header-logic"), &tests, "header-logic-assemblyscript")?;
    place(&assemblyscript::guest("conformance"), &tests, "conformance-assemblyscript")?;
    place(&rust_built(profile, "conformance")?, &tests, "conformance-rust")
}

/// Builds those that are written in Rust.
pub(crate) fn build_rust(profile: Profile) -> Result<()> {
    ensure_wasm_target()?;
    compile(profile)?;
    for name in house::plugins_with("Cargo.toml")? {
        place(&rust_built(profile, &name)?, &modules()?, &name)?;
    }
    Ok(())
}

/// Where cargo puts the module of a package.
fn rust_built(profile: Profile, name: &str) -> Result<PathBuf> {
    let folder = house::plugins_target()?.join(WASM).join(profile.folder());
    Ok(folder.join(format!("{}.wasm", name.replace('-', "_"))))
}

/// Where the modules go.
fn modules() -> Result<PathBuf> {
    let modules = house::target()?.join("plugins");
    fs::create_dir_all(&modules).with_context(|| modules.display().to_string())?;
    Ok(modules)
}

/// Adds the target that plugins are built for, where it is missing.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    if has_wasm_target()? {
        return Ok(());
    }
    let mut command = Command::new("rustup");
    command.current_dir(house::root()).args(["target", "add", WASM]);
    step::run(command).with_context(|| format!("plugins need the Rust target {WASM}"))
}

fn has_wasm_target() -> Result<bool> {
    let folder = step::said("rustc", &["--print", "target-libdir", "--target", WASM])?;
    Ok(Path::new(&folder).is_dir())
}

fn compile(profile: Profile) -> Result<()> {
    let target_dir = house::plugins_target()?;
    let mut command = step::cargo_command(&house::plugins(), &["build", "--target", WASM, "--target-dir"]);
    command.arg(target_dir);
    if let Profile::Release = profile {
        command.arg("--release");
    }
    // They would replace the flags in plugins/.cargo/config.toml, the small stack among them.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    step::run(command)
}

/// Puts `built` into `modules` in one go: a gateway may be reading what was there.
fn place(built: &Path, modules: &Path, name: &str) -> Result<()> {
    let module = modules.join(format!("{name}.wasm"));
    let new = module.with_extension("wasm.new");
    fs::copy(built, &new).with_context(|| built.display().to_string())?;
    fs::rename(&new, &module).with_context(|| module.display().to_string())?;
    println!("xtask: {} ({} KiB)", shown(&module), fs::metadata(&module)?.len().div_ceil(1024));
    Ok(())
}

/// Relative to the project where it is in it.
fn shown(path: &Path) -> String {
    let root: PathBuf = house::root();
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
