//! Reading from the gateway: room first, then as much more as the value wants.

use std::fmt::Display;

use gatewright_abi::Code;

use crate::{Error, Result};

/// Room for most header values, so that a read is one call; small enough that the allocator has it at hand.
const USUAL: usize = 192;

/// Reads a value through `ask`, which fills what it is given if the value fits its capacity, and answers the length of
/// the value.
pub(crate) fn read(mut ask: impl FnMut(&mut Vec<u8>) -> i32) -> Result<Vec<u8>, Code> {
    let mut bytes = Vec::with_capacity(USUAL);
    loop {
        let answer = ask(&mut bytes);
        let Ok(len) = usize::try_from(answer) else {
            return Err(Code::from_i32(answer).unwrap_or(Code::Invalid));
        };
        if len <= bytes.capacity() {
            return Ok(bytes);
        }
        bytes.reserve_exact(len);
    }
}

/// `NOT_FOUND` is no error but `None`; every other refusal names what was tried.
pub(crate) fn optional(
    read: Result<Vec<u8>, Code>,
    what: &str,
    subject: impl Display,
) -> Result<Option<Vec<u8>>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Code::NotFound) => Ok(None),
        Err(code) => Err(Error::refused(code, what, subject)),
    }
}

/// Bytes as text; `what` and `subject` name them in the error where they are not UTF-8.
pub(crate) fn text(bytes: Vec<u8>, what: &str, subject: impl Display) -> Result<String> {
    String::from_utf8(bytes)
        .map_err(|error| Error::new(error.utf8_error()).context(format_args!("{what} `{subject}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that holds `value`.
    fn host(value: &[u8]) -> impl FnMut(&mut Vec<u8>) -> i32 {
        move |room| {
            if value.len() <= room.capacity() {
                room.extend_from_slice(value);
            }
            i32::try_from(value.len()).unwrap()
        }
    }

    #[test]
    fn a_value_is_read_whole_whatever_its_length() {
        for len in [0, 1, USUAL - 1, USUAL, USUAL + 1, 5000] {
            let bytes: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(read(host(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn a_value_that_grows_between_two_calls_is_asked_for_again() {
        let mut lengths = [300, 400, 350].into_iter();
        let value = read(|room| {
            let len = lengths.next().unwrap();
            if len <= room.capacity() {
                room.resize(len, b'x');
            }
            i32::try_from(len).unwrap()
        });
        assert_eq!(value.unwrap().len(), 350);
    }

    #[test]
    fn text_must_be_utf8() {
        let error = text(b"\xff".to_vec(), "read header", "x").unwrap_err();
        assert!(error.to_string().starts_with("read header `x`: invalid utf-8"), "{error}");
    }
}
