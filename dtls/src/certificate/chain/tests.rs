use super::*;
use crate::certificate::{Identity, Verifier, admit};
use nomagic_testkit::rng;

/// Five levels: P-256, RSA-2048 three times, RSA-4096.
const CHAIN: &str = include_str!("../../../tests/identities/chain.pem");
const KEY: &str = include_str!("../../../tests/identities/chain.key");
/// In the dates of all certificates of the tests: the beginning of 2030.
const IN_TIME: UnixTime = UnixTime(Duration::from_secs(1_893_456_000));

fn ders() -> Vec<Vec<u8>> {
    Identity::from_pem(CHAIN, KEY).unwrap().chain().map(<[u8]>::to_vec).collect()
}

fn check_all(ders: &[Vec<u8>], time: UnixTime) -> Result<(), Rejection> {
    let mut message = Vec::new();
    crate::handshake::encode_chain(ders.iter().map(Vec::as_slice), &mut message);
    check(&CertificateChain::parse(&message).unwrap(), time)
}

// D42
//= rfc5246#7.4.2-3 test
//= rfc5246#7.4.2-4 test
#[test]
fn a_chain_holds_together_in_its_order_only() {
    let ders = ders();
    for length in 1..=ders.len() {
        assert_eq!(check_all(&ders[..length], IN_TIME), Ok(()), "{length}");
    }
    let mut swapped = ders.clone();
    swapped.swap(1, 2);
    assert_eq!(check_all(&swapped, IN_TIME), Err(Rejection::Issuer(1)));
    let mut gap = ders.clone();
    gap.remove(2);
    assert_eq!(check_all(&gap, IN_TIME), Err(Rejection::Issuer(2)));
    let mut twice = ders.clone();
    twice.insert(0, ders[0].clone());
    assert_eq!(check_all(&twice, IN_TIME), Err(Rejection::Issuer(1)), "the leaf is no authority");
    let mut long = ders.clone();
    long.extend(vec![ders[4].clone(); 4]);
    assert_eq!(check_all(&long, IN_TIME), Err(Rejection::Issuer(MAX_CHAIN)));
}

/// A change anywhere in what is signed, or in the signature, is seen.
#[test]
fn a_certificate_that_was_changed_is_seen() {
    let ders = ders();
    for at in (0..ders[0].len()).chain([ders[0].len() - 1]) {
        let mut changed = ders.clone();
        changed[0][at] ^= 1;
        assert!(check_all(&changed, IN_TIME).is_err(), "octet {at}");
    }
}

#[test]
fn certificates_out_of_their_time_are_refused() {
    let ders = ders();
    assert_eq!(check_all(&ders, UnixTime(Duration::ZERO)), Err(Rejection::Date(0)));
    let far = UnixTime(Duration::from_secs(200 * 365 * 24 * 3600));
    assert_eq!(check_all(&ders, far), Err(Rejection::Date(0)));
    // Our own certificates never end.
    let own = Identity::generate(&mut rng(1)).certificate().to_vec();
    assert_eq!(check_all(&[own], far), Ok(()));
}

/// The callback is asked when the chain is good, and gets the time; a fingerprint needs no time at all.
#[test]
fn the_callback_is_asked_last() {
    let identity = Identity::from_pem(CHAIN, KEY).unwrap();
    let root = ders().pop().unwrap();
    let chain = CertificateChain::parse(identity.message()).unwrap();
    let verify = |time: UnixTime, trusted: Vec<u8>| {
        let verifier =
            Verifier::chain(time, move |chain, now| now == time && chain.iter().last() == Some(&trusted));
        admit(&chain, &verifier).map(|_| ())
    };
    assert_eq!(verify(IN_TIME, root.clone()), Ok(()));
    let refused = |rejection| Err(crate::certificate::Refusal::Rejected(rejection));
    assert_eq!(verify(IN_TIME, Vec::new()), refused(Rejection::Application));
    assert_eq!(verify(UnixTime(Duration::ZERO), root), refused(Rejection::Date(0)));
    let fingerprint = Verifier::fingerprints([identity.fingerprint()]);
    assert!(admit(&chain, &fingerprint).is_ok());
}

/// Valid and mutated certificates, whole and cut, alone and as their own issuers: the answer is yes or no.
#[test]
fn certificates_of_a_corpus_are_judged_without_panic() {
    let mut accepted = 0;
    for (_, der) in nomagic_testkit::vectors::files("dtls/boringssl-cert") {
        let years = (2000..2040).map(|year| UnixTime(Duration::from_secs((year - 1970) * 31_557_600)));
        let alone = std::slice::from_ref(&der);
        accepted += usize::from(years.into_iter().any(|time| check_all(alone, time).is_ok()));
        let _ = check_all(&[der.clone(), der.clone()], IN_TIME);
        for cut in (0..der.len()).step_by(11) {
            let cut = if cut == 0 { vec![0] } else { der[..cut].to_vec() };
            assert!(check_all(&[cut], IN_TIME).is_err());
        }
    }
    if nomagic_testkit::vectors::folder().is_some() {
        assert!(accepted > 0);
    }
}

macro_rules! chain {
    ($name:literal) => {{
        let certificates = include_str!(concat!("../../../tests/identities/", $name, ".pem"));
        let key = include_str!(concat!("../../../tests/identities/", $name, ".key"));
        let identity = Identity::from_pem(certificates, key).unwrap();
        identity.chain().map(<[u8]>::to_vec).collect::<Vec<_>>()
    }};
}

/// Good signatures of those who may not sign: a leaf, an authority under another name, and one too far above.
#[test]
fn only_authorities_issue_certificates() {
    let issuer = |at| Err(Rejection::Issuer(at));
    assert_eq!(check_all(&chain!("chain-below-leaf"), IN_TIME), issuer(1));
    assert_eq!(check_all(&chain!("chain-other-name"), IN_TIME), issuer(1));
    assert_eq!(check_all(&chain!("chain-too-deep"), IN_TIME), issuer(2));
    assert_eq!(check_all(&chain!("chain-too-deep")[1..], IN_TIME), Ok(()), "not too far from there");
    assert_eq!(
        check_all(&chain!("chain-may-not-sign"), IN_TIME),
        issuer(1),
        "an authority, but its key is not for it"
    );
}

/// A key that may not sign proves nothing, in chain mode; a fingerprint names the certificate, whatever it says of itself.
//= rfc5246#7.4.2-10 test
//= rfc5246#7.4.2-14 test
//= rfc5246#7.4.6-6 test
//= rfc5246#7.4.6-8 test
#[test]
fn a_key_for_something_else_proves_nothing() {
    let chain = chain!("chain-for-agreement");
    assert_eq!(check_all(&chain, IN_TIME), Err(Rejection::KeyUsage));
    assert_eq!(check_all(&chain[1..], UnixTime(Duration::ZERO)), Err(Rejection::Date(0)), "dates come first");
    assert_eq!(check_all(&chain!("chain-may-not-sign")[1..], IN_TIME), Ok(()), "it may sign handshakes");
    assert_eq!(check_all(&chain[1..], IN_TIME), Err(Rejection::KeyUsage), "and this one certificates only");
}
