use super::*;
use crate::crypto::aead::RecordCipher;
use crate::crypto::provider::{Backend, Bulk};

/// Octets in front of a payload under AES-GCM.
const HEADROOM: usize = HEADER_LEN + 8;
const DATA: ContentType = ContentType::APPLICATION_DATA;

/// Two ends with the same keys.
fn ends() -> [RecordLayer; 2] {
    let cipher = |key: u8| RecordCipher::new(&Backend::BuiltIn, Bulk::Aes128Gcm, &[key; 16], &[key; 4]);
    let mut ends = [RecordLayer::default(), RecordLayer::default()];
    ends[0].install((cipher(1), cipher(2)));
    ends[1].install((cipher(2), cipher(1)));
    ends
}

fn seal(layer: &mut RecordLayer, payload: &[u8]) -> Vec<u8> {
    let mut out = [&[0; HEADROOM][..], payload].concat();
    layer.seal(DATA, &mut out, HEADROOM).unwrap();
    out
}

fn open(layer: &mut RecordLayer, record: &[u8]) -> Result<Vec<u8>, Refused> {
    let header = Header::parse(record).unwrap();
    layer.open(&header, &mut record[HEADER_LEN..].to_vec()).map(|plaintext| plaintext.to_vec())
}

/// D8: the explicit nonce is epoch and sequence number, and never comes twice.
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
