//! Loading a configuration of 10,000 routes: reading the file, and building a snapshot of it as a start or a reload does.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion};
use gatewright::config::{self, Config};
use gatewright::plugin::Engine;
use gatewright::snapshot::{Builder, Snapshot};

use crate::route::{host, pattern};

const HOSTS: usize = 100;
const PATHS: usize = 100;
const UPSTREAMS: usize = 100;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let build = |builder: &mut Builder, config: &Config, previous: Option<&Snapshot>| {
        runtime.block_on(builder.build(config, previous)).unwrap()
    };
    let text = text();
    let config = parse(text.clone());
    let mut builder = Builder::new(Engine::new().unwrap());
    let snapshot = build(&mut builder, &config, None);
    let mut group = criterion.benchmark_group("config");
    // Each takes a good part of a second.
    group.sample_size(10);
    group.bench_function("parse/10000", |bencher| {
        bencher.iter_batched(|| text.clone(), parse, BatchSize::PerIteration);
    });
    group.bench_function("build/10000", |bencher| {
        bencher.iter(|| build(&mut builder, black_box(&config), None));
    });
    group.bench_function("rebuild/10000", |bencher| {
        bencher.iter(|| build(&mut builder, black_box(&config), Some(&snapshot)));
    });
}

fn parse(text: String) -> Config {
    config::parse(Path::new("gateway.toml"), text).unwrap()
}

fn text() -> String {
    let mut text = String::from("[listener.web]\nlisten = \"127.0.0.1:8080\"\n");
    for upstream in 0..UPSTREAMS {
        let _ =
            write!(text, "\n[upstream.app-{upstream}]\nendpoints = [\"http://10.0.0.{upstream}:8080\"]\n");
    }
    for (place, (host, path)) in
        (0..HOSTS).flat_map(|host| (0..PATHS).map(move |path| (host, path))).enumerate()
    {
        let (host, path) = (self::host(host), pattern(path));
        let upstream = place % UPSTREAMS;
        let _ = write!(
            text,
            "\n[[route]]\nname = \"route-{place}\"\nhost = \"{host}\"\npath = \"{path}\"\nupstream = \"app-{upstream}\"\n"
        );
    }
    text
}
