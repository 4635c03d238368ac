use std::borrow::Cow;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};

use super::FieldError;

/// Names that are remembered. Guests use few, and most of them a handful.
const MAX_KNOWN: usize = 32;

/// A field's name as guests write it, checked once.
#[derive(Clone, Debug)]
pub struct FieldName {
    /// The name.
    pub name: HeaderName,
    /// Whether only the gateway sets it.
    pub is_hosts: bool,
}

/// The names that one guest has used: to parse one takes longer than to find it here, and a copy of a custom name is a
/// count rather than an allocation.
#[derive(Debug, Default)]
pub struct FieldNames {
    known: Vec<(Box<[u8]>, FieldName)>,
}

impl FieldNames {
    /// The name that these bytes are.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where they are none.
    pub fn get(&mut self, bytes: &[u8]) -> Result<Cow<'_, FieldName>, FieldError> {
        let place = match self.known.iter().position(|(known, _)| **known == *bytes) {
            Some(place) => place,
            None => {
                let name = FieldName::parse(bytes)?;
                if self.known.len() >= MAX_KNOWN {
                    return Ok(Cow::Owned(name));
                }
                self.known.push((bytes.into(), name));
                self.known.len() - 1
            }
        };
        self.known.get(place).map(|(_, name)| Cow::Borrowed(name)).ok_or(FieldError::Invalid)
    }
}

impl FieldName {
    /// The name that these bytes are.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where they are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, FieldError> {
        let name = HeaderName::from_bytes(bytes).map_err(|_| FieldError::Invalid)?;
        let is_hosts = is_hosts(&name);
        Ok(Self { name, is_hosts })
    }
}

/// Fields that say where a message ends or belong to one connection: a guest that could set them could smuggle. And the
/// one that ends loops.
fn is_hosts(name: &HeaderName) -> bool {
    const OWN: [HeaderName; 6] = [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    OWN.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "cdn-loop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_often_it_is_asked_for() {
        let mut names = FieldNames::default();
        for _ in 0..3 {
            assert_eq!(names.get(b"X-Custom").unwrap().name, "x-custom");
            assert_eq!(names.get(b"Host").unwrap().name, http::header::HOST);
            assert!(names.get(b"Connection").unwrap().is_hosts);
            assert_eq!(names.get(b"x y").unwrap_err(), FieldError::Invalid);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut names = FieldNames::default();
        for n in 0..1000 {
            assert_eq!(names.get(format!("x-{n}").as_bytes()).unwrap().name, format!("x-{n}").as_str());
        }
        assert_eq!(names.known.len(), MAX_KNOWN);
    }
}
