use nomagic_testkit::rng;
use nomagic_testkit::vectors::hex;

use super::*;
use crate::crypto::SignatureScheme;
use crate::crypto::provider::Backend;
use crate::crypto::signature::SignatureHash;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../tests/identities/", $name))
    };
}

const P256: &str = file!("p256.pem");
const P256_KEY: &str = file!("p256.key");

/// Keys in each format, and what they sign is good under the certificate.
#[test]
fn keys_load_from_pem_in_all_their_formats() {
    let all = [
        (P256, P256_KEY),
        (P256, file!("p256-sec1.key")),
        (file!("p384.pem"), file!("p384.key")),
        (file!("p384.pem"), file!("p384-sec1.key")),
        (file!("ed25519.pem"), file!("ed25519.key")),
    ];
    for (certificate, key) in all {
        let identity = Identity::from_pem(certificate, key).unwrap();
        let peer = peer_key(identity.certificate()).unwrap();
        for scheme in identity.key().schemes() {
            let signature = identity.key().sign(&Backend::BuiltIn, *scheme, b"message", &mut rng(1)).unwrap();
            assert_eq!(peer.key.verify(*scheme, b"message", &signature), Ok(()), "{scheme}");
        }
        let text = [key, "between the blocks\n", certificate].concat();
        assert_eq!(Identity::from_pem(&text, &text).unwrap().fingerprint(), identity.fingerprint());
    }
}

#[test]
fn a_chain_loads_in_its_order() {
    let identity = Identity::from_pem(file!("chain.pem"), file!("chain.key")).unwrap();
    assert_eq!(identity.chain().count(), 5);
    assert_eq!(identity.chain().next(), Some(identity.certificate()));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let load = |certificate: &str, key: &str| Identity::from_pem(certificate, key).err();
    assert_eq!(load(P256, file!("p384.key")), Some(IdentityError::Mismatch));
    assert_eq!(load(P256, file!("ed25519.key")), Some(IdentityError::Mismatch));
    assert_eq!(load("", P256_KEY), Some(IdentityError::NoCertificate));
    assert_eq!(load(P256, P256), Some(IdentityError::NoKey));
    assert_eq!(load(file!("p521.pem"), file!("p521.key")), Some(IdentityError::UnsupportedKey));
    assert_eq!(load(P256, file!("p521.key")), Some(IdentityError::UnsupportedKey));
    assert_eq!(load(P256, &P256_KEY.replace("MIGH", "M!GH")), Some(IdentityError::Pem));
    assert_eq!(load(P256, &P256_KEY.replacen('\n', "\nAAAA", 1)), Some(IdentityError::Pem));
    let encrypted = P256_KEY.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(load(P256, &encrypted), Some(IdentityError::NoKey));
    let certificate = pem_rfc7468::decode_vec(P256.as_bytes()).unwrap().1;
    let key = pem_rfc7468::decode_vec(P256_KEY.as_bytes()).unwrap().1;
    let from_der = |certificate: &[u8], key: &[u8]| Identity::from_der([certificate], key).err();
    assert_eq!(from_der(&certificate, &key), None);
    assert_eq!(from_der(&certificate[1..], &key), Some(IdentityError::Certificate));
    for at in 0..key.len() {
        assert_eq!(from_der(&certificate, &key[..at]), Some(IdentityError::Key), "cut at {at}");
    }
    assert_eq!(from_der(&vec![0; 1 << 24], &key), Some(IdentityError::TooLong));
}

/// Without the feature, RSA verifies only.
#[cfg(not(feature = "aws-lc-rs"))]
#[test]
fn keys_of_rsa_do_not_sign() {
    for key in [file!("rsa.key"), file!("rsa-pkcs1.key")] {
        assert_eq!(Identity::from_pem(file!("rsa.pem"), key).err(), Some(IdentityError::RsaSigning));
    }
}

/// Signatures of OpenSSL with each kind of key and each scheme are good, and under no other scheme.
//= rfc5246#4.7-1 test
//= rfc8422#5.9-2 test
//= rfc8422#5.9-4 test
//= rfc8422#5.9-5 test
//= rfc8422#5.10-5 test
#[test]
fn signatures_of_another_implementation_verify() {
    let certificates = [
        ("p256", P256),
        ("p384", file!("p384.pem")),
        ("ed25519", file!("ed25519.pem")),
        ("rsa", file!("rsa.pem")),
        ("rsa4096", file!("rsa4096.pem")),
        ("pss", file!("pss.pem")),
        ("pss384", file!("pss384.pem")),
    ];
    let message = b"signed by another implementation";
    for line in file!("signatures.txt").lines() {
        let mut words = line.split(' ');
        let (name, scheme) = (words.next().unwrap(), words.next().unwrap());
        let scheme = SignatureScheme(u16::from_str_radix(scheme, 16).unwrap());
        let mut signature = hex(words.next().unwrap());
        let (_, pem) = certificates.into_iter().find(|(known, _)| *known == name).unwrap();
        let der = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap().1;
        let peer = peer_key(&der).unwrap();
        for other in SignatureScheme::SUPPORTED {
            let verified = peer.key.verify(other, message, &signature).is_ok();
            assert_eq!(verified, other == scheme, "{name} {scheme} as {other}");
        }
        assert!(peer.key.verify(scheme, &message[1..], &signature).is_err());
        signature.push(0);
        assert!(peer.key.verify(scheme, message, &signature).is_err(), "{name} {scheme}: one octet more");
        signature.truncate(signature.len() - 2);
        assert!(peer.key.verify(scheme, message, &signature).is_err(), "{name} {scheme}: one octet less");
    }
}

/// A key that is bound to a hash function signs with no other: here, that of a certificate which names none.
#[test]
fn a_key_for_pss_may_be_bound_to_a_hash() {
    let der = pem_rfc7468::decode_vec(file!("pss.pem").as_bytes()).unwrap().1;
    let PublicKey::Rsa { key, pss: Some(None) } = peer_key(&der).unwrap().key else { panic!("another key") };
    let bound = PublicKey::Rsa { key, pss: Some(Some(SignatureHash::Sha384)) };
    let mut checked = 0;
    for line in file!("signatures.txt").lines().filter(|line| line.starts_with("pss ")) {
        let words: Vec<_> = line.split(' ').collect();
        let scheme = SignatureScheme(u16::from_str_radix(words[1], 16).unwrap());
        let verified = bound.verify(scheme, b"signed by another implementation", &hex(words[2]));
        assert_eq!(verified.is_ok(), scheme == SignatureScheme::RSA_PSS_PSS_SHA384, "{scheme}");
        checked += 1;
    }
    assert_eq!(checked, 3);
}

// D42
/// Keys of RSA that are too short, of a curve that is not implemented, and the like.
#[test]
fn certificates_with_keys_that_prove_too_little_are_refused() {
    for pem in [file!("rsa1024.pem"), file!("p521.pem")] {
        let der = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap().1;
        assert_eq!(peer_key(&der).err(), Some(CertificateError::UnsupportedKey));
    }
}
