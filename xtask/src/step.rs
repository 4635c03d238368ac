//! Commands, announced in one line each.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Runs `cargo` with `arguments` in `folder`.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    run(cargo_command(folder, arguments))
}

/// `cargo` with `arguments` in `folder`, to run.
pub(crate) fn cargo_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_path());
    command.current_dir(folder).args(arguments);
    command
}

/// Whether `cargo NAME` is there.
pub(crate) fn has_cargo(name: &str) -> bool {
    Command::new(cargo_path()).args([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// Runs a command; an error where it does not succeed.
pub(crate) fn run(mut command: Command) -> Result<()> {
    announce(&command);
    let status = command.status().with_context(|| format!("cannot run `{}`", shown(&command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failed { command: repeat(&command), code: status.code() }.into())
}

/// What a program says, in the project's root.
pub(crate) fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).current_dir(crate::house::root()).args(arguments).output();
    let output = output.with_context(|| format!("cannot run `{program}`"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Says which command is about to run.
pub(crate) fn announce(command: &Command) {
    println!("xtask: {}", repeat(command));
}

/// A command that was run and failed.
#[derive(Debug)]
pub(crate) struct Failed {
    command: String,
    /// None where a signal ended it.
    code: Option<i32>,
}

impl Failed {
    /// The command's own exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code = self.code.and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "failed with exit code {code}; to repeat: {}", self.command),
            None => write!(f, "was ended by a signal; to repeat: {}", self.command),
        }
    }
}

impl std::error::Error for Failed {}

/// What to type to run a command again from the project's root.
fn repeat(command: &Command) -> String {
    let root = crate::house::root();
    let folder = command.get_current_dir().and_then(|folder| folder.strip_prefix(&root).ok());
    match folder {
        Some(folder) if folder != Path::new("") => format!("(cd {} && {})", folder.display(), shown(command)),
        _ => shown(command),
    }
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The cargo that runs this, so that `cargo +toolchain xtask` holds for all.
fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
