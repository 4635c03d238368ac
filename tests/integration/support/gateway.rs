use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::log::{Log, message};
use super::message::{Message, Request};
use super::metrics::Metrics;
use super::wait::eventually;
use super::wire::Wire;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gatewright");

/// A running gateway: the real program, in a folder of its own. It is killed when this is dropped.
pub(crate) struct Gateway {
    setup: Setup,
    process: Child,
    /// The process that has taken over from it.
    successor: Option<u32>,
    log: Log,
    admin: SocketAddr,
}

/// A gateway to be: its folder and its configuration.
pub(crate) struct Setup {
    folder: TempDir,
    /// What stands for `<name>` in the configuration.
    words: BTreeMap<String, String>,
    workers: usize,
    /// Whether each exchange has a line in the log.
    access: bool,
    gateway: String,
    listener: String,
    /// How many files it may have open; `None` for as many as the tests may.
    files: Option<usize>,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

impl Gateway {
    /// A gateway with this configuration below `[gateway]`, `[admin]` and `[listener.web]`, which are everybody's. In it,
    /// `<name>` stands for what [`Setup::put`] says, and `<plugins>` for the folder of the example plugins.
    pub(crate) fn with(text: &str) -> Setup {
        let setup = Setup {
            folder: TempDir::new().unwrap(),
            words: BTreeMap::new(),
            workers: 2,
            access: true,
            gateway: String::new(),
            listener: String::new(),
            files: None,
        };
        setup.put("plugins", plugins_folder().display()).configure(text)
    }

    /// A gateway in front of one backend, for every request.
    pub(crate) fn before(url: impl Display) -> Setup {
        Self::with(
            r#"
            [upstream.app]
            endpoints = ["<app>"]
            [[route]]
            path = "/*"
            upstream = "app"
            "#,
        )
        .put("app", url)
    }

    /// The same with a worker and every request through the middleware `guest`, whose table has these further keys.
    pub(crate) fn through(guest: impl AsRef<[u8]>, keys: &str, url: impl Display) -> Setup {
        Self::with(
            r#"
            [upstream.app]
            endpoints = ["<app>"]
            [plugin.guest]
            file = "guest.wasm"
            <keys>
            [[route]]
            path = "/*"
            upstream = "app"
            middleware = ["guest"]
            "#,
        )
        .put("app", url)
        .put("keys", keys)
        .file("guest.wasm", guest)
        .workers(1)
    }
}

impl Setup {
    fn configure(self, text: &str) -> Self {
        self.file("text.toml", text)
    }

    pub(crate) fn put(mut self, word: &str, value: impl Display) -> Self {
        self.words.insert(format!("<{word}>"), value.to_string());
        self
    }

    /// Puts a file into the gateway's folder.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// The gateway's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// For more exchanges than a log can keep.
    pub(crate) fn without_access_log(mut self) -> Self {
        self.access = false;
        self
    }

    /// Further keys of `[gateway]`.
    pub(crate) fn gateway(mut self, keys: &str) -> Self {
        self.gateway = keys.to_owned();
        self
    }

    /// Further keys of `[listener.web]`.
    pub(crate) fn listener(mut self, keys: &str) -> Self {
        self.listener = keys.to_owned();
        self
    }

    /// How many files and sockets it may have open.
    pub(crate) fn files(mut self, most: usize) -> Self {
        self.files = Some(most);
        self
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("text.toml")).unwrap()
    }

