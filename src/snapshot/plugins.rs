use std::sync::Arc;

use super::modules::{Modules, Refusal};
use super::{Snapshot, stores};
use crate::config::{Capability, Config, InstanceUse, PluginConfig, Problems};
use crate::kv::Namespaces;
use crate::plugin::{Digest, Engine, Grants, Limits, LoadError, Module, Plugin};

/// What lasts from one snapshot to the next.
pub(super) struct Kept<'a> {
    pub(super) engine: &'a Engine,
    pub(super) modules: &'a mut Modules,
    pub(super) namespaces: &'a mut Namespaces,
}

/// The plugins in the configuration's order; `None` where one cannot be used, of which `problems` then tells.
pub(super) async fn build(
    config: &Config,
    previous: Option<&Snapshot>,
    mut kept: Kept<'_>,
    problems: &mut Problems,
) -> Vec<Option<Arc<Plugin>>> {
    let mut plugins = Vec::with_capacity(config.plugins.len());
    for plugin in &config.plugins {
        let store = stores::open(config, plugin, kept.namespaces);
        let names = plugin.allow.iter().map(|capability| grant(&capability.value)).collect();
        plugins.push(load(plugin, previous, Grants { names, store }, &mut kept, problems).await);
    }
    kept.modules.trim();
    plugins
}

async fn load(
    config: &PluginConfig,
    previous: Option<&Snapshot>,
    grants: Grants,
    kept: &mut Kept<'_>,
    problems: &mut Problems,
) -> Option<Arc<Plugin>> {
    let name = config.name.value.as_str();
    let module = module(config, kept.engine, kept.modules, problems).await?;
    let limits = limits(config);
    let unchanged = previous
        .and_then(|snapshot| snapshot.plugins.iter().find(|plugin| **plugin.name() == *name))
        .filter(|plugin| plugin.is(&module, &config.config, &limits, &grants));
    if let Some(plugin) = unchanged {
        return Some(Arc::clone(plugin));
    }
    match Plugin::load(kept.engine, name, module, &config.config, limits, grants).await {
        Ok(plugin) => Some(Arc::new(plugin)),
        Err(errors) => {
            errors.iter().for_each(|error| report(config, error, problems));
            None
        }
    }
}

async fn module(
    config: &PluginConfig,
    engine: &Engine,
    modules: &mut Modules,
    problems: &mut Problems,
) -> Option<Arc<Module>> {
    let name = config.name.value.as_str();
    let pin = config.sha256.as_ref().map(|sha256| Digest::from(sha256.value));
    match modules.load(engine, &config.file.value, pin).await {
        Ok(module) => return Some(module),
        Err(Refusal::File(why)) => {
            problems.add(config.file.span, format!("plugin.{name}.file"), why);
        }
        Err(Refusal::Pin(found)) => {
            let span = config.sha256.as_ref().map_or(config.file.span, |sha256| sha256.span);
            let pinned = pin.map(|pin| pin.to_string()).unwrap_or_default();
            problems
                .add(span, format!("plugin.{name}.sha256"), format!("{found}, not the pinned {pinned}"))
                .help("where the new module is the one you want, pin its digest");
        }
    }
    None
}

fn report(config: &PluginConfig, error: &LoadError, problems: &mut Problems) {
    let name = &config.name.value;
    match error {
        LoadError::Config { at, why } => {
            let key = format!("plugin.{name}.config{}", at.replace('/', "."));
            problems
                .add(config.config_span(at), key, why.clone())
                .help("this is what the module's own schema asks for");
        }
        LoadError::Schema(_) | LoadError::Fresh(_) | LoadError::Start(_) | LoadError::NoTick { .. } => {
            problems.add(config.file.span, format!("plugin.{name}"), error.to_string());
        }
        LoadError::NotGranted { .. } => {
            problems.add(config.name.span, format!("plugin.{name}.allow"), error.to_string());
        }
    }
}

fn limits(config: &PluginConfig) -> Limits {
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let limits = &config.limits;
    Limits {
        memory: bytes(limits.memory),
        time: limits.time,
        body: bytes(limits.body),
        http_calls: limits.http_calls,
        http_body: bytes(limits.http_body),
        instances: usize::try_from(limits.instances).unwrap_or(usize::MAX),
        calls: limits.calls,
        failures: limits.failures,
        fresh: config.instance == InstanceUse::Fresh,
    }
}

fn grant(capability: &Capability) -> String {
    match capability {
        Capability::Kv => "kv".to_owned(),
        Capability::Http(upstream) => format!("http:{upstream}"),
    }
}
