use std::fmt;

use gatewright_abi::Code;

/// The result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a plugin, or something that it asked the gateway for, failed.
///
/// Returned from a hook it fails the exchange (or skips the plugin, as its `on_error` says); the text goes to the
/// gateway's log and never to the client.
///
/// Strings, the errors of `serde_json` and those of number and UTF-8 parsing convert with `?` or `.into()`; anything
/// else with `.map_err(Error::new)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: Box<str>,
    code: Option<Code>,
}

impl Error {
    /// An error that says what `message` displays.
    #[must_use]
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string().into(), code: None }
    }

    /// The gateway's code, where the gateway refused a call.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.code
    }

    /// The gateway answered `code` when it was asked to do `what` to `subject`.
    #[cold]
    pub(crate) fn refused(code: Code, what: &str, subject: impl fmt::Display) -> Self {
        let reason = code.reason();
        Self { message: format!("{what} `{subject}`: {reason}").into(), code: Some(code) }
    }

    /// The same error, with what was being done before it.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message).into(), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self { message: code.reason().into(), code: Some(code) }
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self { message: message.into(), code: None }
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self { message: message.into(), code: None }
    }
}

macro_rules! from_display {
    ($($error:ty),+) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        }
    )+};
}

from_display!(
    serde_json::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::str::Utf8Error,
    std::string::FromUtf8Error
);

/// The non-negative answer of a host call; a negative one as an error that names what was tried.
#[inline]
pub(crate) fn done(answer: i32, what: &str, subject: impl fmt::Display) -> Result<()> {
    match Code::from_i32(answer) {
        None => Ok(()),
        Some(code) => Err(Error::refused(code, what, subject)),
    }
}

/// The non-negative answer of a host call, as a number of bytes.
pub(crate) fn count(answer: i32, what: &str, subject: impl fmt::Display) -> Result<usize> {
    match usize::try_from(answer) {
        Ok(count) => Ok(count),
        Err(_) => Err(Error::refused(Code::from_i32(answer).unwrap_or(Code::Invalid), what, subject)),
    }
}

/// Like [`done`], where `NOT_FOUND` is no error but `false`.
#[inline]
pub(crate) fn found(answer: i32, what: &str, subject: impl fmt::Display) -> Result<bool> {
    match Code::from_i32(answer) {
        None => Ok(true),
        Some(Code::NotFound) => Ok(false),
        Some(code) => Err(Error::refused(code, what, subject)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_tried_and_why_not() {
        let error = done(Code::Forbidden as i32, "set request header", "te").unwrap_err();
        assert_eq!(error.to_string(), "set request header `te`: not allowed here");
        assert_eq!(error.code(), Some(Code::Forbidden));
    }

    #[test]
    fn context_stands_before_the_message() {
        let error = Error::from("no such key").context("keys");
        assert_eq!(error.to_string(), "keys: no such key");
    }
}
