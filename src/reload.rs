//! A new configuration into a running gateway: all of it at once, or nothing and the reasons.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use socket2::Socket;
use tokio::sync::mpsc;
use tracing::warn;

use crate::config::{self, Config, Diagnostics, ListenAddress, ListenerConfig, NetworkConfig, Problems};
use crate::plugin::Engine;
use crate::proxy::{Network, Patience, Trust};
use crate::server::{
    BindError, Bound, HeadLimits, Http2, Inherited, Listener, Protocols, Workers, turn_away,
};
use crate::snapshot::{Builder, Current, Snapshot, listener_tls};
use crate::socket::{Address, SocketFile};
use crate::upstream::News;

/// Replaces what a gateway runs on.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    /// Locked only by the thread that builds, for as long as it does.
    builder: Arc<Mutex<Builder>>,
    alive: Arc<AtomicUsize>,
    config: Arc<Config>,
    /// What is to be listened on at the start.
    wanted: Vec<Listener>,
    listening: Vec<Listening>,
    /// Whether another process may have the sockets, too.
    shared: bool,
    workers: usize,
}

/// A listener in service.
#[derive(Clone, Debug)]
pub struct Listening {
    /// What it is.
    pub listener: Listener,
    /// The address it really has.
    pub local: Address,
    /// Its sockets once more, to be handed over.
    sockets: Arc<[Socket]>,
    /// The file of a Unix socket.
    file: Option<Arc<SocketFile>>,
}

/// A configuration ready to be put into service.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    snapshot: Snapshot,
    listeners: Vec<Listener>,
}

/// A configuration on its way to be [`Prepared`].
pub type Preparing = Pin<Box<dyn Future<Output = Result<Prepared, Diagnostics>>>>;

/// Builds `config` as a gateway that starts would, without listening.
///
/// # Errors
/// Everything that is wrong with it.
pub async fn check(config: &Config, engine: Engine) -> Result<Snapshot, Diagnostics> {
    let snapshot = Builder::new(engine).build(config, None).await?;
    listeners(config, &[])?;
    Ok(snapshot)
}

