//! What any provider must compute.

use rand::{SeedableRng, rngs::ChaCha20Rng};

use super::{Bulk, Provider};
use crate::crypto::{NamedGroup, SignatureScheme};

/// Where a provider went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KnownAnswerError {
    /// A cipher for records: the ciphertext or the tag.
    #[error("{0:?}: the ciphertext or the tag")]
    Aead(Bulk),
    /// A cipher for records took a wrong tag, or gave plaintext in spite of it.
    #[error("{0:?}: a wrong tag")]
    WrongTag(Bulk),
    /// A key exchange: the two ends do not agree, not with the built-in implementation either.
    #[error("{0}: the ends do not agree")]
    KeyShare(NamedGroup),
    /// A key exchange took what is no public key.
    #[error("{0}: it takes what is no public key")]
    WrongPublicKey(NamedGroup),
    /// A good signature is refused, or a wrong one taken.
    #[error("{0}: a good signature refused, or a wrong one taken")]
    Verify(SignatureScheme),
}

/// Puts a provider through the example of RFC 8439 section 2.8.2, packets of RFC 7714 section 16, wrong tags, key exchanges with the
/// built-in implementation, points that are none, and a signature of RFC 6979 appendix A.2.5. What a provider does not offer is not
/// asked.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_known_answers(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    for bulk in [Bulk::Aes128Gcm, Bulk::Aes256Gcm, Bulk::ChaCha20Poly1305] {
        aead(provider, bulk)?;
    }
    for group in NamedGroup::SUPPORTED {
        key_share(provider, group)?;
    }
    verify(provider)
}

/// A key that counts up from here, a nonce, associated data and a text, and what comes of them: the first and the last eight
/// octets of the ciphertext, and the tag.
struct Answer {
    first_key_octet: u8,
    nonce: [u8; 12],
    additional: &'static [u8],
    text: &'static [u8],
    first: u64,
    last: u64,
    tag: u128,
}

const fn answer(bulk: Bulk) -> Answer {
    /// RFC 7714 section 16: the header of a packet, and its payload.
    const HEADER: &[u8] = &[0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2];
    const PAYLOAD: &[u8] = b"Gallia est omnis divisa in partes tres";
    const NONCE: [u8; 12] = [0x51, 0x75, 0x3c, 0x65, 0x80, 0xc2, 0x72, 0x6f, 0x20, 0x71, 0x84, 0x14];
    match bulk {
        Bulk::Aes128Gcm => Answer {
            first_key_octet: 0,
            nonce: NONCE,
            additional: HEADER,
            text: PAYLOAD,
            first: 0xf24d_e3a3_fb34_de6c,
            last: 0xd19b_36de_3adf_8833,
            tag: 0x899d_7f27_beb1_6a91_52cf_765e_e439_0cce,
        },
        Bulk::Aes256Gcm => Answer {
            first_key_octet: 0,
            nonce: NONCE,
            additional: HEADER,
            text: PAYLOAD,
            first: 0x32b1_de78_a822_fe12,
            last: 0xae0f_1ba6_3799_b87b,
            tag: 0x7aa3_db36_dfff_d6b0_f9bb_7878_d7a7_6c13,
        },
        // Providers are not asked for CCM.
        Bulk::ChaCha20Poly1305 | Bulk::Aes128Ccm8 => Answer {
            first_key_octet: 0x80,
            nonce: [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47],
            additional: &[0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7],
            text: b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                    sunscreen would be it.",
            first: 0xd31a_8d34_648e_60db,
            last: 0xd265_86ce_c64b_6116,
            tag: 0x1ae1_0b59_4f09_e26a_7e90_2ecb_d060_0691,
        },
    }
}

