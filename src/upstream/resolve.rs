//! Names of endpoints, looked up as the system says (`/etc/hosts`, `/etc/resolv.conf`) without a thread for each.

use std::cell::OnceCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use parking_lot::Mutex;

/// An answer is asked for again when its time to live is over, but not more often than this,
const FLOOR: Duration = Duration::from_secs(1);

/// and not more seldom than this.
const CEILING: Duration = Duration::from_secs(300);

thread_local! {
    /// Each worker asks and remembers for itself.
    static RESOLVER: OnceCell<TokioResolver> = const { OnceCell::new() };
}

fn resolver() -> Result<TokioResolver, NetError> {
    RESOLVER.with(|cell| match cell.get() {
        Some(resolver) => Ok(resolver.clone()),
        None => {
            let mut builder = TokioResolver::builder_tokio()?;
            let options = builder.options_mut();
            options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
            options.positive_min_ttl = Some(FLOOR);
            options.positive_max_ttl = Some(CEILING);
            options.negative_max_ttl = Some(FLOOR);
            let resolver = builder.build()?;
            Ok(cell.get_or_init(|| resolver).clone())
        }
    })
}

/// The addresses of a name, while their time to live lasts from memory.
pub(super) async fn addresses(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = resolver().map_err(io::Error::other)?.lookup_ip(name).await;
    Ok(found.map_err(unresolved)?.into_iter().collect())
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
pub(super) struct Names(Mutex<Arc<[IpAddr]>>);

impl Names {
    /// What to use after this answer.
    pub(super) fn refreshed(&self, answer: io::Result<Vec<IpAddr>>) -> io::Result<Arc<[IpAddr]>> {
        let mut known = self.0.lock();
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
