use super::*;
use crate::crypto::aead::RecordCipher;
use crate::crypto::provider::{Backend, Bulk};
use crate::extension::ConnectionId;

/// Octets in front of a payload under AES-GCM.
const HEADROOM: usize = HEADER_LEN + 8;
const DATA: ContentType = ContentType::APPLICATION_DATA;

/// Two ends with the same keys.
fn ends() -> [RecordLayer; 2] {
    let cipher = |key: u8| RecordCipher::new(&Backend::BuiltIn, Bulk::Aes128Gcm, &[key; 16], &[key; 4]);
    let mut ends = [RecordLayer::default(), RecordLayer::default()];
    ends[0].install((cipher(1), cipher(2)), 64);
    ends[1].install((cipher(2), cipher(1)), 64);
    ends
}

fn seal(layer: &mut RecordLayer, payload: &[u8]) -> Vec<u8> {
    let mut out = [&[0; HEADROOM][..], payload].concat();
    layer.seal(DATA, &mut out, HEADROOM).unwrap();
    out
}

fn open(layer: &mut RecordLayer, record: &[u8]) -> Result<Vec<u8>, Refused> {
    let header = Header::parse(record).unwrap();
    layer.open(&header, &mut record.to_vec(), HEADER_LEN).map(|opened| opened.plaintext.to_vec())
}

/// D8: the explicit nonce is epoch and sequence number, and never comes twice.
//= rfc5246#6.1-2 test
//= rfc5246#6.1-3 test
#[test]
fn the_nonce_counts() {
    let [mut a, mut b] = ends();
    for sequence in 0..1000u64 {
        let record = seal(&mut a, b"payload");
        assert_eq!(record[HEADER_LEN..HEADROOM], (1 << 48 | sequence).to_be_bytes());
        assert_eq!(record[HEADER_LEN..HEADROOM], record[3..11]);
        assert_eq!(open(&mut b, &record).unwrap(), b"payload");
    }
}

/// D8: the nonces of a million records, each higher than the one before.
#[test]
fn a_million_nonces_do_not_repeat() {
    let [mut a, _] = ends();
    let (mut last, mut out) = (0, Vec::new());
    for _ in 0..1_000_000 {
        out.clear();
        out.resize(HEADROOM, 0);
        a.seal(DATA, &mut out, HEADROOM).unwrap();
        let nonce = u64::from_be_bytes(out[HEADER_LEN..HEADROOM].try_into().unwrap());
        assert!(nonce > last);
        last = nonce;
    }
    assert_eq!(last, (1 << 48) + 999_999);
}

/// D12: whoever wants to end a connection with forged records has to send 2^36 of them, which nobody does by accident; then
/// it has a name. Records that repeat or are of no epoch of ours do not count.
#[test]
fn forged_records_end_a_connection_only_in_great_numbers() {
    let [mut a, mut b] = ends();
    let good = seal(&mut a, b"good");
    let mut forged = seal(&mut a, b"forged");
    forged[20] ^= 1;
    for _ in 0..10_000 {
        assert_eq!(open(&mut b, &forged), Err(Refused::Forged));
    }
    assert!(open(&mut b, &good).is_ok());
    b.keys.as_mut().unwrap().forged = MAX_FORGED - 2;
    assert_eq!(open(&mut b, &forged), Err(Refused::Forged));
    assert_eq!(open(&mut b, &good), Err(Refused::Replay), "which is no forgery");
    assert_eq!(open(&mut b, &forged), Err(Refused::Exhausted));
}

/// The key encrypts 2^34 blocks, the tag of each record counted as one.
#[test]
fn a_key_is_used_up_by_octets_too() {
    let [mut a, mut b] = ends();
    // Ten octets are a block, and a tag.
    a.spend(MAX_BLOCKS - 3);
    let record = [seal(&mut a, &[7; 10]), seal(&mut a, &[7; 10])];
    assert!(record.iter().all(|record| open(&mut b, record).is_ok()));
    let (mut out, at) = (vec![0; 30], a.headroom());
    assert_eq!(a.seal(ContentType::ALERT, &mut out, at), Err(SealError::KeysExhausted));
    assert_eq!(MAX_BLOCKS * 16, 256 << 30, "as the README has it");
}

/// D4: a forged record does not move the window, wherever it claims to be.
//= rfc6347#4.1.2.6-8 test
#[test]
fn a_forged_record_moves_nothing() {
    let [mut a, mut b] = ends();
    let first = seal(&mut a, b"first");
    let mut forged = first.clone();
    forged[5..11].copy_from_slice(&[0xff; 6]);
    assert_eq!(open(&mut b, &forged), Err(Refused::Forged));
    assert_eq!(open(&mut b, &first).unwrap(), b"first");
}

/// D6: replays, reordering and gaps.
#[test]
fn replays_are_refused_and_reordering_is_not() {
    let [mut a, mut b] = ends();
    let records: Vec<_> = (0..65).map(|_| seal(&mut a, b"x")).collect();
    assert!(open(&mut b, &records[64]).is_ok());
    assert_eq!(open(&mut b, &records[0]), Err(Refused::Replay), "behind the window");
    for record in records[1..64].iter().rev() {
        assert!(open(&mut b, record).is_ok());
    }
    for record in &records {
        assert_eq!(open(&mut b, record), Err(Refused::Replay));
    }
    a.skip_to(1 << 47);
    assert!(open(&mut b, &seal(&mut a, b"x")).is_ok());
}

