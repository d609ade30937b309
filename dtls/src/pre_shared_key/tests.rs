use nomagic_testkit::rng;
use nomagic_testkit::vectors::hex;

use super::*;

fn key(identity: &str, octets: &[u8]) -> PreSharedKey {
    PreSharedKey::new(identity, octets).unwrap()
}

/// RFC 4279 section 2 and RFC 5489 section 2, octet by octet.
#[test]
fn the_premaster_secret_is_made_of_two_vectors() {
    let octets: Vec<u8> = (0xa0..0xb0).collect();
    let claimed = key("lamp", &octets).claimed();
    // As many zeros as the key has octets, and the key.
    let plain = "0010 00000000000000000000000000000000 0010 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
    assert_eq!(claimed.premaster(None)[..], hex(&plain.replace(' ', "")));
    // What ephemeral keys gave, with its leading zeros, and the key.
    let mixed = "0003 00c1c2 0010 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
    assert_eq!(claimed.premaster(Some(&[0, 0xc1, 0xc2]))[..], hex(&mixed.replace(' ', "")));
    assert_eq!(claimed.premaster(Some(&[]))[..], hex("00000010a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"));
    let longest = key("lamp", &[9; MAX_KEY]).claimed();
    let expected = [&[1, 0][..], &[0; 256], &[1, 0], &[9; 256]].concat();
    assert_eq!(longest.premaster(None)[..], expected);
    for agreed in [None, Some(&[1; 66][..])] {
        let premaster = claimed.premaster(agreed);
        assert_eq!(premaster.capacity(), premaster.len(), "it was not moved while it grew");
    }
}

#[test]
fn keys_and_identities_have_bounds() {
    let made = |identity: usize, octets: usize| {
        PreSharedKey::new("x".repeat(identity), &vec![1; octets]).map(|key| key.identity().len())
    };
    assert_eq!(made(1, 16), Ok(1));
    assert_eq!(made(512, 256), Ok(512));
    assert_eq!(made(0, 16), Err(PreSharedKeyError::Identity(0)));
    assert_eq!(made(513, 16), Err(PreSharedKeyError::Identity(513)));
    assert_eq!(made(1, 15), Err(PreSharedKeyError::Key(15)));
    assert_eq!(made(1, 0), Err(PreSharedKeyError::Key(0)));
    assert_eq!(made(1, 257), Err(PreSharedKeyError::Key(257)));
    assert_eq!(made(1, 15).unwrap_err().to_string(), "a key of 15 octets, expected 16 to 256");
    let hint = |len: usize| PreSharedKeys::new([]).with_hint("h".repeat(len)).map(|keys| keys.hint().len());
    assert_eq!((hint(512), hint(513)), (Ok(512), Err(PreSharedKeyError::Hint(513))));
}

#[test]
fn nothing_shows_a_key() {
    let known = key("lamp \"1\"", b"secret octets that nobody sees");
    assert_eq!(format!("{known:?}"), "PreSharedKey(\"lamp \\\"1\\\"\")");
    assert_eq!(format!("{:?}", PreSharedKeys::new([known.clone(), known])), "PreSharedKeys(2 keys)");
    assert_eq!(format!("{:?}", PreSharedKeys::callback(|_| None)), "PreSharedKeys(callback)");
}

/// What a server makes of an identity.
fn found(keys: &PreSharedKeys, identity: &[u8], seed: u64) -> Vec<u8> {
    keys.find(identity, &mut rng(seed)).key.to_vec()
}

#[test]
fn a_known_identity_has_its_key_and_others_a_drawn_one() {
    let list = [key("a", &[1; 16]), key("b", &[2; 48]), key("c", &[3; 20]), key("b", &[4; 32])];
    let known = PreSharedKeys::new(list.clone());
    let asked = PreSharedKeys::callback({
        let list = list.clone();
        move |identity| list.iter().rfind(|key| key.identity() == identity).cloned()
    });
    for keys in [&known, &asked] {
        for (identity, octets) in [("a", [1; 16].to_vec()), ("b", vec![4; 32]), ("c", vec![3; 20])] {
            assert_eq!(found(keys, identity.as_bytes(), 1), octets);
            assert_eq!(keys.get(identity).unwrap().0.key[..], octets);
        }
        for identity in [&b""[..], b"d", b"A", b"ab", b"\xff", &[b'a'; 600]] {
            let [first, second] = [1, 2].map(|seed| found(keys, identity, seed));
            assert_ne!(first, second, "drawn anew each time");
            assert!(list.iter().all(|key| key.0.key[..] != first));
            assert!([16, 20, 32, 48].contains(&first.len()), "as long as others");
            assert!(first.iter().any(|octet| *octet != first[0]));
        }
        assert!(keys.get("d").is_none() && keys.get("").is_none());
    }
    // All lengths are drawn.
    let lengths: std::collections::BTreeSet<usize> =
        (0..64).map(|seed| found(&known, b"d", seed).len()).collect();
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [16, 20, 32, 48]);
    assert_eq!(found(&PreSharedKeys::new([]), b"a", 1).len(), 32);
}

/// The mark of a session tells one key from another, and one identity too.
#[test]
fn a_mark_is_that_of_the_key() {
    let mark = |identity: &str, octet: u8| key(identity, &[octet; 16]).claimed().shared.mark;
    assert_eq!(mark("a", 1), mark("a", 1));
    assert_ne!(mark("a", 1), mark("a", 2));
    assert_ne!(mark("a", 1), mark("b", 1));
}
