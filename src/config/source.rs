//! The text of a configuration file and places in it.

use std::ops::Deref;
use std::path::PathBuf;

/// The file as it was read: what every [`Span`] of its configuration points into.
#[derive(Debug)]
pub struct Source {
    /// The path as the user gave it, so that messages name the file the way the user does.
    pub path: PathBuf,
    /// The whole text; spans are byte offsets into it.
    pub text: String,
}

impl Source {
    /// Pairs a text with the path it came from.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The place of a byte offset, as editors count it. An offset past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let before = self.before(offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(start..).unwrap_or_default().chars().count() + 1;
        Position { line, column }
    }

    /// The span of the line that holds the offset, without its line ending.
    pub(super) fn line_at(&self, offset: usize) -> Span {
        let before = self.before(offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        Span::new(start, start + line.len())
    }

    /// The text of a span; empty when it is no span of this text.
    pub(super) fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The nearest character boundary at or before the offset: a span may come from anywhere.
    pub(super) fn boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }

    fn before(&self, offset: usize) -> &str {
        self.text.get(..self.boundary(offset)).unwrap_or_default()
    }
}

/// A line and a column, both counted from 1; the column counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A range of bytes of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

/// A value and where the file says it.
///
/// Equality looks at the value alone: a reload asks whether an upstream or a plugin has *changed*, and one that has
/// only moved down a line has not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spanned<T> {
    /// What the file says.
    pub value: T,
    /// Where it says it.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value with its place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_counts_lines_and_characters_from_one() {
        let source = Source::new("f.toml", "a\nü = 1\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 2, column: 2 });
        assert_eq!(source.position(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn position_inside_a_character_is_the_character() {
        let source = Source::new("f.toml", "ü");
        assert_eq!(source.position(1), Position { line: 1, column: 1 });
    }

    #[test]
    fn moved_value_equals_the_old_one() {
        assert_eq!(Spanned::new(1, Span::new(0, 1)), Spanned::new(1, Span::new(7, 8)));
    }
}
