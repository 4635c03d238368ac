use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Context as _, Result};

/// A program that runs here.
pub(crate) struct Program {
    pub(crate) path: OsString,
    /// What it says of itself.
    pub(crate) about: String,
    /// The version in it.
    pub(crate) version: String,
}

/// The environment variable that says where a program is.
pub(crate) fn variable(name: &str) -> String {
    format!("BENCH_{}", name.to_uppercase())
}

impl Program {
    /// The program of this name, by its environment variable or on the PATH; what it says to `about` is its version.
    ///
    /// None where there is none; an error where the variable names something that does not run.
    pub(crate) fn find(name: &str, about: &[&str]) -> Result<Option<Self>> {
        let given = std::env::var_os(variable(name));
        let path = given.clone().unwrap_or_else(|| name.into());
        let output = match Command::new(&path).args(about).output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound && given.is_none() => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot run {}", path.display())),
        };
        // nginx says it on standard error.
        let about =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        let version = version_in(&about).unwrap_or("?").to_owned();
        Ok(Some(Self { path, about, version }))
    }

    pub(crate) fn command(&self) -> Command {
        Command::new(&self.path)
    }
}

/// The first numbers with dots between them, behind the word `version` where it is said.
pub(crate) fn version_in(text: &str) -> Option<&str> {
    let text = text.split_once("version").map_or(text, |(_, behind)| behind);
    let words = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    words.map(|word| word.trim_matches('.')).find(|word| word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_found_in_what_programs_say_of_themselves() {
        for (about, version) in [
            ("nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.22", Some("1.22.1")),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", Some("2.6.12")),
            ("/lib/python3.11/envoy  version: 9e5580933739/1.40.0/Clean/RELEASE/BoringSSL", Some("1.40.0")),
            ("v2.11.7 h1:yj0Y4fY", Some("2.11.7")),
            ("nothing. of the kind 7", None),
        ] {
            assert_eq!(version_in(about), version, "{about}");
        }
    }
}
