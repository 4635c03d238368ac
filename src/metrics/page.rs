use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write as _};

/// Numbers of one name, told apart by their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name, unit included: `gatewright_request_duration_seconds`.
    pub name: Cow<'static, str>,
    /// What it counts, in a sentence.
    pub help: Cow<'static, str>,
    /// How it moves.
    pub kind: Kind,
}

/// How a number moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up, until the process ends.
    Counter,
    /// Up and down.
    Gauge,
    /// Values by their size.
    Histogram,
}

/// Values by their size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// The upper bounds of all buckets but the last, rising.
    pub bounds: Vec<f64>,
    /// How many values are in each bucket, those of smaller ones not included.
    pub counts: Vec<u64>,
    /// All values together.
    pub sum: f64,
}

/// What is to be shown, sorted by name and labels.
#[derive(Clone, Debug, Default)]
pub struct Page {
    groups: BTreeMap<Cow<'static, str>, Group>,
}

#[derive(Clone, Debug)]
struct Group {
    help: Cow<'static, str>,
    kind: Kind,
    series: BTreeMap<Labels, Value>,
}

type Labels = Vec<(String, String)>;

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Distribution(Distribution),
}

impl Family {
    /// A counter's family.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help: Cow::Borrowed(help), kind: Kind::Counter }
    }

    /// A gauge's family.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help: Cow::Borrowed(help), kind: Kind::Gauge }
    }

    /// A histogram's family.
    #[must_use]
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help: Cow::Borrowed(help), kind: Kind::Histogram }
    }
}

impl Page {
    /// Adds to the number with these labels.
    pub fn add(&mut self, family: &Family, labels: &[(&str, &str)], value: f64) {
        match self.series(family, labels) {
            Entry::Vacant(place) => drop(place.insert(Value::Number(value))),
            Entry::Occupied(mut known) => {
                if let Value::Number(known) = known.get_mut() {
                    *known += value;
                }
            }
        }
    }

    /// Adds to the values with these labels. All of one family have the same bounds.
    pub fn add_values(&mut self, family: &Family, labels: &[(&str, &str)], values: Distribution) {
        match self.series(family, labels) {
            Entry::Vacant(place) => drop(place.insert(Value::Distribution(values))),
            Entry::Occupied(mut known) => {
                if let Value::Distribution(known) = known.get_mut() {
                    known.sum += values.sum;
                    known.counts.iter_mut().zip(values.counts).for_each(|(known, more)| *known += more);
                }
            }
        }
    }

    fn series(&mut self, family: &Family, labels: &[(&str, &str)]) -> Entry<'_, Labels, Value> {
        let Family { name, help, kind } = family;
        let group = self.groups.entry(name.clone()).or_insert_with(|| Group {
            help: help.clone(),
            kind: *kind,
            series: BTreeMap::new(),
        });
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        group.series.entry(labels.collect())
    }

    /// The page in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, group) in &self.groups {
            // Writing to a string cannot fail.
            let _ = group.write(name, &mut text);
        }
        text
    }
}

impl Group {
    fn write(&self, name: &str, text: &mut String) -> fmt::Result {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        writeln!(text, "# HELP {name} {}", self.help.replace('\\', "\\\\").replace('\n', "\\n"))?;
        writeln!(text, "# TYPE {name} {kind}")?;
        self.series.iter().try_for_each(|(labels, value)| match value {
            Value::Number(value) => writeln!(text, "{name}{} {}", Braces(labels, None), Number(*value)),
            Value::Distribution(values) => values.write(name, labels, text),
        })
    }
}

impl Distribution {
    fn write(&self, name: &str, labels: &Labels, text: &mut String) -> fmt::Result {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut count = 0;
        for (bound, more) in bounds.zip(&self.counts) {
            count += more;
            writeln!(text, "{name}_bucket{} {count}", Braces(labels, Some(bound)))?;
        }
        writeln!(text, "{name}_sum{} {}", Braces(labels, None), Number(self.sum))?;
        writeln!(text, "{name}_count{} {count}", Braces(labels, None))
    }
}

/// Labels in braces, with the bound of a bucket where there is one.
struct Braces<'a>(&'a Labels, Option<f64>);

impl fmt::Display for Braces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(labels, bound) = self;
        if labels.is_empty() && bound.is_none() {
            return Ok(());
        }
        let mut before = '{';
        for (name, value) in *labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{before}{name}=\"{value}\"")?;
            before = ',';
        }
        if let Some(bound) = bound {
            write!(f, "{before}le=\"{}\"", Number(*bound))?;
        }
        f.write_char('}')
    }
}

struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Family = Family::gauge("open", "What is open.\nNow: \\o/");
    const TIME: Family = Family::histogram("time_seconds", "How long it took.");

    #[test]
    fn names_and_labels_are_sorted_and_escaped() {
        let mut page = Page::default();
        page.add(&Family::counter("zoo_total", "Z."), &[], 3.0);
        page.add(&OPEN, &[("a", "two"), ("b", "x")], 2.5);
        page.add(&OPEN, &[("a", "one"), ("b", "\"q\\\n")], 1.0);
        page.add(&OPEN, &[("a", "two"), ("b", "x")], 0.5);
        let expected = r##"# HELP open What is open.\nNow: \\o/
# TYPE open gauge
open{a="one",b="\"q\\\n"} 1
open{a="two",b="x"} 3
# HELP zoo_total Z.
# TYPE zoo_total counter
zoo_total 3
"##;
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn buckets_count_what_is_in_the_smaller_ones_too() {
        let mut page = Page::default();
        let values = Distribution { bounds: vec![0.0005, 1.0], counts: vec![1, 2, 3], sum: 20.25 };
        page.add_values(&TIME, &[("route", "a")], values.clone());
        page.add_values(&TIME, &[("route", "a")], values);
        let expected = r##"# HELP time_seconds How long it took.
# TYPE time_seconds histogram
time_seconds_bucket{route="a",le="0.0005"} 2
time_seconds_bucket{route="a",le="1"} 6
time_seconds_bucket{route="a",le="+Inf"} 12
time_seconds_sum{route="a"} 40.5
time_seconds_count{route="a"} 12
"##;
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        let text = |number| Number(number).to_string();
        assert_eq!([1e21, 0.1, -2.0].map(text), ["1000000000000000000000", "0.1", "-2"]);
        assert_eq!([f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(text), ["+Inf", "-Inf", "NaN"]);
    }
}
