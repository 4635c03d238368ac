//! A process that was started here and ends here.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::usage;

/// Between two looks at something that will soon be so.
const LOOK: Duration = Duration::from_millis(10);
/// What a server may take to go when it is asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// A running server. It is ended when this is dropped, with all that it started.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server; what it says goes to `log`.
    pub(crate) fn start(command: &Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| log.display().to_string())?;
        // Where this process is ended in the middle, the server ends, too.
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "TERM"]);
        let mut command = within(setpriv, command);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot run {:?}", command.get_program()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Waits until somebody listens on the port.
    pub(crate) fn listens(mut self, port: u16, limit: Duration) -> Result<Self> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status} before it listened:\n{}", self.said());
            }
            if begun.elapsed() > limit {
                bail!("it does not listen after {limit:?}:\n{}", self.said());
            }
            sleep(LOOK);
        }
        Ok(self)
    }

    /// Itself and all that it started.
    pub(crate) fn tree(&self) -> Vec<u32> {
        usage::tree(self.child.id())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn interrupt(mut self, limit: Duration) -> Result<()> {
        signal("INT", self.child.id());
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > limit {
                bail!("it does not end within {limit:?}");
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// What it has said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let tree = self.tree();
        signal("TERM", self.child.id());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            sleep(LOOK);
        }
        // Workers that outlive it for a moment would be in the next server's way.
        tree.into_iter().filter(|pid| usage::is_alive(*pid)).for_each(|pid| signal("KILL", pid));
        let _ = self.child.wait();
    }
}

/// The same command on this processor only.
pub(crate) fn pinned(cpu: usize, command: &Command) -> Command {
    let mut taskset = Command::new("taskset");
    taskset.arg("-c").arg(cpu.to_string());
    within(taskset, command)
}

/// The command as `outer` runs it.
pub(crate) fn within(mut outer: Command, command: &Command) -> Command {
    outer.arg(command.get_program()).args(command.get_args());
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

fn signal(name: &str, pid: u32) {
    // Gone already: that is what was wanted.
    let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
}
