//! Names of endpoints, looked up without a thread for each: as the system says (`/etc/hosts`, `/etc/resolv.conf`), or by
//! asking the name servers of the upstream.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use parking_lot::Mutex;

/// An answer is asked for again when its time to live is over, but not more often than this,
const FLOOR: Duration = Duration::from_secs(1);

/// and not more seldom than this.
const CEILING: Duration = Duration::from_secs(300);

/// Whom to ask; `None` for whom the system asks.
pub(super) type Servers = Option<Arc<[SocketAddr]>>;

thread_local! {
    /// Each worker asks and remembers for itself.
    static RESOLVERS: RefCell<Vec<(Servers, TokioResolver)>> = const { RefCell::new(Vec::new()) };
}

fn resolver(servers: &Servers) -> Result<TokioResolver, NetError> {
    RESOLVERS.with_borrow_mut(|known| {
        // Those that no configuration has any more go when another one comes.
        if let Some((_, resolver)) = known.iter().find(|(of, _)| of == servers) {
            return Ok(resolver.clone());
        }
        known.retain(|(of, _)| of.as_ref().is_none_or(|of| Arc::strong_count(of) > 1));
        let resolver = build(servers)?;
        known.push((servers.clone(), resolver.clone()));
        Ok(resolver)
    })
}

fn build(servers: &Servers) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        None => TokioResolver::builder_tokio()?,
        Some(servers) => {
            let servers = servers.iter().map(server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
    options.use_hosts_file = ResolveHosts::Always;
    options.positive_min_ttl = Some(FLOOR);
    options.positive_max_ttl = Some(CEILING);
    options.negative_max_ttl = Some(FLOOR);
    builder.build()
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = address.port());
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// The SRV records of a name.
pub(super) async fn services(name: &str, servers: &Servers) -> io::Result<Lookup> {
    let resolver = resolver(servers).map_err(io::Error::other)?;
    resolver.srv_lookup(name).await.map_err(unresolved)
}

/// What the system has refused stays what it is: then there is nothing wrong with the name.
fn unresolved(error: NetError) -> io::Error {
    match &error {
        NetError::Io(refused) if refused.raw_os_error().is_some() => {
            io::Error::from_raw_os_error(refused.raw_os_error().unwrap_or_default())
        }
        _ => io::Error::new(io::ErrorKind::NotFound, error),
    }
}

/// The addresses that an endpoint's name last had. They stay in use while no better is known.
#[derive(Debug, Default)]
pub(super) struct Names {
    servers: Servers,
    known: Mutex<Arc<[IpAddr]>>,
}

impl Names {
    pub(super) fn new(servers: Servers) -> Self {
        Self { servers, known: Mutex::default() }
    }

    /// The addresses of a name, while their time to live lasts from memory.
    pub(super) async fn addresses(&self, name: &str) -> io::Result<Arc<[IpAddr]>> {
        self.refreshed(self.ask(name).await)
    }

    async fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = resolver(&self.servers).map_err(io::Error::other)?.lookup_ip(name).await;
        Ok(found.map_err(unresolved)?.into_iter().collect())
    }

    /// What to use after this answer.
    fn refreshed(&self, answer: io::Result<Vec<IpAddr>>) -> io::Result<Arc<[IpAddr]>> {
        let mut known = self.known.lock();
        match answer {
            Ok(found) if !found.is_empty() => {
                if **known != *found {
                    *known = found.into();
                }
                Ok(Arc::clone(&known))
            }
            Err(error) if known.is_empty() => Err(error),
            _ => Ok(Arc::clone(&known)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_addresses_stay_while_there_are_no_new_ones() {
        let names = Names::default();
        let failed = || Err(io::Error::other("no answer"));
        let addresses = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
        assert!(names.refreshed(failed()).is_err());
        assert_eq!(*names.refreshed(Ok(addresses("10.0.0.1"))).unwrap(), *addresses("10.0.0.1"));
        assert_eq!(*names.refreshed(failed()).unwrap(), *addresses("10.0.0.1"));
        assert_eq!(*names.refreshed(Ok(Vec::new())).unwrap(), *addresses("10.0.0.1"));
        assert_eq!(*names.refreshed(Ok(addresses("::1"))).unwrap(), *addresses("::1"));
    }
}
