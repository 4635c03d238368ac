use std::cell::RefCell;

use gatewright_sdk::prelude::*;
use regex_automata::hybrid::regex::{self, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind, hybrid};

/// The longest match of a rule: as much is held back at the end of each piece.
const LONGEST: usize = 4096;

/// What is looked for, and what stands there afterwards.
#[config]
pub(crate) struct Rule {
    /// Text, to be found as it is.
    text: Option<String>,
    /// Or a regular expression whose matches have a longest.
    pattern: Option<String>,
    /// What comes in its place.
    #[serde(default = "default_with")]
    with: String,
}

fn default_with() -> String {
    "[redacted]".to_owned()
}

/// All rules as one automaton.
pub(crate) struct Rules {
    regex: Regex,
    /// What the automaton has worked out so far. An instance does one thing at a time.
    cache: RefCell<regex::Cache>,
    replacements: Vec<String>,
    longest: usize,
}

/// A place where a rule fits.
pub(crate) struct Found<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) with: &'a str,
}

impl Rules {
    pub(crate) fn compile(rules: Vec<Rule>, ignore_case: bool) -> Result<Self> {
        if rules.is_empty() {
            return Err("rules: without any there is nothing to do".into());
        }
        let (mut patterns, mut replacements, mut longest) = (Vec::new(), Vec::new(), 0);
        for rule in rules {
            let pattern = rule.pattern()?;
            longest = longest.max(longest_match(&pattern)?);
            patterns.push(pattern);
            replacements.push(rule.with);
        }
        let regex = Regex::builder()
            .syntax(syntax(ignore_case))
            .dfa(hybrid::dfa::Config::new().match_kind(MatchKind::LeftmostFirst).cache_capacity(256 * 1024))
            .build_many(&patterns)
            .map_err(|error| Error::new(error).context("rules"))?;
        Ok(Self { cache: RefCell::new(regex.create_cache()), regex, replacements, longest })
    }

    /// The longest match of all rules.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The first match that begins at `from` or later. What lies before `from` is looked at for word borders only.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Result<Option<Found<'_>>> {
        let input = Input::new(text).span(from..text.len());
        let found = self.regex.try_search(&mut self.cache.borrow_mut(), &input).map_err(Error::new)?;
        Ok(found.map(|found| Found {
            start: found.start(),
            end: found.end(),
            with: self.replacements.get(found.pattern().as_usize()).map_or("", String::as_str),
        }))
    }
}

impl Rule {
    fn pattern(&self) -> Result<String> {
        match (&self.text, &self.pattern) {
            (Some(text), None) => Ok(regex_syntax::escape(text)),
            (None, Some(pattern)) => Ok(pattern.clone()),
            _ => Err("rules: each has either `text` or `pattern`".into()),
        }
    }
}

/// How long the matches of a pattern can get; an error where they have no longest, or one of them is empty.
fn longest_match(pattern: &str) -> Result<usize> {
    let wrong = |why: &str| Err(format!("rules: `{pattern}` {why}").into());
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let parsed = parser.parse(pattern).map_err(|error| Error::new(error).context("rules"))?;
    let properties = parsed.properties();
    match (properties.minimum_len(), properties.maximum_len()) {
        (Some(0), _) => wrong("matches the empty text"),
        (Some(_), Some(longest)) if longest <= LONGEST => Ok(longest),
        (Some(_), Some(_)) => wrong(&format!("has matches of more than {LONGEST} bytes")),
        (Some(_), None) => wrong("has no longest match; say how often at most, as in `[0-9]{4,19}`"),
        (None, _) => wrong("never matches"),
    }
}

fn syntax(ignore_case: bool) -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).case_insensitive(ignore_case)
}
