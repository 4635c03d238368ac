//! The attributes of an exchange.

use gatewright_abi::Code;

use super::check::attribute_name;
use super::{Checked, Exchange};

impl Exchange {
    pub(super) fn attribute(&self, name: &[u8]) -> Checked<&[u8]> {
        self.in_exchange()?;
        Ok(self.attributes.get(attribute_name(name)?).ok_or(Code::NotFound)?)
    }

    pub(super) fn set_attribute(&mut self, name: &[u8], value: &[u8]) -> Checked<()> {
        self.in_exchange()?;
        self.attributes.insert(attribute_name(name)?.to_owned(), value.to_vec());
        Ok(())
    }

    pub(super) fn remove_attribute(&mut self, name: &[u8]) -> Checked<()> {
        self.in_exchange()?;
        self.attributes.remove(attribute_name(name)?).ok_or(Code::NotFound)?;
        Ok(())
    }
}
