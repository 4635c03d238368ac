use std::process::Command;

use anyhow::Result;

use super::super::scenario::Task;
use super::super::site::Site;
use super::Peer;
use super::program::Program;

/// Caddy. It has no scripts: what is more than its directives is compiled in.
pub(super) struct Caddy {
    program: Program,
}

impl Caddy {
    pub(super) fn find() -> Result<Option<Self>> {
        Ok(Program::find("caddy", &["version"])?.map(|program| Self { program }))
    }
}

fn config(site: &Site, task: Task) -> String {
    let Site { port, backends: [first, second], .. } = site;
    let protocols = if task.http2 { "h1 h2c" } else { "h1" };
    let logic = match task.logic {
        true => {
            "header_up x-gw-user {http.request.header.x-user}\n    header_up x-gw bench\n    header_down x-gw-resp 1"
        }
        false => "",
    };
    format!(
        "{{
  admin off
  auto_https off
  persist_config off
  log {{
    output discard
  }}
  servers {{
    protocols {protocols}
  }}
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:{first} 127.0.0.1:{second} {{
    lb_policy round_robin
    transport http {{
      # The default closes those beyond 32.
      keepalive_idle_conns_per_host 512
      compression off
    }}
    {logic}
  }}
}}
"
    )
}

impl Peer for Caddy {
    fn name(&self) -> &'static str {
        "caddy"
    }

    fn version(&self) -> &str {
        &self.program.version
    }

    fn logic(&self) -> &'static str {
        "native"
    }

    fn command(&self, site: &Site, task: Task) -> Result<Command> {
        let config = site.write("Caddyfile", &config(site, task))?;
        let mut command = self.program.command();
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
        // One worker, as the others have.
        command.env("GOMAXPROCS", "1").env("HOME", &site.folder).env("XDG_DATA_HOME", &site.folder);
        Ok(command)
    }
}
