//! Messages without records: both sides' states in every order of messages.

use std::sync::{Arc, LazyLock};

use nomagic_testkit::rng;
use rand::SeedableRng;
use rand::rngs::ChaCha20Rng;

use super::*;
use crate::certificate::{Identity, Verifier};
use crate::crypto::CipherSuite;
use crate::crypto::provider::Backend;
use crate::handshake::{DigitallySigned, FragmentHeader, HelloVerifyRequest};
use crate::keys::Role;
use crate::record::Version;
use crate::{client, server};

const OUR_SCHEME: SignatureScheme = SignatureScheme::ECDSA_SECP256R1_SHA256;
static ANNA: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(100))));
static ZOE: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(200))));

fn context(role: Role) -> Context {
    let mut config = match role {
        Role::Client => Config::client(ANNA.clone(), Verifier::fingerprints([ZOE.fingerprint()])),
        Role::Server => Config::server(ZOE.clone(), Verifier::fingerprints([ANNA.fingerprint()])),
    };
    // The same each time: aws-lc-rs draws the nonces of signatures itself.
    config.backend = Backend::RustCrypto;
    config.address_validated = true;
    config.retain_supported();
    Context::new(config, &mut rng(role as u64))
}

enum Machine {
    Client(client::State),
    Server(server::State),
    Done,
}

/// A machine at its beginning, always the same.
fn fresh(role: Role) -> (Context, Machine) {
    let mut cx = context(role);
    let machine = match role {
        Role::Client => Machine::Client(client::State::start(&mut cx)),
        Role::Server => Machine::Server(server::State::ClientHello),
    };
    (cx, machine)
}

fn feed(cx: &mut Context, machine: Machine, message: &Whole) -> Result<Machine, CloseReason> {
    match machine {
        Machine::Client(state) => match state.handle(cx, message)? {
            Step::Next(state) => Ok(Machine::Client(state)),
            Step::Done(_) => Ok(Machine::Done),
        },
        Machine::Server(state) => match state.handle(cx, message)? {
            Step::Next(state) => Ok(Machine::Server(state)),
            Step::Done(_) => Ok(Machine::Done),
        },
        Machine::Done => Err(CloseReason::UnexpectedMessage(message.kind)),
    }
}

fn feed_all(role: Role, messages: &[Whole]) -> Result<(Context, Machine), CloseReason> {
    let (mut cx, mut machine) = fresh(role);
    for message in messages {
        machine = feed(&mut cx, machine, message)?;
    }
    Ok((cx, machine))
}

/// What each side hears in a handshake that goes well.
static HEARD: LazyLock<[Vec<Whole>; 2]> = LazyLock::new(|| {
    let (cx, _) = fresh(Role::Client);
    let mut to_server = cx.flight.messages();
    let (cx, _) = feed_all(Role::Server, &to_server).unwrap();
    let mut to_client = cx.flight.messages();
    let (cx, _) = feed_all(Role::Client, &to_client).unwrap();
    to_server.extend(cx.flight.messages());
    let (cx, machine) = feed_all(Role::Server, &to_server).unwrap();
    assert!(matches!(machine, Machine::Done));
    to_client.extend(cx.flight.messages());
    [to_client, to_server]
});

fn heard(role: Role) -> &'static [Whole] {
    &HEARD[usize::from(role == Role::Server)]
}

/// D23, D24, D25, D26: of all messages, in every state only the right one leads on. Since every other one ends the
/// handshake, no order of any length leads to the end but that of the protocol.
#[test]
fn in_every_state_only_the_right_message_leads_on() {
    for role in [Role::Client, Role::Server] {
        let right = heard(role);
        let every: Vec<&Whole> = heard(Role::Client).iter().chain(heard(Role::Server)).collect();
        for position in 0..right.len() {
            for message in &every {
                let (mut cx, machine) = feed_all(role, &right[..position]).unwrap();
                let outcome = feed(&mut cx, machine, message);
                // A server that does not ask leaves the request out.
                let may_be_left_out = right[position].kind == MessageType::CERTIFICATE_REQUEST
                    && message.kind == MessageType::SERVER_HELLO_DONE;
                if message.kind == right[position].kind || may_be_left_out {
                    continue;
                }
                assert_eq!(
                    outcome.err(),
                    Some(CloseReason::UnexpectedMessage(message.kind)),
                    "{role:?} waits for {} and hears {}",
                    right[position].kind,
                    message.kind
                );
            }
            let (mut cx, machine) = feed_all(role, &right[..position]).unwrap();
            let next = feed(&mut cx, machine, &right[position]).unwrap();
            assert_eq!(matches!(next, Machine::Done), position + 1 == right.len());
        }
    }
}