impl Reloader {
    /// Builds the first snapshot. Reloads will read the file that `config` came from.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn start(config: Config, engine: Engine) -> Result<(Self, Snapshot), Diagnostics> {
        let mut builder = Builder::new(engine);
        let snapshot = builder.build(&config, None).await?;
        let wanted = listeners(&config, &[])?;
        let workers = match config.gateway.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let path = config.source.path.clone();
        let alive = builder.alive();
        let builder = Arc::new(Mutex::new(builder));
        let config = Arc::new(config);
        let listening = Vec::new();
        Ok((Self { path, builder, alive, config, wanted, listening, shared: false, workers }, snapshot))
    }

    /// Listens for the first time.
    ///
    /// # Errors
    /// The addresses that cannot be listened on.
    pub fn listen(&mut self, workers: &Workers, inherited: &mut Inherited) -> Result<(), Diagnostics> {
        let wanted = std::mem::take(&mut self.wanted);
        let (kept, new) = self.bind(&self.config, wanted, inherited)?;
        self.put_on(workers, kept, new);
        Ok(())
    }

    /// Forgets the listeners, so that they close when the workers stop accepting.
    pub fn close(&mut self) {
        self.listening.clear();
    }

    /// Another process goes on with the sockets: their files stay.
    pub fn leave_files(&self) {
        self.listening.iter().filter_map(|known| known.file.as_ref()).for_each(|file| file.leave());
    }

    /// The sockets of all listeners, each with its listener's name.
    ///
    /// # Errors
    /// Where there are too many open files.
    pub fn sockets(&mut self) -> std::io::Result<Vec<(String, Socket)>> {
        self.shared = true;
        let sockets = self.listening.iter().flat_map(|known| {
            known.sockets.iter().map(|socket| Ok((known.listener.name.clone(), socket.try_clone()?)))
        });
        sockets.collect()
    }

    /// The configuration in service.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many workers it is for.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// The listeners in service.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// How many snapshots live.
    #[must_use]
    pub fn snapshots(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }

    /// Reads the configuration again and builds it, beside what is in service. The answer does not hold on to this, so
    /// that the gateway can do other things meanwhile.
    #[must_use]
    pub fn prepare(&self, current: Arc<Snapshot>) -> Preparing {
        let (path, running, builder) =
            (self.path.clone(), Arc::clone(&self.config), Arc::clone(&self.builder));
        let listening = self.listening.clone();
        Box::pin(async move {
            let config = config::load(&path)?;
            refuse_what_needs_a_restart(&running, &config)?;
            let (config, snapshot) = build(builder, config, current).await?;
            let listeners = listeners(&config, &listening)?;
            Ok(Prepared { config, snapshot, listeners })
        })
    }

    /// Puts what was prepared into service. Returns its generation.
    ///
    /// # Errors
    /// The addresses that cannot be listened on; what was in service then stays, untouched.
    pub fn put_into_service(
        &mut self,
        prepared: Prepared,
        current: &Current,
        workers: &Workers,
        news: &mpsc::Sender<News>,
    ) -> Result<u64, Diagnostics> {
        let Prepared { config, snapshot, listeners } = prepared;
        let (kept, new) = self.bind(&config, listeners, &mut Inherited::default())?;
        let generation = snapshot.generation;
        let snapshot = snapshot.caught_up(&current.load());
        snapshot.watch(news);
        current.swap(snapshot);
        self.config = Arc::new(config);
        self.put_on(workers, kept, new);
        Ok(generation)
    }

    /// Which listeners go on with their sockets, and new sockets for the others.
    fn bind(
        &self,
        config: &Config,
        wanted: Vec<Listener>,
        inherited: &mut Inherited,
    ) -> Result<(Vec<Listening>, Vec<Bound>), Diagnostics> {
        let mut problems = Problems::new(Arc::clone(&config.source));
        let (mut kept, mut new) = (Vec::new(), Vec::new());
        for (listener, wanted) in config.listeners.iter().zip(wanted) {
            match self.listening.iter().find(|known| known.listener.same_socket(&wanted)) {
                Some(known) => kept.push(Listening { listener: wanted, ..known.clone() }),
                None => match self.bind_one(wanted, config, inherited) {
                    Ok(bound) => new.push(bound),
                    Err(error) => {
                        let key = format!("listener.{}.listen", listener.name.value);
                        problems.add(listener.listen.span, key, error.to_string());
                    }
                },
            }
        }
        problems.finish((kept, new))
    }

    fn bind_one(
        &self,
        wanted: Listener,
        config: &Config,
        inherited: &mut Inherited,
    ) -> Result<Bound, BindError> {
        let port = wanted.address.port();
        let goes = |known: &Listening| {
            let mut staying = config.listeners.iter().map(listener_of);
            port.is_some()
                && known.local.port() == port
                && !staying.any(|listener| known.listener.same_socket(&listener))
        };
        match self.listening.iter().any(goes) {
            true => Bound::take_over(wanted, self.workers),
            false => Bound::inherit(wanted, self.workers, inherited),
        }
    }

    /// The listeners that go where a new one has their port.
    fn moving<'a>(&'a self, kept: &'a [Listening], new: &'a [Bound]) -> impl Iterator<Item = &'a Listening> {
        let goes = |known: &&Listening| !kept.iter().any(|kept| Arc::ptr_eq(&kept.sockets, &known.sockets));
        let followed = |known: &&Listening| {
            let port = known.local.port();
            port.is_some() && new.iter().any(|bound| bound.local.port() == port)
        };
        self.listening.iter().filter(goes).filter(followed)
    }

    fn put_on(&mut self, workers: &Workers, kept: Vec<Listening>, new: Vec<Bound>) {
        if !self.shared {
            self.moving(&kept, &new).for_each(|known| turn_away(&known.sockets));
        }
        self.listening = kept;
        for Listening { listener, file, .. } in &self.listening {
            let changed = file.iter().try_for_each(|file| file.set_mode(listener.mode));
            if let Err(error) = changed {
                warn!(listener = listener.name, "cannot change the mode of its file: {error}");
            }
        }
        let listeners: Vec<_> = self.listening.iter().map(|known| known.listener.clone()).collect();
        let added = new.iter().map(|bound| Listening {
            listener: bound.listener.clone(),
            local: bound.local.clone(),
            sockets: Arc::clone(&bound.spare),
            file: bound.file.clone(),
        });
        self.listening.extend(added);
        workers.listen(&listeners, new);
    }
}

