//! Where a benchmark takes place: its folder, its ports, its processors.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Below the range from which client ports are taken: a port of a connection that is gone cannot be in the way.
const PORTS: std::ops::Range<u16> = 18_800..28_000;

/// The processor of the proxy.
pub(crate) const PROXY_CPU: usize = 0;
/// The processor of the load and of the backends.
pub(crate) const LOAD_CPU: usize = 1;

/// The larger body, in bytes.
pub(crate) const BIG: usize = 100 * 1024;

/// A folder of its own and four free ports. The folder goes with it.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    /// How the proxy is spoken with, `http` or `https`,
    pub(crate) scheme: &'static str,
    /// and where it listens.
    pub(crate) port: u16,
    /// Where it does by TLS, if it does.
    pub(crate) secure: u16,
    /// Where the backends do.
    pub(crate) backends: [u16; 2],
}

impl Site {
    /// Makes the folder, with the larger body in it.
    pub(crate) fn open() -> Result<Self> {
        // In the folder for temporary files, since nginx's workers run as somebody else where it is started as root.
        let folder = std::env::temp_dir().join(format!("gatewright-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        fs::write(folder.join("big"), vec![b'x'; BIG])?;
        let mut free = PORTS.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let mut next = || free.next().with_context(|| format!("too few free ports in {PORTS:?}"));
        let (port, secure, backends) = (next()?, next()?, [next()?, next()?]);
        Ok(Self { folder, scheme: "http", port, secure, backends })
    }

    /// What the load generators ask for.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/{path}", self.scheme, self.port)
    }

    /// Writes a file and answers its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        Ok(file)
    }

    /// What the processes say.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// Temporary paths of nginx, which would otherwise be in folders of the system.
    pub(crate) fn nginx_paths(&self, name: &str) -> String {
        let folder = self.folder.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        paths.map(|path| format!("  {path}_temp_path {folder}/{name}-{path};\n")).concat()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What is left over is in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// That there are the processors.
pub(crate) fn check_cpus() -> Result<()> {
    let there = |cpu: usize| Path::new(&format!("/sys/devices/system/cpu/cpu{cpu}")).exists();
    if there(PROXY_CPU) && there(LOAD_CPU) {
        return Ok(());
    }
    bail!("the proxy has one processor to itself and the load another: this needs Linux with two of them")
}
