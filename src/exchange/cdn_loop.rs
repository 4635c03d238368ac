//! `CDN-Loop` (RFC 8586): how often a request has come out of this gateway already.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field. No guest may change it: it is what ends a loop of guests that call the gateway.
pub const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// What stands for this gateway in it.
const TOKEN: &str = "gatewright";

/// How often a guest of `headers`' request must have called the gateway for that request to be there. What our own part
/// of the field says otherwise than we write it counts as too often.
#[must_use]
pub fn hops(headers: &HeaderMap) -> u32 {
    parts(headers).filter_map(hop).max().unwrap_or(0)
}

/// The field of a request that is sent on behalf of one with these `headers`: what others said in it, and the next hop.
#[must_use]
pub fn next(headers: &HeaderMap) -> HeaderValue {
    let hop = hops(headers).saturating_add(1);
    let others = parts(headers).filter(|part| !part.is_empty() && self::hop(part).is_none());
    let mut all: Vec<u8> = others.flat_map(|part| [part, b", "].concat()).collect();
    all.extend_from_slice(format!("{TOKEN}; hop={hop}").as_bytes());
    // Bytes of valid values and a few of our own.
    HeaderValue::from_bytes(&all).unwrap_or(HeaderValue::from_static(TOKEN))
}

/// The items of the field, each a name and its parameters.
fn parts(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(CDN_LOOP).iter().flat_map(|value| {
        let mut quoted = false;
        let between = move |byte: &u8| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        };
        value.as_bytes().split(between).map(<[u8]>::trim_ascii)
    })
}

/// The hop that `part` tells of; `None` where it is not ours.
fn hop(part: &[u8]) -> Option<u32> {
    let mut pieces = part.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    if !pieces.next()?.eq_ignore_ascii_case(TOKEN.as_bytes()) {
        return None;
    }
    let hop = pieces.find_map(|piece| piece.strip_prefix(b"hop="));
    Some(hop.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (CDN_LOOP, value.parse().unwrap())).collect()
    }

    #[test]
    fn hops_are_counted_on() {
        let mut values = vec![String::new()];
        for hop in 1..=3 {
            let next = next(&headers(&[values.last().unwrap()]));
            assert_eq!(next, format!("gatewright; hop={hop}"));
            values.push(next.to_str().unwrap().to_owned());
        }
        assert_eq!(hops(&HeaderMap::new()), 0);
    }

    #[test]
    fn what_others_say_is_kept() {
        let before = headers(&["other.example; x=\"a,b\", gatewright;hop=2", "third"]);
        assert_eq!(hops(&before), 2);
        assert_eq!(next(&before), "other.example; x=\"a,b\", third, gatewright; hop=3");
    }

    #[test]
    fn a_name_that_only_begins_like_ours_is_anothers() {
        assert_eq!(hops(&headers(&["gatewright.example; hop=9"])), 0);
    }

    #[test]
    fn a_hop_that_cannot_be_read_is_one_too_many() {
        for odd in ["gatewright", "gatewright; hop=x", "Gatewright; hop=-1", "gatewright; hop=99999999999"] {
            assert_eq!(hops(&headers(&["a", odd])), u32::MAX, "{odd}");
        }
    }
}