/// D7: at the end of the numbers nothing is sent any more.
//= rfc6347#4.1-6 test
#[test]
fn sequence_numbers_do_not_wrap() {
    let [mut a, mut b] = ends();
    a.skip_to(MAX_SEQUENCE);
    assert!(open(&mut b, &seal(&mut a, b"last")).is_ok());
    let mut out = vec![7; HEADROOM + 1];
    assert_eq!(a.seal(DATA, &mut out, HEADROOM), Err(SealError::KeysExhausted));
    assert_eq!(out, vec![7; HEADROOM + 1], "the buffer is as it was");
}

/// D9: too short, wrong tag, changed header: one outcome.
#[test]
fn every_change_of_a_record_is_refused_alike() {
    let [mut a, mut b] = ends();
    let record = seal(&mut a, b"payload");
    for at in (0..record.len()).filter(|at| !matches!(at, 1 | 2 | 11 | 12)) {
        let mut changed = record.clone();
        changed[at] ^= 1;
        if Header::parse(&changed).is_ok() {
            assert_eq!(open(&mut b, &changed), Err(Refused::Forged), "octet {at}");
        }
    }
    for cut in HEADER_LEN..record.len() {
        assert_eq!(open(&mut b, &record[..cut]), Err(Refused::Forged));
    }
    assert!(open(&mut b, &record).is_ok());
}

//= rfc6347#4.1.1.1-4 test
//= rfc5246#6.2.1-2 test
#[test]
fn what_does_not_fit_is_refused_and_the_buffer_stays() {
    let [mut a, _] = ends();
    let mut out = vec![1; HEADROOM + MAX_PLAINTEXT_LEN + 1];
    let too_large = SealError::TooLarge { found: MAX_PLAINTEXT_LEN + 1, maximum: MAX_PLAINTEXT_LEN };
    assert_eq!(a.seal(DATA, &mut out, HEADROOM), Err(too_large));
    out.truncate(30);
    let headroom = |available| Err(SealError::Headroom { needed: HEADROOM, available });
    assert_eq!(a.seal(DATA, &mut out, HEADROOM - 1), headroom(HEADROOM - 1));
    assert_eq!(a.seal(DATA, &mut out, 31), headroom(30));
    assert_eq!(out, [1; 30]);
    assert_eq!(RecordLayer::default().seal(DATA, &mut out, 30), Err(SealError::NotConnected));
}

/// Both ends with ids: `a` reads with its own and writes with that of `b`.
fn ends_with_ids(of_a: &[u8], of_b: &[u8]) -> [RecordLayer; 2] {
    let [mut a, mut b] = ends();
    let [of_a, of_b] = [of_a, of_b].map(|id| ConnectionId::new(id).unwrap());
    a.agree(Terms { read_id: of_a.clone(), write_id: of_b.clone(), ..Terms::default() });
    b.agree(Terms { read_id: of_b, write_id: of_a, ..Terms::default() });
    [a, b]
}

fn seal_with_id(layer: &mut RecordLayer, payload: &[u8]) -> Vec<u8> {
    let at = layer.headroom();
    let mut out = [&vec![0; at][..], payload].concat();
    layer.seal(DATA, &mut out, at).unwrap();
    assert_eq!(out.len(), at + payload.len() + layer.tailroom());
    out
}

fn open_with_id(layer: &mut RecordLayer, record: &[u8]) -> Result<(ContentType, Vec<u8>), Refused> {
    let len = layer.terms().read_id.octets().len();
    let (header, at) = Header::parse_with_connection_id(record, len).unwrap();
    layer
        .open(&header, &mut record.to_vec(), at)
        .map(|opened| (opened.content_type, opened.plaintext.to_vec()))
}

/// RFC 9146 section 4: type 25 outside, the id between number and length, the real type inside.
//= rfc9146#3-2 test
//= rfc9146#3-4 test
#[test]
fn ids_of_any_length_stand_in_records() {
    for length in [1, 2, 8, 20, 255] {
        let id = vec![length; usize::from(length)];
        let [mut a, mut b] = ends_with_ids(&[7; 3], &id);
        let record = seal_with_id(&mut a, b"payload");
        assert_eq!(record[0], 25);
        assert_eq!(record[11..11 + id.len()], id);
        assert_eq!(crate::record::connection_id(&record, id.len()), Some(&id[..]));
        assert_eq!(open_with_id(&mut b, &record).unwrap(), (DATA, b"payload".to_vec()));
        assert_eq!(open_with_id(&mut b, &record), Err(Refused::Replay));
        let back = seal_with_id(&mut b, b"back");
        assert_eq!(open_with_id(&mut a, &back).unwrap().1, b"back");
        // Version and length are not looked at here.
        let skipped = |at: &usize| (1..3).contains(at) || (11 + id.len()..13 + id.len()).contains(at);
        for at in (0..record.len()).filter(|at| !skipped(at)) {
            let [_, mut b] = ends_with_ids(&[7; 3], &id);
            let mut changed = record.clone();
            changed[at] ^= 1;
            if Header::parse_with_connection_id(&changed, id.len()).is_ok() {
                assert!(open_with_id(&mut b, &changed).is_err(), "octet {at}");
            }
        }
    }
}

