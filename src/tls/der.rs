//! As much of X.509 as is asked of a certificate here: when it is good, whose it is, and what for. Whether it can be
//! trusted is for rustls to say; it does not hand these out.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The names of the parts of a subject.
const PARTS: [(&[u8], &str); 8] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// What is known of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// `20240131235959`, in UTC.
    pub(super) not_before: String,
    pub(super) not_after: String,
    /// `CN=alice,O=Example`, in the certificate's order; what has a meaning there has a backslash before it.
    pub(super) subject: String,
    pub(super) names: Vec<Name>,
}

/// A subject's alternative name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    Email(String),
    Dns(String),
    Uri(String),
}

impl Certificate {
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(der).take(SEQUENCE)?);
        let mut signed = Reader(certificate.take(SEQUENCE)?);
        signed.skip_if(VERSION);
        signed.take(INTEGER)?;
        signed.take(SEQUENCE)?;
        // The issuer.
        signed.take(SEQUENCE)?;
        let mut validity = Reader(signed.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = subject(signed.take(SEQUENCE)?)?;
        let mut names = Vec::new();
        while let Some((tag, content)) = signed.next() {
            if tag == EXTENSIONS {
                names = alternative_names(content)?;
            }
        }
        Some(Self { not_before, not_after, subject, names })
    }
}

/// The time now, as a certificate has it.
pub(super) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    written(seconds)
}

/// The proleptic Gregorian calendar, in years that begin with March.
fn written(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

fn subject(mut parts: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut reader = Reader(parts);
    while let Some((tag, content)) = reader.next() {
        if tag != SET {
            return None;
        }
        parts = content;
        let mut set = Reader(parts);
        while let Some((SEQUENCE, part)) = set.next() {
            let mut part = Reader(part);
            let (oid, (_, value)) = (part.take(OID)?, part.next()?);
            let name = PARTS.iter().find(|(known, _)| *known == oid).map_or("?", |(_, name)| name);
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{name}=");
            for c in String::from_utf8_lossy(value).chars() {
                if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
                    text.push('\\');
                }
                text.push(c);
            }
        }
    }
    Some(text)
}

fn alternative_names(extensions: &[u8]) -> Option<Vec<Name>> {
    let mut extensions = Reader(Reader(extensions).take(SEQUENCE)?);
    let mut found = Vec::new();
    while let Some((SEQUENCE, extension)) = extensions.next() {
        let mut extension = Reader(extension);
        if extension.take(OID)? != SUBJECT_ALTERNATIVE_NAME {
            continue;
        }
        while let Some((tag, content)) = extension.next() {
            if tag == OCTET_STRING {
                let mut names = Reader(Reader(content).take(SEQUENCE)?);
                found.extend(std::iter::from_fn(|| names.next()).filter_map(name));
            }
        }
    }
    Some(found)
}

fn name((tag, content): (u8, &[u8])) -> Option<Name> {
    let text = || str::from_utf8(content).ok().map(str::to_owned);
    match tag {
        0x81 => text().map(Name::Email),
        0x82 => text().map(Name::Dns),
        0x86 => text().map(Name::Uri),
        _ => None,
    }
}

/// Elements one after another, each a tag, a length and its content.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }

    fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            let _ = self.next();
        }
    }

    /// A time with its century: two digits of a year are those from 1950 to 2049.
    fn time(&mut self) -> Option<String> {
        let (tag, content) = self.next()?;
        let digits = str::from_utf8(content).ok()?.strip_suffix('Z')?;
        match (tag, digits.len()) {
            (GENERALIZED_TIME, 14) => Some(digits.to_owned()),
            (UTC_TIME, 12) => Some(format!("{}{digits}", if digits < "50" { "20" } else { "19" })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn certificate() -> Vec<u8> {
        let mut params =
            CertificateParams::new(vec!["A.example".to_owned(), "*.b.example".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI("spiffe://c/d".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("e@f".try_into().unwrap()));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "alice, the \"first\"");
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.not_before = date_time_ymd(1999, 12, 31);
        params.not_after = date_time_ymd(2050, 1, 2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_when_it_is_good_and_whose_it_is() {
        let parsed = Certificate::parse(&certificate()).unwrap();
        assert_eq!((&*parsed.not_before, &*parsed.not_after), ("19991231000000", "20500102000000"));
        assert_eq!(parsed.subject, r#"CN=alice\, the \"first\",O=Example"#);
        let names = [
            Name::Dns("A.example".into()),
            Name::Dns("*.b.example".into()),
            Name::Uri("spiffe://c/d".into()),
            Name::Email("e@f".into()),
        ];
        assert_eq!(parsed.names, names);
    }

    #[test]
    fn no_damaged_certificate_panics() {
        let whole = certificate();
        for end in 0..whole.len() {
            let _ = Certificate::parse(&whole[..end]);
        }
        for at in 0..whole.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x83, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = Certificate::parse(&damaged);
            }
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, time) in [
            (0, "19700101000000"),
            (951_782_399, "20000228235959"),
            (951_868_799, "20000229235959"),
            (1_709_251_200, "20240301000000"),
            (4_102_444_799, "20991231235959"),
        ] {
            assert_eq!(written(seconds), time);
        }
    }
}
