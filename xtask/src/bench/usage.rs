//! What processes and processors have used, by `/proc`.

use std::collections::HashMap;
use std::fs;

/// Ticks in a second: the same on every Linux, for whoever is outside of the kernel.
const TICKS: f64 = 100.0;

/// CPU time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Time {
    pub(crate) user: f64,
    pub(crate) kernel: f64,
}

impl Time {
    pub(crate) fn total(self) -> f64 {
        self.user + self.kernel
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, kernel: self.kernel - earlier.kernel }
    }
}

/// A process and all its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes() {
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut tree, mut next) = (vec![root], 0);
    while let Some(pid) = tree.get(next) {
        tree.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    tree
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of `/proc/PID/stat` behind the name, which may hold blanks: the first is the state.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Whether there is such a process, and it is more than an entry that nobody has asked for yet.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}

/// What these have used so far.
pub(crate) fn time(pids: &[u32]) -> Time {
    pids.iter().fold(Time::default(), |sum, pid| {
        let time = times(*pid, 11);
        Time { user: sum.user + time.user, kernel: sum.kernel + time.kernel }
    })
}

/// What those have used that this process started and that have ended.
pub(crate) fn time_of_ended() -> Time {
    times(std::process::id(), 13)
}

fn times(pid: u32, at: usize) -> Time {
    let fields = stat(pid).unwrap_or_default();
    let seconds =
        |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / TICKS;
    Time { user: seconds(at), kernel: seconds(at + 1) }
}

/// Memory in MiB that these have in RAM; what they share counts for each.
pub(crate) fn resident(pids: &[u32]) -> f64 {
    let kib = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim_end_matches("kB").trim().parse::<f64>().ok()
    };
    pids.iter().filter_map(kib).sum::<f64>() / 1024.0
}

/// Seconds in which a processor has done something, or was taken away.
pub(crate) fn busy(cpu: usize) -> f64 {
    busy_in(&fs::read_to_string("/proc/stat").unwrap_or_default(), cpu)
}

fn busy_in(text: &str, cpu: usize) -> f64 {
    let name = format!("cpu{cpu}");
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(&name)).unwrap_or_default();
    let ticks = line.split_whitespace().skip(1).take(8).map(|ticks| ticks.parse().unwrap_or(0.0));
    // user nice system idle iowait irq softirq steal
    let busy = ticks.enumerate().filter(|(place, _)| !matches!(place, 3 | 4));
    busy.map(|(_, ticks): (_, f64)| ticks).sum::<f64>() / TICKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_waits_is_not_busy() {
        let text =
            "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 100 0 200 5000 700 10 20 30 40 50\n";
        assert_eq!(busy_in(text, 1), 3.6);
        assert_eq!(busy_in(text, 7), 0.0);
    }

    #[test]
    fn this_process_is_the_root_of_its_tree_and_has_memory() {
        let tree = tree(std::process::id());
        assert_eq!(tree.first(), Some(&std::process::id()));
        assert!(resident(&tree) > 0.0);
        assert!(is_alive(std::process::id()));
    }
}
