//! Prefixes of paths. Both `strip` and `add` are empty or begin, but do not end, with a slash.

/// `path` without `strip` and with `add`; escapes stay as they are.
pub(crate) fn rewrite(path: &str, strip: &str, add: &str) -> String {
    let rest = stripped(path, strip);
    let slash = if rest.starts_with('/') { "" } else { "/" };
    [add, slash, rest].concat()
}

/// What follows `strip`, where that ends at the border of a segment.
fn stripped<'a>(path: &'a str, strip: &str) -> &'a str {
    match path.strip_prefix(strip) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_the_border_of_a_segment() {
        for (path, expected) in [
            ("/shop/a", "/a"),
            ("/shop/", "/"),
            ("/shop", "/"),
            ("/shopping/a", "/shopping/a"),
            ("/a/shop/b", "/a/shop/b"),
            ("/shop//a/", "//a/"),
            ("/shop/a%2F%20b", "/a%2F%20b"),
            ("/SHOP/a", "/SHOP/a"),
        ] {
            assert_eq!(rewrite(path, "/shop", ""), expected, "{path}");
        }
    }

    #[test]
    fn a_prefix_is_added_with_one_slash() {
        assert_eq!(rewrite("/a", "", "/api"), "/api/a");
        assert_eq!(rewrite("/", "", "/api"), "/api/");
        assert_eq!(rewrite("/shop", "/shop", "/api/v1"), "/api/v1/");
    }
}
