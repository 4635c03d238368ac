use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use toml::de::DeTable;

use super::clock::Clock;
use super::expect::{Call, Check, Expect, part_of_it};
use super::message::{Answer, Request, bytes};
use crate::config::{
    Diagnostics, LimitsConfig, OnError, Places, Problems, Source, Span, Spanned, TableReader, Value, boolean,
    choice, did_you_mean, elements, in_order, list, object, text,
};
use crate::plugin::Role;

/// A cases file.
#[derive(Debug)]
pub(super) struct Cases {
    pub(super) source: Arc<Source>,
    /// What the plugin is used as; all that its module can be, where nothing is said.
    pub(super) roles: Option<Vec<Role>>,
    /// The mock upstreams. The first is the route's.
    pub(super) upstreams: Vec<String>,
    pub(super) limits: LimitsConfig,
    pub(super) on_error: OnError,
    pub(super) cases: Vec<Case>,
}

/// One case: a plugin of its own, with nothing left of the case before.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: Spanned<String>,
    /// The plugin's configuration,
    pub(super) config: Spanned<Json>,
    /// and why it should refuse that.
    pub(super) refused: Option<Check>,
    /// The entries of the key-value store at the beginning.
    pub(super) kv: Kv,
    /// What the clock shows to the plugin at the beginning; the time of day where nothing is said.
    pub(super) clock: Option<Clock>,
    pub(super) steps: Vec<Step>,
}

/// A request, what the upstream makes of it, and what is expected of both.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) span: Span,
    /// The plugin's periodic call, in place of a request.
    pub(super) tick: bool,
    pub(super) request: Request,
    pub(super) upstream: Answer,
    /// What the clock shows from now on.
    pub(super) clock: Option<Clock>,
    /// The requests that the plugin makes of its own, in their order.
    pub(super) calls: Vec<Call>,
    pub(super) expect: Expect,
}

/// Keys and values.
pub(super) type Kv = BTreeMap<String, Vec<u8>>;

/// What a case takes from the file, and a step from its case.
#[derive(Clone)]
struct Defaults {
    config: Spanned<Json>,
    kv: Kv,
    request: Request,
    upstream: Answer,
    clock: Option<Clock>,
}

impl Cases {
    pub(super) fn load(path: &Path) -> Result<Self, Diagnostics> {
        crate::config::load_other(path, |root, source, problems| {
            Self::read(root, Arc::clone(source), problems)
        })
    }

    fn read(root: &DeTable<'_>, source: Arc<Source>, problems: &mut Problems) -> Option<Self> {
        let folder = source.path.parent().map(Path::to_owned).unwrap_or_default();
        let mut table = TableReader::root(root, problems);
        let roles = table.optional("roles", list("an array such as [\"director\"]", choice(ROLES)));
        let upstreams = table.or("upstreams", vec!["app".to_owned()], upstreams);
        let limits = table.or("limits", LimitsConfig::default(), LimitsConfig::read);
        let on_error = table.or("on_error", OnError::Fail, choice(OnError::WORDS));
        let defaults = Defaults::none().read(&mut table, &folder);
        let cases = table.required("case", "[[case]] with name = \"what it shows\"", |value, problems| {
            let read = |value: &Value<'_>, problems: &mut Problems| {
                Case::read(value, &defaults, &upstreams, &folder, problems)
            };
            list("an array of tables, [[case]]", read)(value, problems)
        });
        table.finish();
        let cases = cases?;
        check_names(&cases, problems);
        Some(Self { source, roles, upstreams, limits, on_error, cases })
    }

    /// The cases whose names hold `filter`.
    pub(super) fn chosen(&self, filter: Option<&str>) -> Result<Vec<&Case>, String> {
        let Some(filter) = filter else { return Ok(self.cases.iter().collect()) };
        let chosen: Vec<_> = self.cases.iter().filter(|case| case.name.contains(filter)).collect();
        if chosen.is_empty() {
            let names = self.cases.iter().map(|case| case.name.value.as_str());
            let guess = did_you_mean(filter, names);
            let file = self.source.path.display();
            return Err(format!("no case of {file} has {filter:?} in its name; {guess}")
                .trim_end_matches("; ")
                .to_owned());
        }
        Ok(chosen)
    }
}

const ROLES: &[(&str, Role)] = &[
    ("director", Role::Director),
    ("middleware", Role::Middleware),
    ("modify_response", Role::ModifyResponse),
];

fn upstreams(value: &Value<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let wanted = "an array of names such as [\"app\", \"next\"]";
    let names = list(wanted, |value: &Value<'_>, problems: &mut Problems| {
        let name = text(value, "a name such as \"app\"", problems)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(fits) {
            value
                .mistake(problems, format!("invalid name {name:?}"))
                .help("a name is made of a-z, 0-9, _ and -");
            return None;
        }
        Some(name.to_owned())
    })(value, problems)?;
    if elements(value).is_some_and(|elements| elements.is_empty()) {
        value.mistake(problems, "no upstreams").help("the first is the one that requests go to: [\"app\"]");
        return None;
    }
    Some(names)
}

/// A failure is told by the case's name, so no two may have the same.
fn check_names(cases: &[Case], problems: &mut Problems) {
    for (index, case) in cases.iter().enumerate() {
        if let Some(first) = cases.iter().take(index).find(|first| first.name == case.name) {
            let line = problems.line_of(first.name.span);
            problems
                .add(case.name.span, "case.name", format!("duplicate name {:?}", case.name.value))
                .help(format!("the case on line {line} has it"));
        }
    }
}

