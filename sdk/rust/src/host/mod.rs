//! The calls to the gateway, as safe functions over slices: the real ones in a guest, a recording stub elsewhere.
//!
//! Both have the same functions with the same meaning, that of `gatewright-abi`. What is read goes into
//! the capacity of `out`, if it fits; the length of the whole comes back.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod stub;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use stub::calls::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

/// A range of this program's memory, packed for the gateway.
pub(crate) fn packed(bytes: &'static [u8]) -> i64 {
    // Only a guest has the 32-bit addresses that this is for; elsewhere there is nobody to read it.
    let pointer = u32::try_from(bytes.as_ptr().addr()).unwrap_or_default();
    gatewright_abi::pack(pointer, u32::try_from(bytes.len()).unwrap_or_default())
}

/// Tells the gateway of a panic before it becomes a trap, which says nothing but `unreachable`.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let reason = match panic.location() {
            Some(place) => format!("panicked at {place}: {message}"),
            None => format!("panicked: {message}"),
        };
        fail(reason.as_bytes());
    }));
}

#[cfg(test)]
mod tests {
    use gatewright_abi::{
        attributes, body, clock, config, export, head, http, import, kv, log, metrics, random, timer,
    };

    const SOURCES: [&str; 11] = [
        include_str!("wasm/attributes.rs"),
        include_str!("wasm/body.rs"),
        include_str!("wasm/clock.rs"),
        include_str!("wasm/config.rs"),
        include_str!("wasm/head.rs"),
        include_str!("wasm/http.rs"),
        include_str!("wasm/kv.rs"),
        include_str!("wasm/log.rs"),
        include_str!("wasm/metrics.rs"),
        include_str!("wasm/random.rs"),
        include_str!("wasm/timer.rs"),
    ];

    /// `module.function` for each import that is declared: attributes cannot name constants, so this compares.
    fn declared() -> Vec<String> {
        let mut found: Vec<String> = SOURCES.into_iter().flat_map(declared_in).collect();
        found.sort();
        found
    }

    fn declared_in(source: &str) -> Vec<String> {
        let declarations = source.split("pub(crate) fn").next().unwrap();
        let (mut module, mut renamed, mut found) = ("", None, Vec::new());
        for line in declarations.lines().map(str::trim) {
            let quoted = line.split('"').nth(1);
            if line.starts_with("#[link(") {
                module = quoted.unwrap();
            } else if line.starts_with("#[link_name") {
                renamed = quoted;
            } else if let Some(function) = line.strip_prefix("fn ") {
                let name = renamed.take().unwrap_or_else(|| function.split('(').next().unwrap());
                found.push(format!("{module}.{name}"));
            }
        }
        found
    }

    #[test]
    fn the_imports_are_those_of_the_contract() {
        let contract: [(&str, &[&str]); 11] = [
            (
                import::HEAD,
                &[
                    head::GET,
                    head::SET,
                    head::ADD,
                    head::REMOVE,
                    head::ALL,
                    head::PART,
                    head::SET_PART,
                    head::STATUS,
                    head::SET_STATUS,
                    head::ANSWER,
                ],
            ),
            (import::ATTRIBUTES, &[attributes::GET, attributes::SET, attributes::REMOVE]),
            (import::CONFIG, &[config::READ]),
            (import::LOG, &[log::WRITE, log::ENABLED, log::FAIL]),
            (import::CLOCK, &[clock::WALL, clock::MONOTONIC]),
            (import::BODY, &[body::SIZE, body::READ, body::WHOLE, body::REPLACE, body::WRITE]),
            (import::RANDOM, &[random::FILL]),
            (import::METRICS, &[metrics::DEFINE, metrics::ADD, metrics::SET, metrics::OBSERVE]),
            (import::TIMER, &[timer::EVERY]),
            (import::KV, &[kv::GET, kv::PUT, kv::DELETE, kv::ADD, kv::SWAP]),
            (
                import::HTTP,
                &[
                    http::START,
                    http::WAIT,
                    http::STATUS,
                    http::GET,
                    http::ALL,
                    http::SIZE,
                    http::READ,
                    http::CLOSE,
                ],
            ),
        ];
        let named =
            |(module, names): &(&str, &[&str])| names.iter().map(move |n| format!("{module}.{n}")).collect();
        let mut contract: Vec<String> = contract.iter().flat_map::<Vec<String>, _>(named).collect();
        contract.sort();
        assert_eq!(declared(), contract);
    }

    #[test]
    fn the_exports_are_those_of_the_contract() {
        let source = include_str!("../plugin.rs");
        let exported = source.split("extern \"C\" fn ").skip(1).map(|rest| rest.split('(').next().unwrap());
        let mut exported: Vec<&str> = exported.collect();
        let mut contract = [
            export::MARKER,
            export::MANIFEST,
            export::INIT,
            export::DIRECT,
            export::ON_REQUEST,
            export::ON_RESPONSE,
            export::MODIFY_RESPONSE,
            export::ON_BODY,
            export::ON_TICK,
        ];
        exported.sort_unstable();
        contract.sort_unstable();
        assert_eq!(exported, contract);
    }
}
