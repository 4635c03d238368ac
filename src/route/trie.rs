//! The paths of one host, as a tree of segments.

use std::collections::HashMap;

use super::path::{Pattern, Piece, Segment, Segments};

/// What is known of a path after some of its segments.
///
/// A node has one way to it, so a search meets it at most once: however hostile the path, it costs no more than the tree
/// has nodes, and the tree is made of configuration.
#[derive(Debug, Default)]
pub(super) struct Node {
    literals: HashMap<Box<[u8]>, Node>,
    name: Option<Box<Node>>,
    /// Rules whose path ends here, most specific first.
    end: Vec<usize>,
    /// Rules whose path goes on with `*`, most specific first.
    rest: Vec<usize>,
}

impl Node {
    /// The rules of this pattern.
    pub(super) fn rules_mut(&mut self, pattern: &Pattern) -> &mut Vec<usize> {
        let node = pattern.pieces.iter().fold(self, |node, piece| match piece {
            Piece::Literal(literal) => node.literals.entry(literal.clone()).or_default(),
            Piece::Name => node.name.get_or_insert_default(),
        });
        if pattern.rest { &mut node.rest } else { &mut node.end }
    }

    fn literal(&self, segment: Segment<'_>) -> Option<&Self> {
        if self.literals.is_empty() { None } else { segment.decoded(|literal| self.literals.get(literal)) }
    }

    /// The first rule that `choose` takes from the rules of a matching path, the most specific path first.
    pub(super) fn find(
        &self,
        mut segments: Segments<'_>,
        choose: &impl Fn(&[usize]) -> Option<usize>,
    ) -> Option<usize> {
        let found = match segments.next() {
            None => choose(&self.end),
            Some(segment) => self
                .literal(segment)
                .and_then(|node| node.find(segments, choose))
                .or_else(|| self.named(segment)?.find(segments, choose)),
        };
        found.or_else(|| choose(&self.rest))
    }

    fn named(&self, segment: Segment<'_>) -> Option<&Self> {
        self.name.as_deref().filter(|_| !segment.is_empty())
    }
}
