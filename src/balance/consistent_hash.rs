//! `consistent_hash`: nginx's `hash KEY consistent`.

use super::{Balancer, Outcome, Target, WeightedRoundRobin};

/// Points on the ring for each unit of weight, as in nginx.
const POINTS_PER_WEIGHT: u64 = 160;

/// Weights that sum to more than this are scaled down to it, and only then does the map differ from nginx's: a weight of a
/// billion is a legal way to say "much", but 160 billion points are not a legal use of memory. This many make 10 MiB.
const MAX_TOTAL_WEIGHT: u64 = 1 << 13;

/// A ring of points, each owned by an endpoint; a key belongs to the first point at or after its hash.
///
/// When the owner is unusable, the key goes to the next usable owner along the ring; all other keys stay. nginx walks
/// the same way but gives up after 20 points and falls back to round robin, which moves keys for no gain; we walk on.
///
/// An exchange without a key, or with an empty one, has nothing to stick to: like nginx we spread those by smooth weighted
/// round robin, where hashing the empty key would send them all to one endpoint.
#[derive(Debug)]
pub(super) struct ConsistentHash {
    /// Sorted by hash, no two alike.
    ring: Box<[Point]>,
    /// Everyone who owns points.
    owners: Box<[usize]>,
    keyless: WeightedRoundRobin,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    hash: u32,
    owner: u32,
}

impl ConsistentHash {
    pub(super) fn new(targets: &[Target], max_fails: u32) -> Self {
        Self {
            ring: ring(targets),
            owners: (0..)
                .zip(targets)
                .filter(|(_, target)| target.weight > 0)
                .map(|(index, _)| index)
                .collect(),
            keyless: WeightedRoundRobin::new(targets, max_fails),
        }
    }

    /// Owners from the key's point once around the ring.
    fn walk(&self, key: &[u8]) -> impl Iterator<Item = usize> {
        let hash = crc32fast::hash(key);
        let first = self.ring.partition_point(|point| point.hash < hash);
        let (before, from) = self.ring.split_at_checked(first).unwrap_or_default();
        from.iter().chain(before).map(|point| point.owner as usize)
    }

    /// The walk past an unusable owner. Each step hits a usable one with that one's share of the ring, so it is short
    /// unless hardly anyone is left; nobody left is seen first, by asking endpoints instead of points.
    fn next_usable(&self, key: &[u8], usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        if !self.owners.iter().copied().any(usable) {
            return None;
        }
        let mut refused = usize::MAX;
        self.walk(key).find(|&owner| {
            if owner == refused {
                return false;
            }
            refused = owner;
            usable(owner)
        })
    }
}

impl Balancer for ConsistentHash {
    fn pick(&self, key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return self.keyless.pick(None, usable);
        };
        let owner = self.walk(key).next()?;
        if usable(owner) { Some(owner) } else { self.next_usable(key, usable) }
    }

    fn report(&self, index: usize, outcome: Outcome) {
        self.keyless.report(index, outcome);
    }
}

fn ring(targets: &[Target]) -> Box<[Point]> {
    let total = targets.iter().map(|target| u64::from(target.weight)).sum();
    let mut points: Vec<_> = (0..)
        .zip(targets)
        .flat_map(|(owner, target)| {
            let count = scaled(target.weight.into(), total) * POINTS_PER_WEIGHT;
            hashes(&target.id).map(move |hash| Point { hash, owner }).take(count as usize)
        })
        .collect();
    // Stable, so that of two endpoints with the same point the one named first owns it.
    points.sort_by_key(|point| point.hash);
    points.dedup_by_key(|point| point.hash);
    points.into()
}

fn scaled(weight: u64, total: u64) -> u64 {
    if weight == 0 || total <= MAX_TOTAL_WEIGHT { weight } else { (weight * MAX_TOTAL_WEIGHT / total).max(1) }
}

/// The points of one endpoint: CRC32 of host, NUL, port and the hash before, which starts as 0.
fn hashes(id: &str) -> impl Iterator<Item = u32> + use<> {
    let (host, port) = split(id);
    let mut base = crc32fast::Hasher::new();
    base.update(host.as_bytes());
    base.update(&[0]);
    base.update(port.as_bytes());
    let mut previous: u32 = 0;
    std::iter::repeat_with(move || {
        let mut hasher = base.clone();
        hasher.update(&previous.to_le_bytes());
        previous = hasher.finalize();
        previous
    })
}

