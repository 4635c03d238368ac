//! Keys as JSON says them: RFC 7517 and 7518.

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::Value;
use rsa::BoxedUint;

use crate::keys::{Key, Keys, Named};
use crate::token::decoded;

/// Bytes of the shortest secret for HS256: as long as what it makes.
const SHORTEST_SECRET: usize = 32;
/// Bits of the shortest RSA key, and of the longest: what verifying costs grows with the square.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// The key in a JSON Web Key.
pub(crate) fn parse(jwk: &Value) -> Result<Named> {
    let key = match member(jwk, "kty")? {
        "oct" => secret(jwk)?,
        "RSA" => rsa(jwk)?,
        "EC" => ec(jwk)?,
        other => return Err(format!("kty: `{other}` is none of oct, RSA and EC").into()),
    };
    let fits = match &key {
        Key::Hs256(_) => "HS256",
        Key::Rs256(_) => "RS256",
        Key::Es256(_) => "ES256",
    };
    if let Some(alg) = jwk.get("alg").filter(|alg| alg.as_str() != Some(fits)) {
        return Err(format!("alg: {alg}, but the key is one for {fits}").into());
    }
    if jwk.get("use").is_some_and(|purpose| purpose.as_str() != Some("sig")) {
        return Err("use: the key is not for signatures".into());
    }
    Ok(Named { kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned), key })
}

/// The keys of a JSON Web Key Set that can be used here. Secrets are not: what anybody may fetch is none.
pub(crate) fn parse_set(set: &Value) -> Result<Keys> {
    let all = set.get("keys").and_then(Value::as_array).ok_or("not a JSON Web Key Set: it has no `keys`")?;
    let mut keys = Vec::new();
    for jwk in all {
        match parse(jwk) {
            Ok(Named { key: Key::Hs256(_), .. }) => {
                log::debug!("a key of the set is left out: it is a secret");
            }
            Ok(key) => keys.push(key),
            Err(error) => log::debug!("a key of the set is left out: {error}"),
        }
    }
    Ok(Keys::new(keys))
}

fn secret(jwk: &Value) -> Result<Key> {
    let secret = bytes(jwk, "k")?;
    if secret.len() < SHORTEST_SECRET {
        return Err(format!("k: {} bytes, where HS256 wants {SHORTEST_SECRET} or more", secret.len()).into());
    }
    Ok(Key::Hs256(secret))
}

fn rsa(jwk: &Value) -> Result<Key> {
    let modulus = BoxedUint::from_be_slice_vartime(&bytes(jwk, "n")?);
    let exponent = BoxedUint::from_be_slice_vartime(&bytes(jwk, "e")?);
    if !RSA_BITS.contains(&modulus.bit_width_vartime()) {
        let (shortest, longest) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(
            format!("n: {} bits, none of {shortest} to {longest}", modulus.bit_width_vartime()).into()
        );
    }
    let key = rsa::PublicKey::new(modulus, exponent).map_err(|error| Error::new(error).context("n, e"))?;
    Ok(Key::Rs256(Box::new(rsa::pkcs1v15::VerifyingKey::new(key))))
}

fn ec(jwk: &Value) -> Result<Key> {
    match member(jwk, "crv")? {
        "P-256" => {}
        other => return Err(format!("crv: `{other}` is not P-256").into()),
    }
    let point = [vec![4], coordinate(jwk, "x")?, coordinate(jwk, "y")?].concat();
    match p256::ecdsa::VerifyingKey::from_sec1_bytes(&point) {
        Ok(key) => Ok(Key::Es256(Box::new(key))),
        Err(_) => Err("x, y: not a point of P-256".into()),
    }
}

fn coordinate(jwk: &Value, name: &str) -> Result<Vec<u8>> {
    let bytes = bytes(jwk, name)?;
    if bytes.len() == 32 {
        Ok(bytes)
    } else {
        Err(format!("{name}: {} bytes instead of 32", bytes.len()).into())
    }
}

fn bytes(jwk: &Value, name: &str) -> Result<Vec<u8>> {
    decoded(member(jwk, name)?).ok_or_else(|| format!("{name}: not base64url without padding").into())
}

fn member<'a>(jwk: &'a Value, name: &str) -> Result<&'a str> {
    jwk.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name}: missing, or not a string").into())
}
