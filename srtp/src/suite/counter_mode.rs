//! AES in counter mode, or nothing, with HMAC-SHA1; RFC 3711 sections 4.1.1, 4.1.3 and 4.2.1.

use alloc::boxed::Box;
use alloc::vec::Vec;

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use ctr::CtrCore;
use ctr::flavors::Ctr32BE;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{COUNTER_LEN, ENCRYPTED, Position, Shape, outgoing_word, roll_over};
use crate::cryptex;
use crate::header::RTCP_HEADER_LEN;
use crate::profile::Profile;
use crate::provider::{Backend, CounterModeKey, HmacSha1Key};

pub(crate) struct CounterMode {
    pub(super) cipher: Cipher,
    /// Left-aligned.
    pub(super) salt: u128,
    pub(super) mac: Mac,
    pub(super) tag_len: usize,
}

pub(super) enum Cipher {
    Null,
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
    Plugged(Box<dyn CounterModeKey>),
}

pub(super) enum Mac {
    /// For what another tag covers.
    None,
    Sha1(Hmac<Sha1>),
    Plugged(Box<dyn HmacSha1Key>),
}

impl CounterMode {
    #[inline]
    pub(super) fn seal_rtp(&mut self, out: &mut Vec<u8>, at: usize, shape: Shape<'_>, position: Position) {
        //= rfc3711#3.1-11
        self.apply_gathered(&mut out[at..], shape, position);
        //= rfc3711#4.2-1
        let counter = roll_over(position.index);
        let tag = self.mac.tag(&out[at..], &counter);
        out.extend_from_slice(shape.identifier);
        if shape.carries_counter {
            out.extend_from_slice(&counter);
            out.extend_from_slice(&tag[..self.tag_len - COUNTER_LEN]);
        } else {
            out.extend_from_slice(&tag[..self.tag_len]);
        }
    }

    #[inline]
    pub(super) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        shape: Shape<'_>,
        position: Position,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag_len + shape.identifier.len())?;
        let (plain, tail) = packet.split_at_mut(len);
        let tag = tail.get(shape.identifier.len()..)?;
        // RFC 4771 section 2: the counter, which the caller has read already, takes the place of four octets of the tag.
        let tag = if shape.carries_counter { tag.get(COUNTER_LEN..)? } else { tag };
        if !self.matches(plain, &roll_over(position.index), tag) {
            return None;
        }
        self.apply_gathered(plain, shape, position);
        Some(len)
    }

    pub(super) fn seal_rtcp(
        &mut self,
        out: &mut Vec<u8>,
        at: usize,
        encrypt: bool,
        identifier: &[u8],
        position: Position,
    ) {
        let encrypt = encrypt && !matches!(self.cipher, Cipher::Null);
        if encrypt {
            self.apply(&mut out[at + RTCP_HEADER_LEN..], position);
        }
        //= rfc3711#3.4-1
        //= rfc3711#3.4-6
        //= rfc3711#3.4-7
        out.extend_from_slice(&outgoing_word(position.index, encrypt));
        let tag = self.mac.tag(&out[at..], &[]);
        out.extend_from_slice(identifier);
        //= rfc3711#3.4-10
        out.extend_from_slice(&tag[..self.tag_len]);
    }

    pub(super) fn open_rtcp(
        &mut self,
        packet: &mut [u8],
        identifier: usize,
        position: Position,
    ) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag_len + identifier)?;
        let (plain, tail) = packet.split_at_mut(len);
        // The E flag is part of what the tag covers, whichever way it points.
        if !self.matches(plain, &[], tail.get(identifier..)?) {
            return None;
        }
        let (plain, word) = plain.split_last_chunk_mut::<4>()?;
        if u32::from_be_bytes(*word) & ENCRYPTED != 0 {
            self.apply(plain.get_mut(RTCP_HEADER_LEN..)?, position);
        }
        Some(plain.len())
    }

    /// XORs the key stream onto what of an RTP packet is encrypted.
    #[inline]
    fn apply_gathered(&self, packet: &mut [u8], shape: Shape<'_>, position: Position) {
        if shape.sources != 0 {
            cryptex::gather(packet, shape.sources);
        }
        if let Some(payload) = packet.get_mut(shape.start..) {
            self.apply(payload, position);
        }
        if shape.sources != 0 {
            cryptex::scatter(packet, shape.sources);
        }
    }

    /// XORs the key stream onto `payload`.
    //= rfc3711#4.1.1-1
    //= rfc3711#4.1.1-2
    #[inline]
    pub(super) fn apply(&self, payload: &mut [u8], position: Position) {
        self.apply_from_block(payload, position, 0);
    }

    /// XORs the key stream from block `number` on, one that fits into 16 bits, onto `data`.
    #[inline]
    pub(crate) fn apply_from_block(&self, data: &mut [u8], position: Position, number: usize) {
        let counter = self.first_block(position) ^ number as u128;
        self.cipher.apply(&counter.to_be_bytes(), data);
    }

    //= rfc3711#4.1.1-3
    //= rfc3711#4.1.1-4
    #[inline]
    fn first_block(&self, position: Position) -> u128 {
        self.salt ^ u128::from(position.ssrc) << 64 ^ u128::from(position.index) << 16
    }

    //= rfc3711#4.2-3
    #[inline]
    fn matches(&self, covered: &[u8], appended: &[u8], tag: &[u8]) -> bool {
        let own = self.mac.tag(covered, appended);
        !tag.is_empty() && own.get(..tag.len()).is_some_and(|own| own.ct_eq(tag).into())
    }
}

