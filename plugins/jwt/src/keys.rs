use hmac::{Hmac, KeyInit as _, Mac as _};
use rsa::signature::Verifier as _;
use sha2::Sha256;

use crate::token::{Algorithm, Token};

/// A key, with the one algorithm that it is for: a token that says another is not signed by it, whatever it holds.
pub(crate) enum Key {
    Hs256(Vec<u8>),
    Rs256(Box<rsa::pkcs1v15::VerifyingKey<Sha256>>),
    Es256(Box<p256::ecdsa::VerifyingKey>),
}

/// A key and its name.
pub(crate) struct Named {
    pub(crate) kid: Option<String>,
    pub(crate) key: Key,
}

/// Keys, any of which may have signed a token.
#[derive(Default)]
pub(crate) struct Keys(Vec<Named>);

/// How many keys are tried on a token that names none: each costs time.
const MOST_TRIED: usize = 8;

impl Keys {
    pub(crate) fn new(keys: Vec<Named>) -> Self {
        Self(keys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of these has signed the token: one of the name that it says, or any where it says none. A key without
    /// a name may be meant by any.
    pub(crate) fn verify(&self, token: &Token<'_>) -> bool {
        self.0.iter().filter(|key| key.fits(token)).take(MOST_TRIED).any(|named| named.key.has_signed(token))
    }

    /// Whether there is one that the token may mean.
    pub(crate) fn know(&self, token: &Token<'_>) -> bool {
        self.0.iter().any(|key| key.fits(token))
    }
}

impl Named {
    fn fits(&self, token: &Token<'_>) -> bool {
        let has_name = self.kid.is_none() || token.kid.is_none() || self.kid == token.kid;
        has_name && self.key.algorithm() == token.algorithm
    }
}

impl Key {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::Hs256,
            Self::Rs256(_) => Algorithm::Rs256,
            Self::Es256(_) => Algorithm::Es256,
        }
    }

    fn has_signed(&self, token: &Token<'_>) -> bool {
        match self {
            Self::Hs256(secret) => Hmac::<Sha256>::new_from_slice(secret)
                .is_ok_and(|mac| mac.chain_update(token.signed).verify_slice(&token.signature).is_ok()),
            Self::Rs256(key) => rsa::pkcs1v15::Signature::try_from(&*token.signature)
                .is_ok_and(|signature| key.verify(token.signed, &signature).is_ok()),
            Self::Es256(key) => p256::ecdsa::Signature::from_slice(&token.signature)
                .is_ok_and(|signature| key.verify(token.signed, &signature).is_ok()),
        }
    }
}
