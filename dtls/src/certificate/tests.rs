use nomagic_testkit::rng;
use nomagic_testkit::vectors::{files, hex};

use super::*;

//= rfc8422#5.3-1 test
//= rfc8422#5.9-1 test
#[test]
fn our_own_certificate_reads_as_x509() {
    let identity = Identity::generate(&mut rng(1));
    let peer = peer_key(identity.certificate()).unwrap();
    let (PublicKey::P256(theirs), SigningKey::P256(ours)) = (peer.key, &identity.key) else { panic!() };
    assert_eq!(&theirs, ours.key.verifying_key());
    let other = Identity::generate(&mut rng(2));
    assert_ne!(identity.fingerprint(), other.fingerprint());
    assert_eq!(
        identity.fingerprint(),
        Identity::generate(&mut rng(1)).fingerprint(),
        "the generator decides"
    );
}

/// The signature is that of the certificate's own key over its first part.
#[test]
fn our_own_certificate_is_signed() {
    let identity = Identity::generate(&mut rng(1));
    let certificate = identity.certificate();
    // SEQUENCE with two octets of length, then the part that is signed, with two of its own.
    assert_eq!((certificate[0], certificate[1], certificate[4], certificate[5]), (0x30, 0x82, 0x30, 0x81));
    let signed_len = 3 + usize::from(certificate[6]);
    let (signed, rest) = certificate[4..].split_at(signed_len);
    // Behind the algorithm: BIT STRING, length, no unused bits.
    let signature = &rest[12 + 3..];
    let peer = peer_key(certificate).unwrap();
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    assert_eq!(peer.key.verify(scheme, signed, signature), Ok(()));
}

/// D42: chains, odd certificates and those with other keys. Whatever it is, the answer is yes or no.
#[test]
fn certificates_of_a_corpus_read_without_panic() {
    let mut supported = 0;
    for (_, der) in files("dtls/boringssl-cert") {
        supported += usize::from(peer_key(&der).is_ok());
        for cut in (0..der.len()).step_by(7) {
            assert!(peer_key(&der[..cut]).is_err());
        }
    }
    if nomagic_testkit::vectors::folder().is_some() {
        assert!(supported > 0);
    }
}

/// D42: RFC 9925 certificates are unsigned, with an algorithm of their own and an empty signature.
#[test]
fn an_unsigned_certificate_can_be_used() {
    let identity = Identity::generate(&mut rng(1));
    let certificate = identity.certificate();
    let ecdsa = hex("300a06082a8648ce3d040302");
    let unsigned_algorithm = hex("300a06082b06010505070624");
    let at = certificate.windows(ecdsa.len()).position(|window| window == ecdsa).unwrap();
    let mut unsigned = certificate[4..4 + 3 + usize::from(certificate[6])].to_vec();
    unsigned[at - 4..at - 4 + ecdsa.len()].copy_from_slice(&unsigned_algorithm);
    unsigned.extend(&unsigned_algorithm);
    unsigned.extend([3, 1, 0]);
    let len = u8::try_from(unsigned.len()).unwrap();
    let whole = [&[0x30, 0x81, len][..], &unsigned].concat();
    assert!(peer_key(&whole).is_ok());
}

#[test]
fn fingerprints_read_and_write_as_in_sdp() {
    let text = format!("sha-256 {}", ["0A"; 32].join(":"));
    let fingerprint: Fingerprint = text.parse().unwrap();
    assert_eq!(fingerprint.to_string(), text);
    assert_eq!(text.to_lowercase().replace("sha", "SHA").parse(), Ok(fingerprint));
    let shorter = format!("sha-384 {}", ["0A"; 32].join(":"));
    let expected = FingerprintError::Length { expected: 48, found: 32 };
    assert_eq!(shorter.parse::<Fingerprint>(), Err(expected));
    assert_eq!("sha-1 00".parse::<Fingerprint>(), Err(FingerprintError::Algorithm));
    for bad in ["", "sha-256", "sha-256 0", "sha-256 +A", "sha-256 000:0", "sha-256 \u{e9}"] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
}

fn verify(verifier: &Verifier, identity: &Identity) -> Result<(), Refusal> {
    admit(&CertificateChain::parse(identity.message()).unwrap(), verifier).map(|_| ())
}

/// RFC 8122 section 5: of several hash functions the strongest decides, of several hashes of it any.
#[test]
fn only_fingerprints_of_the_strongest_hash_count() {
    let (right, wrong) = (Identity::generate(&mut rng(1)), Identity::generate(&mut rng(2)));
    let of = |algorithm, identity: &Identity| Fingerprint::of(algorithm, identity.certificate());
    let rejected = Err(Refusal::Rejected(Rejection::Fingerprint));
    for strongest in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
        let both = Verifier::fingerprints([of(strongest, &wrong), of(strongest, &right)]);
        assert_eq!(verify(&both, &right), Ok(()));
        let other = Verifier::fingerprints([of(strongest, &wrong), of(HashAlgorithm::Sha256, &wrong)]);
        assert_eq!(verify(&other, &right), rejected);
    }
    let weaker =
        Verifier::fingerprints([of(HashAlgorithm::Sha256, &right), of(HashAlgorithm::Sha512, &wrong)]);
    assert_eq!(verify(&weaker, &right), rejected);
    assert_eq!(verify(&Verifier::fingerprints([]), &right), rejected);
}

#[test]
fn a_pinned_key_and_a_callback_decide() {
    let (right, wrong) = (Identity::generate(&mut rng(1)), Identity::generate(&mut rng(2)));
    let pinned = Verifier::public_key(peer_key(right.certificate()).unwrap().spki);
    assert_eq!(verify(&pinned, &right), Ok(()));
    assert_eq!(verify(&pinned, &wrong), Err(Refusal::Rejected(Rejection::PublicKey)));
    let known = right.certificate().to_vec();
    let callback = Verifier::callback(move |chain| chain.leaf() == known && chain.iter().count() == 1);
    assert_eq!(verify(&callback, &right), Ok(()));
    assert_eq!(verify(&callback, &wrong), Err(Refusal::Rejected(Rejection::Application)));
    let nobody = CertificateChain::parse(&[0, 0, 0]).unwrap();
    assert_eq!(admit(&nobody, &callback).map(|_| ()), Err(Refusal::Missing));
}