impl Drop for CounterMode {
    fn drop(&mut self) {
        // Cipher and HMAC state wipe themselves.
        self.salt.zeroize();
    }
}

impl Cipher {
    pub(super) fn new(profile: Profile, key: &[u8], backend: &Backend) -> Self {
        if !profile.encrypts() {
            return Self::Null;
        }
        if let Backend::Plugged(provider) = backend
            && let Some(plugged) = provider.counter_mode(key)
        {
            return Self::Plugged(plugged);
        }
        if let Ok(cipher) = Aes256Enc::new_from_slice(key) {
            Self::Aes256(cipher)
        } else if let Ok(cipher) = Aes192Enc::new_from_slice(key) {
            Self::Aes192(cipher)
        } else if let Ok(cipher) = Aes128Enc::new_from_slice(key) {
            Self::Aes128(cipher)
        } else {
            unreachable!("a profile's keys have 16, 24 or 32 octets")
        }
    }

    #[inline]
    fn apply(&self, counter: &[u8; 16], data: &mut [u8]) {
        // The low 16 bits count blocks from 0, and no packet has 2^16 of them, so a 32-bit counter never carries.
        match self {
            //= rfc3711#4.1.3-1
            //= rfc6904#3.2-3
            Self::Null => {}
            Self::Aes128(cipher) => {
                let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &(*counter).into());
                StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
            }
            Self::Aes192(cipher) => {
                let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &(*counter).into());
                StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
            }
            Self::Aes256(cipher) => {
                let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &(*counter).into());
                StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
            }
            Self::Plugged(cipher) => cipher.apply(counter, data),
        }
    }
}

impl Mac {
    pub(super) fn new(key: &[u8; 20], backend: &Backend) -> Self {
        if let Backend::Plugged(provider) = backend
            && let Some(plugged) = provider.hmac_sha1(key)
        {
            return Self::Plugged(plugged);
        }
        match <Hmac<Sha1> as KeyInit>::new_from_slice(key) {
            Ok(mac) => Self::Sha1(mac),
            Err(_) => unreachable!("HMAC takes keys of any length"),
        }
    }

    //= rfc3711#4.2.1-1
    //= rfc3711#4.2.1-2
    #[inline]
    fn tag(&self, covered: &[u8], appended: &[u8]) -> [u8; 20] {
        match self {
            Self::None => [0; 20],
            Self::Sha1(keyed) => {
                let mut mac = keyed.clone();
                mac.update(covered);
                mac.update(appended);
                mac.finalize().into_bytes().into()
            }
            Self::Plugged(mac) => mac.tag(covered, appended),
        }
    }
}
