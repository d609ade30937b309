//! The session keys of one direction: ciphers keyed once, so that each packet costs its own blocks and nothing else.

mod counter_mode;
mod gcm;

use alloc::vec::Vec;

use aes::cipher::KeyInit;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use zeroize::Zeroizing;

pub(crate) use counter_mode::CounterMode;
use gcm::{Gcm, GcmCipher};

use crate::derive::{Label, derive};
use crate::key::MasterKey;
use crate::profile::Profile;
use crate::provider::Backend;

/// The flag in front of the RTCP index: the packet is encrypted; RFC 3711 section 3.4.
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// One packet's place in the key stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) ssrc: u32,
    pub(crate) index: u64,
}

/// What of an RTP packet is encrypted, and what else stands behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    /// Where encryption begins.
    pub(crate) start: usize,
    /// With cryptex, octets of contributing sources: they and the extension's head change places meanwhile.
    pub(crate) sources: usize,
    /// The master key identifier.
    pub(crate) identifier: &'a [u8],
    /// Whether the roll-over counter is sent along; RFC 4771.
    pub(crate) carries_counter: bool,
}

/// Octets of the roll-over counter in a packet that carries it.
pub(crate) const COUNTER_LEN: usize = 4;

/// Session keys of one direction, for RTP or for RTCP.
#[expect(
    clippy::large_enum_variant,
    reason = "one or two a context, and a packet's way to the key stays short"
)]
pub(crate) enum Suite {
    CounterMode(CounterMode),
    Gcm(Gcm),
}

impl Suite {
    //= rfc3711#3.2.1-8
    pub(crate) fn rtp(master: &MasterKey, backend: &Backend, period: u64) -> Self {
        let labels = [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt];
        Self::new(master, backend, period, labels, master.profile().rtp_tailroom())
    }

    /// RTCP tags have 80 bits in every counter-mode profile; RFC 5764 section 4.1.2.
    pub(crate) fn rtcp(master: &MasterKey, backend: &Backend, period: u64) -> Self {
        let labels = [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt];
        Self::new(master, backend, period, labels, 10)
    }

    fn new(
        master: &MasterKey,
        backend: &Backend,
        period: u64,
        [encryption, authentication, salt]: [Label; 3],
        tag_len: usize,
    ) -> Self {
        let key: Zeroizing<[u8; 32]> = derive(master, encryption, period);
        let key = &key[..master.profile().key_len()];
        if master.profile().is_aead() {
            Self::Gcm(Gcm {
                cipher: gcm_cipher(key, backend),
                salt: left_aligned(&derive::<12>(master, salt, period)),
            })
        } else {
            let cipher = counter_mode::Cipher::new(master.profile(), key, backend);
            let mac = counter_mode::Mac::new(&derive(master, authentication, period), backend);
            let salt = left_aligned(&derive::<14>(master, salt, period));
            Self::CounterMode(CounterMode { cipher, salt, mac, tag_len })
        }
    }

    /// The keys for header extension elements; RFC 6904 section 3.
    //= rfc7714#8.3-1
    //= rfc7714#8.3-2
    pub(crate) fn header(master: &MasterKey, backend: &Backend, period: u64) -> CounterMode {
        let key: Zeroizing<[u8; 32]> = derive(master, Label::HeaderEncryption, period);
        let key = &key[..master.profile().key_len()];
        let mut salt = derive::<14>(master, Label::HeaderSalt, period);
        // As long as the payload's, and where that is GCM's, zeros make up the rest.
        salt[master.profile().salt_len()..].fill(0);
        CounterMode {
            cipher: counter_mode::Cipher::new(master.profile(), key, backend),
            salt: left_aligned(&salt),
            // Header extensions are authenticated with the packet; RFC 6904 section 3.
            mac: counter_mode::Mac::None,
            tag_len: 0,
        }
    }

    /// Encrypts and authenticates the RTP packet at `at..`.
    #[inline]
    pub(crate) fn seal_rtp(&mut self, out: &mut Vec<u8>, at: usize, shape: Shape<'_>, position: Position) {
        match self {
            Self::CounterMode(suite) => suite.seal_rtp(out, at, shape, position),
            Self::Gcm(suite) => suite.seal_rtp(out, at, shape, position),
        }
    }

