//! Project tasks: `cargo xtask` tells which.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod assemblyscript;
mod bench;
mod demo;
mod dist;
mod house;
mod instructions;
mod plugins;
mod step;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask plugins [--debug]   build the example plugins to target/plugins/<name>.wasm
cargo xtask demo [ARGS]         build those in Rust and run `gatewright demo`
cargo xtask test                everything that CI runs
cargo xtask dist                the gateway for production, compiled by what it does under load: target/dist/gatewright
cargo xtask bench [OPTIONS]     the release gateway beside nginx, haproxy, Envoy and Caddy, as far as they are here
    --rounds N --seconds N --scenarios A,B --peers A,B   how much of it
    --out FOLDER --append --docs                         where to: docs/performance.md
cargo xtask instructions        user-space instructions per request, by valgrind
    --compare --record --profile                         with those in benches/instructions.toml; where they go

The target wasm32-unknown-unknown is added where it is missing; what is written in AssemblyScript
needs Node.js with npm. CARGO_TARGET_DIR is honoured.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            error.downcast_ref::<step::Failed>().map_or(ExitCode::FAILURE, step::Failed::exit_code)
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] | ["help" | "--help" | "-h"] => println!("{HELP}"),
        ["plugins"] => plugins::build(plugins::Profile::Release)?,
        ["plugins", "--debug"] => plugins::build(plugins::Profile::Debug)?,
        ["demo", arguments @ ..] => demo::run(arguments)?,
        ["test"] => test::run()?,
        ["dist"] => dist::run()?,
        ["bench", options @ ..] => bench::run(options)?,
        ["instructions", options @ ..] => instructions::run(options)?,
        _ => bail!("there is no `cargo xtask {}`\n\n{HELP}", arguments.join(" ")),
    }
    Ok(())
}
