//! Whole files: those that must be read, those that must be refused and with which words, and damaged ones.
//!
//! `UPDATE_GOLDEN=1` rewrites the expected reports; read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The `.toml` files of a folder of the repository, as paths relative to its root.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
    let mut files: Vec<_> = names.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {folder}");
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Parses under the relative path, so that reports are the same on every machine.
fn parsed(path: &Path) -> Result<Config, Diagnostics> {
    parse(path, text(path))
}

fn valid(name: &str) -> Config {
    let path = Path::new("tests/config/valid").join(name);
    parsed(&path).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn every_valid_file_is_read() {
    for folder in ["tests/config/valid", "config", "config/examples"] {
        for path in files(folder) {
            if let Err(report) = parsed(&path) {
                panic!("{report}");
            }
        }
    }
}

#[test]
fn every_invalid_file_is_refused_with_its_golden_report() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for path in files("tests/config/invalid") {
        let report = format!("{}\n", parsed(&path).expect_err(&path.display().to_string()));
        let golden = path.with_extension("err");
        if update {
            fs::write(root().join(&golden), &report).unwrap();
        }
        assert_eq!(
            report,
            text(&golden),
            "{}: run with UPDATE_GOLDEN=1 if the new report is better",
            golden.display()
        );
    }
}

#[test]
fn every_golden_report_has_its_file() {
    for entry in fs::read_dir(root().join("tests/config/invalid")).unwrap() {
        assert!(entry.unwrap().path().with_extension("toml").exists());
    }
}

#[test]
fn no_truncated_file_panics() {
    for path in files("tests/config/valid") {
        let text = text(&path);
        for (end, _) in text.char_indices() {
            survives(&path, text[..end].to_owned());
        }
    }
}

#[test]
fn no_mutated_file_panics() {
    for path in files("tests/config/valid") {
        let text = text(&path);
        for (at, old) in text.char_indices() {
            for new in ["", "\"", "]", "[", "{", "=", ".", "\n", "0", "ü", "\0"] {
                survives(&path, [&text[..at], new, &text[at + old.len_utf8()..]].concat());
            }
        }
    }
}

/// Reads a damaged file and, if it is refused, renders both forms of the report.
fn survives(path: &Path, text: String) {
    if let Err(report) = parse(path, text) {
        assert!(report.iter().next().is_some());
        assert!(report.lines().all(|line| !line.contains('\n')));
        assert!(!report.to_string().is_empty());
    }
}

#[test]
fn missing_keys_get_their_defaults() {
    let config = valid("minimal.toml");
    assert_eq!(config.gateway, GatewayConfig::default());
    assert_eq!(config.admin, None);
    assert_eq!(config.listeners[0].max_head, 65_536);
    let upstream = &config.upstreams[0];
    assert_eq!((upstream.balance, upstream.max_fails, upstream.retries), (Balance::RoundRobin, 3, 1));
    assert_eq!(upstream.endpoints[0].weight, 1);
}

#[test]
fn every_key_is_read() {
    let config = valid("full.toml");
    insta_like(&config);
}

/// The parts of `full.toml` that no default could explain.
fn insta_like(config: &Config) {
    assert_eq!(config.gateway.workers, 2);
    assert_eq!(config.gateway.pid_file.as_deref(), Some(Path::new("tests/config/valid/gatewright.pid")));
    assert_eq!(config.gateway.log.level, Level::Debug);
}
