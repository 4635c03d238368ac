use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts the log, to standard error. `RUST_LOG` overrides the configured level.
pub(super) fn start(config: &LogConfig) {
    // Lines of the access log are wanted or not, whatever the level of the others.
    let levels = format!("{},access=info", config.level.as_str());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(levels));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (there is none in the program itself) keeps the first.
    let _ = match config.format {
        LogFormat::Text => log.with_ansi(is_terminal()).try_init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
}

fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stderr().is_terminal()
}
