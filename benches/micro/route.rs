//! Matching a request among 10, 1,000 and 10,000 routes, and building the router of these.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use gatewright::route::{Router, Rule};
use http::{HeaderMap, Method};

/// Hosts and paths; each path has a route for two methods.
const SIZES: [(usize, usize); 3] = [(1, 5), (10, 50), (50, 100)];

/// A request's host and path, and whether a route is there for it.
type Target = (String, String);

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    for (hosts, paths) in SIZES {
        let rules = rules(hosts, paths);
        let router = Router::build(&rules).unwrap();
        let headers = HeaderMap::new();
        for (name, targets) in [("match", hits(hosts, paths)), ("miss", misses(hosts))] {
            let mut next = targets.iter().cycle();
            let found = |(host, path): &Target| router.find(Some(host), path, &Method::POST, &headers);
            assert!(targets.iter().all(|target| found(target).is_some() == (name == "match")));
            group.bench_function(BenchmarkId::new(name, rules.len()), |bencher| {
                bencher.iter(|| black_box(found(black_box(next.next().unwrap()))));
            });
        }
        group.bench_function(BenchmarkId::new("build", rules.len()), |bencher| {
            bencher.iter(|| Router::build(black_box(&rules)).unwrap());
        });
    }
}

/// Literal segments, names and rests, in turn.
pub(crate) fn pattern(path: usize) -> String {
    match path % 3 {
        0 => format!("/area-{path}/list"),
        1 => format!("/area-{path}/{{id}}/items"),
        _ => format!("/area-{path}/files/*"),
    }
}

pub(crate) fn host(host: usize) -> String {
    format!("host-{host}.example")
}

fn rules(hosts: usize, paths: usize) -> Vec<Rule> {
    let rule = |host: usize, path: usize, method: Method| Rule {
        hosts: vec![self::host(host)],
        path: pattern(path),
        methods: vec![method],
        ..Rule::default()
    };
    let paths = (0..hosts).flat_map(|host| (0..paths).map(move |path| (host, path)));
    paths
        .flat_map(|(host, path)| [Method::GET, Method::POST].map(|method| rule(host, path, method)))
        .collect()
}

/// Requests all over the routes, in no order that a cache would like.
fn hits(hosts: usize, paths: usize) -> Vec<Target> {
    let target = |place: usize| {
        let (host, path) = (place * 7919 % hosts, place * 104_729 % paths);
        let path = pattern(path).replace("{id}", "4711").replace('*', "2026/picture.png");
        (self::host(host), path)
    };
    (0..1024).map(target).collect()
}

fn misses(hosts: usize) -> Vec<Target> {
    (0..1024).map(|place| (host(place % hosts), format!("/elsewhere-{place}/list"))).collect()
}
