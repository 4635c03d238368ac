//! The data segments of a module whose memory is an image.

use wasm_encoder::{DataSection, RawSection};
use wasmparser::{DataKind, Parser, Payload};
use wasmtime::Module;

/// The module with none but active data segments, where its code names none.
///
/// A snapshot leaves an empty passive segment for each that the module began with, as its code may name segments by
/// their numbers. To the host each is a place in every instance, to be filled before each call; of what an AssemblyScript
/// compiler writes, one string or so in a segment, there are hundreds.
pub(super) fn without_passive(engine: &wasmtime::Engine, bytes: &[u8]) -> Option<Vec<u8>> {
    let slim = rewrite(bytes).ok()?;
    // Code may name segments only in a module that counts them ahead of its code, which this one does not any more. So it
    // is valid where the segments that went were of no use.
    Module::validate(engine, &slim).is_ok().then_some(slim)
}

fn rewrite(bytes: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut slim = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::DataCountSection { .. } => {}
            Payload::DataSection(segments) => {
                let mut section = DataSection::new();
                for segment in segments {
                    let segment = segment?;
                    if matches!(segment.kind, DataKind::Active { .. }) {
                        section.raw(bytes.get(segment.range).unwrap_or_default());
                    }
                }
                slim.section(&section);
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    slim.section(&RawSection { id, data: bytes.get(range).unwrap_or_default() });
                }
            }
        }
    }
    Ok(slim.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slim(text: &str) -> Option<Vec<u8>> {
        let bytes = wat::parse_str(text).unwrap();
        without_passive(&wasmtime::Engine::default(), &bytes)
    }

    #[test]
    fn segments_that_nothing_names_go_and_the_others_stay_as_they_are() {
        let whole = slim(
            r#"(module (memory 1) (data "") (data (i32.const 8) "a") (data "passive") (data (i32.const 300) "b")
            (func (export "f") (result i32) (i32.load8_u (i32.const 300))))"#,
        );
        let active = r#"(module (memory 1) (data (i32.const 8) "a") (data (i32.const 300) "b")
            (func (export "f") (result i32) (i32.load8_u (i32.const 300))))"#;
        assert_eq!(whole, slim(active));
        assert!(whole.is_some_and(|whole| !whole.windows(7).any(|bytes| bytes == b"passive")));
    }

    #[test]
    fn a_module_whose_code_names_a_segment_keeps_them_all() {
        for names in ["(data.drop 0)", "(memory.init 1 (i32.const 0) (i32.const 0) (i32.const 1))"] {
            let text = format!(r#"(module (memory 1) (data "") (data "passive") (func {names}))"#);
            assert_eq!(slim(&text), None, "{names}");
        }
    }
}
