//! The paths of one host, as a tree of segments.

use super::path::{Pattern, Piece, Segment, Segments};

/// What is known of a path after some of its segments.
///
/// A node has one way to it, so a search meets it at most once: however hostile the path, it costs no more than the tree
/// has nodes, and the tree is made of configuration.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Sorted by the literal. A sorted list and not a hash table: the literal is compared with a segment that is decoded
    /// on the way, so there are no bytes to hash.
    literals: Vec<(Box<[u8]>, Node)>,
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
            Piece::Literal(literal) => node.literal_mut(literal),
            Piece::Name => node.name.get_or_insert_default(),
        });
        if pattern.rest { &mut node.rest } else { &mut node.end }
    }

    #[expect(clippy::indexing_slicing, reason = "the place was just found or filled")]
    fn literal_mut(&mut self, literal: &[u8]) -> &mut Self {
        let place = self.literals.binary_search_by(|(known, _)| (**known).cmp(literal));
        let place = place.unwrap_or_else(|place| {
            self.literals.insert(place, (literal.into(), Self::default()));
            place
        });
        &mut self.literals[place].1
    }

    fn literal(&self, segment: Segment<'_>) -> Option<&Self> {
        let place = self.literals.binary_search_by(|(literal, _)| segment.order_of(literal)).ok()?;
        self.literals.get(place).map(|(_, node)| node)
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
