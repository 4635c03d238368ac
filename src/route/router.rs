//! From rules to a router, and from a request to a rule.

use std::collections::HashMap;

use http::{HeaderMap, Method};

use super::conditions::Conditions;
use super::host::{HostName, HostPattern};
use super::path::{Pattern, Segments, has_dot_segment};
use super::trie::Node;
use super::{Problem, Rule};

/// Maps a request to the index of a rule.
#[derive(Debug, Default)]
pub struct Router {
    exact: HashMap<Box<[u8]>, Node>,
    /// By what follows `*.`.
    under: HashMap<Box<[u8]>, Node>,
    any: Node,
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
        let mut parsed: Vec<_> = rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| ParsedRule::parse(index, rule, &mut problems))
            .collect();
        // The most specific first, so that the lists in the tree come out in that order.
        parsed.sort_by_key(|rule| rule.conditions.rank());
        let mut router = Self::default();
        let by_index: HashMap<_, _> = parsed.iter().map(|rule| (rule.index, &rule.conditions)).collect();
        for rule in &parsed {
            router.insert(rule, &by_index, &mut problems);
        }
        if !problems.is_empty() {
            problems.sort_by_key(Problem::rule);
            return Err(problems);
        }
        parsed.sort_by_key(|rule| rule.index);
        router.conditions = parsed.into_iter().map(|rule| rule.conditions).collect();
        Ok(router)
    }

    fn insert(
        &mut self,
        rule: &ParsedRule<'_>,
        conditions: &HashMap<usize, &Conditions>,
        problems: &mut Vec<Problem>,
    ) {
        let mut tied = None;
        for host in &rule.hosts {
            let rules = self.node_mut(host).rules_mut(&rule.pattern);
            let ties =
                |other: &usize| conditions.get(other).is_some_and(|other| other.tie_with(&rule.conditions));
            // One tie of a rule says enough: the rest would be the same mistake again.
            tied = tied.or_else(|| rules.iter().copied().find(ties).map(|other| (other, host)));
            rules.push(rule.index);
        }
        problems.extend(tied.map(|(other, host)| rule.tie(other, host)));
    }

    fn node_mut(&mut self, host: &HostPattern) -> &mut Node {
        match host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Under(parent) => self.under.entry(parent.clone()).or_default(),
        }
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
        let choose = |rules: &[usize]| rules.iter().copied().find(|rule| fits(rule));
        let segments = Segments::of(path);
        self.named(host)
            .and_then(|host| self.find_named(&host, |node| node.find(segments, &choose)))
            .or_else(|| self.any.find(segments, &choose))
    }

    /// The host to look up, if any rule names one.
    fn named(&self, host: Option<&str>) -> Option<HostName> {
        if self.exact.is_empty() && self.under.is_empty() { None } else { HostName::of(host?) }
    }

    fn find_named(&self, host: &HostName, find: impl Fn(&Node) -> Option<usize>) -> Option<usize> {
        let exact = self.exact.get(host.bytes());
        exact.and_then(&find).or_else(|| self.find_under(host, find))
    }

    fn find_under(&self, host: &HostName, find: impl Fn(&Node) -> Option<usize>) -> Option<usize> {
        if self.under.is_empty() {
            return None;
        }
        host.parents().filter_map(|parent| self.under.get(parent)).find_map(find)
    }
}

/// A rule of which all is understood.
struct ParsedRule<'a> {
    index: usize,
    path: &'a str,
    hosts: Vec<HostPattern>,
    pattern: Pattern,
    conditions: Conditions,
}

impl<'a> ParsedRule<'a> {
    /// `None` if something is wrong, which is then among the problems.
    fn parse(index: usize, rule: &'a Rule, problems: &mut Vec<Problem>) -> Option<Self> {
        let hosts = parse_hosts(index, &rule.hosts, problems);
        let pattern = Pattern::parse(&rule.path).map_err(|why| {
            problems.push(Problem::Path { rule: index, why: format!("`{}` {why}", rule.path) });
        });
        let conditions = Conditions::parse(rule).map_err(|name| {
            let why = "is asked to have two values at once; write a rule for each".to_owned();
            problems.push(Problem::Header { rule: index, name: name.to_string(), why });
        });
        Some(Self {
            index,
            path: &rule.path,
            hosts: hosts?,
            pattern: pattern.ok()?,
            conditions: conditions.ok()?,
        })
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
