use gatewright_abi::{Code, Metric, fields, import, metrics};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::plugin::memory::{length, split};
use crate::plugin::series::Labels;

/// Bytes of the longest name, of a series or of a label.
const MAX_NAME: usize = 128;

/// Bytes of the longest value of a label.
const MAX_VALUE: usize = 256;

/// Labels that a series may have.
const MAX_LABELS: usize = 16;

/// Labels that are not the guest's to set.
const RESERVED: [&str; 2] = ["plugin", "le"];

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::METRICS, metrics::DEFINE, define)?;
    linker.func_wrap(import::METRICS, metrics::ADD, |caller: Caller<'_, Guest>, id: u32, value: f64| {
        change(&caller, value, |guest| guest.plugin.series.add(id as usize, value))
    })?;
    linker.func_wrap(import::METRICS, metrics::SET, |caller: Caller<'_, Guest>, id: u32, value: f64| {
        change(&caller, value, |guest| guest.plugin.series.set(id as usize, value))
    })?;
    linker.func_wrap(
        import::METRICS,
        metrics::OBSERVE,
        |caller: Caller<'_, Guest>, id: u32, value: f64| {
            change(&caller, value, |guest| guest.plugin.series.observe(id as usize, value))
        },
    )?;
    Ok(())
}

fn define(
    mut caller: Caller<'_, Guest>,
    kind: u32,
    name: u32,
    name_len: u32,
    labels: u32,
    labels_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (name, labels) = (memory.read(name, name_len)?, memory.read(labels, labels_len)?);
    let define = || {
        let kind = Metric::from_u32(kind).ok_or(Code::Invalid)?;
        let id = guest.plugin.series.define(kind, checked_name(name)?, checked_labels(labels)?)?;
        Ok(length(id))
    };
    Ok(result(define()))
}

/// What is not a number is no value of a series: added up once, it would stay.
fn change(caller: &Caller<'_, Guest>, value: f64, change: impl FnOnce(&Guest) -> Result<(), Code>) -> i32 {
    let changed = if value.is_finite() { change(caller.data()) } else { Err(Code::Invalid) };
    result(changed.map(|()| 0))
}

fn checked_name(name: &[u8]) -> Result<&str, Code> {
    let name = str::from_utf8(name).map_err(|_| Code::Invalid)?;
    if name.len() > MAX_NAME {
        return Err(Code::Limit);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
        return Err(Code::Invalid);
    }
    Ok(name)
}

fn checked_labels(packed: &[u8]) -> Result<Labels, Code> {
    let mut labels = Labels::new();
    for field in fields::iter(packed) {
        let (name, value) = field.map_err(|_| Code::Invalid)?;
        let name = checked_name(name)?;
        let value = str::from_utf8(value).map_err(|_| Code::Invalid)?;
        if RESERVED.contains(&name) || name.starts_with("__") || labels.iter().any(|(known, _)| known == name)
        {
            return Err(Code::Invalid);
        }
        if value.len() > MAX_VALUE || labels.len() >= MAX_LABELS {
            return Err(Code::Limit);
        }
        labels.push((name.to_owned(), value.to_owned()));
    }
    labels.sort();
    Ok(labels)
}
