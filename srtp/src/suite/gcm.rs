//! AES in Galois counter mode; RFC 7714.

use alloc::boxed::Box;
use alloc::vec::Vec;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use zeroize::Zeroize;

use super::{COUNTER_LEN, ENCRYPTED, Position, Shape, outgoing_word, roll_over, rtcp_word};
use crate::cryptex;
use crate::header::RTCP_HEADER_LEN;
use crate::provider::GcmKey;

pub(crate) struct Gcm {
    pub(super) cipher: GcmCipher,
    /// Left-aligned.
    pub(super) salt: u128,
}

pub(super) enum GcmCipher {
    Aes128(Aes128Gcm),
    Aes256(Aes256Gcm),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(crate::provider::aws_lc::AwsLcGcm),
    Plugged(Box<dyn GcmKey>),
}

//= rfc7714#10-7
pub(super) const TAG_LEN: usize = 16;

impl Gcm {
    //= rfc7714#8.2-1
    #[inline]
    pub(super) fn seal_rtp(&mut self, out: &mut Vec<u8>, at: usize, shape: Shape<'_>, position: Position) {
        let nonce = self.rtp_nonce(position);
        let packet = &mut out[at..];
        if shape.sources != 0 {
            cryptex::gather(packet, shape.sources);
        }
        let (readable, payload) = packet.split_at_mut(shape.start);
        let tag = self.cipher.seal(&nonce, readable, payload);
        if shape.sources != 0 {
            cryptex::scatter(packet, shape.sources);
        }
        out.extend_from_slice(&tag);
        out.extend_from_slice(shape.identifier);
        if shape.carries_counter {
            out.extend_from_slice(&roll_over(position.index));
        }
    }

    #[inline]
    pub(super) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        shape: Shape<'_>,
        position: Position,
    ) -> Option<usize> {
        let nonce = self.rtp_nonce(position);
        let behind = shape.identifier.len() + if shape.carries_counter { COUNTER_LEN } else { 0 };
        let len = packet.len().checked_sub(behind)?;
        let packet = packet.get_mut(..len)?;
        let (packet, tag) = packet.split_last_chunk_mut::<TAG_LEN>()?;
        if shape.sources != 0 {
            cryptex::gather(packet, shape.sources);
        }
        let (readable, payload) = packet.split_at_mut_checked(shape.start)?;
        let opened = self.cipher.open(&nonce, readable, payload, tag);
        if shape.sources != 0 {
            cryptex::scatter(packet, shape.sources);
        }
        opened.then_some(packet.len())
    }

    pub(super) fn seal_rtcp(
        &mut self,
        out: &mut Vec<u8>,
        at: usize,
        encrypt: bool,
        identifier: &[u8],
        position: Position,
    ) {
        let nonce = self.rtcp_nonce(position);
        let word = outgoing_word(position.index, encrypt);
        let tag = if encrypt {
            let (readable, payload) = out[at..].split_at_mut(RTCP_HEADER_LEN);
            self.cipher.seal(&nonce, &additional(readable, word), payload)
        } else {
            // All of it is additional data, and the index word behind it; RFC 7714 section 9.3.
            let len = out.len();
            out.extend_from_slice(&word);
            let tag = self.cipher.seal(&nonce, &out[at..], &mut []);
            out.truncate(len);
            tag
        };
        out.extend_from_slice(&tag);
        out.extend_from_slice(&word);
        out.extend_from_slice(identifier);
    }

    pub(super) fn open_rtcp(
        &mut self,
        packet: &mut [u8],
        identifier: usize,
        position: Position,
    ) -> Option<usize> {
        let nonce = self.rtcp_nonce(position);
        let len = packet.len().checked_sub(identifier)?;
        let packet = packet.get_mut(..len)?;
        let (sealed, word) = packet.split_last_chunk_mut::<4>()?;
        let (plain, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
        let len = plain.len();
        if u32::from_be_bytes(*word) & ENCRYPTED == 0 {
            return self.authentic(&nonce, packet, len).then_some(len);
        }
        let (readable, payload) = plain.split_at_mut_checked(RTCP_HEADER_LEN)?;
        self.cipher.open(&nonce, &additional(readable, *word), payload, tag).then_some(len)
    }

    /// Checks a packet that is authenticated only: the additional data is all of it and the index word, between which
    /// the tag stands. The word takes the tag's place for as long as the check lasts. RFC 7714 section 9.3.
    fn authentic(&mut self, nonce: &[u8; 12], packet: &mut [u8], len: usize) -> bool {
        let (Some(tag), Some(word)) =
            (packet[len..].first_chunk::<TAG_LEN>().copied(), packet.last_chunk::<4>().copied())
        else {
            return false;
        };
        packet[len..len + 4].copy_from_slice(&word);
        let matches = self.cipher.open(nonce, &packet[..len + 4], &mut [], &tag);
        packet[len..len + 4].copy_from_slice(&tag[..4]);
        matches
    }

    /// RFC 7714 section 8.1: two zero octets, SSRC, roll-over counter and sequence number, XORed with the salt.
    #[inline]
    fn rtp_nonce(&self, position: Position) -> [u8; 12] {
        nonce(self.salt ^ u128::from(position.ssrc) << 80 ^ u128::from(position.index) << 32)
    }

    /// RFC 7714 section 9.1: two zero octets, SSRC, two zero octets and the index, XORed with the salt.
    fn rtcp_nonce(&self, position: Position) -> [u8; 12] {
        nonce(self.salt ^ u128::from(position.ssrc) << 80 ^ u128::from(rtcp_word(position.index)) << 32)
    }
}

