use std::sync::Arc;

use bytes::Bytes;

use super::{Piece, PluginUse, Route, RouteAnswer};
use crate::config::{self, AnswerConfig, Config, PieceConfig, Problems, RouteConfig, Spanned};
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
    let routes = config.routes.iter().enumerate();
    let routes = routes.map(|(place, route)| build_route(config, place, route, plugins, problems)).collect();
    Some((router?, routes))
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

fn build_route(
    config: &Config,
    place: usize,
    route: &RouteConfig,
    plugins: &[Option<Arc<Plugin>>],
    problems: &mut Problems,
) -> Route {
    let name = route.name.as_ref().map_or(&route.path, |name| name);
    let mut uses = |uses: &[Spanned<config::PluginUse>], role, key| {
        uses.iter().filter_map(|used| build_use(config, used, plugins, role, key, problems)).collect()
    };
    let middleware = uses(&route.middleware, Role::Middleware, "route.middleware");
    let modify_response = uses(&route.modify_response, Role::ModifyResponse, "route.modify_response");
    let director: Vec<PluginUse> = uses(route.director.as_slice(), Role::Director, "route.director");
    Route {
        place,
        name: Arc::from(name.value.as_str()),
        upstream: route.upstream.as_ref().and_then(|name| upstream(config, &name.value)),
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

fn upstream(config: &Config, name: &str) -> Option<usize> {
    config.upstreams.iter().position(|upstream| upstream.name().value == name)
}

fn build_use(
    config: &Config,
    used: &Spanned<config::PluginUse>,
    plugins: &[Option<Arc<Plugin>>],
    role: Role,
    key: &str,
    problems: &mut Problems,
) -> Option<PluginUse> {
    let name = &used.value.plugin;
    let index = config.plugins.iter().position(|plugin| plugin.name.value == *name)?;
    let configured = config.plugins.get(index)?;
    let plugin = plugins.get(index)?.as_ref()?;
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
        plugin: index,
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
