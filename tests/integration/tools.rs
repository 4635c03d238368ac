//! `gatewright plugin`: the tools for plugin authors.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Gateway, Request, Setup, check, plugin_tool, plugin_tool_in, plugins_folder};

/// The facts that `plugin inspect --json` finds in an example plugin.
#[track_caller]
fn inspected(name: &str, more: &[&str]) -> Value {
    let file = plugins_folder().join(format!("{name}.wasm"));
    let outcome = plugin_tool(&[&["inspect", file.to_str().unwrap(), "--json"], more].concat());
    assert!(outcome.is_ok(), "{outcome:?}");
    serde_json::from_str(&outcome.text).unwrap()
}

fn pinned(sha256: &str) -> Setup {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["http://127.0.0.1:1"]
        [plugin.header-logic]
        file = "<plugins>/header-logic.wasm"
        sha256 = "<sha256>"
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["header-logic"]
        "#,
    )
    .put("sha256", sha256)
}

#[test]
fn a_pin_takes_its_module_and_no_other() {
    let digest = inspected("header-logic", &[])["sha256"].as_str().unwrap().to_owned();
    for good in [digest.clone(), digest.to_uppercase()] {
        let outcome = pinned(&good).check();
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    let other = "0f".repeat(32);
    let refused = pinned(&other).check();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for word in ["plugin.header-logic.sha256", &digest, &other] {
        assert!(refused.text.contains(word), "{word} in {refused:?}");
    }
}

#[test]
fn inspect_tells_what_a_module_is() {
    let facts = inspected("header-logic", &[]);
    assert_eq!((&facts["name"], &facts["abi"]), (&"header-logic".into(), &1.into()));
    assert_eq!(facts["roles"], serde_json::json!(["middleware"]));
    assert_eq!(facts["hooks"], serde_json::json!(["on_request", "on_response"]));
    let size = std::fs::metadata(plugins_folder().join("header-logic.wasm")).unwrap().len();
    assert_eq!(facts["size_bytes"], size);
    let memory = &facts["memory"];
    assert!(memory["initial_bytes"].as_u64().unwrap() >= 65_536, "{memory}");
    assert!(memory["started_bytes"].as_u64() >= memory["initial_bytes"].as_u64(), "{memory}");
    assert!(facts["compile_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(facts["config_schema"]["type"], "object");
    let asked = facts["capabilities"].as_array().unwrap();
    let head = asked.iter().find(|asked| asked["capability"] == "head").unwrap();
    assert_eq!(head["needs_grant"], false);
    assert!(head["calls"].as_array().unwrap().contains(&"set".into()), "{head}");
}

#[test]
fn inspect_starts_a_module_with_the_configuration_it_needs() {
    let without = inspected("api-key", &[]);
    assert!(without["memory"]["started_bytes"].is_null());
    assert!(without["memory"]["not_started"].as_str().unwrap().contains("keys"), "{without}");
    let with = inspected("api-key", &["--config", r#"{ "keys": { "k1": "alice" } }"#]);
    assert!(with["memory"]["started_bytes"].is_u64(), "{with}");
}

#[test]
fn inspect_in_words_has_the_same_facts() {
    let facts = inspected("canary", &[]);
    let file = plugins_folder().join("canary.wasm");
    let text = plugin_tool(&["inspect", file.to_str().unwrap()]).text;
    let name = format!("canary {}", facts["version"].as_str().unwrap());
    for word in [&name, "director", facts["sha256"].as_str().unwrap(), "\"$schema\""] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn inspect_shows_which_capabilities_need_a_grant() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("asks.wasm");
    std::fs::write(&file, asks_for_kv()).unwrap();
    let outcome = plugin_tool(&["inspect", file.to_str().unwrap()]);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(outcome.text.contains(r#"get, delete (needs a grant: allow = ["kv"])"#), "{}", outcome.text);
}

fn asks_for_kv() -> Vec<u8> {
    let manifest = r#"{\"name\":\"asks\",\"version\":\"1.0.0\",\"roles\":[\"middleware\"]}"#;
    let length = manifest.replace('\\', "").len() as u64;
    let text = format!(
        r#"(module
        (import "gatewright_kv" "get" (func (param i32 i32 i32 i32) (result i32)))
        (import "gatewright_kv" "delete" (func (param i32 i32) (result i32)))
        (memory (export "memory") 1 2)
        (data (i32.const 16) "{manifest}")
        (func (export "gatewright_abi_1"))
        (func (export "gatewright_manifest") (result i64) i64.const {})
        (func (export "gatewright_init") (result i32) i32.const 0)
        (func (export "gatewright_on_request") (result i32) i32.const 0))"#,
        16_u64 << 32 | length
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn what_no_gateway_would_load_is_refused_in_the_gateways_words() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("m.wasm");
    let file = file.to_str().unwrap();
    let foreign = wat::parse_str("(module)").unwrap();
    for (content, words) in [
        (&b"#!/bin/sh"[..], "not a valid WebAssembly module"),
        (&foreign, "does not export `gatewright_abi_1`"),
    ] {
        std::fs::write(file, content).unwrap();
        for tool in ["inspect", "bench"] {
            let outcome = plugin_tool(&[tool, file]);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            assert!(outcome.text.contains(words) && outcome.text.contains("m.wasm"), "{outcome:?}");
        }
    }
    let missing = plugin_tool(&["inspect", "does/not/exist.wasm"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.text.contains("does/not/exist.wasm"), "{missing:?}");
}

#[test]
fn bench_measures_every_hook_that_is_exported() {
    let file = plugins_folder().join("header-logic.wasm");
    let file = file.to_str().unwrap();
    let outcome = plugin_tool(&["bench", file, "--calls", "1000", "--json"]);
    assert!(outcome.is_ok(), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.text).unwrap();
    let hooks = report["hooks"].as_array().unwrap();
    let names: Vec<_> = hooks.iter().map(|hook| hook["hook"].as_str().unwrap()).collect();
    assert_eq!(names, ["on_request", "on_response"]);
    for times in hooks.iter().chain([&report["start"]]) {
        let (median, minimum) = (times["median_ns"].as_f64().unwrap(), times["minimum_ns"].as_f64().unwrap());
        assert!(median >= minimum && minimum > 0.0, "{times}");
    }
    assert!(report["calls"].as_u64().unwrap() >= 1000);
    assert!(report["memory_bytes"].as_u64().unwrap() >= 65_536);
    let table = plugin_tool(&["bench", file, "--calls", "1"]).text;
    assert!(table.contains("wall time") && table.contains("on_response"), "{table}");
}

#[test]
fn bench_of_a_plugin_that_answers_goes_on_with_its_answer() {
    let file = plugins_folder().join("api-key.wasm");
    let config = r#"{ "keys": { "k1": "alice" } }"#;
    let outcome =
        plugin_tool(&["bench", file.to_str().unwrap(), "--calls", "10", "--json", "--config", config]);
    let report: Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(
        (&report["hooks"][0]["hook"], &report["hooks"][0]["answered"]),
        (&"on_request".into(), &true.into())
    );
}

#[test]
fn bench_says_what_is_wrong_with_a_configuration() {
    let file = plugins_folder().join("api-key.wasm");
    for (config, words) in
        [("{}", "\"keys\" is a required property"), ("[]", "not a JSON object"), ("{", "not JSON")]
    {
        let outcome = plugin_tool(&["bench", file.to_str().unwrap(), "--config", config]);
        assert!(!outcome.is_ok() && outcome.text.contains(words), "{outcome:?}");
    }
}

const WASM: &str = "wasm32-unknown-unknown";

/// The project's own file or folder.
fn project(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().unwrap().to_owned()
}

/// Runs cargo in a plugin's folder, with the example plugins' build of the dependencies.
#[track_caller]
fn cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).args(arguments).arg("--offline").arg("--target-dir").arg(build_folder());
    let output = cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where `cargo xtask plugins` builds.
fn build_folder() -> PathBuf {
    plugins_folder().with_file_name("plugins-build")
}

/// An empty folder, each time the same for one checkout: what cargo builds does not pile up then.
fn place(language: &str) -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).file_name().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-new").join(checkout).join(language);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_new_plugin_builds_passes_its_tests_and_runs() {
    let folder = place("rust");
    let made =
        plugin_tool_in(&folder, &["new", "new-plugin", "--lang", "rust", "--sdk", &project("sdk/rust")]);
    assert!(made.is_ok() && made.text.contains("cargo test") && !made.text.contains("first,"), "{made:?}");
    let plugin = folder.join("new-plugin");
    // The versions that the example plugins are built with: they are on this machine.
    std::fs::copy(project("plugins/Cargo.lock"), plugin.join("Cargo.lock")).unwrap();
    cargo(&plugin, &["test"]);
    cargo(&plugin, &["build", "--release", "--target", WASM]);
    let built = build_folder().join(WASM).join("release/new_plugin.wasm");
    let release = plugin.join("target").join(WASM).join("release");
    std::fs::create_dir_all(&release).unwrap();
    std::fs::copy(built, release.join("new_plugin.wasm")).unwrap();

    let module = release.join("new_plugin.wasm");
    let facts = plugin_tool(&["inspect", module.to_str().unwrap(), "--json"]);
    let facts: Value = serde_json::from_str(&facts.text).unwrap();
    assert_eq!((&facts["name"], &facts["version"]), (&"new-plugin".into(), &"0.1.0".into()));
    let started = facts["memory"]["started_bytes"].as_u64().unwrap();
    assert!(started < 512 * 1024, "its stack is the small one: {started} bytes");

    let tested = plugin_tool_in(&plugin, &["test", module.to_str().unwrap()]);
    assert!(tested.is_ok(), "{tested:?}");
    let checked = check(&plugin.join("gateway.toml"));
    assert!(checked.is_ok(), "{checked:?}");
    greets(&module);
}

/// Runs npm in a plugin's folder.
#[track_caller]
fn npm(folder: &Path, arguments: &[&str]) {
    let output = Command::new("npm").current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_new_plugin_in_assemblyscript_builds_passes_its_tests_and_runs() {
    let folder = place("assemblyscript");
    let made = plugin_tool_in(
        &folder,
        &["new", "new-plugin", "--lang", "assemblyscript", "--sdk", &project("sdk/assemblyscript")],
    );
    assert!(made.is_ok() && made.text.contains("npm install") && !made.text.contains("first,"), "{made:?}");
    let plugin = folder.join("new-plugin");
    // Fails where the lock file does not say what package.json asks for.
    npm(&plugin, &["ci", "--prefer-offline", "--no-audit", "--no-fund"]);
    npm(&plugin, &["test"]);

    let module = plugin.join("build/new-plugin.wasm");
    let facts = plugin_tool(&["inspect", module.to_str().unwrap(), "--json"]);
    let facts: Value = serde_json::from_str(&facts.text).unwrap();
    assert_eq!((&facts["name"], &facts["version"]), (&"new-plugin".into(), &"0.1.0".into()));
    let tested = plugin_tool_in(&plugin, &["test", module.to_str().unwrap()]);
    assert!(tested.is_ok(), "{tested:?}");
    let checked = check(&plugin.join("gateway.toml"));
    assert!(checked.is_ok(), "{checked:?}");
    greets(&module);
}

/// That a gateway with the new plugin greets.
#[track_caller]
fn greets(module: &Path) {
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["http://127.0.0.1:1"]
        [plugin.new-plugin]
        file = "<module>"
        config = { greeting = "good day" }
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["new-plugin"]
        "#,
    )
    .put("module", module.display())
    .start();
    let hello = gateway.ask(Request::get("/hello"));
    assert_eq!((hello.status(), hello.text().as_str()), (200, "good day\n"));
    assert_eq!(gateway.get("/else").get("x-greeting"), Some("good day"));
}

#[test]
fn new_says_where_it_expects_the_sdk() {
    let folder = TempDir::new().unwrap();
    let made = plugin_tool_in(folder.path(), &["new", "a"]);
    assert!(made.is_ok() && made.text.contains("../gatewright/sdk/rust"), "{made:?}");
    let manifest = std::fs::read_to_string(folder.path().join("a/Cargo.toml")).unwrap();
    assert!(manifest.contains("gatewright-sdk = { path = \"../gatewright/sdk/rust\" }"), "{manifest}");

    let made = plugin_tool_in(folder.path(), &["new", "b", "--lang", "assemblyscript"]);
    assert!(made.is_ok() && made.text.contains("../gatewright/sdk/assemblyscript"), "{made:?}");
    let package = std::fs::read_to_string(folder.path().join("b/package.json")).unwrap();
    assert!(package.contains(r#""gatewright-sdk": "file:../gatewright/sdk/assemblyscript""#), "{package}");
}

#[test]
fn new_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/README.md"), "mine").unwrap();
    let refused = plugin_tool_in(folder.path(), &["new", "mine"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.text.contains("is there already"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("mine/README.md")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path().join("mine")).unwrap().count(), 1);
}

#[test]
fn new_leaves_nothing_behind_when_it_refuses() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["new", "Not-A-Name"][..],
        &["new", "../up"],
        &["new", "fn"],
        &["new", "a", "--sdk", "."],
        &["new", "a", "--lang", "assemblyscript", "--sdk", &project("sdk/rust")],
    ] {
        let refused = plugin_tool_in(folder.path(), arguments);
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
