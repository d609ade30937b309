use nomagic_testkit::rng;
use nomagic_testkit::vectors::{hex, json};

use super::*;
use crate::crypto::signing::SigningKey;

const BACKENDS: [Backend; 2] = [Backend::RustCrypto, Backend::BuiltIn];
const SCHEME: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;

fn public(key: &SigningKey) -> PublicKey {
    match key {
        SigningKey::P256(key) => PublicKey::P256(*key.key.verifying_key()),
        SigningKey::P384(key) => PublicKey::P384(*key.key.verifying_key()),
        SigningKey::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
        _ => panic!("not among the test's keys"),
    }
}

fn keys() -> [SigningKey; 3] {
    use p256::elliptic_curve::Generate;
    [
        SigningKey::generate(&mut rng(1)),
        SigningKey::p384(p384::ecdsa::SigningKey::generate_from_rng(&mut rng(1))),
        SigningKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32])),
    ]
}

/// A signature is good for its message, its key and its scheme, and for nothing else, whoever makes it and whoever checks it.
#[test]
fn a_signature_verifies_for_its_message_key_and_scheme_only() {
    for key in keys() {
        for (signs, verifies) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let verify = |key: &SigningKey, scheme, message: &[u8], signature: &[u8]| {
                public(key).verify_by(&BACKENDS[verifies], &[], scheme, message, signature)
            };
            for scheme in key.schemes() {
                let signature = key.sign(&BACKENDS[signs], *scheme, b"in parts", &mut rng(2)).unwrap();
                assert_eq!(verify(&key, *scheme, b"in parts", &signature), Ok(()));
                assert!(verify(&key, *scheme, b"in part", &signature).is_err());
                for other in keys().into_iter().filter(|other| other.public_key() != key.public_key()) {
                    assert!(verify(&other, *scheme, b"in parts", &signature).is_err());
                }
                for other in SignatureScheme::SUPPORTED.into_iter().filter(|other| other != scheme) {
                    assert!(verify(&key, other, b"in parts", &signature).is_err(), "{scheme} as {other}");
                }
            }
        }
    }
}

#[test]
fn the_generator_is_mixed_into_the_nonce() {
    let [key, ..] = keys();
    let sign = |seed| key.sign(&Backend::RustCrypto, SCHEME, b"x", &mut rng(seed));
    assert_ne!(sign(2), sign(3));
    assert_eq!(sign(2), sign(2));
}

// D39
/// Zero, out of range, negative, trailing octets and the like.
//= rfc8422#5.10-3 test
#[test]
fn ecdsa_agrees_with_wycheproof() {
    let Some(file) = json("crypto/wycheproof-ecdsa_secp256r1_sha256_test.json") else { return };
    for group in file["testGroups"].as_array().unwrap() {
        let point = hex(group["publicKey"]["uncompressed"].as_str().unwrap());
        let public = PublicKey::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap());
        for case in group["tests"].as_array().unwrap() {
            let field = |name: &str| hex(case[name].as_str().unwrap());
            for backend in [Backend::RustCrypto, Backend::BuiltIn] {
                let verified = public.verify_by(&backend, &[], SCHEME, &field("msg"), &field("sig"));
                assert_eq!(verified.is_ok(), case["result"] == "valid", "{case}");
            }
        }
    }
}
