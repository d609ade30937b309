//! The ciphers, keyed once: each packet costs its own blocks and nothing else.

use alloc::vec::Vec;

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::CtrCore;
use ctr::flavors::Ctr32BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::derive::{Label, derive};
use crate::header::RTCP_HEADER_LEN;
use crate::key::MasterKey;
use crate::profile::Profile;

/// The flag in front of the RTCP index: the packet is encrypted; RFC 3711 section 3.4.
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// One packet's place in the key stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
}

/// Session keys of one direction, for RTP or for RTCP.
#[derive(Clone)]
pub(crate) enum Suite {
    CounterMode(CounterMode),
    Gcm128(Gcm<Aes128Gcm>),
    Gcm256(Gcm<Aes256Gcm>),
}

impl Suite {
    pub(crate) fn rtp(master: &MasterKey) -> Self {
        let labels = [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt];
        Self::new(master, labels, master.profile().rtp_tailroom())
    }

    /// RTCP tags have 80 bits in every counter-mode profile; RFC 5764 section 4.1.2.
    pub(crate) fn rtcp(master: &MasterKey) -> Self {
        let labels = [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt];
        Self::new(master, labels, 10)
    }

    fn new(master: &MasterKey, [encryption, authentication, salt]: [Label; 3], tag_len: usize) -> Self {
        match master.profile() {
            Profile::Aes128CmHmacSha1_80 | Profile::Aes128CmHmacSha1_32 => Self::CounterMode(CounterMode {
                cipher: Aes128Enc::new(&(*derive::<16>(master, encryption)).into()),
                salt: *derive::<14>(master, salt),
                mac: keyed(&*derive::<20>(master, authentication)),
                tag_len,
            }),
            Profile::AeadAes128Gcm => Self::Gcm128(Gcm {
                cipher: Aes128Gcm::new(&(*derive::<16>(master, encryption)).into()),
                salt: *derive::<12>(master, salt),
            }),
            Profile::AeadAes256Gcm => Self::Gcm256(Gcm {
                cipher: Aes256Gcm::new(&(*derive::<32>(master, encryption)).into()),
                salt: *derive::<12>(master, salt),
            }),
        }
    }

    /// Encrypts and authenticates the RTP packet at `at..`, whose header has `header` octets.
    pub(crate) fn seal_rtp(&self, out: &mut Vec<u8>, at: usize, header: usize, position: Position) {
        match self {
            Self::CounterMode(suite) => suite.seal_rtp(out, at, header, position),
            Self::Gcm128(suite) => suite.seal_rtp(out, at, header, position),
            Self::Gcm256(suite) => suite.seal_rtp(out, at, header, position),
        }
    }

    /// Authenticates and decrypts an RTP packet; returns its length without the tag. The packet is touched only if
    /// the tag matches.
    pub(crate) fn open_rtp(&self, packet: &mut [u8], header: usize, position: Position) -> Option<usize> {
        match self {
            Self::CounterMode(suite) => suite.open_rtp(packet, header, position),
            Self::Gcm128(suite) => suite.open_rtp(packet, header, position),
            Self::Gcm256(suite) => suite.open_rtp(packet, header, position),
        }
    }

    /// Encrypts and authenticates the RTCP packet at `at..`, and appends what follows it.
    pub(crate) fn seal_rtcp(&self, out: &mut Vec<u8>, at: usize, position: Position) {
        match self {
            Self::CounterMode(suite) => suite.seal_rtcp(out, at, position),
            Self::Gcm128(suite) => suite.seal_rtcp(out, at, position),
            Self::Gcm256(suite) => suite.seal_rtcp(out, at, position),
        }
    }

    /// Authenticates and, where its E flag says so, decrypts an RTCP packet; returns its plain length.
    pub(crate) fn open_rtcp(&self, packet: &mut [u8], position: Position) -> Option<usize> {
        match self {
            Self::CounterMode(suite) => suite.open_rtcp(packet, position),
            Self::Gcm128(suite) => suite.open_rtcp(packet, position),
            Self::Gcm256(suite) => suite.open_rtcp(packet, position),
        }
    }

