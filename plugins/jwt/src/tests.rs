use std::cell::Cell;
use std::rc::Rc;
use std::time::SystemTime;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use gatewright_sdk::Code;
use gatewright_sdk::testing::{self, Outcome, Reply, TestRequest};
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use sha2::Sha256;

use super::*;

/// Those of RFC 7515, appendix A: the secret and token of A.1, the RSA key and token of A.2, the EC key and token of A.3.
mod rfc7515;

const SECRET: &str = "c2VjcmV0LW9mLWEtdGVzdC1zZWNyZXQtb2YtYS10ZXN0";
const NOW: u64 = 1_300_000_000;

fn jwt(config: Value) -> Jwt {
    testing::load(config).unwrap()
}

fn hs256() -> Jwt {
    jwt(json!({
        "keys": [{ "kty": "oct", "k": SECRET }],
        "attributes": { "sub": "user", "realm.id": "realm" },
        "headers": { "sub": "X-User" },
    }))
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()))
}

/// A token with a signature of HMAC-SHA256, whatever its header says.
fn sealed(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(&signed).finalize();
    format!("{signed}.{}", encoded(mac.into_bytes()))
}

fn token(claims: &Value) -> String {
    sealed(&Base64UrlUnpadded::decode_vec(SECRET).unwrap(), &json!({ "alg": "HS256" }), claims)
}

fn get() -> TestRequest {
    testing::request("GET", "/").at(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW))
}

fn with(token: &str) -> TestRequest {
    get().header("authorization", format!("Bearer {token}"))
}

/// Why a request was refused.
fn why(outcome: &Outcome) -> Option<String> {
    let answer = outcome.answer()?;
    assert_eq!(answer.status(), 401);
    let body: Value = gatewright_sdk::serde_json::from_slice(answer.body()).unwrap();
    Some(body["error"].as_str().unwrap().to_owned())
}

#[test]
fn the_tokens_of_the_standard_are_valid_and_no_other_key_fits_them() {
    let tokens = [rfc7515::HS256, rfc7515::RS256, rfc7515::ES256];
    for (index, key) in rfc7515::keys().into_iter().enumerate() {
        let plugin = jwt(json!({ "keys": [key], "issuer": "joe" }));
        for (other, token) in tokens.iter().enumerate() {
            let refused = why(&with(token).run(&plugin).unwrap());
            let expected = (index != other).then(|| "not signed by a known key".to_owned());
            assert_eq!(refused, expected, "key {index}, token {other}");
        }
    }
}

