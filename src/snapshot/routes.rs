use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{Piece, PluginUse, Route, RouteAnswer};
use crate::config::{self, AnswerConfig, Config, PieceConfig, PluginConfig, Problems, RouteConfig, Spanned};
use crate::exchange::ResponseHead;
use crate::plugin::{Hook, OnError, Plugin, Role};
use crate::route::{Problem, Router, Rule};

/// The routes and what finds them; `None` where `problems` tell why not.
pub(super) fn build(
    config: &Config,
    plugins: &[Option<Arc<Plugin>>],
    problems: &mut Problems,
) -> Option<(Router, Vec<Route>)> {
    let rules: Vec<Rule> = config.routes.iter().map(rule).collect();
    let router = match Router::build(&rules) {
        Ok(router) => Some(router),
        Err(found) => {
            found.iter().for_each(|problem| report(config, problem, problems));
            None
        }
    };
    let names = Names::of(config, plugins);
    let routes = config.routes.iter().enumerate();
    let routes = routes.map(|(place, route)| build_route(&names, place, route, problems)).collect();
    Some((router?, routes))
}

/// What routes refer to by name.
struct Names<'a> {
    /// The places of the upstreams.
    upstreams: HashMap<&'a str, usize>,
    /// The plugins that could be loaded, and their places.
    plugins: HashMap<&'a str, (usize, &'a PluginConfig, &'a Plugin)>,
}

impl<'a> Names<'a> {
    fn of(config: &'a Config, plugins: &'a [Option<Arc<Plugin>>]) -> Self {
        let upstreams = config.upstreams.iter().enumerate();
        let loaded =
            config.plugins.iter().zip(plugins).enumerate().filter_map(|(place, (configured, plugin))| {
                Some((configured.name.value.as_str(), (place, configured, &**plugin.as_ref()?)))
            });
        Self {
            upstreams: upstreams.map(|(place, upstream)| (upstream.name().value.as_str(), place)).collect(),
            plugins: loaded.collect(),
        }
    }
}

fn rule(route: &RouteConfig) -> Rule {
    Rule {
        hosts: route.hosts.iter().map(|host| host.value.clone()).collect(),
        path: route.path.value.clone(),
        methods: route.methods.clone(),
        headers: route.headers.clone(),
    }
}

fn report(config: &Config, problem: &Problem, problems: &mut Problems) {
    let span = |index: usize| config.routes.get(index).map(|route| route.path.span);
    match problem {
        Problem::Path { rule, .. } => {
            problems.add(span(*rule), "route.path", problem.to_string());
        }
        Problem::Host { rule, host, .. } => {
            let route = config.routes.get(*rule);
            let place = route.and_then(|route| route.hosts.iter().find(|known| known.value == *host));
            problems.add(place.map(|host| host.span), "route.host", problem.to_string());
        }
        Problem::Header { rule, .. } => {
            problems.add(span(*rule), "route.headers", problem.to_string());
        }
        Problem::Tie { first, second, what } => {
            let place = span(*first).map(|span| config.source.position(span.start));
            let line = place.map_or(0, |place| place.line);
            problems
                .add(
                    span(*second),
                    "route.path",
                    format!("ties with the route of line {line}: both match {what}"),
                )
                .help("requests could match both equally well; make one of them more specific or remove it");
        }
    }
}

fn build_route(names: &Names<'_>, place: usize, route: &RouteConfig, problems: &mut Problems) -> Route {
    let name = route.name.as_ref().map_or(&route.path, |name| name);
    let mut uses = |uses: &[Spanned<config::PluginUse>], role, key| {
        uses.iter().filter_map(|used| build_use(names, used, role, key, problems)).collect()
    };
    let middleware = uses(&route.middleware, Role::Middleware, "route.middleware");
    let modify_response = uses(&route.modify_response, Role::ModifyResponse, "route.modify_response");
    let director: Vec<PluginUse> = uses(route.director.as_slice(), Role::Director, "route.director");
    Route {
        place,
        name: Arc::from(name.value.as_str()),
        upstream: route.upstream.as_ref().and_then(|name| names.upstreams.get(name.value.as_str()).copied()),
        upstream_name: route.upstream.as_ref().map(|name| Arc::from(name.value.as_str())),
        director: director.first().copied(),
        middleware,
        modify_response,
        answer: route.answer.as_ref().map(answer),
    }
}

fn answer(configured: &AnswerConfig) -> RouteAnswer {
    match configured {
        AnswerConfig::Respond { status, headers, body } => RouteAnswer::Respond {
            head: ResponseHead { status: *status, headers: headers.iter().cloned().collect() },
            body: Bytes::from(body.clone()),
        },
        AnswerConfig::Redirect { status, to } => {
            RouteAnswer::Redirect { status: *status, to: to.iter().map(piece).collect() }
        }
    }
}

fn piece(configured: &PieceConfig) -> Piece {
    match configured {
        PieceConfig::Text(text) => Piece::Text(text.clone()),
        PieceConfig::Host => Piece::Host,
        PieceConfig::Path => Piece::Path,
    }
}

fn build_use(
    names: &Names<'_>,
    used: &Spanned<config::PluginUse>,
    role: Role,
    key: &str,
    problems: &mut Problems,
) -> Option<PluginUse> {
    let name = &used.value.plugin;
    let (place, configured, plugin) = *names.plugins.get(name.as_str())?;
    let module = plugin.module();
    if !module.has_role(role) {
        let roles: Vec<_> = module.manifest().roles.iter().map(ToString::to_string).collect();
        let message =
            format!("plugin `{name}` cannot be used as {role}: its module is a {}", roles.join(", "));
        problems.add(used.span, key, message);
        return None;
    }
    let (on_request, on_response) = match role {
        Role::Director => (Some(Hook::Direct), None),
        Role::Middleware => (Some(Hook::OnRequest), Some(Hook::OnResponse)),
        Role::ModifyResponse => (None, Some(Hook::ModifyResponse)),
    };
    let body_use = |hook: Option<Hook>| hook.map(|hook| module.body_use(hook)).unwrap_or_default();
    Some(PluginUse {
        plugin: place,
        on_error: on_error(used.value.on_error.unwrap_or(configured.on_error)),
        on_request: module.has_hook(Hook::OnRequest),
        on_response: module.has_hook(Hook::OnResponse),
        request_body: body_use(on_request),
        response_body: body_use(on_response),
    })
}

fn on_error(configured: config::OnError) -> OnError {
    match configured {
        config::OnError::Fail => OnError::Fail,
        config::OnError::Skip => OnError::Skip,
    }
}
