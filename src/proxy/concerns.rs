use http::{HeaderMap, HeaderName};

/// Which of the fields that concern a proxy a head has. One pass by comparing: looked up by name, each costs a hash, and
/// most heads have none of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Concerns(u8);

impl Concerns {
    const HOP_BY_HOP: u8 = 1;
    const TE: u8 = 1 << 1;
    const EXPECT: u8 = 1 << 2;
    const FORWARDED_FOR: u8 = 1 << 3;
    const FORWARDED_HOST: u8 = 1 << 4;
    const FORWARDED_PROTO: u8 = 1 << 5;

    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(headers.keys().fold(0, |found, name| found | kind(name)))
    }

    fn has(self, kind: u8) -> bool {
        self.0 & kind != 0
    }

    /// Any field of the connection alone.
    pub(super) fn hop_by_hop(self) -> bool {
        self.has(Self::HOP_BY_HOP)
    }

    pub(super) fn te(self) -> bool {
        self.has(Self::TE)
    }

    pub(super) fn expect(self) -> bool {
        self.has(Self::EXPECT)
    }

    pub(super) fn forwarded_for(self) -> bool {
        self.has(Self::FORWARDED_FOR)
    }

    pub(super) fn forwarded_host(self) -> bool {
        self.has(Self::FORWARDED_HOST)
    }

    pub(super) fn forwarded_proto(self) -> bool {
        self.has(Self::FORWARDED_PROTO)
    }
}

/// Whether a field belongs to one connection. `Trailer` does not: what it announces is passed on.
pub(super) fn is_hop_by_hop(name: &HeaderName) -> bool {
    kind(name) & Concerns::HOP_BY_HOP != 0
}

fn kind(name: &HeaderName) -> u8 {
    match name.as_str() {
        "connection"
        | "proxy-connection"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "transfer-encoding"
        | "upgrade" => Concerns::HOP_BY_HOP,
        "te" => Concerns::HOP_BY_HOP | Concerns::TE,
        "expect" => Concerns::EXPECT,
        "x-forwarded-for" => Concerns::FORWARDED_FOR,
        "x-forwarded-host" => Concerns::FORWARDED_HOST,
        "x-forwarded-proto" => Concerns::FORWARDED_PROTO,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn each_field_that_concerns_a_proxy_is_found_among_others() {
        let of = |names: &[&'static str]| {
            let field = |name: &&'static str| (HeaderName::from_static(name), HeaderValue::from_static("1"));
            Concerns::of(&names.iter().map(field).collect())
        };
        assert_eq!(of(&[]).0 | of(&["host", "x-forwarded", "tee", "content-length"]).0, 0);
        let hop_by_hop =
            ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
        assert!(hop_by_hop.iter().all(|name| of(&["host", name, "accept"]).hop_by_hop()));
        let all = of(&["x-forwarded-proto", "x-forwarded-host", "x-forwarded-for", "expect", "te"]);
        assert!(all.te() && all.expect() && all.forwarded_for());
        assert!(all.forwarded_host() && all.forwarded_proto());
        assert!(!of(&["x-forwarded-for", "upgrade"]).te());
    }
}
