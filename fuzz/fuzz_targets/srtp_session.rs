//! A sender and a receiver, whatever the suite and the extensions, driven by commands: packets of four sources are sealed,
//! arrive late, twice, changed or never, keys change, the receiver is taken down and set up again. A model of RFC 3711
//! section 3.3 says which of them must open; what opens is what was sealed, and what does not changes nothing.
#![no_main]

use core::num::NonZeroU16;
use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use nomagic_srtp::{
    Backend, Cryptex, ExtensionIds, MasterKey, Profile, Receiver, ReceiverConfig, Sender, SenderConfig,
    UnprotectError,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[profile, options], mut commands)) = bytes.split_first_chunk::<2>() else { return };
    let profile = Profile::ALL[usize::from(profile) % Profile::ALL.len()];
    let Some(mut session) = Session::new(profile, options) else { return };
    while let Some((&[command, argument, value], rest)) = commands.split_first_chunk::<3>() {
        commands = rest;
        match command % 8 {
            0..=2 => {
                let (body, rest) = commands.split_at(usize::from(value & 63).min(commands.len()));
                commands = rest;
                session.seal(command, argument, body);
            }
            3 | 4 => session.deliver(usize::from(argument)),
            5 => session.forge(usize::from(argument), value),
            6 => session.change_key(argument & 1 != 0),
            _ => session.restore(),
        }
    }
});

struct Sealed {
    is_rtcp: bool,
    source: usize,
    index: u64,
    /// Whether the packet says its index itself.
    says_index: bool,
    plain: Vec<u8>,
    packet: Vec<u8>,
}

/// What a receiver must know of one kind of packets of a source.
#[derive(Default)]
struct Seen(BTreeSet<u64>);

impl Seen {
    const WINDOW: u64 = 64;

    /// RFC 3711 section 3.3.1, where no index lies before the first cycle, and for the first packet a second try behind the
    /// roll-over. Exactly half a cycle away may be either.
    fn estimates(&self, index: u64) -> Option<bool> {
        match self.0.last() {
            Some(highest) if highest.abs_diff(index) == 1 << 15 => None,
            Some(highest) => Some(highest.abs_diff(index) < 1 << 15 || *highest < 1 << 15 && index < 1 << 16),
            None => Some(index < 1 << 16 || (1 << 16..(1 << 16) + (1 << 15)).contains(&index)),
        }
    }

    fn is_old(&self, index: u64) -> bool {
        self.0.last().is_some_and(|highest| index + Self::WINDOW <= *highest)
    }
}

struct Session {
    sender: Sender,
    /// `None` only while it is set up again.
    receiver: Option<Receiver>,
    hides: bool,
    named: bool,
    rate: Option<u16>,
    sent: Vec<Sealed>,
    next: [[u64; 2]; 4],
    seen: [[Seen; 2]; 4],
}

impl Session {
    fn new(profile: Profile, options: u8) -> Option<Self> {
        let named = options & 1 != 0;
        let master = |secret, name: &[u8]| {
            let key = MasterKey::new(profile, &vec![secret; profile.key_len()], &vec![2; profile.salt_len()]);
            let key = if options & 2 != 0 { key?.with_derivation_rate(1 << 8)? } else { key? };
            if named { key.with_identifier(name) } else { Ok(key) }
        };
        let key = master(1, b"one").ok()?;
        let (mut to, mut from) = (SenderConfig::default(), ReceiverConfig::default());
        to.cryptex = options & 4 != 0;
        from.cryptex = if to.cryptex { Cryptex::Accepted } else { Cryptex::Off };
        if options & 8 != 0 {
            to.encrypted_extensions = ExtensionIds::NONE.with(1).with(2).with(14);
            from.encrypted_extensions = to.encrypted_extensions;
        }
        to.encrypt_rtcp = options & 16 == 0;
        from.accept_unencrypted_rtcp = !to.encrypt_rtcp;
        from.replay_window = 64;
        let mut sender = Sender::with_config(&key, to, Backend::default());
        let mut receiver = Receiver::new(&key, from);
        if named {
            let other = master(3, b"two").ok()?;
            sender.add_key(&other).ok()?;
            receiver.add_key(&other).ok()?;
        }
        let mut rate = None;
        if options & 32 != 0 {
            let wanted = NonZeroU16::new(3)?;
            let carried = sender.carry_roll_over_counter(wanted).is_ok();
            assert_eq!(carried, receiver.expect_roll_over_counter(wanted).is_ok());
            rate = carried.then_some(3);
        }
        let (hides, receiver) = (to.cryptex, Some(receiver));
        let (next, seen) = <([[u64; 2]; 4], _)>::default();
        Some(Self { sender, receiver, hides, named, rate, sent: Vec::new(), next, seen })
    }