/// Host and port as nginx splits them for hashing: the port is the digits after the last colon as they stand, and no port
/// is the empty one, not 80. A Unix socket's path is all host.
fn split(id: &str) -> (&str, &str) {
    if let Some((scheme, path)) = id.split_at_checked(5)
        && scheme.eq_ignore_ascii_case("unix:")
    {
        return (path, "");
    }
    match id.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (id, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::laws::targets;
    use crate::balance::recording::Recording;

    fn assert_same_map(recording: &str, usable: &dyn Fn(usize) -> bool) {
        let recording = Recording::parse(recording);
        let balancer = ConsistentHash::new(&recording.targets, 0);
        assert!(recording.keys.len() >= 1000);
        for (key, expected) in &recording.keys {
            assert_eq!(balancer.pick(Some(key.as_bytes()), usable), Some(*expected), "key {key:?}");
        }
    }

    #[test]
    fn maps_keys_as_nginx_does_for_1_1_1() {
        assert_same_map(include_str!("../../tests/nginx/consistent_1_1_1.txt"), &|_| true);
    }

    #[test]
    fn maps_keys_as_nginx_does_for_5_1_1() {
        assert_same_map(include_str!("../../tests/nginx/consistent_5_1_1.txt"), &|_| true);
    }

    #[test]
    fn maps_keys_as_nginx_does_for_4_3_2_1() {
        assert_same_map(include_str!("../../tests/nginx/consistent_4_3_2_1.txt"), &|_| true);
    }

    #[test]
    fn maps_keys_as_nginx_does_for_names_without_port_ipv6_and_unix_sockets() {
        assert_same_map(include_str!("../../tests/nginx/consistent_names.txt"), &|_| true);
    }

    #[test]
    fn maps_keys_as_nginx_does_when_a_server_is_down() {
        assert_same_map(include_str!("../../tests/nginx/consistent_down.txt"), &|index| index != 1);
    }

    #[test]
    fn spreads_exchanges_without_a_key_as_nginx_does() {
        let recording = Recording::parse(include_str!("../../tests/nginx/consistent_no_key.txt"));
        for key in [None, Some([].as_slice())] {
            let balancer = ConsistentHash::new(&recording.targets, 0);
            for pick in &recording.picks {
                assert_eq!(balancer.pick(key, &|_| true).as_slice(), pick);
            }
        }
    }

    fn keys() -> impl Iterator<Item = String> {
        (0..20_000).map(|n| format!("client-{n}"))
    }

    #[test]
    fn only_the_keys_of_an_unusable_endpoint_move_and_they_spread() {
        let balancer = ConsistentHash::new(&targets(&[1; 10]), 0);
        let mut heirs = [0; 10];
        for key in keys() {
            let before = balancer.pick(Some(key.as_bytes()), &|_| true).unwrap();
            let after = balancer.pick(Some(key.as_bytes()), &|index| index != 3).unwrap();
            if before == 3 {
                heirs[after] += 1;
            } else {
                assert_eq!(before, after, "{key}");
            }
        }
        let moved: usize = heirs.iter().sum();
        assert!((1_000..3_000).contains(&moved), "a tenth of 20,000 keys, give or take: {moved}");
        assert!(heirs.iter().all(|&share| share < moved / 3), "no heir takes it all: {heirs:?}");
        assert_eq!(heirs.iter().filter(|&&share| share > 0).count(), 9, "{heirs:?}");
    }

    #[test]
    fn a_removed_endpoint_moves_the_same_keys_as_an_unusable_one() {
        let all = targets(&[3, 2, 1]);
        let (full, rest) = (ConsistentHash::new(&all, 0), ConsistentHash::new(&all[..2], 0));
        for key in keys() {
            let key = Some(key.as_bytes());
            assert_eq!(full.pick(key, &|index| index != 2), rest.pick(key, &|_| true));
        }
    }

    #[test]
    fn an_added_endpoint_takes_keys_but_no_key_moves_between_the_others() {
        let all = targets(&[1; 5]);
        let (before, after) = (ConsistentHash::new(&all[..4], 0), ConsistentHash::new(&all, 0));
        for key in keys() {
            let key = Some(key.as_bytes());
            let now = after.pick(key, &|_| true);
            assert!(now == Some(4) || now == before.pick(key, &|_| true));
        }
    }

    #[test]
    fn a_huge_weight_costs_bounded_memory() {
        let balancer = ConsistentHash::new(&targets(&[u32::MAX, 1, 0]), 0);
        assert!(balancer.ring.len() as u64 <= (MAX_TOTAL_WEIGHT + 1) * POINTS_PER_WEIGHT);
        let mut owners: Vec<_> = balancer.ring.iter().map(|point| point.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        assert_eq!(owners, [0, 1]);
    }

    #[test]
    fn ids_split_as_nginx_splits_them() {
        let cases = [
            ("10.0.0.1:80", ("10.0.0.1", "80")),
            ("shop.internal", ("shop.internal", "")),
            ("[::1]", ("[::1]", "")),
            ("[::1]:8080", ("[::1]", "8080")),
            ("unix:/run/app:1", ("/run/app:1", "")),
            ("host:", ("host", "")),
            ("", ("", "")),
        ];
        for (id, parts) in cases {
            assert_eq!(split(id), parts, "{id}");
        }
    }
}
