use nomagic_testkit::rng;
use nomagic_testkit::vectors::{hex, json};

use super::*;
use crate::crypto::signing::SigningKey;

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;

fn public(key: &SigningKey) -> PublicKey {
    match key {
        SigningKey::P256(key) => PublicKey::P256(*key.verifying_key()),
        SigningKey::P384(key) => PublicKey::P384(*key.verifying_key()),
        SigningKey::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
    }
}

fn keys() -> [SigningKey; 3] {
    use p256::elliptic_curve::Generate;
    [
        SigningKey::generate(&mut rng(1)),
        SigningKey::P384(p384::ecdsa::SigningKey::generate_from_rng(&mut rng(1))),
        SigningKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32])),
    ]
}

/// A signature is good for its message, its key and its scheme, and for nothing else.
#[test]
fn a_signature_verifies_for_its_message_key_and_scheme_only() {
    for key in keys() {
        for scheme in key.schemes() {
            let signature = key.sign(*scheme, b"in parts", &mut rng(2));
            assert_eq!(public(&key).verify(*scheme, b"in parts", &signature), Ok(()));
            assert!(public(&key).verify(*scheme, b"in part", &signature).is_err());
            let others = keys().into_iter().filter(|other| other.public_key() != key.public_key());
            others
                .for_each(|other| assert!(public(&other).verify(*scheme, b"in parts", &signature).is_err()));
            for other in SignatureScheme::SUPPORTED.into_iter().filter(|other| other != scheme) {
                assert!(public(&key).verify(other, b"in parts", &signature).is_err(), "{scheme} as {other}");
            }
        }
    }
}

#[test]
fn the_generator_is_mixed_into_the_nonce() {
    let [key, ..] = keys();
    assert_ne!(key.sign(SCHEME, b"x", &mut rng(2)), key.sign(SCHEME, b"x", &mut rng(3)));
    assert_eq!(key.sign(SCHEME, b"x", &mut rng(2)), key.sign(SCHEME, b"x", &mut rng(2)));
}

// D39
/// Zero, out of range, negative, trailing octets and the like.
#[test]
fn ecdsa_agrees_with_wycheproof() {
    let Some(file) = json("crypto/wycheproof-ecdsa_secp256r1_sha256_test.json") else { return };
    for group in file["testGroups"].as_array().unwrap() {
        let point = hex(group["publicKey"]["uncompressed"].as_str().unwrap());
        let public = PublicKey::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap());
        for case in group["tests"].as_array().unwrap() {
            let field = |name: &str| hex(case[name].as_str().unwrap());
            let verified = public.verify(SCHEME, &field("msg"), &field("sig"));
            assert_eq!(verified.is_ok(), case["result"] == "valid", "{case}");
        }
    }
}
