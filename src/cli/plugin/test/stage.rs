use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::capture::{self, Told};
use super::cases::{Case, Cases, Kv, Step};
use super::client::ask;
use super::clock::Clock;
use super::compare::{Mismatch, compare, refusal};
use super::expect::Call;
use super::message::{Answer, Fail};
use super::metrics;
use super::outcome::Outcome;
use super::upstream::{self, Planned, Script};
use crate::config::{self, Config, Diagnostics, LimitsConfig, OnError};
use crate::exchange::Outlet;
use crate::kv::Store;
use crate::plugin::{Engine, Manifest, Module, Pool, Role, Ticking};
use crate::proxy::Proxy;
use crate::snapshot::{Builder, Current, Snapshot};

/// How long an exchange may take. Nothing in it waits for long but what is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an upstream is waited for that will not answer.
const SHORT: Duration = Duration::from_millis(200);

/// A gateway around the plugin: the real proxy, with upstreams and a client that play their parts.
pub(super) struct Stage {
    engine: Engine,
    clock: crate::plugin::Clock,
    builder: Builder,
    module: Arc<Module>,
    file: String,
    roles: Vec<Role>,
    limits: LimitsConfig,
    on_error: OnError,
    upstreams: Vec<(String, SocketAddr)>,
    script: Rc<RefCell<Script>>,
    told: UnboundedReceiver<Told>,
    /// Numbers the cases, so that none finds the entries of another.
    cases: usize,
}

/// A case's gateway.
struct Running {
    proxy: Rc<Proxy>,
    /// Where the plugin's entries are.
    store: Option<Arc<dyn Store>>,
    /// The instance that ticks, from the first tick on.
    ticking: Option<Ticking>,
}

/// What became of a case: what was not as expected, in each of its steps.
#[derive(Debug)]
pub(super) struct Tested {
    pub(super) steps: Vec<Vec<Mismatch>>,
    /// The plugin's lines in the log, and what the gateway says of its exchanges.
    pub(super) log: Vec<String>,
}

impl Stage {
    pub(super) async fn build(file: &Path, cases: &Cases) -> Result<Self, String> {
        let path = std::path::absolute(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let path = path.to_str().ok_or_else(|| format!("{}: not UTF-8", file.display()))?.to_owned();
        let told = capture::start()?;
        let clock = crate::plugin::Clock::system();
        let engine = Engine::with_clock(&clock).map_err(|error| error.to_string())?;
        let mut builder = Builder::new(engine.clone());
        let module = builder.module(file).await?;
        let script = Rc::new(RefCell::new(Script::default()));
        let mut upstreams = Vec::new();
        for name in &cases.upstreams {
            let address = upstream::start(name, Rc::clone(&script)).await;
            upstreams.push((name.clone(), address.map_err(|error| format!("cannot listen: {error}"))?));
        }
        Ok(Self {
            engine,
            clock,
            builder,
            roles: cases.roles.clone().unwrap_or_else(|| module.manifest().roles.clone()),
            module,
            file: path,
            limits: cases.limits,
            on_error: cases.on_error,
            upstreams,
            script,
            told,
            cases: 0,
        })
    }

    pub(super) fn manifest(&self) -> &Manifest {
        self.module.manifest()
    }

    /// Runs one case.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub(super) async fn run(&mut self, case: &Case) -> Result<Tested, String> {
        self.cases += 1;
        self.clock.set(None);
        let config = self.configuration(case).map_err(|mistakes| mistakes.to_string())?;
        let snapshot = match self.builder.build(&config, None).await {
            Ok(snapshot) => snapshot,
            Err(mistakes) => {
                let steps = vec![refusal(case, Some(&refusals(&mistakes)))];
                return Ok(Tested { steps, log: self.lines() });
            }
        };
        let mut steps = vec![refusal(case, None)];
        let mut running = Running::new(&self.engine, snapshot);
        seed(running.store.as_ref(), &case.kv).await?;
        self.lines();
        let (mut log, mut now) = (Vec::new(), None);
        self.turn(case.clock, &mut now);
        for step in &case.steps {
            self.turn(step.clock, &mut now);
            let outcome = self.play(step, &mut running).await?;
            steps.push(compare(step, &outcome));
            log.extend(outcome.log);
            log.extend(outcome.complaints.iter().map(|complaint| format!("gateway: {complaint}")));
        }
        drop(running);
        self.rest().await;
        Ok(Tested { steps, log })
    }

