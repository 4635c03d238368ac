//! Whole files: those that must be read, those that must be refused and with which words, and damaged ones.
//!
//! `UPDATE_GOLDEN=1` rewrites the expected reports; read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

/// The `.toml` files of a folder of the repository, as paths relative to its root.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
    let mut files: Vec<_> = names.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    assert!(!files.is_empty(), "no files in {folder}");
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Parses under the relative path, so that reports are the same on every machine.
fn parsed(path: &Path) -> Result<Config, Diagnostics> {
    parse(path, text(path))
}

fn valid(name: &str) -> Config {
    let path = Path::new("tests/config/valid").join(name);
    parsed(&path).unwrap_or_else(|report| panic!("{report}"))
}

/// The first upstream, which has endpoints.
fn pool(config: &Config) -> &PoolConfig {
    let UpstreamConfig::Endpoints(pool) = &config.upstreams[0] else { panic!("{:?}", config.upstreams[0]) };
    pool
}

#[test]
fn every_valid_file_is_read() {
    for folder in ["tests/config/valid", "config", "config/examples"] {
        for path in files(folder) {
            if let Err(report) = parsed(&path) {
                panic!("{report}");
            }
        }
    }
}

#[test]
fn every_invalid_file_is_refused_with_its_golden_report() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for path in files("tests/config/invalid") {
        let report = format!("{}\n", parsed(&path).expect_err(&path.display().to_string()));
        let golden = path.with_extension("err");
        if update {
            fs::write(root().join(&golden), &report).unwrap();
        }
        assert_eq!(
            report,
            text(&golden),
            "{}: run with UPDATE_GOLDEN=1 if the new report is better",
            golden.display()
        );
    }
}

#[test]
fn every_golden_report_has_its_file() {
    for entry in fs::read_dir(root().join("tests/config/invalid")).unwrap() {
        assert!(entry.unwrap().path().with_extension("toml").exists());
    }
}

#[test]
fn no_truncated_file_panics() {
    for path in files("tests/config/valid") {
        let text = text(&path);
        for (end, _) in text.char_indices() {
            survives(&path, text[..end].to_owned());
        }
    }
}

#[test]
fn no_mutated_file_panics() {
    for path in files("tests/config/valid") {
        let text = text(&path);
        for (at, old) in text.char_indices() {
            for new in ["", "\"", "]", "[", "{", "=", ".", "\n", "0", "ü", "\0"] {
                survives(&path, [&text[..at], new, &text[at + old.len_utf8()..]].concat());
            }
        }
    }
}

#[test]
fn no_scrambled_file_panics() {
    let rounds = std::env::var("SCRAMBLE_ROUNDS").map_or(2_000, |rounds| rounds.parse().unwrap());
    let mut random = fastrand::Rng::with_seed(rounds);
    for path in files("tests/config/valid").iter().chain(&files("tests/config/invalid")) {
        let text: Vec<char> = text(path).chars().collect();
        for _ in 0..rounds / 10 {
            survives(path, scrambled(&text, &mut random));
        }
    }
}

/// Up to eight pieces of the text copied over other places of it.
fn scrambled(text: &[char], random: &mut fastrand::Rng) -> String {
    let mut text = text.to_vec();
    for _ in 0..random.usize(1..=8) {
        let from = random.usize(..=text.len());
        let piece = text[from..text.len().min(from + random.usize(..12))].to_vec();
        let to = random.usize(..=text.len());
        let end = text.len().min(to + random.usize(..12));
        text.splice(to..end, piece);
    }
    text.into_iter().collect()
}

/// Reads a damaged file and, if it is refused, renders both forms of the report.
fn survives(path: &Path, text: String) {
    if let Err(report) = parse(path, text) {
        assert!(report.iter().next().is_some());
        assert!(report.lines().all(|line| !line.contains('\n')));
        assert!(!report.to_string().is_empty());
    }
}

#[test]
fn missing_keys_get_their_defaults() {
    let config = valid("minimal.toml");
    assert_eq!(config.gateway, GatewayConfig::default());
    assert_eq!(config.admin, None);
    assert_eq!(config.listeners[0].max_head, 65_536);
    assert_eq!(config.plugins, []);
    let upstream = pool(&config);
    assert_eq!((upstream.balance, upstream.max_fails, upstream.retries), (Balance::RoundRobin, 3, 1));
    assert_eq!((upstream.idle_timeout, upstream.max_idle), (Duration::from_secs(60), 128));
    assert_eq!((upstream.max_response_head, upstream.max_response_headers), (64 << 10, 100));
    assert_eq!(upstream.endpoints[0].weight, 1);
    let route = &config.routes[0];
    assert!(route.hosts.is_empty() && route.methods.is_empty() && route.headers.is_empty());
}

