use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::cases::{Case, Cases};
use super::compare::Mismatch;
use super::diff::{Line, diff};
use super::stage::Tested;
use crate::config::{Source, Span};
use crate::plugin::Manifest;

/// What became of all cases.
pub(super) struct Report {
    source: Arc<Source>,
    name: String,
    version: String,
    cases: Vec<CaseReport>,
}

struct CaseReport {
    name: String,
    span: Span,
    /// Whether its steps are worth counting.
    has_steps: bool,
    tested: Tested,
}

impl Report {
    pub(super) fn of(cases: &Cases, manifest: &Manifest) -> Self {
        Self {
            source: Arc::clone(&cases.source),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            cases: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, case: &Case, tested: Tested) {
        let (name, span) = (case.name.value.clone(), case.name.span);
        self.cases.push(CaseReport { name, span, has_steps: case.steps.len() > 1, tested });
    }

    pub(super) fn passed(&self) -> bool {
        self.cases.iter().all(CaseReport::passed)
    }

    fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed()).count()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let colour =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let paint = Paint(colour);
        let mut text = format!("{} {}: {}\n", self.name, self.version, self.source.path.display());
        for case in &self.cases {
            case.write(&mut text, paint, &self.source);
        }
        let (failed, all) = (self.failed(), self.cases.len());
        let _ = match failed {
            0 => write!(text, "{} passed", all),
            _ => write!(text, "{} passed, {}", all - failed, paint.red(&format!("{failed} failed"))),
        };
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let cases: Vec<_> = self.cases.iter().map(|case| case.json(&self.source)).collect();
        let failed = self.failed();
        let report = json!({
            "plugin": self.name,
            "version": self.version,
            "file": self.source.path.display().to_string(),
            "passed": self.cases.len() - failed,
            "failed": failed,
            "cases": cases,
        });
        format!("{report:#}")
    }
}

impl CaseReport {
    fn passed(&self) -> bool {
        self.tested.steps.iter().all(Vec::is_empty)
    }

    /// Each mismatch with the number of its step, from 1; the configuration comes before the first.
    fn mismatches(&self) -> impl Iterator<Item = (usize, &Mismatch)> {
        let steps = self.tested.steps.iter().enumerate();
        steps.flat_map(|(step, mismatches)| mismatches.iter().map(move |mismatch| (step, mismatch)))
    }

    fn write(&self, text: &mut String, paint: Paint, source: &Source) {
        if self.passed() {
            let _ = writeln!(text, "  {}  {}", paint.green("ok  "), self.name);
            return;
        }
        let _ = writeln!(text, "  {}  {}", paint.red("FAIL"), self.name);
        for (step, mismatch) in self.mismatches() {
            let step = if self.has_steps && step > 0 { format!(" (step {step})") } else { String::new() };
            let _ = writeln!(text, "    {}: {}{step}", place(source, mismatch.span), mismatch.key);
            write_difference(text, paint, mismatch);
        }
        if !self.tested.log.is_empty() {
            text.push_str("    the log:\n");
            for line in &self.tested.log {
                let _ = writeln!(text, "        {line}");
            }
        }
    }

    fn json(&self, source: &Source) -> Json {
        let mismatches: Vec<_> = self
            .mismatches()
            .map(|(step, Mismatch { key, span, expected, found })| {
                let place = source.position(span.start);
                json!({
                    "step": step, "key": key, "line": place.line, "column": place.column,
                    "expected": expected, "found": found,
                })
            })
            .collect();
        json!({
            "name": self.name,
            "line": source.position(self.span.start).line,
            "passed": self.passed(),
            "mismatches": mismatches,
            "log": self.tested.log,
        })
    }
}

/// `cases.toml:7:12`, which editors know how to open.
fn place(source: &Source, span: Span) -> String {
    let place = source.position(span.start);
    format!("{}:{}:{}", source.path.display(), place.line, place.column)
}

/// `-` is what was expected, `+` what was found.
fn write_difference(text: &mut String, paint: Paint, mismatch: &Mismatch) {
    for line in diff(&mismatch.expected, &mismatch.found) {
        let _ = match line {
            Line::Same(line) => writeln!(text, "        {line}"),
            Line::Expected(line) => writeln!(text, "      {}", paint.red(&format!("- {line}"))),
            Line::Found(line) => writeln!(text, "      {}", paint.green(&format!("+ {line}"))),
        };
    }
}

/// Colours, where they are wanted.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn red(self, text: &str) -> String {
        self.dye(text, 31)
    }

    fn green(self, text: &str) -> String {
        self.dye(text, 32)
    }

    fn dye(self, text: &str, colour: u8) -> String {
        if self.0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
