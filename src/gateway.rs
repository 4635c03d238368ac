//! A gateway from its start to its stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing::{error, info};

use crate::admin::{self, Ask, ListenerStatus, ReloadAnswer, Status};
use crate::config::{Config, Diagnostics};
use crate::plugin::{Engine, ModuleError};
use crate::reload::{Listening, Prepared, Preparing, Reloader};
use crate::server::Workers;
use crate::snapshot::Current;

/// A running gateway.
pub struct Gateway {
    reloader: Reloader,
    current: Arc<Current>,
    workers: Workers,
    asks: mpsc::Receiver<Ask>,
    /// The reload that is under way,
    preparing: Option<Preparing>,
    /// who waits for it,
    waiting: Vec<ReloadAnswer>,
    /// and who waits for the next one, where there is to be one.
    asked: Option<Vec<ReloadAnswer>>,
    admin: Option<SocketAddr>,
    pid_file: Option<PidFile>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("reloader", &self.reloader).finish_non_exhaustive()
    }
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// The Wasm engine.
    #[error(transparent)]
    Engine(#[from] ModuleError),
    /// The system refused something.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: std::io::Error,
    },
}

/// What a gateway is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read the configuration again.
    Reload,
    /// Finish what is open and stop; a second time: stop at once.
    Stop,
}

impl Gateway {
    /// Starts the gateway that `config` describes. It serves when this returns.
    ///
    /// # Errors
    /// [`StartError`], with all that is wrong with the configuration.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let engine = Engine::new()?;
        let (mut reloader, snapshot) = Reloader::start(config, engine.clone()).await?;
        let current = Arc::new(Current::new(snapshot));
        let (sender, asks) = mpsc::channel(16);
        let admin = match &reloader.config().admin {
            Some(admin) => Some(start_admin(admin.listen.value, sender).await?),
            None => None,
        };
        let workers = Workers::start(reloader.workers(), &engine, &current)
            .map_err(|error| io("cannot start the workers", error))?;
        reloader.listen(&workers)?;
        let pid_file = reloader.config().gateway.pid_file.as_deref().map(PidFile::write).transpose()?;
        Ok(Self {
            reloader,
            current,
            workers,
            asks,
            preparing: None,
            waiting: Vec::new(),
            asked: None,
            admin,
            pid_file,
        })
    }

    /// The listeners and the addresses they really have.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        self.reloader.listening()
    }

    /// The admin listener's address.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Runs until an order to stop has been carried out, or there is nobody left to give one.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        self.announce();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Reload) => self.reload(None),
                    Some(Order::Stop) | None => break,
                },
                Some(ask) = self.asks.recv() => self.answer(ask),
                prepared = ready(&mut self.preparing) => self.reloaded(prepared),
            }
        }
        self.stop(orders).await;
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Reload(answer) => self.reload(Some(answer)),
            // Whoever asked may have gone away meanwhile.
            Ask::Status(answer) => drop(answer.send(self.status())),
        }
    }

    /// Begins a reload. One that is under way may have read the file before it was changed for the last time: then
    /// another one follows, for all who asked meanwhile.
    fn reload(&mut self, answer: Option<ReloadAnswer>) {
        self.asked.get_or_insert_default().extend(answer);
        if self.preparing.is_none() {
            self.waiting = self.asked.take().unwrap_or_default();
            self.preparing = Some(self.reloader.prepare(self.current.load()));
        }
    }

    /// Ends a reload: says in the log, and to whoever asked, what came of it.
    fn reloaded(&mut self, prepared: Result<Prepared, Diagnostics>) {
        self.preparing = None;
        let outcome = prepared
            .and_then(|prepared| self.reloader.put_into_service(prepared, &self.current, &self.workers))
            .inspect(|generation| info!(generation, "reloaded"))
            .map_err(|problems| {
                error!("not reloaded, the old configuration stays in service");
                problems.lines().for_each(|line| error!("{line}"));
                problems.to_string()
            });
        for answer in self.waiting.drain(..) {
            let _ = answer.send(outcome.clone());
        }
        if self.asked.is_some() {
            self.reload(None);
        }
    }

    fn status(&self) -> Status {
        let listeners = self.listening().iter().map(|listening| ListenerStatus {
            name: listening.listener.name.clone(),
            address: listening.local,
        });
        let snapshot = self.current.load();
        Status::of(&snapshot, self.reloader.snapshots(), self.workers.count(), listeners.collect())
    }

    fn announce(&self) {
        for listening in self.listening() {
            info!(listener = listening.listener.name, address = %listening.local, "listening");
        }
        if let Some(address) = self.admin {
            info!(%address, "admin listening");
        }
        info!(pid = std::process::id(), workers = self.workers.count(), "ready");
    }

    async fn stop(self, mut orders: mpsc::Receiver<Order>) {
        // From here on the admin listener answers that the gateway is not ready.
        drop(self.asks);
        let limit = self.reloader.config().gateway.drain;
        info!(?limit, "stopping: open exchanges may finish");
        tokio::select! {
            () = self.workers.drain() => info!("stopped"),
            () = tokio::time::sleep(limit) => info!("stopped: open exchanges took longer than `drain`"),
            () = second_stop(&mut orders) => info!("stopped at once"),
        }
        drop(self.pid_file);
    }
}

/// The end of the reload that is under way; never, where there is none.
async fn ready(preparing: &mut Option<Preparing>) -> Result<Prepared, Diagnostics> {
    match preparing {
        Some(preparing) => preparing.await,
        None => std::future::pending().await,
    }
}

async fn second_stop(orders: &mut mpsc::Receiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(Order::Reload) => {}
            None => std::future::pending().await,
        }
    }
}

async fn start_admin(address: SocketAddr, asks: mpsc::Sender<Ask>) -> Result<SocketAddr, StartError> {
    let failed = |error| io(&format!("cannot listen on {address} (admin.listen)"), error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    tokio::spawn(admin::serve(listener, asks));
    Ok(local)
}

fn io(what: &str, error: std::io::Error) -> StartError {
    StartError::Io { what: what.to_owned(), error }
}

/// Says which process the gateway is, for as long as it runs.
#[derive(Debug)]
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: &Path) -> Result<Self, StartError> {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|error| io(&format!("cannot write {} (gateway.pid_file)", path.display()), error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another gateway may have taken the name over meanwhile.
        let ours =
            std::fs::read_to_string(&self.0).is_ok_and(|pid| pid.trim() == std::process::id().to_string());
        if ours {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}
