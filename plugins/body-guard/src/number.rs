//! Numbers as JSON Schema compares them: by their value, however they are written.

use std::cmp::Ordering;

use gatewright_sdk::serde_json::{Number, Value};

/// How `a` and `b` compare. Integers compare exactly, where both are.
pub(crate) fn compare(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().unwrap_or(f64::NAN).total_cmp(&b.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Whether it has no fraction: `1.0` has none.
pub(crate) fn is_integer(number: &Number) -> bool {
    number.as_i128().is_some() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Whether two values are the same: `1` and `1.0` are.
pub(crate) fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_equal(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use gatewright_sdk::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        assert!(is_equal(&json!([1, { "a": 2.0 }]), &json!([1.0, { "a": 2 }])));
        assert!(!is_equal(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
        assert!(!is_equal(&json!("1"), &json!(1)));
        assert!(!is_equal(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 })));
    }
}
