use nomagic_testkit::rng;
use nomagic_testkit::vectors::{hex, json};

use super::*;

const BACKENDS: [Backend; 2] = [Backend::RustCrypto, Backend::BuiltIn];

fn key(backend: &Backend, group: NamedGroup, seed: u64) -> EphemeralKey {
    EphemeralKey::generate(backend, group, &mut rng(seed)).unwrap()
}

fn public(key: &EphemeralKey) -> Vec<u8> {
    let mut out = Vec::new();
    key.put_public_key(&mut out);
    out
}

#[test]
fn both_ends_agree_in_every_group_and_with_every_backend() {
    for group in NamedGroup::SUPPORTED {
        for (one, other) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let ours = key(&BACKENDS[one], group, 1);
            let (their_public, secret) =
                answer(&BACKENDS[other], group, &public(&ours), &mut rng(2)).unwrap();
            assert_eq!(ours.group(), group);
            assert_eq!(ours.agree(&their_public).unwrap(), secret);
            assert!(secret.len() >= 32);
        }
    }
    for backend in BACKENDS {
        assert!(EphemeralKey::generate(&backend, NamedGroup(0x11ec), &mut rng(1)).is_none());
    }
}

// D38
/// Points that are not on the curve, at infinity, or compressed; a result that is zero.
//= rfc8422#5.11-1 test
//= rfc8422#5.11-2 test
#[test]
fn keys_that_are_no_points_are_refused() {
    for backend in BACKENDS {
        for group in [NamedGroup::SECP256R1, NamedGroup::SECP384R1] {
            let good = public(&key(&backend, group, 2));
            assert!(key(&backend, group, 1).agree(&good).is_ok());
            let last = good.len() - 1;
            let mut off_curve = good.clone();
            off_curve[last] ^= 1;
            let mut compressed = good[..good.len().div_ceil(2)].to_vec();
            compressed[0] = 2 | good[last] & 1;
            if group == NamedGroup::SECP256R1 {
                assert!(p256::PublicKey::from_sec1_bytes(&compressed).is_ok(), "it is a point");
            } else {
                assert!(p384::PublicKey::from_sec1_bytes(&compressed).is_ok(), "it is a point");
            }
            for bad in [&off_curve[..], &compressed, &[0], &[], &good[..last], &[&good[..], &[0]].concat()] {
                assert_eq!(key(&backend, group, 1).agree(bad), Err(CryptoError::PublicKey));
            }
        }
        for bad in [&[0; 32][..], &[9; 31], &[9; 33], &[]] {
            assert_eq!(key(&backend, NamedGroup::X25519, 1).agree(bad), Err(CryptoError::PublicKey));
        }
    }
}

/// A key with this secret; `None` if there is none such.
fn with_secret(backend: &Backend, group: NamedGroup, secret: &[u8]) -> Option<EphemeralKey> {
    #[cfg(feature = "aws-lc-rs")]
    if backend.takes_aws_lc() {
        return crate::crypto::aws_lc::AwsLcShare::from_secret(group, secret).map(EphemeralKey::AwsLc);
    }
    let _ = backend;
    match group {
        NamedGroup::X25519 => Some(EphemeralKey::X25519(<[u8; 32]>::try_from(secret).unwrap().into())),
        _ => p256::SecretKey::from_slice(secret).ok().map(EphemeralKey::P256),
    }
}

//= rfc8422#5.10-2 test
//= rfc8422#5.11-3 test
#[test]
fn x25519_agrees_with_wycheproof() {
    let Some(file) = json("crypto/wycheproof-x25519_test.json") else { return };
    let groups = file["testGroups"].as_array().unwrap();
    for case in groups.iter().flat_map(|group| group["tests"].as_array().unwrap()) {
        let field = |name: &str| hex(case[name].as_str().unwrap());
        for backend in BACKENDS {
            let key = with_secret(&backend, NamedGroup::X25519, &field("private")).unwrap();
            let agreed = key.agree(&field("public"));
            if field("shared") == [0; 32] {
                assert_eq!(agreed, Err(CryptoError::PublicKey), "{case}");
            } else {
                assert_eq!(agreed.unwrap().to_vec(), field("shared"), "{case}");
            }
        }
    }
}

#[test]
fn p256_agrees_with_wycheproof() {
    let Some(file) = json("crypto/wycheproof-ecdh_secp256r1_ecpoint_test.json") else { return };
    let (groups, mut ran) = (file["testGroups"].as_array().unwrap(), 0);
    for case in groups.iter().flat_map(|group| group["tests"].as_array().unwrap()) {
        let field = |name: &str| hex(case[name].as_str().unwrap());
        let private = field("private");
        let private = &private[private.len().saturating_sub(32)..];
        let mut padded = [0; 32];
        padded[32 - private.len()..].copy_from_slice(private);
        for backend in BACKENDS {
            let Some(key) = with_secret(&backend, NamedGroup::SECP256R1, &padded) else { continue };
            let agreed = key.agree(&field("public"));
            let uncompressed = field("public").first() == Some(&4);
            assert_eq!(agreed.is_ok(), case["result"] == "valid" && uncompressed, "{case}");
            if let Ok(agreed) = agreed {
                assert_eq!(agreed.to_vec(), field("shared"), "{case}");
            }
            ran += 1;
        }
    }
    assert!(ran > 100, "{ran} cases");
}
