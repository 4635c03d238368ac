//! What is wrong with rules.

/// Why rules were refused. Rules are told by their index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A path pattern that is none.
    #[error("the path {why}")]
    Path {
        /// Whose path.
        rule: usize,
        /// What is wrong and what would be right, to be read after "the path".
        why: String,
    },
    /// A host pattern that is none.
    #[error("the host `{host}` {why}")]
    Host {
        /// Whose host.
        rule: usize,
        /// The host as written.
        host: String,
        /// What is wrong and what would be right, to be read after "the host".
        why: String,
    },
    /// Header conditions that no request can meet.
    #[error("the header `{name}` {why}")]
    Header {
        /// Whose header.
        rule: usize,
        /// The header's name.
        name: String,
        /// What is wrong and what would be right, to be read after "the header".
        why: String,
    },
    /// Two rules that could match the same request, neither more specific than the other.
    #[error("rules {first} and {second} both match {what}, and neither is more specific")]
    Tie {
        /// The rule that comes first.
        first: usize,
        /// The other rule.
        second: usize,
        /// What both match: host, path, methods, headers.
        what: String,
    },
}

impl Problem {
    /// The rule to change: of a tie, the later one.
    #[must_use]
    pub fn rule(&self) -> usize {
        match self {
            Self::Path { rule, .. } | Self::Host { rule, .. } | Self::Header { rule, .. } => *rule,
            Self::Tie { second, .. } => *second,
        }
    }
}
