//! What a worker counts of a folder.

use crate::metrics::{Counter, Family, Page, Source};

const ANSWERS: Family = Family::counter(
    "gatewright_upstream_files_total",
    "Requests that an upstream of files has answered, by the class of the status.",
);

const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// One worker's counts of the upstream of one name.
#[derive(Debug)]
pub struct Tally {
    upstream: Box<str>,
    answers: [Counter; CLASSES.len()],
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub fn new(upstream: &str) -> Self {
        Self { upstream: upstream.into(), answers: Default::default() }
    }

    /// Whether it is this upstream's.
    #[must_use]
    pub fn is_of(&self, upstream: &str) -> bool {
        *self.upstream == *upstream
    }

    /// A request was answered, with this status.
    pub fn answered(&self, status: u16) {
        let class = usize::from(status / 100).wrapping_sub(2);
        if let Some(answers) = self.answers.get(class) {
            answers.add(1);
        }
    }
}

impl Source for Tally {
    fn report(&self, page: &mut Page) {
        for (class, answers) in CLASSES.into_iter().zip(&self.answers) {
            let labels = [("upstream", &*self.upstream), ("class", class)];
            page.add(&ANSWERS, &labels, answers.get() as f64);
        }
    }
}
