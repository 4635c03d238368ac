use std::process::Command;

use anyhow::Result;

use super::super::scenario::Task;
use super::super::site::Site;
use super::Peer;
use super::program::Program;

/// Envoy. JSON is YAML too, and can be written without minding columns.
pub(super) struct Envoy {
    program: Program,
}

const LUA: &str = r#"
{ "name": "envoy.filters.http.lua", "typed_config": {
  "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
  "default_source_code": { "inline_string": "SCRIPT" } } },"#;

/// Its lines end with a semicolon: there are no line ends in a string of JSON.
const SCRIPT: &str = "
function envoy_on_request(handle)
  local fields = handle:headers();
  local user = fields:get('x-user');
  if user then fields:replace('x-gw-user', user) end;
  fields:replace('x-gw', 'bench');
end;
function envoy_on_response(handle)
  handle:headers():replace('x-gw-resp', '1');
end;
";

impl Envoy {
    pub(super) fn find() -> Result<Option<Self>> {
        Ok(Program::find("envoy", &["--version"])?.map(|program| Self { program }))
    }
}

fn config(site: &Site, task: Task) -> String {
    let Site { port, backends, .. } = site;
    let logic = if task.logic { LUA.replace("SCRIPT", &SCRIPT.replace('\n', " ")) } else { String::new() };
    let endpoints = backends.map(|port| format!(r#"{{ "endpoint": {{ "address": {} }} }}"#, address(port)));
    format!(
        r#"{{ "static_resources": {{
  "listeners": [{{
    "name": "clients",
    "address": {},
    "filter_chains": [{{ "filters": [{{
      "name": "envoy.filters.network.http_connection_manager",
      "typed_config": {{
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "clients",
        "codec_type": "AUTO",
        "generate_request_id": false,
        "route_config": {{ "virtual_hosts": [{{
          "name": "all",
          "domains": ["*"],
          "routes": [{{ "match": {{ "prefix": "/" }}, "route": {{ "cluster": "backends" }} }}] }}] }},
        "http_filters": [{logic}
          {{ "name": "envoy.filters.http.router", "typed_config": {{
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true }} }}] }} }}] }}] }}],
  "clusters": [{{
    "name": "backends",
    "type": "STATIC",
    "lb_policy": "ROUND_ROBIN",
    "connect_timeout": "5s",
    "load_assignment": {{
      "cluster_name": "backends",
      "endpoints": [{{ "lb_endpoints": [{}] }}] }} }}] }} }}
"#,
        address(*port),
        endpoints.join(", "),
    )
}

fn address(port: u16) -> String {
    format!(r#"{{ "socket_address": {{ "address": "127.0.0.1", "port_value": {port} }} }}"#)
}

impl Peer for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn version(&self) -> &str {
        &self.program.version
    }

    fn logic(&self) -> &'static str {
        "Lua"
    }

    fn command(&self, site: &Site, task: Task) -> Result<Command> {
        let config = site.write("envoy.yaml", &config(site, task))?;
        let mut command = self.program.command();
        command.arg("-c").arg(config);
        command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
        Ok(command)
    }
}
