//! Header changes on behalf of a guest: what is valid, what only the host may set, and how much is too much.

use http::HeaderMap;
use http::header::{Entry, HeaderName, HeaderValue};

use super::FieldName;

/// How many fields a head may have after guests have added to it.
const MAX_FIELDS: usize = 256;

/// Why a change to a head was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not a valid name or value.
    #[error("not a valid name or value")]
    Invalid,
    /// Message framing and hop-by-hop fields are the host's.
    #[error("a field that only the gateway sets")]
    Forbidden,
    /// Too many fields.
    #[error("too many")]
    Limit,
}

/// Replaces all values of `name` by `value`.
///
/// # Errors
/// See [`FieldError`].
pub fn set(headers: &mut HeaderMap, name: &FieldName, value: &[u8]) -> Result<(), FieldError> {
    let (name, value) = checked(name, value)?;
    let full = headers.len() >= MAX_FIELDS;
    match headers.try_entry(name).map_err(|_| FieldError::Limit)? {
        Entry::Occupied(mut entry) => {
            entry.insert(value);
        }
        Entry::Vacant(_) if full => return Err(FieldError::Limit),
        Entry::Vacant(entry) => {
            entry.try_insert(value).map_err(|_| FieldError::Limit)?;
        }
    }
    Ok(())
}

/// Adds `value` to those that `name` has. A second `Host` is refused.
///
/// # Errors
/// See [`FieldError`].
pub fn add(headers: &mut HeaderMap, name: &FieldName, value: &[u8]) -> Result<(), FieldError> {
    let (name, value) = checked(name, value)?;
    if name == http::header::HOST && headers.contains_key(name) {
        return Err(FieldError::Forbidden);
    }
    if headers.len() >= MAX_FIELDS {
        return Err(FieldError::Limit);
    }
    headers.try_append(name, value).map_err(|_| FieldError::Limit)?;
    Ok(())
}

/// Removes all values of `name`; whether there were any.
///
/// # Errors
/// [`FieldError::Forbidden`] where it is the host's.
pub fn remove(headers: &mut HeaderMap, name: &FieldName) -> Result<bool, FieldError> {
    if name.is_hosts {
        return Err(FieldError::Forbidden);
    }
    Ok(headers.remove(&name.name).is_some())
}

fn checked<'a>(name: &'a FieldName, value: &[u8]) -> Result<(&'a HeaderName, HeaderValue), FieldError> {
    if name.is_hosts {
        return Err(FieldError::Forbidden);
    }
    let value = HeaderValue::from_bytes(value).map_err(|_| FieldError::Invalid)?;
    Ok((&name.name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(headers: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), FieldError> {
        super::set(headers, &FieldName::parse(name)?, value)
    }

    fn add(headers: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), FieldError> {
        super::add(headers, &FieldName::parse(name)?, value)
    }

    fn remove(headers: &mut HeaderMap, name: &[u8]) -> Result<bool, FieldError> {
        super::remove(headers, &FieldName::parse(name)?)
    }

    #[test]
    fn framing_fields_are_refused_in_any_case() {
        let mut headers = HeaderMap::new();
        for name in [
            "Connection",
            "content-length",
            "TE",
            "Transfer-Encoding",
            "upgrade",
            "Keep-Alive",
            "trailer",
            "CDN-Loop",
        ] {
            assert_eq!(set(&mut headers, name.as_bytes(), b"x"), Err(FieldError::Forbidden), "{name}");
            assert_eq!(add(&mut headers, name.as_bytes(), b"x"), Err(FieldError::Forbidden), "{name}");
            assert_eq!(remove(&mut headers, name.as_bytes()), Err(FieldError::Forbidden), "{name}");
        }
        assert!(headers.is_empty());
    }

    #[test]
    fn line_breaks_never_get_in() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x", "a\r\nb: c"), ("x", "a\0"), ("x\r\n", "a"), ("", "a"), ("x y", "a")] {
            assert_eq!(set(&mut headers, name.as_bytes(), value.as_bytes()), Err(FieldError::Invalid));
        }
    }

    #[test]
    fn the_number_of_fields_is_bounded_for_set_and_add() {
        let mut headers = HeaderMap::new();
        let added =
            (0..100_000).take_while(|n| set(&mut headers, format!("x-{n}").as_bytes(), b"").is_ok()).count();
        assert_eq!(added, MAX_FIELDS);
        assert_eq!(add(&mut headers, b"x-0", b"1"), Err(FieldError::Limit));
        assert_eq!(set(&mut headers, b"x-0", b"1"), Ok(()));
    }
}