#[test]
fn every_key_of_gateway_and_admin_is_read() {
    let config = valid("full.toml");
    let log = LogConfig { level: Level::Debug, format: LogFormat::Json, access: false };
    let pid_file = Some("tests/config/valid/gatewright.pid".into());
    let expected = GatewayConfig { workers: 2, pid_file, drain: Duration::from_secs(300), log };
    assert_eq!(config.gateway, expected);
    assert_eq!(config.admin.unwrap().listen.to_string(), "[::1]:9901");
}

#[test]
fn every_key_of_a_listener_is_read() {
    let listener = &valid("full.toml").listeners[0];
    assert_eq!(*listener.name, "web");
    assert_eq!(listener.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(listener.header_timeout, Duration::from_secs(5));
    assert_eq!(listener.idle_timeout, Duration::from_secs(3600));
    assert_eq!(listener.body_timeout, Duration::from_millis(250));
    assert_eq!(listener.send_timeout, Duration::from_secs(60));
    assert_eq!(listener.request_timeout, Some(Duration::from_secs(300)));
    assert_eq!(listener.max_connections.zip(listener.max_connections_per_client), Some((10_000, 100)));
    assert!(listener.proxy_protocol);
    assert_eq!(listener.trusted_proxies.iter().map(|network| network.prefix).collect::<Vec<_>>(), [8, 128]);
    assert_eq!(listener.max_requests.zip(listener.max_body), Some((1000, 1 << 30)));
    assert_eq!((listener.max_head, listener.max_uri, listener.max_headers), (8192, 1024, 10_000));
    let http2 = Http2Config { max_streams: 10_000, stream_window: 64 << 10, connection_window: 1 << 30 };
    assert_eq!(listener.http2, Some(http2));
}

#[test]
fn every_key_of_an_upstream_is_read() {
    let config = valid("full.toml");
    let upstream = pool(&config);
    assert_eq!(*upstream.name, "shop");
    assert_eq!(upstream.balance, Balance::ConsistentHash);
    assert_eq!(upstream.hash_key, HashKey::parse("header:x-user"));
    assert_eq!(upstream.host.as_ref().unwrap(), "shop.example:8080");
    assert_eq!((upstream.max_fails, upstream.retries, upstream.max_idle), (0, 4, 6));
    assert_eq!((upstream.max_response_head, upstream.max_response_headers), (128 << 10, 200));
    assert_eq!(upstream.proxy_protocol, Some(ProxyProtocol::V2));
    let health = upstream.health.as_ref().unwrap();
    let Probe::Http { path, host, status } = &health.probe else { panic!("{health:?}") };
    assert_eq!(
        (path.as_str(), host.as_ref().unwrap().to_str().unwrap(), status),
        ("/healthz?full=1", "health.example", &(200..=299))
    );
    assert_eq!((health.interval, health.timeout), (Duration::from_secs(3), Duration::from_millis(250)));
    assert_eq!((health.rise, health.fall, upstream.panic), (1, 5, 50));
    let seconds =
        [upstream.fail_timeout, upstream.connect_timeout, upstream.response_timeout, upstream.idle_timeout];
    assert_eq!(seconds.map(|timeout| timeout.as_secs()), [1, 2, 3, 5]);
    let endpoints: Vec<_> = upstream
        .endpoints
        .iter()
        .map(|it| (it.url.place.clone(), it.url.base_path.as_str(), it.weight))
        .collect();
    let host = |https, host: &str, port| EndpointPlace::Host { https, host: host.to_owned(), port };
    let socket = EndpointPlace::Unix("tests/config/valid/app.sock".into());
    assert_eq!(
        endpoints,
        [(host(false, "shop-1", 9001), "/base", 5), (host(true, "::1", 9002), "", 1), (socket, "/base", 1)]
    );
}

#[test]
fn an_upstream_may_be_found_by_srv() {
    let config = valid("names.toml");
    let upstream = pool(&config);
    let url = &upstream.endpoints[0].url.value;
    let name = "_https._tcp.shop.example".to_owned();
    assert_eq!(url.place, EndpointPlace::Srv { https: true, name });
    assert_eq!(url.base_path, "/base");
    let servers = ["127.0.0.1:8600", "[::1]:53"].map(|text| text.parse().unwrap());
    assert_eq!(upstream.name_servers.as_deref(), Some(&servers[..]));
}

#[test]
fn every_key_of_an_upstream_of_files_is_read() {
    let config = valid("full.toml");
    let UpstreamConfig::Files(files) = &config.upstreams[1] else { panic!("{:?}", config.upstreams[1]) };
    assert_eq!(*files.name, "site");
    assert_eq!(files.folder.value, Path::new("tests/config/valid/public"));
    assert!(files.follow_symlinks);
}

#[test]
fn every_key_of_a_plugin_is_read() {
    let plugin = &valid("full.toml").plugins[0];
    assert_eq!(*plugin.name, "stamp");
    assert_eq!(*plugin.file, Path::new("tests/config/valid/../stamp.wasm"));
    let digest = plugin.sha256.as_ref().unwrap();
    assert!(digest.iter().copied().eq(0..32));
    let config =
        serde_json::json!({ "set": { "x-a/b": "1" }, "list": [1, 2.5, true], "since": "2024-01-02" });
    assert_eq!(plugin.config, config);
    let limits = LimitsConfig {
        memory: 65_536,
        time: Duration::from_millis(1),
        http_calls: 1,
        http_body: 1 << 28,
        instances: 1,
        calls: 0,
        failures: 0,
        ..LimitsConfig::default()
    };
    assert_eq!(plugin.limits, limits);
    assert_eq!(plugin.instance, InstanceUse::Fresh);
    assert_eq!(plugin.on_error, OnError::Skip);
    let allow: Vec<_> = plugin.allow.iter().map(|capability| capability.value.clone()).collect();
    assert_eq!(allow, [Capability::Kv, Capability::Http("shop".into())]);
    assert_eq!(plugin.namespace(), "shared");
    assert_eq!(**plugin.kv.max_bytes.as_ref().unwrap(), 131_072);
}

#[test]
fn every_key_of_a_route_is_read() {
    let config = valid("full.toml");
    let route = &config.routes[0];
    let stamp = |on_error| PluginUse { plugin: "stamp".into(), on_error };
    assert_eq!(**route.name.as_ref().unwrap(), "shop");
    assert_eq!(*route.path, "/shop/{id}/*");
    assert_eq!(
        route.hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>(),
        ["shop.example", "*.shop.example"]
    );
    assert_eq!(route.methods, ["GET", "PURGE"]);
    assert_eq!(route.headers[0].0, "x-beta");
    assert_eq!(route.headers[0].1, None);
    assert_eq!(route.headers[1].1.as_ref().unwrap(), "2");
    assert_eq!(**route.upstream.as_ref().unwrap(), "shop");
    assert_eq!(**route.director.as_ref().unwrap(), stamp(Some(OnError::Fail)));
    assert_eq!(route.middleware.len(), 2);
    assert_eq!(*route.modify_response[0], stamp(None));
    let line = config.source.text.lines().position(|line| line == "[[route]]").unwrap() + 1;
    assert_eq!(config.source.position(route.span.start).line, line);
}

#[test]
fn order_is_that_of_the_file() {
    let text = "[listener.b]\nlisten = \"[::]:1\"\n[listener.a]\nlisten = \"[::]:2\"\n\
        [upstream.x]\nendpoints = [\"http://a\"]\n[[route]]\npath = \"/\"\nupstream = \"x\"\n";
    let config = parse(Path::new("f.toml"), text.to_owned()).unwrap();
    assert_eq!(config.listeners.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(config.folder, Path::new(""));
}

#[test]
fn part_of_a_plugins_configuration_has_a_place() {
    let config = valid("full.toml");
    let at = |pointer| config.source.slice(config.plugins[0].config_span(pointer));
    assert_eq!(at("/set/x-a~1b"), "\"1\"");
    assert_eq!(at("/list/1"), "2.5");
    assert_eq!(at("/set/missing/deeper"), "{ \"x-a/b\" = \"1\" }");
    assert!(at("").starts_with("{ set"));
}

#[test]
fn plugin_without_configuration_gets_an_empty_object() {
    let text = text(Path::new("tests/config/valid/minimal.toml")) + "[plugin.p]\nfile = \"p.wasm\"\n";
    let config = parse(Path::new("f.toml"), text).unwrap();
    assert_eq!(config.plugins[0].config, serde_json::json!({}));
    assert_eq!(config.source.slice(config.plugins[0].config_span("/key")), "[plugin.p]");
}

#[test]
fn upstream_that_only_moved_is_unchanged() {
    let path = Path::new("tests/config/valid/full.toml");
    let moved = parse(path, format!("# moved\n{}", text(path))).unwrap();
    let config = valid("full.toml");
    assert_eq!(config.upstreams, moved.upstreams);
    assert_eq!(config.plugins, moved.plugins);
    assert_ne!(config.upstreams[0].name().span, moved.upstreams[0].name().span);
}

#[test]
fn file_that_cannot_be_read_is_reported_by_its_path() {
    let report = load(Path::new("no/such/file.toml")).unwrap_err().to_string();
    assert!(report.starts_with("no/such/file.toml: error: cannot read the file: "), "{report}");
}

#[test]
fn file_that_is_not_utf8_is_reported_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.toml");
    fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
    let report = load(&path).unwrap_err().to_string();
    assert!(report.contains("f.toml:2:6: error: syntax: not UTF-8"), "{report}");
}

#[test]
fn admin_address_is_found_in_a_file_with_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.toml");
    fs::write(&path, "[admin]\nlisten = \"127.0.0.1:9901\"\nport = 1\n[gateway]\nworkers =\n").unwrap();
    assert_eq!(admin_address(&path), Some(([127, 0, 0, 1], 9901).into()));
    fs::write(&path, "[admin]\n").unwrap();
    assert_eq!(admin_address(&path), None);
    assert_eq!(admin_address(Path::new("no/such/file.toml")), None);
}
