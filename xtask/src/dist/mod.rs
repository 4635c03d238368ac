//! `cargo xtask dist`: the gateway as it goes into production, compiled by what it does under load.
//!
//! It is built twice: once so that it counts which ways its code takes, and, after it has served the traffic of
//! `training`, once more by these counts. What is hot then lies together and is inlined, what is not is out of the way.
//! Most of what a request costs is fetching code, not running it: `docs/performance.md` has the figures.

mod training;

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{house, step};

/// Builds, trains, builds, and puts the program into `target/dist`.
pub(crate) fn run() -> Result<()> {
    training::check_tools()?;
    let merge = llvm_profdata()?;
    let folder = house::target()?.join("dist");
    let counts = folder.join("counts");
    let _ = fs::remove_dir_all(&counts);
    let counting = compile(&folder.join("counting"), &format!("-Cprofile-generate={}", counts.display()))?;
    training::train(&counting)?;
    let profile = merged(&merge, &counts)?;
    let built = compile(&folder.join("build"), &format!("-Cprofile-use={}", profile.display()))?;
    let program = folder.join("gatewright");
    fs::copy(&built, &program).with_context(|| program.display().to_string())?;
    println!("xtask: {}", program.display());
    Ok(())
}

/// The gateway as a release, in a target directory of its own: other flags would have everything else built anew. The
/// flags are for what it is made of, and not, which naming the target sees to, for what runs in between.
fn compile(folder: &Path, flags: &str) -> Result<PathBuf> {
    let about = step::said("rustc", &["--version", "--verbose"])?;
    let target = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc has no host")?;
    let arguments = ["build", "--release", "--bin", "gatewright", "--target", target];
    let mut cargo = step::cargo_command(&house::root(), &arguments);
    cargo.env("CARGO_TARGET_DIR", folder).env("RUSTFLAGS", flags);
    step::run(cargo)?;
    Ok(folder.join(target).join("release/gatewright"))
}

/// The program of the toolchain that adds counts up; it is a component of its own.
fn llvm_profdata() -> Result<PathBuf> {
    let find = || -> Result<PathBuf> {
        let folder = step::said("rustc", &["--print", "target-libdir"])?;
        Ok(Path::new(&folder).with_file_name("bin").join("llvm-profdata"))
    };
    if !find()?.exists() {
        let mut rustup = Command::new("rustup");
        rustup.current_dir(house::root()).args(["component", "add", "llvm-tools"]);
        step::run(rustup).context("it takes the Rust component llvm-tools")?;
    }
    let program = find()?;
    ensure!(program.exists(), "{} is not there", program.display());
    Ok(program)
}

/// All counts in one file. Its name says what is in it: Cargo does not look, and would take what it built by others.
fn merged(program: &Path, counts: &Path) -> Result<PathBuf> {
    let file = counts.with_file_name("merged.profdata");
    let mut merge = Command::new(program);
    merge.arg("merge").arg("--output").arg(&file).arg(counts);
    step::run(merge).context("the gateway has left no counts")?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(&file)?);
    // Among the counts, which go with it when the next ones come.
    let named = counts.join(format!("{:016x}.profdata", hasher.finish()));
    fs::rename(file, &named)?;
    Ok(named)
}