    /// Writes the configuration as the program reads it.
    fn write(&self, text: &str) {
        let text = self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value));
        let Self { workers, access, gateway, listener, .. } = self;
        let common = format!(
            "[gateway]\nworkers = {workers}\n\
             log = {{ level = \"debug\", format = \"json\", access = {access} }}\n{gateway}\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n[listener.web]\nlisten = \"127.0.0.1:0\"\n{listener}\n"
        );
        // At once: a reload that is under way reads the old file or the new one.
        let new = self.folder.path().join("gateway.toml.new");
        std::fs::write(&new, common + &text).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    /// What `gatewright check` says of it.
    pub(crate) fn check(&self) -> Outcome {
        self.write(&self.text());
        check(&self.path())
    }

    /// Starts it and waits until it serves.
    #[track_caller]
    pub(crate) fn start(self) -> Gateway {
        self.write(&self.text());
        let mut process = match self.files {
            None => Command::new(PROGRAM),
            Some(most) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\""), PROGRAM]);
                shell
            }
        };
        let mut process = process
            .args([OsStr::new("run"), OsStr::new("--config"), self.path().as_os_str()])
            .env_remove("RUST_LOG")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::follow(BufReader::new(process.stderr.take().unwrap()));
        // Whatever goes wrong from here on, the process ends with the test.
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut gateway = Gateway { setup: self, process, successor: None, log, admin: nowhere };
        gateway.log.wait_for("the gateway is ready", |line| message(line) == "ready");
        gateway.admin = address(&gateway.log.says("admin listening"));
        gateway
    }
}

fn address(line: &Value) -> SocketAddr {
    line["address"].as_str().unwrap().parse().unwrap()
}

impl Gateway {
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn pid(&self) -> u32 {
        self.successor.unwrap_or_else(|| self.process.id())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.setup.folder.path()
    }

