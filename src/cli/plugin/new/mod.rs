//! `gatewright plugin new`: a file for each language.

mod assemblyscript;
mod rust;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Language;
use crate::cli::{fail, say};

/// What a new plugin in some language is made of.
struct Template {
    /// The new folder's files, each with its text. Words such as `@NAME@` in both are replaced.
    files: &'static [(&'static str, &'static str)],
    sdk: Sdk,
    /// Who has another use for a name, if anybody.
    taken: fn(&str) -> Option<&'static str>,
    /// The words to replace, for a plugin's name and the SDK's folder as the new files name it.
    words: fn(&str, &str) -> Vec<(&'static str, String)>,
    /// What comes next, in the new folder.
    next: &'static [&'static str],
}

/// Where the SDK is.
struct Sdk {
    /// What it is.
    what: &'static str,
    /// Its folder in a clone of the project.
    folder: &'static str,
    /// The file in it that says what it is, and the words which do.
    manifest: (&'static str, &'static str),
    /// The new file that names it.
    named_in: &'static str,
    /// Whether new files name it relative to their folder, wherever it is.
    relative: bool,
}

impl Sdk {
    /// Where a clone of the project that lies beside the new folder has it.
    fn beside(&self) -> PathBuf {
        Path::new("../gatewright").join(self.folder)
    }

    /// The folder that the command was given, absolute: the new files are in another one than the command.
    fn checked(&self, folder: &Path) -> Result<PathBuf, String> {
        let (file, words) = self.manifest;
        if !std::fs::read_to_string(folder.join(file)).unwrap_or_default().contains(words) {
            return Err(format!(
                "{} is not the folder of {}: it is `{}` in a clone of Gatewright",
                folder.display(),
                self.what,
                self.folder
            ));
        }
        folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))
    }
}

/// Makes the folder `name` with a plugin in `language`.
pub(super) fn new(name: &str, language: Language, sdk: Option<&Path>) -> ExitCode {
    let template = match language {
        Language::Rust => &rust::TEMPLATE,
        Language::Assemblyscript => &assemblyscript::TEMPLATE,
    };
    match make(name, template, sdk) {
        Ok(guide) => {
            say(guide);
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

fn make(name: &str, template: &Template, sdk: Option<&Path>) -> Result<String, String> {
    check_name(name, template)?;
    let sdk = sdk.map_or_else(|| Ok(template.sdk.beside()), |folder| template.sdk.checked(folder))?;
    let folder = Path::new(name);
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{name} is there already, and nothing in it was changed")
        }
        _ => format!("cannot make the folder {name}: {error}"),
    })?;
    write(folder, name, template, &sdk).map_err(|error| {
        // It was made a moment ago: there is nothing of anybody else in it.
        let _ = std::fs::remove_dir_all(folder);
        format!("cannot write into {name}: {error}")
    })?;
    Ok(guide(name, template, &folder.join(sdk)))
}

fn check_name(name: &str, template: &Template) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let wrong = |why: String| Err(format!("{name:?} cannot be the name of a plugin: {why}"));
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        return wrong("a name begins with a-z and is made of a-z, 0-9, _ and -".to_owned());
    }
    if name.len() > 64 {
        return wrong("it has more than 64 characters".to_owned());
    }
    match (template.taken)(name) {
        Some(whose) => wrong(format!("{whose} has another use for it")),
        None => Ok(()),
    }
}

fn write(
    folder: &Path,
    name: &str,
    template: &Template,
    sdk: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let sdk = if template.sdk.relative { relative(sdk, &folder.canonicalize()?) } else { sdk.to_owned() };
    let named_in = template.sdk.named_in;
    let sdk = sdk
        .to_str()
        .ok_or_else(|| format!("the path of the SDK is not UTF-8, which {named_in} has to be"))?;
    let words = (template.words)(name, sdk);
    let replaced = |text: &str| words.iter().fold(text.to_owned(), |text, (word, by)| text.replace(word, by));
    for (file, text) in template.files {
        let file = folder.join(replaced(file));
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, replaced(text))?;
    }
    Ok(())
}

/// `path` as seen from the folder `from`, both absolute; a path that is relative already stays as it is.
fn relative(path: &Path, from: &Path) -> PathBuf {
    if path.is_relative() {
        return path.to_owned();
    }
    let shared = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

fn guide(name: &str, template: &Template, sdk: &Path) -> String {
    let steps: String = template.next.iter().map(|step| format!("\n  {step}")).collect();
    let next = format!("made {name}; next:\n  cd {name}{steps}\nits README.md goes on from there");
    let Sdk { what, named_in, manifest: (manifest, _), .. } = template.sdk;
    if sdk.join(manifest).exists() {
        return next;
    }
    format!(
        "{next}\nfirst, tell {name}/{named_in} where {what} is: there is none in {} \
         (`--sdk FOLDER` would have written it there)",
        template.sdk.beside().display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATES: [&Template; 2] = [&rust::TEMPLATE, &assemblyscript::TEMPLATE];

    #[test]
    fn names_are_those_that_the_language_and_the_gateway_both_take() {
        for template in TEMPLATES {
            for name in ["a", "rate-limit", "jwt_2", "request", &"a".repeat(64)] {
                assert_eq!(check_name(name, template), Ok(()), "{name}");
            }
            for name in
                ["", "2fa", "-a", "_a", "Rate", "a b", "a/b", "..", "ü", "gatewright-sdk", &"a".repeat(65)]
            {
                assert!(check_name(name, template).is_err(), "{name}");
            }
        }
        for (template, names) in [
            (&rust::TEMPLATE, ["fn", "proc-macro", "test"]),
            (&assemblyscript::TEMPLATE, ["assemblyscript", "long", "node_modules"]),
        ] {
            for name in names {
                assert!(check_name(name, template).is_err(), "{name}");
            }
        }
    }

    #[test]
    fn the_templates_hold_no_other_words_to_replace() {
        for template in TEMPLATES {
            let words = (template.words)("name", "sdk");
            for (file, text) in template.files {
                let rest =
                    words.iter().fold(format!("{file} {text}"), |text, (word, _)| text.replace(word, ""));
                assert!(!rest.contains('@'), "{file}");
            }
        }
    }

    #[test]
    fn a_path_is_told_from_where_it_is_used() {
        for (path, from, seen) in [
            ("/a/sdk", "/a/plugins/new", "../../sdk"),
            ("/a/plugins/new/sdk", "/a/plugins/new", "sdk"),
            ("/b", "/a/c", "../../b"),
            ("../gatewright", "/a", "../gatewright"),
        ] {
            assert_eq!(relative(Path::new(path), Path::new(from)), Path::new(seen));
        }
    }
}
