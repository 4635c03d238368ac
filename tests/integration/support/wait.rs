use std::sync::{Arc, Condvar, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Whatever has not happened by then will not happen. Far longer than anything takes, even on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "has not happened within {DEADLINE:?}: {what}");
        sleep(LOOK_AGAIN);
    }
}

/// Shut until somebody opens it, then open for ever.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn shut() -> Self {
        Self::default()
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    #[track_caller]
    pub(crate) fn wait(&self) {
        let (open, changed) = &*self.0;
        let open = changed.wait_timeout_while(open.lock().unwrap(), DEADLINE, |open| !*open).unwrap();
        assert!(*open.0, "the gate has not been opened within {DEADLINE:?}");
    }
}
