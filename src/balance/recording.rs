//! Reading what `tests/nginx/record` wrote.

use super::Target;

/// What a real nginx picked, as indices of the targets.
pub(super) struct Recording {
    pub(super) targets: Vec<Target>,
    /// Whom it tried for each request, in order.
    pub(super) picks: Vec<Vec<usize>>,
    /// Keys and whom it picked for each.
    pub(super) keys: Vec<(String, usize)>,
}

impl Recording {
    pub(super) fn parse(text: &str) -> Self {
        let mut recording = Self { targets: Vec::new(), picks: Vec::new(), keys: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (kind, rest) = line.split_once(' ').expect("a line is a kind and the rest");
            match kind {
                "server" => recording.targets.push(target(rest)),
                "pick" => recording.picks.push(rest.split(' ').map(|id| recording.index(id)).collect()),
                "key" => {
                    let (id, key) = rest.split_once('\t').expect("a key line has a tab");
                    recording.keys.push((key.to_owned(), recording.index(id)));
                }
                _ => panic!("unknown line {line:?}"),
            }
        }
        recording
    }

    fn index(&self, id: &str) -> usize {
        self.targets.iter().position(|target| target.id == id).expect("a recorded pick is one of the servers")
    }
}

fn target(line: &str) -> Target {
    let (id, weight) = line.split_once(' ').expect("a server line has a weight");
    Target { id: id.to_owned(), weight: weight.parse().expect("a weight is a number") }
}
