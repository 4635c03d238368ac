//! What names, values, parts and numbers may be.

use gatewright_abi::{Code, Part};

use super::Checked;
use crate::name::{is_reserved, is_token};

/// A field's name in lower case.
pub(crate) fn field_name(name: &[u8]) -> Checked<String> {
    if !is_token(name) {
        return Err(Code::Invalid);
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A field that a message can have.
pub(crate) fn field(name: &[u8], value: &[u8]) -> Checked<(String, Vec<u8>)> {
    let printable = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if !value.iter().all(printable) {
        return Err(Code::Invalid);
    }
    Ok((field_name(name)?, value.to_vec()))
}

/// A field that a guest may set.
pub(super) fn changeable(name: &[u8], value: &[u8]) -> Checked<(String, Vec<u8>)> {
    let field = field(name, value)?;
    if is_reserved(&field.0) { Err(Code::Forbidden) } else { Ok(field) }
}

pub(super) fn valid_status(status: u32) -> Checked<u16> {
    match u16::try_from(status) {
        Ok(status @ 200..=599) => Ok(status),
        _ => Err(Code::Invalid),
    }
}

pub(super) fn attribute_name(name: &[u8]) -> Checked<&str> {
    match std::str::from_utf8(name) {
        Ok("") | Err(_) => Err(Code::Invalid),
        Ok(name) => Ok(name),
    }
}

pub(super) fn part_is_valid(part: Part, value: &[u8]) -> bool {
    let visible =
        |bytes: &[u8], but: &[u8]| bytes.iter().all(|byte| byte.is_ascii_graphic() && !but.contains(byte));
    match part {
        Part::Method => is_token(value),
        Part::Path => value.starts_with(b"/") && visible(value, b"?#"),
        Part::Query => visible(value, b"#"),
        Part::Host => !value.is_empty() && visible(value, b"/?#@"),
        Part::TimeoutMs => {
            std::str::from_utf8(value).is_ok_and(|text| text.parse::<u32>().is_ok_and(|ms| ms > 0))
        }
        Part::Upstream | Part::Endpoint => std::str::from_utf8(value).is_ok_and(|text| !text.is_empty()),
        Part::HashKey | Part::ClientIp | Part::Scheme | Part::Route | Part::RequestId | Part::Protocol => {
            true
        }
    }
}
