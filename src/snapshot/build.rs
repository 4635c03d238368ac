use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::modules::{Modules, Refusal};
use super::plugins::Kept;
use super::{Alive, Snapshot, plugins, routes, stores, upstreams};
use crate::config::{Config, Diagnostics, Problems};
use crate::kv::Namespaces;
use crate::plugin::{Engine, Module};

/// Turns configurations into snapshots, off the request path.
#[derive(Debug)]
pub struct Builder {
    engine: Engine,
    modules: Modules,
    namespaces: Namespaces,
    alive: Arc<AtomicUsize>,
}

impl Builder {
    /// A builder that has built nothing yet.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self { engine, modules: Modules::default(), namespaces: Namespaces::default(), alive: Arc::default() }
    }

    /// The number of snapshots that live, in a counter that follows them.
    #[must_use]
    pub fn alive(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.alive)
    }

    /// The module in `file`. Snapshots that name the same bytes take this one.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn module(&mut self, file: &Path) -> Result<Arc<Module>, String> {
        match self.modules.load(&self.engine, file, None).await {
            Ok(module) => Ok(module),
            Err(Refusal::File(why) | Refusal::Pin(why)) => Err(why),
        }
    }

    /// Builds the snapshot of `config`. What is unchanged since `previous` is taken over with its state.
    ///
    /// # Errors
    /// Everything that is wrong with it; `previous` is then as it was.
    pub async fn build(
        &mut self,
        config: &Config,
        previous: Option<&Snapshot>,
    ) -> Result<Snapshot, Diagnostics> {
        let mut problems = Problems::new(Arc::clone(&config.source));
        let kept =
            Kept { engine: &self.engine, modules: &mut self.modules, namespaces: &mut self.namespaces };
        let plugins = plugins::build(config, previous, kept, &mut problems).await;
        let upstreams = upstreams::build(config, previous, &mut problems).await;
        let built = routes::build(config, &plugins, &mut problems);
        let (router, routes) = match built {
            Some(built) if problems.is_empty() => built,
            _ => return Err(problems.into_diagnostics()),
        };
        stores::bound(config, &mut self.namespaces);
        Ok(Snapshot {
            // In service only once it is put there: a reload may still fail.
            generation: previous.map_or(1, |snapshot| snapshot.generation + 1),
            router: Arc::new(router),
            routes: routes.into(),
            names: Arc::new(names(config)),
            upstreams,
            plugins: plugins.into_iter().flatten().collect(),
            access_log: config.gateway.log.access,
            no_route: Arc::from("-"),
            _alive: Alive::new(&self.alive),
        })
    }
}

fn names(config: &Config) -> HashMap<String, usize> {
    let names = config.upstreams.iter().map(|upstream| upstream.name().value.clone());
    names.enumerate().map(|(index, name)| (name, index)).collect()
}
