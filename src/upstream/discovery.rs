//! Asking DNS again and again where an upstream's endpoints are.

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;
use tracing::{info, warn};

use super::resolve::Servers;
use super::srv::{Found, Srv};

/// How soon a question without an answer is asked again. No answer is good for less, either.
const PAUSE: Duration = Duration::from_secs(1);

/// The task that asks. It is shared by the upstreams that come of its answers, one after the other, and ends with the last.
#[derive(Debug, Default)]
pub(super) struct Discovery(OnceLock<AbortHandle>);

/// Other endpoints than before.
#[derive(Debug)]
pub struct News {
    /// Whose they are.
    pub(super) whose: Weak<Discovery>,
    pub(super) found: Vec<Found>,
}

impl Discovery {
    /// Begins, on the runtime that this is called from, unless it has begun already.
    pub(super) fn start(
        self: &Arc<Self>,
        upstream: &str,
        srv: &Srv,
        servers: &Servers,
        news: &mpsc::Sender<News>,
    ) {
        self.0.get_or_init(|| {
            let follower = Follower {
                upstream: upstream.to_owned(),
                srv: srv.clone(),
                servers: servers.clone(),
                whose: Arc::downgrade(self),
                news: news.clone(),
            };
            tokio::spawn(follower.follow()).abort_handle()
        });
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

struct Follower {
    upstream: String,
    srv: Srv,
    servers: Servers,
    whose: Weak<Discovery>,
    news: mpsc::Sender<News>,
}

impl Follower {
    async fn follow(self) {
        let (mut last, mut lost) = (None, false);
        loop {
            let asked = self.srv.ask(&self.servers).await;
            self.log(&asked, lost);
            lost = asked.is_err();
            let soon = Instant::now() + PAUSE;
            let mut next = soon;
            if let Ok((found, until)) = asked {
                next = until.max(soon);
                if last.as_ref() != Some(&found) {
                    let news = News { whose: Weak::clone(&self.whose), found: found.clone() };
                    if self.news.send(news).await.is_err() {
                        return;
                    }
                    last = Some(found);
                }
            }
            sleep_until(next.into()).await;
        }
    }

    /// One line when answers cease, one when they come again.
    fn log<T>(&self, asked: &std::io::Result<T>, lost: bool) {
        let (upstream, name) = (&*self.upstream, &*self.srv.name);
        match asked {
            Ok(_) if lost => info!(upstream, name, "endpoints found again"),
            Err(error) if !lost => warn!(upstream, name, "endpoints not found, the last known stay: {error}"),
            _ => {}
        }
    }
}
