//! The numbered cases that follow from what went wrong elsewhere, as far as they are about the codec.
//!
//! | case | where |
//! |---|---|
//! | T1 RFC 5769 and RFC 8489 B.1, both ways | `vectors.rs`; here over all attributes of the printed messages |
//! | T2 every length of each attribute, T3 padding, T4 to T6 integrity and FINGERPRINT | here |
//! | T7 unknown attributes | here, `turn/allocate.rs`, `server.rs` |
//! | T8 bid-down, T9 loops of 401 and 438 | `credentials.rs`, `server.rs`, `turn/client.rs`, `turn/authenticate.rs` |
//! | T10 the clock of a transaction | `binding.rs`, `src/rto.rs` |
//! | T11 streams | `corpora.rs`, `turn/data.rs`, `src/turn/stream.rs` |
//! | T12 peer addresses | `src/turn/policy/tests.rs`, `turn/permissions.rs` |
//! | T13 channels, T14 permissions | `turn/channels.rs`, `turn/permissions.rs` |
//! | T15 repeated Allocate, T16 EVEN-PORT, T17 dual allocation, T18 Refresh | `turn/allocate.rs`, `turn/refresh.rs` |
//! | T19 flood, T20 answers to strangers | `turn/flood.rs`, `server.rs` |
//! | T21 TCP allocations | `turn/tcp.rs` |
//!
//! Last come the probes: what rivals accept or refuse, with the RFC's verdict.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use hmac::{Hmac, KeyInit, Mac};
use nomagic_stun::attribute::*;
use nomagic_stun::{
    AttributeType, BindingServer, BindingServerConfig, FiveTuple, IntegrityError, IntegrityKey, Kind,
    Message, MessageBuilder, MessageType, ParseError, TransactionId, Transport, Users, turn,
};
use nomagic_testkit::{clock, rng, vectors};
use proptest::prelude::*;
use sha1::Sha1;
use sha2::Sha256;

const ID: TransactionId = TransactionId(*b"abcdefghijkl");
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const USERNAME: u16 = 0x0006;
const INTEGRITY: u16 = 0x0008;
const INTEGRITY_SHA256: u16 = 0x001c;
const FINGERPRINT: u16 = 0x8028;

fn key() -> IntegrityKey {
    IntegrityKey::short_term(PASSWORD)
}

/// A message by hand, in orders that the builder does not know.
#[derive(Clone)]
struct ByHand(Vec<u8>);

impl ByHand {
    fn new() -> Self {
        let mut out = Vec::new();
        MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID).finish().unwrap();
        Self(out)
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let length = u16::try_from(self.0.len() - 20).unwrap();
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// MESSAGE-INTEGRITY over what there is, whatever that is.
    fn signed(self) -> Self {
        let tag = self.tag::<Hmac<Sha1>>(20);
        self.attribute(INTEGRITY, &tag)
    }

    /// MESSAGE-INTEGRITY-SHA256, cut to `len` octets.
    fn signed_sha256(self, len: usize) -> Self {
        let tag = self.tag::<Hmac<Sha256>>(len);
        self.attribute(INTEGRITY_SHA256, &tag)
    }

    /// The first `len` octets of the tag over the message as if they were its last attribute.
    fn tag<M: Mac + KeyInit>(&self, len: usize) -> Vec<u8> {
        let mut hashed = self.0.clone();
        let length = u16::try_from(hashed.len() - 20 + 4 + len).unwrap();
        hashed[2..4].copy_from_slice(&length.to_be_bytes());
        let mac = <M as KeyInit>::new_from_slice(PASSWORD.as_bytes()).unwrap();
        mac.chain_update(&hashed).finalize().into_bytes()[..len].to_vec()
    }

    /// FINGERPRINT, right for a message that goes on for `more` octets.
    fn fingerprint(mut self, more: usize) -> Self {
        let length = u16::try_from(self.0.len() - 20 + 8 + more).unwrap();
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        let crc = crc32fast::hash(&self.0) ^ 0x5354_554e;
        self.attribute(FINGERPRINT, &crc.to_be_bytes())
    }

