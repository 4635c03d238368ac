//! What has to change in one text to make it another, line by line.

/// A line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// In both.
    Same(&'a str),
    /// Only in what was expected.
    Expected(&'a str),
    /// Only in what was found.
    Found(&'a str),
}

/// More lines than these are not compared with each other: the table of all pairs would be too large.
const MAX_PAIRS: usize = 1 << 20;

/// The shortest difference.
pub(super) fn diff<'a>(expected: &'a str, found: &'a str) -> Vec<Line<'a>> {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    if expected.len().saturating_mul(found.len()) > MAX_PAIRS {
        let expected = expected.into_iter().map(Line::Expected);
        return expected.chain(found.into_iter().map(Line::Found)).collect();
    }
    walk(&expected, &found, &common(&expected, &found))
}

/// How many lines the ends of both texts have in common, for every two ends.
fn common(expected: &[&str], found: &[&str]) -> Vec<Vec<usize>> {
    let mut rows = vec![vec![0; found.len() + 1]];
    for line in expected.iter().rev() {
        let below = rows.last().map_or(&[][..], Vec::as_slice);
        let mut row = vec![0; found.len() + 1];
        for (place, other) in found.iter().enumerate().rev() {
            let cell = if line == other {
                at(below, place + 1) + 1
            } else {
                at(below, place).max(at(&row, place + 1))
            };
            if let Some(slot) = row.get_mut(place) {
                *slot = cell;
            }
        }
        rows.push(row);
    }
    rows.reverse();
    rows
}

fn at(row: &[usize], place: usize) -> usize {
    row.get(place).copied().unwrap_or(0)
}

fn walk<'a>(expected: &[&'a str], found: &[&'a str], common: &[Vec<usize>]) -> Vec<Line<'a>> {
    let cell = |i: usize, j: usize| common.get(i).map_or(0, |row| at(row, j));
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    loop {
        match (expected.get(i), found.get(j)) {
            (Some(line), Some(other)) if line == other => {
                lines.push(Line::Same(line));
                (i, j) = (i + 1, j + 1);
            }
            (Some(line), other) if other.is_none() || cell(i + 1, j) >= cell(i, j + 1) => {
                lines.push(Line::Expected(line));
                i += 1;
            }
            (_, Some(other)) => {
                lines.push(Line::Found(other));
                j += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Line::{Expected, Found, Same};
    use super::*;

    #[test]
    fn what_is_common_stays_together() {
        assert_eq!(diff("a\nb\nc", "a\nx\nc"), [Same("a"), Expected("b"), Found("x"), Same("c")]);
        assert_eq!(diff("a\nb", "b"), [Expected("a"), Same("b")]);
        assert_eq!(diff("b", "a\nb"), [Found("a"), Same("b")]);
        assert_eq!(diff("", "a"), [Found("a")]);
        assert_eq!(diff("a", ""), [Expected("a")]);
    }
}
