use std::rc::Rc;

use gatewright_sdk::prelude::*;

use crate::rules::Rules;

/// A body on its way: what has come and may still be the beginning of a match is held back.
pub(crate) struct Redaction {
    rules: Rc<Rules>,
    /// One byte that has gone on already, for word borders (unless it is the body's beginning), and what is held back.
    held: Vec<u8>,
    /// Where in `held` that begins which has not gone on.
    begin: usize,
}

impl Redaction {
    pub(crate) fn new(rules: Rc<Rules>) -> Self {
        Self { rules, held: Vec::new(), begin: 0 }
    }

    /// Sends on what is settled: a match that begins before `settled` and all that lies before it.
    fn send(&mut self, settled: usize, out: &mut Sink) -> Result<()> {
        let mut made = Vec::with_capacity(self.held.len());
        let mut at = self.begin;
        while at < settled
            && let Some(found) = self.rules.find(&self.held, at)?
            && found.start < settled
        {
            made.extend_from_slice(self.held.get(at..found.start).unwrap_or_default());
            made.extend_from_slice(found.with.as_bytes());
            at = found.end;
        }
        if at < settled {
            made.extend_from_slice(self.held.get(at..settled).unwrap_or_default());
            at = settled;
        }
        let known = at.saturating_sub(1);
        self.held.drain(..known.min(self.held.len()));
        self.begin = at - known;
        out.write(made)
    }
}

impl BodyStream for Redaction {
    fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()> {
        self.held.extend_from_slice(piece);
        // A match that begins here ends before the last byte, so nothing that comes can make it another.
        let settled = self.held.len().saturating_sub(self.rules.longest());
        if settled > self.begin { self.send(settled, out) } else { Ok(()) }
    }

    fn end(&mut self, out: &mut Sink) -> Result<()> {
        self.send(self.held.len(), out)
    }
}
