//! What any provider must compute.

use alloc::vec;

use super::Provider;

/// Where a provider went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KnownAnswerError {
    /// Counter mode with a key of this many octets.
    #[error("counter mode with a key of {key_len} octets")]
    CounterMode {
        /// Octets of the key.
        key_len: usize,
    },
    /// HMAC-SHA1.
    #[error("HMAC-SHA1")]
    HmacSha1,
    /// Galois counter mode with a key of this many octets: the ciphertext or the tag.
    #[error("GCM with a key of {key_len} octets")]
    Gcm {
        /// Octets of the key.
        key_len: usize,
    },
    /// Galois counter mode took a wrong tag, or changed the data in spite of it.
    #[error("GCM with a key of {key_len} octets: a wrong tag")]
    WrongTag {
        /// Octets of the key.
        key_len: usize,
    },
}

/// Puts a provider through the key streams printed in RFC 3711 appendix B.2 and RFC 6188 section 7, the first HMAC of RFC
/// 2202 section 3, and packets of RFC 7714 section 16; through data of odd lengths; and through wrong tags, which must leave
/// the data alone. What a provider does not offer is not asked.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_known_answers(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    counter_mode(provider)?;
    hmac_sha1(provider)?;
    gcm(provider)
}

const COUNTER: u128 = 0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_0000;

/// The first two blocks under each key.
const STREAMS: [(&[u8], [u128; 2]); 3] = [
    (
        &0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes(),
        [0xe03e_ad09_35c9_5e80_e166_b16d_d92b_4eb4, 0xd235_1316_2b02_d0f7_2a43_a2fe_4a5f_97ab],
    ),
    (
        &[
            0xea, 0xb2, 0x34, 0x76, 0x4e, 0x51, 0x7b, 0x2d, 0x3d, 0x16, 0x0d, 0x58, 0x7d, 0x8c, 0x86, 0x21,
            0x97, 0x40, 0xf6, 0x5f, 0x99, 0xb6, 0xbc, 0xf7,
        ],
        [0x3509_6cba_4610_028d_c1b5_7503_804c_e37c, 0x5de9_8629_1dcc_e161_d516_5ec4_568f_5c9a],
    ),
    (
        &[
            0x57, 0xf8, 0x2f, 0xe3, 0x61, 0x3f, 0xd1, 0x70, 0xa8, 0x5e, 0xc9, 0x3c, 0x40, 0xb1, 0xf0, 0x92,
            0x2e, 0xc4, 0xcb, 0x0d, 0xc0, 0x25, 0xb5, 0x82, 0x72, 0x14, 0x7c, 0xc4, 0x38, 0x94, 0x4a, 0x98,
        ],
        [0x92bd_d28a_93c3_f525_11c6_77d0_8b55_15a4, 0x9da7_1b23_78a8_54f6_7050_756d_ed16_5bac],
    ),
];

fn counter_mode(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    for (key, blocks) in STREAMS {
        let wrong = KnownAnswerError::CounterMode { key_len: key.len() };
        let Some(cipher) = provider.counter_mode(key) else { continue };
        let mut expected = [0; 32];
        expected[..16].copy_from_slice(&blocks[0].to_be_bytes());
        expected[16..].copy_from_slice(&blocks[1].to_be_bytes());
        for len in 0..=expected.len() {
            let mut data = [0xa5; 32];
            cipher.apply(&COUNTER.to_be_bytes(), &mut data[..len]);
            let right = data.iter().zip(expected).enumerate();
            if !right
                .clone()
                .all(|(at, (found, stream))| *found == if at < len { 0xa5 ^ stream } else { 0xa5 })
            {
                return Err(wrong);
            }
        }
        // A long message is the same as its blocks one by one.
        let mut long = vec![0; 4001];
        cipher.apply(&COUNTER.to_be_bytes(), &mut long);
        for (number, chunk) in (0u128..).zip(long.chunks(16)) {
            let mut block = [0; 16];
            cipher.apply(&(COUNTER + number).to_be_bytes(), &mut block);
            if block[..chunk.len()] != *chunk {
                return Err(wrong);
            }
        }
    }
    Ok(())
}

fn hmac_sha1(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    let Some(mac) = provider.hmac_sha1(&[0x0b; 20]) else { return Ok(()) };
    let expected = [
        0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b, 0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1,
        0x46, 0xbe, 0x00,
    ];
    let text = b"Hi There";
    let right = (0..=text.len()).all(|at| mac.tag(&text[..at], &text[at..]) == expected);
    if right { Ok(()) } else { Err(KnownAnswerError::HmacSha1) }
}

/// The header, the payload and the nonce of RFC 7714 section 16, and what comes of it under each key: the first and last
/// eight octets of the ciphertext, and the tag.
const HEADER: [u8; 12] = [0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2];
const PAYLOAD: &[u8; 38] = b"Gallia est omnis divisa in partes tres";
const NONCE: [u8; 12] = [0x51, 0x75, 0x3c, 0x65, 0x80, 0xc2, 0x72, 0x6f, 0x20, 0x71, 0x84, 0x14];
const SEALED: [(usize, u64, u64, u128); 2] = [
    (16, 0xf24d_e3a3_fb34_de6c, 0xd19b_36de_3adf_8833, 0x899d_7f27_beb1_6a91_52cf_765e_e439_0cce),
    (32, 0x32b1_de78_a822_fe12, 0xae0f_1ba6_3799_b87b, 0x7aa3_db36_dfff_d6b0_f9bb_7878_d7a7_6c13),
];

fn gcm(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    let key: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap_or_default());
    for (key_len, first, last, tag) in SEALED {
        let wrong = KnownAnswerError::Gcm { key_len };
        let Some(mut cipher) = provider.gcm(&key[..key_len]) else { continue };
        let mut data = *PAYLOAD;
        let own = cipher.seal(&NONCE, &HEADER, &mut data);
        if data[..8] != first.to_be_bytes() || data[30..] != last.to_be_bytes() || own != tag.to_be_bytes() {
            return Err(wrong);
        }
        let sealed = data;
        for bit in 0..128 {
            let mut forged = own;
            forged[bit / 8] ^= 1 << (bit % 8);
            if cipher.open(&NONCE, &HEADER, &mut data, &forged) || data != sealed {
                return Err(KnownAnswerError::WrongTag { key_len });
            }
        }
        if !cipher.open(&NONCE, &HEADER, &mut data, &own) || data != *PAYLOAD {
            return Err(wrong);
        }
        // Authentication alone.
        let own = cipher.seal(&NONCE, &HEADER, &mut []);
        if !cipher.open(&NONCE, &HEADER, &mut [], &own) || cipher.open(&NONCE, &HEADER[1..], &mut [], &own) {
            return Err(wrong);
        }
    }
    Ok(())
}
