//! From rules to a router, and from a request to a rule.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, Method};

use super::conditions::Conditions;
use super::host::{HostName, HostPattern};
use super::path::{Pattern, Segments, has_dot_segment};
use super::trie::Node;
use super::{Problem, Rule};

/// Maps a request to the index of a rule.
#[derive(Debug)]
pub struct Router {
    hosts: Hosts,
    /// Of each rule, by index.
    conditions: Vec<Conditions>,
}

impl Router {
    /// Builds the router of these rules.
    ///
    /// # Errors
    ///
    /// All that is wrong with them, in the order of the rules.
    pub fn build(rules: &[Rule]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let conditions = parse_conditions(rules, &mut problems);
        let mut parsed: Vec<_> = rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| ParsedRule::parse(index, rule, &conditions, &mut problems))
            .collect();
        // The most specific first, so that the lists in the trees come out in that order.
        parsed.sort_by_key(|rule| rule.conditions.rank());
        let mut hosts = Hosts::default();
        problems.extend(parsed.iter().filter_map(|rule| rule.insert(&mut hosts, &conditions)));
        if problems.is_empty() {
            return Ok(Self { hosts, conditions: conditions.into_iter().flatten().collect() });
        }
        problems.sort_by_key(Problem::rule);
        Err(problems)
    }

    /// The most specific rule that matches; see the [module](super) for what that is.
    ///
    /// `host` is the request's authority or `Host` field as sent, with or without port; `path` the request's path as sent,
    /// without the query. Allocates nothing.
    #[must_use]
    pub fn find(
        &self,
        host: Option<&str>,
        path: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Option<usize> {
        if has_dot_segment(path) {
            return None;
        }
        let fits = |&rule: &usize| self.conditions.get(rule).is_some_and(|rule| rule.fit(method, headers));
        let choose = |rules: &[usize]| rules.iter().copied().find(fits);
        self.hosts.find(host, |paths| paths.find(Segments::of(path), &choose))
    }
}

/// The paths of each host.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<Box<[u8]>, Node>,
    /// By what follows `*.`.
    under: HashMap<Box<[u8]>, Node>,
    any: Node,
}

impl Hosts {
    fn paths_mut(&mut self, host: &HostPattern) -> &mut Node {
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Under(parent) => self.under.entry(parent.clone()).or_default(),
        }
    }

    /// What `search` finds in the paths of the most specific host that has it.
    fn find(&self, host: Option<&str>, search: impl Fn(&Node) -> Option<usize>) -> Option<usize> {
        let named = self.name(host).and_then(|name| {
            let exact = self.exact.get(name.bytes()).and_then(&search);
            exact.or_else(|| self.find_under(&name, &search))
        });
        named.or_else(|| search(&self.any))
    }

    /// The host to look up, if any rule names one.
    fn name(&self, host: Option<&str>) -> Option<HostName> {
        if self.exact.is_empty() && self.under.is_empty() { None } else { HostName::of(host?) }
    }

    fn find_under(&self, name: &HostName, search: impl Fn(&Node) -> Option<usize>) -> Option<usize> {
        if self.under.is_empty() {
            return None;
        }
        name.parents().filter_map(|parent| self.under.get(parent)).find_map(search)
    }
}

/// The conditions of each rule; `None` where they are wrong, which is then among the problems.
fn parse_conditions(rules: &[Rule], problems: &mut Vec<Problem>) -> Vec<Option<Conditions>> {
    let parse = |(index, rule)| {
        let refuse = |name: HeaderName| {
            let why = "is asked to have two values at once; write a rule for each".to_owned();
            problems.push(Problem::Header { rule: index, name: name.to_string(), why });
        };
        Conditions::parse(rule).map_err(refuse).ok()
    };
    rules.iter().enumerate().map(parse).collect()
}

/// A rule of which all is understood.
struct ParsedRule<'a> {
    index: usize,
    path: &'a str,
    hosts: Vec<HostPattern>,
    pattern: Pattern,
    conditions: &'a Conditions,
}

impl<'a> ParsedRule<'a> {
    /// `None` if something is wrong, which is then among the problems.
    fn parse(
        index: usize,
        rule: &'a Rule,
        conditions: &'a [Option<Conditions>],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let hosts = parse_hosts(index, &rule.hosts, problems);
        let pattern = Pattern::parse(&rule.path).map_err(|why| {
            problems.push(Problem::Path { rule: index, why: format!("`{}` {why}", rule.path) });
        });
        Some(Self {
            index,
            path: &rule.path,
            hosts: hosts?,
            pattern: pattern.ok()?,
            conditions: conditions.get(index)?.as_ref()?,
        })
    }

    /// Adds the rule to the trees of its hosts. Answers the first tie only: the others would be the same mistake again.
    fn insert(&self, hosts: &mut Hosts, conditions: &[Option<Conditions>]) -> Option<Problem> {
        let ties = |&other: &usize| {
            conditions
                .get(other)
                .and_then(Option::as_ref)
                .is_some_and(|other| other.tie_with(self.conditions))
        };
        let mut tie = None;
        for host in &self.hosts {
            let rules = hosts.paths_mut(host).rules_mut(&self.pattern);
            tie = tie.or_else(|| rules.iter().copied().find(ties).map(|other| self.tie(other, host)));
            rules.push(self.index);
        }
        tie
    }

    fn tie(&self, other: usize, host: &HostPattern) -> Problem {
        let place = match host {
            HostPattern::Any => "any host".to_owned(),
            HostPattern::Exact(name) => format!("host `{}`", String::from_utf8_lossy(name)),
            HostPattern::Under(parent) => format!("host `*.{}`", String::from_utf8_lossy(parent)),
        };
        Problem::Tie {
            first: other.min(self.index),
            second: other.max(self.index),
            what: format!("`{}` on {place}{}", self.path, self.conditions),
        }
    }
}

/// Each host once, or any if there are none.
fn parse_hosts(rule: usize, hosts: &[String], problems: &mut Vec<Problem>) -> Option<Vec<HostPattern>> {
    if hosts.is_empty() {
        return Some(vec![HostPattern::Any]);
    }
    let mut patterns = Some(Vec::new());
    for host in hosts {
        match (HostPattern::parse(host), &mut patterns) {
            (Ok(pattern), Some(known)) if !known.contains(&pattern) => known.push(pattern),
            (Ok(_), _) => {}
            (Err(why), _) => {
                problems.push(Problem::Host { rule, host: host.clone(), why });
                patterns = None;
            }
        }
    }
    patterns
}

#[cfg(test)]
mod tests;
