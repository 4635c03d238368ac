//! The proxies that are compared, each with its configuration.

mod caddy;
mod envoy;
mod gatewright;
mod haproxy;
mod nginx;
mod program;

use std::process::Command;

use anyhow::Result;

use super::scenario::Task;
use super::site::Site;

pub(crate) use gatewright::Gatewright;
pub(crate) use nginx::Nginx;

/// Every peer there is, ours first.
pub(crate) const NAMES: [&str; 5] = ["gatewright", "nginx", "haproxy", "envoy", "caddy"];

/// A proxy on this machine.
pub(crate) trait Peer {
    /// One of [`NAMES`].
    fn name(&self) -> &'static str;

    fn version(&self) -> &str;

    /// What its header logic is written in.
    fn logic(&self) -> &'static str;

    /// The command that starts it in the foreground with one worker, for what its configuration is written into the site.
    fn command(&self, site: &Site, task: Task) -> Result<Command>;
}

/// Those of these names that are here. What is not is said.
pub(crate) fn find(names: &[&'static str]) -> Result<Vec<Box<dyn Peer>>> {
    let mut peers = Vec::new();
    for name in names {
        match find_one(name)? {
            Some(peer) => {
                println!("xtask: {} {}, header logic: {}", peer.name(), peer.version(), peer.logic());
                peers.push(peer);
            }
            None => {
                println!("xtask: {name} is left out: not on the PATH, and no {}", program::variable(name));
            }
        }
    }
    Ok(peers)
}

fn find_one(name: &str) -> Result<Option<Box<dyn Peer>>> {
    Ok(match name {
        "gatewright" => Some(Box::new(Gatewright::find()?)),
        "nginx" => Nginx::find()?.map(boxed),
        "haproxy" => haproxy::Haproxy::find()?.map(boxed),
        "envoy" => envoy::Envoy::find()?.map(boxed),
        "caddy" => caddy::Caddy::find()?.map(boxed),
        _ => None,
    })
}

fn boxed<P: Peer + 'static>(peer: P) -> Box<dyn Peer> {
    Box::new(peer)
}
