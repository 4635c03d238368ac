//! A director that sends some requests to another upstream: those that ask for it with a header, and those of a stable
//! part of the clients.

use gatewright_sdk::prelude::*;

/// Which requests go to the other upstream.
#[config]
struct CanaryConfig {
    /// The upstream that they go to.
    upstream: String,
    /// Requests with this header go there, whatever its value.
    header: Option<HeaderName>,
    /// So many of a hundred clients go there, the same ones each time; with up to two decimals.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    percent: f64,
    /// Tells the clients apart by this header instead of their address; a request without it goes by the address.
    key_header: Option<HeaderName>,
}

#[derive(Debug)]
struct Canary {
    upstream: String,
    header: Option<HeaderName>,
    key_header: Option<HeaderName>,
    /// Of [`PARTS`].
    share: u64,
}

/// The clients fall into so many parts of equal size: a hundredth of a percent each.
const PARTS: u64 = 10_000;

impl Plugin for Canary {
    type Config = CanaryConfig;

    fn load(config: CanaryConfig) -> Result<Self> {
        let CanaryConfig { upstream, header, percent, key_header } = config;
        if upstream.is_empty() {
            return Err("upstream: is empty; it is the name of an upstream of the gateway".into());
        }
        if !(0.0..=100.0).contains(&percent) {
            return Err(format!("percent: {percent} is not between 0 and 100").into());
        }
        Ok(Self { upstream, header, key_header, share: (percent * 100.0).round() as u64 })
    }
}

impl Director for Canary {
    fn direct(&self, request: &mut Request, direction: &mut Direction) -> Result<()> {
        if self.is_asked_for(request)? || self.is_chosen(request)? {
            direction.set_upstream(&self.upstream)?;
        }
        Ok(())
    }
}

impl Canary {
    fn is_asked_for(&self, request: &Request) -> Result<bool> {
        match &self.header {
            Some(header) => request.headers().contains(header),
            None => Ok(false),
        }
    }

    fn is_chosen(&self, request: &Request) -> Result<bool> {
        match self.share {
            0 => Ok(false),
            PARTS => Ok(true),
            share => Ok(self.hash(request)? % PARTS < share),
        }
    }

    /// Which client it is, as a number.
    fn hash(&self, request: &Request) -> Result<u64> {
        if let Some(header) = &self.key_header
            && let Some(key) = request.headers().get(header)?
        {
            return Ok(hash(&key));
        }
        Ok(hash(request.client_ip()?.as_bytes()))
    }
}

/// FNV-1a with its bits mixed once more, since addresses differ mostly in their last bytes. The same in every process
/// and for ever: a change of it would move clients from one upstream to the other.
fn hash(key: &[u8]) -> u64 {
    let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

plugin!(Canary: Director);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    fn load(config: gatewright_sdk::serde_json::Value) -> Canary {
        testing::load(config).unwrap()
    }

    fn clients() -> impl Iterator<Item = String> {
        (0..20).flat_map(|a| (0..250).map(move |b| format!("10.0.{a}.{b}")))
    }

    fn chosen(canary: &Canary) -> Vec<String> {
        let request = |client: &String| testing::request("GET", "/").client_ip(client).run(canary).unwrap();
        clients().filter(|client| request(client).upstream() == "next").collect()
    }

    #[test]
    fn the_presence_of_the_header_suffices() {
        let canary = load(json!({ "header": "X-Canary", "upstream": "next" }));
        let with = testing::request("GET", "/").header("x-canary", "").run(&canary).unwrap();
        assert_eq!(with.upstream(), "next");
        let without = testing::request("GET", "/").run(&canary).unwrap();
        assert_eq!(without.upstream(), "default");
    }

    #[test]
    fn about_the_percentage_of_the_clients_is_chosen() {
        let few = chosen(&load(json!({ "upstream": "next", "percent": 10 })));
        assert!((450..550).contains(&few.len()), "{} of 5000", few.len());
        assert_eq!(chosen(&load(json!({ "upstream": "next", "percent": 0 }))).len(), 0);
        assert_eq!(chosen(&load(json!({ "upstream": "next", "percent": 100 }))).len(), 5000);
    }

    #[test]
    fn a_client_that_was_chosen_stays_so_when_the_percentage_grows() {
        let few = chosen(&load(json!({ "upstream": "next", "percent": 2.5 })));
        let more = chosen(&load(json!({ "upstream": "next", "percent": 20 })));
        assert!(!few.is_empty());
        assert!(few.iter().all(|client| more.contains(client)));
    }

    #[test]
    fn the_hash_is_the_same_in_every_build() {
        assert_eq!(hash(b""), 0xecba_3df2_c338_3c52);
        assert_eq!(hash(b"10.0.0.1"), 0x1870_421a_6c0e_610a);
    }

    #[test]
    fn the_key_header_comes_before_the_address() {
        let canary = load(json!({ "upstream": "next", "percent": 50, "key_header": "x-user" }));
        let upstream = |client: &str, user: &str| {
            let outcome = testing::request("GET", "/").client_ip(client).header("x-user", user).run(&canary);
            outcome.unwrap().upstream().to_owned()
        };
        for user in ["alice", "bob", "carol", "dave"] {
            assert_eq!(upstream("10.0.0.1", user), upstream("10.0.0.2", user));
        }
        let anonymous = testing::request("GET", "/").client_ip("10.0.0.1").run(&canary).unwrap();
        let by_address = load(json!({ "upstream": "next", "percent": 50 }));
        let expected = testing::request("GET", "/").client_ip("10.0.0.1").run(&by_address).unwrap();
        assert_eq!(anonymous.upstream(), expected.upstream());
    }

    #[test]
    fn a_percentage_outside_of_0_to_100_is_refused_at_load() {
        for percent in [-1.0, 100.5] {
            let error =
                testing::load::<Canary>(json!({ "upstream": "next", "percent": percent })).unwrap_err();
            assert_eq!(error.to_string(), format!("percent: {percent} is not between 0 and 100"));
        }
    }
}
