//! `gatewright plugin`: tools for plugin authors, all with the real host.

mod bench;
mod candidate;
mod inspect;
mod new;
mod test;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value as Json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a folder with a plugin that builds, passes its tests, and can be tried in a gateway.
    New(NewArgs),
    /// Show what a module is, what it asks for, and what it weighs. Exit 1 if no gateway would load it.
    Inspect(InspectArgs),
    /// Run the cases of a file against a module, in the real gateway. Exit 1 if one fails, 2 if they cannot be run.
    Test(TestArgs),
    /// Measure how long a module's hooks take, in wall time on this machine.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The plugin's name, and the folder's: a-z, 0-9, _ and -.
    name: String,
    /// The language to write it in.
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
    /// The folder of the SDK: `sdk/rust` or `sdk/assemblyscript` in a clone of Gatewright. Without it, the new
    /// `Cargo.toml` or `package.json` looks for a clone beside the new folder.
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    Rust,
    Assemblyscript,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    module: ModuleArgs,
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    module: ModuleArgs,
    /// How often each hook is called.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// Whether an instance serves one call after the other, or one.
    #[arg(long, value_enum, default_value_t = Serving::Reuse)]
    instance: Serving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Serving {
    Reuse,
    Fresh,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// The module, a `.wasm` file.
    file: PathBuf,
    /// The cases: docs/testing-plugins.md says what can be in them.
    #[arg(value_name = "CASES", default_value = "cases.toml")]
    cases: PathBuf,
    /// Run only the cases with this in their name.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What both tools for modules take.
#[derive(Debug, Args)]
struct ModuleArgs {
    /// The module, a `.wasm` file.
    file: PathBuf,
    /// The plugin's configuration: a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}", value_parser = object)]
    config: Json,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn object(text: &str) -> Result<Json, String> {
    match serde_json::from_str(text) {
        Ok(object @ Json::Object(_)) => Ok(object),
        Ok(_) => Err("not a JSON object, such as {\"key\": 1}".to_owned()),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

pub(super) fn run(command: Command) -> ExitCode {
    match command {
        Command::New(args) => new::new(&args.name, args.lang, args.sdk.as_deref()),
        Command::Inspect(args) => inspect::inspect(&args.module),
        Command::Test(args) => test::test(&args),
        Command::Bench(args) => bench::bench(&args.module, args.calls, args.instance == Serving::Fresh),
    }
}
