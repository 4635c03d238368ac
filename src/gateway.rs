//! A gateway from its start to its stop.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use crate::admin::{self, Ask, ListenerStatus, ReloadAnswer, Reloads, Status};
use crate::config::{Config, Diagnostics};
use crate::handover::{HandOverError, hand_over};
use crate::metrics::{Page, Registry};
use crate::plugin::{Engine, ModuleError};
use crate::reload::{Listening, Prepared, Preparing, Reloader};
use crate::server::{ADMIN, Inherited, Workers};
use crate::snapshot::Current;
use crate::upstream::News;

/// A running gateway.
pub struct Gateway {
    reloader: Reloader,
    current: Arc<Current>,
    workers: Workers,
    registry: Arc<Registry>,
    reloads: Reloads,
    asks: mpsc::Receiver<Ask>,
    /// What DNS tells of endpoints,
    news: mpsc::Receiver<News>,
    /// and where those who ask it say so.
    newsroom: mpsc::Sender<News>,
    /// The reload that is under way,
    preparing: Option<Preparing>,
    /// who waits for it,
    waiting: Vec<ReloadAnswer>,
    /// and who waits for the next one, where there is to be one.
    asked: Option<Vec<ReloadAnswer>>,
    admin: Option<Admin>,
    pid_file: Option<PidFile>,
    /// The process before this one waits to hear that it serves.
    inherited: Inherited,
    /// The hand-over to the process after this one, while it is under way.
    handing: Option<HandingOver>,
}

/// A hand-over on its way; it ends with the id of the new process.
type HandingOver = Pin<Box<dyn Future<Output = Result<u32, HandOverError>>>>;

/// The admin listener.
struct Admin {
    local: SocketAddr,
    /// Once more, to be handed over.
    socket: StdListener,
    accepting: AbortHandle,
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
    /// Start the program anew, hand the listening sockets to it, and stop when it serves.
    HandOver,
    /// Finish what is open and stop; a second time: stop at once.
    Stop,
}

