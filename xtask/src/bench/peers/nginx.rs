use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::super::scenario::Task;
use super::super::site::Site;
use super::Peer;
use super::program::Program;

/// nginx or OpenResty.
pub(crate) struct Nginx {
    program: Program,
    lua: Lua,
}

/// How it comes to Lua.
enum Lua {
    /// It was built with it.
    BuiltIn,
    /// These modules are to be loaded.
    Modules([PathBuf; 2]),
    /// It does not.
    Missing,
}

impl Nginx {
    pub(crate) fn find() -> Result<Option<Self>> {
        let program = Program::find("nginx", &["-V"])?;
        Ok(program.map(|program| Self { lua: Lua::of(&program.about), program }))
    }

    /// The command that runs it in the foreground with this configuration.
    pub(crate) fn run(&self, site: &Site, config: &Path) -> Command {
        let mut command = self.program.command();
        command.arg("-p").arg(&site.folder).arg("-c").arg(config).args(["-g", "daemon off;"]);
        command
    }

    fn config(&self, site: &Site, task: Task) -> String {
        let Site { folder, port, backends: [first, second], .. } = site;
        let (modules, folder) = (if task.logic { self.lua.load() } else { String::new() }, folder.display());
        let paths = site.nginx_paths("proxy");
        let http2 = if task.http2 { " http2" } else { "" };
        let logic = if task.logic { self.lua.logic() } else { "" };
        format!(
            r#"{modules}
worker_processes 1;
pid {folder}/proxy.pid;
error_log {folder}/proxy.error warn;
events {{ worker_connections 4096; }}
http {{
{paths}
  access_log off;
  keepalive_timeout 300s;
  keepalive_requests 100000000;
  upstream backends {{
    server 127.0.0.1:{first};
    server 127.0.0.1:{second};
    keepalive 512;
    keepalive_timeout 300s;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port}{http2} backlog=4096;
    location / {{
      proxy_pass http://backends;
      # Connections to the backends stay, as they do by default elsewhere.
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      {logic}
    }}
  }}
}}
"#
        )
    }
}

impl Lua {
    /// By what nginx says of how it was built.
    fn of(about: &str) -> Self {
        if about.contains("ngx_lua") {
            return Self::BuiltIn;
        }
        let folder = about.split_whitespace().find_map(|word| word.strip_prefix("--modules-path="));
        let modules = folder.map(|folder| {
            ["ndk_http_module.so", "ngx_http_lua_module.so"].map(|it| Path::new(folder).join(it))
        });
        match modules {
            Some(modules) if modules.iter().all(|module| module.exists()) => Self::Modules(modules),
            _ => Self::Missing,
        }
    }

    /// The lines that load it.
    fn load(&self) -> String {
        match self {
            Self::Modules(modules) => {
                modules.each_ref().map(|it| format!("load_module {};\n", it.display())).concat()
            }
            Self::BuiltIn | Self::Missing => String::new(),
        }
    }

    fn logic(&self) -> &'static str {
        match self {
            Self::BuiltIn | Self::Modules(_) => {
                r#"
      rewrite_by_lua_block {
        local user = ngx.var.http_x_user
        if user then ngx.req.set_header("x-gw-user", user) end
        ngx.req.set_header("x-gw", "bench")
      }
      header_filter_by_lua_block {
        ngx.header["x-gw-resp"] = "1"
      }"#
            }
            Self::Missing => {
                r#"
      proxy_set_header x-gw-user $http_x_user;
      proxy_set_header x-gw bench;
      add_header x-gw-resp 1;"#
            }
        }
    }
}

impl Peer for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn version(&self) -> &str {
        &self.program.version
    }

    fn logic(&self) -> &'static str {
        match self.lua {
            Lua::BuiltIn | Lua::Modules(_) => "Lua",
            Lua::Missing => "native",
        }
    }

    fn command(&self, site: &Site, task: Task) -> Result<Command> {
        let config = site.write("proxy.conf", &self.config(site, task))?;
        Ok(self.run(site, &config))
    }
}
