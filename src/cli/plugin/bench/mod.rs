//! `gatewright plugin bench`: wall time on this machine, of real calls in the real host.

mod exchanges;
mod rounds;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use self::rounds::{Measured, Times};
use super::ModuleArgs;
use super::candidate::Candidate;
use super::text::bytes;
use crate::cli::run::block_on;
use crate::cli::{fail, say};
use crate::plugin::{Engine, Plugin, Pool};

/// How many instances are started to see how long that takes.
const STARTS: usize = 200;

pub(super) fn bench(args: &ModuleArgs, calls: u32, fresh: bool) -> ExitCode {
    block_on(async {
        match Report::of(args, calls, fresh).await {
            Ok(report) if args.json => say(report.json()),
            Ok(report) => say(report.text()),
            Err(error) => return fail(error),
        }
        ExitCode::SUCCESS
    })
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    name: String,
    version: String,
    /// Whether the gateway's own part was compiled with optimisation.
    release_build: bool,
    /// Whether each call had an instance of its own; what it takes to start and to end it is then part of the call.
    fresh: bool,
    /// Of each hook.
    calls: usize,
    hooks: Vec<HookReport>,
    /// Of an instance, with `init` or from what `init` left.
    start: Times,
    /// Of an instance that has served the calls.
    memory_bytes: usize,
}

#[derive(Serialize)]
struct HookReport {
    hook: String,
    #[serde(flatten)]
    times: Times,
    /// Whether it answered the request itself.
    answered: bool,
}

impl Report {
    async fn of(args: &ModuleArgs, calls: u32, fresh: bool) -> Result<Self, String> {
        let candidate = Candidate::load(&args.file).await?;
        let described = |error: String| format!("{}: {error}", args.file.display());
        let plugin = candidate.configure(&args.config, fresh).await.map_err(described)?;
        let pool = Rc::new(Pool::new(&candidate.engine, plugin));
        pool.warm().await.map_err(|error| error.to_string())?;
        let mut measured = rounds::run(&pool, calls).await.map_err(|error| error.to_string())?;
        measured.extend(rounds::stream(&pool, calls).await.map_err(|error| error.to_string())?);
        let manifest = candidate.module.manifest();
        Ok(Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            release_build: !cfg!(debug_assertions),
            fresh,
            calls: rounds::rounds(calls) * rounds::BATCH,
            hooks: measured.into_iter().map(HookReport::from).collect(),
            start: starts(&candidate.engine, pool.plugin()).await?,
            memory_bytes: pool.memory(),
        })
    }

    fn json(&self) -> String {
        // Numbers and strings: there is nothing in it that JSON could not carry.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn text(&self) -> String {
        let Self { name, version, calls, .. } = self;
        let mut text = format!("{name} {version}: wall time on this machine, {calls} calls of each hook\n");
        let _ = writeln!(text, "  {:<18} {:>12} {:>12}", "", "median", "minimum");
        for hook in &self.hooks {
            row(&mut text, &hook.hook, &hook.times, if hook.answered { "  answers" } else { "" });
        }
        row(&mut text, if self.fresh { "fresh start" } else { "start with init" }, &self.start, "");
        let _ = writeln!(text, "  {:<18} {}", "memory", bytes(self.memory_bytes as u64));
        if !self.release_build {
            text.push_str("this gateway was built without --release: its own part is several times slower\n");
        }
        text
    }
}

fn row(text: &mut String, name: &str, times: &Times, note: &str) {
    let Times { median_ns, minimum_ns } = times;
    let _ = writeln!(text, "  {name:<18} {median_ns:>9.0} ns {minimum_ns:>9.0} ns{note}");
}

impl From<Measured> for HookReport {
    fn from(measured: Measured) -> Self {
        Self { hook: measured.hook.to_string(), answered: measured.answered, times: measured.times() }
    }
}

/// How long it takes to have one more instance. Ending it is out of the time.
async fn starts(engine: &Engine, plugin: &Arc<Plugin>) -> Result<Times, String> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let pool = Rc::new(Pool::new(engine, Arc::clone(plugin)));
        let begun = Instant::now();
        pool.warm().await.map_err(|error| error.to_string())?;
        times.push(rounds::nanos(begun.elapsed()));
    }
    Ok(Times::of(times))
}