/// Feeds a handshake in which one message has another body.
fn with_body(role: Role, kind: MessageType, change: impl FnOnce(&mut Vec<u8>)) -> CloseReason {
    let mut messages = Vec::new();
    let mut change = Some(change);
    for message in heard(role) {
        let mut body = message.body.clone();
        if message.kind == kind {
            change.take().unwrap()(&mut body);
        }
        messages.push(Whole { kind: message.kind, sequence: message.sequence, body });
    }
    feed_all(role, &messages).err().expect("the handshake must fail")
}

/// D24: no certificate, somebody else's, a signature over something else, or none.
#[test]
fn who_cannot_prove_itself_is_refused() {
    let empty = |body: &mut Vec<u8>| *body = vec![0, 0, 0];
    let other = Identity::generate(&mut rng(7));
    let others = |body: &mut Vec<u8>| *body = other.message().to_vec();
    let certificate = MessageType::CERTIFICATE;
    for role in [Role::Client, Role::Server] {
        assert_eq!(with_body(role, certificate, empty), CloseReason::NoCertificate);
        assert!(matches!(with_body(role, certificate, others), CloseReason::Rejected(_)));
        assert_eq!(with_body(role, certificate, |body| body[6] ^= 0xff), CloseReason::BadCertificate);
    }
    let verify = MessageType::CERTIFICATE_VERIFY;
    let bad = CloseReason::BadSignature(verify);
    let resigned = |identity: &Identity, messages: &[u8]| {
        let signature = identity.key().sign(&Backend::BuiltIn, OUR_SCHEME, messages, &mut rng(1)).unwrap();
        let mut body = Vec::new();
        DigitallySigned { scheme: OUR_SCHEME, signature: &signature }.encode(&mut body);
        body
    };
    // What is signed: all messages before.
    let (cx, _) = feed_all(Role::Server, &heard(Role::Server)[..3]).unwrap();
    let messages = cx.transcript.messages();
    assert_eq!(with_body(Role::Server, verify, |body| *body = resigned(&other, messages)), bad);
    assert_eq!(with_body(Role::Server, verify, |body| *body = resigned(&ANNA, &[0; 32])), bad);
    assert_eq!(with_body(Role::Server, verify, |body| body[0] = 5), bad, "another hash");
    assert!(matches!(with_body(Role::Server, verify, Vec::clear), CloseReason::Malformed { .. }));
    let exchange = MessageType::SERVER_KEY_EXCHANGE;
    let changed = with_body(Role::Client, exchange, |body| body[10] ^= 1);
    assert_eq!(changed, CloseReason::BadSignature(exchange));
}

/// D37: what was not offered is not taken.
//= rfc5746#3.6-6 test
#[test]
fn a_server_cannot_choose_what_was_not_offered() {
    let hello = MessageType::SERVER_HELLO;
    let illegal = |reason| matches!(reason, CloseReason::IllegalParameter(_));
    assert_eq!(with_body(Role::Client, hello, |body| body[1] = 0xff), CloseReason::Version);
    // Behind version, random and an empty session: suite and compression.
    assert!(illegal(with_body(Role::Client, hello, |body| body[36] = 0x23)));
    assert!(illegal(with_body(Role::Client, hello, |body| body[37] = 1)));
    assert!(illegal(with_body(Role::Client, MessageType::SERVER_KEY_EXCHANGE, |body| body[2] = 25)));
    // A new extension at the end.
    let unoffered = with_body(Role::Client, hello, |body| {
        body.extend([0, 16, 0, 0]);
        body[39] += 4;
    });
    assert_eq!(unoffered, CloseReason::UnofferedExtension(ExtensionType(16)));
    // Profiles of SRTP were not offered either.
    let srtp = with_body(Role::Client, hello, |body| {
        body.extend([0, 14, 0, 5, 0, 2, 0, 1, 0]);
        body[39] += 9;
    });
    assert_eq!(srtp, CloseReason::UnofferedExtension(ExtensionType::USE_SRTP));
}

