//! What a person who writes rules may rely on.

use std::time::Instant;

use super::*;

/// A rule from `METHOD,METHOD host,host/path header=value header`; methods, hosts and headers may be left out.
pub(crate) fn rule(text: &str) -> Rule {
    let mut rule = Rule::default();
    for word in text.split_whitespace() {
        if let Some(at) = word.find('/') {
            let hosts = word[..at].split(',').filter(|host| !host.is_empty());
            rule.hosts = hosts.map(str::to_owned).collect();
            rule.path = word[at..].to_owned();
        } else if rule.path.is_empty() {
            rule.methods = word.split(',').map(|method| method.parse().unwrap()).collect();
        } else {
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            rule.headers.push((name.parse().unwrap(), value.map(|value| value.parse().unwrap())));
        }
    }
    rule
}

fn router(rules: &[&str]) -> Router {
    Router::build(&rules.iter().copied().map(rule).collect::<Vec<_>>()).unwrap()
}

/// The rule that a request written in the same way falls under.
fn found<'a>(rules: &[&'a str], request: &str) -> Option<&'a str> {
    let request = rule(request);
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers {
        headers.append(name, value.unwrap());
    }
    let method = request.methods.first().unwrap_or(&Method::GET);
    let host = request.hosts.first().map(String::as_str);
    router(rules).find(host, &request.path, method, &headers).map(|index| rules[index])
}

fn assert_each(rules: &[&str], cases: &[(&str, Option<&str>)]) {
    for (request, expected) in cases {
        assert_eq!(found(rules, request), *expected, "{request}");
    }
}