/// RFC 9146 section 3: no id where there should be one, or one where there should be none.
//= rfc9146#3-3 test
//= rfc9146#3-5 test
//= rfc9146#3-6 test
#[test]
fn records_with_the_wrong_id_or_without_one_are_refused() {
    let [mut with, mut expects] = ends_with_ids(b"", b"id");
    let [mut without, mut expects_none] = ends();
    let plain = seal(&mut without, b"x");
    assert_eq!(open_with_id(&mut expects, &plain), Err(Refused::ConnectionId));
    let record = seal_with_id(&mut with, b"x");
    let (header, at) = Header::parse_with_connection_id(&record, 2).unwrap();
    assert_eq!(expects_none.open(&header, &mut record.clone(), at).err(), Some(Refused::ConnectionId));
    let [_, mut other] = ends_with_ids(b"", b"di");
    assert_eq!(open_with_id(&mut other, &record), Err(Refused::ConnectionId));
    assert!(open_with_id(&mut expects, &record).is_ok());
    // An empty id in one direction leaves that direction as it is without.
    assert_eq!(expects.headroom(), HEADROOM);
    assert_eq!(seal(&mut expects, b"x")[0], DATA.0);
}

/// RFC 9146 section 4: zeros behind the type are padding; zeros alone are nothing.
#[test]
fn padding_is_taken_off() {
    let seal_inner = |inner: &[u8], sequence: u64| {
        let cipher = RecordCipher::new(&Backend::BuiltIn, Bulk::Aes128Gcm, &[1; 16], &[1; 4]);
        let position = 1 << 48 | sequence;
        let (content_type, version) = (ContentType::TLS12_CID, Version::DTLS_1_2);
        let mut text = inner.to_vec();
        let tag =
            cipher.seal(Associated { position, content_type, version, connection_id: b"id" }, &mut text);
        let length = (8 + inner.len() + 16).to_be_bytes();
        let head = [&[25, 0xfe, 0xfd][..], &position.to_be_bytes(), b"id", &length[6..]].concat();
        [&head[..], &position.to_be_bytes(), &text, tag.as_ref()].concat()
    };
    let [_, mut b] = ends_with_ids(b"", b"id");
    assert_eq!(open_with_id(&mut b, &seal_inner(b"text\x17\0\0\0", 0)).unwrap(), (DATA, b"text".to_vec()));
    assert_eq!(open_with_id(&mut b, &seal_inner(b"\0\0\x17\0", 1)).unwrap(), (DATA, vec![0, 0]));
    assert_eq!(open_with_id(&mut b, &seal_inner(b"\x17", 2)).unwrap(), (DATA, vec![]));
    assert_eq!(open_with_id(&mut b, &seal_inner(b"\0\0\0", 3)), Err(Refused::Malformed));
    assert_eq!(open_with_id(&mut b, &seal_inner(b"", 4)), Err(Refused::Malformed));
}

/// RFC 8449 section 4, RFC 9146 section 5: each way has its limit; with an id the type counts too.
//= rfc9146#5-2 test
//= rfc8449#4-1 test
//= rfc8449#4-5 test
#[test]
fn records_are_no_longer_than_agreed() {
    for (id, limit, longest) in [
        (&b""[..], 64, 64),
        (b"", MAX_PLAINTEXT_LEN, MAX_PLAINTEXT_LEN),
        (b"i", 64, 63),
        (b"i", MAX_PLAINTEXT_LEN, 16_383),
    ] {
        let [mut a, mut b] = ends();
        let id = ConnectionId::new(id).unwrap();
        a.agree(Terms { write_id: id.clone(), write_limit: limit, ..Terms::default() });
        b.agree(Terms { read_id: id.clone(), read_limit: limit, ..Terms::default() });
        assert_eq!(a.fragment_limit(1), longest - 12);
        assert_eq!(a.fragment_limit(0), MAX_PLAINTEXT_LEN - 12);
        let fits = seal_with_id(&mut a, &vec![5; longest]);
        assert_eq!(open_with_id(&mut b, &fits).unwrap().1.len(), longest);
        let at = a.headroom();
        let mut out = vec![0; at + longest + 1];
        let too_large = SealError::TooLarge { found: longest + 1, maximum: longest };
        assert_eq!(a.seal(DATA, &mut out, at), Err(too_large));
        // Who does not keep to it is not heard, and the record counts as come.
        if limit == 64 {
            a.agree(Terms { write_id: id, ..Terms::default() });
            let long = seal_with_id(&mut a, &[5; 65]);
            assert_eq!(open_with_id(&mut b, &long), Err(Refused::Malformed));
            assert_eq!(open_with_id(&mut b, &long), Err(Refused::Replay));
        }
    }
}
