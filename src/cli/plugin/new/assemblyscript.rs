use super::{Sdk, Template};

pub(super) const TEMPLATE: Template = Template {
    files: &[
        ("package.json", include_str!("../template/assemblyscript/package.json")),
        ("package-lock.json", include_str!("../template/assemblyscript/package_lock.json")),
        (".npmrc", include_str!("../template/assemblyscript/npmrc")),
        (".gitignore", include_str!("../template/assemblyscript/gitignore")),
        ("asconfig.json", include_str!("../template/assemblyscript/asconfig.json")),
        ("tsconfig.json", include_str!("../template/assemblyscript/tsconfig.json")),
        ("assembly/index.ts", include_str!("../template/assemblyscript/index.ts")),
        ("tests/@NAME@.test.mjs", include_str!("../template/assemblyscript/test.mjs")),
        ("cases.toml", include_str!("../template/assemblyscript/cases.toml")),
        ("gateway.toml", include_str!("../template/assemblyscript/gateway.toml")),
        ("README.md", include_str!("../template/assemblyscript/readme.md")),
    ],
    sdk: Sdk {
        what: "the npm package `gatewright-sdk`",
        folder: "sdk/assemblyscript",
        manifest: ("package.json", "\"name\": \"gatewright-sdk\""),
        named_in: "package.json",
        // As lock files name it.
        relative: true,
    },
    taken,
    words,
    next: &["npm install", "npm test"],
};

/// Names that npm keeps for itself, or that the plugin's own dependencies have.
const TAKEN: [&str; 5] = ["assemblyscript", "binaryen", "gatewright-sdk", "long", "node_modules"];

fn taken(name: &str) -> Option<&'static str> {
    TAKEN.contains(&name).then_some("npm")
}

fn words(name: &str, sdk: &str) -> Vec<(&'static str, String)> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    vec![
        ("@NAME@", name.to_owned()),
        ("@SDK@", quoted(&format!("file:{sdk}"))),
        ("@SDK_FOLDER@", quoted(sdk)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn what_is_locked_is_what_the_sdk_is_tested_with() {
        let locked = |text: &str| -> Vec<(String, Value)> {
            let lock: Value = serde_json::from_str(text).unwrap();
            let packages = lock["packages"].as_object().unwrap().iter();
            let versions = packages.map(|(name, package)| (name.clone(), package["integrity"].clone()));
            versions.filter(|(_, integrity)| !integrity.is_null()).collect()
        };
        let template = include_str!("../template/assemblyscript/package_lock.json");
        let template = template.replace("@SDK@", "\"\"").replace("@SDK_FOLDER@", "\"sdk\"");
        let sdk = include_str!("../../../../sdk/assemblyscript/package-lock.json");
        assert_eq!(locked(&template), locked(sdk));
        assert!(!locked(sdk).is_empty());
    }
}
