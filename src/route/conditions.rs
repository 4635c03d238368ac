//! What a rule asks of a request beyond host and path.

use std::cmp::Reverse;
use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::Rule;

/// Methods and headers of one rule.
#[derive(Debug)]
pub(super) struct Conditions {
    methods: Vec<Method>,
    /// At most one for each name.
    headers: Vec<(HeaderName, Option<HeaderValue>)>,
}

/// How conditions rank among those of the same host and path: the lesser is the more specific.
pub(super) type Rank = (bool, Reverse<usize>);

impl Conditions {
    /// Answers the header that is asked to have two values at once.
    pub(super) fn parse(rule: &Rule) -> Result<Self, HeaderName> {
        let mut headers: Vec<(HeaderName, Option<HeaderValue>)> = Vec::new();
        for (name, value) in &rule.headers {
            match headers.iter_mut().find(|(known, _)| known == name) {
                None => headers.push((name.clone(), value.clone())),
                Some((_, known)) if known.is_none() => known.clone_from(value),
                Some((_, known)) if value.is_none() || known == value => {}
                Some(_) => return Err(name.clone()),
            }
        }
        Ok(Self { methods: rule.methods.clone(), headers })
    }

    pub(super) fn rank(&self) -> Rank {
        (self.methods.is_empty(), Reverse(self.headers.len()))
    }

    pub(super) fn fit(&self, method: &Method, headers: &HeaderMap) -> bool {
        (self.methods.is_empty() || self.methods.contains(method))
            && self.headers.iter().all(|(name, value)| has(headers, name, value.as_ref()))
    }

    /// Whether some request fits both, and neither ranks before the other.
    pub(super) fn tie_with(&self, other: &Self) -> bool {
        self.rank() == other.rank() && self.methods_meet(other) && !self.headers_part(other)
    }

    /// Of the same rank, so either both have methods or neither.
    fn methods_meet(&self, other: &Self) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|method| other.methods.contains(method))
    }

    /// Whether one header would have to have two values.
    fn headers_part(&self, other: &Self) -> bool {
        self.headers.iter().any(|(name, value)| {
            let theirs = other.headers.iter().find(|(theirs, _)| theirs == name);
            matches!((value, theirs), (Some(ours), Some((_, Some(theirs)))) if ours != theirs)
        })
    }
}

/// A header sent twice with different values has neither: else a client could choose its rule by adding a second value, and
/// two rules for different values could match at once.
fn has(headers: &HeaderMap, name: &HeaderName, value: Option<&HeaderValue>) -> bool {
    headers.contains_key(name)
        && value.is_none_or(|value| headers.get_all(name).iter().all(|sent| sent == value))
}

impl fmt::Display for Conditions {
    /// Reads after a path: "with method GET and header x-a".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods = self.methods.iter().map(|method| format!("method {method}"));
        let headers = self.headers.iter().map(|(name, _)| format!("header {name}"));
        let mut words = ["with", "and"].into_iter();
        methods.chain(headers).try_for_each(|part| write!(f, " {} {part}", words.next().unwrap_or("and")))
    }
}
