//! Matching: which rule a request falls under.
//!
//! The most specific rule wins, wherever it stands in the configuration: first by host (exact, then the longest
//! `*.example.com`, then any), then by path, compared segment by segment (literal, then `{name}`, then `*`), then rules
//! with methods before those without, then those with more header conditions. A rule that does not fit the method or the
//! headers steps aside for the next less specific one, down to the rules for any host. Two rules that could match the
//! same request with nothing to choose between them are refused when the [`Router`] is built.
//!
//! # Paths
//!
//! | pattern | matches | does not match |
//! |---|---|---|
//! | `/shop` | `/shop` | `/shop/`, `/Shop` |
//! | `/shop/` | `/shop/` | `/shop` |
//! | `/shop/{id}` | `/shop/7` | `/shop/`, `/shop/7/` |
//! | `/shop/*` | `/shop`, `/shop/`, `/shop/a/b` | `/shopping` |
//! | `/*` | everything, also the `*` of `OPTIONS *` | |
//!
//! `/shop/*` includes `/shop` itself, unlike in Caddy: a rule that guards `/admin/*` and leaves `/admin` open is a trap.
//!
//! # What is compared
//!
//! A path often has several spellings for one resource, and the upstream will understand all of them. Were they compared
//! byte for byte, `/%61dmin` or `//admin` would slip past the plugins on `/admin/*` into a more general rule, and the
//! upstream would still serve `/admin`. So, as in nginx and Caddy, segments are compared with their percent-escapes decoded
//! and repeated slashes count once. An escaped slash (`%2F`) does not separate segments. Case matters.
//!
//! A path with a `.` or `..` segment matches no rule, not even `/*`: what it names depends on who resolves it. This
//! includes its escaped forms, and forms that are only such to some servers (`..;x`, behind a backslash or a `%2F`).
//! Clients resolve dot segments before they send; those who do not are up to something.
//!
//! Only the comparison sees this reading. The path itself is never changed here.

mod conditions;
mod host;
mod path;
mod problem;
pub mod reference;
mod router;
mod trie;

use http::{HeaderName, HeaderValue, Method};

pub use problem::Problem;
pub use router::Router;

/// What a request must be like; see the [module](self) for the forms.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// `shop.example`, `*.shop.example` (one or more labels before it), `192.0.2.1` or `[2001:db8::1]`; one of them must
    /// match. None = any host. The request's port does not matter.
    pub hosts: Vec<String>,
    /// The path pattern.
    pub path: String,
    /// The methods, one of which must match. None = any.
    pub methods: Vec<Method>,
    /// Headers that must be present, with exactly this value if one is given. A header that the request repeats must have
    /// the value each time. All must match.
    pub headers: Vec<(HeaderName, Option<HeaderValue>)>,
}
