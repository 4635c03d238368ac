use std::io::BufRead;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::Value;

use super::wait::DEADLINE;

/// What a gateway has logged. Lines that are no JSON, such as a panic's, are strings.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Vec<Value>>, Condvar)>);

impl Log {
    /// Follows `from` until it ends.
    pub(crate) fn follow(from: impl BufRead + Send + 'static) -> Self {
        let log = Self::default();
        let written = log.clone();
        thread::spawn(move || {
            for line in from.lines().map_while(Result::ok) {
                written.0.0.lock().unwrap().push(parse(line));
                written.0.1.notify_all();
            }
        });
        log
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.0.0.lock().unwrap().clone()
    }

    /// How many lines there are: where to look from later.
    pub(crate) fn mark(&self) -> usize {
        self.0.0.lock().unwrap().len()
    }

    /// Waits for a line that `wanted` picks.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_after(0, what, wanted)
    }

    /// Waits for a line that came after `mark`.
    #[track_caller]
    pub(crate) fn wait_after(&self, mark: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let (lines, more) = &*self.0;
        let find = |lines: &Vec<Value>| lines.iter().skip(mark).find(|line| wanted(line)).cloned();
        let guard = lines.lock().unwrap();
        let (lines, _) = more.wait_timeout_while(guard, DEADLINE, |lines| find(lines).is_none()).unwrap();
        find(&lines).unwrap_or_else(|| panic!("{what}: not in the log:\n{}", text(&lines)))
    }

    /// Waits for a line whose message holds `words`.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> Value {
        self.wait_for(words, |line| message(line).contains(words))
    }

    /// Waits for the access log's line of the exchange with this path and query.
    #[track_caller]
    pub(crate) fn access(&self, target: &str) -> Value {
        self.wait_for(target, |line| is_access(line, target))
    }
}

/// The words of a line.
pub(crate) fn message(line: &Value) -> &str {
    line["message"].as_str().or(line.as_str()).unwrap_or_default()
}

fn is_access(line: &Value, target: &str) -> bool {
    line["target"] == "access" && line["uri"] == target
}

/// The fields of a line, and all of it in `line`.
fn parse(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("line".into(), Value::String(text));
            Value::Object(fields)
        }
        _ => Value::String(text),
    }
}

fn text(lines: &[Value]) -> String {
    lines
        .iter()
        .map(|line| line["line"].as_str().or(line.as_str()).unwrap_or_default().to_owned() + "\n")
        .collect()
}
