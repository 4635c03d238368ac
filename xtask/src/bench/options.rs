//! What `cargo xtask bench` is told on its command line.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::peers::NAMES;
use super::scenario::Scenario;

/// Enough that a median means something, few enough for a coffee break.
const ROUNDS: u32 = 5;
/// CPU time is counted in steps of 10 ms: over this long, a step is a quarter of a per cent.
const SECONDS: u32 = 4;

/// What to measure, and where to put it.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    /// How often each peer is measured in each scenario.
    pub(crate) rounds: u32,
    /// How long one measurement takes.
    pub(crate) seconds: u32,
    /// In the order of [`Scenario::ALL`].
    pub(crate) scenarios: Vec<Scenario>,
    /// The names of the peers that are asked for.
    pub(crate) peers: Vec<&'static str>,
    /// The folder for table, picture and runs; None = `bench` in the target directory.
    pub(crate) out: Option<PathBuf>,
    /// Whether the runs that lie in the folder count too.
    pub(crate) append: bool,
    /// Whether the table and the picture in `docs/` are replaced.
    pub(crate) docs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: ROUNDS,
            seconds: SECONDS,
            scenarios: Scenario::ALL.to_vec(),
            peers: NAMES.to_vec(),
            out: None,
            append: false,
            docs: false,
        }
    }
}

impl Options {
    /// Reads the arguments behind `bench`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(&option) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{option} needs a value"));
            match option {
                "--rounds" => options.rounds = number(option, value()?)?,
                "--seconds" => options.seconds = number(option, value()?)?.max(1),
                "--scenarios" => options.scenarios = scenarios(value()?)?,
                "--peers" => options.peers = peers(value()?)?,
                "--out" => options.out = Some(value()?.into()),
                "--append" => options.append = true,
                "--docs" => options.docs = true,
                _ => bail!("`cargo xtask bench` has no option {option}"),
            }
        }
        Ok(options)
    }
}

fn number(option: &str, value: &str) -> Result<u32> {
    value.parse().with_context(|| format!("{option} needs a number, not {value:?}"))
}

fn scenarios(list: &str) -> Result<Vec<Scenario>> {
    let asked: Vec<_> = list.split(',').map(Scenario::parse).collect::<Result<_>>()?;
    Ok(Scenario::ALL.into_iter().filter(|scenario| asked.contains(scenario)).collect())
}

/// nginx is always among them: ratios are to it.
fn peers(list: &str) -> Result<Vec<&'static str>> {
    let asked: Vec<_> = list.split(',').collect();
    if let Some(unknown) = asked.iter().find(|name| !NAMES.contains(name)) {
        bail!("there is no peer {unknown:?}; there are {}", NAMES.join(", "));
    }
    Ok(NAMES.into_iter().filter(|name| *name == "nginx" || asked.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options_everything_is_measured() {
        assert_eq!(Options::parse(&[]).unwrap(), Options::default());
    }

    #[test]
    fn nginx_is_always_measured_and_the_order_is_kept() {
        let options = Options::parse(&["--peers", "envoy,gatewright", "--scenarios", "close,plain"]).unwrap();
        assert_eq!(options.peers, ["gatewright", "nginx", "envoy"]);
        assert_eq!(options.scenarios, [Scenario::Plain, Scenario::Close]);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (arguments, word) in [
            (&["--peers", "apache"][..], "apache"),
            (&["--scenarios", "tls"], "tls"),
            (&["--rounds", "many"], "many"),
            (&["--rounds"], "--rounds"),
            (&["--fast"], "--fast"),
        ] {
            let error = Options::parse(arguments).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
