use std::cell::RefCell;
use std::time::Duration;

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json;

use crate::config::JwksConfig;
use crate::jwk;
use crate::keys::Keys;
use crate::token::Token;

/// The set as it was fetched last.
const SET: &str = "jwks";
/// How often it was fetched out of turn.
const ASKED: &str = "jwks:asked";
/// How many requests may do so at once while there is no set at all: at a start they come together.
const ASKED_WITHOUT: i64 = 8;

/// The keys of somebody else's set: fetched by a tick, kept in the key-value store, read by everybody.
pub(crate) struct Store {
    source: JwksConfig,
    /// The set that this instance read last, and what it means: to read it anew for each request costs more.
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    set: Vec<u8>,
    keys: Keys,
}

/// What is known of a token's signature.
pub(crate) enum Lookup {
    /// One of the keys made it.
    Signed,
    /// None did.
    Unsigned,
    /// There are no keys to tell.
    NoKeys,
}

impl Store {
    pub(crate) fn new(source: JwksConfig) -> Self {
        Self { source, known: RefCell::default() }
    }

    /// How often the set is fetched.
    pub(crate) fn period(&self) -> Duration {
        *self.source.refresh
    }

    /// Fetches the set. Where that fails the one there is stays.
    pub(crate) fn refresh(&self) -> Result<()> {
        let JwksConfig { upstream, path, timeout, .. } = &self.source;
        let response =
            http::get(upstream, path).header("accept", "application/json").timeout(**timeout).send()?;
        if !response.is_success() {
            return Err(format!("`{upstream}` answers {} to {path}", response.status()).into());
        }
        let set = response.body()?;
        if jwk::parse_set(&serde_json::from_slice(&set)?)?.is_empty() {
            return Err(format!("the set of `{upstream}` has no key that can be used").into());
        }
        kv::put(SET, set, None)
    }

    /// Whether a key of the set has signed the token. Where there is none that it may mean the set is fetched at once,
    /// since keys change; but not often, since anybody can make up the name of a key.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<Lookup> {
        self.read()?;
        if !self.known.borrow().keys.know(token) && self.may_fetch()? {
            match self.refresh() {
                Ok(()) => self.read()?,
                Err(error) => log::warn!("the keys stay as they are: {error}"),
            }
        }
        let known = self.known.borrow();
        Ok(if known.keys.verify(token) {
            Lookup::Signed
        } else if known.keys.is_empty() {
            Lookup::NoKeys
        } else {
            Lookup::Unsigned
        })
    }

    /// Makes `known` what the store has.
    fn read(&self) -> Result<()> {
        let set = kv::get(SET)?.unwrap_or_default();
        let mut known = self.known.borrow_mut();
        if known.set != set {
            let keys = jwk::parse_set(&serde_json::from_slice(&set)?)?;
            *known = Known { set, keys };
        }
        Ok(())
    }

    fn may_fetch(&self) -> Result<bool> {
        let most = if self.known.borrow().keys.is_empty() { ASKED_WITHOUT } else { 1 };
        let cooldown = if most == 1 { *self.source.cooldown } else { Duration::from_secs(1) };
        Ok(kv::add(ASKED, 1, Some(cooldown))? <= most)
    }
}
