use serde::de::DeserializeOwned;

use crate::error::count;
use crate::read::{optional, read, text};
use crate::{AllHeaders, Error, Result, host};

/// An upstream's response to a request of this plugin. The gateway keeps it until this is dropped, or the hook ends.
#[derive(Debug)]
pub struct Response {
    handle: Handle,
    status: u16,
}

impl Response {
    pub(super) fn new(handle: Handle, status: u16) -> Self {
        Self { handle, status }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let value = read(|out| host::http_header(self.handle.0, name.as_bytes(), 0, out));
        optional(value, "read header of an upstream's response", name)
    }

    /// The first value of a header as text; an error where it is not UTF-8.
    pub fn header_str(&self, name: &str) -> Result<Option<String>> {
        let text = |value| text(value, "read header of an upstream's response", name);
        self.header(name)?.map(text).transpose()
    }

    /// All header fields, with one call to the gateway.
    pub fn headers(&self) -> Result<AllHeaders> {
        AllHeaders::checked(read(|out| host::http_headers(self.handle.0, out)), "upstream's response")
    }

    /// The body.
    pub fn body(&self) -> Result<Vec<u8>> {
        let (what, subject) = ("read body of", "upstream's response");
        let mut bytes = Vec::with_capacity(count(host::http_size(self.handle.0), what, subject)?);
        count(host::http_read(self.handle.0, 0, &mut bytes), what, subject)?;
        Ok(bytes)
    }

    /// The body as text; an error where it is not UTF-8.
    pub fn text(&self) -> Result<String> {
        text(self.body()?, "read body of", "upstream's response")
    }

    /// The body, read as JSON; an error where it is none, or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let wrong = |error| Error::from(error).context("body of an upstream's response");
        serde_json::from_slice(&self.body()?).map_err(wrong)
    }
}

/// What the gateway keeps of a request, until it is dropped here.
#[derive(Debug)]
pub(super) struct Handle(u32);

impl Handle {
    pub(super) const fn of(id: u32) -> Self {
        Self(id)
    }

    pub(super) fn status(&self) -> i32 {
        host::http_status(self.0)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Where the hook has ended the gateway has forgotten it already.
        let _ = host::http_close(self.0);
    }
}
