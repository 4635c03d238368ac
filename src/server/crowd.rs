use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The connections of a listener, on all workers together.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    open: AtomicU32,
    /// How many each client has; only kept where that is limited.
    clients: Mutex<HashMap<IpAddr, u32>>,
    left: Notify,
}

/// A connection's place in the crowd: free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    crowd: Arc<Crowd>,
    client: Option<IpAddr>,
}

impl Crowd {
    /// Takes a place, as soon as fewer than `limit` are taken.
    pub(super) async fn enter(self: &Arc<Self>, limit: Option<u32>) -> Seat {
        let limit = limit.unwrap_or(u32::MAX);
        loop {
            // Asked for before looking: whoever leaves in between is not missed.
            let left = self.left.notified();
            let below = |open| (open < limit).then(|| open + 1);
            if self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, below).is_ok() {
                return Seat { crowd: Arc::clone(self), client: None };
            }
            left.await;
        }
    }
}

impl Seat {
    /// Whether this client may have one more connection.
    pub(super) fn is_for(&mut self, client: IpAddr, limit: Option<u32>) -> bool {
        let Some(limit) = limit else { return true };
        let mut clients = self.crowd.clients.lock();
        let count = clients.entry(client).or_default();
        if *count >= limit {
            return false;
        }
        *count += 1;
        self.client = Some(client);
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            let mut clients = self.crowd.clients.lock();
            if let Some(count) = clients.get_mut(&client) {
                *count -= 1;
                if *count == 0 {
                    clients.remove(&client);
                }
            }
        }
        self.crowd.open.fetch_sub(1, Ordering::AcqRel);
        self.crowd.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let crowd = Arc::new(Crowd::default());
        let first = crowd.enter(Some(1)).now_or_never().unwrap();
        assert!(crowd.enter(Some(1)).now_or_never().is_none());
        drop(first);
        assert!(crowd.enter(Some(1)).now_or_never().is_some());
    }

    #[test]
    fn each_client_has_its_own_limit() {
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let crowd = Arc::new(Crowd::default());
        let mut seats: Vec<_> = (0..4).map(|_| crowd.enter(None).now_or_never().unwrap()).collect();
        assert!(seats[0].is_for(a, Some(1)) && !seats[1].is_for(a, Some(1)) && seats[2].is_for(b, Some(1)));
        seats.remove(1);
        assert!(!seats[2].is_for(a, Some(1)), "one that was refused did not count");
        seats.clear();
        assert!(crowd.clients.lock().is_empty());
    }
}
