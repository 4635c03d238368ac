use bytes::Bytes;

use super::FieldError;

/// How many attributes one exchange may carry.
const MAX_ATTRIBUTES: usize = 64;

/// Per-exchange notes: a name (UTF-8) and a value (bytes) each. Few, so a list is faster than a map.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    entries: Vec<(Box<str>, Bytes)>,
}

impl Attributes {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.entries.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// Sets `name`, replacing what it was.
    ///
    /// # Errors
    /// [`FieldError::Limit`] where there are too many already.
    pub fn set(&mut self, name: &str, value: Bytes) -> Result<(), FieldError> {
        if let Some((_, known)) = self.entries.iter_mut().find(|(known, _)| **known == *name) {
            *known = value;
            return Ok(());
        }
        if self.entries.len() >= MAX_ATTRIBUTES {
            return Err(FieldError::Limit);
        }
        self.entries.push((name.into(), value));
        Ok(())
    }

    /// Removes `name`; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|(known, _)| **known != *name);
        self.entries.len() != before
    }

    /// All of them, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }

    /// Those that `before` does not have, or has with another value.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let new = self.entries.iter().filter(|(name, value)| before.get(name) != Some(value));
        Self { entries: new.cloned().collect() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_and_the_first_place_is_kept() {
        let mut attributes = Attributes::default();
        for (name, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
            attributes.set(name, Bytes::from_static(value.as_bytes())).unwrap();
        }
        let all: Vec<_> = attributes.iter().map(|(n, v)| (n, v.as_ref())).collect();
        assert_eq!(all, [("a", &b"3"[..]), ("b", b"2")]);
    }

    #[test]
    fn their_number_is_bounded() {
        let mut attributes = Attributes::default();
        let refused = (0..1000).find(|n| attributes.set(&n.to_string(), Bytes::new()).is_err());
        assert_eq!(refused, Some(MAX_ATTRIBUTES));
        assert_eq!(attributes.set("0", Bytes::from_static(b"x")), Ok(()));
    }
}
