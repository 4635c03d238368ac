//! Networks: `"10.0.0.0/8"`, or one address.

use std::net::IpAddr;

use super::diagnostics::Problems;
use super::value::{Value, text};

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkConfig {
    /// The first of them.
    pub address: IpAddr,
    /// How many bits are the same.
    pub prefix: u8,
}

impl NetworkConfig {
    pub(super) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let wanted = "a network such as \"10.0.0.0/8\"";
        let written = text(value, wanted, problems)?;
        let Some(network) = Self::parse(written) else {
            value
                .expected(problems, wanted)
                .help("an IP address, or one with a prefix: \"192.0.2.1\", \"fd00::/8\"");
            return None;
        };
        if network.has_bits_behind_prefix() {
            value
                .mistake(problems, format!("{written:?} has bits set behind its prefix"))
                .help("one address has no prefix; of a network, the first address is written");
            return None;
        }
        Some(network)
    }

    fn parse(written: &str) -> Option<Self> {
        let (address, prefix) = match written.split_once('/') {
            Some((address, prefix)) => (address.parse().ok()?, Some(prefix.parse().ok()?)),
            None => (written.parse().ok()?, None),
        };
        let all = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let prefix = prefix.unwrap_or(all);
        (prefix <= all).then_some(Self { address, prefix })
    }

    fn has_bits_behind_prefix(self) -> bool {
        let bits = match self.address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        bits.checked_shl(u32::from(self.prefix)).is_some_and(|behind| behind != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_and_perhaps_a_prefix() {
        for (written, prefix) in [
            ("10.0.0.0/8", 8),
            ("0.0.0.0/0", 0),
            ("192.0.2.1", 32),
            ("::/0", 0),
            ("fd00::/8", 8),
            ("::1", 128),
        ] {
            let network = NetworkConfig::parse(written).unwrap();
            assert_eq!(network.prefix, prefix);
            assert!(!network.has_bits_behind_prefix(), "{written}");
        }
        for written in ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "a", "10.0.0.0/-1", "/8"] {
            assert_eq!(NetworkConfig::parse(written), None, "{written}");
        }
        for written in ["10.0.0.1/8", "fd00::1/8", "1.0.0.0/0"] {
            assert!(NetworkConfig::parse(written).unwrap().has_bits_behind_prefix(), "{written}");
        }
    }
}
