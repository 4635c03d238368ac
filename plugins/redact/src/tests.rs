use gatewright_sdk::serde_json::Value;
use gatewright_sdk::testing::{self, Outcome};

use super::*;

fn redact(config: Value) -> Redact {
    testing::load(config).unwrap()
}

fn rules() -> Redact {
    redact(json!({ "rules": [
        { "text": "s3cr.t", "with": "***" },
        { "pattern": r"\b[0-9]{4}(?:-?[0-9]{4}){3}\b", "with": "[card]" },
        { "pattern": "key=[a-f0-9]{2,8}", "with": "key=" },
    ] }))
}

fn through(plugin: &Redact, pieces: &[&[u8]]) -> Outcome {
    let request = testing::request("GET", "/").upstream_header("content-type", "text/plain; charset=utf-8");
    request.upstream_body_pieces(pieces.iter().copied()).run(plugin).unwrap()
}

const BODY: &str =
    "s3cr.t, s3crXt, 1234-5678-1234-5678 1234567812345678x 11234567812345678 key=abcdef0123 key=x s3cr.";
const CLEAN: &str = "***, s3crXt, [card] 1234567812345678x 11234567812345678 key=23 key=x s3cr.";

#[test]
fn secrets_are_taken_out() {
    assert_eq!(through(&rules(), &[BODY.as_bytes()]).response_text(), Some(CLEAN));
}

#[test]
fn it_does_not_matter_where_pieces_end() {
    let plugin = rules();
    for cut in 0..BODY.len() {
        let (a, b) = BODY.as_bytes().split_at(cut);
        assert_eq!(through(&plugin, &[a, b]).response_text(), Some(CLEAN), "cut at {cut}");
    }
    for size in 1..8 {
        let pieces: Vec<_> = BODY.as_bytes().chunks(size).collect();
        assert_eq!(through(&plugin, &pieces).response_text(), Some(CLEAN), "pieces of {size}");
    }
}

#[test]
fn no_more_is_held_back_than_the_longest_match_needs() {
    let plugin = redact(json!({ "rules": [{ "text": "12345" }] }));
    let outcome = through(&plugin, &[b"0123456789abcdef", b"ghijkl"]);
    assert_eq!(outcome.response_pieces(), [&b"0[redacted]6789a"[..], b"bcdefg", b"hijkl"]);
}

#[test]
fn beginning_and_end_of_the_body_are_where_they_are() {
    let plugin =
        redact(json!({ "rules": [{ "pattern": "^aa" }, { "pattern": "bb$" }], "ignore_case": true }));
    let outcome = through(&plugin, &[b"A", b"abb", b"aa", b"bB", b"BB"]);
    assert_eq!(outcome.response_text(), Some("[redacted]bbaabB[redacted]"));
}

#[test]
fn the_first_rule_that_fits_counts() {
    let plugin = redact(json!({ "rules": [
        { "text": "ab", "with": "1" }, { "text": "abc", "with": "2" }, { "text": "bcd", "with": "3" },
    ] }));
    assert_eq!(through(&plugin, &[b"abcd bcd"]).response_text(), Some("1cd 3"));
}

#[test]
fn bytes_that_are_no_text_pass() {
    let plugin = redact(json!({ "rules": [{ "text": "é" }] }));
    assert_eq!(through(&plugin, &[b"\xff\xc3", b"\xa9\x00\xc3"]).response_body(), b"\xff[redacted]\x00\xc3");
}

#[test]
fn bodies_of_other_types_are_not_looked_at() {
    for (content_type, is_looked_at) in [
        (Some("text/html"), true),
        (Some("TEXT/HTML;charset=x"), true),
        (Some("application/json"), true),
        (Some("application/jsonl"), false),
        (Some("image/png"), false),
        (None, false),
    ] {
        let mut request =
            testing::request("GET", "/").upstream_body("s3cr.t").upstream_header("etag", "\"1\"");
        if let Some(content_type) = content_type {
            request = request.upstream_header("content-type", content_type);
        }
        let outcome = request.run(&rules()).unwrap();
        assert_eq!(outcome.response_text() == Some("***"), is_looked_at, "{content_type:?}");
        assert_eq!(outcome.response_header("etag").is_none(), is_looked_at);
    }
}

#[test]
fn what_makes_no_sense_is_refused_at_load() {
    for (rules, why) in [
        (json!([]), "rules: without any there is nothing to do"),
        (json!([{}]), "rules: each has either `text` or `pattern`"),
        (json!([{ "text": "a", "pattern": "a" }]), "rules: each has either `text` or `pattern`"),
        (json!([{ "text": "" }]), "rules: `` matches the empty text"),
        (json!([{ "pattern": "a*b?" }]), "rules: `a*b?` matches the empty text"),
        (
            json!([{ "pattern": "[0-9]+" }]),
            "rules: `[0-9]+` has no longest match; say how often at most, as in `[0-9]{4,19}`",
        ),
        (json!([{ "pattern": "a{4097}" }]), "rules: `a{4097}` has matches of more than 4096 bytes"),
    ] {
        let error = testing::load::<Redact>(json!({ "rules": rules })).err().unwrap();
        assert_eq!(error.to_string(), why);
    }
    assert!(testing::load::<Redact>(json!({ "rules": [{ "pattern": "(" }] })).is_err());
}