/// Builds on a thread of its own: compiling takes long, and this one answers signals.
async fn build(
    builder: Arc<Mutex<Builder>>,
    config: Config,
    current: Arc<Snapshot>,
) -> Result<(Config, Snapshot), Diagnostics> {
    let source = Arc::clone(&config.source);
    let handle = tokio::runtime::Handle::current();
    let building = tokio::task::spawn_blocking(move || {
        let snapshot = handle.block_on(builder.lock().build(&config, Some(&current)))?;
        Ok((config, snapshot))
    });
    building.await.unwrap_or_else(|error| {
        let mut problems = Problems::new(source);
        problems.add(None, "", format!("building the configuration failed: {error}"));
        Err(problems.into_diagnostics())
    })
}

/// The listeners in the configuration's order.
///
/// # Errors
/// The files of TLS that do not do.
fn listeners(config: &Config, running: &[Listening]) -> Result<Vec<Listener>, Diagnostics> {
    let mut problems = Problems::new(Arc::clone(&config.source));
    let mut listeners = Vec::with_capacity(config.listeners.len());
    for listener in &config.listeners {
        let known = running.iter().find(|known| known.listener.name == listener.name.value);
        let previous = known.and_then(|known| known.listener.tls.as_ref());
        let tls = listener_tls(listener, previous, &mut problems);
        listeners.push(Listener { tls, ..listener_of(listener) });
    }
    problems.finish(listeners)
}

fn refuse_what_needs_a_restart(was: &Config, is: &Config) -> Result<(), Diagnostics> {
    let mut problems = Problems::new(Arc::clone(&is.source));
    let admin = |config: &Config| config.admin.as_ref().map(|admin| admin.listen.value);
    let fixed = [
        ("gateway.workers", was.gateway.workers != is.gateway.workers),
        ("gateway.pid_file", was.gateway.pid_file != is.gateway.pid_file),
        ("gateway.log.level", was.gateway.log.level != is.gateway.log.level),
        ("gateway.log.format", was.gateway.log.format != is.gateway.log.format),
        ("admin.listen", admin(was) != admin(is)),
    ];
    for (key, _) in fixed.iter().filter(|(_, changed)| *changed) {
        problems
            .add(None, *key, "cannot change in a running gateway")
            .help("stop it and start it with this configuration, or put the old value back");
    }
    problems.finish(())
}

/// The addresses of `config` that somebody else has. Those of `ours` are a running gateway's own.
///
/// # Errors
/// One mistake for each address.
pub fn check_addresses(config: &Config, ours: &[Address]) -> Result<(), Diagnostics> {
    let mut problems = Problems::new(Arc::clone(&config.source));
    for listener in config.listeners.iter().filter(|listener| !ours.contains(&address(&listener.listen))) {
        if let Err(error) = Bound::bind(listener_of(listener), 1) {
            let key = format!("listener.{}.listen", listener.name.value);
            problems.add(listener.listen.span, key, error.to_string());
        }
    }
    problems.finish(())
}

fn address(config: &ListenAddress) -> Address {
    match config {
        ListenAddress::Ip(address) => Address::Ip(*address),
        ListenAddress::Unix(file) => Address::Unix(file.clone()),
    }
}

fn network(config: &NetworkConfig) -> Network {
    Network { address: config.address, prefix: config.prefix }
}

fn listener_of(config: &ListenerConfig) -> Listener {
    Listener {
        name: config.name.value.clone(),
        address: address(&config.listen),
        mode: config.mode,
        patience: Patience {
            header: config.header_timeout,
            idle: config.idle_timeout,
            body: config.body_timeout,
            send: config.send_timeout,
            request: config.request_timeout,
        },
        proxy_protocol: config.proxy_protocol,
        trust: Trust::new(config.trusted_proxies.iter().map(network).collect()),
        max_connections: config.max_connections,
        max_connections_per_client: config.max_connections_per_client,
        max_body: config.max_body.unwrap_or(u64::MAX),
        protocols: Protocols {
            head: HeadLimits {
                head: usize::try_from(config.max_head).unwrap_or(usize::MAX),
                target: usize::try_from(config.max_uri).unwrap_or(usize::MAX),
                fields: usize::try_from(config.max_headers).unwrap_or(usize::MAX),
            },
            max_requests: config.max_requests.unwrap_or(u32::MAX),
            http2: config.http2.map(|http2| Http2 {
                max_streams: http2.max_streams,
                stream_window: http2.stream_window,
                connection_window: http2.connection_window,
            }),
        },
        tls: None,
    }
}
