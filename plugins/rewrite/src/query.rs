//! Parameters of a query.

/// A parameter to set.
#[derive(Debug)]
pub(crate) struct Parameter {
    name: String,
    /// `name=value`, escaped.
    escaped: String,
}

impl Parameter {
    pub(crate) fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), escaped: format!("{}={}", escape(name), escape(value)) }
    }
}

/// Sets `parameters` in `query`: in the place of the first one of the same name, or at the end. Everything else stays
/// byte for byte.
pub(crate) fn set(query: &str, parameters: &[Parameter]) -> String {
    let mut pieces: Vec<&str> = if query.is_empty() { Vec::new() } else { query.split('&').collect() };
    for parameter in parameters {
        let is_it = |piece: &str| !piece.is_empty() && name_of(piece) == parameter.name.as_bytes();
        let place = pieces.iter().position(|piece| is_it(piece)).unwrap_or(pieces.len());
        pieces.retain(|piece| !is_it(piece));
        pieces.insert(place, &parameter.escaped);
    }
    pieces.join("&")
}

/// The name of `name=value`, unescaped.
fn name_of(piece: &str) -> Vec<u8> {
    let name = piece.split_once('=').map_or(piece, |(name, _)| name);
    let mut rest = name.as_bytes();
    let mut unescaped = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        let escape = if byte == b'%' { escaped_byte(after) } else { None };
        let plain = if byte == b'+' { b' ' } else { byte };
        let (byte, after) = escape.unwrap_or((plain, after));
        unescaped.push(byte);
        rest = after;
    }
    unescaped
}

/// The byte of the two hexadecimal digits that `bytes` begins with, and what follows them.
fn escaped_byte(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], after) = bytes.split_first_chunk()?;
    Some((digit(*high)? * 16 + digit(*low)?, after))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_one(query: &str, name: &str, value: &str) -> String {
        set(query, &[Parameter::new(name, value)])
    }

    #[test]
    fn a_new_parameter_goes_to_the_end() {
        assert_eq!(set_one("", "a", "1"), "a=1");
        assert_eq!(set_one("x=1&y", "a", "1"), "x=1&y&a=1");
    }

    #[test]
    fn every_parameter_of_the_name_is_replaced_by_one_in_the_place_of_the_first() {
        assert_eq!(set_one("x=1&a=2&y=3&a=4&a", "a", "5"), "x=1&a=5&y=3");
        assert_eq!(set_one("%61=2&b", "a", "5"), "a=5&b");
        assert_eq!(set_one("a+b=1&a%20b=2", "a b", "3"), "a%20b=3");
    }

    #[test]
    fn what_is_not_replaced_stays_byte_for_byte() {
        assert_eq!(set_one("x=%7E&&=&y=%zz&%&%4&aa=1", "a", "1"), "x=%7E&&=&y=%zz&%&%4&aa=1&a=1");
    }

    #[test]
    fn names_and_values_are_escaped() {
        assert_eq!(set_one("", "a&b", "c=d e+é~"), "a%26b=c%3Dd%20e%2B%C3%A9~");
    }
}