    /// The index word of a received RTCP packet: E flag and index; RFC 3711 section 3.4 and RFC 7714 section 9.
    pub(crate) fn rtcp_index_word(&self, packet: &[u8]) -> Option<u32> {
        let behind = match self {
            Self::CounterMode(suite) => suite.tag_len,
            Self::Gcm128(_) | Self::Gcm256(_) => 0,
        };
        let word = packet.get(..packet.len().checked_sub(behind)?)?.last_chunk::<4>()?;
        Some(u32::from_be_bytes(*word))
    }
}

/// AES in counter mode with HMAC-SHA1; RFC 3711 sections 4.1.1 and 4.2.1.
#[derive(Clone)]
pub(crate) struct CounterMode {
    cipher: Aes128Enc,
    salt: [u8; 14],
    mac: Hmac<Sha1>,
    tag_len: usize,
}

impl CounterMode {
    fn seal_rtp(&self, out: &mut Vec<u8>, at: usize, header: usize, position: Position) {
        self.apply(&mut out[at + header..], position);
        let tag = self.tag(&out[at..], &roll_over(position.index));
        out.extend_from_slice(&tag[..self.tag_len]);
    }

    fn open_rtp(&self, packet: &mut [u8], header: usize, position: Position) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag_len)?;
        let (plain, tag) = packet.split_at_mut(len);
        if !self.matches(plain, &roll_over(position.index), tag) {
            return None;
        }
        self.apply(plain.get_mut(header..)?, position);
        Some(len)
    }

    fn seal_rtcp(&self, out: &mut Vec<u8>, at: usize, position: Position) {
        self.apply(&mut out[at + RTCP_HEADER_LEN..], position);
        out.extend_from_slice(&(rtcp_word(position.index) | ENCRYPTED).to_be_bytes());
        let tag = self.tag(&out[at..], &[]);
        out.extend_from_slice(&tag[..self.tag_len]);
    }

    fn open_rtcp(&self, packet: &mut [u8], position: Position) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag_len)?;
        let (plain, tag) = packet.split_at_mut(len);
        // The E flag is part of what the tag covers, whichever way it points.
        if !self.matches(plain, &[], tag) {
            return None;
        }
        let (plain, word) = plain.split_last_chunk_mut::<4>()?;
        if u32::from_be_bytes(*word) & ENCRYPTED != 0 {
            self.apply(plain.get_mut(RTCP_HEADER_LEN..)?, position);
        }
        Some(plain.len())
    }

    /// XORs the key stream onto `payload`.
    fn apply(&self, payload: &mut [u8], position: Position) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &position.ssrc.to_be_bytes());
        xor(&mut iv[8..14], &position.index.to_be_bytes()[2..]);
        // The low 16 bits count blocks from 0, and no packet has 2^16 of them, so a 32-bit counter never carries.
        let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(&self.cipher, &iv.into());
        StreamCipherCoreWrapper::from_core(blocks).apply_keystream(payload);
    }

    fn tag(&self, covered: &[u8], appended: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(covered);
        mac.update(appended);
        mac.finalize().into_bytes().into()
    }

    fn matches(&self, covered: &[u8], appended: &[u8], tag: &[u8]) -> bool {
        self.tag(covered, appended)[..self.tag_len].ct_eq(tag).into()
    }
}

impl Drop for CounterMode {
    fn drop(&mut self) {
        // Cipher and HMAC state wipe themselves.
        self.salt.zeroize();
    }
}

/// AES in Galois counter mode; RFC 7714.
#[derive(Clone)]
pub(crate) struct Gcm<Cipher> {
    cipher: Cipher,
    salt: [u8; 12],
}

const TAG_LEN: usize = 16;

impl<Cipher: AeadInOut<NonceSize = U12, TagSize = U16>> Gcm<Cipher> {
    //= rfc7714#8.2-1
    fn seal_rtp(&self, out: &mut Vec<u8>, at: usize, header: usize, position: Position) {
        let (readable, payload) = out[at..].split_at_mut(header);
        let tag = self.seal(&self.rtp_nonce(position), readable, payload);
        out.extend_from_slice(&tag);
    }

