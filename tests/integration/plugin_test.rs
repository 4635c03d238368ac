//! `gatewright plugin test`: cases that pass, cases that fail, and files that hold no cases.
//!
//! `UPDATE_GOLDEN=1` rewrites the expected reports; read the difference before committing it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Outcome, guest, hostile, module, plugin_tool, plugin_tool_in, plugins_folder};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn wasm(plugin: &str) -> String {
    plugins_folder().join(format!("{plugin}.wasm")).to_str().unwrap().to_owned()
}

/// Runs cases that are written here against a module that is made here.
fn cases(module: &[u8], cases: &str, more: &[&str]) -> Outcome {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("module.wasm"), module).unwrap();
    std::fs::write(folder.path().join("cases.toml"), cases).unwrap();
    plugin_tool_in(folder.path(), &[&["test", "module.wasm"], more].concat())
}

/// Compares a report with the golden one beside the cases.
#[track_caller]
fn is_golden(outcome: &Outcome, golden: &Path) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &outcome.text).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    assert_eq!(
        outcome.text,
        expected,
        "{}: run with UPDATE_GOLDEN=1 if the new one is better",
        golden.display()
    );
}

#[test]
fn every_example_plugin_passes_its_cases() {
    let folders = std::fs::read_dir(project("plugins")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|folder| folder.join("cases.toml").exists()).collect();
    assert!(folders.len() >= 10, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let outcome = plugin_tool_in(&folder, &["test", &wasm(name)]);
        assert!(outcome.is_ok(), "{name}: {}", outcome.text);
    }
}

/// The fenced blocks of a page, each with its language.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n") + "\n"));
        }
    }
    blocks
}

#[test]
fn the_examples_of_the_guide_do_what_it_says() {
    let page = std::fs::read_to_string(project("docs/testing-plugins.md")).unwrap();
    let blocks = blocks(&page);
    let mut tested = 0;
    for (place, (_, block)) in blocks.iter().enumerate() {
        let first = block.lines().next().unwrap_or_default();
        let Some(name) = first.strip_prefix("# gatewright plugin test target/plugins/") else { continue };
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("cases.toml"), block).unwrap();
        let outcome = plugin_tool_in(folder.path(), &["test", &wasm(name.trim_end_matches(".wasm"))]);
        match blocks.get(place + 1) {
            // What is said of a file that fails follows it.
            Some((language, report)) if language == "text" => assert_eq!(outcome.text, *report),
            _ => assert!(outcome.is_ok(), "{block}{}", outcome.text),
        }
        tested += 1;
    }
    assert!(tested >= 4, "{tested} examples");
}

#[test]
fn what_is_not_as_expected_is_told_with_its_place() {
    let outcome =
        plugin_tool_in(&project("tests/cases/failing"), &["test", &wasm("api-key"), "api-key.toml"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.text);
    is_golden(&outcome, &project("tests/cases/failing/api-key.out"));
}

#[test]
fn a_file_that_holds_no_cases_is_refused_with_every_mistake() {
    let folder = project("tests/cases/invalid");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "toml")).collect();
    assert!(files.len() >= 4);
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let outcome = plugin_tool_in(&folder, &["test", &wasm("api-key"), name]);
        assert_eq!(outcome.code, Some(2), "{name}: {}", outcome.text);
        is_golden(&outcome, &file.with_extension("err"));
    }
}

