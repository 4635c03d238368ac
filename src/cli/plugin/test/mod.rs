//! `gatewright plugin test`: a module's behaviour on case files, in the real host behind the real proxy.
//!
//! ```text
//! cases       the file: cases and their steps;  message: requests and answers in it;  clock: times in it;
//!             expect, matcher: what is expected
//! stage       the module in a gateway of its own, with a client, mock upstreams (upstream) and an ear for its log (capture)
//! outcome     what happened;  metrics: what was counted;  compare: against what was expected;  diff: two texts, line by line
//! report      what is said of it, for people and for programs
//! ```

mod capture;
mod cases;
mod client;
mod clock;
mod compare;
mod diff;
mod expect;
mod matcher;
mod message;
mod metrics;
mod outcome;
mod report;
mod stage;
mod upstream;

use std::path::Path;
use std::process::ExitCode;

use tokio::task::LocalSet;

use self::cases::Cases;
use self::report::Report;
use self::stage::Stage;
use super::TestArgs;
use crate::cli::run::block_on;
use crate::cli::{fail, say};

/// The cases cannot be run at all, which is something else than that one has failed.
const BROKEN: u8 = 2;

pub(super) fn test(args: &TestArgs) -> ExitCode {
    block_on(LocalSet::new().run_until(async {
        match run(&args.file, &args.cases, args.filter.as_deref()).await {
            Ok(report) => {
                say(if args.json { report.json() } else { report.text() });
                if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(error) => {
                fail(error);
                ExitCode::from(BROKEN)
            }
        }
    }))
}

async fn run(module: &Path, file: &Path, filter: Option<&str>) -> Result<Report, String> {
    let cases = Cases::load(file).map_err(|mistakes| mistakes.to_string())?;
    let chosen = cases.chosen(filter)?;
    let mut stage = Stage::build(module, &cases).await?;
    let mut report = Report::of(&cases, stage.manifest());
    for case in chosen {
        report.add(case, stage.run(case).await?);
    }
    Ok(report)
}
