//! SRTP beside its own cryptography, and with `--features peers` beside rtc-srtp and libsrtp2 (of the system: Debian's
//! libsrtp2-dev and libclang-dev).
//!
//! The yardstick, `raw`, is the same octets encrypted and hashed by the raw primitives of the same library with all
//! schedules ready; with `--features aws-lc-rs` there are rows for that library too. Every
//! contender copies the packet into its buffer first, so that all do the same work around it. To unprotect, a contender has
//! a cycle of 1024 packets sealed beforehand and opens them in turn; when the cycle is over, ours forgets the source and the
//! rivals, which cannot, get a new context (2 to 4 ns a packet), so that no replay is asked for.
//!
//! Bars (issue 6), to `raw`: 1200 B counter mode 1.05, GCM 1.10; 160 B counter mode 1.10, GCM 1.20. To rtc-srtp at 160 B: at
//! most 1/1.3; to every rival at every size: less than 1. Ten thousand sources: at most 1.1 times one.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]

use std::path::Path;

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInOut;
use ctr::CtrCore;
use ctr::flavors::Ctr32BE;
use hmac::{Hmac, Mac};
use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
use nomagic_srtp::{Backend, Forward, MasterKey, Profile, Receiver, ReceiverConfig, Sender, SenderConfig};
use sha1::Sha1;

const SIZES: [usize; 2] = [160, 1200];
const CM: Profile = Profile::Aes128CmHmacSha1_80;
const GCM: Profile = Profile::AeadAes128Gcm;

fn main() {
    let effort = Effort::from_arguments();
    let mut rows = Vec::new();
    for size in SIZES {
        for (profile, library) in
            [(CM, Library::RustCrypto), (GCM, Library::RustCrypto), (GCM, Library::AwsLc)]
        {
            if library.is_built() {
                rows.push(protect(profile, library, size, effort));
                rows.push(unprotect(profile, library, size, effort));
            }
        }
        rows.push(many_sources(size, effort));
        rows.push(batch(size, effort));
        rows.push(fan_out(size, effort));
    }
    print_table(&rows);
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("srtp.json")).unwrap();
}

fn key(profile: Profile) -> MasterKey {
    MasterKey::new(profile, &vec![1; profile.key_len()], &vec![2; profile.salt_len()]).unwrap()
}

fn packet(ssrc: u32, sequence: u16, size: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.resize(12 + size, 7);
    packet
}

/// Puts the next packet of one source into `out`.
struct Source {
    packet: Vec<u8>,
    sequence: u16,
}

impl Source {
    fn new(size: usize) -> Self {
        Self { packet: packet(1, 0, size), sequence: 0 }
    }

    fn next(&mut self, out: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        self.packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out.clear();
        out.extend_from_slice(&self.packet);
    }
}

/// Whose primitives compute, ours and the yardstick's alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    RustCrypto,
    AwsLc,
}

impl Library {
    fn is_built(self) -> bool {
        self == Self::RustCrypto || cfg!(feature = "aws-lc-rs")
    }

    fn backend(self) -> Backend {
        match self {
            Self::RustCrypto => Backend::RustCrypto,
            Self::AwsLc => Backend::BuiltIn,
        }
    }

    fn row(self, work: &str, profile: Profile, size: usize) -> String {
        let suffix = if self == Self::AwsLc { ", aws-lc" } else { "" };
        format!("{work} {profile}, {size} B{suffix}")
    }
}

/// The raw primitives, and the octets that protection appends.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Raw {
    Cm(Aes128Enc, Hmac<Sha1>),
    Gcm(Box<Aes128Gcm>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLcGcm(aws_lc_rs::aead::LessSafeKey),
}

