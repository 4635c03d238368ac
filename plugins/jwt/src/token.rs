use base64ct::{Base64UrlUnpadded, Encoding as _};
use gatewright_sdk::serde_json::{self, Value};

/// The longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// How a token says it is signed. There are others, `none` among them: tokens that say those are not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
}

impl Algorithm {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A token that is well formed; who signed it is another matter, and until that is known nothing of it counts.
pub(crate) struct Token<'a> {
    pub(crate) algorithm: Algorithm,
    /// The name of the key.
    pub(crate) kid: Option<String>,
    /// What is signed.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
    payload: &'a str,
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "not a token";
        if text.len() > LONGEST {
            return Err("too long");
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let header: Value = json(header).ok_or(MALFORMED)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or("signed in a way that is not accepted")?;
        // Whoever does not know what is critical must refuse, and this plugin knows none of it.
        if header.get("crit").is_some() {
            return Err("needs what is not known here");
        }
        let signature = decoded(signature).ok_or(MALFORMED)?;
        let kid = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { algorithm, kid, signed: signed.as_bytes(), signature, payload })
    }

    /// What it says.
    pub(crate) fn claims(&self) -> Result<Value, &'static str> {
        json(self.payload).filter(Value::is_object).ok_or("its claims are no object")
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_slice(&decoded(text)?).ok()
}

/// Base64 as tokens and keys have it.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}
