//! What a plugin may use beside time and memory: instances, calls, failures in a row, and lines of the log.

use std::thread;

use serde_json::Value;

use crate::support::{Backend, Gateway, Message, Request, eventually, hostile, module};

/// A gateway before one backend, with a middleware on every request.
#[track_caller]
fn gateway(guest: &[u8], keys: &str, workers: usize) -> (Gateway, Backend) {
    let app = Backend::named("app");
    let gateway = Gateway::through(guest, keys, app.url()).workers(workers).start();
    (gateway, app)
}

/// A middleware with this request phase.
fn on_request(body: &str) -> Vec<u8> {
    module(&format!(
        r#"(global $n (mut i32) (i32.const 0))
        (data (i32.const 1024) "x-evil")
        (func $is_asked (result i32)
          (i32.ge_s (call $head_get (i32.const 0) (i32.const 1024) (i32.const 6) (i32.const 0)
                                    (i32.const 1040) (i32.const 8)) (i32.const 0)))
        (func (export "gatewright_on_request") (result i32) {body} (i32.const 0))"#
    ))
}

/// Says 7 whenever it is entered, and traps where it is asked to.
fn traps_if_asked() -> Vec<u8> {
    on_request("(call $say (i32.const 7)) (if (call $is_asked) (then unreachable))")
}

fn evil() -> Request {
    Request::get("/evil").with("x-evil", "r0")
}

/// What the guest has said so far, in order.
fn said(gateway: &Gateway) -> Vec<i32> {
    let code = |line: &Value| line["message"].as_str()?.strip_prefix("code ")?.parse().ok();
    gateway.log().lines().iter().filter_map(code).collect()
}

fn lines_with(gateway: &Gateway, words: &str) -> Vec<Value> {
    let holds = |line: &Value| line["message"].as_str().is_some_and(|message| message.contains(words));
    gateway.log().lines().into_iter().filter(holds).collect()
}

/// What the guest says in `count` requests, one after the other on one connection.
#[track_caller]
fn says_in(gateway: &Gateway, count: usize) -> Vec<i32> {
    let mut client = gateway.connect();
    for _ in 0..count {
        assert_eq!(client.ask(Request::get("/")).status(), 200);
    }
    eventually("the guest's words are in the log", || said(gateway).len() >= count);
    said(gateway)
}

#[test]
fn an_instance_is_replaced_after_its_calls() {
    let counts =
        on_request("(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $say (global.get $n))");
    let (gateway, _app) = gateway(&counts, "limits = { calls = 3 }", 1);
    assert_eq!(says_in(&gateway, 8), [1, 2, 3, 1, 2, 3, 1, 2]);
    assert_eq!(gateway.instances("guest"), 1);
}

#[test]
fn zero_calls_are_no_limit() {
    let counts =
        on_request("(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $say (global.get $n))");
    let (gateway, _app) = gateway(&counts, "limits = { calls = 0 }", 1);
    assert_eq!(says_in(&gateway, 5), [1, 2, 3, 4, 5]);
}

