//! Configurations: whatever a file holds, it is read, or refused with the place of each mistake.

use std::path::Path;

use gatewright::config::{Config, parse};
use gatewright::route::{Router, Rule};

/// Reads `data` as the configuration that it is, or is not.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse(Path::new("gateway.toml"), text.to_owned()) {
        Ok(config) => routes(&config),
        Err(mistakes) => {
            let report = mistakes.to_string();
            let places = report.lines().filter_map(place);
            let lines = text.split('\n').count();
            let mut found = 0;
            for (line, column) in places {
                found += 1;
                // A mistake at the very end may be on the line behind the last one.
                assert!(
                    (1..=lines + 1).contains(&line) && column > 0,
                    "{line}:{column} of {lines} lines:\n{report}"
                );
            }
            assert!(found > 0, "refused without a word:\n{report}");
        }
    }
}

/// Line and column of the first line of a mistake.
fn place(line: &str) -> Option<(usize, usize)> {
    let mut parts = line.strip_prefix("gateway.toml:")?.splitn(3, ':');
    let place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.starts_with(" error: ").then_some(place)
}

/// What a reload checks next.
fn routes(config: &Config) {
    assert!(!config.listeners.is_empty() && !config.routes.is_empty(), "serves nothing");
    let rule = |route: &gatewright::config::RouteConfig| Rule {
        hosts: route.hosts.iter().map(|host| host.value.clone()).collect(),
        path: route.path.value.clone(),
        methods: route.methods.clone(),
        headers: route.headers.clone(),
    };
    let rules: Vec<_> = config.routes.iter().map(rule).collect();
    if let Err(problems) = Router::build(&rules) {
        assert!(
            problems.iter().all(|problem| problem.rule() < rules.len() && !problem.to_string().is_empty())
        );
    }
}