    /// Waits until the last connection of a case has let go of its plugin, and what it counted has gone with it.
    async fn rest(&self) {
        let counted = || metrics::series(self.engine.series(), self.plugin_name());
        let gone = async {
            while !counted().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(PATIENCE, gone).await;
    }

    fn turn(&self, clock: Option<Clock>, now: &mut Option<Duration>) {
        match clock {
            None => return,
            Some(Clock::At(time)) => *now = Some(time),
            Some(Clock::Later(later)) => *now = Some(now.unwrap_or_else(system_time).saturating_add(later)),
        }
        self.clock.set(*now);
    }

    /// Plays a step, and waits until all that ends with it has ended.
    async fn play(&mut self, step: &Step, running: &mut Running) -> Result<Outcome, String> {
        *self.script.borrow_mut() = Script::of(step);
        let mut outcome = Outcome::default();
        let late = |_| "the plugin or the gateway takes too long".to_owned();
        if step.tick {
            outcome.failures.extend(timeout(PATIENCE, running.tick(&self.engine)).await.map_err(late)?);
            outcome.catch_up(&mut self.told);
        } else {
            let asked = timeout(PATIENCE, ask(&running.proxy, &step.request, PATIENCE));
            outcome.response = Some(asked.await.map_err(late)??);
            timeout(PATIENCE, outcome.listen(&mut self.told)).await.map_err(late)?;
        }
        outcome.hear(std::mem::take(&mut *self.script.borrow_mut()));
        for (key, _) in &step.expect.kv {
            if let Some(value) = look_up(running.store.as_ref(), key).await? {
                outcome.kv.insert(key.clone(), value);
            }
        }
        outcome.metrics = metrics::series(self.engine.series(), self.plugin_name());
        Ok(outcome)
    }

    /// What has been logged so far.
    fn lines(&mut self) -> Vec<String> {
        let told = std::iter::from_fn(|| self.told.try_recv().ok());
        told.filter_map(|told| if let Told::Line(line) = told { Some(line) } else { None }).collect()
    }

    /// The gateway's configuration for a case.
    fn configuration(&self, case: &Case) -> Result<Config, Diagnostics> {
        let name = self.plugin_name();
        let file = Json::from(self.file.as_str());
        let mut text = format!(
            "[gateway]\nlog = {{ access = true }}\n[listener.test]\nlisten = \"127.0.0.1:0\"\n\
             [plugin.{name}]\nfile = {file}\nallow = {}\n",
            self.allow()
        );
        if self.asks_for("kv") {
            let _ = writeln!(text, "kv = {{ namespace = \"case-{}\" }}", self.cases);
        }
        for (upstream, address) in &self.upstreams {
            let slow = case.steps.iter().any(|step| step.is_late(upstream));
            let patience = if slow { SHORT } else { PATIENCE }.as_millis();
            let _ = writeln!(
                text,
                "[upstream.{upstream}]\nendpoints = [\"http://{address}\"]\nretries = 0\nmax_fails = 0\n\
                 response_timeout = \"{patience}ms\""
            );
        }
        let first = self.upstreams.first().map_or("", |(name, _)| name);
        let _ = writeln!(text, "[[route]]\nname = \"test\"\npath = \"/*\"\nupstream = \"{first}\"");
        for role in &self.roles {
            let _ = match role {
                Role::Director => writeln!(text, "director = \"{name}\""),
                Role::Middleware => writeln!(text, "middleware = [\"{name}\"]"),
                Role::ModifyResponse => writeln!(text, "modify_response = [\"{name}\"]"),
            };
        }
        let mut config = config::parse(Path::new("gateway.toml"), text)?;
        for plugin in &mut config.plugins {
            plugin.config = case.config.value.clone();
            plugin.limits = self.limits;
            plugin.on_error = self.on_error;
        }
        Ok(config)
    }

    /// The plugin's name in the configuration: its module's own, where that can be one.
    fn plugin_name(&self) -> &str {
        let name = self.module.manifest().name.as_str();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if !name.is_empty() && name.chars().all(fits) { name } else { "plugin" }
    }

    fn asks_for(&self, capability: &str) -> bool {
        self.module.capabilities().iter().any(|asked| asked.name == capability)
    }

    /// All that it asks for is granted.
    fn allow(&self) -> Json {
        let kv = self.asks_for("kv").then(|| "kv".to_owned());
        let http = self.upstreams.iter().map(|(name, _)| format!("http:{name}"));
        kv.into_iter().chain(http.filter(|_| self.asks_for("http"))).collect()
    }
}

impl Running {
    fn new(engine: &Engine, snapshot: Snapshot) -> Self {
        let store = snapshot.plugins.first().and_then(|plugin| plugin.store()).cloned();
        let current = Arc::new(Current::new(snapshot));
        let proxy = Rc::new(Proxy::new(engine.clone(), current, Arc::default()));
        Self { proxy, store, ticking: None }
    }