impl Raw {
    fn new(profile: Profile, library: Library) -> Self {
        #[cfg(feature = "aws-lc-rs")]
        if library == Library::AwsLc {
            use aws_lc_rs::aead::{AES_128_GCM, LessSafeKey, UnboundKey};
            return Self::AwsLcGcm(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[1; 16]).unwrap()));
        }
        debug_assert!(library == Library::RustCrypto);
        if profile.is_aead() {
            Self::Gcm(Box::new(Aes128Gcm::new(&[1; 16].into())))
        } else {
            Self::Cm(
                Aes128Enc::new(&[1; 16].into()),
                <Hmac<Sha1> as KeyInit>::new_from_slice(&[2; 20]).unwrap(),
            )
        }
    }

    fn stream(cipher: &Aes128Enc, data: &mut [u8]) {
        let blocks = CtrCore::<_, Ctr32BE>::inner_iv_init(cipher, &[3; 16].into());
        StreamCipherCoreWrapper::from_core(blocks).apply_keystream(data);
    }

    fn tag(mac: &Hmac<Sha1>, packet: &[u8]) -> [u8; 20] {
        let mut mac = mac.clone();
        mac.update(packet);
        mac.update(&[0; 4]);
        mac.finalize().into_bytes().into()
    }

    fn seal(&self, out: &mut Vec<u8>) {
        match self {
            Self::Cm(cipher, mac) => {
                Self::stream(cipher, &mut out[12..]);
                let tag = Self::tag(mac, out);
                out.extend_from_slice(&tag[..10]);
            }
            Self::Gcm(cipher) => {
                let (header, body) = out.split_at_mut(12);
                let tag = cipher.encrypt_inout_detached(&[3; 12].into(), header, body.into()).unwrap();
                out.extend_from_slice(&tag);
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcGcm(key) => {
                let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key([3; 12]);
                let (header, body) = out.split_at_mut(12);
                let tag = key.seal_in_place_separate_tag(nonce, aws_lc_rs::aead::Aad::from(&*header), body);
                out.extend_from_slice(tag.unwrap().as_ref());
            }
        }
    }

    fn open(&self, packet: &mut [u8]) -> bool {
        match self {
            Self::Cm(cipher, mac) => {
                let (packet, tag) = packet.split_last_chunk_mut::<10>().unwrap();
                let matches = Self::tag(mac, packet)[..10] == tag[..];
                Self::stream(cipher, &mut packet[12..]);
                matches
            }
            Self::Gcm(cipher) => {
                let (packet, tag) = packet.split_last_chunk_mut::<16>().unwrap();
                let (header, body) = packet.split_at_mut(12);
                cipher.decrypt_inout_detached(&[3; 12].into(), header, body.into(), (&*tag).into()).is_ok()
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcGcm(key) => {
                let nonce = aws_lc_rs::aead::Nonce::assume_unique_for_key([3; 12]);
                let (header, body) = packet.split_at_mut(12);
                key.open_in_place(nonce, aws_lc_rs::aead::Aad::from(&*header), body).is_ok()
            }
        }
    }
}

fn sender(profile: Profile, backend: Backend) -> Sender {
    Sender::with_config(&key(profile), SenderConfig::default(), backend)
}

fn protect(profile: Profile, library: Library, size: usize, effort: Effort) -> Row {
    let (mut sender, mut source) = (sender(profile, library.backend()), Source::new(size));
    let mut out = Vec::with_capacity(2048);
    let ours = Contender::new("ours", move || {
        source.next(&mut out);
        sender.protect_rtp(&mut out, 0).unwrap();
    });
    let mut contenders = vec![ours];
    #[cfg(feature = "peers")]
    contenders.extend(peers::protect(profile, size));
    let (raw, mut source, mut out) =
        (Raw::new(profile, library), Source::new(size), Vec::with_capacity(2048));
    contenders.push(Contender::new("raw", move || {
        source.next(&mut out);
        raw.seal(&mut out);
    }));
    measure(&library.row("protect", profile, size), effort, contenders)
}

/// Packets of one cycle, sealed, to be opened one after the other. They lie without gaps, so that memory is as far away for
/// the yardstick as for the others.
struct Cycle {
    packets: Vec<u8>,
    packet_len: usize,
    next: usize,
}

impl Cycle {
    fn new(profile: Profile, size: usize) -> Self {
        let mut sender = sender(profile, Backend::RustCrypto);
        Self::of(|sequence| {
            let mut out = packet(1, sequence, size);
            sender.protect_rtp(&mut out, 0).unwrap();
            out
        })
    }

    fn of(sealed: impl FnMut(u16) -> Vec<u8>) -> Self {
        let packets: Vec<_> = (0..1024).map(sealed).collect();
        Self { packet_len: packets[0].len(), packets: packets.concat(), next: 0 }
    }

    /// Copies the next packet; true when the cycle begins anew and the receiver must, too.
    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.extend_from_slice(&self.packets[self.next..][..self.packet_len]);
        let first = self.next == 0;
        self.next = (self.next + self.packet_len) % self.packets.len();
        first
    }
}

