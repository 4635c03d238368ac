//! The rules of matching once more, as plainly as can be, to hold the router against.

use std::cmp::Reverse;

use http::{HeaderMap, Method};

use super::{Problem, Router, Rule};

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

struct Request {
    host: &'static str,
    path: String,
    method: Method,
    headers: HeaderMap,
}

/// How specifically this rule matches, if it does.
fn matches(rule: &Rule, request: &Request) -> Option<Specificity> {
    let host = host_specificity(&rule.hosts, request.host)?;
    let path = path_specificity(&rule.path, &request.path)?;
    let method = rule.methods.is_empty() || rule.methods.contains(&request.method);
    let headers = rule.headers.iter().all(|(name, value)| {
        let sent: Vec<_> = request.headers.get_all(name).iter().collect();
        !sent.is_empty() && value.as_ref().is_none_or(|value| sent.iter().all(|sent| *sent == value))
    });
    (method && headers).then_some((Reverse(host), path, rule.methods.is_empty(), Reverse(rule.headers.len())))
}

/// The best of the rule's hosts: an exact one counts more than any wildcard, a wildcard by its length, any host nothing.
fn host_specificity(hosts: &[String], host: &str) -> Option<usize> {
    let host = host.to_lowercase();
    let host = host.split(':').next().unwrap();
    let one = |pattern: &String| match pattern.strip_prefix('*') {
        Some(end) => (host.len() > end.len() && host.ends_with(end)).then_some(end.len()),
        None => (pattern == host).then_some(usize::MAX),
    };
    if hosts.is_empty() { Some(0) } else { hosts.iter().filter_map(one).max() }
}

fn path_specificity(pattern: &str, path: &str) -> Option<Vec<Part>> {
    let mut path = path.replace("%78", "x");
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    let wanted: Vec<_> = pattern[1..].split('/').collect();
    let given: Vec<_> = path[1..].split('/').collect();
    let mut parts = Vec::new();
    for (at, &piece) in wanted.iter().enumerate() {
        match (piece, given.get(at)) {
            ("*", _) => {
                parts.push(Part::Rest);
                return Some(parts);
            }
            ("{n}" | "{m}", Some(segment)) if !segment.is_empty() => parts.push(Part::Name),
            (literal, Some(segment)) if literal == *segment => parts.push(Part::Literal),
            _ => return None,
        }
    }
    parts.push(Part::End);
    (wanted.len() == given.len()).then_some(parts)
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
    let mut found = 0;
    for _ in 0..400 {
        let (rules, router) = random_rules();
        for _ in 0..100 {
            let request = random_request();
            let mut matching: Vec<_> = rules
                .iter()
                .enumerate()
                .filter_map(|(index, rule)| Some((matches(rule, &request)?, index)))
                .collect();
            matching.sort();
            if let [(best, one), (second, other), ..] = &*matching {
                assert_ne!(best, second, "a tie: {:?} and {:?}", rules[*one], rules[*other]);
            }
            let expected = matching.first().map(|&(_, index)| index);
            let picked = router.find(Some(request.host), &request.path, &request.method, &request.headers);
            assert_eq!(
                picked, expected,
                "{} {} {:?} in {rules:#?}",
                request.host, request.path, request.headers
            );
            found += usize::from(picked.is_some());
        }
    }
    assert!((10_000..35_000).contains(&found), "the requests are neither all lost nor all matched: {found}");
}