    /// Calls the plugin as a gateway does each time its period has passed. What it failed with.
    async fn tick(&mut self, engine: &Engine) -> Option<String> {
        let view = self.proxy.view();
        let Some(plugin) = view.snapshot.plugins.first().filter(|plugin| plugin.period().is_some()) else {
            return Some("it has not asked for ticks".to_owned());
        };
        let pool = || Rc::new(Pool::new(engine, Arc::clone(plugin)));
        let ticking = self.ticking.get_or_insert_with(|| Ticking::new(pool()));
        let outlet = Outlet::new(self.proxy.view());
        ticking.tick(Some(outlet)).await.err().map(|failed| failed.to_string())
    }
}

impl Script {
    fn of(step: &Step) -> Self {
        let planned = |call: &Call| {
            let Call { upstream, answer, .. } = call.clone();
            Planned { upstream, answer, found: None }
        };
        let calls = step.calls.iter().map(planned).collect();
        Self { answer: step.upstream.clone(), calls, ..Self::default() }
    }
}

impl Step {
    /// Whether `upstream` takes too long in it.
    fn is_late(&self, upstream: &str) -> bool {
        let late = |answer: &Answer| answer.fail == Some(Fail::Timeout);
        late(&self.upstream) || self.calls.iter().any(|call| call.upstream == upstream && late(&call.answer))
    }
}

fn system_time() -> Duration {
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Why a configuration is refused, without the places in it: it is none that anybody wrote.
fn refusals(mistakes: &Diagnostics) -> String {
    let lines: Vec<_> =
        mistakes.iter().map(|mistake| format!("{}: {}", mistake.key, mistake.message)).collect();
    lines.join("\n")
}

async fn seed(store: Option<&Arc<dyn Store>>, entries: &Kv) -> Result<(), String> {
    if entries.is_empty() {
        return Ok(());
    }
    let store = store.ok_or("`kv` says entries, but the module does not use the key-value store")?;
    for (key, value) in entries {
        store.put(key.as_bytes(), value, None).await.map_err(|error| format!("kv.{key}: {error}"))?;
    }
    Ok(())
}

async fn look_up(store: Option<&Arc<dyn Store>>, key: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(store) = store else { return Ok(None) };
    let value = store.get(key.as_bytes()).await.map_err(|error| format!("kv.{key}: {error}"))?;
    Ok(value.map(|value| value.to_vec()))
}
