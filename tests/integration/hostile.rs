//! Guests that are broken or mean: each costs its own exchange only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::{Backend, Gateway, Message, Reply, Request, hostile, module};

/// The hooks and the letters by which a request asks a guest to misbehave in them, in the order of an exchange.
const HOOKS: [(&str, &str); 4] =
    [("r", "on_request"), ("d", "direct"), ("m", "modify_response"), ("s", "on_response")];

const KV: &str = r#"allow = ["kv"]
    limits = { time = "5s" }"#;

/// A gateway with one worker and one guest, which stands in all its roles on `/evil/*` and nowhere else.
struct Host {
    gateway: Gateway,
    app: Backend,
    asked: AtomicUsize,
}

/// An exchange that has ended.
struct Ended {
    response: Message,
    /// What the log says of it.
    lines: Vec<Value>,
}

impl Host {
    #[track_caller]
    fn of(guest: &str) -> Self {
        Self::with(hostile(guest), r#"limits = { time = "50ms" }"#)
    }

    #[track_caller]
    fn patient_with(guest: &str) -> Self {
        Self::with(hostile(guest), r#"limits = { time = "30s" }"#)
    }

    #[track_caller]
    fn with(guest: Vec<u8>, keys: &str) -> Self {
        let app = Backend::answering(|_| Reply::ok("from the app").with("x-app", "1"));
        let gateway = Gateway::with(
            r#"
            [upstream.app]
            endpoints = ["<app>"]
            [plugin.evil]
            file = "evil.wasm"
            <keys>
            [[route]]
            path = "/evil/*"
            upstream = "app"
            director = "evil"
            middleware = ["evil"]
            modify_response = ["evil"]
            [[route]]
            path = "/*"
            upstream = "app"
            "#,
        )
        .put("app", app.url())
        .put("keys", keys)
        .file("evil.wasm", guest)
        .workers(1)
        .start();
        Self { gateway, app, asked: AtomicUsize::new(0) }
    }

    /// An exchange in which the guest does what `evil` asks for.
    #[track_caller]
    fn ask(&self, evil: &str) -> Ended {
        self.send(Request::get(&self.target()).with("x-evil", evil))
    }

    fn target(&self) -> String {
        format!("/evil/{}", self.asked.fetch_add(1, Ordering::SeqCst))
    }

    #[track_caller]
    fn send(&self, request: Request) -> Ended {
        let response = self.gateway.ask(request.clone());
        let log = self.gateway.log();
        let access = log.access(request.target());
        let id = &access["request_id"];
        let lines = log.lines().into_iter().filter(|line| line["request_id"] == *id).collect();
        Ended { response, lines }
    }

    /// All that does not ask for trouble is served as ever, by instances that have not seen any.
    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.gateway.get("/other").text(), "from the app");
        let ended = self.send(Request::get(&self.target()));
        assert_eq!(ended.response.text(), "from the app");
        assert!(ended.codes().is_empty(), "an instance that failed is seen again");
    }
}

impl Ended {
    /// What the guest said, in order.
    fn codes(&self) -> Vec<i32> {
        let messages = self.lines.iter().filter_map(|line| line["message"].as_str());
        messages.filter_map(|message| message.strip_prefix("code ")?.parse().ok()).collect()
    }

    /// The gateway's own words about the failure of `hook`.
    #[track_caller]
    fn failure(&self, hook: &str) -> (&str, &str) {
        let begin = format!("plugin `evil`, {hook}: ");
        let named =
            |line: &&Value| line["message"].as_str().is_some_and(|message| message.starts_with(&begin));
        let mut found = self.lines.iter().filter(named);
        let line = found.next().unwrap_or_else(|| panic!("no failure of {hook} in {:#?}", self.lines));
        assert!(found.next().is_none(), "a failure is logged once: {:#?}", self.lines);
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["route"], "/evil/*");
        (line["kind"].as_str().unwrap(), line["message"].as_str().unwrap())
    }
}

