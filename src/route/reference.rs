//! The rules of matching once more, as plainly as can be, to hold the router against: tests and fuzzing do. Nothing that
//! serves requests uses it, since it tries every rule.

use std::cmp::Reverse;
use std::net::Ipv6Addr;

use http::{HeaderMap, Method};

use super::Rule;

/// Bytes of a host. None of the DNS has more than 253.
const LONGEST_HOST: usize = 256;

/// What a rule is chosen by; the lesser is the more specific.
type Specificity = (Reverse<usize>, Vec<Part>, bool, Reverse<usize>);

/// What the next part of a pattern is, from the most to the least specific.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Literal,
    Name,
    End,
    Rest,
}

/// What [`Router::find`](super::Router::find) must find among rules of which a router can be built. Where two are equally
/// specific, which no such rules are for any request, it is the first of them with the other one.
#[must_use]
pub fn find(
    rules: &[Rule],
    host: Option<&str>,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Option<(usize, Option<usize>)> {
    let specificity = |rule: &Rule| specificity(rule, host, path, method, headers);
    let mut matching: Vec<_> =
        rules.iter().enumerate().filter_map(|(index, rule)| Some((specificity(rule)?, index))).collect();
    matching.sort();
    let mut matching = matching.into_iter();
    let (best, index) = matching.next()?;
    let tie = matching.next().filter(|(second, _)| *second == best).map(|(_, other)| other);
    Some((index, tie))
}

/// How specifically this rule matches, if it does.
fn specificity(
    rule: &Rule,
    host: Option<&str>,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Specificity> {
    let host = host_specificity(&rule.hosts, host)?;
    let path = path_specificity(&rule.path, path)?;
    let right_method = rule.methods.is_empty() || rule.methods.contains(method);
    let right_headers = rule.headers.iter().all(|(name, value)| {
        let sent: Vec<_> = headers.get_all(name).iter().collect();
        !sent.is_empty() && value.as_ref().is_none_or(|value| sent.iter().all(|sent| *sent == value))
    });
    let mut names: Vec<_> = rule.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    (right_method && right_headers).then_some((
        Reverse(host),
        path,
        rule.methods.is_empty(),
        Reverse(names.len()),
    ))
}

/// The best of the rule's hosts: an exact one counts more than any wildcard, a wildcard by its length, any host nothing.
fn host_specificity(patterns: &[String], host: Option<&str>) -> Option<usize> {
    if patterns.is_empty() {
        return Some(0);
    }
    let host = plain_host(host?)?;
    let one = |pattern: &String| match pattern.strip_prefix('*') {
        Some(end) => {
            let end = plain_host(end)?;
            (host.len() > end.len() && host.ends_with(&end)).then_some(end.len())
        }
        None => (plain_host(pattern)? == host).then_some(usize::MAX),
    };
    patterns.iter().filter_map(one).max()
}

/// A host without port and final dot, in lower case; `None` where it is longer than any that a rule could name.
fn plain_host(host: &str) -> Option<String> {
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if host.starts_with('[') {
        let (address, port) = host.split_at(host.find(']')? + 1);
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(digits);
        let address: Ipv6Addr = address.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
        return has_port.then(|| address.to_string());
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if digits(port) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    (name.len() <= LONGEST_HOST).then(|| name.to_ascii_lowercase())
}

fn path_specificity(pattern: &str, path: &str) -> Option<Vec<Part>> {
    if has_dot_segment(path) {
        return None;
    }
    let wanted: Vec<_> = pattern.strip_prefix('/')?.split('/').collect();
    let mut given = segments(path).into_iter();
    let mut parts = Vec::new();
    for piece in wanted {
        let part = match piece {
            "*" => {
                parts.push(Part::Rest);
                return Some(parts);
            }
            name if name.starts_with('{') => (!given.next()?.is_empty()).then_some(Part::Name),
            literal => (decoded(literal) == decoded(given.next()?)).then_some(Part::Literal),
        };
        parts.push(part?);
    }
    parts.push(Part::End);
    given.next().is_none().then_some(parts)
}

/// What stands between slashes. Repeated ones count once; after the last there is a segment, which may be empty.
fn segments(path: &str) -> Vec<&str> {
    let Some(path) = path.strip_prefix('/') else { return Vec::new() };
    let mut segments: Vec<_> = path.split('/').collect();
    let last = segments.pop();
    segments.retain(|segment| !segment.is_empty());
    segments.extend(last);
    segments
}

/// With escapes undone, where they are escapes.
fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    loop {
        rest = match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low].map(|digit| char::from(digit).to_digit(16).unwrap_or_default());
                let [high, low] = digits.map(|digit| u8::try_from(digit).unwrap_or_default());
                bytes.push(high << 4 | low);
                after
            }
            [byte, after @ ..] => {
                bytes.push(*byte);
                after
            }
            [] => return bytes,
        };
    }
}