    /// Authenticates and decrypts an RTP packet; returns its length without what was behind it. The packet is touched
    /// only if the tag matches.
    //= rfc7714#5.3-1
    #[inline]
    pub(crate) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        shape: Shape<'_>,
        position: Position,
    ) -> Option<usize> {
        match self {
            Self::CounterMode(suite) => suite.open_rtp(packet, shape, position),
            Self::Gcm(suite) => suite.open_rtp(packet, shape, position),
        }
    }

    /// Encrypts, if asked to, and authenticates the RTCP packet at `at..`, and appends what follows it.
    pub(crate) fn seal_rtcp(
        &mut self,
        out: &mut Vec<u8>,
        at: usize,
        encrypt: bool,
        identifier: &[u8],
        position: Position,
    ) {
        match self {
            Self::CounterMode(suite) => suite.seal_rtcp(out, at, encrypt, identifier, position),
            Self::Gcm(suite) => suite.seal_rtcp(out, at, encrypt, identifier, position),
        }
    }

    /// Authenticates and, where its E flag says so, decrypts an RTCP packet with `identifier` octets of key identifier;
    /// returns its plain length.
    pub(crate) fn open_rtcp(
        &mut self,
        packet: &mut [u8],
        identifier: usize,
        position: Position,
    ) -> Option<usize> {
        match self {
            Self::CounterMode(suite) => suite.open_rtcp(packet, identifier, position),
            Self::Gcm(suite) => suite.open_rtcp(packet, identifier, position),
        }
    }
}

/// Octets behind the index word of an RTCP packet, and behind the key identifier of one of RTP and RTCP: in counter mode
/// the tag stands last, with GCM the identifier does; RFC 3711 section 3.4 and RFC 7714 sections 8.2 and 9.2.
pub(crate) fn behind_identifier(profile: Profile, tag_len: usize) -> usize {
    if profile.is_aead() { 0 } else { tag_len }
}

fn gcm_cipher(key: &[u8], backend: &Backend) -> GcmCipher {
    match backend {
        Backend::Plugged(provider) => {
            if let Some(plugged) = provider.gcm(key) {
                return GcmCipher::Plugged(plugged);
            }
        }
        #[cfg(feature = "aws-lc-rs")]
        Backend::BuiltIn => {
            if let Some(own) = crate::provider::aws_lc::AwsLcGcm::new(key) {
                return GcmCipher::AwsLc(own);
            }
        }
        _ => {}
    }
    match key.first_chunk::<32>() {
        Some(key) => GcmCipher::Aes256(Aes256Gcm::new(key.into())),
        None => {
            let mut short = Zeroizing::new([0; 16]);
            short.iter_mut().zip(key).for_each(|(octet, key)| *octet = *key);
            GcmCipher::Aes128(Aes128Gcm::new(&(*short).into()))
        }
    }
}

/// What the tag of an RTP packet covers besides the packet; RFC 3711 section 4.2.
pub(crate) fn roll_over(index: u64) -> [u8; 4] {
    let octets = index.to_be_bytes();
    [octets[2], octets[3], octets[4], octets[5]]
}

/// An RTCP index has 31 bits.
fn rtcp_word(index: u64) -> u32 {
    let octets = index.to_be_bytes();
    u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]) & !ENCRYPTED
}

/// The index word of a packet about to be sent.
fn outgoing_word(index: u64, encrypted: bool) -> [u8; 4] {
    let flag = if encrypted { ENCRYPTED } else { 0 };
    (rtcp_word(index) | flag).to_be_bytes()
}

/// A salt as the head of a 16-octet number, on which IVs are computed at once: what is written octet by octet, and then
/// loaded whole by the cipher, makes the processor wait.
fn left_aligned<const N: usize>(salt: &[u8; N]) -> u128 {
    salt.iter().rev().fold(0, |number, octet| number >> 8 | u128::from(*octet) << 120)
}

#[cfg(test)]
mod tests;
