use std::fmt;

/// Identifies one exchange in logs and towards plugins: 128 random bits, 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u128);

impl RequestId {
    /// The identifier of no exchange.
    pub const NIL: Self = Self(0);

    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u128(..))
    }

    /// Its digits.
    #[must_use]
    pub fn digits(self) -> [u8; 32] {
        const HEX: [u8; 16] = *b"0123456789abcdef";
        let mut digits = [0; 32];
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            let nibble = (self.0 >> (place * 4)) & 0xf;
            *digit = HEX.get(nibble as usize).copied().unwrap_or(b'0');
        }
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_display_agree() {
        for id in [RequestId::NIL, RequestId(0xdead_beef), RequestId(u128::MAX), RequestId::random()] {
            assert_eq!(id.to_string().as_bytes(), id.digits());
        }
    }
}
