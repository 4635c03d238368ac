//! A middleware that tells the client, in `Server-Timing`, how long everything behind it took.

use gatewright_sdk::prelude::*;

/// What the measurement is called.
#[config]
struct ServerTimingConfig {
    /// The name of the metric.
    #[serde(default = "default_metric")]
    metric: String,
}

fn default_metric() -> String {
    "gateway".to_owned()
}

#[derive(Debug)]
struct ServerTiming {
    metric: String,
    /// Where the start is kept: one for each metric, so that two of these plugins can stand around each other.
    attribute: String,
}

impl Plugin for ServerTiming {
    type Config = ServerTimingConfig;

    fn load(config: ServerTimingConfig) -> Result<Self> {
        let metric = config.metric;
        // A metric's name is a token, as a header's is.
        if HeaderName::parse(&metric).is_err() {
            return Err(format!("metric: `{metric}` is not a name: letters, digits, `-` and `_`").into());
        }
        let attribute = format!("server-timing.{metric}");
        Ok(Self { metric, attribute })
    }
}

impl Middleware for ServerTiming {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        request.attributes().set_number(&self.attribute, clock::monotonic().as_micros())?;
        Ok(Continue)
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        let Some(start) = response.attributes().get_number::<u128>(&self.attribute)? else {
            return Ok(());
        };
        // It has served, and the access log need not show it.
        response.attributes().remove(&self.attribute)?;
        let micros = clock::monotonic().as_micros().saturating_sub(start);
        // Added: what the upstream measured stays. In milliseconds, as the header has it.
        let timing = format!("{};dur={}.{}", self.metric, micros / 1000, micros % 1000 / 100);
        response.headers_mut().add("server-timing", timing)
    }
}

plugin!(ServerTiming: Middleware);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatewright_sdk::testing;

    use super::*;

    #[test]
    fn the_time_behind_the_gateway_is_told() {
        let plugin: ServerTiming = testing::load(json!({})).unwrap();
        let request = testing::request("GET", "/").upstream_takes(Duration::from_micros(12_345));
        let outcome = request.run(&plugin).unwrap();
        assert_eq!(outcome.response_header("server-timing"), Some("gateway;dur=12.3"));
        assert_eq!(outcome.attribute("server-timing.gateway"), None);
    }

    #[test]
    fn what_the_upstream_measured_stays() {
        let plugin: ServerTiming = testing::load(json!({ "metric": "edge" })).unwrap();
        let outcome =
            testing::request("GET", "/").upstream_header("server-timing", "db;dur=3").run(&plugin).unwrap();
        let timings = outcome.response_header_bytes("server-timing");
        assert_eq!(timings, [&b"db;dur=3"[..], b"edge;dur=0.0"]);
    }

    #[test]
    fn a_metric_that_is_no_name_is_refused_at_load() {
        let error = testing::load::<ServerTiming>(json!({ "metric": "a b" })).unwrap_err();
        assert!(error.to_string().starts_with("metric: `a b`"), "{error}");
    }
}
