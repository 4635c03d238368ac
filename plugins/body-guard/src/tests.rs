use gatewright_sdk::testing::{self, Outcome, TestRequest};

use super::*;

fn order() -> BodyGuard {
    testing::load(json!({ "schema": {
        "title": "an order",
        "type": "object",
        "required": ["item", "count"],
        "additionalProperties": false,
        "properties": {
            "item": { "type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$" },
            "count": { "type": "integer", "minimum": 1, "exclusiveMaximum": 10 },
            "kind": { "enum": ["a", 1, null] },
            "notes/~": { "type": ["array", "null"], "maxItems": 2, "items": { "type": "string" } },
        },
    } }))
    .unwrap()
}

fn post(body: &str) -> TestRequest {
    testing::request("POST", "/").header("content-type", "application/json; charset=utf-8").body(body)
}

fn refused(outcome: &Outcome) -> (u16, Value) {
    let answer = outcome.answer().unwrap();
    (answer.status(), gatewright_sdk::serde_json::from_slice(answer.body()).unwrap())
}

#[test]
fn what_keeps_to_the_schema_passes() {
    for body in [
        r#"{"item":"tea","count":3}"#,
        r#" {"item":"été","count":1.0,"kind":1.0,"notes/~":["x","y"]} "#,
        r#"{"item":"tea","count":9,"kind":null,"notes/~":null}"#,
    ] {
        let outcome = post(body).run(&order()).unwrap();
        let passes = !body.contains('é');
        assert_eq!(outcome.answer().is_none(), passes, "{body}: {:?}", outcome.answer());
    }
}

#[test]
fn what_does_not_is_told_where_it_is_wrong() {
    for (body, problems) in [
        (r#"[]"#, json!([{ "at": "", "problem": "must be object" }])),
        (
            r#"{"count":0,"extra":1}"#,
            json!([
                { "at": "", "problem": "`item` is missing" },
                { "at": "/count", "problem": "must be at least 1" },
                { "at": "/extra", "problem": "must not be there" },
            ]),
        ),
        (
            r#"{"item":"X","count":10}"#,
            json!([
                { "at": "/count", "problem": "must be less than 10" },
                { "at": "/item", "problem": "must be at least 2 characters" },
                { "at": "/item", "problem": "must match `^[a-z]+$`" },
            ]),
        ),
        (
            r#"{"item":"tea","count":1.5,"kind":"b","notes/~":["x",2,"z"]}"#,
            json!([
                { "at": "/count", "problem": "must be integer" },
                { "at": "/kind", "problem": "is none of the values it may be" },
                { "at": "/notes~1~0", "problem": "must be at most 2 items" },
                { "at": "/notes~1~0/1", "problem": "must be string" },
            ]),
        ),
    ] {
        let (status, answer) = refused(&post(body).run(&order()).unwrap());
        assert_eq!(status, 422);
        assert_eq!(answer["problems"], problems, "{body}");
    }
}

#[test]
fn no_more_than_the_first_problems_are_told() {
    let plugin: BodyGuard = testing::load(json!({ "schema": { "items": { "type": "null" } } })).unwrap();
    let (_, answer) = refused(&post(&format!("[{}1]", "1,".repeat(10_000))).run(&plugin).unwrap());
    assert_eq!(answer["problems"].as_array().unwrap().len(), 16);
}

#[test]
fn what_is_no_json_is_400() {
    for body in ["", "{", "{'a':1}", r#"{"item":"tea","item":"tee","count":1}"#] {
        let (status, answer) = refused(&post(body).run(&order()).unwrap());
        assert_eq!(status, 400);
        assert!(answer["error"].as_str().unwrap().starts_with("the body is not JSON: "), "{answer}");
    }
}

#[test]
fn another_media_type_is_415() {
    let request = || testing::request("POST", "/").body(r#"{"item":"tea","count":3}"#);
    for request in [
        request(),
        request().header("content-type", "text/plain"),
        request().header("content-type", "application/jsonx"),
        request().header("content-type", "application/json").header("content-type", "text/plain"),
    ] {
        let (status, answer) = refused(&request.run(&order()).unwrap());
        assert_eq!(status, 415);
        assert_eq!(answer, json!({ "error": "the body must be application/json" }));
    }
    assert!(request().header("content-type", "Application/JSON").run(&order()).unwrap().answer().is_none());
}

#[test]
fn methods_without_a_body_pass_but_a_body_is_always_looked_at() {
    assert!(testing::request("GET", "/").run(&order()).unwrap().answer().is_none());
    let outcome = testing::request("DELETE", "/").header("content-type", "application/json").body("{}");
    assert_eq!(refused(&outcome.run(&order()).unwrap()).0, 422);
}

#[test]
fn a_schema_that_is_not_understood_is_refused_at_load() {
    for (schema, why) in [
        (json!(1), "schema: must be an object or a boolean"),
        (json!({ "type": "text" }), "schema: type: `text` is not a type"),
        (json!({ "oneOf": [] }), "schema: oneOf: is not among the keywords that this plugin knows"),
        (
            json!({ "properties": { "a": { "minLength": -1 } } }),
            "schema: properties: a: minLength: must be a whole number, 0 or more",
        ),
        (json!({ "required": "a" }), "schema: required: must be an array of strings"),
    ] {
        let error = testing::load::<BodyGuard>(json!({ "schema": schema })).err().unwrap();
        assert_eq!(error.to_string(), why);
    }
    assert!(testing::load::<BodyGuard>(json!({ "schema": { "pattern": "(" } })).is_err());
}