impl Defaults {
    fn none() -> Self {
        Self {
            config: Spanned::new(Json::Object(Map::new()), Span::default()),
            kv: Kv::new(),
            request: Request::default(),
            upstream: Answer::default(),
            clock: None,
        }
    }

    /// What the table says, and for the rest what was said around it.
    fn read(&self, table: &mut TableReader<'_, '_>, folder: &Path) -> Self {
        let config = table.optional("config", |value, problems| {
            Some(value.spanned(object(value, &mut Places::new(), problems)?))
        });
        let mut entries = self.kv.clone();
        entries.extend(table.optional("kv", kv).into_iter().flatten());
        let (request, upstream) = self.messages(table, folder);
        Self {
            config: config.unwrap_or_else(|| self.config.clone()),
            kv: entries,
            request,
            upstream,
            clock: table.optional("clock", Clock::read).or(self.clock),
        }
    }

    fn messages(&self, table: &mut TableReader<'_, '_>, folder: &Path) -> (Request, Answer) {
        let request = table
            .optional("request", |value, problems| Request::read(value, &self.request, folder, problems));
        let upstream = table
            .optional("upstream", |value, problems| Answer::read(value, &self.upstream, folder, problems));
        (request.unwrap_or_else(|| self.request.clone()), upstream.unwrap_or_else(|| self.upstream.clone()))
    }
}

fn kv(value: &Value<'_>, problems: &mut Problems) -> Option<Kv> {
    let Some(entries) = value.as_table() else {
        value.expected(problems, "a table such as { \"key\" = \"value\" }");
        return None;
    };
    let read = |(name, node): (&toml::Spanned<toml::de::DeString<'_>>, _)| {
        let name = name.get_ref().as_ref();
        let entry = Value::new(crate::config::child(&value.key, name), node);
        Some((name.to_owned(), bytes(&entry, problems)?))
    };
    Some(in_order(entries).into_iter().filter_map(read).collect())
}

impl Case {
    fn read(
        value: &Value<'_>,
        defaults: &Defaults,
        upstreams: &[String],
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table, [[case]]", problems)?;
        let name = table.required("name", "name = \"what it shows\"", |value, problems| {
            Some(value.spanned(
                text(value, "what the case shows, such as \"no key is refused\"", problems)?.to_owned(),
            ))
        });
        let defaults = defaults.read(&mut table, folder);
        let refused = table.optional("refused", part_of_it);
        let steps = match table.take("step").is_some() {
            true => Self::read_steps(&mut table, &defaults, upstreams, folder),
            false => {
                let (request, upstream) = (defaults.request, defaults.upstream);
                let (tick, calls, expect) = expectations(&mut table, upstreams, folder);
                Some(vec![Step { span: value.span, tick, request, upstream, clock: None, calls, expect }])
            }
        };
        table.finish();
        let Defaults { config, kv, clock, .. } = defaults;
        Some(Self { name: name?, config, refused, kv, clock, steps: steps? })
    }

    fn read_steps(
        table: &mut TableReader<'_, '_>,
        defaults: &Defaults,
        upstreams: &[String],
        folder: &Path,
    ) -> Option<Vec<Step>> {
        for (key, place) in [("expect", "[case.step.expect]"), ("calls", "[[case.step.calls]]")] {
            if let Some(value) = table.take(key) {
                value
                    .mistake(table.problems, "a case with steps expects nothing by itself")
                    .help(format!("put it into the step that it is about: {place}"));
            }
        }
        let read = |value: &Value<'_>, problems: &mut Problems| {
            let mut table = TableReader::open(value, "a table, [[case.step]]", problems)?;
            let (request, upstream) = defaults.messages(&mut table, folder);
            let clock = table.optional("clock", Clock::read);
            let (tick, calls, expect) = expectations(&mut table, upstreams, folder);
            table.finish();
            Some(Step { span: value.span, tick, request, upstream, clock, calls, expect })
        };
        table.optional("step", list("an array of tables, [[case.step]]", read))
    }

    /// Where the configuration is, or the case where it has none.
    pub(super) fn config_span(&self) -> Span {
        if self.config.span == Span::default() { self.name.span } else { self.config.span }
    }
}

/// Whether it is a tick, and what is expected of the plugin's own requests and of everything else.
fn expectations(
    table: &mut TableReader<'_, '_>,
    upstreams: &[String],
    folder: &Path,
) -> (bool, Vec<Call>, Expect) {
    let tick = table.or("tick", false, boolean);
    let call = |value: &Value<'_>, problems: &mut Problems| Call::read(value, upstreams, folder, problems);
    let calls = table.or("calls", Vec::new(), list("an array of tables, [[case.calls]]", call));
    let expect = |value: &Value<'_>, problems: &mut Problems| {
        let expect = Expect::read(value, upstreams, folder, problems)?;
        if tick && expect.is_of_a_request() {
            value
                .mistake(problems, "there is no request, but a tick")
                .help("what can be expected of it: kv, metrics, log, error; and [[case.calls]]");
        }
        Some(expect)
    };
    (tick, calls, table.optional("expect", expect).unwrap_or_default())
}