    fn open_rtp(&self, packet: &mut [u8], header: usize, position: Position) -> Option<usize> {
        let (readable, sealed) = packet.split_at_mut_checked(header)?;
        let (payload, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
        self.open(&self.rtp_nonce(position), readable, payload, tag).then_some(header + payload.len())
    }

    fn seal_rtcp(&self, out: &mut Vec<u8>, at: usize, position: Position) {
        let word = (rtcp_word(position.index) | ENCRYPTED).to_be_bytes();
        let (readable, payload) = out[at..].split_at_mut(RTCP_HEADER_LEN);
        let tag = self.seal(&self.rtcp_nonce(position), &additional(readable, word), payload);
        out.extend_from_slice(&tag);
        out.extend_from_slice(&word);
    }

    fn open_rtcp(&self, packet: &mut [u8], position: Position) -> Option<usize> {
        let nonce = self.rtcp_nonce(position);
        let (sealed, word) = packet.split_last_chunk_mut::<4>()?;
        let (plain, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
        let len = plain.len();
        if u32::from_be_bytes(*word) & ENCRYPTED == 0 {
            return self.authentic(&nonce, packet, len).then_some(len);
        }
        let (readable, payload) = plain.split_at_mut_checked(RTCP_HEADER_LEN)?;
        self.open(&nonce, &additional(readable, *word), payload, tag).then_some(len)
    }

    /// Checks a packet that is authenticated only: the additional data is all of it and the index word, between which
    /// the tag stands. The word takes the tag's place for as long as the check lasts. RFC 7714 section 9.3.
    fn authentic(&self, nonce: &[u8; 12], packet: &mut [u8], len: usize) -> bool {
        let (Some(tag), Some(word)) =
            (packet[len..].first_chunk::<TAG_LEN>().copied(), packet.last_chunk::<4>().copied())
        else {
            return false;
        };
        packet[len..len + 4].copy_from_slice(&word);
        let matches = self.open(nonce, &packet[..len + 4], &mut [], &tag);
        packet[len..len + 4].copy_from_slice(&tag[..4]);
        matches
    }

    fn seal(&self, nonce: &[u8; 12], additional: &[u8], payload: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = self.cipher.encrypt_inout_detached(nonce.into(), additional, payload.into());
        // Fails only beyond 2^36 octets, and no packet has those.
        debug_assert!(tag.is_ok(), "a packet is shorter than the cipher's limit");
        tag.map(Into::into).unwrap_or_default()
    }

    /// The cipher compares the tag, in constant time, before it decrypts.
    fn open(&self, nonce: &[u8; 12], additional: &[u8], payload: &mut [u8], tag: &[u8; TAG_LEN]) -> bool {
        self.cipher.decrypt_inout_detached(nonce.into(), additional, payload.into(), tag.into()).is_ok()
    }

    /// RFC 7714 section 8.1: two zero octets, SSRC, roll-over counter and sequence number, XORed with the salt.
    fn rtp_nonce(&self, position: Position) -> [u8; 12] {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &position.ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &position.index.to_be_bytes()[2..]);
        nonce
    }

    /// RFC 7714 section 9.1: two zero octets, SSRC, two zero octets and the index, XORed with the salt.
    fn rtcp_nonce(&self, position: Position) -> [u8; 12] {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &position.ssrc.to_be_bytes());
        xor(&mut nonce[8..12], &rtcp_word(position.index).to_be_bytes());
        nonce
    }
}

impl<Cipher> Drop for Gcm<Cipher> {
    fn drop(&mut self) {
        // The cipher wipes itself.
        self.salt.zeroize();
    }
}

/// RFC 7714 section 9.2: the readable header and the index word.
fn additional(header: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER_LEN + 4] {
    let mut joined = [0; RTCP_HEADER_LEN + 4];
    joined[..RTCP_HEADER_LEN].copy_from_slice(header);
    joined[RTCP_HEADER_LEN..].copy_from_slice(&word);
    joined
}

/// What the tag of an RTP packet covers besides the packet; RFC 3711 section 4.2.
fn roll_over(index: u64) -> [u8; 4] {
    let octets = index.to_be_bytes();
    [octets[2], octets[3], octets[4], octets[5]]
}

/// An RTCP index has 31 bits.
fn rtcp_word(index: u64) -> u32 {
    let octets = index.to_be_bytes();
    u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]) & !ENCRYPTED
}

fn xor(octets: &mut [u8], mask: &[u8]) {
    octets.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
}

fn keyed(key: &[u8]) -> Hmac<Sha1> {
    match <Hmac<Sha1> as KeyInit>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

#[cfg(test)]
mod tests;
