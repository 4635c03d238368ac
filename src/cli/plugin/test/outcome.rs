use std::collections::BTreeMap;

use bytes::Bytes;
use http::response::Parts;
use tokio::sync::mpsc::UnboundedReceiver;

use super::capture::Told;
use super::cases::Kv;
use super::upstream::{Planned, Reached, Script};

/// What became of a step.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What reached the upstreams,
    pub(super) reached: Vec<Reached>,
    /// and what the plugin asked them on its own behalf,
    pub(super) calls: Vec<Planned>,
    /// also unexpectedly.
    pub(super) unplanned: Vec<Reached>,
    /// What came back to the client; `None` where there was no request.
    pub(super) response: Option<(Parts, Bytes)>,
    /// The plugin's lines in the log.
    pub(super) log: Vec<String>,
    /// What the plugin failed with.
    pub(super) failures: Vec<String>,
    /// What the gateway says of the exchange.
    pub(super) complaints: Vec<String>,
    pub(super) attributes: Vec<(String, Vec<u8>)>,
    /// The values of the entries that are asked for.
    pub(super) kv: Kv,
    /// The plugin's metrics, by the names of their series.
    pub(super) metrics: BTreeMap<String, String>,
}

impl Outcome {
    /// Takes in what reached the upstreams.
    pub(super) fn hear(&mut self, script: Script) {
        self.reached = script.reached;
        self.calls = script.calls;
        self.unplanned = script.unplanned;
    }

    /// Takes in what is told of the exchange, to its end.
    pub(super) async fn listen(&mut self, told: &mut UnboundedReceiver<Told>) {
        while let Some(told) = told.recv().await {
            if matches!(told, Told::End) {
                return;
            }
            self.note(told);
        }
    }

    /// Takes in what has been told already.
    pub(super) fn catch_up(&mut self, told: &mut UnboundedReceiver<Told>) {
        while let Ok(told) = told.try_recv() {
            self.note(told);
        }
    }

    fn note(&mut self, told: Told) {
        match told {
            Told::Line(line) => self.log.push(line),
            Told::Failure(why) => self.failures.push(why),
            Told::Complaint(what) => self.complaints.push(what),
            Told::Attribute(name, value) => self.attributes.push((name, value)),
            Told::End => {}
        }
    }

    /// The status that the client got.
    pub(super) fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, |(head, _)| head.status.as_u16())
    }
}
