//! RFC 9605 appendix C, and what must hold beyond it.

use super::*;
use alloc::string::String;
use nomagic_testkit::vectors;
use proptest::prelude::*;

fn octets(value: &serde_json::Value, name: &str) -> Vec<u8> {
    vectors::hex(value[name].as_str().unwrap())
}

/// RFC 9605 appendix C.1.
#[test]
fn every_printed_header_is_read_and_written() {
    let Some(file) = vectors::json("sframe/rfc9605-test-vectors.json") else { return };
    for vector in file["header"].as_array().unwrap() {
        let header =
            Header { key_id: vector["kid"].as_u64().unwrap(), counter: vector["ctr"].as_u64().unwrap() };
        let encoded = octets(vector, "encoded");
        assert_eq!(header.encode(&mut [0; Header::LIMIT]), encoded);
        assert_eq!(Header::parse(&encoded), Some((header, encoded.len())));
        for len in 0..encoded.len() {
            assert_eq!(Header::parse(&encoded[..len]), None);
        }
    }
}

/// RFC 9605 appendix C.3: all suites, and the ones registered since in appendix C.2's form.
#[test]
fn every_printed_frame_is_encrypted_and_decrypted() {
    let Some(file) = vectors::json("sframe/rfc9605-test-vectors.json") else { return };
    let mut checked = 0;
    for vector in file["sframe"].as_array().unwrap() {
        let suite = Suite::from_id(u16::try_from(vector["cipher_suite"].as_u64().unwrap()).unwrap()).unwrap();
        let (key_id, counter) = (vector["kid"].as_u64().unwrap(), vector["ctr"].as_u64().unwrap());
        let (base_key, metadata) = (octets(vector, "base_key"), octets(vector, "metadata"));
        let mut sender = Sender::starting_at(suite, key_id, &base_key, counter);
        let mut frame = octets(vector, "pt");
        sender.encrypt(&mut frame, &metadata).unwrap();
        assert_eq!(frame, octets(vector, "ct"), "{suite:?}");
        let mut receiver = Receiver::new(suite);
        receiver.add_key(key_id, &base_key).unwrap();
        let (header, plain) = receiver.decrypt_with_header(&mut frame, &metadata).unwrap();
        assert_eq!(
            (header, &plain[..]),
            (Header { key_id, counter }, &octets(vector, "pt")[..]),
            "{suite:?}"
        );
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} suites were checked");
}

/// RFC 9605 appendix C.2: the construction of counter mode and HMAC alone, for both sizes of keys.
#[test]
fn the_printed_constructions_of_counter_mode_and_hmac_come_out() {
    let Some(file) = vectors::json("sframe/rfc9605-test-vectors.json") else { return };
    let both = ["aes_ctr_hmac", "aes_256_ctr_hmac"].map(|name| file[name].as_array().unwrap());
    let mut checked = 0;
    for vector in both.into_iter().flatten() {
        let suite = Suite::from_id(u16::try_from(vector["cipher_suite"].as_u64().unwrap()).unwrap()).unwrap();
        let mut key = [0; 96];
        let printed = octets(vector, "key");
        key[..printed.len()].copy_from_slice(&printed);
        let cipher = key::Cipher::new(suite, &key);
        let nonce: [u8; 12] = octets(vector, "nonce").try_into().unwrap();
        let additional = key::Additional::new(&[], &octets(vector, "aad"));
        let mut data = octets(vector, "pt");
        let tag = cipher.seal(&nonce, &additional, suite.tag_len(), &mut data);
        data.extend_from_slice(&tag[..suite.tag_len()]);
        assert_eq!(data, octets(vector, "ct"), "{suite:?}");
        checked += 1;
    }
    assert_eq!(checked, 6);
}

#[test]
fn a_header_in_more_octets_than_needed_is_refused() {
    // The value 7 in an octet of its own, and 256 in three.
    assert_eq!(Header::parse(&[0x80, 7]), None);
    assert_eq!(Header::parse(&[0xa0, 0, 1, 0]), None);
    assert_eq!(Header::parse(&[0x90, 1, 0]), Some((Header { key_id: 256, counter: 0 }, 3)));
}

