//! A call of each kind of hook, in the real host, of the example plugins. They must have been built before: `cargo xtask
//! plugins`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use gatewright::exchange::{Exchange, RequestHead, RequestId, ResponseHead};
use gatewright::plugin::{Engine, Grants, Hook, Limits, Module, Plugin, Pool};
use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// Calls between two looks at the clock. Their exchanges are made before: a hook that adds a field must not find those of
/// the calls before.
const BATCH: u64 = 64;

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("hook");
    for (hook, plugin, config) in calls() {
        let file = plugins_folder().join(format!("{plugin}.wasm"));
        let Ok(module) = std::fs::read(&file) else {
            eprintln!("{hook} is left out: there is no {}; `cargo xtask plugins` builds it", file.display());
            continue;
        };
        for fresh in [false, true] {
            let pool = runtime.block_on(pool(plugin, &module, &config, fresh));
            let name = if fresh { format!("{hook}, fresh instance") } else { hook.to_string() };
            group.bench_function(format!("{name} ({plugin})"), |bencher| {
                bencher.iter_custom(|calls| time(&runtime, &pool, hook, calls));
            });
        }
    }
}

/// Each kind of call with a plugin that has it.
fn calls() -> [(Hook, &'static str, Value); 6] {
    [
        (Hook::OnRequest, "header-logic", json!({})),
        (Hook::OnResponse, "header-logic", json!({})),
        (Hook::OnRequest, "tests/header-logic-assemblyscript", json!({})),
        (Hook::OnResponse, "tests/header-logic-assemblyscript", json!({})),
        (
            Hook::Direct,
            "rewrite",
            json!({ "strip_prefix": "/api", "add_prefix": "/v2", "host": "shop.internal" }),
        ),
        (
            Hook::ModifyResponse,
            "stamp",
            json!({ "set": { "x-served-by": "gatewright" }, "remove": ["server"] }),
        ),
    ]
}

pub(crate) async fn pool(name: &str, module: &[u8], config: &Value, fresh: bool) -> Rc<Pool> {
    let engine = Engine::new().unwrap();
    let module = Arc::new(Module::compile(&engine, module).await.unwrap());
    let limits = Limits { fresh, ..Limits::default() };
    let plugin = Plugin::load(&engine, name, module, config, limits, Grants::default()).await.unwrap();
    Rc::new(Pool::new(&engine, Arc::new(plugin)))
}

fn time(runtime: &Runtime, pool: &Rc<Pool>, hook: Hook, calls: u64) -> Duration {
    let mut took = Duration::ZERO;
    let mut left = calls;
    while left > 0 {
        let mut exchanges: Vec<_> = (0..left.min(BATCH)).map(|_| exchange(hook)).collect();
        left -= exchanges.len() as u64;
        took += runtime.block_on(async {
            let begun = Instant::now();
            for exchange in &mut exchanges {
                call(pool, hook, exchange).await;
            }
            begun.elapsed()
        });
    }
    took
}

async fn call(pool: &Rc<Pool>, hook: Hook, exchange: &mut Box<Exchange>) {
    match hook {
        Hook::OnRequest => drop(pool.on_request(exchange).await.unwrap()),
        Hook::OnResponse => drop(pool.on_response(exchange).await.unwrap()),
        Hook::Direct => drop(pool.direct(exchange).await.unwrap()),
        Hook::ModifyResponse => drop(pool.modify_response(exchange).await.unwrap()),
        Hook::Init | Hook::OnBody | Hook::OnTick => panic!("{hook} serves no exchange of its own"),
    }
}

pub(crate) fn exchange(hook: Hook) -> Box<Exchange> {
    let request = RequestHead {
        method: Method::GET,
        target: PathAndQuery::from_static("/api/items/4711?page=2"),
        version: Version::HTTP_11,
        headers: fields(&[
            ("host", "shop.example"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ("accept", "application/json"),
            ("accept-encoding", "gzip, br"),
            ("cookie", "session=6f1c0d9a4be34a7f; theme=dark"),
            ("x-user", "alice"),
            ("x-forwarded-for", "203.0.113.7"),
        ]),
    };
    let client = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), 50_000);
    let mut exchange = Exchange::open(RequestId::random(), client, Arc::from("bench"), request);
    if matches!(hook, Hook::OnResponse | Hook::ModifyResponse) {
        let headers = fields(&[
            ("server", "app"),
            ("content-type", "application/json"),
            ("content-length", "1024"),
            ("cache-control", "private, max-age=0"),
        ]);
        exchange.response = Some(ResponseHead { status: StatusCode::OK, headers });
    }
    Box::new(exchange)
}

fn fields(fields: &[(&str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// Where `cargo xtask plugins` puts them.
fn plugins_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("plugins")
}
