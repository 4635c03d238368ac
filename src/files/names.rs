//! Which paths of requests can name a file.

use percent_encoding::percent_decode_str;

/// The one name that begins with a dot and is served: it was made for the public (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Whether a file could be meant. What begins with a dot is none of the public's business (`.git`, `.env`, `..`), and an
/// escaped slash or a NUL cannot stand in a name.
pub(super) fn may_be_a_file(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.next().is_none_or(|first| is_name(first) || decodes_to(first, WELL_KNOWN))
        && segments.all(is_name)
}

fn is_name(segment: &str) -> bool {
    let mut bytes = percent_decode_str(segment);
    bytes.clone().next() != Some(b'.') && bytes.all(|byte| byte != b'/' && byte != 0)
}

fn decodes_to(segment: &str, name: &[u8]) -> bool {
    percent_decode_str(segment).eq(name.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_or_are_not_the_publics_are_refused() {
        for path in [
            "/",
            "/a",
            "/a/",
            "//a//b",
            "/a%20b/%C3%BC",
            "/a\\b",
            "/a.b",
            "/a..",
            "/.well-known/x",
            "/%2ewell-known",
        ] {
            assert!(may_be_a_file(path), "{path}");
        }
        for path in [
            "/..",
            "/a/../b",
            "/%2e%2e/a",
            "/a/%2E",
            "/.git/config",
            "/a/.env",
            "/%2eenv",
            "/a%2fb",
            "/a%2Fb",
            "/a%00b",
            "/a/.well-known/x",
            "/..%2f..%2fa",
            "/...",
            "/.well-known/.x",
        ] {
            assert!(!may_be_a_file(path), "{path}");
        }
    }
}
