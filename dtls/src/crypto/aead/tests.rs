use nomagic_testkit::vectors::{hex, json};

use super::*;

const ASSOCIATED: Associated<'_> = Associated {
    position: 1 << 48 | 7,
    content_type: ContentType::APPLICATION_DATA,
    version: Version::DTLS_1_2,
    connection_id: &[],
};
const ALL: [Bulk; 4] = [Bulk::Aes128Gcm, Bulk::Aes256Gcm, Bulk::ChaCha20Poly1305, Bulk::Aes128Ccm8];

fn cipher(backend: &Backend, bulk: Bulk) -> RecordCipher {
    RecordCipher::new(backend, bulk, &vec![1; bulk.key_len()], &vec![2; bulk.fixed_nonce_len()])
}

fn sealed(cipher: &RecordCipher, text: &[u8]) -> Vec<u8> {
    let explicit = &ASSOCIATED.position.to_be_bytes()[..cipher.explicit_nonce_len()];
    let mut text = text.to_vec();
    let tag = cipher.seal(ASSOCIATED, &mut text);
    [explicit, &text, tag.as_ref()].concat()
}

// D9
#[test]
fn a_record_opens_only_as_it_was_sealed() {
    for backend in [Backend::RustCrypto, Backend::BuiltIn] {
        for bulk in ALL {
            let cipher = cipher(&backend, bulk);
            let sealed = sealed(&cipher, b"twelve bytes");
            assert_eq!(sealed.len(), bulk.explicit_nonce_len() + 12 + bulk.tag_len());
            assert_eq!(cipher.open(ASSOCIATED, &mut sealed.clone()).unwrap(), b"twelve bytes");
            for at in 0..sealed.len() {
                let mut forged = sealed.clone();
                forged[at] ^= 1;
                assert!(cipher.open(ASSOCIATED, &mut forged).is_none());
                let text = bulk.explicit_nonce_len()..sealed.len() - bulk.tag_len();
                assert_ne!(&forged[text], b"twelve bytes", "nothing is decrypted unless the tag matches");
                assert!(cipher.open(ASSOCIATED, &mut sealed[..at].to_vec()).is_none());
            }
            let other = Associated { content_type: ContentType::ALERT, ..ASSOCIATED };
            assert!(cipher.open(other, &mut sealed.clone()).is_none());
        }
    }
}

/// The backends are the same to the peer.
#[test]
fn the_backends_seal_alike() {
    for bulk in ALL {
        let [pure, built_in] = [Backend::RustCrypto, Backend::BuiltIn].map(|backend| cipher(&backend, bulk));
        assert_eq!(sealed(&pure, &[5; 100]), sealed(&built_in, &[5; 100]));
    }
}

/// RFC 7905 section 2: the nonce is the position XORed onto the IV; RFC 5288 section 3: it stands behind the salt.
#[test]
fn the_nonce_is_made_as_the_suite_says() {
    let mut text = *b"some text";
    let mut room = [0; MAX_ASSOCIATED_LEN];
    let bound = ASSOCIATED.bytes(text.len(), &mut room);
    let nonce = [2, 2, 2, 2, 2, 2 ^ 1, 2, 2, 2, 2, 2, 2 ^ 7].into();
    let tag = ChaCha20Poly1305::new(&[1; 32].into())
        .encrypt_inout_detached(&nonce, bound, text.as_mut_slice().into())
        .unwrap();
    let of = |bulk| cipher(&Backend::BuiltIn, bulk);
    assert_eq!(sealed(&of(Bulk::ChaCha20Poly1305), b"some text"), [&text[..], &tag].concat());

    let mut text = *b"some text";
    let nonce = [2, 2, 2, 2, 0, 1, 0, 0, 0, 0, 0, 7];
    let tag = Aes256Gcm::new(&[1; 32].into())
        .encrypt_inout_detached(&nonce.into(), bound, text.as_mut_slice().into())
        .unwrap();
    assert_eq!(sealed(&of(Bulk::Aes256Gcm), b"some text"), [&nonce[4..], &text[..], &tag].concat());
}

/// RFC 9146 section 5.3: what an id changes, written out.
//= rfc9146#3-7 test
//= rfc9146#3-8 test
//= rfc9146#5-1 test
#[test]
fn an_id_changes_what_a_record_is_bound_to() {
    let mut room = [0; MAX_ASSOCIATED_LEN];
    let plain = [0, 1, 0, 0, 0, 0, 0, 7, 23, 0xfe, 0xfd, 1, 2];
    assert_eq!(ASSOCIATED.bytes(258, &mut room), plain);
    let with_id =
        Associated { content_type: ContentType::TLS12_CID, connection_id: &[9, 8, 7], ..ASSOCIATED };
    let expected = [&[0xff; 8][..], &[25, 3, 25, 0xfe, 0xfd], &[0, 1, 0, 0, 0, 0, 0, 7], &[9, 8, 7], &[1, 2]];
    assert_eq!(with_id.bytes(258, &mut room), expected.concat());
    let longest = Associated { connection_id: &[1; 255], ..with_id };
    assert_eq!(longest.bytes(0, &mut room).len(), MAX_ASSOCIATED_LEN);
}

/// The groups of the Wycheproof file that have our sizes, against the ciphers themselves: it chooses other associated data
/// than ours.
#[test]
fn the_ciphers_agree_with_wycheproof() {
    let Some(file) = json("crypto/wycheproof-aes_gcm_test.json") else { return };
    let mut ran = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let bulk = match (group["keySize"].as_u64(), group["ivSize"].as_u64()) {
            (Some(128), Some(96)) => Bulk::Aes128Gcm,
            (Some(256), Some(96)) => Bulk::Aes256Gcm,
            _ => continue,
        };
        for case in group["tests"].as_array().unwrap() {
            let field = |name: &str| hex(case[name].as_str().unwrap());
            let (key, additional) = (field("key"), field("aad"));
            let nonce: [u8; 12] = field("iv").try_into().unwrap();
            let tag: [u8; 16] = field("tag").try_into().unwrap();
            for backend in [Backend::RustCrypto, Backend::BuiltIn] {
                let mut text = field("ct");
                let opened = match Aead::new(&backend, bulk, &key).unwrap() {
                    Aead::Aes128Gcm(aead) => aead
                        .decrypt_inout_detached(
                            &nonce.into(),
                            &additional,
                            text.as_mut_slice().into(),
                            &tag.into(),
                        )
                        .is_ok(),
                    Aead::Aes256Gcm(aead) => aead
                        .decrypt_inout_detached(
                            &nonce.into(),
                            &additional,
                            text.as_mut_slice().into(),
                            &tag.into(),
                        )
                        .is_ok(),
                    #[cfg(feature = "aws-lc-rs")]
                    Aead::AwsLc(aead) => {
                        text.extend(tag);
                        let opened = aead.open(nonce, &additional, &mut text).is_some();
                        text.truncate(text.len() - tag.len());
                        opened
                    }
                    _ => panic!("another cipher"),
                };
                assert_eq!(opened, case["result"] == "valid", "{case}");
                if opened {
                    assert_eq!(text, field("msg"));
                }
                ran += 1;
            }
        }
    }
    assert!(ran > 200, "{ran} cases");
}