/// D40: without the extended master secret there is no handshake.
//= rfc7627#4-1 test
//= rfc7627#5.2-3 test
//= rfc7627#5.2-5 test
#[test]
fn the_extended_master_secret_is_required() {
    for (role, kind) in [(Role::Client, MessageType::SERVER_HELLO), (Role::Server, MessageType::CLIENT_HELLO)]
    {
        let unknown = |body: &mut Vec<u8>| {
            let at = body.windows(4).position(|window| window == [0, 23, 0, 0]).unwrap();
            // Another one that a client may well offer, and that a server may not answer with.
            body[at..at + 2].copy_from_slice(&if role == Role::Server { [0x5a; 2] } else { [0, 13] });
        };
        let without = with_body(role, kind, unknown);
        assert_eq!(without, CloseReason::NoExtendedMasterSecret, "{role:?}");
    }
}

/// RFC 5746: there is no earlier handshake to speak of.
#[test]
fn renegotiation_info_must_be_empty() {
    for (role, kind) in [(Role::Client, MessageType::SERVER_HELLO), (Role::Server, MessageType::CLIENT_HELLO)]
    {
        let reason = with_body(role, kind, |body| {
            let at = body.windows(5).position(|window| window == [0xff, 1, 0, 1, 0]).unwrap();
            body.splice(at..at + 5, [0xff, 1, 0, 2, 1, 9]);
            let length = if role == Role::Client { 39 } else { 41 + 2 * CipherSuite::SUPPORTED.len() };
            body[length] += 1;
        });
        assert_eq!(reason, CloseReason::Renegotiation, "{role:?}");
    }
}

//= rfc5246#7.4.9-1 test
#[test]
fn a_finished_of_another_handshake_is_refused() {
    for role in [Role::Client, Role::Server] {
        let finished = MessageType::FINISHED;
        assert_eq!(with_body(role, finished, |body| body[11] ^= 1), CloseReason::BadFinished);
        assert!(matches!(with_body(role, finished, |body| body.push(0)), CloseReason::Malformed { .. }));
    }
}

/// D29: cookies of any length, one after the other, but not without end and not too late.
//= rfc6347#4.2.1-2 test
//= rfc6347#4.2.1-6 test
//= rfc6347#4.2.1-4 test
//= rfc6347#4.2.1-5 test
//= rfc6347#4.2.1-18 test
//= rfc6347#5-2 test
//= rfc6347#4.2.1-20 test
//= rfc6347#4.2.6-2 test
#[test]
fn a_cookie_is_sent_back_with_the_same_hello() {
    let request = |version, cookie: &[u8], sequence| {
        let mut body = Vec::new();
        HelloVerifyRequest { version, cookie }.encode(&mut body);
        Whole { kind: MessageType::HELLO_VERIFY_REQUEST, sequence, body }
    };
    let (mut cx, mut machine) = fresh(Role::Client);
    let first = cx.flight.messages().remove(0).body;
    for (sequence, length) in [(0, 0), (1, 32), (2, 255), (3, 1)] {
        let version = if length == 32 { Version::DTLS_1_2 } else { Version::DTLS_1_0 };
        machine = feed(&mut cx, machine, &request(version, &vec![9; length], sequence)).unwrap();
        let hello = cx.flight.messages().remove(0);
        assert_eq!(hello.sequence, sequence + 1);
        // Behind version, random and an empty session stands the cookie.
        assert_eq!(usize::from(hello.body[35]), length);
        let without = [&hello.body[..35], &[0], &hello.body[36 + length..]].concat();
        assert_eq!(without, first);
        let mut transcript = Transcript::default();
        transcript.add(hello.kind, hello.sequence, &hello.body);
        assert_eq!(cx.transcript.hash(), transcript.hash(), "the transcript begins with the last hello");
    }
    assert!(feed(&mut cx, machine, &request(Version::DTLS_1_0, &[1], 4)).is_err());
}

