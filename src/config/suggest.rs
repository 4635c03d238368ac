//! Guessing what a misspelt word was meant to be.

/// The candidate that is nearest to the word, if one is near enough to be worth naming.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = folded(word);
    let limit = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &folded(candidate)), candidate))
        .map(|(distance, candidate)| match abbreviates(&word, &folded(candidate)) {
            true => (distance.min(limit), candidate),
            false => (distance, candidate),
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "workers"? ` or nothing.
pub(crate) fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(word, candidates).map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default()
}

/// Case and the kind of dash are the likeliest slips: they cost nothing.
fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Whether one word is the beginning of the other: `mem` and `memory`, `warning` and `warn`.
fn abbreviates(a: &[char], b: &[char]) -> bool {
    a.len().min(b.len()) >= 3 && (a.starts_with(b) || b.starts_with(a))
}

/// Edits from one word to the other; two letters in the wrong order are one slip, not two (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let next = next_row(a.get(..=i).unwrap_or_default(), b, &row, &before);
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

/// The distances from `a` to every beginning of `b`, given those of `a` without its last letter and last two.
fn next_row(a: &[char], b: &[char], row: &[usize], before: &[usize]) -> Vec<usize> {
    let mut next = vec![a.len()];
    for j in 0..b.len() {
        let cell = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
        let replaced = cell(row, j) + usize::from(a.last() != b.get(j));
        let nearest = replaced.min(cell(row, j + 1) + 1).min(cell(&next, j) + 1);
        let swapped = j.checked_sub(1).filter(|i| ends_swapped(a, b.get(*i..=j).unwrap_or_default()));
        next.push(swapped.map_or(nearest, |i| nearest.min(cell(before, i) + 1)));
    }
    next
}

/// Whether `a` ends in the two letters of `pair`, the other way round.
fn ends_swapped(a: &[char], pair: &[char]) -> bool {
    matches!((a, pair), ([.., x, y], [p, q]) if x == q && y == p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_word_is_suggested() {
        assert_eq!(nearest("worker", ["drain", "workers"]), Some("workers"));
        assert_eq!(nearest("on-error", ["allow", "on_error"]), Some("on_error"));
        assert_eq!(nearest("shpo", ["auth", "shop"]), Some("shop"));
        assert_eq!(nearest("warning", ["info", "warn"]), Some("warn"));
        assert_eq!(nearest("upstrem", ["listener", "upstream"]), Some("upstream"));
    }

    #[test]
    fn far_word_is_not_suggested() {
        assert_eq!(nearest("colour", ["drain", "workers"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
