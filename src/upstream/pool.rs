use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Body;
use tokio::time::timeout;

use super::connection::{Connection, Share, Use, Wanted};
use super::dial::dial;
use super::endpoint::Endpoint;
use super::error::ConnectError;
use super::http1::{Bounds, Http1};
use super::multiplexed::Multiplexed;
use super::proxy_header::Origin;
use super::stream::Stream;
use super::tally::Tally;
use super::upstream::{Protocol, Settings, Upstream};
use crate::tls;

/// How long a connection may have been idle to carry a request that can be sent only once. No server in use closes idle
/// connections sooner, so the request and the close do not cross each other on the way.
const FRESH: Duration = Duration::from_secs(1);

/// One worker's connections to the endpoints of one upstream.
pub struct Connections<B> {
    upstream: Arc<Upstream>,
    /// Of endpoints that stay when DNS tells of others, they are those of before.
    pools: Box<[Rc<Pool<B>>]>,
}

/// One worker's connections to one endpoint.
struct Pool<B> {
    /// Those that serve one exchange at a time, unused. The most recently used is taken first, so that a pool larger than
    /// the load shrinks by itself.
    idle: RefCell<Vec<Idle>>,
    /// Those that serve many.
    shared: Multiplexed<B>,
    /// Whether the next connection is expected to be one of these.
    shares: Cell<bool>,
    tally: Arc<Tally>,
}

impl<B> Pool<B> {
    fn new(upstream: &Upstream, endpoint: &Endpoint, tally: Option<&Arc<Tally>>) -> Self {
        let protocol = upstream.settings().protocol;
        let tally = tally.map_or_else(|| Arc::new(Tally::new(upstream.name(), &endpoint.url)), Arc::clone);
        Self {
            idle: RefCell::default(),
            shared: Multiplexed::default(),
            shares: Cell::new(protocol == Protocol::Http2 || protocol == Protocol::Auto && endpoint.https),
            tally,
        }
    }

    /// A kept connection that still works, and is for this client where each has its own.
    fn take(&self, idle_timeout: Duration, origin: Option<&Origin>, replayable: bool) -> Option<Box<Http1>> {
        let mut idle = self.idle.borrow_mut();
        let mut found = None;
        // Where connections are for everybody, that is the last one at once.
        while let Some(newest) = idle.iter().rposition(|kept| kept.origin.as_deref() == origin) {
            if !replayable && idle.get(newest).is_some_and(|kept| kept.since.elapsed() >= FRESH) {
                break;
            }
            let kept = idle.remove(newest);
            if kept.since.elapsed() < idle_timeout && kept.connection.is_quiet(!replayable) {
                found = Some(kept.connection);
                break;
            }
        }
        self.tally.idle.set(idle.len());
        found
    }
}

struct Idle {
    connection: Box<Http1>,
    since: Instant,
    /// Whom it was made for, where the endpoint has been told.
    origin: Option<Rc<Origin>>,
}

