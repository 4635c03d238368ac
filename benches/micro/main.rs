//! Micro-benchmarks: what single parts take, in nanoseconds of wall time. `cargo bench` runs them all, `cargo bench -- WORD`
//! those with the word in their name.
//!
//! They tell whether a change to a part helped it. What a request takes as a whole, beside other proxies, is for `cargo xtask
//! bench`; `docs/performance.md` has both. Header rules and the pool of connections are not here: they are the proxy's own and
//! not public.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on says so by panicking"
)]

mod balance;
mod config;
mod hooks;
mod piece;
mod route;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    // What is measured takes less than a microsecond for the most part: a second holds enough of it.
    let criterion = Criterion::default().warm_up_time(Duration::from_millis(300));
    let mut criterion = criterion.measurement_time(Duration::from_secs(1)).configure_from_args();
    route::measure(&mut criterion);
    balance::measure(&mut criterion);
    hooks::measure(&mut criterion);
    piece::measure(&mut criterion);
    config::measure(&mut criterion);
    criterion.final_summary();
}