    /// The address of `[listener.web]`.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        let line = self.log.wait_for("the listener's address", |line| {
            message(line) == "listening" && line["listener"] == "web"
        });
        address(&line)
    }

    /// The address of a listener, whenever it was added.
    #[track_caller]
    pub(crate) fn address_of(&self, listener: &str) -> SocketAddr {
        let status = self.status();
        let listeners = status["listeners"].as_array().unwrap();
        address(listeners.iter().find(|known| known["name"] == listener).unwrap())
    }

    /// A connection to `[listener.web]`.
    #[track_caller]
    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.address())
    }

    /// One request on a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, request: Request) -> Message {
        self.connect().ask(request)
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Message {
        self.ask(Request::get(target))
    }

    /// What the admin listener says of the gateway.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        let response = self.admin(Request::get("/status"));
        assert_eq!(response.status(), 200, "{}", response.text());
        serde_json::from_slice(&response.body).unwrap()
    }

    /// What the admin listener tells in numbers.
    #[track_caller]
    pub(crate) fn metrics(&self) -> Metrics {
        Metrics::parse(&self.admin(Request::get("/metrics")).text())
    }

    /// How many instances of a plugin live.
    #[track_caller]
    pub(crate) fn instances(&self, plugin: &str) -> u64 {
        let status = self.status();
        let plugins = status["plugins"].as_array().unwrap();
        plugins.iter().find(|known| known["name"] == plugin).unwrap()["instances"].as_u64().unwrap()
    }

    #[track_caller]
    pub(crate) fn snapshots(&self) -> u64 {
        self.status()["snapshots"].as_u64().unwrap()
    }

    /// Replaces the configuration's file. It is not read before a reload.
    pub(crate) fn configure(&self, text: &str) {
        self.setup.write(text);
    }

    /// Writes the first configuration again, with the words as they stand now.
    pub(crate) fn configure_again(&self) {
        self.configure(&self.setup.text());
    }

    /// Changes `gateway.workers` in the configurations that follow.
    pub(crate) fn change_workers(&mut self, workers: usize) {
        self.setup.workers = workers;
    }

    /// Changes the further keys of `[listener.web]` in the configurations that follow.
    pub(crate) fn change_listener(&mut self, keys: &str) {
        self.setup.listener = keys.to_owned();
    }

    /// The number of the configuration's last line that holds `text`.
    #[track_caller]
    pub(crate) fn line_of(&self, text: &str) -> usize {
        let file = std::fs::read_to_string(self.setup.path()).unwrap();
        let lines: Vec<_> = file.lines().collect();
        lines.iter().rposition(|line| line.contains(text)).unwrap_or_else(|| panic!("no line holds {text:?}"))
            + 1
    }

    /// How many files and sockets the process has open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Resident memory of the process, in KiB,
    pub(crate) fn memory(&self) -> u64 {
        self.process_says("VmRSS:")
    }

    /// and the most that it ever was.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.process_says("VmHWM:")
    }

    fn process_says(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// One request to the admin listener.
    #[track_caller]
    pub(crate) fn admin(&self, request: Request) -> Message {
        Wire::connect(self.admin).ask(request)
    }

    /// Replaces a file in the gateway's folder at once, as a careful deployment does.
    pub(crate) fn replace(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.folder().join(format!("{name}.new"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.folder().join(name)).unwrap();
    }

    /// Changes what stands for a word in the configurations that follow.
    pub(crate) fn put(&mut self, word: &str, value: impl Display) {
        self.setup.words.insert(format!("<{word}>"), value.to_string());
    }

    /// `gatewright reload`.
    pub(crate) fn reload(&self) -> Outcome {
        let admin = self.admin.to_string();
        command([
            OsStr::new("reload"),
            OsStr::new("--config"),
            self.setup.path().as_os_str(),
            OsStr::new("--admin"),
            OsStr::new(&admin),
        ])
    }

    /// `gatewright check` of the configuration's file.
    pub(crate) fn check(&self) -> Outcome {
        check(&self.setup.path())
    }

    /// Sends SIGHUP and waits for what comes of it. Whether the new configuration is in service.
    #[track_caller]
    pub(crate) fn sighup(&self) -> bool {
        let mark = self.log.mark();
        self.signal("HUP");
        let outcome = self.log.wait_after(mark, "the outcome of the reload", |line| {
            message(line) == "reloaded" || message(line).starts_with("not reloaded")
        });
        message(&outcome) == "reloaded"
    }

    /// Sends SIGUSR2 and waits for what comes of it. Whether a new process has taken over.
    #[track_caller]
    pub(crate) fn hand_over(&mut self) -> bool {
        let mark = self.log.mark();
        self.signal("USR2");
        let outcome = self.log.wait_after(mark, "the outcome of the hand-over", |line| {
            message(line) == "handed over" || message(line).starts_with("not handed over")
        });
        let pid = outcome["pid"].as_u64();
        self.successor = pid.map(|pid| u32::try_from(pid).unwrap()).or(self.successor);
        pid.is_some()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status().unwrap();
        assert!(sent.success(), "cannot send SIG{name}");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits until the first process has ended.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> ExitStatus {
        eventually("the gateway ends", || !self.is_running());
        self.process.wait().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(pid) = self.successor {
            let _ = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `gatewright run --config FILE`, for a configuration that it will refuse.
pub(crate) fn run(file: &Path) -> Outcome {
    command([OsStr::new("run"), OsStr::new("--config"), file.as_os_str()])
}

/// `gatewright check --config FILE`.
pub(crate) fn check(file: &Path) -> Outcome {
    command([OsStr::new("check"), OsStr::new("--config"), file.as_os_str()])
}

/// `gatewright plugin …`.
pub(crate) fn plugin_tool(arguments: &[&str]) -> Outcome {
    plugin_tool_in(Path::new("."), arguments)
}

/// `gatewright plugin …` in a folder.
pub(crate) fn plugin_tool_in(folder: &Path, arguments: &[&str]) -> Outcome {
    outcome(Command::new(PROGRAM).current_dir(folder).arg("plugin").args(arguments))
}

fn command(arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Outcome {
    outcome(Command::new(PROGRAM).args(arguments))
}

fn outcome(command: &mut Command) -> Outcome {
    let output = command.env_remove("RUST_LOG").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Outcome { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
}

impl Outcome {
    pub(crate) fn is_ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// Where `cargo xtask plugins` puts the example plugins.
pub(crate) fn plugins_folder() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    manifest.join(target).join("plugins")
}