/// In each hook the guest's `evil` ends its exchange with a 500, and nothing else. The log tells `kind` and `words`.
#[track_caller]
fn costs_its_own_exchange(host: &Host, case: &str, kind: &str, words: &str) {
    for (letter, hook) in HOOKS {
        let ended = host.ask(&format!("{letter}{case}"));
        assert_eq!(ended.response.status(), 500, "{hook} {case}");
        assert!(!ended.response.has("x-app"), "nothing of the upstream's response is left");
        let (logged, message) = ended.failure(hook);
        assert_eq!(logged, kind, "{message}");
        assert!(message.contains(words), "{words:?} is not in {message:?}");
        host.is_well();
    }
}

#[test]
fn a_trap_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("traps"), "0", "trap", "unreachable");
}

#[test]
fn a_division_by_zero_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("divides_by_zero"), "0", "trap", "divide by zero");
}

#[test]
fn a_call_of_nothing_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("calls_nothing"), "0", "trap", "uninitialized element");
}

#[test]
fn an_endless_loop_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("loops"), "0", "deadline", "time budget of 50 ms");
}

#[test]
fn an_endless_loop_of_host_calls_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("loops_in_calls"), "0", "deadline", "time budget of 50 ms");
}

#[test]
fn an_endless_recursion_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("recurses"), "0", "trap", "call stack exhausted");
}

