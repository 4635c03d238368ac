//! `gatewright plugin new`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::{fail, say};

/// Where the new folder's files come from. `@NAME@`, `@CRATE@` and `@SDK@` in them are replaced.
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("template/rust/manifest.toml")),
    (".cargo/config.toml", include_str!("template/rust/cargo_config.toml")),
    (".gitignore", include_str!("template/rust/gitignore")),
    ("src/lib.rs", include_str!("template/rust/lib.rs")),
    ("cases.toml", include_str!("template/rust/cases.toml")),
    ("gateway.toml", include_str!("template/rust/gateway.toml")),
    ("README.md", include_str!("template/rust/readme.md")),
];

/// Where a clone of the project that lies beside the new folder has the SDK.
const SDK_BESIDE: &str = "../gatewright/sdk/rust";

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

/// Makes the folder `name` with a plugin in Rust.
pub(super) fn new(name: &str, sdk: Option<&Path>) -> ExitCode {
    match make(name, sdk) {
        Ok(guide) => {
            say(guide);
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

fn make(name: &str, sdk: Option<&Path>) -> Result<String, String> {
    check_name(name)?;
    let sdk = sdk.map_or(Ok(SDK_BESIDE.into()), sdk_folder)?;
    let folder = Path::new(name);
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{name} is there already, and nothing in it was changed")
        }
        _ => format!("cannot make the folder {name}: {error}"),
    })?;
    write(folder, name, &sdk).map_err(|error| {
        // It was made a moment ago: there is nothing of anybody else in it.
        let _ = std::fs::remove_dir_all(folder);
        format!("cannot write into {name}: {error}")
    })?;
    Ok(guide(name, &folder.join(sdk)))
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let wrong = |why: &str| Err(format!("{name:?} cannot be the name of a plugin: {why}"));
    let krate = crate_name(name);
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        return wrong("a name begins with a-z and is made of a-z, 0-9, _ and -");
    }
    if name.len() > 64 {
        return wrong("it has more than 64 characters");
    }
    if TAKEN.contains(&krate.as_str()) || KEYWORDS.split_whitespace().any(|word| word == name) {
        return wrong("Rust has another use for it");
    }
    Ok(())
}

/// A package's name as rustc writes it.
fn crate_name(name: &str) -> String {
    name.replace('-', "_")
}

/// The SDK's folder, absolute: the new `Cargo.toml` is in another one than the command.
fn sdk_folder(folder: &Path) -> Result<PathBuf, String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains("name = \"gatewright-sdk\"") {
        return Err(format!(
            "{} is not the folder of the crate `gatewright-sdk`: it is `sdk/rust` in a clone of Gatewright",
            folder.display()
        ));
    }
    folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))
}

fn write(folder: &Path, name: &str, sdk: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let sdk = sdk.to_str().ok_or("the path of the SDK is not UTF-8, which a Cargo.toml has to be")?;
    // What JSON escapes in a string, TOML escapes the same way.
    let values =
        [("@NAME@", name.to_owned()), ("@CRATE@", crate_name(name)), ("@SDK@", serde_json::to_string(sdk)?)];
    for (file, template) in FILES {
        let text = values.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value));
        let file = folder.join(file);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

fn guide(name: &str, sdk: &Path) -> String {
    let next = format!(
        "made {name}; next:\n  cd {name}\n  cargo test\n  cargo build --release --target wasm32-unknown-unknown\n\
         its README.md goes on from there"
    );
    if sdk.join("Cargo.toml").exists() {
        return next;
    }
    format!(
        "{next}\nfirst, tell {name}/Cargo.toml where the crate `gatewright-sdk` is: there is none in {SDK_BESIDE} \
         (`--sdk FOLDER` would have written it there)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_and_the_gateway_both_take() {
        for name in ["a", "rate-limit", "jwt_2", "request", &"a".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "2fa",
            "-a",
            "_a",
            "Rate",
            "a b",
            "a/b",
            "..",
            "ü",
            "fn",
            "proc-macro",
            "test",
            "gatewright-sdk",
            &"a".repeat(65),
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_templates_hold_no_other_words_to_replace() {
        for (file, text) in FILES {
            let text = text.replace("@NAME@", "").replace("@CRATE@", "").replace("@SDK@", "");
            assert!(!text.contains('@'), "{file}");
        }
    }
}
