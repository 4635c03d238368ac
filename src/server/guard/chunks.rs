//! A body in chunks, as RFC 9112 (7.1) has it.

use super::text::TOKEN;

/// Bytes of the line before a chunk: its size, and extensions that nobody uses.
const LONGEST_LINE: u32 = 1024;

/// Bytes of all trailers.
const LARGEST_TRAILERS: u32 = 16 << 10;

/// Digits of a size. More would be leading zeros, of which there might be no end.
const MOST_DIGITS: u32 = 16;

/// Follows a body in chunks, to find its end and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// Of the chunk, or what is left of it.
    size: u64,
    /// Bytes of the line, or of the trailers, so far.
    count: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    /// White space between the size and an extension.
    Blank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// Where a trailer, or the end, begins.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

impl Chunks {
    /// Goes on with `bytes`: how many of them belong to the body. It has ended where that is [`Self::has_ended`].
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        let mut rest = bytes;
        while self.place != Place::End {
            if self.place == Place::Data {
                let here = usize::try_from(self.size).unwrap_or(usize::MAX).min(rest.len());
                self.size -= here as u64;
                rest = rest.get(here..).unwrap_or_default();
                if self.size > 0 {
                    break;
                }
                self.place = Place::DataCr;
            }
            let Some((byte, after)) = rest.split_first() else { break };
            self.place = self.step(*byte)?;
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.place == Place::End
    }

    fn step(&mut self, byte: u8) -> Result<Place, &'static str> {
        self.count += 1;
        match self.place {
            Place::Size => self.digit(byte),
            Place::Blank => match byte {
                b';' => Ok(Place::Extension),
                b' ' | b'\t' if self.count < LONGEST_LINE => Ok(Place::Blank),
                _ => Err("white space after a chunk's size"),
            },
            Place::Extension => match byte {
                b'\r' => Ok(Place::SizeLf),
                b'\t' | 0x20..=0x7e | 0x80.. if self.count < LONGEST_LINE => Ok(Place::Extension),
                _ => Err("a chunk's extension is too long or has control characters"),
            },
            Place::SizeLf if byte == b'\n' => {
                self.count = 0;
                Ok(if self.size == 0 { Place::Trailer } else { Place::Data })
            }
            Place::DataCr if byte == b'\r' => Ok(Place::DataLf),
            Place::DataLf if byte == b'\n' => {
                self.count = 0;
                Ok(Place::Size)
            }
            Place::SizeLf | Place::DataCr | Place::DataLf => Err("a chunk does not end with CR LF"),
            Place::Data => Ok(Place::Data),
            _ => self.trailer(byte),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<Place, &'static str> {
        let digits = self.count - 1;
        match byte {
            b'\r' if digits > 0 => Ok(Place::SizeLf),
            b';' if digits > 0 => Ok(Place::Extension),
            b' ' | b'\t' if digits > 0 => Ok(Place::Blank),
            _ => match char::from(byte).to_digit(16) {
                Some(digit) if digits < MOST_DIGITS => {
                    self.size = self.size << 4 | u64::from(digit);
                    Ok(Place::Size)
                }
                _ => Err("a chunk's size is not a hexadecimal number"),
            },
        }
    }

    fn trailer(&self, byte: u8) -> Result<Place, &'static str> {
        if self.count > LARGEST_TRAILERS {
            return Err("the trailers are too large");
        }
        match (self.place, byte) {
            (Place::Trailer, b'\r') => Ok(Place::EndLf),
            (Place::Trailer | Place::TrailerName, byte) if TOKEN.has(byte) => Ok(Place::TrailerName),
            (Place::TrailerName, b':') => Ok(Place::TrailerValue),
            (Place::TrailerValue, b'\r') => Ok(Place::TrailerLf),
            (Place::TrailerValue, b'\t' | 0x20..=0x7e | 0x80..) => Ok(Place::TrailerValue),
            (Place::TrailerLf, b'\n') => Ok(Place::Trailer),
            (Place::EndLf, b'\n') => Ok(Place::End),
            _ => Err("a trailer is malformed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes belong to the body, whatever pieces they come in.
    fn whole(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
        let run = |piece: usize| {
            let (mut chunks, mut count) = (Chunks::default(), 0);
            for piece in bytes.chunks(piece) {
                count += chunks.go_on(piece)?;
                if chunks.has_ended() {
                    return Ok(Some(count));
                }
            }
            Ok(None)
        };
        let at_once = run(bytes.len());
        assert_eq!(at_once, run(1));
        assert_eq!(at_once, run(3));
        at_once
    }

    #[test]
    fn a_body_ends_after_its_trailers() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "A;name=\"a;b\"\r\n0123456789\r\n000\r\nx-a: b\r\nx-b:\r\n\r\n",
            "5 ;a\r\nhello\r\n0\r\n\r\n",
        ] {
            let followed = format!("{body}GET / HTTP/1.1");
            assert_eq!(whole(followed.as_bytes()), Ok(Some(body.len())), "{body:?}");
        }
    }

    #[test]
    fn a_body_that_has_not_ended_goes_on() {
        for body in ["5", "5\r\nhel", "5\r\nhello\r\n0\r\n", "0\r\nx: y\r\n"] {
            assert_eq!(whole(body.as_bytes()), Ok(None), "{body:?}");
        }
    }

    #[test]
    fn what_is_not_a_chunk_is_refused() {
        let endless = format!("5;{}", "x".repeat(2000));
        let zeros = format!("{}5\r\nhello\r\n", "0".repeat(16));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(3000));
        for body in [
            "\r\n",
            "0x5\r\n",
            "+5\r\n",
            "-5\r\n",
            " 5\r\n",
            "5 \r\n",
            "5\t\r\n",
            "5 5\r\n",
            "5\n",
            "5\r5",
            "g\r\n",
            ";a\r\n",
            "5;a\nb\r\n",
            "5;a\0\r\n",
            "5;a\rb\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\r\na\r\r",
            "0\r\n\n",
            "0\r\nx\r\n",
            "0\r\nx : y\r\n",
            "0\r\n: y\r\n",
            "0\r\nx: y\n",
            "0\r\nx: \0\r\n",
            "0\r\n x: y\r\n",
            "0\r\n\rx",
            "11112222333344445\r\n",
            &endless,
            &zeros,
            &trailers,
        ] {
            assert!(whole(body.as_bytes()).is_err(), "{body:?}");
        }
    }
}