fn aead(provider: &dyn Provider, bulk: Bulk) -> Result<(), KnownAnswerError> {
    let Answer { first_key_octet, nonce, additional, text, first, last, tag } = answer(bulk);
    let key: Vec<u8> = (first_key_octet..).take(bulk.key_len()).collect();
    let Some(aead) = provider.aead(bulk, &key) else { return Ok(()) };
    let wrong = KnownAnswerError::Aead(bulk);
    let mut data = text.to_vec();
    let own = aead.seal(&nonce, additional, &mut data);
    let known = data.starts_with(&first.to_be_bytes()) && data.ends_with(&last.to_be_bytes());
    if !known || own != tag.to_be_bytes() {
        return Err(wrong);
    }
    for bit in 0..128 {
        let (mut forged, mut opened) = (own, data.clone());
        forged[bit / 8] ^= 1 << (bit % 8);
        if aead.open(&nonce, additional, &mut opened, &forged) || opened == text {
            return Err(KnownAnswerError::WrongTag(bulk));
        }
    }
    if !aead.open(&nonce, additional, &mut data, &own) || data != text {
        return Err(wrong);
    }
    // Authentication alone.
    let own = aead.seal(&nonce, additional, &mut []);
    if !aead.open(&nonce, additional, &mut [], &own) || aead.open(&nonce, &additional[1..], &mut [], &own) {
        return Err(wrong);
    }
    Ok(())
}

fn key_share(provider: &dyn Provider, group: NamedGroup) -> Result<(), KnownAnswerError> {
    use crate::crypto::key_exchange::EphemeralKey;
    use crate::crypto::provider::Backend;
    let wrong = KnownAnswerError::KeyShare(group);
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let ours = || EphemeralKey::generate(&Backend::RustCrypto, group, &mut ChaCha20Rng::from_seed([2; 32]));
    let mut public_key = Vec::new();
    ours().ok_or(wrong)?.put_public_key(&mut public_key);
    let Some(share) = provider.key_share(group, &mut rng) else { return Ok(()) };
    let theirs = ours().ok_or(wrong)?.agree(share.public_key()).map_err(|_| wrong)?;
    if share.agree(&public_key).as_ref() != Some(&*theirs) {
        return Err(wrong);
    }
    let (answered, secret) = provider.answer(group, &public_key, &mut rng).ok_or(wrong)?;
    if *ours().ok_or(wrong)?.agree(&answered).map_err(|_| wrong)? != secret {
        return Err(wrong);
    }
    // A point beside the curve; on Curve25519, one that makes the secret zero.
    let no_key = match group {
        NamedGroup::X25519 => vec![0; 32],
        _ => {
            let mut beside = public_key.clone();
            if let Some(octet) = beside.last_mut() {
                *octet ^= 1;
            }
            beside
        }
    };
    for bad in [&no_key[..], &public_key[1..], &[]] {
        if provider.key_share(group, &mut rng).is_some_and(|share| share.agree(bad).is_some()) {
            return Err(KnownAnswerError::WrongPublicKey(group));
        }
    }
    Ok(())
}

/// The key of RFC 6979 appendix A.2.5 as SubjectPublicKeyInfo, and its signature of `sample` with SHA-256 as DER.
const PUBLIC_KEY: [u8; 91] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d,
    0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c,
    0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8, 0xbc, 0x99, 0xa4,
    0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2, 0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3,
    0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99,
];
const SIGNATURE: [u8; 72] = [
    0x30, 0x46, 0x02, 0x21, 0x00, 0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c,
    0xd4, 0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d, 0x0e, 0xa8, 0x4e,
    0xaf, 0x37, 0x16, 0x02, 0x21, 0x00, 0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7,
    0xa1, 0xb6, 0xe2, 0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f,
    0x84, 0x3a, 0xcd, 0xa8,
];

fn verify(provider: &dyn Provider) -> Result<(), KnownAnswerError> {
    let scheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
    let verify = |message: &[u8], signature: &[u8]| provider.verify(scheme, &PUBLIC_KEY, message, signature);
    let mut other = SIGNATURE;
    other[71] ^= 1;
    let wrong = verify(b"samples", &SIGNATURE) == Some(true)
        || verify(b"sample", &other) == Some(true)
        || verify(b"sample", &SIGNATURE[..71]) == Some(true)
        || verify(b"sample", &SIGNATURE) == Some(false);
    if wrong { Err(KnownAnswerError::Verify(scheme)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
