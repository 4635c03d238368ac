//! What the gateway's own log tells of an exchange: a plugin's lines, its failures, and at the end its attributes.

use std::fmt::Debug;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Something that the log tells.
#[derive(Debug)]
pub(super) enum Told {
    /// The plugin logged `level: text`.
    Line(String),
    /// The plugin failed, whatever became of the exchange.
    Failure(String),
    /// The gateway itself has a complaint.
    Complaint(String),
    /// An attribute at the end of the exchange.
    Attribute(String, Vec<u8>),
    /// The exchange has ended.
    End,
}

/// Listens to the log of this process from now on.
pub(super) fn start() -> Result<UnboundedReceiver<Told>, String> {
    let (sender, told) = mpsc::unbounded_channel();
    let wanted = Targets::new()
        .with_target("plugin", LevelFilter::TRACE)
        .with_target("attribute", LevelFilter::TRACE)
        .with_target("access", LevelFilter::INFO)
        .with_target("gatewright", LevelFilter::DEBUG);
    let listening = tracing_subscriber::registry().with(Capture(sender).with_filter(wanted)).try_init();
    listening.map_err(|error| error.to_string())?;
    Ok(told)
}

struct Capture(UnboundedSender<Told>);

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(told) = told(event, fields) {
            // Nobody listens any more when the last case has ended.
            let _ = self.0.send(told);
        }
    }
}

fn told(event: &Event<'_>, fields: Fields) -> Option<Told> {
    let level = *event.metadata().level();
    match event.metadata().target() {
        "plugin" => Some(Told::Line(format!("{}: {}", level.as_str().to_lowercase(), fields.message))),
        "attribute" => Some(Told::Attribute(fields.name, fields.value)),
        "access" => Some(Told::End),
        _ if fields.is_failure => Some(Told::Failure(fields.message)),
        // Why an exchange came to nothing; what else a gateway says at this level is nobody's concern here.
        _ if fields.is_exchange || level <= Level::WARN => Some(Told::Complaint(fields.message)),
        _ => None,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    name: String,
    value: Vec<u8>,
    /// It has the kind of a plugin's failure.
    is_failure: bool,
    /// It has an exchange's status.
    is_exchange: bool,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "name" => value.clone_into(&mut self.name),
            "kind" => self.is_failure = true,
            _ => {}
        }
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        if field.name() == "value" {
            self.value = value.to_vec();
        }
    }

    fn record_u64(&mut self, field: &Field, _: u64) {
        self.is_exchange |= field.name() == "status";
    }
}