fn unprotect(profile: Profile, library: Library, size: usize, effort: Effort) -> Row {
    let mut cycle = Cycle::new(profile, size);
    let mut receiver = Receiver::with_backend(&key(profile), ReceiverConfig::default(), library.backend());
    let mut out = Vec::with_capacity(2048);
    let ours = Contender::new("ours", move || {
        if cycle.next(&mut out) {
            receiver.remove_stream(1);
        }
        receiver.unprotect_rtp(&mut out).unwrap().len()
    });
    let mut contenders = vec![ours];
    #[cfg(feature = "peers")]
    contenders.extend(peers::unprotect(profile, size));
    let raw = Raw::new(profile, library);
    let mut sealed = packet(1, 0, size);
    raw.seal(&mut sealed);
    let (mut cycle, mut out) = (Cycle::of(|_| sealed.clone()), Vec::with_capacity(2048));
    contenders.push(Contender::new("raw", move || {
        cycle.next(&mut out);
        assert!(raw.open(&mut out));
    }));
    measure(&library.row("unprotect", profile, size), effort, contenders)
}

/// Ten thousand sources in turn, in one context, beside one.
fn many_sources(size: usize, effort: Effort) -> Row {
    let contender = |name: &'static str, sources: u32| {
        let mut config = SenderConfig::default();
        config.stream_limit = 10_000;
        let mut sender = Sender::with_config(&key(CM), config, Backend::RustCrypto);
        let (mut out, mut template) = (Vec::with_capacity(2048), packet(0, 0, size));
        let (mut ssrc, mut sequence) = (0u32, 0u16);
        Contender::new(name, move || {
            ssrc = (ssrc + 1) % sources;
            sequence = sequence.wrapping_add(u16::from(ssrc == 0));
            template[2..4].copy_from_slice(&sequence.to_be_bytes());
            template[8..12].copy_from_slice(&ssrc.to_be_bytes());
            out.clear();
            out.extend_from_slice(&template);
            sender.protect_rtp(&mut out, 0).unwrap();
        })
    };
    let contenders = vec![contender("10,000 sources", 10_000), contender("1 source", 1)];
    measure(&format!("sources, {CM}, {size} B"), effort, contenders)
}

/// What a batch could gain: eight packets with all their encryption first and all their hashing after, beside one by one.
fn batch(size: usize, effort: Effort) -> Row {
    let fresh = || vec![packet(1, 0, size); 8];
    let (Raw::Cm(cipher, mac), Raw::Cm(other_cipher, other_mac)) =
        (Raw::new(CM, Library::RustCrypto), Raw::new(CM, Library::RustCrypto))
    else {
        return measure("", effort, Vec::new());
    };
    let (mut grouped, mut single) = (fresh(), fresh());
    let contenders = vec![
        Contender::new("8 grouped", move || {
            grouped.iter_mut().for_each(|packet| Raw::stream(&cipher, &mut packet[12..]));
            grouped.iter().map(|packet| Raw::tag(&mac, packet)[0]).fold(0, |all, one| all ^ one)
        }),
        Contender::new("8 single", move || {
            single
                .iter_mut()
                .map(|packet| {
                    Raw::stream(&other_cipher, &mut packet[12..]);
                    Raw::tag(&other_mac, packet)[0]
                })
                .fold(0, |all, one| all ^ one)
        }),
    ];
    measure(&format!("batch, {CM}, {size} B"), effort, contenders)
}

