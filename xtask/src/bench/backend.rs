//! The backends: one nginx on two ports.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::peers::Nginx;
use super::server::{Server, pinned};
use super::site::{LOAD_CPU, Site};

/// The smaller body, in bytes.
pub(crate) const SMALL: usize = 1024;

/// Starts them, beside the load.
pub(crate) fn start(site: &Site) -> Result<Server> {
    let nginx = Nginx::find()?.context("the backends are nginx, and it is not here (Debian: nginx)")?;
    let file = site.write("backends.conf", &config(site))?;
    let server = Server::start(&pinned(LOAD_CPU, &nginx.run(site, &file)), &site.log("backends"))?;
    server.listens(site.backends[1], Duration::from_secs(10)).context("the backends")
}

fn config(site: &Site) -> String {
    let (folder, paths) = (site.folder.display(), site.nginx_paths("backends"));
    let listen = site.backends.iter().fold(String::new(), |mut lines, port| {
        let _ = writeln!(lines, "    listen 127.0.0.1:{port} backlog=4096;");
        lines
    });
    let body = "x".repeat(SMALL);
    format!(
        r#"
worker_processes 1;
pid {folder}/backends.pid;
error_log {folder}/backends.error warn;
events {{ worker_connections 4096; }}
http {{
{paths}
  access_log off;
  default_type text/plain;
  keepalive_timeout 300s;
  keepalive_requests 100000000;
  sendfile on;
  open_file_cache max=4 inactive=300s;
  open_file_cache_valid 300s;
  server {{
{listen}
    location / {{ return 200 "{body}"; }}
    location = /big {{ root {folder}; }}
    # Tells what came through, for the check before each measurement.
    location = /seen {{ return 200 "port=$server_port user=$http_x_gw_user mark=$http_x_gw."; }}
  }}
}}
"#
    )
}
