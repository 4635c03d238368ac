use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

/// How long to wait after an accept failed for want of file descriptors or memory: the connection stays in the kernel's
/// queue meanwhile. Each failure in a row doubles it,
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// up to this: so long may it take until it is noticed that there are descriptors again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Who comes and goes at the limit is not worth a line each time.
const QUIET: Duration = Duration::from_secs(10);

/// A socket that nothing can be accepted on for the moment.
#[derive(Debug, Default)]
pub(super) struct Scarcity {
    /// How long it was waited for last; zero where the last accept went well.
    pause: Duration,
    /// When it was last said.
    said: Option<Instant>,
    /// Whether it has not been said yet that it is over.
    open: bool,
}

impl Scarcity {
    /// An accept went well.
    pub(super) fn over(&mut self, listener: &str) {
        self.pause = Duration::ZERO;
        if std::mem::take(&mut self.open) {
            info!(listener, "accepting again");
        }
    }

    /// An accept failed. Comes back when it is worth another try.
    pub(super) async fn wait(&mut self, listener: &str, error: &io::Error) {
        let is_news = self.said.is_none_or(|said| said.elapsed() > QUIET);
        match is_news {
            true => {
                warn!(listener, "cannot accept, new connections have to wait: {error}");
                self.said = Some(Instant::now());
                self.open = true;
            }
            false => debug!(listener, "cannot accept: {error}"),
        }
        self.pause = after(self.pause);
        sleep(self.pause).await;
    }
}

fn after(pause: Duration) -> Duration {
    (pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses = std::iter::successors(Some(after(Duration::ZERO)), |pause| Some(after(*pause)));
        let pauses: Vec<_> = pauses.take(7).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 500, 500]);
    }
}
