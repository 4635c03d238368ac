//! From text to tables; what is wrong with the TOML itself.

use toml::de::{DeTable, Error};

use super::diagnostics::Problems;
use super::source::{Source, Span};

/// Parses the text and notes each syntax error.
///
/// `None` when the tables are not worth reading: after most syntax errors keys end up in the wrong table, and mistakes
/// found there would be inventions. What leaves the tables intact ([`is_local`]) does not hide the other mistakes.
pub(super) fn parse<'t>(source: &'t Source, problems: &mut Problems) -> Option<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(&source.text);
    for error in worth_telling(&errors, source) {
        note(error, source, problems);
    }
    errors.iter().all(is_local).then(|| root.into_inner())
}

/// Leaves out the errors that only follow from another: all but the first of a line, and all after a table header
/// that was taken for an element of an array, because then the rest of the file is.
fn worth_telling<'e>(errors: &'e [Error], source: &Source) -> Vec<&'e Error> {
    let mut telling: Vec<&Error> = Vec::new();
    for error in errors {
        let line = source.line_at(start(error, source));
        let told = telling.last().is_some_and(|last| source.line_at(start(last, source)) == line);
        if !told {
            telling.push(error);
        }
        if swallows_header(error, source) {
            break;
        }
    }
    telling
}

// The parser tells its errors apart by their words alone. Should a later version change them, its own words are shown
// instead of ours; the golden files notice.

fn is_duplicate(error: &Error) -> bool {
    error.message() == "duplicate key"
}

/// A value that is missing, or a string without quotes.
fn is_bare(error: &Error) -> bool {
    error.message().starts_with("string values must be quoted")
}

/// A word that begins like a number, a boolean, `inf` or `nan`, but is none: `info`, `nanny`, `true_`.
fn is_bare_word(error: &Error, written: &str) -> bool {
    let word = written.starts_with(|c: char| c.is_ascii_alphabetic());
    is_bare(error) && !written.is_empty() || error.message().starts_with("invalid float") && word
}

/// Whether the error leaves everything around it intact.
fn is_local(error: &Error) -> bool {
    is_duplicate(error) || is_bare(error) || error.message().starts_with("invalid float")
}

fn swallows_header(error: &Error, source: &Source) -> bool {
    let line = source.slice(source.line_at(start(error, source)));
    error.message().starts_with("missing comma between array elements") && line.trim_start().starts_with('[')
}

fn note(error: &Error, source: &Source, problems: &mut Problems) {
    let start = start(error, source);
    let span = error.span().map_or(Span::new(start, start), Span::from);
    let written = source.slice(span);
    if is_duplicate(error) {
        problems.add(span, key_path(source, span), "given twice").help("keep one of the two");
    } else if is_bare_word(error, written) {
        problems.add(span, "syntax", "a string without quotes").help(format!("write {written:?}"));
    } else if is_bare(error) {
        problems.add(span, "syntax", "missing value");
    } else if swallows_header(error, source) {
        problems.add(span, "syntax", "the array above is not closed").help("add the missing `]`");
    } else {
        problems.add(span, "syntax", error.message());
    }
}

/// Where the error is; the end of the file if it does not say.
fn start(error: &Error, source: &Source) -> usize {
    error.span().map_or(source.text.len(), |span| span.start)
}

/// The key as written up to and with the span: the whole of `listener.web` in a header.
fn key_path(source: &Source, span: Span) -> &str {
    let before = source.slice(Span::new(source.line_at(span.start).start, span.end));
    match before.trim_start().strip_prefix('[') {
        Some(header) => header.trim_start_matches('['),
        None => source.slice(span),
    }
}
