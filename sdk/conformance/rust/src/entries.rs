use std::time::Duration;

use gatewright_sdk::prelude::*;

use crate::report::{NOT_UTF8, hex, say, shown, tried};

pub(crate) fn entries(name: &str) -> Result<Flow> {
    match name {
        "kv" => {
            let mut report = vec![shown(kv::get_str("k")?)];
            kv::put("k", "é", Some(Duration::from_secs(60)))?;
            report.push(shown(kv::get_str("k")?));
            kv::put("k", NOT_UTF8, None)?;
            report.push(hex(&kv::get("k")?.unwrap_or_default()));
            kv::put("k", "x".repeat(65536), None)?;
            report.push(kv::get("k")?.unwrap_or_default().len().to_string());
            report.push(tried(kv::delete("k")).to_owned());
            report.push(tried(kv::delete("k")).to_owned());
            say(&report)
        }
        "kv-add" => {
            kv::delete("n")?;
            kv::add("n", 5, Some(Duration::from_secs(60)))?;
            let sum = kv::add("n", -7, None)?;
            say(&[sum.to_string(), shown(kv::get_str("n")?)])
        }
        "kv-swap" => {
            kv::delete("s")?;
            let swaps = [
                tried(kv::compare_and_swap("s", Some(b"old"), "new", None)),
                tried(kv::compare_and_swap("s", None, "a", None)),
                tried(kv::compare_and_swap("s", None, "b", None)),
                tried(kv::compare_and_swap("s", Some(b"a"), "c", None)),
            ];
            say(&[swaps.join(" "), shown(kv::get_str("s")?)])
        }
        "kv-ticked" => say(&[shown(kv::get_str("ticked")?)]),
        _ => {
            kv::put("text", "x", None)?;
            kv::put("max", i64::MAX.to_string(), None)?;
            say(&[
                tried(kv::put("", "x", None)),
                tried(kv::put("k".repeat(513), "x", None)),
                tried(kv::put("k".repeat(512), "x", Some(Duration::from_secs(1)))),
                tried(kv::put("k", vec![0; 65537], None)),
                tried(kv::compare_and_swap("k", Some(b""), "x".repeat(65537), None)),
                tried(kv::add("text", 1, None)),
                tried(kv::add("max", 1, None)),
            ])
        }
    }
}
