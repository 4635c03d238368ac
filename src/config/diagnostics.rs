//! Mistakes, collected while a file is read and reported together.

use std::fmt;
use std::sync::Arc;

use super::render;
use super::source::{Source, Span};

/// One mistake: where, which key, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where in the file; `None` when the mistake has no place in it (the file cannot be read).
    pub span: Option<Span>,
    /// The path of the key, like `plugin.stamp.file` or `route[0].path` (lists count from 0); empty for none.
    pub key: String,
    /// What is wrong: one line, no full stop.
    pub message: String,
    /// What would be right, if that can be said.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Says what would be right.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects mistakes, so that one run reports all of them.
///
/// Every layer that checks something a file says uses it, not only the reader of the file:
///
/// ```
/// use std::sync::Arc;
/// use gatewright::config::{Problems, Source, Span};
///
/// let source = Arc::new(Source::new("gateway.toml", "file = \"stamp.wasm\"\n"));
/// let mut problems = Problems::new(source);
/// problems.add(Span::new(7, 19), "plugin.stamp.file", "no such file").help("build the plugin first");
/// let report = problems.finish(()).unwrap_err().to_string();
/// assert!(report.starts_with("gateway.toml:1:8: error: plugin.stamp.file: no such file\n"));
/// ```
#[derive(Debug)]
pub struct Problems {
    source: Arc<Source>,
    found: Vec<Diagnostic>,
}

impl Problems {
    /// No mistakes yet in this file.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, found: Vec::new() }
    }

    /// Notes a mistake. `span` is a [`Span`] or `None`; the answer takes the help.
    pub fn add(
        &mut self,
        span: impl Into<Option<Span>>,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let diagnostic =
            Diagnostic { span: span.into(), key: key.into(), message: message.into(), help: None };
        self.found.push_mut(diagnostic)
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The value if there was no mistake, else all the mistakes in the order of the file.
    pub fn finish<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.is_empty() { Ok(value) } else { Err(self.into_diagnostics()) }
    }

    /// For when something is known to be wrong.
    pub fn into_diagnostics(mut self) -> Diagnostics {
        self.found.sort_by_key(|diagnostic| diagnostic.span.map(|span| span.start));
        Diagnostics { source: self.source, found: self.found }
    }

    /// Drops what was found after the first `count` mistakes at the very place of one of them: an unquoted string is
    /// not also a value of the wrong type.
    pub(super) fn drop_echoes(&mut self, count: usize) {
        let later = self.found.split_off(count.min(self.found.len()));
        let is_echo =
            |later: &Diagnostic, first: &[Diagnostic]| first.iter().any(|first| first.span == later.span);
        let (_, kept): (Vec<_>, Vec<_>) = later.into_iter().partition(|later| is_echo(later, &self.found));
        self.found.extend(kept);
    }

    /// How many mistakes there are so far.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The line on which a span begins, to refer to it.
    pub(crate) fn line_of(&self, span: Span) -> usize {
        self.source.position(span.start).line
    }
}

/// All the mistakes of a file, at least one, in the order of the file.
///
/// `Display` is the full report in plain text: a line `FILE:LINE:COLUMN: error: KEY: MESSAGE`, the line of the file
/// with a mark below the place, and the help; an empty line between two mistakes. [`lines`](Self::lines) is the
/// short form for logs.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    source: Arc<Source>,
    found: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Each mistake.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// Each mistake on one line: `FILE:LINE:COLUMN: KEY: MESSAGE (HELP)`.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.found.iter().map(|diagnostic| render::line(&self.source, diagnostic))
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reports: Vec<_> = self.found.iter().map(|found| render::report(&self.source, found)).collect();
        f.write_str(&reports.join("\n\n"))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_mistakes() -> Diagnostics {
        let mut problems = Problems::new(Arc::new(Source::new("f.toml", "a = 1\nb = 2\n")));
        problems.add(Span::new(6, 7), "b", "second");
        problems.add(Span::new(0, 1), "a", "first").help("none");
        problems.finish(()).unwrap_err()
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file() {
        let lines: Vec<_> = two_mistakes().lines().collect();
        assert_eq!(lines, ["f.toml:1:1: a: first (none)", "f.toml:2:1: b: second"]);
    }

    #[test]
    fn report_has_no_escape_codes_even_if_the_file_has() {
        let mut problems = Problems::new(Arc::new(Source::new("f.toml", "a = \"\x1b[31m\"\n")));
        problems.add(Span::new(4, 12), "a", "red");
        let report = problems.finish(()).unwrap_err().to_string();
        assert!(report.contains("a = ") && !report.contains('\x1b'), "{report}");
    }
}