impl Drop for Gcm {
    fn drop(&mut self) {
        // The cipher wipes itself.
        self.salt.zeroize();
    }
}

impl GcmCipher {
    #[inline]
    fn seal(&mut self, nonce: &[u8; 12], additional: &[u8], payload: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = match self {
            Self::Aes128(cipher) => cipher.encrypt_inout_detached(nonce.into(), additional, payload.into()),
            Self::Aes256(cipher) => cipher.encrypt_inout_detached(nonce.into(), additional, payload.into()),
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(cipher) => return cipher.seal(nonce, additional, payload),
            Self::Plugged(cipher) => return cipher.seal(nonce, additional, payload),
        };
        // Fails only beyond 2^36 octets, and no packet has those.
        debug_assert!(tag.is_ok(), "a packet is shorter than the cipher's limit");
        tag.map(Into::into).unwrap_or_default()
    }

    /// The cipher compares the tag, in constant time, before it decrypts.
    //= rfc7714#5.3-3
    #[inline]
    fn open(&mut self, nonce: &[u8; 12], additional: &[u8], payload: &mut [u8], tag: &[u8; TAG_LEN]) -> bool {
        let (nonce, tag) = (nonce, tag);
        match self {
            Self::Aes128(cipher) => {
                cipher.decrypt_inout_detached(nonce.into(), additional, payload.into(), tag.into()).is_ok()
            }
            Self::Aes256(cipher) => {
                cipher.decrypt_inout_detached(nonce.into(), additional, payload.into(), tag.into()).is_ok()
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(cipher) => cipher.open(nonce, additional, payload, tag),
            Self::Plugged(cipher) => cipher.open(nonce, additional, payload, tag),
        }
    }
}

/// The first 12 octets of the number.
fn nonce(number: u128) -> [u8; 12] {
    let [nonce @ .., _, _, _, _] = number.to_be_bytes();
    nonce
}

/// RFC 7714 section 9.2: the readable header and the index word.
fn additional(header: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER_LEN + 4] {
    let mut joined = [0; RTCP_HEADER_LEN + 4];
    joined[..RTCP_HEADER_LEN].copy_from_slice(header);
    joined[RTCP_HEADER_LEN..].copy_from_slice(&word);
    joined
}
