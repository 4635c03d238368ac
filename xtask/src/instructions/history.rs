use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

use crate::house;

/// How far above the newest record a figure may be. Two runs of the same binary lie within a fraction of it.
const TOLERANCE: f64 = 0.02;

/// Records that are kept: enough to see where it is going.
const KEPT: usize = 20;

const HEAD: &str = "\
# Instructions in user space for each request of the release build, the newest first.
# Written by `cargo xtask instructions --record`; `--compare` measures again and compares with the newest.
";

/// The figures of one commit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) date: String,
    pub(super) commit: String,
    pub(super) rustc: String,
    pub(super) architecture: String,
    /// Instructions per request by what was measured.
    pub(super) figures: Vec<(String, u64)>,
}

/// All that were recorded, the newest first.
#[derive(Debug, Default, PartialEq)]
pub(super) struct History {
    records: Vec<Record>,
}

impl History {
    /// Reads the file; no history where there is none.
    pub(super) fn load() -> Result<Self> {
        match fs::read_to_string(file()) {
            Ok(text) => Self::parse(&text).with_context(|| file().display().to_string()),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Puts a record before the others, and writes the file.
    pub(super) fn record(&mut self, record: Record) -> Result<()> {
        self.records.insert(0, record);
        self.records.truncate(KEPT);
        println!("xtask: recorded in {}", file().display());
        fs::write(file(), self.text()).with_context(|| file().display().to_string())
    }

    /// Compares with the newest record of this architecture.
    ///
    /// # Errors
    /// Every figure that is too high.
    pub(super) fn compare(&self, architecture: &str, figures: &[(String, u64)]) -> Result<()> {
        let record = self.records.iter().find(|record| record.architecture == architecture);
        let Some(record) = record else {
            bail!("nothing is recorded for {architecture}: `cargo xtask instructions --record` begins")
        };
        let changes: Vec<_> =
            figures.iter().filter_map(|(name, figure)| record.change(name, *figure)).collect();
        let too_high: Vec<_> =
            changes.iter().filter(|change| change.part > TOLERANCE).map(Change::told).collect();
        if too_high.is_empty() {
            changes.iter().for_each(|change| println!("xtask: {}", change.told()));
            return Ok(());
        }
        bail!(
            "more instructions than {}, commit {} with rustc {}:\n  {}\nUp to {:.0} % are let pass. \
             `cargo xtask instructions --profile` shows where they go; where it is meant, `--record` makes them the new measure.",
            record.date,
            record.commit,
            record.rustc,
            too_high.join("\n  "),
            100.0 * TOLERANCE,
        )
    }

    fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse()?;
        let records = table.get("record").and_then(Value::as_array).context("there is no [[record]]")?;
        let parse = |record: &Value| Record::parse(record.as_table()?);
        let records: Option<_> = records.iter().map(parse).collect();
        Ok(Self { records: records.context("a [[record]] lacks something")? })
    }

    fn text(&self) -> String {
        self.records.iter().fold(HEAD.to_owned(), |text, record| text + &record.text())
    }
}

/// A figure beside the recorded one.
struct Change {
    name: String,
    before: u64,
    now: u64,
    /// How much more, as a part of what it was.
    part: f64,
}

impl Change {
    fn told(&self) -> String {
        let Self { name, before, now, part } = self;
        format!("{name}: {now} per request, {before} recorded ({:+.1} %)", 100.0 * part)
    }
}

impl Record {
    /// None where it has not been recorded.
    fn change(&self, name: &str, now: u64) -> Option<Change> {
        let (_, before) = self.figures.iter().find(|(recorded, _)| recorded == name)?;
        let part = now as f64 / (*before).max(1) as f64 - 1.0;
        Some(Change { name: name.to_owned(), before: *before, now, part })
    }

    fn parse(table: &Table) -> Option<Self> {
        let text = |key: &str| Some(table.get(key)?.as_str()?.to_owned());
        let figures = table
            .iter()
            .filter_map(|(name, figure)| Some((name.clone(), u64::try_from(figure.as_integer()?).ok()?)));
        Some(Self {
            date: text("date")?,
            commit: text("commit")?,
            rustc: text("rustc")?,
            architecture: text("architecture")?,
            figures: figures.collect(),
        })
    }

    fn text(&self) -> String {
        let Self { date, commit, rustc, architecture, figures } = self;
        let mut text = format!(
            "\n[[record]]\ndate = {date:?}\ncommit = {commit:?}\nrustc = {rustc:?}\narchitecture = {architecture:?}\n"
        );
        for (name, figure) in figures {
            let _ = writeln!(text, "{name} = {figure}");
        }
        text
    }
}

fn file() -> PathBuf {
    house::root().join("benches/instructions.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(commit: &str, architecture: &str, plain: u64) -> Record {
        let [date, commit, rustc, architecture] =
            ["2026-01-01", commit, "1.95.0", architecture].map(str::to_owned);
        let figures = vec![("header-logic".to_owned(), plain + 500), ("plain".to_owned(), plain)];
        Record { date, commit, rustc, architecture, figures }
    }

    fn compare(plain: u64) -> Result<()> {
        let records = vec![record("abc", "here", 10_000), record("old", "here", 99)];
        History { records }.compare("here", &[("plain".to_owned(), plain)])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let history = History { records: vec![record("new", "x86_64", 7), record("old", "aarch64", 9)] };
        assert_eq!(History::parse(&history.text()).unwrap(), history);
    }

    #[test]
    fn a_little_more_passes_and_too_much_is_told_with_both_figures() {
        assert!(compare(10_190).is_ok());
        assert!(compare(5_000).is_ok());
        let error = compare(10_300).unwrap_err().to_string();
        for word in ["plain: 10300 per request, 10000 recorded (+3.0 %)", "commit abc", "2 %", "--record"] {
            assert!(error.contains(word), "{word} is not in: {error}");
        }
    }

    #[test]
    fn there_is_nothing_to_compare_with_on_another_architecture() {
        let history = History { records: vec![record("abc", "there", 1)] };
        assert!(history.compare("here", &[]).unwrap_err().to_string().contains("here"));
    }
}
