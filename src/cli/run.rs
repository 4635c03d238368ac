use std::future::Future;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::{fail, log};
use crate::config;
use crate::gateway::{Gateway, Order};
use crate::server::Inherited;

/// The main job, in the foreground.
pub(super) fn run(path: &Path) -> ExitCode {
    let inherited = Inherited::take();
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => return fail(problems),
    };
    log::start(&config.gateway.log);
    block_on(async {
        let orders = match orders() {
            Ok(orders) => orders,
            Err(error) => return fail(format!("cannot listen for signals: {error}")),
        };
        match Gateway::start(config, inherited).await {
            Ok(gateway) => gateway.run(orders).await,
            Err(error) => return fail(error),
        }
        ExitCode::SUCCESS
    })
}

/// Runs on a runtime of its own: signals, reloads and the admin listener are not the workers' business.
pub(super) fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // What still compiles need not be waited for.
            runtime.shutdown_background();
            code
        }
        Err(error) => fail(format!("cannot start: {error}")),
    }
}

/// Orders by signal: `SIGHUP` reloads, `SIGUSR2` hands over to a new process, `SIGTERM` and `SIGINT` stop.
pub(super) fn orders() -> std::io::Result<mpsc::Receiver<Order>> {
    let (sender, orders) = mpsc::channel(16);
    let signals = [
        (SignalKind::hangup(), Order::Reload),
        (SignalKind::user_defined2(), Order::HandOver),
        (SignalKind::terminate(), Order::Stop),
        (SignalKind::interrupt(), Order::Stop),
    ];
    for (kind, order) in signals {
        tokio::spawn(relay(signal(kind)?, order, sender.clone()));
    }
    Ok(orders)
}

async fn relay(mut signal: Signal, order: Order, orders: mpsc::Sender<Order>) {
    while signal.recv().await.is_some() && orders.send(order).await.is_ok() {}
}