#[test]
fn an_instance_whose_memory_has_grown_near_the_limit_is_replaced() {
    let grows = on_request("(drop (memory.grow (i32.const 1))) (call $say (memory.size))");
    let (gateway, _app) = gateway(&grows, r#"limits = { memory = "640KiB" }"#, 1);
    assert_eq!(says_in(&gateway, 8), [3, 4, 5, 6, 7, 8, 3, 4], "10 pages are the limit");
}

#[test]
fn an_instance_that_begins_near_the_limit_is_kept() {
    let counts =
        on_request("(global.set $n (i32.add (global.get $n) (i32.const 1))) (call $say (global.get $n))");
    let (gateway, _app) = gateway(&counts, r#"limits = { memory = "128KiB" }"#, 1);
    assert_eq!(says_in(&gateway, 3), [1, 2, 3]);
}

#[test]
fn a_call_for_which_there_may_be_no_more_instances_is_unavailable() {
    let (gateway, _app) = gateway(&hostile("loops"), r#"limits = { instances = 1, time = "8760h" }"#, 1);
    let mut looping = gateway.connect();
    looping.send(evil().bytes());
    gateway.log().says("code 1");
    assert_eq!(gateway.get("/other").status(), 503);
    let line = gateway.log().says("all 1 instances that it may have are in use");
    assert_eq!((&line["kind"], &line["status"]), (&"instances".into(), &503.into()));
    drop(looping);
    eventually("the instance is free", || gateway.get("/other").status() == 200);
}

#[test]
fn a_plugin_that_may_be_skipped_is_where_it_has_no_instance() {
    let keys = "limits = { instances = 1, time = \"8760h\" }\non_error = \"skip\"";
    let (gateway, _app) = gateway(&hostile("loops"), keys, 1);
    let mut looping = gateway.connect();
    looping.send(evil().bytes());
    gateway.log().says("code 1");
    assert_eq!(gateway.get("/other").text(), "app");
    gateway.log().says("skipped: plugin `guest`, on_request: all 1 instances");
}

#[test]
fn an_idle_instance_is_given_up_where_another_worker_finds_none() {
    let (gateway, _app) = gateway(&on_request(""), "limits = { instances = 1 }", 2);
    // Whichever worker has the one instance, the other's turn comes.
    for _ in 0..6 {
        let mut client = gateway.connect();
        eventually("its worker has an instance", || client.ask(Request::get("/")).status() == 200);
    }
}

#[test]
fn a_plugin_that_keeps_failing_is_left_alone_and_tried_again() {
    let (gateway, _app) = gateway(&traps_if_asked(), "limits = { failures = 3 }", 2);
    for _ in 0..3 {
        assert_eq!(gateway.ask(evil()).status(), 500);
    }
    assert_eq!(status(&gateway)["tripped"], true);
    assert_eq!(gateway.get("/").status(), 500, "also for those that would do well");
    eventually("it works again", || gateway.get("/").status() == 200);
    gateway.log().says("works again");
    assert_eq!(status(&gateway)["tripped"], false);
    let line = gateway.log().says("tripped");
    assert_eq!((&line["plugin"], &line["failures"]), (&"guest".into(), &3.into()));
    assert_eq!(lines_with(&gateway, "tripped").len(), 1, "it is said once");
    assert_eq!(lines_with(&gateway, "works again").len(), 1);
    assert_eq!(lines_with(&gateway, "plugin `guest`, on_request").len(), 3, "those that were entered");
    assert_eq!(said(&gateway), [7; 4], "and the one that tried it");
}

fn status(gateway: &Gateway) -> Value {
    gateway.status()["plugins"][0].clone()
}

#[test]
fn a_plugin_that_may_be_skipped_is_not_entered_while_it_is_tripped() {
    let keys = "limits = { failures = 3 }\non_error = \"skip\"";
    let (gateway, _app) = gateway(&traps_if_asked(), keys, 1);
    for _ in 0..3 {
        assert_eq!(gateway.ask(evil()).text(), "app");
    }
    gateway.log().says("tripped");
    let before = said(&gateway).len();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/")).text(), "app");
    assert_eq!((before, said(&gateway).len()), (3, 3));
}

#[test]
fn what_a_guest_refuses_on_purpose_does_not_trip_it() {
    let fails = module(r#"(func (export "gatewright_on_request") (result i32) (i32.const -1))"#);
    let (gateway, _app) = gateway(&fails, "limits = { failures = 3 }", 1);
    for _ in 0..10 {
        gateway.get("/");
    }
    assert_eq!(status(&gateway)["tripped"], false);
    eventually("all ten are in the log", || lines_with(&gateway, "gave no reason").len() == 10);
}

/// Asks until `of` counts what was written and what was left out together to `all`.
#[track_caller]
fn adds_up(gateway: &Gateway, written: &str, left_out: &str, all: usize) {
    let left_out =
        || -> u64 { lines_with(gateway, left_out).iter().map(|line| line["lines"].as_u64().unwrap()).sum() };
    eventually("every line is written or counted", || {
        lines_with(gateway, written).len() as u64 + left_out() == all as u64
    });
    assert!(left_out() > 0, "all {all} were written");
}

#[track_caller]
fn ask_often(gateway: &Gateway, request: &Request, count: usize) -> Vec<Message> {
    let mut client = gateway.connect();
    (0..count).map(|_| client.ask(request.clone())).collect()
}

#[test]
fn a_plugins_lines_are_bounded_and_what_was_left_out_is_counted() {
    let chatters = on_request(
        "(local $left i32) (local.set $left (i32.const 60))
        (loop $next
          (call $say (i32.const 7))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $next (local.get $left)))",
    );
    let (gateway, _app) = gateway(&chatters, r#"limits = { time = "1s" }"#, 1);
    let answers = ask_often(&gateway, &Request::get("/"), 100);
    assert!(answers.iter().all(|answer| answer.status() == 200), "the guest does not notice");
    adds_up(&gateway, "code 7", "lines of its own were left out", 6000);
    assert_eq!(gateway.log().lines().iter().filter(|line| line["target"] == "access").count(), 100);
}

#[test]
fn what_is_said_of_a_plugins_failures_is_bounded_too() {
    for (on_error, words) in [("fail", "plugin `guest`, on_request"), ("skip", "skipped: plugin `guest`")] {
        let keys = format!("limits = {{ failures = 0 }}\non_error = \"{on_error}\"");
        let (gateway, _app) = gateway(&traps_if_asked(), &keys, 1);
        thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| ask_often(&gateway, &evil(), 100))));
        });
        adds_up(&gateway, words, "lines of its failures were left out", 400);
    }
}