    /// Seals a packet whose header comes from `shape` and whose rest is `body`. Sequence numbers jump by less than 2^15, which
    /// a sender must follow across any roll-over.
    fn seal(&mut self, command: u8, shape: u8, body: &[u8]) {
        if self.sent.len() >= 60 {
            return;
        }
        let (source, is_rtcp) = (usize::from(shape & 3), command % 8 == 2);
        let next = &mut self.next[source][usize::from(is_rtcp)];
        let mut index = *next;
        let mut plain = if is_rtcp {
            vec![0x80, 200, 0, 1]
        } else {
            index += if shape & 128 != 0 { 0x7ff0 } else { u64::from(command / 8) };
            let mut fixed = vec![0x80 | shape >> 2 & 0x13, 96];
            fixed.extend_from_slice(&index.to_be_bytes()[6..]);
            fixed.extend_from_slice(&[0; 4]);
            fixed
        };
        plain.extend_from_slice(&[0, 0, 0, shape & 3]);
        plain.extend_from_slice(body);
        let mut packet = plain.clone();
        let sender = &mut self.sender;
        let sealed =
            if is_rtcp { sender.protect_rtcp(&mut packet, 0) } else { sender.protect_rtp(&mut packet, 0) };
        if sealed.is_err() {
            assert_eq!(packet, plain, "a refused packet is as it was");
            return;
        }
        *next = index + 1;
        if !is_rtcp {
            assert_eq!(sender.roll_over_counter(u32::from(shape & 3)).map(u64::from), Some(index >> 16));
        }
        let says_index = is_rtcp || self.rate.is_some_and(|rate| (index & 0xffff) % u64::from(rate) == 0);
        self.sent.push(Sealed { is_rtcp, source, index, says_index, plain, packet });
    }

    fn deliver(&mut self, which: usize) {
        let Some(which) = which.checked_rem(self.sent.len()) else { return };
        let Some(receiver) = &mut self.receiver else { return };
        let sealed = &self.sent[which];
        let mut packet = sealed.packet.clone();
        let opened = open(receiver, sealed.is_rtcp, &mut packet);
        if opened.is_err() {
            assert_eq!(packet, sealed.packet, "a refused packet is as it was");
        }
        // What the source sent in its other kind of packets makes it known, so that no second try is due.
        let known = self.seen[sealed.source].iter().any(|seen| !seen.0.is_empty());
        let seen = &mut self.seen[sealed.source][usize::from(sealed.is_rtcp)];
        let index = sealed.index;
        if seen.0.contains(&index) {
            assert!(opened.is_err(), "a replay");
        } else if !sealed.says_index && seen.estimates(index) == Some(false) {
            assert!(opened.is_err(), "an index that nobody can guess");
        } else if seen.is_old(index) && (sealed.says_index || seen.estimates(index).is_some()) {
            assert!(matches!(opened, Err(UnprotectError::TooOld { .. })), "{opened:?}");
        } else if sealed.says_index
            || seen.estimates(index).is_some() && (!seen.0.is_empty() || index < 1 << 16 || !known)
        {
            let plain = opened.expect("a fresh packet opens");
            // Cryptex may have added an empty extension.
            let hidden = self.hides && !sealed.is_rtcp && plain.len() == sealed.plain.len() + 4;
            assert!(plain == sealed.plain || hidden);
            seen.0.insert(index);
        } else if opened.is_ok() {
            seen.0.insert(index);
        }
    }

    /// One bit of a packet is another: all of them are authenticated, or choose a key that does not fit.
    fn forge(&mut self, which: usize, place: u8) {
        let Some(which) = which.checked_rem(self.sent.len()) else { return };
        let Some(receiver) = &mut self.receiver else { return };
        let mut forged = self.sent[which].packet.clone();
        let at = usize::from(place) * forged.len() / 256;
        forged[at] ^= 1 << (place & 7);
        let mut copy = forged.clone();
        let before = knowledge(receiver);
        assert!(open(receiver, self.sent[which].is_rtcp, &mut copy).is_err());
        assert_eq!((copy, knowledge(receiver)), (forged, before));
    }

    fn change_key(&mut self, other: bool) {
        if self.named {
            assert!(self.sender.use_key(if other { b"two" } else { b"one" }));
        }
    }

    fn restore(&mut self) {
        let Some(receiver) = self.receiver.take() else { return };
        let snapshot = receiver.into_snapshot();
        self.receiver = Some(Receiver::restore(&snapshot, &Backend::default()).expect("our own snapshot"));
    }
}

fn open(receiver: &mut Receiver, is_rtcp: bool, packet: &mut [u8]) -> Result<Vec<u8>, UnprotectError> {
    let opened = if is_rtcp { receiver.unprotect_rtcp(packet) } else { receiver.unprotect_rtp(packet) };
    opened.map(|plain| plain.to_vec())
}

/// What a receiver tells of its sources.
fn knowledge(receiver: &mut Receiver) -> (usize, [Option<u32>; 4]) {
    (receiver.stream_count(), [0, 1, 2, 3].map(|ssrc| receiver.roll_over_counter(ssrc)))
}
