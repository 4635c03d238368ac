//! The series of the plugins of a test: they outlive exchanges, since a plugin makes them when it is loaded.

use std::cell::RefCell;

use gatewright_abi::{Code, Metric, fields};

use super::Checked;

/// A series, and what it has counted.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    kind: Metric,
    name: String,
    /// By name.
    labels: Vec<(String, String)>,
    value: f64,
    observed: Vec<f64>,
}

thread_local! {
    static ALL: RefCell<Vec<Series>> = const { RefCell::new(Vec::new()) };
}

/// All series as they are now.
pub(crate) fn all() -> Vec<Series> {
    ALL.with_borrow(Clone::clone)
}

/// What was counted since all series were `before`; gauges stand where they stand.
pub(crate) fn since(before: &[Series]) -> Vec<Series> {
    let mut all = all();
    for (now, then) in all.iter_mut().zip(before) {
        if now.kind == Metric::Counter {
            now.value -= then.value;
        }
        now.observed.drain(..then.observed.len());
    }
    all
}

impl Series {
    /// Whether it has this name and these labels.
    pub(crate) fn is(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        let mut labels: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        labels.sort();
        self.name == name && self.labels == labels
    }

    /// The value of a counter or a gauge.
    pub(crate) fn value(&self) -> Option<f64> {
        (self.kind != Metric::Histogram).then_some(self.value)
    }

    /// The values that a histogram counted.
    pub(crate) fn observed(&self) -> &[f64] {
        &self.observed
    }
}

pub(super) fn define(kind: Metric, name: &[u8], labels: &[u8]) -> Checked<i32> {
    let name = metric_name(name)?;
    let labels = read_labels(labels)?;
    ALL.with_borrow_mut(|all| {
        if all.iter().any(|series| series.name == name && series.kind != kind) {
            return Err(Code::Invalid);
        }
        let known = all.iter().position(|series| series.name == name && series.labels == labels);
        let id = known.unwrap_or_else(|| {
            all.push(Series { kind, name, labels, value: 0.0, observed: Vec::new() });
            all.len() - 1
        });
        i32::try_from(id).map_err(|_| Code::Limit)
    })
}

pub(super) fn add(id: u32, value: f64) -> Checked<()> {
    change(id, |series| match series.kind {
        Metric::Counter if value < 0.0 => Err(Code::Invalid),
        Metric::Counter | Metric::Gauge => {
            series.value += value;
            Ok(())
        }
        Metric::Histogram => Err(Code::Invalid),
    })
}

pub(super) fn set(id: u32, value: f64) -> Checked<()> {
    change(id, |series| match series.kind {
        Metric::Gauge => {
            series.value = value;
            Ok(())
        }
        Metric::Counter | Metric::Histogram => Err(Code::Invalid),
    })
}

pub(super) fn observe(id: u32, value: f64) -> Checked<()> {
    change(id, |series| match series.kind {
        Metric::Histogram if value.is_finite() => {
            series.observed.push(value);
            Ok(())
        }
        _ => Err(Code::Invalid),
    })
}

fn change(id: u32, change: impl FnOnce(&mut Series) -> Checked<()>) -> Checked<()> {
    let id = usize::try_from(id).map_err(|_| Code::Invalid)?;
    ALL.with_borrow_mut(|all| change(all.get_mut(id).ok_or(Code::Invalid)?))
}

fn read_labels(packed: &[u8]) -> Checked<Vec<(String, String)>> {
    let mut labels = Vec::new();
    for field in fields::iter(packed) {
        let (name, value) = field.map_err(|_| Code::Invalid)?;
        let value = std::str::from_utf8(value).map_err(|_| Code::Invalid)?;
        labels.push((metric_name(name)?, value.to_owned()));
    }
    labels.sort();
    Ok(labels)
}

fn metric_name(name: &[u8]) -> Checked<String> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match name {
        [first, ..] if !first.is_ascii_digit() && name.iter().all(fits) => {
            Ok(String::from_utf8_lossy(name).into_owned())
        }
        _ => Err(Code::Invalid),
    }
}