    fn parse(&self) -> Result<Message<'_>, ParseError> {
        Message::parse(&self.0)
    }

    fn kind(&self) -> Option<Kind> {
        self.parse().err().map(|error| error.kind)
    }
}

/// Calls a macro with every typed attribute and the lengths that its format allows.
macro_rules! for_each_attribute {
    ($do:ident) => {
        $do!(MappedAddress, &[0, 1], |len| len == 8);
        $do!(MappedAddress, &[0, 2], |len| len == 20);
        $do!(MappedAddress, &[0, 3], |_| false);
        $do!(XorMappedAddress, &[0, 1], |len| len == 8);
        $do!(XorMappedAddress, &[0, 2], |len| len == 20);
        $do!(XorPeerAddress, &[0, 1], |len| len == 8);
        $do!(XorPeerAddress, &[0, 2], |len| len == 20);
        $do!(XorRelayedAddress, &[0, 1], |len| len == 8);
        $do!(XorRelayedAddress, &[0, 2], |len| len == 20);
        $do!(AlternateServer, &[0, 1], |len| len == 8);
        $do!(AlternateServer, &[0, 2], |len| len == 20);
        $do!(ResponseOrigin, &[0, 1], |len| len == 8);
        $do!(OtherAddress, &[0, 2], |len| len == 20);
        $do!(ErrorReason<'_>, &[0, 0, 4], |len| len >= 4);
        $do!(UnknownAttributes, &[], |len| len % 2 == 0);
        $do!(ChosenAlgorithm<'_>, &[], |len| len == 4);
        $do!(PasswordAlgorithms<'_>, &[], |len| len % 4 == 0);
        $do!(Userhash, &[], |len| len == 32);
        $do!(Username<'_>, &[], |_| true);
        $do!(Realm<'_>, &[], |_| true);
        $do!(Nonce<'_>, &[], |_| true);
        $do!(Software<'_>, &[], |_| true);
        $do!(AlternateDomain<'_>, &[b'a'; 40], |len| len > 0);
        $do!(IceControlled, &[], |len| len == 8);
        $do!(IceControlling, &[], |len| len == 8);
        $do!(Priority, &[], |len| len == 4);
        $do!(UseCandidate, &[], |len| len == 0);
        $do!(ChangeRequest, &[], |len| len == 4);
        $do!(Padding<'_>, &[], |_| true);
        $do!(ResponsePort, &[], |len| matches!(len, 2..=4));
        $do!(CacheTimeout, &[], |len| len == 4);
        $do!(EcnCheck, &[], |len| len == 4);
        $do!(TransmitCounter, &[], |len| len == 4);
        $do!(ChannelNumberAttribute, &[], |len| len == 4);
        $do!(ConnectionId, &[], |len| len == 4);
        $do!(Lifetime, &[], |len| len == 4);
        $do!(RequestedTransport, &[], |len| len == 4);
        $do!(RequestedAddressFamily, &[1], |len| len == 4);
        $do!(AdditionalAddressFamily, &[2], |len| len == 4);
        $do!(AddressErrorCode<'_>, &[1, 0, 4], |len| len >= 4);
        $do!(DontFragment, &[], |len| len == 0);
        $do!(EvenPort, &[], |len| len == 1);
        $do!(Icmp, &[], |len| len == 8);
        $do!(ReservationToken, &[], |len| len == 8);
        $do!(Data<'_>, &[], |_| true);
        $do!(MobilityTicket<'_>, &[], |_| true);
        $do!(AccessToken<'_>, &[], |_| true);
        $do!(ThirdPartyAuthorization<'_>, &[], |_| true);
    };
}

/// Whatever attribute has a name has a type too, but for the three that the message itself reads and writes. That every
/// attribute of an RFC has a name is shown beside the registry, in `corpora.rs` and `attributes.rs`.
#[test]
fn every_attribute_that_has_a_name_has_a_type() {
    let mut typed = std::collections::BTreeSet::from([INTEGRITY, INTEGRITY_SHA256, FINGERPRINT]);
    macro_rules! note {
        ($type:ty, $start:expr, $fits:expr) => {
            typed.insert(<$type as Attribute<'_>>::TYPE.0)
        };
    }
    for_each_attribute!(note);
    let named = (0..=u16::MAX).filter(|number| AttributeType(*number).name().is_some());
    assert!(named.eq(typed));
}

fn value(start: &[u8], len: usize) -> Vec<u8> {
    let mut value = start.to_vec();
    value.resize(len.max(start.len()), 0);
    value.truncate(len);
    value
}

// T2
#[test]
fn each_attribute_takes_the_lengths_of_its_format_and_no_other() {
    for len in 0..=40 {
        macro_rules! check {
            ($type:ty, $start:expr, $fits:expr) => {{
                let fits: fn(usize) -> bool = $fits;
                let kind = <$type as Attribute<'_>>::TYPE;
                let message = ByHand::new().attribute(kind.0, &value($start, len));
                let read = message.parse().unwrap().attribute::<$type>();
                assert_eq!(read.is_ok(), fits(len), "{kind} of {len} octets: {read:?}");
                assert!(message.parse().unwrap().to_string().contains(&kind.to_string()));
            }};
        }
        for_each_attribute!(check);
    }
}

// T5
//= rfc8489#9-1 test
#[test]
fn no_getter_sees_what_stands_behind_an_integrity_attribute() {
    for signed in [ByHand::new().signed(), ByHand::new().signed_sha256(32)] {
        macro_rules! check {
            ($type:ty, $start:expr, $fits:expr) => {{
                let fits: fn(usize) -> bool = $fits;
                let len = (0..=40).find(|len| fits(*len)).unwrap_or(8);
                let kind = <$type as Attribute<'_>>::TYPE;
                let message = signed.clone().attribute(kind.0, &value($start, len)).fingerprint(0);
                let message = message.parse().unwrap();
                assert_eq!(message.attribute::<$type>(), Ok(None), "{kind}");
                assert_eq!((message.attributes().count(), message.unknown_required(&[]).count()), (0, 0));
                assert!(!message.to_string().contains(&kind.to_string()), "{message}");
                assert_eq!(message.verify(&key()), Ok(()), "{kind} does not disturb what is signed");
            }};
        }
        for_each_attribute!(check);
    }
}

// T4
//= rfc8489#14.6-1 test
#[test]
fn an_integrity_attribute_has_one_length_and_the_sha256_one_five() {
    for len in 0..=40 {
        let sha1 = ByHand::new().attribute(INTEGRITY, &vec![0; len]);
        assert_eq!(sha1.parse().is_ok(), len == 20, "{len}");
        let sha256 = ByHand::new().attribute(INTEGRITY_SHA256, &vec![0; len]);
        assert_eq!(sha256.parse().is_ok(), [16, 20, 24, 28, 32].contains(&len), "{len}");
    }
    for len in [16, 20, 24, 28, 32] {
        let message = ByHand::new().attribute(USERNAME, b"u").signed_sha256(len);
        assert_eq!(message.parse().unwrap().verify(&key()), Ok(()), "cut to {len}");
        let mut forged = message;
        *forged.0.last_mut().unwrap() ^= 1;
        assert_eq!(forged.parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch), "cut to {len}");
    }
}

// T4
#[test]
fn of_two_integrity_attributes_of_a_kind_the_first_counts() {
    let zeros = [0; 32];
    let (good, bad) = (ByHand::new().signed(), ByHand::new().attribute(INTEGRITY, &zeros[..20]));
    assert_eq!(good.attribute(INTEGRITY, &zeros[..20]).parse().unwrap().verify(&key()), Ok(()));
    assert_eq!(bad.signed().parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch));
    let (good, bad) =
        (ByHand::new().signed_sha256(32), ByHand::new().attribute(INTEGRITY_SHA256, &zeros[..32]));
    assert_eq!(good.attribute(INTEGRITY_SHA256, &zeros).parse().unwrap().verify(&key()), Ok(()));
    assert_eq!(bad.signed_sha256(32).parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch));
}

// T4
#[test]
fn every_bit_of_a_tag_counts() {
    let named = ByHand::new().attribute(USERNAME, b"u");
    for (signed, len) in
        [(named.clone().signed(), 20), (named.clone().signed_sha256(16), 16), (named.signed_sha256(32), 32)]
    {
        let start = signed.0.len() - len;
        for bit in 0..len * 8 {
            let mut forged = signed.clone();
            forged.0[start + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(forged.parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch), "bit {bit}");
        }
    }
}

/// T4: both in the order of the RFC, the stronger decides; the other way round, the weaker is not there.
#[test]
fn both_integrity_attributes_stand_in_one_order() {
    let both = ByHand::new().attribute(USERNAME, b"u").signed().signed_sha256(32);
    let message = both.parse().unwrap();
    assert_eq!(message.verify(&key()), Ok(()));
    assert_eq!(message.to_string().split(' ').next_back(), Some("signed=SHA1+SHA256"));
    let weak_is_forged =
        ByHand::new().attribute(USERNAME, b"u").attribute(INTEGRITY, &[0; 20]).signed_sha256(32);
    assert_eq!(weak_is_forged.parse().unwrap().verify(&key()), Ok(()));
    let strong_is_forged =
        ByHand::new().attribute(USERNAME, b"u").signed().attribute(INTEGRITY_SHA256, &[0; 32]);
    assert_eq!(strong_is_forged.parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch));
    let turned = ByHand::new().attribute(USERNAME, b"u").signed_sha256(16).attribute(INTEGRITY, &[0; 20]);
    let message = turned.parse().unwrap();
    assert_eq!(message.verify(&key()), Ok(()));
    assert_eq!(message.to_string().split(' ').next_back(), Some("signed=SHA256"));
}

/// T4: a tag is over the length up to itself, so that what follows may be added by others.
#[test]
fn a_tag_over_the_wrong_length_does_not_match() {
    let mut wrong = ByHand::new().attribute(USERNAME, b"u");
    wrong.0[3] += 4;
    let with_wrong_length = wrong.attribute(0x8022, b"").signed();
    assert_eq!(with_wrong_length.parse().unwrap().verify(&key()), Ok(()), "the field is set anew");
    let signed = ByHand::new().attribute(USERNAME, b"u").signed();
    let tag = signed.0[signed.0.len() - 20..].to_vec();
    // The same tag behind one attribute more, which it does not cover.
    let moved = ByHand::new().attribute(USERNAME, b"u").attribute(0x8022, b"").attribute(INTEGRITY, &tag);
    assert_eq!(moved.parse().unwrap().verify(&key()), Err(IntegrityError::Mismatch));
    assert_eq!(signed.fingerprint(0).parse().unwrap().verify(&key()), Ok(()));
}

// T6
//= rfc8489#14.7-2 test
#[test]
fn a_fingerprint_is_a_crc_with_a_mask_and_comes_last() {
    let good = ByHand::new().attribute(USERNAME, b"user").fingerprint(0);
    assert!(good.parse().unwrap().has_fingerprint());
    let mut built = Vec::new();
    MessageBuilder::new(&mut built, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("user").unwrap())
        .fingerprint()
        .finish()
        .unwrap();
    assert_eq!(built, good.0);
    // Without the mask it is a plain CRC, which is refused.
    let at = good.0.len() - 4;
    let found = u32::from_be_bytes(good.0[at..].try_into().unwrap());
    let mut plain = good.clone();
    plain.0[at..].copy_from_slice(&(found ^ 0x5354_554e).to_be_bytes());
    let kind = Kind::Fingerprint { expected: found, found: found ^ 0x5354_554e };
    assert_eq!(plain.parse(), Err(ParseError { kind, offset: at }));
    // Every flipped bit breaks it.
    for bit in 0..good.0.len() * 8 {
        let mut flipped = good.clone();
        flipped.0[bit / 8] ^= 1 << (bit % 8);
        assert!(!flipped.parse().is_ok_and(|message| message.has_fingerprint()), "bit {bit}");
    }
    for len in (0..=12).filter(|len| *len != 4) {
        let kind = ByHand::new().attribute(FINGERPRINT, &vec![0; len]).kind();
        assert!(matches!(kind, Some(Kind::ValueLength { .. })), "{len}");
    }
    // Whatever comes behind one that is right for the longer message: another is no better.
    let late = ByHand::new().fingerprint(8).attribute(0x8022, b"late");
    assert_eq!(late.kind(), Some(Kind::AfterFingerprint(AttributeType::SOFTWARE)));
    let twice = ByHand::new().fingerprint(8).fingerprint(0);
    assert_eq!(twice.kind(), Some(Kind::AfterFingerprint(AttributeType::FINGERPRINT)));
    let signed = ByHand::new().fingerprint(24).signed();
    assert_eq!(signed.kind(), Some(Kind::AfterFingerprint(AttributeType::MESSAGE_INTEGRITY)));
}

// T7
#[test]
fn unknown_attributes_are_listed_where_they_must_be_understood() {
    let message = ByHand::new()
        .attribute(0x7ffe, b"x")
        .attribute(0x8fff, b"x")
        .attribute(USERNAME, b"u")
        .attribute(0x0000, b"")
        .signed()
        .attribute(0x7ffd, b"hidden");
    let message = message.parse().unwrap();
    let unknown: Vec<_> = message.unknown_required(&[AttributeType::USERNAME]).map(|kind| kind.0).collect();
    assert_eq!(unknown, [0x7ffe, 0x0000]);
}

/// T1: all attributes of the printed messages, in their order, as an independent program took them apart.
#[test]
fn printed_messages_have_the_printed_attributes() {
    let Some(file) = vectors::json("stun/rfc_vectors.json") else { return };
    let vectors_of = file["vectors"].as_array().unwrap();
    assert_eq!(vectors_of.len(), 5);
    for vector in vectors_of {
        let mut bytes = vectors::hex(vector["message"].as_str().unwrap());
        // Erratum 6268: the length field of RFC 8489 B.1 counts the header too.
        let length = u16::try_from(bytes.len() - 20).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let message = Message::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", vector["section"]));
        let expected: Vec<_> = vector["attributes"].as_array().unwrap().iter().collect();
        let visible = expected
            .iter()
            .filter(|attribute| !matches!(attribute["type"].as_str(), Some("0x0008" | "0x001c" | "0x8028")));
        let visible: Vec<_> = visible
            .map(|attribute| {
                let kind = u16::from_str_radix(&attribute["type"].as_str().unwrap()[2..], 16).unwrap();
                (kind, vectors::hex(attribute["value"].as_str().unwrap()))
            })
            .collect();
        let read: Vec<_> =
            message.attributes().map(|raw| (raw.attribute_type.0, raw.value.to_vec())).collect();
        assert_eq!(read, visible, "{}", vector["section"]);
        assert!(message.has_integrity());
        assert_eq!(message.has_fingerprint(), expected.iter().any(|one| one["type"] == "0x8028"));
    }
}

/// What becomes of a probe: refused whole, or taken with the attribute unseen, in error, or read.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Refused(Kind),
    Unseen,
    Malformed,
    Read(String),
}

fn verdict<'a, A: Attribute<'a>>(message: &'a ByHand, show: impl Fn(A) -> String) -> Verdict {
    match message.parse() {
        Err(error) => Verdict::Refused(error.kind),
        Ok(parsed) => match parsed.attribute::<A>() {
            Ok(None) => Verdict::Unseen,
            Ok(Some(attribute)) => Verdict::Read(show(attribute)),
            Err(_) => Verdict::Malformed,
        },
    }
}

/// The probes, with the RFC's verdict and its section. What three rivals said differs in ten of the eleven.
#[test]
fn probes_get_the_verdict_of_the_rfc() {
    let first = |octet: u8| {
        let mut message = ByHand::new();
        message.0[0] |= octet;
        message
    };
    let mut trailing = ByHand::new();
    trailing.0.push(0);
    let mut wrong = ByHand::new().fingerprint(0);
    wrong.0[27] ^= 1;
    let right = u32::from_be_bytes(ByHand::new().fingerprint(0).0[24..].try_into().unwrap());
    let username = |message: &ByHand| verdict(message, |name: Username<'_>| name.as_str().to_owned());
    let mapped = |value: &[u8]| {
        let message = ByHand::new().attribute(0x0020, value);
        verdict(&message, |address: XorMappedAddress| address.0.to_string())
    };
    let error = |value: [u8; 4]| {
        let message = ByHand::new().attribute(0x0009, &value);
        verdict(&message, |error: ErrorReason<'_>| error.code().to_string())
    };
    let table = [
        // One octet behind the message in a datagram: 8489 section 5, the length is that of the message.
        (username(&trailing), Verdict::Refused(Kind::LengthMismatch { declared: 0, actual: 1 })),
        // Wrong FINGERPRINT: 8489 section 6.3, silently discarded.
        (username(&wrong), Verdict::Refused(Kind::Fingerprint { expected: right, found: right ^ 1 })),
        // The two top bits set: 8489 section 5.
        (username(&first(0x40)), Verdict::Refused(Kind::FirstOctet(0x40))),
        (username(&first(0x80)), Verdict::Refused(Kind::FirstOctet(0x80))),
        (username(&first(0xc0)), Verdict::Refused(Kind::FirstOctet(0xc0))),
        // FINGERPRINT not the last: 8489 section 14.7.
        (
            username(&ByHand::new().fingerprint(8).attribute(USERNAME, b"late")),
            Verdict::Refused(Kind::AfterFingerprint(AttributeType::USERNAME)),
        ),
        // USERNAME only behind MESSAGE-INTEGRITY: 8489 section 14.5, ignored.
        (username(&ByHand::new().signed().attribute(USERNAME, b"mallory")), Verdict::Unseen),
        // An IPv6 address of 8 octets, and one of none: 8489 sections 14.1 and 14.2.
        (mapped(&[0, 2, 0, 9, 1, 1, 1, 1]), Verdict::Malformed),
        (mapped(&[]), Verdict::Malformed),
        // ERROR-CODE with reserved bits set: 8489 section 14.8, ignored.
        (error([0xff, 0xff, 0xfc, 1]), Verdict::Read("401".into())),
        // ERROR-CODE with class 9, which is class 1 with a reserved bit: 8489 section 14.8, 3 to 6.
        (error([0, 0, 9, 1]), Verdict::Malformed),
        // A user name that is not UTF-8: 8489 section 14.3.
        (username(&ByHand::new().attribute(USERNAME, b"\xff\xfe")), Verdict::Malformed),
    ];
    for (row, (found, expected)) in table.into_iter().enumerate() {
        assert_eq!(found, expected, "row {row}");
    }
}

/// The last probe: method 0 is reserved (8489 section 18.2). Such a message reads, and no machine answers it (6.3).
#[test]
fn the_reserved_method_reads_and_is_dropped() {
    let mut request = ByHand::new();
    request.0[1] = 0;
    assert_eq!(request.parse().unwrap().method().number(), 0);
    let here = "192.0.2.7:3478".parse().unwrap();
    let from =
        FiveTuple { client: "198.51.100.9:4".parse().unwrap(), server: here, transport: Transport::Udp };
    let (now, mut out) = (clock::origin(), Vec::new());
    let mut binding = BindingServer::new(BindingServerConfig::default(), &mut rng(1));
    binding.handle_input(now, from, &mut request.0.clone());
    assert!(binding.poll_transmit(now, &mut out).is_none());
    let mut turn = turn::Server::new(turn::ServerConfig::new(Users::new("r").unwrap()), &mut rng(1));
    assert_eq!(turn.handle_input(now, from, &mut request.0), turn::ServerInput::NotMine);
    assert!(turn.poll_transmit(now, &mut out).is_none());
}

/// Attributes that a test can write.
fn any_attribute() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let kind = any::<u16>().prop_filter("not integrity, not FINGERPRINT", |kind| {
        ![INTEGRITY, INTEGRITY_SHA256, FINGERPRINT].contains(kind)
    });
    (kind, prop::collection::vec(any::<u8>(), 0..40))
}

proptest! {
    /// T3: whatever is written, between the values there are zeros only, and what is read does not look at them.
    #[test]
    fn padding_is_zero_when_written_and_ignored_when_read(
        attributes in prop::collection::vec(any_attribute(), 1..8),
        stain: u8,
    ) {
        // A buffer that was used before, so that forgotten octets would show.
        let mut out = vec![0xaa; 1000];
        out.clear();
        let builder = MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID);
        attributes
            .iter()
            .fold(builder, |builder, (kind, value)| {
                builder.attribute(&Opaque { attribute_type: AttributeType(*kind), value })
            })
            .finish()
            .unwrap();
        let (mut at, mut stained) = (20, out.clone());
        for (_, value) in &attributes {
            let (end, next) = (at + 4 + value.len(), at + 4 + value.len().next_multiple_of(4));
            prop_assert!(out[end..next].iter().all(|octet| *octet == 0));
            stained[end..next].fill(stain);
            at = next;
        }
        prop_assert_eq!(at, out.len());
        let (clean, stained) = (Message::parse(&out).unwrap(), Message::parse(&stained).unwrap());
        prop_assert!(clean.attributes().eq(stained.attributes()));
    }

    /// Built and read back, signed by any means; cut anywhere, an error.
    #[test]
    fn what_is_built_is_what_is_read_and_a_cut_is_an_error(
        attributes in prop::collection::vec(any_attribute(), 0..8),
        ways in 0u8..8,
        bits in 0u16..0x4000,
    ) {
        let mut out = Vec::new();
        let open = attributes.iter().fold(
            MessageBuilder::new(&mut out, MessageType::from_bits(bits), ID),
            |builder, (kind, value)| builder.attribute(&Opaque { attribute_type: AttributeType(*kind), value }),
        );
        match ways {
            0 => open.finish(),
            1 => open.fingerprint().finish(),
            2 => open.integrity(&key()).finish(),
            3 => open.integrity(&key()).fingerprint().finish(),
            4 => open.integrity_sha256(&key()).finish(),
            5 => open.integrity_sha256(&key()).fingerprint().finish(),
            6 => open.integrity(&key()).integrity_sha256(&key()).finish(),
            _ => open.integrity(&key()).integrity_sha256(&key()).fingerprint().finish(),
        }
        .unwrap();
        let message = Message::parse(&out).unwrap();
        prop_assert_eq!(message.message_type().to_bits(), bits);
        prop_assert_eq!(message.transaction_id(), ID);
        let read: Vec<_> = message.attributes().map(|raw| (raw.attribute_type.0, raw.value.to_vec())).collect();
        prop_assert_eq!(read, attributes);
        prop_assert_eq!(message.has_fingerprint(), ways % 2 == 1);
        let verdict = if ways < 2 { Err(IntegrityError::Missing) } else { Ok(()) };
        prop_assert_eq!(message.verify(&key()), verdict);
        prop_assert_eq!(message.has_integrity_sha256(), ways >= 4);
        for cut in 0..out.len() {
            prop_assert!(Message::parse(&out[..cut]).is_err(), "cut at {cut}");
        }
    }
}
