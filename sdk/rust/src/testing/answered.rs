use gatewright_abi::Level;

use super::outcome::{first, text};
use crate::host::stub::Fields;

/// An answer that a middleware gave instead of the upstream, before its response phase.
#[derive(Clone, Debug)]
pub struct Answered {
    pub(super) status: u16,
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
}

impl Answered {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(first(&self.fields, name))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text, where it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text(Some(&self.body))
    }
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How severe.
    pub level: Level,
    /// What.
    pub text: String,
}
