use bytes::{Bytes, BytesMut};

use super::FieldError;

/// Which of an exchange's two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Request,
    /// The upstream's, or a plugin's.
    Response,
}

/// What a guest sees of a body during one call, and what it makes of it.
#[derive(Debug)]
pub struct Window {
    /// Whose body it is.
    pub side: Side,
    /// The bytes at hand.
    pub bytes: Bytes,
    /// Whether nothing follows them.
    pub whole: bool,
    access: Access,
    replaced: bool,
    written: BytesMut,
}

/// What a guest may do with the bytes besides reading them, and up to how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Read,
    /// Put others in their place.
    Replace(usize),
    /// Say what goes on instead of them.
    Write(usize),
}

impl Window {
    /// A window on `bytes`.
    #[must_use]
    pub fn new(side: Side, bytes: Bytes, whole: bool, access: Access) -> Self {
        Self { side, bytes, whole, access, replaced: false, written: BytesMut::new() }
    }

    /// Puts `bytes` in the place of those that are there.
    ///
    /// # Errors
    /// [`FieldError::Forbidden`] where the guest may not, [`FieldError::Limit`] where they are too many.
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), FieldError> {
        match self.access {
            Access::Replace(limit) if bytes.len() > limit => Err(FieldError::Limit),
            Access::Replace(_) => {
                self.bytes = Bytes::copy_from_slice(bytes);
                self.replaced = true;
                Ok(())
            }
            Access::Read | Access::Write(_) => Err(FieldError::Forbidden),
        }
    }

    /// Adds `bytes` to what goes on.
    ///
    /// # Errors
    /// As [`Window::replace`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FieldError> {
        let Access::Write(limit) = self.access else { return Err(FieldError::Forbidden) };
        if bytes.len() > limit.saturating_sub(self.written.len()) {
            return Err(FieldError::Limit);
        }
        self.written.extend_from_slice(bytes);
        Ok(())
    }

    /// What the guest put in the place of the body, if it did.
    #[must_use]
    pub fn into_replaced(self) -> Option<Bytes> {
        self.replaced.then_some(self.bytes)
    }

    /// What the guest wrote.
    #[must_use]
    pub fn into_written(self) -> Bytes {
        self.written.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(access: Access) -> Window {
        Window::new(Side::Request, Bytes::from_static(b"old"), true, access)
    }

    #[test]
    fn what_is_put_in_place_is_read_from_then_on() {
        let mut window = window(Access::Replace(3));
        assert_eq!(window.replace(b"more"), Err(FieldError::Limit));
        assert_eq!(window.bytes, "old");
        window.replace(b"new").unwrap();
        assert_eq!(window.bytes, "new");
        assert_eq!(window.into_replaced().unwrap(), "new");
    }

    #[test]
    fn what_is_written_adds_up_to_the_limit() {
        let mut window = window(Access::Write(4));
        window.write(b"ab").unwrap();
        assert_eq!(window.write(b"cde"), Err(FieldError::Limit));
        window.write(b"cd").unwrap();
        assert_eq!(window.into_written(), "abcd");
    }

    #[test]
    fn a_guest_that_may_only_read_changes_nothing() {
        let mut window = window(Access::Read);
        assert_eq!(window.replace(b"x"), Err(FieldError::Forbidden));
        assert_eq!(window.write(b"x"), Err(FieldError::Forbidden));
        assert!(window.into_replaced().is_none());
    }
}
