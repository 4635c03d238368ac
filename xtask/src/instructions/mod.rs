//! `cargo xtask instructions`: how many instructions the gateway needs for a request in user space.
//!
//! Unlike time, it is hardly moved by what else the machine does: a regression of a few per cent shows. What the kernel
//! does is not in it.

mod history;
mod measure;
mod profile;

use anyhow::{Result, bail};

use crate::bench::machine;
use crate::bench::peers::Gatewright;
use crate::bench::scenario::Task;
use history::{History, Record};
use measure::Measured;

/// What is counted: the names are the keys in the file.
const SUBJECTS: [(&str, Task); 2] =
    [("plain", Task { logic: false, http2: false }), ("header-logic", Task { logic: true, http2: false })];

/// What is to be done with the figures.
#[derive(Default)]
struct Options {
    record: bool,
    compare: bool,
    profile: bool,
}

/// Counts, and records, compares or explains.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let gateway = Gatewright::find()?;
    measure::check_tools()?;
    let mut figures = Vec::new();
    for (name, task) in SUBJECTS {
        let measured = measure::measure(&gateway, task)?;
        println!("xtask: {name}: {} instructions per request in user space", measured.per_request());
        if options.profile {
            print!("{}", profile(&measured));
        }
        figures.push((name.to_owned(), measured.per_request()));
    }
    conclude(&options, figures)
}

fn conclude(options: &Options, figures: Vec<(String, u64)>) -> Result<()> {
    let mut history = History::load()?;
    if options.compare {
        history.compare(std::env::consts::ARCH, &figures)?;
    }
    if options.record {
        history.record(Record {
            date: machine::date()?,
            commit: machine::commit()?,
            rustc: machine::rustc()?,
            architecture: std::env::consts::ARCH.to_owned(),
            figures,
        })?;
    }
    Ok(())
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match *argument {
                "--record" => options.record = true,
                "--compare" => options.compare = true,
                "--profile" => options.profile = true,
                _ => bail!("`cargo xtask instructions` has no option {argument}"),
            }
        }
        Ok(options)
    }
}

/// How many functions are worth a line.
const TOP: usize = 40;

/// Where they go: each function's own, without what it calls.
fn profile(measured: &Measured) -> String {
    let total = measured.per_request().max(1) as f64;
    let functions = measured.functions();
    let line =
        |(name, each): &(String, f64)| format!("  {each:>8.0}  {:>5.1} %  {name}\n", 100.0 * each / total);
    let shown: f64 = functions.iter().take(TOP).map(|(_, each)| each).sum();
    let lines: String = functions.iter().take(TOP).map(line).collect();
    format!("{lines}  {:>8.0}  {:>5.1} %  all others\n", total - shown, 100.0 - 100.0 * shown / total)
}
