use std::net::IpAddr;

use gatewright_sdk::prelude::*;

/// Addresses that begin with the same bits.
pub(crate) struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    /// An address, or one with the number of bits that count.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let network = match text.split_once('/') {
            Some((first, bits)) => first.parse().ok().zip(bits.parse().ok()),
            None => text.parse().ok().map(|address: IpAddr| (address, width(address))),
        };
        match network {
            Some((first, bits)) if bits <= width(first) => Ok(Self { first, bits }),
            _ => Err(format!(
                "allow_clients: `{text}` is neither an address nor a network such as `10.0.0.0/8`"
            )
            .into()),
        }
    }

    /// Whether it has this address. An IPv4 address is one in any dress.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.first)
            && beginning(address, self.bits) == beginning(self.first, self.bits)
    }
}

/// How many bits an address of this kind has.
fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn beginning(address: IpAddr, bits: u32) -> u128 {
    let (number, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    number.checked_shr(width - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_with_its_bits() {
        for (network, address, is_in) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), is_in, "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
