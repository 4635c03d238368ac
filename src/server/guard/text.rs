//! Which bytes may stand where in a head (RFC 9110, 5.5 and 5.6.2; RFC 3986).

/// A set of bytes.
pub(super) struct Class([bool; 256]);

/// What tokens are made of: methods and field names.
pub(super) static TOKEN: Class = Class::of(b"!#$%&'*+-.^_`|~");

/// What targets are made of. Among what RFC 3986 leaves out, `"{}|^[]` are seen in the wild and mean nothing; `#` ends a
/// URI, some servers take `\` for a slash, and bytes beyond ASCII are read in as many ways as there are servers.
pub(super) static TARGET: Class = Class::of(b"-._~:/?[]@!$&'()*+,;=%\"{}|^");

impl Class {
    /// Letters, digits and `marks`.
    const fn of(marks: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut byte = 0;
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        while byte < 256 {
            #[expect(clippy::cast_possible_truncation, reason = "below 256")]
            let this = byte as u8;
            set[byte] = this.is_ascii_alphanumeric();
            let mut mark = 0;
            while mark < marks.len() {
                set[byte] |= marks[mark] == this;
                mark += 1;
            }
            byte += 1;
        }
        Self(set)
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|member| *member)
    }

    /// Splits off the bytes of this class at the start.
    pub(super) fn split<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let end = bytes.iter().position(|byte| !self.has(*byte));
        bytes.split_at(end.unwrap_or(bytes.len()))
    }
}

/// Splits off what may stand in a field's value: no control characters but tabs.
pub(super) fn split_value(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let count = plain(rest);
        end += count;
        if rest.get(count) != Some(&b'\t') {
            return bytes.split_at(end);
        }
        end += 1;
    }
}

const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How many bytes at the start are no control characters, eight at a time.
fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let low = word.wrapping_sub(each(0x20)) & !word;
        let delete = word ^ each(0x7f);
        let delete = delete.wrapping_sub(each(1)) & !delete;
        // The lowest bit that is set is right; those above it may be echoes of it.
        let found = (low | delete) & each(0x80);
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let end = rest.iter().position(|byte| *byte < 0x20 || *byte == 0x7f);
    words.len() * 8 + end.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_is_found_wherever_it_stands() {
        for place in 0..20 {
            for byte in 0..=255u8 {
                let mut bytes = [b'x'; 20];
                bytes[place] = byte;
                let expected = if byte < 0x20 || byte == 0x7f { place } else { 20 };
                assert_eq!(plain(&bytes), expected, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn a_value_goes_on_after_tabs() {
        assert_eq!(split_value(b"\ta\tlonger value\t\r\n"), (&b"\ta\tlonger value\t"[..], &b"\r\n"[..]));
        assert_eq!(split_value(b"a\x80\xff\x01b"), (&b"a\x80\xff"[..], &b"\x01b"[..]));
    }

    #[test]
    fn tokens_and_targets_end_where_they_should() {
        assert_eq!(TOKEN.split(b"Content-Length : 5").0, b"Content-Length");
        assert_eq!(TARGET.split(b"/a?b=%20\\c").0, b"/a?b=%20");
        for byte in b" \t\r\n\0\x7f\x80\\#<>`" {
            assert!(!TARGET.has(*byte), "{byte:#x}");
        }
    }
}
