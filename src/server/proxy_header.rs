//! The PROXY protocol, versions 1 and 2: a load balancer in front says in a header before all else who the client is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::client::Ends;
use crate::socket::proxy_protocol::{LOCAL, PROXY, SIGNATURE, TCP4, TCP6};

/// Bytes of a header of version 1, at most.
const LONGEST_LINE: usize = 107;

/// Bytes behind the addresses of version 2 that are read and thrown away, at most.
const LARGEST_REST: u16 = 4096;

/// Reads the header, and not a byte more: who the client is and what it connected to, or `None` where the balancer speaks for itself.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Ends>> {
    let mut begin = [0; SIGNATURE.len()];
    from.read_exact(&mut begin).await?;
    match begin.starts_with(b"PROXY ") {
        true => line(&begin, from).await,
        false if begin == SIGNATURE => binary(from).await,
        false => Err(malformed("it begins with neither version")),
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 4711 80`, and the end of the line.
async fn line(begin: &[u8], from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Ends>> {
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err(malformed("the line does not end"));
        }
        line.push(from.read_u8().await?);
    }
    let text = line.strip_suffix(b"\r\n").and_then(|line| str::from_utf8(line).ok()).unwrap_or_default();
    parse(text).ok_or_else(|| malformed("not two addresses and two ports"))
}

fn parse(line: &str) -> Option<Option<Ends>> {
    let words: Vec<_> = line.split(' ').collect();
    match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", "TCP4", from, to, ports @ ..] => ends::<Ipv4Addr>(from, to, ports).map(Some),
        ["PROXY", "TCP6", from, to, ports @ ..] => ends::<Ipv6Addr>(from, to, ports).map(Some),
        _ => None,
    }
}

fn ends<Ip: FromStr + Into<IpAddr>>(from: &str, to: &str, ports: &[&str]) -> Option<Ends> {
    let &[from_port, to_port] = ports else { return None };
    let (from, to) = (from.parse::<Ip>().ok()?.into(), to.parse::<Ip>().ok()?.into());
    Some(Ends { client: (from, port(from_port)?).into(), local: (to, port(to_port)?).into() })
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits && (text == "0" || !text.starts_with('0')))
}

/// Version 2, behind its signature.
async fn binary(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Ends>> {
    let (command, family, length) = (from.read_u8().await?, from.read_u8().await?, from.read_u16().await?);
    let mut left = length;
    let mut take = |bytes: u16| {
        left = left.checked_sub(bytes).ok_or_else(|| malformed("shorter than its addresses"))?;
        Ok::<_, io::Error>(())
    };
    let ends: Option<(IpAddr, IpAddr)> = match (command, family) {
        (LOCAL, _) => None,
        (PROXY, TCP4) => {
            take(12)?;
            let (client, local) = (from.read_u32().await?, from.read_u32().await?);
            Some((Ipv4Addr::from_bits(client).into(), Ipv4Addr::from_bits(local).into()))
        }
        (PROXY, TCP6) => {
            take(36)?;
            let (client, local) = (from.read_u128().await?, from.read_u128().await?);
            Some((Ipv6Addr::from_bits(client).into(), Ipv6Addr::from_bits(local).into()))
        }
        // UNSPEC, or what is no TCP.
        (PROXY, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        _ => return Err(malformed("another version, command or family")),
    };
    let ends = match ends {
        Some((client, local)) => {
            let (from, to) = (from.read_u16().await?, from.read_u16().await?);
            Some(Ends { client: (client, from).into(), local: (local, to).into() })
        }
        None => None,
    };
    if left > LARGEST_REST {
        return Err(malformed("too large"));
    }
    for _ in 0..left {
        from.read_u8().await?;
    }
    Ok(ends)
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed PROXY header: {reason}"))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// What the header says, and what is left behind it.
    fn header(bytes: &[u8]) -> io::Result<(Option<String>, Vec<u8>)> {
        let mut from = bytes;
        let ends = read(&mut from).now_or_never().unwrap()?;
        Ok((ends.map(|Ends { client, local }| format!("{client} {local}")), from.to_vec()))
    }

    fn version_2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, addresses, b"GET"].concat()
    }

    #[test]
    fn both_ends_are_read_and_nothing_behind_it() {
        let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 0, 80];
        let v6 =
            [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &[0x12, 0x67, 0, 80]]
                .concat();
        for (bytes, client) in [
            (b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nGET".to_vec(), Some("192.0.2.1:4711 192.0.2.2:80")),
            (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\nGET".to_vec(), Some("[2001:db8::1]:4711 [::1]:80")),
            (b"PROXY UNKNOWN\r\nGET".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nGET".to_vec(), None),
            (version_2(0x21, 0x11, &v4), Some("192.0.2.1:4711 192.0.2.2:80")),
            (
                version_2(0x21, 0x11, &[&v4[..], &[3, 0, 4, 1, 2, 3, 4]].concat()),
                Some("192.0.2.1:4711 192.0.2.2:80"),
            ),
            (version_2(0x21, 0x21, &v6), Some("[2001:db8::1]:4711 [::]:80")),
            (version_2(0x20, 0x00, &[]), None),
            (version_2(0x20, 0x11, &v4), None),
            (version_2(0x21, 0x00, &[1, 2, 3]), None),
        ] {
            assert_eq!(header(&bytes).unwrap(), (client.map(str::to_owned), b"GET".to_vec()), "{bytes:?}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for line in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80 x\r\n",
            "PROXY TCP4 ::1 ::1 4711 80\r\n",
            "PROXY TCP6 192.0.2.1 192.0.2.2 4711 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 +1 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 04711 80\r\n",
            "PROXY TCP4  192.0.2.1 192.0.2.2 4711 80\r\n",
            "PROXY TCP5 192.0.2.1 192.0.2.2 4711 80\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\n",
            "proxy TCP4 192.0.2.1 192.0.2.2 4711 80\r\n",
        ] {
            assert!(header(line.as_bytes()).is_err(), "{line:?}");
        }
        assert!(header(&[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat()).is_err());
        for (command, family, length) in
            [(0x11, 0x11, 12), (0x22, 0x11, 12), (0x21, 0x13, 12), (0x21, 0x11, 11), (0x21, 0x00, 5000)]
        {
            assert!(
                header(&version_2(command, family, &vec![0; length])).is_err(),
                "{command:#x} {family:#x}"
            );
        }
    }
}
