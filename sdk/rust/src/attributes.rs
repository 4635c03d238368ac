use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{done, found};
use crate::read::{optional, read, text};
use crate::{Error, Result, host};

/// What the plugins of an exchange note about it: names with bytes, kept by the gateway from the first hook to the
/// access log, seen by every plugin of the exchange.
///
/// The phases of a middleware may run in different instances of the plugin: what the response phase must know of the
/// request phase goes here. Names are shared by all plugins, so give yours a prefix where others should not meet them.
#[derive(Clone, Copy, Debug)]
pub struct Attributes(());

impl Attributes {
    pub(crate) const fn of_exchange() -> Self {
        Self(())
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        optional(read(|out| host::attribute(name.as_bytes(), out)), "read attribute", name)
    }

    /// The value of an attribute as text; an error where it is not UTF-8.
    pub fn get_str(&self, name: &str) -> Result<Option<String>> {
        self.get(name)?.map(|value| text(value, "read attribute", name)).transpose()
    }

    /// The value of an attribute as a number that [`Attributes::set_number`] wrote; an error where it is none.
    pub fn get_number<N>(&self, name: &str) -> Result<Option<N>>
    where
        N: FromStr<Err: Display>,
    {
        let Some(text) = self.get_str(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(error) => Err(Error::new(format_args!("attribute `{name}`: {error}"))),
        }
    }

    /// Sets an attribute.
    pub fn set(&self, name: &str, value: impl AsRef<[u8]>) -> Result<()> {
        done(host::set_attribute(name.as_bytes(), value.as_ref()), "set attribute", name)
    }

    /// Sets an attribute to a number, in decimal.
    pub fn set_number(&self, name: &str, number: impl Display) -> Result<()> {
        self.set(name, number.to_string())
    }

    /// The value of an attribute that [`Attributes::set_bool`] wrote; an error where it is neither `true` nor `false`.
    pub fn get_bool(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name)?.as_deref() {
            None => Ok(None),
            Some(b"true") => Ok(Some(true)),
            Some(b"false") => Ok(Some(false)),
            Some(_) => Err(Error::new(format_args!("attribute `{name}`: neither `true` nor `false`"))),
        }
    }

    /// Sets an attribute to `true` or `false`.
    pub fn set_bool(&self, name: &str, value: bool) -> Result<()> {
        self.set(name, if value { "true" } else { "false" })
    }

    /// The value of an attribute, read as JSON; an error where it is none, or of another shape.
    pub fn get_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let wrong = |error| Error::from(error).context(format_args!("attribute `{name}`"));
        self.get(name)?.map(|json| serde_json::from_slice(&json).map_err(wrong)).transpose()
    }

    /// Sets an attribute to a value as JSON.
    pub fn set_json(&self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.set(name, serde_json::to_vec(value)?)
    }

    /// Removes an attribute; `false` where there was none.
    pub fn remove(&self, name: &str) -> Result<bool> {
        found(host::remove_attribute(name.as_bytes()), "remove attribute", name)
    }
}
