use std::process::Command;

use anyhow::Result;

use super::super::scenario::Task;
use super::super::site::Site;
use super::Peer;
use super::program::Program;

const LUA: &str = r#"
core.register_action("mark_request", { "http-req" }, function(exchange)
  local user = exchange.sf:req_hdr("x-user")
  if user ~= "" then exchange.http:req_set_header("x-gw-user", user) end
  exchange.http:req_set_header("x-gw", "bench")
end)

core.register_action("mark_response", { "http-res" }, function(exchange)
  exchange.http:res_set_header("x-gw-resp", "1")
end)
"#;

const SCRIPTED: &str = "
  http-request lua.mark_request
  http-response lua.mark_response";

const NATIVE: &str = "
  http-request set-header x-gw-user %[req.hdr(x-user)] if { req.hdr(x-user) -m found }
  http-request set-header x-gw bench
  http-response set-header x-gw-resp 1";

/// HAProxy.
pub(super) struct Haproxy {
    program: Program,
    has_lua: bool,
}

impl Haproxy {
    pub(super) fn find() -> Result<Option<Self>> {
        let program = Program::find("haproxy", &["-vv"])?;
        Ok(program.map(|program| Self { has_lua: program.about.contains("+LUA"), program }))
    }

    fn config(&self, site: &Site, task: Task) -> Result<String> {
        let Site { port, backends: [first, second], .. } = site;
        let http2 = if task.http2 { " proto h2" } else { "" };
        let (script, logic) = match (task.logic, self.has_lua) {
            (false, _) => (String::new(), ""),
            (true, false) => (String::new(), NATIVE),
            (true, true) => (format!("lua-load {}", site.write("haproxy.lua", LUA)?.display()), SCRIPTED),
        };
        Ok(format!(
            "global
  nbthread 1
  maxconn 4096
  {script}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  # Any kept connection may be used by any client, as with the others.
  http-reuse always
frontend clients
  bind 127.0.0.1:{port} backlog 4096{http2}{logic}
  default_backend backends
backend backends
  balance roundrobin
  server first 127.0.0.1:{first}
  server second 127.0.0.1:{second}
"
        ))
    }
}

impl Peer for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn version(&self) -> &str {
        &self.program.version
    }

    fn logic(&self) -> &'static str {
        if self.has_lua { "Lua" } else { "native" }
    }

    fn command(&self, site: &Site, task: Task) -> Result<Command> {
        let config = site.write("haproxy.cfg", &self.config(site, task)?)?;
        let mut command = self.program.command();
        command.args(["-db", "-q", "-f"]).arg(config);
        Ok(command)
    }
}
