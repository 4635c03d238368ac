use std::collections::HashMap;

/// What callgrind counted in one run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profile {
    /// Instructions in user space.
    pub(super) total: u64,
    /// The same by function, each without what it calls.
    pub(super) functions: HashMap<String, u64>,
}

impl Profile {
    /// Reads callgrind's file; None where it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::default();
        text.lines().for_each(|line| reader.read(line));
        let total = reader.total?;
        let functions = reader.costs.into_iter().map(|(id, cost)| (reader.names.remove(id), cost));
        let mut by_name = HashMap::new();
        for (name, cost) in functions {
            // A function that is entered again while it runs has several entries.
            let name = name.map_or_else(|| "?".to_owned(), |name| without_depth(name).to_owned());
            *by_name.entry(name).or_insert(0) += cost;
        }
        Some(Self { total, functions: by_name })
    }
}

/// The file, line by line: `fn=(7) name` begins a function, of which later only `fn=(7)` is said; `cfn=` names one that
/// is called, and the line behind `calls=` is what that took: neither is the function's own.
#[derive(Default)]
struct Reader<'a> {
    total: Option<u64>,
    names: HashMap<&'a str, &'a str>,
    costs: HashMap<&'a str, u64>,
    function: &'a str,
    /// The next line is a call's.
    called: bool,
}

impl<'a> Reader<'a> {
    fn read(&mut self, line: &'a str) {
        match line.split_once(['=', ':']) {
            Some(("fn", function)) => self.function = self.name(function),
            Some(("cfn", function)) => drop(self.name(function)),
            Some(("calls", _)) => self.called = true,
            Some(("totals", total)) => self.total = total.trim().parse().ok(),
            _ => self.cost(line),
        }
    }

    /// The number of a function. Its name is said once.
    fn name(&mut self, function: &'a str) -> &'a str {
        let (id, name) = function.split_once(' ').unwrap_or((function, ""));
        if !name.is_empty() {
            self.names.insert(id, name);
        }
        id
    }

    /// A line of the source, absolute or relative, and what it took.
    fn cost(&mut self, line: &str) {
        if !line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return;
        }
        let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
        if !std::mem::take(&mut self.called) {
            *self.costs.entry(self.function).or_default() += cost;
        }
    }
}

/// `name'2` is the second entry of `name`.
fn without_depth(name: &str) -> &str {
    match name.rsplit_once('\'') {
        Some((name, depth)) if depth.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# callgrind format
version: 1
positions: line
events: Ir

ob=(1) /bin/it
fl=(1) it.rs
fn=(1) it::handle
16 400
cfn=(2) it::parse
calls=1 50
16 7000
+3 20
* 5

fn=(2)
20 6000
fi=(2) other.rs
-4 1000

fn=(3) it::parse'2
30 100

totals: 7525
";

    #[test]
    fn a_function_has_its_own_cost_and_not_what_it_calls() {
        let profile = Profile::parse(FILE).unwrap();
        assert_eq!(profile.total, 7525);
        assert_eq!(profile.functions.get("it::handle"), Some(&425));
        assert_eq!(profile.functions.get("it::parse"), Some(&7100));
        assert_eq!(profile.functions.len(), 2);
    }

    #[test]
    fn what_callgrind_did_not_write_is_no_profile() {
        assert_eq!(Profile::parse("something else\n"), None);
    }
}
