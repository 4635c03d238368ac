//! How a mistake looks: the full report for people, one line for logs.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::diagnostics::Diagnostic;
use super::source::{Source, Span};

/// `FILE:LINE:COLUMN: error: KEY: MESSAGE`, the excerpt, the help.
pub(super) fn report(source: &Source, diagnostic: &Diagnostic) -> String {
    let mut report = format!("{}: error: {}", place(source, diagnostic), statement(diagnostic));
    if let Some(span) = diagnostic.span.filter(|_| !source.text.is_empty()) {
        report.push('\n');
        report.push_str(&excerpt(source, span));
    }
    if let Some(help) = &diagnostic.help {
        report.push_str("\nhelp: ");
        report.push_str(help);
    }
    report
}

/// `FILE:LINE:COLUMN: KEY: MESSAGE (HELP)`.
pub(super) fn line(source: &Source, diagnostic: &Diagnostic) -> String {
    let line = format!("{}: {}", place(source, diagnostic), statement(diagnostic));
    let line = match &diagnostic.help {
        Some(help) => format!("{line} ({help})"),
        None => line,
    };
    line.replace('\n', " ")
}

fn place(source: &Source, diagnostic: &Diagnostic) -> String {
    let path = source.path.display();
    match diagnostic.span {
        Some(span) => {
            let at = source.position(span.start);
            format!("{path}:{}:{}", at.line, at.column)
        }
        None => path.to_string(),
    }
}

fn statement(diagnostic: &Diagnostic) -> String {
    if diagnostic.key.is_empty() {
        diagnostic.message.clone()
    } else {
        format!("{}: {}", diagnostic.key, diagnostic.message)
    }
}

/// The line of the file with carets below the span.
///
/// Only the one line is handed over, and the span is cut to it: a mistake in a long table should not print the table,
/// and a renderer that sees one line cannot stumble over the rest of a damaged file.
fn excerpt(source: &Source, span: Span) -> String {
    let line = source.line_at(span.start);
    let start = source.boundary(span.start).clamp(line.start, line.end);
    let end = source.boundary(span.end).clamp(start, line.end);
    let mark = AnnotationKind::Primary.span(start - line.start..end - line.start);
    let snippet =
        Snippet::source(source.slice(line)).line_start(source.position(span.start).line).annotation(mark);
    let groups = [Group::with_level(Level::ERROR).element(snippet)];
    Renderer::plain().render(&groups).trim_end().to_owned()
}
