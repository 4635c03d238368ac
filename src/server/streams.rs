//! The streams of an HTTP/2 connection. hyper gives each a task of its own and waits there for the client for ever; here
//! is where that ends.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::rt::Executor;
use tokio::task::spawn_local;
use tokio::time::{Sleep, sleep_until};
use tracing::debug;

use crate::proxy::{Patience, Stall};

/// Spawns what hyper makes of a connection's requests.
#[derive(Clone)]
pub(super) struct Streams(Rc<Shared>);

struct Shared {
    patience: Patience,
    /// The stream whose request the service was just called with: hyper spawns it next.
    called: RefCell<Option<Arc<Stall>>>,
}

impl Streams {
    pub(super) fn new(patience: Patience) -> Self {
        Self(Rc::new(Shared { patience, called: RefCell::new(None) }))
    }

    /// A stream has begun, which notes here when its client does not take what is there for it. To be called where hyper
    /// calls its service, and nowhere else.
    pub(super) fn begin(&self) -> Arc<Stall> {
        let stall = Arc::new(Stall::default());
        *self.0.called.borrow_mut() = Some(Arc::clone(&stall));
        stall
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        // In a box before it is a task, which is moved when it is made and when it ends: this is large.
        let stream = Box::pin(future);
        match self.0.called.take() {
            Some(stall) => drop(spawn_local(drive(stream, self.0.patience, stall))),
            None => drop(spawn_local(stream)),
        }
    }
}

/// A stream from its request to its end. Dropped before, it is reset.
async fn drive(mut stream: Pin<Box<impl Future<Output = ()>>>, patience: Patience, stall: Arc<Stall>) {
    let mut waiting = Waiting { stall, patience, begun: Instant::now(), timer: None };
    poll_fn(|context| match stream.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => waiting.poll_overdue(context),
    })
    .await;
}

/// How long a stream has waited for its client.
struct Waiting {
    stall: Arc<Stall>,
    patience: Patience,
    begun: Instant,
    /// Made when it waits for the first time.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Waiting {
    /// When the client must have taken something; `None` while it is not the one that is waited for.
    fn deadline(&self) -> Option<Instant> {
        let deadline = self.stall.since()? + self.patience.send;
        Some(self.patience.request.map_or(deadline, |limit| deadline.min(self.begun + limit)))
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = self.deadline() else { return Poll::Pending };
            if deadline <= Instant::now() {
                debug!("stream reset: its client took nothing for too long");
                return Poll::Ready(());
            }
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
            if timer.is_elapsed() || timer.deadline() > deadline.into() {
                timer.as_mut().reset(deadline.into());
            }
            // It may have been set for an earlier piece: then it is set anew.
            ready!(timer.as_mut().poll(context));
        }
    }
}
