//! Message heads: fields, parts, status and the answer of a middleware.

use gatewright_abi::{Code, Message, Part, fields};

use super::check::{changeable, field_name, part_is_valid, valid_status};
use super::{Checked, Exchange, Fields, Given, Phase};
use crate::headers::pack;

impl Exchange {
    pub(crate) fn part(&self, part: Part) -> Option<&[u8]> {
        self.parts.get(&(part as u32)).map(Vec::as_slice)
    }

    /// Sets a part without asking who may.
    pub(crate) fn put_part(&mut self, part: Part, value: &[u8]) -> Checked<()> {
        if !part_is_valid(part, value) {
            return Err(Code::Invalid);
        }
        if part == Part::Query && value.is_empty() {
            self.parts.remove(&(part as u32));
        } else {
            self.parts.insert(part as u32, value.to_vec());
        }
        Ok(())
    }

    pub(super) fn set_part(&mut self, part: Part, value: &[u8]) -> Checked<()> {
        let allowed = match part {
            Part::Method | Part::Path | Part::Query | Part::Host => self.phase.is_request(),
            Part::Upstream | Part::Endpoint | Part::HashKey | Part::TimeoutMs => self.phase == Phase::Direct,
            Part::ClientIp | Part::Scheme | Part::Route | Part::RequestId | Part::Protocol => false,
        };
        if !allowed {
            return Err(Code::Forbidden);
        }
        self.put_part(part, value)
    }

    pub(super) fn get_part(&self, part: Part) -> Checked<&[u8]> {
        self.in_exchange()?;
        self.part(part).ok_or(Code::NotFound)
    }

    fn readable(&self, message: Message) -> Checked<&Fields> {
        self.in_exchange()?;
        match message {
            Message::Request => Ok(&self.request),
            Message::Response if self.phase.has_response() => Ok(&self.response),
            Message::Response => Err(Code::Forbidden),
        }
    }

    fn writable(&mut self, message: Message) -> Checked<&mut Fields> {
        match message {
            Message::Request if self.phase.is_request() => Ok(&mut self.request),
            Message::Response if self.phase.is_response() => Ok(&mut self.response),
            _ => Err(Code::Forbidden),
        }
    }

    pub(super) fn header(&self, message: Message, name: &[u8], index: u32) -> Checked<&[u8]> {
        let fields = self.readable(message)?;
        let name = field_name(name)?;
        if is_host(message, &name) {
            return if index == 0 { self.get_part(Part::Host) } else { Err(Code::NotFound) };
        }
        let mut values = fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_slice());
        values.nth(index.try_into().map_err(|_| Code::Invalid)?).ok_or(Code::NotFound)
    }

    pub(super) fn set_header(&mut self, message: Message, name: &[u8], value: &[u8]) -> Checked<()> {
        self.writable(message)?;
        let (name, value) = changeable(name, value)?;
        if is_host(message, &name) {
            return self.set_part(Part::Host, &value);
        }
        let fields = self.writable(message)?;
        // Where the first one stood, as the header maps of HTTP libraries do it.
        let place = fields.iter().position(|field| field.0 == name).unwrap_or(fields.len());
        fields.retain(|field| field.0 != name);
        fields.insert(place, (name, value));
        Ok(())
    }

    pub(super) fn add_header(&mut self, message: Message, name: &[u8], value: &[u8]) -> Checked<()> {
        let fields = self.writable(message)?;
        let (name, value) = changeable(name, value)?;
        if is_host(message, &name) {
            return Err(Code::Forbidden);
        }
        fields.push((name, value));
        Ok(())
    }

    pub(super) fn remove_header(&mut self, message: Message, name: &[u8]) -> Checked<()> {
        let fields = self.writable(message)?;
        let (name, _) = changeable(name, b"")?;
        if is_host(message, &name) {
            return Err(Code::Forbidden);
        }
        let before = fields.len();
        fields.retain(|field| field.0 != name);
        if fields.len() < before { Ok(()) } else { Err(Code::NotFound) }
    }

    pub(super) fn all_headers(&self, message: Message) -> Checked<Vec<u8>> {
        let host = match message {
            Message::Request => self.part(Part::Host).map(|host| ("host", host)),
            Message::Response => None,
        };
        let fields = self.readable(message)?.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        Ok(packed(host.into_iter().chain(fields)))
    }

    pub(super) fn status(&self) -> Checked<i32> {
        self.readable(Message::Response)?;
        Ok(self.status.into())
    }

    pub(super) fn set_status(&mut self, status: u32) -> Checked<()> {
        self.writable(Message::Response)?;
        self.status = valid_status(status)?;
        Ok(())
    }

    pub(super) fn give_answer(&mut self, status: u32, fields: &[u8], body: &[u8]) -> Checked<()> {
        if self.phase != Phase::OnRequest {
            return Err(Code::Forbidden);
        }
        if self.answer.is_some() {
            return Err(Code::Already);
        }
        let status = valid_status(status)?;
        let mut checked = Fields::new();
        for field in fields::iter(fields) {
            let (name, value) = field.map_err(|_| Code::Invalid)?;
            checked.push(changeable(name, value)?);
        }
        self.answer = Some(Given { status, fields: checked, body: body.to_vec() });
        Ok(())
    }
}

/// A request's `host` field and [`Part::Host`] are the same thing.
fn is_host(message: Message, name: &str) -> bool {
    message == Message::Request && name == "host"
}

/// Fields as [`fields`] says.
pub(super) fn packed<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut packed = Vec::new();
    fields.into_iter().for_each(|(name, value)| pack(&mut packed, name.as_bytes(), value));
    packed
}
