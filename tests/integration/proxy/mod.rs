//! What a proxy does to messages and connections: Go's `httputil.ReverseProxy` is the model.

mod announced;
mod answers;
mod bodies;
mod clients;
mod connections;
mod heads;
mod upgrades;
