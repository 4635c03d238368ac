use gatewright_abi::import;

/// What a module asks for: the host calls of one capability that it imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its name, as `allow` has it.
    pub name: String,
    /// Whether the configuration must grant it.
    pub needs_grant: bool,
    /// The host calls, as they are imported.
    pub calls: Vec<String>,
}

/// The capability that an import module belongs to.
pub(super) fn of(module: &str) -> &str {
    module.strip_prefix(import::PREFIX).unwrap_or(module)
}
