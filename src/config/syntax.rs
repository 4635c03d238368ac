//! From text to tables; what is wrong with the TOML itself.

use toml::de::{DeTable, Error};

use super::diagnostics::Problems;
use super::source::{Source, Span};

/// Parses the text and notes each syntax error.
///
/// `None` when the tables are not worth reading: after most syntax errors keys end up in the wrong table, and mistakes
/// found there would be inventions. A key given twice leaves the rest intact.
pub(super) fn parse<'t>(source: &'t Source, problems: &mut Problems) -> Option<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    let readable = errors.iter().all(is_duplicate);
    for error in &errors {
        note(error, source, problems);
    }
    readable.then(|| root.into_inner())
}

fn is_duplicate(error: &Error) -> bool {
    error.message() == "duplicate key"
}

fn note(error: &Error, source: &Source, problems: &mut Problems) {
    let end = source.text.len();
    let span = error.span().map_or(Span::new(end, end), Span::from);
    if is_duplicate(error) {
        problems.add(span, key_path(source, span), "given twice").help("keep one of the two");
    } else {
        problems.add(span, "syntax", error.message());
    }
}

/// The key as written up to and with the span: the whole of `listener.web` in a header.
fn key_path(source: &Source, span: Span) -> &str {
    let before = source.slice(Span::new(source.line_at(span.start).start, span.end));
    match before.trim_start().strip_prefix('[') {
        Some(header) => header.trim_start_matches('['),
        None => source.slice(span),
    }
}
