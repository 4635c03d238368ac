use serde::Serialize;

use crate::Guest;
use crate::body::Declared;

/// The manifest as JSON.
pub(crate) fn manifest_json<G: Guest>() -> String {
    #[derive(Serialize)]
    struct Manifest {
        name: &'static str,
        version: &'static str,
        roles: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bodies: Option<Bodies>,
        config: schemars::Schema,
    }
    let manifest = Manifest {
        name: G::NAME,
        version: G::VERSION,
        roles: G::ROLES.iter().map(|role| role.name()).collect(),
        bodies: const { bodies::<G>() },
        config: schemars::SchemaGenerator::default().into_root_schema_for::<G::Config>(),
    };
    // Strings and a tree of JSON cannot fail to be written; an empty manifest is refused by the gateway.
    serde_json::to_string(&manifest).unwrap_or_default()
}

/// How the hooks want their bodies.
#[derive(Serialize)]
struct Bodies {
    #[serde(skip_serializing_if = "Option::is_none")]
    on_request: Option<Declared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct: Option<Declared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modify_response: Option<Declared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_response: Option<Declared>,
}

const fn bodies<G: Guest>() -> Option<Bodies> {
    let bodies = Bodies {
        on_request: G::ON_REQUEST_BODY.declared(),
        direct: G::DIRECT_BODY.declared(),
        modify_response: G::MODIFY_RESPONSE_BODY.declared(),
        on_response: G::ON_RESPONSE_BODY.declared(),
    };
    match bodies {
        Bodies { on_request: None, direct: None, modify_response: None, on_response: None } => None,
        _ => Some(bodies),
    }
}
