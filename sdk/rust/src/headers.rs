use std::ops::Deref;

use gatewright_abi::{Code, Message, fields};

use crate::error::{done, found};
use crate::read::{optional, read, text};
use crate::{Error, Result, host};

/// The header fields of a message, to read.
///
/// Names are compared without regard to case. Values are bytes; [`Headers::get_str`] is for those that should be text.
#[derive(Clone, Copy, Debug)]
pub struct Headers {
    message: Message,
}

impl Headers {
    pub(crate) const fn of(message: Message) -> Self {
        Self { message }
    }

    /// The first value of a header.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        optional(self.read(name, 0), self.getting(), name)
    }

    /// The first value of a header as text; an error where it is not UTF-8.
    pub fn get_str(&self, name: &str) -> Result<Option<String>> {
        let text = |value| text(value, self.getting(), name);
        self.get(name)?.map(text).transpose()
    }

    /// All values of a header, in their order.
    pub fn get_all(&self, name: &str) -> Result<Vec<Vec<u8>>> {
        let mut values = Vec::new();
        for index in 0.. {
            match optional(self.read(name, index), self.getting(), name)? {
                Some(value) => values.push(value),
                None => break,
            }
        }
        Ok(values)
    }

    /// Whether there is such a header.
    pub fn contains(&self, name: &str) -> Result<bool> {
        found(host::header(self.message, name.as_bytes(), 0, &mut Vec::new()), self.getting(), name)
    }

    /// All header fields at once, with one call to the gateway.
    pub fn all(&self) -> Result<AllHeaders> {
        AllHeaders::checked(read(|out| host::all_headers(self.message, out)), self.message_name())
    }

    fn read(&self, name: &str, index: u32) -> Result<Vec<u8>, Code> {
        read(|out| host::header(self.message, name.as_bytes(), index, out))
    }

    fn getting(&self) -> &'static str {
        match self.message {
            Message::Request => "read request header",
            Message::Response => "read response header",
        }
    }

    fn message_name(&self) -> &'static str {
        match self.message {
            Message::Request => "request",
            Message::Response => "response",
        }
    }
}

/// The header fields of a message, to read and to change.
///
/// The gateway alone sets what frames a message, what concerns a single connection, and what ends loops (`cdn-loop`,
/// `connection`, `content-length`, `keep-alive`, `proxy-connection`, `te`, `trailer`, `transfer-encoding`, `upgrade`): to
/// change one of these is an error.
#[derive(Debug)]
pub struct HeadersMut(Headers);

impl HeadersMut {
    pub(crate) const fn of(message: Message) -> Self {
        Self(Headers::of(message))
    }

    /// Replaces all values of a header by one.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
        let what = self.either("set request header", "set response header");
        done(host::set_header(self.0.message, name.as_bytes(), value.as_ref()), what, name)
    }

    /// Adds a value to a header and keeps those there are.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
        let what = self.either("add request header", "add response header");
        done(host::add_header(self.0.message, name.as_bytes(), value.as_ref()), what, name)
    }

    /// Removes all values of a header; `false` where there was none.
    pub fn remove(&mut self, name: &str) -> Result<bool> {
        let what = self.either("remove request header", "remove response header");
        found(host::remove_header(self.0.message, name.as_bytes()), what, name)
    }

    fn either(&self, request: &'static str, response: &'static str) -> &'static str {
        match self.0.message {
            Message::Request => request,
            Message::Response => response,
        }
    }
}

impl Deref for HeadersMut {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.0
    }
}

/// All header fields of a message as they were when they were read.
#[derive(Clone, Debug)]
pub struct AllHeaders {
    packed: Vec<u8>,
}

impl AllHeaders {
    /// The fields packed in what was read of `message`.
    pub(crate) fn checked(read: Result<Vec<u8>, Code>, message: &str) -> Result<Self> {
        let packed = read.map_err(|code| Error::refused(code, "read headers", message))?;
        match fields::iter(&packed).find(Result::is_err) {
            None => Ok(Self { packed }),
            Some(_) => Err(Error::refused(Code::Invalid, "read headers", message)),
        }
    }

    /// The fields in their order: name (lower case) and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // `checked` saw that every field is well formed; names are ASCII.
        fields::iter(&self.packed)
            .filter_map(|field| field.ok())
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }
}

/// Packs a field behind those in `fields`.
pub(crate) fn pack(fields: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    fields.extend(fields::prefix(len(name), len(value)));
    fields.extend(name);
    fields.extend(value);
}

/// A guest's memory has no run of bytes that `u32` could not count.
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