impl Gateway {
    /// Starts the gateway that `config` describes, with what the process before it left. It serves when this returns.
    ///
    /// # Errors
    /// [`StartError`], with all that is wrong with the configuration.
    pub async fn start(config: Config, mut inherited: Inherited) -> Result<Self, StartError> {
        let engine = Engine::new()?;
        let (mut reloader, snapshot) = Reloader::start(config, engine.clone()).await?;
        let (newsroom, news) = mpsc::channel(16);
        snapshot.watch(&newsroom);
        let current = Arc::new(Current::new(snapshot));
        let (sender, asks) = mpsc::channel(16);
        let admin = match &reloader.config().admin {
            Some(admin) => Some(start_admin(admin.listen.value, sender, &mut inherited)?),
            None => None,
        };
        let registry = Arc::new(Registry::default());
        registry.add(engine.series());
        let workers = Workers::start(reloader.workers(), &engine, &current, &registry)
            .map_err(|error| io("cannot start the workers", error))?;
        reloader.listen(&workers, &mut inherited)?;
        let pid_file = reloader.config().gateway.pid_file.as_deref().map(PidFile::write).transpose()?;
        Ok(Self {
            reloader,
            current,
            workers,
            registry,
            reloads: Reloads::default(),
            asks,
            news,
            newsroom,
            preparing: None,
            waiting: Vec::new(),
            asked: None,
            admin,
            pid_file,
            inherited,
            handing: None,
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
        self.admin.as_ref().map(|admin| admin.local)
    }

    /// Runs until an order to stop has been carried out, or there is nobody left to give one.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        self.announce();
        std::mem::take(&mut self.inherited).ready();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Reload) => self.reload(None),
                    Some(Order::HandOver) => self.hand_over(),
                    Some(Order::Stop) | None => break,
                },
                Some(ask) = self.asks.recv() => self.answer(ask),
                Some(news) = self.news.recv() => self.heard(&news),
                prepared = end_of(&mut self.preparing) => self.reloaded(prepared),
                handed = end_of(&mut self.handing) => if self.handed_over(handed) {
                    break;
                },
            }
        }
        self.stop(orders).await;
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Reload(answer) => self.reload(Some(answer)),
            // Whoever asked may have gone away meanwhile.
            Ask::Status(answer) => drop(answer.send(self.status())),
            Ask::Metrics(answer) => drop(answer.send(self.metrics())),
        }
    }

    /// Puts endpoints into service that DNS told of.
    fn heard(&self, news: &News) {
        if let Some(snapshot) = self.current.load().heard(news) {
            snapshot.watch(&self.newsroom);
            self.current.swap(snapshot);
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
            .and_then(|prepared| {
                self.reloader.put_into_service(prepared, &self.current, &self.workers, &self.newsroom)
            })
            .inspect(|generation| info!(generation, "reloaded"))
            .map_err(|problems| {
                error!("not reloaded, the old configuration stays in service");
                problems.lines().for_each(|line| error!("{line}"));
                problems.to_string()
            });
        match &outcome {
            Ok(_) => self.reloads.done += 1,
            Err(_) => self.reloads.refused += 1,
        }
        for answer in self.waiting.drain(..) {
            let _ = answer.send(outcome.clone());
        }
        if self.asked.is_some() {
            self.reload(None);
        }
    }

    /// Begins to hand over. The new process reads the configuration as it is now.
    fn hand_over(&mut self) {
        if self.handing.is_some() {
            return warn!("a hand-over is under way");
        }
        info!("handing over to a new process");
        let admin = self.admin.iter().map(|admin| Ok((ADMIN.to_owned(), admin.socket.try_clone()?.into())));
        let sockets = self.reloader.sockets().and_then(|mut sockets| {
            sockets.extend(admin.collect::<std::io::Result<Vec<_>>>()?);
            Ok(sockets)
        });
        self.handing = Some(match sockets {
            Ok(sockets) => Box::pin(hand_over(sockets)),
            Err(error) => Box::pin(std::future::ready(Err(error.into()))),
        });
    }

    /// Ends a hand-over. Whether this process can go.
    fn handed_over(&mut self, outcome: Result<u32, HandOverError>) -> bool {
        self.handing = None;
        match outcome {
            Ok(pid) => {
                info!(pid, "handed over");
                // Who asks from now on means the new process.
                self.admin.iter().for_each(|admin| admin.accepting.abort());
                self.reloader.leave_files();
                true
            }
            Err(error) => {
                error!("not handed over, this process goes on: {error}");
                false
            }
        }
    }

    fn status(&self) -> Status {
        let listeners = self.listening().iter().map(|listening| ListenerStatus {
            name: listening.listener.name.clone(),
            address: listening.local.clone(),
        });
        let snapshot = self.current.load();
        Status::of(&snapshot, self.reloader.snapshots(), self.workers.count(), listeners.collect())
    }

    fn metrics(&self) -> Page {
        let mut page = self.registry.page();
        let config = self.reloader.config();
        admin::report(&self.status(), self.reloads, config, &self.current.load(), &mut page);
        page
    }

    fn announce(&self) {
        for listening in self.listening() {
            info!(listener = listening.listener.name, address = %listening.local, "listening");
        }
        if let Some(address) = self.admin() {
            info!(%address, "admin listening");
        }
        info!(pid = std::process::id(), workers = self.workers.count(), "ready");
    }

    async fn stop(mut self, mut orders: mpsc::Receiver<Order>) {
        // From here on the admin listener answers that the gateway is not ready.
        drop(self.asks);
        self.reloader.close();
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

/// The end of what is under way; never, where nothing is.
async fn end_of<T>(under_way: &mut Option<Pin<Box<dyn Future<Output = T>>>>) -> T {
    match under_way {
        Some(under_way) => under_way.await,
        None => std::future::pending().await,
    }
}

async fn second_stop(orders: &mut mpsc::Receiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(Order::Reload | Order::HandOver) => {}
            None => std::future::pending().await,
        }
    }
}

fn start_admin(
    address: SocketAddr,
    asks: mpsc::Sender<Ask>,
    inherited: &mut Inherited,
) -> Result<Admin, StartError> {
    let started = || {
        let socket = inherited.admin(address).map_or_else(|| StdListener::bind(address), Ok)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from_std(socket.try_clone()?)?;
        let local = listener.local_addr()?;
        Ok(Admin { local, socket, accepting: tokio::spawn(admin::serve(listener, asks)).abort_handle() })
    };
    started().map_err(|error| io(&format!("cannot listen on {address} (admin.listen)"), error))
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