/// One packet to 100 receivers with a key each: read once and appended to each datagram, beside copied and protected.
fn fan_out(size: usize, effort: Effort) -> Row {
    let keys = || (0..100u8).map(|number| MasterKey::new(GCM, &[number; 16], &[2; 12]).unwrap());
    let senders =
        || keys().map(|key| Sender::with_config(&key, SenderConfig::default(), Backend::RustCrypto));
    let (mut shared, mut apart): (Vec<_>, Vec<_>) = (senders().collect(), senders().collect());
    let (mut out, mut other_out) = (Vec::with_capacity(2048), Vec::with_capacity(2048));
    let (mut sequence, mut other_sequence, plain) = (0u16, 0u16, packet(1, 0, size));
    let contenders = vec![
        Contender::new("forward", {
            let plain = plain.clone();
            move || {
                sequence = sequence.wrapping_add(1);
                let forward = Forward::new(&plain).unwrap();
                for sender in &mut shared {
                    out.clear();
                    sender.protect_forward(&forward, 5, sequence, &mut out).unwrap();
                }
            }
        }),
        Contender::new("each alone", move || {
            other_sequence = other_sequence.wrapping_add(1);
            for sender in &mut apart {
                other_out.clear();
                other_out.extend_from_slice(&plain);
                other_out[2..4].copy_from_slice(&other_sequence.to_be_bytes());
                other_out[8..12].copy_from_slice(&5u32.to_be_bytes());
                sender.protect_rtp(&mut other_out, 0).unwrap();
            }
        }),
    ];
    measure(&format!("to 100 receivers, {GCM}, {size} B"), effort, contenders)
}

#[cfg(feature = "peers")]
mod peers {
    //! The rivals, each as its own documentation has it used.

    use nomagic_benches::Contender;
    use nomagic_srtp::Profile;
    use rtc_srtp::context::Context;
    use rtc_srtp::protection_profile::ProtectionProfile;
    use srtp::{CryptoPolicy, Session, StreamPolicy};

    use super::{Cycle, Source};

    fn rtc(profile: Profile, replay: bool) -> Context {
        let theirs = if profile.is_aead() {
            ProtectionProfile::AeadAes128Gcm
        } else {
            ProtectionProfile::Aes128CmHmacSha1_80
        };
        let salt = vec![2; profile.salt_len()];
        let window = replay.then(|| rtc_srtp::option::srtp_replay_protection(1024));
        let provider = rtc_crypto::default_provider().unwrap();
        Context::new(&[1; 16], &salt, theirs, window, None, provider.crypto()).unwrap()
    }

    fn libsrtp(profile: Profile, inbound: bool) -> Session {
        let policy = if profile.is_aead() {
            CryptoPolicy::aes_gcm_128_16_auth()
        } else {
            CryptoPolicy::aes_cm_128_hmac_sha1_80()
        };
        let mut key = vec![1; 16];
        key.resize(16 + profile.salt_len(), 2);
        let policy = StreamPolicy {
            rtp: policy,
            rtcp: policy,
            key: &key,
            window_size: 1024,
            ..StreamPolicy::default()
        };
        if inbound {
            Session::with_inbound_template(policy).unwrap()
        } else {
            Session::with_outbound_template(policy).unwrap()
        }
    }

    pub(super) fn protect(profile: Profile, size: usize) -> Vec<Contender<'static>> {
        let (mut rtc, mut source, mut out) =
            (rtc(profile, false), Source::new(size), Vec::with_capacity(2048));
        let (mut session, mut other, mut other_out) =
            (libsrtp(profile, false), Source::new(size), Vec::with_capacity(2048));
        vec![
            Contender::new("rtc-srtp", move || {
                source.next(&mut out);
                rtc.encrypt_rtp(&out).unwrap()
            }),
            Contender::new("libsrtp2", move || {
                other.next(&mut other_out);
                session.protect(&mut other_out).unwrap();
            }),
        ]
    }

    pub(super) fn unprotect(profile: Profile, size: usize) -> Vec<Contender<'static>> {
        let (mut context, mut cycle, mut out) =
            (rtc(profile, true), Cycle::new(profile, size), Vec::with_capacity(2048));
        let (mut session, mut other, mut other_out) =
            (libsrtp(profile, true), Cycle::new(profile, size), Vec::with_capacity(2048));
        vec![
            Contender::new("rtc-srtp", move || {
                if cycle.next(&mut out) {
                    context = rtc(profile, true);
                }
                context.decrypt_rtp(&out).unwrap()
            }),
            Contender::new("libsrtp2", move || {
                if other.next(&mut other_out) {
                    session = libsrtp(profile, true);
                }
                session.unprotect(&mut other_out).unwrap();
            }),
        ]
    }
}
