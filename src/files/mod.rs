//! Static files: a folder that requests are answered from, as other upstreams answer from endpoints.
//!
//! ```text
//! folder   a request's answer: which file, conditions, ranges, redirects; tower-http's `ServeDir` does the most of it
//! names    which paths can be a file's at all
//! range    a range of bytes, as `ServeDir` reads it
//! disk     the way to a file that is one and is in the folder
//! body     a file on its way to the client
//! tally    what a worker counts of a folder
//! ```
//!
//! Files are looked up and read on the blocking threads of the worker's runtime: a slow disk keeps nobody waiting but those
//! who asked for what is on it.

mod body;
mod disk;
mod folder;
mod names;
mod range;
mod tally;

pub use body::FileBody;
pub use folder::{Folder, Settings};
pub use tally::Tally;
