use super::{Sdk, Template};

pub(super) const TEMPLATE: Template = Template {
    files: &[
        ("Cargo.toml", include_str!("../template/rust/manifest.toml")),
        (".cargo/config.toml", include_str!("../template/rust/cargo_config.toml")),
        (".gitignore", include_str!("../template/rust/gitignore")),
        ("src/lib.rs", include_str!("../template/rust/lib.rs")),
        ("cases.toml", include_str!("../template/rust/cases.toml")),
        ("gateway.toml", include_str!("../template/rust/gateway.toml")),
        ("README.md", include_str!("../template/rust/readme.md")),
    ],
    sdk: Sdk {
        what: "the crate `gatewright-sdk`",
        folder: "sdk/rust",
        manifest: ("Cargo.toml", "name = \"gatewright-sdk\""),
        named_in: "Cargo.toml",
        relative: false,
    },
    taken,
    words,
    next: &["cargo test", "cargo build --release --target wasm32-unknown-unknown"],
};

/// Names that Cargo or rustc keep for themselves, or that the plugin's own dependencies have.
const TAKEN: [&str; 8] = [
    "alloc",
    "core",
    "std",
    "test",
    "proc_macro",
    "gatewright_sdk",
    "gatewright_abi",
    "gatewright_sdk_macros",
];

/// Rust's words. Those of later editions are among them.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false \
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self static struct \
    super trait true try type typeof unsafe unsized use virtual where while yield";

fn taken(name: &str) -> Option<&'static str> {
    let is_taken =
        TAKEN.contains(&crate_name(name).as_str()) || KEYWORDS.split_whitespace().any(|word| word == name);
    is_taken.then_some("Rust")
}

fn words(name: &str, sdk: &str) -> Vec<(&'static str, String)> {
    // What JSON escapes in a string, TOML escapes the same way.
    let sdk = serde_json::Value::from(sdk).to_string();
    vec![("@NAME@", name.to_owned()), ("@CRATE@", crate_name(name)), ("@SDK@", sdk)]
}

/// A package's name as rustc writes it.
fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}
