use std::sync::Arc;

use futures_util::future::join_all;

use super::{Snapshot, UpstreamEntry, tls};
use crate::balance::Algorithm;
use crate::config::{
    self, Balance, Config, EndpointConfig, FilesConfig, HealthConfig, PoolConfig, Problems, UpstreamConfig,
};
use crate::exchange::HashKey;
use crate::files::{self, Folder};
use crate::tls::Client;
use crate::upstream::{
    CheckSettings, EndpointPlace as Place, EndpointSettings, Probe, Protocol, ProxyProtocol, Settings,
    Source, Srv, Upstream,
};

/// The upstreams in the configuration's order. One whose settings are the same is the same: it keeps its balancer's
/// state, its endpoints' health and its connections.
pub(super) async fn build(
    config: &Config,
    previous: Option<&Snapshot>,
    problems: &mut Problems,
) -> Vec<UpstreamEntry> {
    let old = previous.map_or(&[][..], |snapshot| &snapshot.upstreams);
    let wanted: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| match upstream {
            UpstreamConfig::Endpoints(pool) => Ok((pool, settings(pool, tls::client(pool, problems)))),
            UpstreamConfig::Files(files) => Err(folder(files, problems)),
        })
        .collect();
    let built = wanted.into_iter().map(async |wanted| match wanted {
        Ok((pool, settings)) => endpoints(pool, settings, old).await,
        Err(folder) => folder,
    });
    // DNS is asked for all at once.
    join_all(built).await
}

async fn endpoints(config: &PoolConfig, settings: Settings, old: &[UpstreamEntry]) -> UpstreamEntry {
    let mut known = old.iter().filter_map(|entry| match entry {
        UpstreamEntry::Endpoints { upstream, .. } => Some(upstream),
        UpstreamEntry::Files(_) => None,
    });
    let upstream = match known.find(|upstream| *upstream.settings() == settings) {
        Some(kept) => Arc::clone(kept),
        None => Arc::new(Upstream::discover(settings).await),
    };
    UpstreamEntry::Endpoints { upstream, hash_key: config.hash_key.as_ref().map(hash_key) }
}

fn folder(config: &FilesConfig, problems: &mut Problems) -> UpstreamEntry {
    let folder = &config.folder;
    let why = match std::fs::metadata(&folder.value) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some("it is not a folder".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = why {
        let key = format!("upstream.{}.files", config.name.value);
        problems.add(folder.span, key, format!("cannot serve {}: {why}", folder.display()));
    }
    UpstreamEntry::Files(Arc::new(Folder::new(files::Settings {
        name: config.name.value.clone(),
        folder: folder.value.clone(),
        follow_symlinks: config.follow_symlinks,
    })))
}

fn settings(config: &PoolConfig, tls: Option<Arc<Client>>) -> Settings {
    Settings {
        name: config.name.value.clone(),
        algorithm: algorithm(config.balance),
        endpoints: source(config),
        name_servers: config.name_servers.as_deref().map(Arc::from),
        host: config.host.clone(),
        max_fails: config.max_fails,
        fail_timeout: config.fail_timeout,
        max_fail_timeout: config.max_fail_timeout,
        slow_start: config.slow_start,
        max_in_flight: config.max_in_flight,
        endpoint_max_in_flight: config.endpoint_max_in_flight,
        max_pending: config.max_pending,
        pending_timeout: config.pending_timeout,
        health: config.health.as_ref().map(checks),
        panic: config.panic,
        connect_timeout: config.connect_timeout,
        response_timeout: config.response_timeout,
        per_try_timeout: config.per_try_timeout,
        body_timeout: config.body_timeout,
        retries: config.retries,
        retry_budget: config.retry_budget,
        idle_timeout: config.idle_timeout,
        max_idle: config.max_idle,
        max_response_head: config.max_response_head,
        max_response_headers: config.max_response_headers,
        proxy_protocol: config.proxy_protocol.map(proxy_protocol),
        protocol: protocol(config.protocol),
        tls,
    }
}

fn source(config: &PoolConfig) -> Source {
    let srv = config.endpoints.iter().find_map(|endpoint| match &endpoint.url.place {
        config::EndpointPlace::Srv { https, name } => {
            let base_path = endpoint.url.base_path.clone();
            Some(Srv { name: name.clone(), https: *https, base_path })
        }
        _ => None,
    });
    // It stands alone.
    srv.map_or_else(|| Source::Fixed(config.endpoints.iter().filter_map(endpoint).collect()), Source::Srv)
}

fn endpoint(config: &EndpointConfig) -> Option<EndpointSettings> {
    let url = &config.url.value;
    let place = match &url.place {
        config::EndpointPlace::Host { https, host, port } => {
            Place::Host { https: *https, host: host.clone(), port: *port }
        }
        config::EndpointPlace::Unix(file) => Place::Unix(file.clone()),
        config::EndpointPlace::Srv { .. } => return None,
    };
    let (url, base_path) = (url.text.clone(), url.base_path.clone());
    Some(EndpointSettings { url, place, base_path, weight: config.weight })
}

fn checks(config: &HealthConfig) -> CheckSettings {
    let probe = match &config.probe {
        config::Probe::Tcp => Probe::Tcp,
        config::Probe::Http { path, host, status } => {
            Probe::Http { path: path.clone(), host: host.clone(), status: status.clone() }
        }
    };
    CheckSettings {
        probe,
        interval: config.interval,
        timeout: config.timeout,
        rise: config.rise,
        fall: config.fall,
    }
}

fn algorithm(balance: Balance) -> Algorithm {
    match balance {
        Balance::Random => Algorithm::Random,
        Balance::RoundRobin => Algorithm::RoundRobin,
        Balance::WeightedRoundRobin => Algorithm::WeightedRoundRobin,
        Balance::ConsistentHash => Algorithm::ConsistentHash,
        Balance::LeastRequest => Algorithm::LeastRequest,
    }
}

fn proxy_protocol(version: config::ProxyProtocol) -> ProxyProtocol {
    match version {
        config::ProxyProtocol::V1 => ProxyProtocol::V1,
        config::ProxyProtocol::V2 => ProxyProtocol::V2,
    }
}

fn protocol(protocol: config::Protocol) -> Protocol {
    match protocol {
        config::Protocol::Auto => Protocol::Auto,
        config::Protocol::Http1 => Protocol::Http1,
        config::Protocol::Http2 => Protocol::Http2,
    }
}

fn hash_key(key: &config::HashKey) -> HashKey {
    match key {
        config::HashKey::ClientIp => HashKey::ClientIp,
        config::HashKey::Path => HashKey::Path,
        config::HashKey::Header(name) => HashKey::Header(name.clone()),
        config::HashKey::Cookie(name) => HashKey::Cookie(name.clone()),
        config::HashKey::Query(name) => HashKey::Query(name.clone()),
        config::HashKey::Attribute(name) => HashKey::Attribute(name.clone()),
    }
}
