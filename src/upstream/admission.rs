//! How many requests an upstream may have in flight, and how many may wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// One request's place in an upstream; free again when it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// Why a request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many wait as may.
    #[error("all places are taken and `max_pending` requests wait")]
    Crowded,
    /// It has waited for as long as it may.
    #[error("no place became free within {0:?}")]
    Late(Duration),
}

/// The places of an upstream. Those who wait are served in their order, and leave the queue with their clients.
#[derive(Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    /// How many there are, taken ones included.
    size: usize,
    pending: AtomicUsize,
    max_pending: usize,
    pending_timeout: Duration,
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(super) fn new(size: usize, max_pending: usize, pending_timeout: Duration) -> Self {
        let places = Arc::new(Semaphore::new(size.min(Semaphore::MAX_PERMITS)));
        Self { places, size, pending: AtomicUsize::new(0), max_pending, pending_timeout }
    }

    /// With the places of the one whose place this one takes, where there are as many.
    pub(super) fn after(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.size == self.size => Self { places: Arc::clone(&before.places), ..self },
            _ => self,
        }
    }

    /// How many wait.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Takes a place, and waits for it if it must.
    pub(super) async fn enter(&self) -> Result<Place, Refused> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place(place));
        }
        let waiting = self.wait().ok_or(Refused::Crowded)?;
        let place = timeout(self.pending_timeout, Arc::clone(&self.places).acquire_owned()).await;
        drop(waiting);
        match place {
            Ok(Ok(place)) => Ok(Place(place)),
            // Nobody closes it.
            Ok(Err(_)) => Err(Refused::Crowded),
            Err(_) => Err(Refused::Late(self.pending_timeout)),
        }
    }

    fn wait(&self) -> Option<Waiting<'_>> {
        let one_more = |count: usize| (count < self.max_pending).then_some(count + 1);
        let counted = self.pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        counted.ok().map(|_| Waiting(&self.pending))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn one_place(max_pending: usize) -> Admission {
        Admission::new(1, max_pending, Duration::from_secs(3600))
    }

    #[tokio::test]
    async fn who_waits_is_served_in_order() {
        let admission = one_place(2);
        let first = admission.enter().await.unwrap();
        let (mut second, mut third) = (Box::pin(admission.enter()), Box::pin(admission.enter()));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(admission.enter().await.unwrap_err(), Refused::Crowded);
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "not before the second");
        let second = second.await.unwrap();
        drop(second);
        third.await.unwrap();
        assert_eq!(admission.pending(), 0);
    }

    #[tokio::test]
    async fn who_goes_leaves_the_queue() {
        let admission = one_place(1);
        let first = admission.enter().await.unwrap();
        let mut gone = Box::pin(admission.enter());
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        assert_eq!(admission.pending(), 0);
        let mut next = Box::pin(admission.enter());
        assert!((&mut next).now_or_never().is_none());
        drop(first);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn waiting_has_an_end() {
        let admission = Admission::new(1, 1, Duration::from_millis(1));
        let _first = admission.enter().await.unwrap();
        assert_eq!(admission.enter().await.unwrap_err(), Refused::Late(Duration::from_millis(1)));
        assert_eq!(admission.pending(), 0);
    }
}
