//! What holds of a request's fields whatever the client sends, against a plain reading of the rules.

use super::*;
use crate::exchange::Exchange;

const NAMES: [&str; 18] = [
    "connection",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "trailer",
    "host",
    "expect",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-one",
    "x-two",
];

/// Items of a list, well written or not.
const ITEMS: [&str; 17] = [
    "close",
    "Upgrade",
    "X-One",
    "x-two",
    "TE",
    "trailers",
    "gzip",
    "host",
    "Content-Length",
    "x-forwarded-for",
    "X-Forwarded-Proto",
    "x-forwarded-host",
    "",
    "no name",
    "10.0.0.9",
    "trailers;q=0",
    "keep-alive",
];

fn one_of<T: Copy>(choices: &[T]) -> T {
    choices[fastrand::usize(..choices.len())]
}

/// A value that is a list, with white space as it comes.
fn value() -> String {
    let item = |_| format!("{}{}{}", one_of(&["", " ", "\t"]), one_of(&ITEMS), one_of(&["", " "]));
    (0..fastrand::usize(1..4)).map(item).collect::<Vec<_>>().join(",").trim().to_owned()
}

fn request() -> RequestHead {
    let mut head = Exchange::vacant().request;
    head.version = one_of(&[Version::HTTP_10, Version::HTTP_11, Version::HTTP_2]);
    head.headers = HeaderMap::new();
    for _ in 0..fastrand::usize(..12) {
        head.headers.append(one_of(&NAMES), value().parse().unwrap());
    }
    head
}

/// All values of a field, in their order.
fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The items of all values of a field, in lower case.
fn items(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = all(headers, name);
    values.iter().flat_map(|value| value.split(',')).map(|item| item.trim().to_ascii_lowercase()).collect()
}

/// What a field must be in the request that goes out.
fn expected(sent: &RequestHead, name: &str, client: &str, scheme: Scheme, trusted: bool) -> Vec<String> {
    let headers = &sent.headers;
    // What `Connection` names is the connection's; the host is not, since the request was routed by it.
    let is_named =
        |name: &str| name != "host" && items(headers, "connection").iter().any(|item| item == name);
    let kept = |name: &str| if is_named(name) { Vec::new() } else { all(headers, name) };
    match name {
        "connection"
        | "keep-alive"
        | "proxy-connection"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "transfer-encoding"
        | "upgrade" => Vec::new(),
        "te" => items(headers, "te").iter().filter(|item| *item == "trailers").take(1).cloned().collect(),
        "content-length" if headers.contains_key("transfer-encoding") => Vec::new(),
        "expect" if sent.version != Version::HTTP_11 => Vec::new(),
        "x-forwarded-for" => {
            let mut addresses = kept(name);
            addresses.push(client.to_owned());
            vec![addresses.join(", ")]
        }
        "x-forwarded-proto" if !trusted || kept(name).is_empty() => vec![scheme.as_str().to_owned()],
        "x-forwarded-host" if !trusted || kept(name).is_empty() => kept("host").into_iter().take(1).collect(),
        _ => kept(name),
    }
}

#[test]
fn nothing_of_the_connection_goes_out_and_nothing_else_is_lost() {
    fastrand::seed(8);
    let client = HeaderValue::from_static("10.0.0.1");
    for _ in 0..20_000 {
        let sent = request();
        let (scheme, trusted) = (one_of(&[Scheme::Http, Scheme::Https]), fastrand::bool());
        let mut out = sent.clone();
        prepare(&mut out, &client, scheme, trusted);
        for name in NAMES {
            let wanted = expected(&sent, name, "10.0.0.1", scheme, trusted);
            assert_eq!(all(&out.headers, name), wanted, "{name} of {sent:#?}, trusted: {trusted}");
        }
        assert!(out.headers.keys().all(|name| NAMES.contains(&name.as_str())), "{out:#?}");
    }
}

#[test]
fn what_was_stripped_once_is_stripped() {
    fastrand::seed(9);
    for _ in 0..5_000 {
        let mut once = request().headers;
        strip_hop_by_hop(&mut once);
        let mut twice = once.clone();
        strip_hop_by_hop(&mut twice);
        assert_eq!(once, twice);
    }
}
