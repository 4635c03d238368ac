//! The page and the picture in `docs/` that the figures are published in.

use std::fs;

use anyhow::{Context as _, Result};

use crate::house;

const BEGIN: &str = "<!-- Written by `cargo xtask bench --docs`: begin -->\n";
const END: &str = "<!-- Written by `cargo xtask bench --docs`: end -->\n";

const PICTURE: &str = "![A bar for each proxy in each scenario: CPU time per request and latency, as multiples of \
                       nginx's. The table below has the figures.](images/performance.svg)";

/// Replaces what was published before.
pub(crate) fn publish(table: &str, picture: &str) -> Result<()> {
    let docs = house::root().join("docs");
    let page = docs.join("performance.md");
    let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let text = replaced(&text, table).with_context(|| format!("{} has lost its marks", page.display()))?;
    fs::write(&page, text)?;
    Ok(fs::write(docs.join("images/performance.svg"), picture)?)
}

/// The text with this between its marks.
fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{PICTURE}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(
            replaced(&text, "new\n"),
            Some(format!("before\n{BEGIN}\n{PICTURE}\n\nnew\n\n{END}after\n"))
        );
        assert_eq!(replaced("no marks", "new"), None);
    }
}
