use std::collections::BTreeMap;

use crate::metrics::{Page, Source as _};
use crate::plugin::{Book, METRIC_PREFIX};

/// What a plugin has counted: each series as the gateway's metrics page shows it, without what the gateway puts before its
/// name and its labels, with its value.
pub(super) fn series(book: &Book, plugin: &str) -> BTreeMap<String, String> {
    let mut page = Page::default();
    book.report(&mut page);
    let plugins = format!("plugin=\"{plugin}\"");
    let read = |line: &str| {
        let (series, value) = line.strip_prefix(METRIC_PREFIX)?.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{')?;
        let labels = labels.strip_prefix(plugins.as_str())?;
        let series = match labels.strip_prefix(',') {
            Some(labels) => format!("{name}{{{labels}"),
            None => name.to_owned(),
        };
        Some((series, value.to_owned()))
    };
    page.text().lines().filter_map(read).collect()
}
