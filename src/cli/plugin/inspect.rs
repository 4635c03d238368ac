//! `gatewright plugin inspect`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value as Json;

use super::ModuleArgs;
use super::candidate::Candidate;
use super::text::{bytes, millis};
use crate::cli::run::block_on;
use crate::cli::{fail, say};
use crate::plugin::{BodyMode, Capability, Hook, Pool};

pub(super) fn inspect(args: &ModuleArgs) -> ExitCode {
    block_on(async {
        match Report::of(args).await {
            Ok(report) if args.json => say(report.json()),
            Ok(report) => say(report.text()),
            Err(error) => return fail(error),
        }
        ExitCode::SUCCESS
    })
}

/// What there is to know of a module without a gateway.
#[derive(Serialize)]
struct Report {
    name: String,
    version: String,
    roles: Vec<String>,
    hooks: Vec<String>,
    /// How hooks want bodies; those that want none are not named.
    bodies: BTreeMap<String, String>,
    abi: u32,
    capabilities: Vec<Asked>,
    config_schema: Option<Json>,
    size_bytes: usize,
    memory: Memory,
    sha256: String,
    compile_ms: f64,
}

/// The imports of one capability.
#[derive(Serialize)]
struct Asked {
    capability: String,
    needs_grant: bool,
    calls: Vec<String>,
}

#[derive(Serialize)]
struct Memory {
    initial_bytes: u64,
    maximum_bytes: Option<u64>,
    /// After start and `init`; null where it does not start with the given configuration.
    started_bytes: Option<usize>,
    /// Why it does not.
    not_started: Option<String>,
}

impl Report {
    async fn of(args: &ModuleArgs) -> Result<Self, String> {
        let candidate = Candidate::load(&args.file).await?;
        let module = &candidate.module;
        let manifest = module.manifest();
        Ok(Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            roles: manifest.roles.iter().map(ToString::to_string).collect(),
            hooks: hooks(&candidate),
            bodies: bodies(&candidate),
            // A module of another version is not loaded at all.
            abi: gatewright_abi::VERSION,
            capabilities: module.capabilities().into_iter().map(Asked::from).collect(),
            config_schema: manifest.config.clone(),
            size_bytes: candidate.size,
            memory: Memory::of(&candidate, &args.config).await,
            sha256: module.digest().to_string(),
            compile_ms: millis(candidate.compile_time),
        })
    }

    fn json(&self) -> String {
        // Numbers, strings and JSON values: there is nothing in it that JSON could not carry.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.name, self.version);
        let rows = [
            ("roles", self.roles.join(", ")),
            ("hooks", self.hooks.join(", ")),
            ("abi", self.abi.to_string()),
            ("sha256", self.sha256.clone()),
            ("size", bytes(self.size_bytes as u64)),
            ("compiled in", format!("{:.1} ms", self.compile_ms)),
        ];
        for (name, value) in rows {
            row(&mut text, name, &value);
        }
        if !self.bodies.is_empty() {
            text.push_str("bodies\n");
            self.bodies.iter().for_each(|(hook, wants)| row(&mut text, hook, wants));
        }
        self.memory.describe(&mut text);
        text.push_str("asks for\n");
        self.capabilities.iter().for_each(|asked| row(&mut text, &asked.capability, &asked.describe()));
        text.push_str("configuration\n");
        text.push_str(&match &self.config_schema {
            Some(schema) => format!("{schema:#}\n").replace('\n', "\n  ").trim_end().replacen('{', "  {", 1),
            None => "  anything: the module has no schema".to_owned(),
        });
        text
    }
}

fn hooks(candidate: &Candidate) -> Vec<String> {
    let exported =
        Hook::SERVING.into_iter().chain([Hook::OnTick]).filter(|hook| candidate.module.has_hook(*hook));
    exported.map(|hook| hook.to_string()).collect()
}

fn bodies(candidate: &Candidate) -> BTreeMap<String, String> {
    let uses = Hook::SERVING.into_iter().map(|hook| (hook, candidate.module.body_use(hook)));
    let wanted = uses.filter(|(_, used)| used.mode != BodyMode::None);
    wanted.map(|(hook, used)| (hook.to_string(), used.to_string())).collect()
}

fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<12} {value}");
}

impl From<Capability> for Asked {
    fn from(asked: Capability) -> Self {
        Self { capability: asked.name, needs_grant: asked.needs_grant, calls: asked.calls }
    }
}

impl Asked {
    fn describe(&self) -> String {
        let calls = self.calls.join(", ");
        match (self.needs_grant, self.capability.as_str()) {
            (false, _) => calls,
            (true, "http") => format!("{calls} (needs a grant: allow = [\"http:UPSTREAM\"])"),
            (true, name) => format!("{calls} (needs a grant: allow = [\"{name}\"])"),
        }
    }
}

impl Memory {
    async fn of(candidate: &Candidate, config: &Json) -> Self {
        let declared = candidate.module.memory();
        let (started_bytes, not_started) = match started(candidate, config).await {
            Ok(bytes) => (Some(bytes), None),
            Err(why) => (None, Some(why)),
        };
        Self { initial_bytes: declared.initial, maximum_bytes: declared.maximum, started_bytes, not_started }
    }

    fn describe(&self, text: &mut String) {
        text.push_str("memory\n");
        row(text, "initial", &bytes(self.initial_bytes));
        row(text, "maximum", &self.maximum_bytes.map_or("none declared".to_owned(), bytes));
        let started = match (self.started_bytes, &self.not_started) {
            (Some(started), _) => bytes(started as u64),
            (None, why) => {
                let why = why.as_deref().unwrap_or_default().replace('\n', "; ");
                format!("not with this configuration (--config JSON gives another): {why}")
            }
        };
        row(text, "started", &started);
    }
}

/// The memory of an instance whose `init` has run.
async fn started(candidate: &Candidate, config: &Json) -> Result<usize, String> {
    let plugin = candidate.configure(config, false).await?;
    let pool = Pool::new(&candidate.engine, plugin);
    pool.warm().await.map_err(|error| error.to_string())?;
    Ok(pool.memory())
}
