use std::path::Path;

const HOOKS: [(&str, &str); 4] = [
    ("gatewright_direct", "director"),
    ("gatewright_on_request", "middleware"),
    ("gatewright_on_response", "middleware"),
    ("gatewright_modify_response", "modify_response"),
];

/// The guest in `tests/guests/NAME.wat`, which misbehaves in whichever hook the request's `x-evil` names.
#[track_caller]
pub(crate) fn hostile(name: &str) -> Vec<u8> {
    module(&(source("hooks") + &source(name)))
}

/// The guest in `tests/guests/NAME.wat`, as it is.
#[track_caller]
pub(crate) fn guest(name: &str) -> Vec<u8> {
    module(&source(name))
}

/// A module of this body and `tests/guests/prelude.wat`: imports, memory, and what every guest must export. A line
/// `;; schema: ` is the schema of its configuration, `;; bodies: ` says how its hooks want bodies. Its own imports are lines that begin with `(import`.
#[track_caller]
pub(crate) fn module(body: &str) -> Vec<u8> {
    let mut roles: Vec<_> = HOOKS
        .iter()
        .filter(|(export, _)| body.contains(export))
        .map(|(_, role)| format!("\"{role}\""))
        .collect();
    roles.dedup();
    let roles = roles.join(",");
    let schema = body.lines().find_map(|line| line.strip_prefix(";; schema: ")).unwrap_or("{}");
    let bodies = body.lines().find_map(|line| line.strip_prefix(";; bodies: ")).unwrap_or("{}");
    let manifest = format!(
        r#"{{"name":"guest","version":"1.0.0","roles":[{roles}],"config":{schema},"bodies":{bodies}}}"#
    );
    let own_init = body.contains("gatewright_init");
    let init = if own_init { "" } else { r#"(func (export "gatewright_init") (result i32) i32.const 0)"# };
    // All imports come first.
    let (imports, rest): (Vec<_>, Vec<_>) = body.lines().partition(|line| line.starts_with("(import"));
    let (imports, body) = (imports.join("\n"), rest.join("\n"));
    let text = format!(
        "(module\n{imports}\n{}\n(data (i32.const 16) \"{}\")\n\
         (func (export \"gatewright_manifest\") (result i64) i64.const {})\n{init}\n{body}\n)",
        source("prelude"),
        manifest.replace('"', "\\22"),
        16_u64 << 32 | manifest.len() as u64,
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("not a module: {error}"))
}

fn source(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(format!("{name}.wat"));
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
