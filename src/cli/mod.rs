//! The command line.

mod admin;
mod check;
mod demo;
mod log;
mod plugin;
mod reload;
mod run;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A programmable HTTP gateway: reverse proxy, load balancing, and policy in hot-reloadable WebAssembly.
#[derive(Debug, Parser)]
#[command(name = "gatewright", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway in the foreground. SIGHUP reloads; SIGUSR2 hands over to a new
    /// process; SIGTERM and SIGINT drain and stop (twice: at once).
    Run(ConfigFile),
    /// Check everything that `run` would refuse: plugins are loaded and initialised. Exit 1 with all that is wrong.
    Check(ConfigFile),
    /// Reload the running gateway, wait, and print the outcome. Exit 1 and the reasons if the old configuration stays.
    Reload(ReloadArgs),
    /// Three built-in backends and a gateway with the example plugins, and the curl lines to try.
    Demo(DemoArgs),
    /// Tools for plugin authors.
    #[command(subcommand)]
    Plugin(plugin::Command),
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, short, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct ReloadArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The running gateway's admin listener, instead of the one that the configuration names.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Where the gateway listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the example plugins are: `cargo xtask plugins` builds them.
    #[arg(long, value_name = "FOLDER", default_value = "target/plugins")]
    plugins: PathBuf,
}

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(ConfigFile { config }) => run::run(&config),
        Command::Check(ConfigFile { config }) => check::check(&config),
        Command::Reload(ReloadArgs { file, admin }) => reload::reload(&file.config, admin),
        Command::Demo(args) => demo::demo(args.listen, &args.plugins),
        Command::Plugin(command) => plugin::run(command),
    }
}

/// Says on standard error what went wrong.
#[expect(clippy::print_stderr, reason = "the command line's own words")]
fn fail(message: impl std::fmt::Display) -> ExitCode {
    eprintln!("{}", message.to_string().trim_end());
    ExitCode::FAILURE
}

/// Says something on standard output.
#[expect(clippy::print_stdout, reason = "the command line's own words")]
fn say(message: impl std::fmt::Display) {
    println!("{}", message.to_string().trim_end());
}
