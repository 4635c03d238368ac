use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Something that seldom happens, waited for beside what happens all the time: it is looked at only when it has something
/// to say, not whenever the other one has.
pub(super) struct Aside<F> {
    what: F,
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    rung: AtomicBool,
    waiting: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.waiting.wake();
    }
}

impl<F> Aside<F> {
    pub(super) fn new(what: F) -> Self {
        // Whoever has not been asked yet has not been told to ring.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), waiting: AtomicWaker::new() });
        Self { what, waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl<F: Future + Unpin> Future for Aside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if !this.bell.rung.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // First who is to be woken, then what has happened: nothing gets lost between the two.
        this.bell.waiting.register(context.waker());
        this.bell.rung.swap(false, Ordering::AcqRel);
        Pin::new(&mut this.what).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn it_is_looked_at_only_when_it_has_rung() {
        let (looks, bell) = (Cell::new(0), Cell::new(None));
        let what = poll_fn(|context| {
            looks.set(looks.get() + 1);
            bell.set(Some(context.waker().clone()));
            if looks.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
        });
        let mut aside = Aside::new(what);
        let mut look = || Pin::new(&mut aside).poll(&mut Context::from_waker(Waker::noop()));
        assert!(look().is_pending() && look().is_pending());
        assert_eq!(looks.get(), 1);
        bell.take().unwrap().wake();
        assert!(look().is_pending() && look().is_pending());
        assert_eq!(looks.get(), 2);
        bell.take().unwrap().wake();
        assert!(look().is_ready());
    }
}
