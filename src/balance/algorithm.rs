//! The algorithms by name.

use std::fmt;
use std::str::FromStr;

/// A balancing algorithm, as configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Weighted chance.
    Random,
    /// Each in turn, all alike.
    RoundRobin,
    /// nginx's smooth weighted round robin.
    WeightedRoundRobin,
    /// nginx's `hash KEY consistent`.
    ConsistentHash,
    /// The less loaded of two drawn by weight.
    LeastRequest,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 5] =
        [Self::Random, Self::RoundRobin, Self::WeightedRoundRobin, Self::ConsistentHash, Self::LeastRequest];

    /// The name that configuration uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::RoundRobin => "round_robin",
            Self::WeightedRoundRobin => "weighted_round_robin",
            Self::ConsistentHash => "consistent_hash",
            Self::LeastRequest => "least_request",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No algorithm has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no balancing algorithm is called `{0}`; there are {list}", list = Algorithm::ALL.map(Algorithm::name).join(", "))]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = "fastest".parse::<Algorithm>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no balancing algorithm is called `fastest`; there are random, round_robin, weighted_round_robin, \
             consistent_hash, least_request"
        );
    }
}