#[test]
fn one_changed_byte_makes_a_token_worthless() {
    for (token, key) in [rfc7515::HS256, rfc7515::RS256, rfc7515::ES256].into_iter().zip(rfc7515::keys()) {
        let plugin = jwt(json!({ "keys": [key] }));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = Base64UrlUnpadded::decode_vec(signature).unwrap();
        bytes[7] ^= 1;
        let forged = format!("{signed}.{}", encoded(bytes));
        assert_eq!(why(&with(&forged).run(&plugin).unwrap()).as_deref(), Some("not signed by a known key"));
        let (header, _) = signed.split_once('.').unwrap();
        let forged = format!("{header}.{}.{signature}", encoded(r#"{"iss":"joe","exp":9999999999}"#));
        assert_eq!(why(&with(&forged).run(&plugin).unwrap()).as_deref(), Some("not signed by a known key"));
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let [_, rsa, _] = rfc7515::keys();
    let plugin = jwt(json!({ "keys": [rsa] }));
    let modulus = Base64UrlUnpadded::decode_vec(rsa["n"].as_str().unwrap()).unwrap();
    for secret in [&modulus, rsa.to_string().as_bytes()] {
        let forged = sealed(secret, &json!({ "alg": "HS256" }), &json!({ "exp": NOW + 60 }));
        assert_eq!(why(&with(&forged).run(&plugin).unwrap()).as_deref(), Some("not signed by a known key"));
    }
    let forged = sealed(&modulus, &json!({ "alg": "RS256" }), &json!({ "exp": NOW + 60 }));
    assert!(why(&with(&forged).run(&plugin).unwrap()).is_some());
}

#[test]
fn other_algorithms_are_not_accepted_nor_is_none() {
    let secret = Base64UrlUnpadded::decode_vec(SECRET).unwrap();
    for alg in [json!("none"), json!("None"), json!("HS512"), json!("hs256"), json!(null), json!(["HS256"])] {
        let forged = sealed(&secret, &json!({ "alg": alg }), &json!({ "exp": NOW + 60 }));
        assert_eq!(
            why(&with(&forged).run(&hs256()).unwrap()).unwrap(),
            "signed in a way that is not accepted"
        );
    }
    let bare = unsigned(&json!({ "alg": "HS256" }), &json!({ "exp": NOW + 60 })) + ".";
    assert_eq!(why(&with(&bare).run(&hs256()).unwrap()).unwrap(), "not signed by a known key");
    let critical = sealed(&secret, &json!({ "alg": "HS256", "crit": ["exp"] }), &json!({ "exp": NOW + 60 }));
    assert_eq!(why(&with(&critical).run(&hs256()).unwrap()).unwrap(), "needs what is not known here");
}

#[test]
fn what_a_token_says_becomes_attributes_and_headers() {
    let claims = json!({ "sub": "alice", "realm": { "id": "r1" }, "exp": NOW + 60 });
    let outcome = with(&token(&claims)).header("x-user", "mallory").run(&hs256()).unwrap();
    assert_eq!(why(&outcome), None);
    assert_eq!(outcome.header_bytes("x-user"), [b"alice"]);
    assert_eq!(outcome.attribute("user"), Some("alice"));
    assert_eq!(outcome.attribute("realm"), Some("r1"));
    assert!(outcome.header("authorization").is_some());
    let claims = json!({ "sub": "a\r\nx: y", "exp": NOW + 60 });
    let outcome = with(&token(&claims)).header("x-user", "mallory").run(&hs256()).unwrap();
    assert_eq!((why(&outcome), outcome.header("x-user")), (None, None));
}

#[test]
fn the_challenge_says_what_is_wrong() {
    let answer = |request: TestRequest| {
        let outcome = request.run(&hs256()).unwrap();
        let challenge = outcome.answer().unwrap().header("www-authenticate").unwrap().to_owned();
        (challenge, why(&outcome).unwrap())
    };
    let missing = ("Bearer realm=\"gateway\"".to_owned(), "a token is required".to_owned());
    assert_eq!(answer(get()), missing);
    assert_eq!(answer(get().header("authorization", "Basic YTpi")), missing);
    let (challenge, why) = answer(with(&token(&json!({ "exp": NOW - 31 }))));
    assert_eq!(why, "it has expired");
    assert_eq!(
        challenge,
        "Bearer realm=\"gateway\", error=\"invalid_token\", error_description=\"it has expired\""
    );
    let twice = with("a.b.c").header("authorization", "Bearer a.b.c");
    assert_eq!(answer(twice).1, "more than one token");
    for garbage in ["", "a", "a.b", "..", "a.b.c.d", "e30.e30.", &"a".repeat(20_000)] {
        assert!(why_of(garbage).is_some(), "{garbage:.20}");
    }
}

fn why_of(token: &str) -> Option<String> {
    why(&with(token).run(&hs256()).unwrap())
}

#[test]
fn a_token_may_be_optional_or_in_another_header_but_never_invalid() {
    let plugin = jwt(json!({
        "keys": [{ "kty": "oct", "k": SECRET }],
        "optional": true, "header": "X-Token", "forward": false, "headers": { "sub": "x-user" },
    }));
    let outcome = get().header("x-user", "mallory").run(&plugin).unwrap();
    assert_eq!((why(&outcome), outcome.header("x-user")), (None, None));
    let valid = token(&json!({ "sub": "alice", "exp": NOW + 60 }));
    let outcome = get().header("x-token", &valid).run(&plugin).unwrap();
    assert_eq!((outcome.header("x-user"), outcome.header("x-token")), (Some("alice"), None));
    let late = token(&json!({ "exp": NOW - 60 }));
    assert_eq!(why(&get().header("x-token", late).run(&plugin).unwrap()).unwrap(), "it has expired");
}

/// An EC key pair: what signs, and what a set says of it.
fn pair(kid: &str, seed: u8) -> (SigningKey, Value) {
    let key = SigningKey::from_slice(&[seed; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = (encoded(point.x().unwrap()), encoded(point.y().unwrap()));
    (key, json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": x, "y": y }))
}

fn signed(key: &SigningKey, kid: &str) -> String {
    let signed = unsigned(&json!({ "alg": "ES256", "kid": kid }), &json!({ "sub": kid, "exp": NOW + 600 }));
    let signature: p256::ecdsa::Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encoded(signature.to_bytes()))
}

fn with_set() -> Jwt {
    jwt(json!({ "jwks": { "upstream": "auth", "cooldown": "30s" } }))
}

#[test]
fn keys_are_fetched_by_a_tick_and_read_by_exchanges() {
    let (key, jwk) = pair("k1", 7);
    let (store, set) = (testing::Kv::new(), json!({ "keys": [{ "kty": "OKP" }, jwk] }));
    let outcome = testing::tick()
        .kv(&store)
        .upstream("auth", move |_| Reply::json(200, &set))
        .run(&with_set())
        .unwrap();
    assert_eq!(outcome.sent()[0].target(), "/.well-known/jwks.json");
    let outcome = with(&signed(&key, "k1")).kv(&store).run(&with_set()).unwrap();
    assert_eq!((why(&outcome), outcome.sent().len()), (None, 0));
}

#[test]
fn a_key_that_is_not_known_is_asked_for_at_once_but_not_often() {
    let (old, new, store) = (pair("k1", 7), pair("k2", 8), testing::Kv::new());
    let plugin = with_set();
    store.put("jwks", json!({ "keys": [old.1] }).to_string());
    let asked = Rc::new(Cell::new(0));
    let ask = |token: &str, millis: u64| {
        let (asked, set) = (Rc::clone(&asked), json!({ "keys": [old.1, new.1] }));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(millis);
        let request = with(token).at(at).kv(&store).upstream("auth", move |_| {
            asked.set(asked.get() + 1);
            Reply::json(200, &set)
        });
        why(&request.run(&plugin).unwrap())
    };
    assert_eq!((ask(&signed(&old.0, "k1"), 0), asked.get()), (None, 0));
    assert_eq!((ask(&signed(&new.0, "k2"), 0), asked.get()), (None, 1));
    for _ in 0..3 {
        let refused = ask(&signed(&new.0, "k3"), 29_999);
        assert_eq!((refused.as_deref(), asked.get()), (Some("not signed by a known key"), 1));
    }
    assert!(ask(&signed(&new.0, "k3"), 30_000).is_some());
    assert_eq!(asked.get(), 2);
}

#[test]
fn without_any_keys_nobody_is_called_a_liar() {
    let (key, jwk) = pair("k1", 7);
    let store = testing::Kv::new();
    let ask = |reply: Reply| {
        let request = with(&signed(&key, "k1")).kv(&store).upstream("auth", move |_| reply.clone());
        request.run(&with_set()).unwrap()
    };
    for reply in
        [Reply::none(Code::Unreachable), Reply::status(404), Reply::json(200, &json!({ "keys": [] }))]
    {
        let outcome = ask(reply);
        assert_eq!(outcome.answer().unwrap().status(), 503);
        assert_eq!(outcome.logs().len(), 1);
    }
    assert_eq!(why(&ask(Reply::json(200, &json!({ "keys": [jwk] })))), None);
}

#[test]
fn a_tick_that_fails_leaves_the_keys() {
    let (key, jwk) = pair("k1", 7);
    let store = testing::Kv::new();
    store.put("jwks", json!({ "keys": [jwk] }).to_string());
    for reply in [Reply::status(500), Reply::status(200).body("{"), Reply::json(200, &json!({ "keys": [] }))]
    {
        let tick = testing::tick().kv(&store).upstream("auth", move |_| reply.clone());
        assert!(tick.run(&with_set()).is_err());
    }
    assert_eq!(why(&with(&signed(&key, "k1")).kv(&store).run(&with_set()).unwrap()), None);
}

#[test]
fn a_secret_in_a_set_is_not_believed() {
    let store = testing::Kv::new();
    store.put("jwks", json!({ "keys": [{ "kty": "oct", "k": SECRET }, pair("k1", 7).1] }).to_string());
    let forged = token(&json!({ "exp": NOW + 60 }));
    let request = with(&forged).kv(&store).upstream("auth", |_| Reply::status(500));
    assert_eq!(why(&request.run(&with_set()).unwrap()).unwrap(), "not signed by a known key");
}

#[test]
fn without_a_set_a_tick_does_nothing() {
    assert!(testing::tick().run(&hs256()).unwrap().sent().is_empty());
}

#[test]
fn keys_that_make_no_sense_are_refused_at_load() {
    let [_, rsa, ec] = rfc7515::keys();
    let changed = |key: &Value, name: &str, value: &str| {
        let mut key = key.clone();
        key[name] = value.into();
        key
    };
    for (key, why) in [
        (json!({ "kty": "oct", "k": "c2hvcnQ" }), "keys[0]: k: 5 bytes, where HS256 wants 32 or more"),
        (json!({ "kty": "oct", "k": "a=" }), "keys[0]: k: not base64url without padding"),
        (json!({ "kty": "OKP" }), "keys[0]: kty: `OKP` is none of oct, RSA and EC"),
        (changed(&rsa, "n", "AQAB"), "keys[0]: n: 17 bits, none of 2048 to 4096"),
        (changed(&rsa, "alg", "HS256"), "keys[0]: alg: \"HS256\", but the key is one for RS256"),
        (changed(&rsa, "use", "enc"), "keys[0]: use: the key is not for signatures"),
        (changed(&ec, "crv", "P-384"), "keys[0]: crv: `P-384` is not P-256"),
        (changed(&ec, "x", ec["y"].as_str().unwrap()), "keys[0]: x, y: not a point of P-256"),
    ] {
        let error = testing::load::<Jwt>(json!({ "keys": [key] })).err().unwrap();
        assert_eq!(error.to_string(), why);
    }
    let error = testing::load::<Jwt>(json!({})).err().unwrap();
    assert_eq!(error.to_string(), "keys, jwks: without either nobody could get in");
}