#[test]
fn what_cannot_be_run_is_no_failed_case() {
    let cases = project("plugins/api-key/cases.toml");
    let cases = cases.to_str().unwrap();
    for arguments in [
        &["test", "does/not/exist.wasm", cases][..],
        &["test", &wasm("api-key"), "does/not/exist.toml"],
        &["test", &wasm("api-key"), cases, "--filter", "nothing is called that"],
    ] {
        let outcome = plugin_tool(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
    }
}

#[test]
fn the_filter_chooses_by_a_part_of_the_name() {
    let cases = project("plugins/api-key/cases.toml");
    let outcome = plugin_tool(&["test", &wasm("api-key"), cases.to_str().unwrap(), "--filter", "refused"]);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(outcome.text.contains("no key is refused") && !outcome.text.contains("passes"), "{outcome:?}");
}

#[test]
fn json_has_each_case_and_each_mismatch() {
    let outcome = plugin_tool_in(
        &project("tests/cases/failing"),
        &["test", &wasm("api-key"), "api-key.toml", "--json", "--filter", "second step"],
    );
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(
        (&report["plugin"], &report["passed"], &report["failed"]),
        (&"api-key".into(), &0.into(), &1.into())
    );
    let mismatch = &report["cases"][0]["mismatches"][0];
    assert_eq!((&mismatch["step"], &mismatch["key"]), (&2.into(), &"answered".into()), "{report:#}");
    assert!(mismatch["line"].as_u64().unwrap() > 1);
}

/// A module that answers what the request's `x-evil` makes `tests/guests/fails.wat` do.
fn fails() -> Vec<u8> {
    hostile("fails")
}

#[test]
fn a_failure_of_the_plugin_fails_a_case_that_does_not_expect_it() {
    let unexpected = cases(&fails(), "[[case]]\nname = \"a\"\nrequest.headers = { x-evil = \"r0\" }\n", &[]);
    assert_eq!(unexpected.code, Some(1), "{unexpected:?}");
    assert!(unexpected.text.contains("out of cheese"), "{unexpected:?}");
    let expected = "[[case]]\nname = \"a\"\nrequest.headers = { x-evil = \"r0\" }\n\
         [case.expect]\nerror = \"out of cheese\"\nresponse.status = 500\nrequest = false\n";
    let expected = cases(&fails(), expected, &[]);
    assert!(expected.is_ok(), "{expected:?}");
}

#[test]
fn a_plugin_that_may_be_skipped_fails_and_the_request_goes_on() {
    let text = "on_error = \"skip\"\n[[case]]\nname = \"a\"\nrequest.headers = { x-evil = \"r0\" }\n\
         [case.expect]\nerror = \"out of cheese\"\nresponse.status = 200\nrequest = { path = \"/\" }\n";
    let outcome = cases(&fails(), text, &[]);
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn upstreams_fail_as_they_are_told_to() {
    let idle = module("(func (export \"gatewright_on_request\") (result i32) i32.const 0)");
    let text = "[[case]]\nname = \"a\"\nupstream.fail = \"timeout\"\nexpect.response.status = 504\n\
         [[case]]\nname = \"b\"\nupstream.fail = \"unreachable\"\nexpect.response.status = 502\n";
    let outcome = cases(&idle, text, &[]);
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn bodies_and_addresses_are_those_of_the_case() {
    let idle = module("(func (export \"gatewright_on_request\") (result i32) i32.const 0)");
    let text = r#"
        [[case]]
        name = "bytes"
        request = { method = "POST", body_base64 = "AAEC/w==", client = "10.0.0.1" }
        upstream = { body = ["pi", "eces"] }
        [case.expect]
        request = { body = { base64 = "AAEC/w==" }, headers = { content-length = 4, x-forwarded-for = "10.0.0.1" } }
        response = { body = "pieces", headers = { transfer-encoding = "chunked" } }
        [[case]]
        name = "a file"
        request = { method = "POST", body_file = "module.wasm" }
        expect.request.body = { file = "module.wasm" }
        [[case]]
        name = "JSON"
        request = { method = "POST", json = { a = [1, { b = "c" }] } }
        upstream = { json = { d = 1.5 } }
        [case.expect]
        request = { headers = { content-type = "application/json" }, json = { a = [1, { b = "c" }] } }
        response = { headers = { content-type = "application/json" }, body = '{"d":1.5}' }
    "#;
    let outcome = cases(&idle, text, &[]);
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// Headers with which `tests/guests/calls.wat` asks `side` for `/a`.
const ASKS: &str = r#"upstreams = ["app", "side"]
request.headers = { x-evil = "r0", x-upstream = "side", x-target = "/a" }
"#;

#[test]
fn requests_of_the_plugins_own_are_expected_and_answered() {
    let text = r#"
        [[case]]
        name = "two"
        request.headers = { x-upstream = ["side", "app"], x-target = ["/a", "/b"] }
        [[case.calls]]
        upstream = "app"
        expect.path = "/b"
        answer.body = "two"
        [[case.calls]]
        upstream = "side"
        expect = { method = "GET", path = "/a", body = "" }
        answer = { status = 201, body = "one" }
        [case.expect]
        upstream = "app"
        request.path = "/"
        log = ["~code 201", "~code 200"]
        attributes = { 0 = "one", 1 = "two" }
        [[case]]
        name = "an upstream that breaks"
        calls = [{ upstream = "side", answer.fail = "unreachable" }]
        expect = { response.status = 200, log = ["~code -"] }
        [[case]]
        name = "an upstream that is late"
        calls = [{ upstream = "side", answer.fail = "timeout" }]
        expect = { response.status = 200, log = ["~code -"] }
    "#;
    let outcome = cases(&hostile("calls"), &format!("{ASKS}{text}"), &[]);
    assert!(outcome.is_ok(), "{}", outcome.text);
}

#[test]
fn a_request_of_the_plugins_own_that_is_not_expected_fails_the_case() {
    let outcome = cases(&hostile("calls"), &format!("{ASKS}[[case]]\nname = \"a\"\n"), &[]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.text.contains("GET /a reached the upstream \"side\""), "{}", outcome.text);
    let other =
        format!("{ASKS}[[case]]\nname = \"a\"\ncalls = [{{ upstream = \"side\", expect.path = \"/b\" }}]\n");
    let outcome = cases(&hostile("calls"), &other, &[]);
    assert!(outcome.code == Some(1) && outcome.text.contains("calls[0].expect.path"), "{}", outcome.text);
    let idle = module("(func (export \"gatewright_on_request\") (result i32) i32.const 0)");
    let outcome = cases(&idle, &other, &[]);
    assert!(outcome.code == Some(1) && outcome.text.contains("+ it does not"), "{}", outcome.text);
}

#[test]
fn what_a_plugin_counts_is_expected_by_its_series_and_begins_anew_in_each_case() {
    let once = r#"
        [[case]]
        name = "once"
        [case.expect.metrics]
        'hits_total{kind="a\"b"}' = 1.50
        hits_total = false
        level = 5
        size_bytes_sum = 3
        'size_bytes_bucket{le="2.5"}' = 0
        'size_bytes_bucket{le="+Inf"}' = 1
    "#;
    let again = r#"
        [[case]]
        name = "twice"
        [[case.step]]
        expect.metrics.size_bytes_count = 1
        [[case.step]]
        expect.metrics = { size_bytes_count = 2, level = "~^5$" }
    "#;
    let outcome = cases(&guest("counts"), &format!("{once}{again}"), &[]);
    assert!(outcome.is_ok(), "{}", outcome.text);
    let wrong = "[[case]]\nname = \"a\"\nexpect.metrics = { level = 6, none = 1 }\n";
    let outcome = cases(&guest("counts"), wrong, &[]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for words in [
        "cases.toml:3:28: metrics.level\n      - \"6\"\n      + \"5\"\n",
        "metrics.none\n      - \"1\"\n      + none\n",
    ] {
        assert!(outcome.text.contains(words), "{words} in {}", outcome.text);
    }
}

#[test]
fn ticks_happen_where_a_step_says_so() {
    let text = r#"
        [[case]]
        name = "they count in the store, and requests see it"
        config = { do = "n" }
        kv = { n = 4 }
        [[case.step]]
        tick = true
        expect = { kv = { n = 5 }, log = ["~code 1"] }
        [[case.step]]
        tick = true
        expect = { kv = { n = 6 }, log = ["~code 2"] }
        [[case.step]]
        expect.request.headers = { x-ticks = 6 }
        [[case]]
        name = "one that fails"
        config = { do = "r" }
        tick = true
        expect.error = "on_tick"
    "#;
    let outcome = cases(&guest("ticks"), text, &[]);
    assert!(outcome.is_ok(), "{}", outcome.text);
    let idle = module("(func (export \"gatewright_on_request\") (result i32) i32.const 0)");
    let outcome = cases(&idle, "[[case]]\nname = \"a\"\ntick = true\n", &[]);
    assert!(
        outcome.code == Some(1) && outcome.text.contains("it has not asked for ticks"),
        "{}",
        outcome.text
    );
}