fn problems(rules: &[&str]) -> Vec<String> {
    let rules: Vec<_> = rules.iter().copied().map(rule).collect();
    let problems = Router::build(&rules).err().unwrap_or_default();
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn an_exact_path_matches_itself_only() {
    assert_each(
        &["/shop"],
        &[
            ("/shop", Some("/shop")),
            ("/shop/", None),
            ("/shop/a", None),
            ("/Shop", None),
            ("/shopping", None),
            ("/", None),
        ],
    );
    assert_each(&["/shop/"], &[("/shop/", Some("/shop/")), ("/shop", None)]);
    assert_each(&["/"], &[("/", Some("/")), ("/a", None)]);
}

#[test]
fn a_name_matches_exactly_one_segment_that_is_not_empty() {
    let rule = "/shop/{id}/edit";
    assert_each(
        &[rule],
        &[
            ("/shop/7/edit", Some(rule)),
            ("/shop/%20/edit", Some(rule)),
            ("/shop/a%2Fb/edit", Some(rule)),
            ("/shop/edit", None),
            ("/shop/7/8/edit", None),
            ("/shop/7/edit/", None),
        ],
    );
    assert_each(&["/{page}"], &[("/", None), ("/a", Some("/{page}"))]);
}

#[test]
fn a_star_takes_the_rest_also_none() {
    let rule = "/shop/*";
    assert_each(
        &[rule],
        &[
            ("/shop", Some(rule)),
            ("/shop/", Some(rule)),
            ("/shop/a", Some(rule)),
            ("/shop/a/b/", Some(rule)),
            ("/shopping", None),
            ("/", None),
        ],
    );
}

#[test]
fn slash_star_matches_everything() {
    let router = router(&["/*"]);
    for path in ["/", "/a/b", "*", "", "//", "/%zz", "/é"] {
        assert_eq!(router.find(None, path, &Method::OPTIONS, &HeaderMap::new()), Some(0), "{path}");
    }
}

#[test]
fn another_spelling_of_a_path_does_not_slip_into_a_more_general_rule() {
    let rules = ["/*", "/admin/*", "/api-keys", "/caf%C3%A9", "/a%2Fb", "/100%25", "/%2A"];
    assert_each(
        &rules,
        &[
            ("/%61dmin", Some("/admin/*")),
            ("/%61%64%6D%69%6e/x", Some("/admin/*")),
            ("//admin//x", Some("/admin/*")),
            ("/api%2Dkeys", Some("/api-keys")),
            ("/caf%c3%a9", Some("/caf%C3%A9")),
            ("/a%2fb", Some("/a%2Fb")),
            ("/a/b", Some("/*")),
            ("/100%25", Some("/100%25")),
            ("/*", Some("/%2A")),
            ("/%2561dmin", Some("/*")),
        ],
    );
}

#[test]
fn a_path_with_a_dot_segment_matches_nothing() {
    for path in ["/public/../admin", "/./admin", "/public/%2e%2e/admin", "/public%2F..%2Fadmin", "/..;/admin"]
    {
        assert_eq!(found(&["/*", "/{a}/{b}/{c}"], path), None, "{path}");
    }
    assert_eq!(found(&["/*"], "/.well-known/acme"), Some("/*"));
}

#[test]
fn the_most_specific_path_wins_wherever_it_stands() {
    let rules =
        ["/*", "/{a}", "/shop/*", "/shop", "/shop/{id}", "/shop/{id}/*", "/shop/new", "/{a}/new/x", "/shop/"];
    assert_each(
        &rules,
        &[
            ("/shop", Some("/shop")),
            ("/shop/", Some("/shop/")),
            ("/shop/new", Some("/shop/new")),
            ("/shop/7", Some("/shop/{id}")),
            ("/shop/7/x", Some("/shop/{id}/*")),
            ("/shop/new/x", Some("/shop/{id}/*")),
            ("/news/new/x", Some("/{a}/new/x")),
            ("/news", Some("/{a}")),
            ("/news/", Some("/*")),
        ],
    );
}

#[test]
fn an_earlier_literal_beats_any_number_of_later_ones() {
    assert_each(&["/a/*", "/{x}/b/c/d"], &[("/a/b/c/d", Some("/a/*")), ("/z/b/c/d", Some("/{x}/b/c/d"))]);
}

#[test]
fn hosts_compare_without_case_and_port() {
    let rules = ["shop.example/*", "192.0.2.1/*", "[2001:db8::1]/*"];
    assert_each(
        &rules,
        &[
            ("SHOP.example:8080/", Some(rules[0])),
            ("shop.example./", Some(rules[0])),
            ("192.0.2.1:80/", Some(rules[1])),
            ("[2001:DB8:0::1]:8443/", Some(rules[2])),
            ("other.example/", None),
            ("x.shop.example/", None),
            ("shop.example:http/", None),
            ("/", None),
        ],
    );
}

#[test]
fn the_most_specific_host_wins_before_any_path() {
    let rules = ["/a/b/c", "*.example/a/b", "*.shop.example/a/*", "eu.shop.example/*"];
    assert_each(
        &rules,
        &[
            ("eu.shop.example/a/b/c", Some(rules[3])),
            ("us.shop.example/a/b", Some(rules[2])),
            ("x.us.shop.example/a/b", Some(rules[2])),
            ("shop.example/a/b", Some(rules[1])),
            ("example/a/b/c", Some(rules[0])),
            (".example/a/b", None),
            ("xshop.example/a/b", Some(rules[1])),
        ],
    );
}

#[test]
fn a_rule_may_have_several_hosts() {
    let rules = ["a.example,*.b.example/x", "/x"];
    assert_each(
        &rules,
        &[
            ("a.example/x", Some(rules[0])),
            ("c.b.example/x", Some(rules[0])),
            ("b.example/x", Some(rules[1])),
        ],
    );
}

#[test]
fn what_does_not_fit_falls_back_to_the_next_less_specific() {
    let rules = [
        "POST shop.example/a/b",
        "shop.example/a/b x-beta",
        "GET shop.example/a/{x} x-beta",
        "PUT *.example/a/*",
        "DELETE /a/b",
        "/*",
    ];
    assert_each(
        &rules,
        &[
            ("POST shop.example/a/b", Some(rules[0])),
            ("POST shop.example/a/b x-beta=1", Some(rules[0])),
            ("GET shop.example/a/b x-beta=1", Some(rules[1])),
            ("GET shop.example/a/c x-beta=1", Some(rules[2])),
            ("PUT shop.example/a/b", Some(rules[3])),
            ("DELETE shop.example/a/b", Some(rules[4])),
            ("GET shop.example/a/b", Some(rules[5])),
        ],
    );
}

#[test]
fn methods_come_before_headers_and_more_headers_before_fewer() {
    let rules = ["/a x-one x-two", "/a x-one", "GET /a", "GET /a x-one", "/a"];
    assert_each(
        &rules,
        &[
            ("GET /a x-one=1 x-two=2", Some(rules[3])),
            ("POST /a x-one=1 x-two=2", Some(rules[0])),
            ("POST /a x-one=1", Some(rules[1])),
            ("GET /a x-two=2", Some(rules[2])),
            ("POST /a", Some(rules[4])),
        ],
    );
}

#[test]
fn a_header_that_contradicts_itself_has_no_value() {
    let rules = ["/a x-env=beta", "/a x-env=live", "/*"];
    assert_each(
        &rules,
        &[
            ("/a x-env=beta", Some(rules[0])),
            ("/a x-env=beta x-env=beta", Some(rules[0])),
            ("/a x-env=live", Some(rules[1])),
            ("/a x-env=live x-env=beta", Some(rules[2])),
            ("/a x-env=Beta", Some(rules[2])),
        ],
    );
    assert_eq!(found(&["/a x-env"], "/a x-env=live x-env=beta"), Some("/a x-env"));
}

#[test]
fn rules_that_tie_are_refused_with_both_named() {
    let cases: [(&[&str], &str); 7] = [
        (&["/a", "/a"], "rules 0 and 1 both match `/a` on any host, and neither is more specific"),
        (
            &["/a/{x}/*", "/b", "/a/{y}/*"],
            "rules 0 and 2 both match `/a/{y}/*` on any host, and neither is more specific",
        ),
        (&["/a", "/%61"], "rules 0 and 1 both match `/%61` on any host, and neither is more specific"),
        (
            &["GET,POST /a", "PUT,POST /a"],
            "rules 0 and 1 both match `/a` on any host with method PUT and method POST, and neither is more specific",
        ),
        (
            &["/a x-one", "/a x-two=2"],
            "rules 0 and 1 both match `/a` on any host with header x-two, and neither is more specific",
        ),
        (
            &["one.example,two.example/a", "TWO.example/a"],
            "rules 0 and 1 both match `/a` on host `two.example`, and neither is more specific",
        ),
        (
            &["*.one.example/a", "*.One.example./a"],
            "rules 0 and 1 both match `/a` on host `*.one.example`, and neither is more specific",
        ),
    ];
    for (rules, problem) in cases {
        assert_eq!(problems(rules), [problem]);
    }
}

#[test]
fn rules_that_no_request_matches_at_once_do_not_tie() {
    let cases: [&[&str]; 7] = [
        &["GET /a", "POST /a"],
        &["GET /a", "/a"],
        &["/a x-one=1", "/a x-one=2"],
        &["/a x-one=1 x-two", "/a x-one=2 x-three"],
        &["/a x-one", "/a x-one x-two"],
        &["one.example/a", "two.example/a", "*.example/a", "/a"],
        &["/a", "/a/", "/a/*", "/{x}", "/{x}/", "/{x}/*", "/*"],
    ];
    for rules in cases {
        assert_eq!(problems(rules), [""; 0], "{rules:?}");
    }
}

#[test]
fn a_host_written_twice_in_a_rule_does_not_tie_with_itself() {
    assert_eq!(problems(&["one.example,ONE.example./a"]), [""; 0]);
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_rules() {
    assert_eq!(
        problems(&["/a", "bad..host,a:80/b*", "/c x-a=1 x-a=2", "/a", "/a/../b", "/a", "/c"]),
        [
            "the host `bad..host` is not a host name",
            "the host `a:80` must have no port, because the port of a request is not compared",
            "the path `/b*` may have `*` only as its whole last segment, as in `/shop/*`; a literal star is `%2A`",
            "the header `x-a` is asked to have two values at once; write a rule for each",
            "rules 0 and 3 both match `/a` on any host, and neither is more specific",
            "the path `/a/../b` has a `.` or `..` segment, and no request with one is matched",
            "rules 0 and 5 both match `/a` on any host, and neither is more specific",
        ]
    );
}

#[test]
fn no_rules_match_nothing() {
    assert_eq!(found(&[], "/"), None);
}

#[test]
fn a_path_made_to_backtrack_is_answered_at_once() {
    // Every node has both ways on, all of them wrong in the end.
    let depth = 12;
    let rules: Vec<_> = (0..1_u32 << depth)
        .map(|bits| {
            let names = (0..depth)
                .map(|at| if bits >> at & 1 == 1 { format!("/{{n{at}}}") } else { "/a".to_owned() });
            Rule { path: names.collect::<String>() + "/end", ..Rule::default() }
        })
        .collect();
    let router = Router::build(&rules).unwrap();
    let start = Instant::now();
    for path in ["/a".repeat(depth), "/a".repeat(30_000), "/".repeat(60_000), "/%61".repeat(20_000)] {
        assert_eq!(router.find(None, &path, &Method::GET, &HeaderMap::new()), None);
    }
    // One that goes back and forth takes years; a busy machine may take a while for one that does not.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn ten_thousand_rules_are_told_apart() {
    let rules: Vec<_> = (0..10_000).map(|n| rule(&format!("/service-{n}/{{id}}/*"))).collect();
    let router = Router::build(&rules).unwrap();
    for n in 0..10_000 {
        let path = format!("/service-{n}/7/x");
        assert_eq!(router.find(Some("a.example"), &path, &Method::GET, &HeaderMap::new()), Some(n));
    }
}

#[test]
fn a_host_longer_than_any_name_is_under_no_wildcard() {
    let rules = ["*.shop.test/*", "/*"];
    let host = |labels: usize| format!("{}shop.test/", "a.".repeat(labels));
    assert_each(&rules, &[(&host(120), Some(rules[0])), (&host(124), Some(rules[1]))]);
    assert_eq!(found(&rules[..1], &host(124)), None);
}