#[test]
fn memory_without_end_costs_its_own_exchange() {
    let host = Host::with(hostile("grows"), r#"limits = { memory = "1MiB", time = "30s" }"#);
    costs_its_own_exchange(&host, "0", "memory", "1048576 bytes");
}

#[test]
fn four_gigabytes_at_once_cost_their_own_exchange() {
    costs_its_own_exchange(&Host::of("grows_at_once"), "0", "memory", "16777216 bytes");
}

#[test]
fn a_guest_that_gets_no_more_memory_may_go_on() {
    let host = Host::patient_with("grows");
    for (letter, hook) in HOOKS {
        assert_eq!(host.ask(&format!("{letter}1")).response.status(), 200, "{hook}");
    }
}

#[test]
fn a_limit_that_was_met_once_is_not_the_reason_of_every_later_trap() {
    let host = Host::patient_with("grows");
    assert_eq!(host.ask("r1").response.status(), 200);
    assert_eq!(host.ask("r2").failure("on_request").0, "trap");
}

#[test]
fn a_reason_is_forgotten_when_the_hook_went_well_after_all() {
    let host = Host::of("fails");
    assert_eq!(host.ask("r3").response.status(), 200);
    let later = host.ask("r1");
    assert!(later.failure("on_request").1.contains("gave no reason"), "another exchange's words");
}

#[test]
fn a_read_outside_of_memory_costs_its_own_exchange() {
    costs_its_own_exchange(&Host::of("reads_out_of_bounds"), "0", "trap", "out of bounds memory access");
}

#[test]
fn pointers_out_of_bounds_cost_their_own_exchange() {
    let host = Host::of("points_out_of_bounds");
    for case in 0..10 {
        costs_its_own_exchange(&host, &case.to_string(), "trap", "outside its memory");
    }
}

#[test]
fn pointers_to_the_edge_of_memory_are_in_bounds() {
    let host = Host::of("points_to_the_edge");
    for (letter, hook) in HOOKS {
        assert_eq!(host.ask(letter).codes(), [0, 0, 0], "{hook}");
    }
}

#[test]
fn overlapping_pointers_do_what_separate_ones_would() {
    let host = Host::of("overlaps");
    for letter in ["r", "d"] {
        let request =
            Request::get(&host.target()).with("x-evil", letter).with("x-longer-name-than-value", "short");
        assert_eq!(host.send(request).codes(), [5, 0, 0, 0]);
        let received = host.app.received();
        assert_eq!(received.get("x-copy"), Some("short"));
        assert_eq!(received.all("x-same"), ["x-same", "same"]);
    }
}

#[test]
fn absurd_lengths_are_refused() {
    let host = Host::patient_with("absurd_lengths");
    for letter in ["r", "d"] {
        let ended = host.ask(letter);
        assert_eq!(ended.response.status(), 200);
        let [name, path, first, .., last] = ended.codes()[..] else { panic!("{:?}", ended.codes()) };
        assert!(name < 0 && path == -4, "{name} {path}");
        assert_eq!((first, last), (0, -4));
    }
    assert!(host.app.requests().iter().all(|request| request.target().len() < 100));
}

#[test]
fn invalid_names_and_values_are_refused() {
    let host = Host::of("invalid_fields");
    for letter in ["r", "d"] {
        assert_eq!(host.ask(letter).codes(), [-2; 10]);
        let received = host.app.received();
        assert!(!received.has("x-good") && !received.has("evil") && !received.has("x-a"), "{received:?}");
    }
}

#[test]
fn invalid_parts_of_a_request_are_refused() {
    let host = Host::of("invalid_parts");
    for letter in ["r", "d"] {
        let codes = host.ask(letter).codes();
        assert_eq!(codes, [-2, -2, -2, -2, -2, -2, -2, -2, -3, -2, -2, -2, -2, -3, -3]);
        let received = host.app.received();
        assert!(received.start.starts_with("GET /evil/"), "{}", received.start);
        assert_eq!(received.all("host"), ["gateway.test"]);
    }
}

#[test]
fn fields_that_frame_a_message_are_the_gateways() {
    let host = Host::of("sets_framing");
    for evil in ["r0", "d0", "m1", "s1"] {
        let ended = host.ask(evil);
        assert_eq!(ended.codes(), [-3; 21], "{evil}");
        assert_eq!(ended.response.text(), "from the app");
        assert_eq!(ended.response.all("content-length"), ["12"]);
        let received = host.app.received();
        assert!(!received.has("content-length") && !received.has("transfer-encoding"), "{received:?}");
    }
}

#[test]
fn the_host_can_be_changed_but_neither_removed_nor_doubled() {
    let host = Host::of("removes_host");
    for letter in ["r", "d"] {
        assert_eq!(host.ask(letter).codes(), [-3, -3]);
        assert_eq!(host.app.received().all("host"), ["gateway.test"]);
    }
}

#[test]
fn a_hundred_thousand_headers_are_stopped_at_the_limit() {
    let host = Host::patient_with("floods");
    for evil in ["r0", "d0", "m1", "s1"] {
        let ended = host.ask(evil);
        let [room, code] = ended.codes()[..] else { panic!("{:?}", ended.codes()) };
        assert!((1..=256).contains(&room), "{evil}: {room}");
        assert_eq!((code, ended.response.status()), (-4, 200), "{evil}");
        let fields = host.app.received().fields.len().max(ended.response.fields.len());
        assert!(fields <= 300, "{evil}: {fields}");
    }
    host.is_well();
}

#[test]
fn only_the_first_of_two_answers_counts() {
    let host = Host::of("answers_twice");
    for letter in ["r", "d"] {
        let ended = host.ask(&format!("{letter}0"));
        assert_eq!(ended.codes(), [0, -5]);
        assert_eq!((ended.response.status(), ended.response.text().as_str()), (201, "first"));
    }
    assert!(host.app.requests().is_empty());
}

#[test]
fn an_answer_counts_only_if_the_hook_ends_well_and_says_so() {
    let host = Host::of("answers_twice");
    for letter in ["r", "d"] {
        assert_eq!(host.ask(&format!("{letter}1")).response.status(), 500, "it trapped");
        let went_on = host.ask(&format!("{letter}2"));
        assert_eq!(went_on.response.text(), "from the app", "it went on");
        host.gateway.get("/other");
    }
}

#[test]
fn answers_that_cannot_be_are_refused() {
    let host = Host::of("answers_nonsense");
    for letter in ["r", "d"] {
        let ended = host.ask(letter);
        assert_eq!(ended.codes(), [-2, -2, -2, -2, -3, -2, -2, -2, -4]);
        assert_eq!(ended.response.text(), "from the app");
    }
}

#[test]
fn pointers_of_the_key_value_store_out_of_bounds_cost_their_own_exchange() {
    let host = Host::with(hostile("kv_out_of_bounds"), KV);
    for case in 0..9 {
        costs_its_own_exchange(&host, &case.to_string(), "trap", "outside its memory");
    }
    assert_eq!(host.ask("r9").codes(), [-1], "a call that trapped has counted nothing");
}

#[test]
fn entries_at_the_limits_are_kept_and_those_beyond_refused() {
    let host = Host::with(hostile("kv_limits"), KV);
    for (letter, hook) in HOOKS {
        let codes = host.ask(letter).codes();
        let [limits, beyond, counts, swaps] = [&codes[..3], &codes[3..13], &codes[13..23], &codes[23..]];
        assert_eq!(limits, [0, 65_536, 0], "{hook}");
        assert_eq!(beyond, [-2, -2, -2, -2, -2, -2, -2, -2, -1, -1], "{hook}");
        assert_eq!(counts, [0, 40, 0, 42, -2, 0, 0, -2, 0, 0], "{hook}");
        assert_eq!(swaps, [0, 1, 0, 1, 0], "{hook}");
    }
}

#[test]
fn a_store_that_was_filled_refuses_more_and_the_gateway_goes_on() {
    let keys = r#"allow = ["kv"]
        kv = { max_bytes = "1MiB" }
        limits = { time = "5s" }"#;
    let host = Host::with(hostile("kv_fills"), keys);
    assert_eq!(host.ask("r").codes(), [15, -4]);
    assert_eq!(host.ask("s").codes(), [15, -4], "what is there can be written again");
    host.is_well();
}

#[test]
fn codes_that_mean_nothing_cost_their_own_exchange() {
    let host = Host::of("returns_nonsense");
    costs_its_own_exchange_but_not_the_instance(&host, "0", "returned 7");
    costs_its_own_exchange_but_not_the_instance(&host, "1", "returned 2147483647");
    costs_its_own_exchange_but_not_the_instance(&host, "2", "returned 1");
}

/// The guest came back by itself: whether its instance is used again is the gateway's choice.
#[track_caller]
fn costs_its_own_exchange_but_not_the_instance(host: &Host, case: &str, words: &str) {
    for (letter, hook) in HOOKS {
        let ended = host.ask(&format!("{letter}{case}"));
        assert_eq!(ended.response.status(), 500, "{hook} {case}");
        let (kind, message) = ended.failure(hook);
        assert_eq!(kind, "contract", "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(host.gateway.get("/other").text(), "from the app");
    }
}

#[test]
fn a_failure_is_a_bad_gateway_from_modify_response_and_an_error_elsewhere() {
    let host = Host::of("fails");
    for (letter, hook) in HOOKS {
        let expected = if letter == "m" { 502 } else { 500 };
        let ended = host.ask(&format!("{letter}0"));
        assert_eq!(ended.response.status(), expected, "{hook}");
        assert!(!ended.response.text().contains("cheese"), "the reason is not the client's business");
        let (kind, message) = ended.failure(hook);
        assert_eq!(kind, "refused");
        assert!(message.ends_with("out of cheese"), "{message}");
        let silent = host.ask(&format!("{letter}1"));
        assert!(silent.failure(hook).1.contains("gave no reason"));
        host.is_well();
    }
}

#[test]
fn a_guests_words_stay_on_their_own_line_of_the_log() {
    let host = Host::of("fails");
    let ended = host.ask("r2");
    assert!(ended.failure("on_request").1.ends_with(r#"one {"level":"INFO"}"#));
    let host = Host::of("logs");
    let ended = host.ask("r0");
    assert_eq!(ended.response.status(), 500, "the last call was refused, with a negative code");
    let lines = host.gateway.log().lines();
    let said = lines.iter().filter(|line| line["plugin"] == "evil").count();
    assert!((1..=64).contains(&said), "{said} lines of one call");
    assert!(lines.iter().all(|line| line["message"] != "forged"));
}

#[test]
fn calls_of_the_other_phase_are_refused() {
    let host = Host::of("wrong_phase");
    for evil in ["r0", "d0", "m1", "s1"] {
        let ended = host.ask(evil);
        assert_eq!(ended.codes(), [-3; 7], "{evil}");
        assert_eq!(ended.response.text(), "from the app");
    }
    assert!(host.app.requests().iter().all(|request| !request.has("x-a")));
}

#[test]
fn only_a_director_directs() {
    let host = Host::of("directs_nowhere");
    assert_eq!(host.ask("r0").codes(), [-3]);
    assert_eq!(host.ask("r1").codes(), [-3]);
    host.is_well();
}

#[test]
fn a_director_that_chooses_what_there_is_not_is_a_bad_gateway() {
    let host = Host::of("directs_nowhere");
    for (evil, words) in [("d0", "no such upstream: nowhere"), ("d1", "no endpoint http://127.0.0.1:1")] {
        let ended = host.ask(evil);
        assert_eq!((ended.codes().as_slice(), ended.response.status()), (&[0][..], 502));
        assert!(ended.lines.iter().any(|line| line["message"].as_str().is_some_and(|m| m.contains(words))));
    }
    let ended = host.ask("d2");
    assert_eq!((ended.codes().as_slice(), ended.response.status()), (&[-2][..], 200));
}

#[test]
fn a_status_that_would_break_the_framing_is_refused() {
    let host = Host::of("sets_status");
    for letter in ["m", "s"] {
        let ended = host.ask(letter);
        assert_eq!(ended.codes(), [-3, -3, -2, -2, -2, 0]);
        assert_eq!((ended.response.status(), ended.response.text().as_str()), (418, "from the app"));
    }
}

#[test]
fn others_are_served_by_the_same_worker_while_a_guest_loops() {
    let host = Host::with(hostile("loops"), r#"limits = { time = "3s" }"#);
    thread::scope(|scope| {
        let looping = scope.spawn(|| host.ask("r"));
        host.gateway.log().says("code 1");
        for _ in 0..10 {
            host.is_well();
        }
        let lines = host.gateway.log().lines();
        let stopped = lines.iter().any(|line| line["kind"] == "deadline");
        assert!(!stopped, "the loop was still running meanwhile");
        assert_eq!(looping.join().unwrap().response.status(), 500);
    });
}

#[test]
fn many_loops_at_once_cost_nobody_else_anything() {
    let host = Host::with(hostile("loops"), r#"limits = { time = "100ms", failures = 0 }"#);
    thread::scope(|scope| {
        let letters = HOOKS.iter().cycle().map(|(letter, _)| letter).take(20);
        let loops: Vec<_> =
            letters.map(|letter| scope.spawn(|| host.ask(letter).response.status())).collect();
        for _ in 0..10 {
            host.is_well();
        }
        for looping in loops {
            assert_eq!(looping.join().unwrap(), 500);
        }
    });
    host.is_well();
}

#[test]
fn a_client_that_goes_away_frees_a_guest_that_loops() {
    let host = Host::with(hostile("loops"), r#"limits = { time = "8760h" }"#);
    let mut client = host.gateway.connect();
    client.send(Request::get("/evil/x").with("x-evil", "r").bytes());
    host.gateway.log().says("code 1");
    drop(client);
    crate::support::eventually("the instance is thrown away", || host.gateway.instances("evil") == 0);
    host.is_well();
}

#[test]
fn a_guest_is_not_entered_in_hooks_it_does_not_have() {
    let guest = module(
        r#"(func (export "gatewright_on_response") (result i32) (call $say (i32.const 5)) (i32.const 0))"#,
    );
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.half]
        file = "half.wasm"
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["half"]
        "#,
    )
    .put("app", app.url())
    .file("half.wasm", guest)
    .start();
    assert_eq!(gateway.get("/").text(), "app");
    gateway.log().says("code 5");
}

#[test]
fn random_bytes_differ_and_are_bounded() {
    let host = Host::of("random");
    for (letter, hook) in HOOKS {
        assert_eq!(host.ask(letter).codes(), [0, 0, 0, 0, -4, 1], "{hook}");
    }
    for case in 1..=2 {
        costs_its_own_exchange(&host, &case.to_string(), "trap", "outside its memory");
    }
}
