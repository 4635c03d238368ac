//! What fuzzing has found, once more: each file of the corpus goes through the function that the fuzzer calls.

use std::path::Path;

#[allow(unreachable_pub, reason = "they are public to the fuzz targets")]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// Feeds all files of a target's corpus to `holds`.
fn play(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(std::panic::catch_unwind(|| holds(&bytes)).is_ok(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 10, "{count} files in {}", folder.display());
}

#[test]
fn configurations_are_read_or_refused() {
    play("config", fuzz::config::holds);
}

#[test]
fn the_guard_lets_through_what_reads_in_one_way() {
    play("guard", fuzz::guard::holds);
}

#[test]
fn no_range_leaves_a_guest_s_memory() {
    play("memory", fuzz::memory::holds);
}

#[test]
fn the_router_finds_what_the_rules_say() {
    play("route", fuzz::route::holds);
}

#[test]
fn targets_stay_at_their_endpoint() {
    play("url", fuzz::url::holds);
}
