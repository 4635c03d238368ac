//! Matching: the router finds what the plain reading of its rules finds.

use gatewright::route::{Problem, Router, Rule, reference};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Rules and requests are few, so that an input says much.
const MOST: usize = 24;

/// Reads a line each as a rule, and those that begin with `?` as a request: `METHODS HOSTS PATH [HEADER[=VALUE]]…`, where
/// several stand with commas between them and `-` stands for none.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (requests, rules): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with('?'));
    let mut rules: Vec<_> = rules.into_iter().filter_map(parse).take(MOST).collect();
    let router = without_mistakes(&mut rules);
    let requests = requests.into_iter().filter_map(|line| parse(line.strip_prefix('?')?));
    for request in requests.take(MOST) {
        agree(&rules, &router, &request);
    }
}

fn agree(rules: &[Rule], router: &Router, request: &Rule) {
    let (host, path) = (request.hosts.first().map(String::as_str), request.path.as_str());
    let method = request.methods.first().unwrap_or(&Method::GET);
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(name, value.clone().unwrap_or(HeaderValue::from_static("")));
    }
    let found = router.find(host, path, method, &headers);
    let expected = reference::find(rules, host, path, method, &headers);
    if let Some((one, Some(other))) = expected {
        panic!("a tie: {:?} and {:?} for {request:?}", rules[one], rules[other]);
    }
    assert_eq!(found, expected.map(|(rule, _)| rule), "{request:?} in {rules:#?}");
}

/// The router of these rules, without those that it cannot be built of.
fn without_mistakes(rules: &mut Vec<Rule>) -> Router {
    loop {
        match Router::build(rules) {
            Ok(router) => return router,
            Err(problems) => {
                let last = problems.iter().map(Problem::rule).max().expect("refused without a problem");
                rules.remove(last);
            }
        }
    }
}

fn parse(line: &str) -> Option<Rule> {
    let mut words = line.split(' ');
    let (methods, hosts, path) = (several(words.next()?), several(words.next()?), words.next()?);
    let header = |word: &str| -> Option<(HeaderName, Option<HeaderValue>)> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        Some((name.parse().ok()?, value.map(str::parse).transpose().ok()?))
    };
    Some(Rule {
        methods: methods.map(str::parse).collect::<Result<_, _>>().ok()?,
        hosts: hosts.map(str::to_owned).collect(),
        path: path.to_owned(),
        headers: words.take(4).map(header).collect::<Option<_>>()?,
    })
}

fn several(word: &str) -> impl Iterator<Item = &str> {
    word.split(',').filter(move |_| word != "-")
}
