//! Numbers as people read them.

use std::time::Duration;

/// `160564 bytes (156.8 KiB)`.
pub(super) fn bytes(bytes: u64) -> String {
    match rounded(bytes) {
        Some(rounded) => format!("{bytes} bytes ({rounded})"),
        None => format!("{bytes} bytes"),
    }
}

fn rounded(bytes: u64) -> Option<String> {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes >= *unit)?;
    let tenths = bytes.saturating_mul(10).div_ceil(unit);
    Some(format!("{}.{} {name}", tenths / 10, tenths % 10))
}

/// Milliseconds, to the microsecond.
pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_and_rounded() {
        assert_eq!(bytes(17), "17 bytes");
        assert_eq!(bytes(65_536), "65536 bytes (64.0 KiB)");
        assert_eq!(bytes(1_114_112), "1114112 bytes (1.1 MiB)");
    }
}