impl<B> Connections<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    #[must_use]
    pub fn new(upstream: Arc<Upstream>) -> Self {
        let pools = upstream.endpoints().iter().map(|endpoint| Rc::new(Pool::new(&upstream, endpoint, None)));
        let pools = pools.collect();
        Self { upstream, pools }
    }

    /// The same, going on with the counts of the upstream that had its name before, and with the connections to endpoints
    /// that are still the same.
    #[must_use]
    pub fn after(old: &Self, upstream: Arc<Upstream>) -> Self {
        let was = || old.upstream.endpoints().iter().zip(&old.pools);
        let pools = upstream.endpoints().iter().map(|endpoint| {
            if let Some((_, pool)) = was().find(|(known, _)| Arc::ptr_eq(known, endpoint)) {
                return Rc::clone(pool);
            }
            let tally = old.tallies().find(|tally| tally.is_of(&endpoint.url));
            Rc::new(Pool::new(&upstream, endpoint, tally))
        });
        let pools = pools.collect();
        Self { upstream, pools }
    }

    /// What is counted of each endpoint.
    pub fn tallies(&self) -> impl Iterator<Item = &Arc<Tally>> {
        self.pools.iter().map(|pool| &pool.tally)
    }

    /// What is counted of this endpoint.
    #[must_use]
    pub fn tally(&self, endpoint: usize) -> Option<&Tally> {
        self.pools.get(endpoint).map(|pool| &*pool.tally)
    }

    /// The upstream.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// A kept connection to this endpoint, or a place on one, if there is one that still works. The endpoint may close it
    /// at the moment in which it is used: where the request is not `replayable`, it has to be in such a state that this
    /// does not happen.
    #[must_use]
    pub fn reuse(
        self: &Rc<Self>,
        endpoint: usize,
        wanted: &Wanted,
        replayable: bool,
    ) -> Option<Connection<B>> {
        let pool = self.pools.get(endpoint)?;
        let alone = pool.take(self.upstream.settings().idle_timeout, wanted.origin.as_deref(), replayable);
        let found = match alone {
            Some(connection) => Some(self.connection(endpoint, Use::Alone(connection), wanted)),
            None if !wanted.http1 && pool.shares.get() => self.place(endpoint, pool, wanted),
            None => None,
        };
        pool.tally.reused.add(u64::from(found.is_some()));
        found
    }

    fn place(self: &Rc<Self>, endpoint: usize, pool: &Pool<B>, wanted: &Wanted) -> Option<Connection<B>> {
        let place = pool.shared.place(wanted.origin.as_deref())?;
        Some(self.connection(endpoint, Use::Shared(Box::new(Share(place, None))), wanted))
    }

    fn connection(self: &Rc<Self>, endpoint: usize, use_of: Use<B>, wanted: &Wanted) -> Connection<B> {
        Connection { use_of, home: Rc::clone(self), endpoint, origin: wanted.origin.clone() }
    }

    /// A new connection to this endpoint, or a place on one that came about meanwhile.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(
        self: &Rc<Self>,
        index: usize,
        endpoint: &Endpoint,
        wanted: &Wanted,
    ) -> Result<Connection<B>, ConnectError> {
        let limit = self.upstream.settings().connect_timeout;
        timeout(limit, self.open(index, endpoint, wanted)).await.map_err(|_| ConnectError::Timeout(limit))?
    }

    async fn open(
        self: &Rc<Self>,
        index: usize,
        endpoint: &Endpoint,
        wanted: &Wanted,
    ) -> Result<Connection<B>, ConnectError> {
        let Some(pool) = self.pools.get(index) else {
            return Err(ConnectError::Io(std::io::ErrorKind::NotFound.into()));
        };
        // Clients that each have their own need not wait for one another.
        let shares = pool.shares.get() && !wanted.http1 && wanted.origin.is_none();
        let turn = if shares { pool.shared.turn().await } else { None };
        if turn.is_some()
            && let Some(place) = self.place(index, pool, wanted)
        {
            pool.tally.reused.add(1);
            return Ok(place);
        }
        let settings = self.upstream.settings();
        let stream = dial(endpoint, settings.proxy_protocol, wanted.origin.as_deref()).await?;
        let use_of = match settings.tls.as_deref().filter(|_| endpoint.https) {
            None if settings.protocol == Protocol::Http2 => {
                share(settings, pool, Stream::Clear(stream), wanted).await?
            }
            None => alone(settings, Stream::Clear(stream)),
            Some(tls) if wanted.http1 => {
                let stream = tls.connect_for(tls::HTTP1, &endpoint.host, stream).await;
                alone(settings, Stream::Tls(Box::new(stream.map_err(ConnectError::Tls)?)))
            }
            Some(tls) => {
                let stream = tls.connect(&endpoint.host, stream).await.map_err(ConnectError::Tls)?;
                let http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2);
                if !http2 && settings.protocol == Protocol::Http2 {
                    return Err(ConnectError::NotHttp2);
                }
                // Where connections serve one exchange each, nobody waits for another one's.
                pool.shares.set(http2);
                let stream = Stream::Tls(Box::new(stream));
                match http2 {
                    true => share(settings, pool, stream, wanted).await?,
                    false => alone(settings, stream),
                }
            }
        };
        pool.tally.opened.add(1);
        Ok(self.connection(index, use_of, wanted))
    }

    /// Closes what has been idle for too long or was closed by the other side.
    pub fn sweep(&self) {
        let limit = self.upstream.settings().idle_timeout;
        for pool in &self.pools {
            let mut idle = pool.idle.borrow_mut();
            idle.retain(|kept| kept.since.elapsed() < limit && kept.connection.is_quiet(false));
            pool.tally.idle.set(idle.len());
            pool.shared.sweep(limit);
        }
    }

    /// How many connections are kept idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pools.iter().map(|pool| pool.idle.borrow().len() + pool.shared.idle()).sum()
    }

    pub(super) fn is_https(&self, endpoint: usize) -> bool {
        self.upstream.endpoints().get(endpoint).is_some_and(|endpoint| endpoint.https)
    }

    pub(super) fn keep(&self, endpoint: usize, mut connection: Box<Http1>, origin: Option<Rc<Origin>>) {
        let Some(pool) = self.pools.get(endpoint) else { return };
        let mut idle = pool.idle.borrow_mut();
        let most = self.upstream.settings().max_idle;
        // Of connections that serve one client each, the client of the oldest is the most likely to have gone.
        if origin.is_some() && idle.len() == most && most > 0 {
            idle.remove(0);
        }
        if idle.len() < most {
            connection.shrink();
            idle.push(Idle { connection, since: Instant::now(), origin });
        }
        if let Some(tally) = self.tally(endpoint) {
            tally.idle.set(idle.len());
        }
    }
}

fn alone<B>(settings: &Settings, stream: Stream) -> Use<B> {
    let bounds =
        Bounds { bytes: settings.max_response_head as usize, fields: settings.max_response_headers as usize };
    Use::Alone(Box::new(Http1::new(stream, bounds)))
}

async fn share<B>(
    settings: &Settings,
    pool: &Pool<B>,
    stream: Stream,
    wanted: &Wanted,
) -> Result<Use<B>, ConnectError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if wanted.origin.is_some() {
        pool.shared.make_room(settings.max_idle);
    }
    let place = pool.shared.open(stream, settings.max_response_head, wanted.origin.clone()).await;
    Ok(Use::Shared(Box::new(Share(place.map_err(ConnectError::Handshake)?, None))))
}

impl<B> std::fmt::Debug for Connections<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("upstream", &self.upstream.name()).finish_non_exhaustive()
    }
}
