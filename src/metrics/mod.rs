//! Numbers for whoever watches the gateway, and the page that shows them. It knows nothing of what they count.
//!
//! ```text
//! cell        what the request path writes to: each written by one worker, read by anybody
//! registry    who has something to tell
//! page        what all of them tell together, and the text of it
//! ```
//!
//! A worker has cells of its own, grouped by what they are about; two workers never write to one cache line. The cells of
//! all workers are added up when somebody reads the page, and only then.

mod cell;
mod page;
mod registry;

pub use cell::{Counter, Gauge, Times};
pub use page::{Distribution, Family, Kind, Page};
pub use registry::{Registry, Source};
