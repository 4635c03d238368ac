use std::fmt;
use std::ops::Deref;

use gatewright_abi::Code;

use crate::{Error, Result};

/// Bytes that a [`Value`] holds without an allocation: most header values, and with them most reads, cost one host
/// call and no heap.
const INLINE: usize = 192;

/// Bytes that were read from the gateway: a header's value, an attribute, a part of the request.
///
/// It is a `[u8]` wherever one is wanted. Nothing says that it is UTF-8; [`Value::to_str`] finds out.
#[derive(Clone)]
pub struct Value(Storage);

#[derive(Clone)]
enum Storage {
    Inline { len: usize, bytes: [u8; INLINE] },
    Heap(Vec<u8>),
}

impl Value {
    /// Reads a value through `ask`, which is given room and answers the length of the value (see the crate
    /// `gatewright-abi` on reading), and again with more room where it was too small.
    pub(crate) fn read(mut ask: impl FnMut(&mut [u8]) -> i32) -> Result<Self, Code> {
        let mut bytes = [0; INLINE];
        let mut len = length(ask(&mut bytes))?;
        if len <= INLINE {
            return Ok(Self(Storage::Inline { len, bytes }));
        }
        loop {
            let mut heap = vec![0; len];
            len = length(ask(&mut heap))?;
            if len <= heap.len() {
                heap.truncate(len);
                return Ok(Self(Storage::Heap(heap)));
            }
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Storage::Inline { len, bytes } => bytes.get(..*len).unwrap_or_default(),
            Storage::Heap(bytes) => bytes,
        }
    }

    /// The bytes as text, where they are UTF-8.
    pub fn to_str(&self) -> Result<&str> {
        Ok(std::str::from_utf8(self.as_bytes())?)
    }

    /// The bytes as a vector of their own.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Storage::Inline { .. } => self.as_bytes().to_vec(),
            Storage::Heap(bytes) => bytes,
        }
    }

    /// The same value as text; `what` and `subject` name it in the error where it is not UTF-8.
    pub(crate) fn into_text(self, what: &str, subject: &[u8]) -> Result<Text> {
        match self.to_str() {
            Ok(_) => Ok(Text(self)),
            Err(error) => Err(error.context(format!("{what} `{}`", String::from_utf8_lossy(subject)))),
        }
    }
}

fn length(answer: i32) -> Result<usize, Code> {
    match usize::try_from(answer) {
        Ok(len) => Ok(len),
        Err(_) => Err(Code::from_i32(answer).unwrap_or(Code::Invalid)),
    }
}

/// `NOT_FOUND` is no error but `None`; every other refusal names what was tried.
pub(crate) fn optional(read: Result<Value, Code>, what: &str, subject: &[u8]) -> Result<Option<Value>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Code::NotFound) => Ok(None),
        Err(code) => Err(Error::refused(code, what, subject)),
    }
}

/// Like [`optional`], as text.
pub(crate) fn optional_text(read: Result<Value, Code>, what: &str, subject: &[u8]) -> Result<Option<Text>> {
    optional(read, what, subject)?.map(|value| value.into_text(what, subject)).transpose()
}

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Value {
    fn eq(&self, other: &T) -> bool {
        self.as_bytes() == other.as_ref()
    }
}

impl Eq for Value {}

impl From<Value> for Vec<u8> {
    fn from(value: Value) -> Self {
        value.into_vec()
    }
}

/// A [`Value`] that is UTF-8: a `str` wherever one is wanted.
#[derive(Clone)]
pub struct Text(Value);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was checked when it was made; checking once more is the price of no `unsafe` here.
        std::str::from_utf8(self.0.as_bytes()).unwrap_or_default()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<T: AsRef<str> + ?Sized> PartialEq<T> for Text {
    fn eq(&self, other: &T) -> bool {
        self.as_str() == other.as_ref()
    }
}

impl Eq for Text {}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that holds `value`.
    fn host(value: &[u8]) -> impl FnMut(&mut [u8]) -> i32 {
        move |room| {
            if let Some(room) = room.get_mut(..value.len()) {
                room.copy_from_slice(value);
            }
            i32::try_from(value.len()).unwrap()
        }
    }

    #[test]
    fn a_value_is_read_whole_whatever_its_length() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 5000] {
            let bytes: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let value = Value::read(host(&bytes)).unwrap();
            assert_eq!(value, bytes);
            assert_eq!(value.into_vec(), bytes);
        }
    }

    #[test]
    fn a_value_that_grows_between_two_calls_is_asked_for_again() {
        let mut lengths = [300, 400, 350].into_iter();
        let value = Value::read(|_| lengths.next().unwrap()).unwrap();
        assert_eq!(value.len(), 350);
    }

    #[test]
    fn text_must_be_utf8() {
        let error = Value::read(host(b"\xff")).unwrap().into_text("header", b"x").unwrap_err();
        assert!(error.to_string().starts_with("header `x`: invalid utf-8"), "{error}");
        assert_eq!(Value::read(host("é".as_bytes())).unwrap().into_text("header", b"x").unwrap(), "é");
    }
}