/// D35: randoms are not constant.
#[test]
fn randoms_are_random() {
    let randoms: Vec<[u8; 32]> = (0..8)
        .map(|seed| {
            let mut cx = context(Role::Client);
            cx.rng = ChaCha20Rng::from_rng(&mut rng(seed));
            client::State::start(&mut cx);
            *cx.flight.messages()[0].body[2..].first_chunk().unwrap()
        })
        .collect();
    for (index, random) in randoms.iter().enumerate() {
        assert!(random.iter().filter(|octet| **octet == 0).count() < 8);
        assert!(!randoms[..index].contains(random));
    }
}

/// The hash is over messages as if each had been sent whole, though they may be sent in fragments.
//= rfc6347#4.2.6-1 test
#[test]
fn the_transcript_has_whole_messages() {
    use sha2::{Digest, Sha256};
    let mut transcript = Transcript::default();
    transcript.add(MessageType::FINISHED, 3, &[1, 2]);
    let mut bytes = Vec::new();
    FragmentHeader::whole(MessageType::FINISHED, 3, 2).encode(&mut bytes);
    assert_eq!(bytes, [20, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 2]);
    bytes.extend([1, 2]);
    assert_eq!(transcript.hash().as_ref(), &Sha256::digest(&bytes)[..]);
}

/// The session hash goes into the secret if both sides said so, and the randoms if not.
//= rfc7627#5.1-1 test
//= rfc7627#4-1 test
#[test]
fn the_master_secret_is_that_of_the_extension() {
    let suite = CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384.suite().unwrap();
    let randoms = Randoms { client: [1; 32], server: [2; 32] };
    let finished = |extended| {
        let (mut cx, _) = fresh(Role::Client);
        cx.transcript.choose(suite.hash);
        let negotiated = Negotiated {
            randoms,
            suite,
            extended,
            srtp_profile: None,
            mki: Vec::new(),
            protocol: None,
            server_name: None,
            session_id: Vec::new(),
        };
        let master = cx.make_keys(b"premaster", &negotiated);
        let hash = cx.transcript.hash();
        (master.verify_data(Role::Client, &hash), hash)
    };
    let secret = |label, seed: &[u8]| {
        let mut secret = [0; 48];
        crate::crypto::prf::prf(suite.hash, b"premaster", label, &[seed], &mut secret);
        secret
    };
    let data = |secret: [u8; 48], hash: &[u8]| {
        let mut data = [0; 12];
        crate::crypto::prf::prf(suite.hash, &secret, "client finished", &[hash], &mut data);
        data
    };
    let (extended, hash) = finished(true);
    assert_eq!(extended, data(secret("extended master secret", hash.as_ref()), hash.as_ref()));
    let (plain, hash) = finished(false);
    assert_eq!(plain, data(secret("master secret", &[[1; 32], [2; 32]].concat()), hash.as_ref()));
}

/// D37: a signature may be right, and still of a kind that was not offered.
//= rfc5246#7.4.3-2 test
//= rfc5246#7.4.8-2 test
#[test]
fn signatures_that_were_not_offered_are_refused() {
    for (role, kind) in
        [(Role::Client, MessageType::SERVER_KEY_EXCHANGE), (Role::Server, MessageType::CERTIFICATE_VERIFY)]
    {
        let (mut cx, mut machine) = fresh(role);
        let mut outcome = Ok(());
        for message in heard(role) {
            // After the hellos, so that they are the same.
            if message.kind == kind {
                cx.config.signature_schemes.retain(|scheme| *scheme != OUR_SCHEME);
            }
            match feed(&mut cx, machine, message) {
                Ok(next) => machine = next,
                Err(reason) => {
                    outcome = Err(reason);
                    break;
                }
            }
        }
        assert_eq!(outcome, Err(CloseReason::BadSignature(kind)));
    }
}