#[test]
fn values_around_each_length_are_written_in_the_shortest_way() {
    let lengths = |value: u64| if value < 8 { 0 } else { (64 - value.leading_zeros()).div_ceil(8) as usize };
    let edges = (3..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
    for value in (0..300).chain(edges).chain([u64::MAX]) {
        for header in [Header { key_id: value, counter: 1 }, Header { key_id: 1, counter: value }] {
            let mut out = [0; Header::LIMIT];
            let encoded = header.encode(&mut out);
            assert_eq!(encoded.len(), 1 + lengths(value), "{value}");
            assert_eq!(Header::parse(encoded), Some((header, encoded.len())), "{value}");
        }
    }
}

#[test]
fn a_counter_is_used_once_and_the_last_one_ends_the_key() {
    let mut sender = Sender::starting_at(Suite::Aes256GcmSha512_128, 1, b"secret", u64::MAX);
    let mut frame = b"last".to_vec();
    sender.encrypt(&mut frame, b"").unwrap();
    assert_eq!(sender.next_counter(), None);
    let mut more = b"one more".to_vec();
    assert_eq!(sender.encrypt(&mut more, b""), Err(EncryptError::KeyExhausted));
    assert_eq!(more, b"one more");
}

/// RFC 9605 section 5.1: both ends come to the same key, by steps or at once, and never back.
#[test]
fn a_ratchet_moves_both_ends_to_the_same_key() {
    for suite in Suite::ALL {
        let (mut ours, mut theirs) =
            (Ratchet::new(suite, 3, 4, b"start"), Ratchet::new(suite, 3, 4, b"start"));
        (0..18).for_each(|_| ours.advance());
        assert_eq!(ours.key_id(), 3 << 4 | 2);
        (0..9).for_each(|_| theirs.advance());
        assert!(theirs.ahead(4 << 4).is_none(), "another generation");
        let ahead = theirs.ahead(ours.key_id()).unwrap();
        assert_eq!((ahead.step(), ahead.base_key()), (18, ours.base_key()));
        assert_eq!(ahead.key_id(), ours.key_id());
        assert_eq!(theirs.step(), 9, "a header alone moves nothing");
        let theirs = ahead.ahead(ours.key_id()).unwrap();
        assert_eq!((theirs.step(), theirs.base_key()), (18, ours.base_key()));
        assert_eq!(theirs.base_key().len(), suite.hash_len());
        let mut sender = Sender::new(suite, ours.key_id(), ours.base_key());
        let mut receiver = Receiver::new(suite);
        receiver.add_key(theirs.key_id(), theirs.base_key()).unwrap();
        let mut frame = b"after the steps".to_vec();
        sender.encrypt(&mut frame, b"").unwrap();
        assert_eq!(receiver.decrypt(&mut frame, b"").unwrap(), b"after the steps");
    }
}

#[test]
fn a_far_step_in_a_forged_header_costs_nothing() {
    let ratchet = Ratchet::new(Suite::Aes128GcmSha256_128, 0, 63, b"start");
    assert!(ratchet.ahead(1 << 40).is_none());
    assert!(ratchet.ahead(1025).is_none());
    assert_eq!(ratchet.ahead(1024).map(|ahead| ahead.step()), Some(1024));
}

#[test]
fn keys_are_bounded_and_told_apart() {
    let mut receiver = Receiver::new(Suite::Aes128GcmSha256_128);
    (0..256).for_each(|key_id| receiver.add_key(key_id, b"k").unwrap());
    assert_eq!(receiver.add_key(0, b"k"), Err(AddError::InUse { key_id: 0 }));
    assert_eq!(receiver.add_key(256, b"k"), Err(AddError::TooManyKeys { limit: 256 }));
    assert!(receiver.remove_key(5));
    let mut frame = alloc::vec![0x50, 1, 2, 3];
    assert_eq!(receiver.decrypt(&mut frame, b""), Err(DecryptError::UnknownKey { key_id: 5 }));
    assert_eq!(receiver.decrypt(&mut [], b""), Err(DecryptError::Malformed { len: 0 }));
    assert_eq!(
        String::from("no key has identifier 5"),
        alloc::format!("{}", DecryptError::UnknownKey { key_id: 5 })
    );
}

proptest! {
    #[test]
    fn any_frame_comes_back_and_any_flipped_bit_is_refused(
        suite in 0usize..8,
        key_id: u64,
        counter in 0..u64::MAX,
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        metadata in proptest::collection::vec(any::<u8>(), 0..200),
        flip: proptest::sample::Index,
    ) {
        let suite = Suite::ALL[suite];
        let mut sender = Sender::starting_at(suite, key_id, b"base", counter);
        let mut receiver = Receiver::new(suite);
        receiver.add_key(key_id, b"base").unwrap();
        let mut frame = plain.clone();
        sender.encrypt(&mut frame, &metadata).unwrap();
        prop_assert_eq!(sender.next_counter(), Some(counter + 1));
        let mut broken = frame.clone();
        let bit = flip.index(broken.len() * 8);
        broken[bit / 8] ^= 1 << (bit % 8);
        let before = broken.clone();
        prop_assert!(receiver.decrypt(&mut broken, &metadata).is_err());
        prop_assert_eq!(broken, before);
        let mut other = metadata.clone();
        other.push(0);
        prop_assert_eq!(receiver.decrypt(&mut frame.clone(), &other).map(|_| ()), Err(DecryptError::Authentication));
        prop_assert_eq!(receiver.decrypt(&mut frame, &metadata).map(|plain| plain.to_vec()), Ok(plain));
    }

    #[test]
    fn any_octets_as_a_header_write_back_the_same(octets in proptest::collection::vec(any::<u8>(), 0..20)) {
        if let Some((header, len)) = Header::parse(&octets) {
            let mut out = [0; Header::LIMIT];
            prop_assert_eq!(header.encode(&mut out), &octets[..len]);
        }
    }
}
