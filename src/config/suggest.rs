//! Guessing what a misspelt word was meant to be.

/// The candidate that is nearest to the word, if one is near enough to be worth naming.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = folded(word);
    let limit = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &folded(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "workers"? ` or nothing.
pub(super) fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(word, candidates).map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default()
}

/// Case and the kind of dash are the likeliest slips: they cost nothing.
fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Levenshtein's distance, one row at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        row = next_row(&row, i + 1, *from, b);
    }
    row.last().copied().unwrap_or(0)
}

fn next_row(row: &[usize], first: usize, from: char, b: &[char]) -> Vec<usize> {
    let mut next = vec![first];
    let mut left = first;
    for ((to, diagonal), above) in b.iter().zip(row).zip(row.iter().skip(1)) {
        let replaced = diagonal + usize::from(from != *to);
        left = replaced.min(above + 1).min(left + 1);
        next.push(left);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_word_is_suggested() {
        assert_eq!(nearest("worker", ["drain", "workers"]), Some("workers"));
        assert_eq!(nearest("on-error", ["allow", "on_error"]), Some("on_error"));
        assert_eq!(nearest("upstrem", ["listener", "upstream"]), Some("upstream"));
    }

    #[test]
    fn far_word_is_not_suggested() {
        assert_eq!(nearest("colour", ["drain", "workers"]), None);
        assert_eq!(nearest("x", []), None);
    }
}