/// Whether some server might go up or stay where it is for a segment.
fn has_dot_segment(path: &str) -> bool {
    let path = decoded(path);
    path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|byte| *byte == b';').next();
        matches!(name, Some(b"." | b".."))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Problem, Router};
    use super::*;

    struct Request {
        host: &'static str,
        path: String,
        method: Method,
        headers: HeaderMap,
    }

    fn one_of<T: Copy>(choices: &[T]) -> T {
        choices[fastrand::usize(..choices.len())]
    }

    fn some_of<T: Copy>(choices: &[T]) -> Vec<T> {
        choices.iter().copied().filter(|_| fastrand::u8(..3) == 0).collect()
    }

    fn random_rule() -> Rule {
        let hosts = some_of(&["a.test", "b.a.test", "*.test", "*.a.test"]);
        let names = ["{n}", "{m}"];
        let segments = (0..fastrand::usize(..4)).map(|at| match names.get(at) {
            Some(&name) => one_of(&["x", "y", name]),
            None => one_of(&["x", "y"]),
        });
        let path: String =
            segments.flat_map(|segment| ["/", segment]).chain([one_of(&["", "/", "/*"])]).collect();
        let headers = some_of(&["x-one", "x-two"]).into_iter().map(|name| {
            (name.parse().unwrap(), one_of(&[None, Some("1"), Some("2")]).map(|value| value.parse().unwrap()))
        });
        Rule {
            hosts: hosts.into_iter().map(str::to_owned).collect(),
            path: if path.is_empty() { "/".to_owned() } else { path },
            methods: some_of(&["GET", "POST"]).iter().map(|method| method.parse().unwrap()).collect(),
            headers: headers.collect(),
        }
    }

    fn random_request() -> Request {
        let segments = (0..=fastrand::usize(..4)).map(|_| one_of(&["x", "y", "z", "%78", ""]));
        let mut headers = HeaderMap::new();
        for name in some_of(&["x-one", "x-one", "x-two", "x-two"]) {
            headers.append(name, one_of(&["1", "2"]).parse().unwrap());
        }
        Request {
            host: one_of(&["a.test", "A.TEST:80", "b.a.test", "c.B.a.test", "test", "other"]),
            path: segments.flat_map(|segment| ["/", segment]).collect(),
            method: one_of(&["GET", "POST", "PUT"]).parse().unwrap(),
            headers,
        }
    }

    /// Random rules without those that tie with an earlier one.
    fn random_rules() -> (Vec<Rule>, Router) {
        let mut rules: Vec<_> = (0..fastrand::usize(1..40)).map(|_| random_rule()).collect();
        loop {
            match Router::build(&rules) {
                Ok(router) => return (rules, router),
                Err(problems) => {
                    assert!(
                        problems.iter().all(|problem| matches!(problem, Problem::Tie { .. })),
                        "{problems:?}"
                    );
                    rules.remove(problems.last().unwrap().rule());
                }
            }
        }
    }

    #[test]
    fn the_router_agrees_with_the_plain_reading_and_leaves_no_tie() {
        fastrand::seed(2);
        let mut matched = 0;
        for _ in 0..400 {
            let (rules, router) = random_rules();
            for _ in 0..100 {
                let Request { host, path, method, headers } = random_request();
                let expected = find(&rules, Some(host), &path, &method, &headers);
                if let Some((one, Some(other))) = expected {
                    panic!("a tie: {:?} and {:?}", rules[one], rules[other]);
                }
                let picked = router.find(Some(host), &path, &method, &headers);
                assert_eq!(picked, expected.map(|(rule, _)| rule), "{host} {path} {headers:?} in {rules:#?}");
                matched += usize::from(picked.is_some());
            }
        }
        assert!(
            (10_000..35_000).contains(&matched),
            "the requests are neither all lost nor all matched: {matched}"
        );
    }
}
