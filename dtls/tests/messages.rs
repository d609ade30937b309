//! What our own messages say, and in which order they come: seen from outside, as a peer reads them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::extension::{ExtensionType, Extensions, parse_u8_list, parse_u16_list};
use nomagic_dtls::handshake::{ClientHello, FragmentHeader, Message, MessageType, ServerHello};
use nomagic_dtls::record::{ContentType, Records, Version};
use nomagic_dtls::{
    AlertDescription, CipherSuite, CloseReason, Config, NamedGroup, SignatureScheme, Summary,
};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;

/// What stands in a flight: messages, whole since the datagrams are large, and changes of keys. What is protected shows as such.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Message(MessageType, Vec<u8>),
    ChangeCipherSpec,
    Protected,
    Alert(Vec<u8>),
}

fn parts(datagrams: &[Vec<u8>]) -> Vec<Part> {
    let mut parts = Vec::new();
    for record in datagrams.iter().flat_map(|datagram| Records::new(datagram)) {
        let (header, content) = record.unwrap();
        match header.content_type {
            _ if header.epoch > 0 => parts.push(Part::Protected),
            ContentType::CHANGE_CIPHER_SPEC => parts.push(Part::ChangeCipherSpec),
            ContentType::HANDSHAKE => {
                let (header, body, rest) = FragmentHeader::parse(content).unwrap();
                assert!(rest.is_empty() && header.length == header.total);
                parts.push(Part::Message(header.kind, body.to_vec()));
            }
            ContentType::ALERT => parts.push(Part::Alert(content.to_vec())),
            other => panic!("{other:?}"),
        }
    }
    parts
}

/// The four flights of a handshake without loss.
fn flights(mut client: Config, mut server: Config) -> [Vec<Part>; 4] {
    (client.path_mtu, server.path_mtu) = (16_000, 16_000);
    let (mut client, mut server) = (Peer::new(client, 1), Peer::new(server, 2));
    let mut flights = [const { Vec::new() }; 4];
    for pair in flights.chunks_mut(2) {
        let datagrams = flight(&mut client, origin());
        deliver(&mut server, origin(), &datagrams);
        pair[0] = parts(&datagrams);
        let datagrams = flight(&mut server, origin());
        deliver(&mut client, origin(), &datagrams);
        pair[1] = parts(&datagrams);
    }
    flights
}

fn kinds(flight: &[Part]) -> Vec<MessageType> {
    let kind = |part: &Part| match part {
        Part::Message(kind, _) => Some(*kind),
        _ => None,
    };
    flight.iter().filter_map(kind).collect()
}

fn body(flight: &[Part], wanted: MessageType) -> &[u8] {
    let body = |part| match part {
        &Part::Message(kind, ref body) if kind == wanted => Some(&body[..]),
        _ => None,
    };
    flight.iter().find_map(body).unwrap()
}

fn hellos(flights: &[Vec<Part>; 4]) -> (ClientHello<'_>, ServerHello<'_>) {
    let client = ClientHello::parse(body(&flights[0], MessageType::CLIENT_HELLO)).unwrap();
    (client, ServerHello::parse(body(&flights[1], MessageType::SERVER_HELLO)).unwrap())
}

const SERVER_FLIGHT: [MessageType; 5] = [
    MessageType::SERVER_HELLO,
    MessageType::CERTIFICATE,
    MessageType::SERVER_KEY_EXCHANGE,
    MessageType::CERTIFICATE_REQUEST,
    MessageType::SERVER_HELLO_DONE,
];

//= rfc5246#7.3-2 test
//= rfc5246#7.3-4 test
//= rfc5246#7.4-1 test
//= rfc5246#7.4.2-1 test
//= rfc5246#7.4.7-1 test
//= rfc5246#7.4.8-1 test
//= rfc5246#7.1-1 test
//= rfc5246#7.1-2 test
#[test]
fn messages_come_in_their_order() {
    let flights = flights(client_config(), server_config());
    assert_eq!(kinds(&flights[1]), SERVER_FLIGHT);
    let answer =
        [MessageType::CERTIFICATE, MessageType::CLIENT_KEY_EXCHANGE, MessageType::CERTIFICATE_VERIFY];
    assert_eq!(kinds(&flights[2]), answer);
    assert_eq!(flights[2][3..], [Part::ChangeCipherSpec, Part::Protected]);
    assert_eq!(flights[3], [Part::ChangeCipherSpec, Part::Protected]);
}

//= rfc5246#7.4.7-2 test
#[test]
fn a_client_that_is_not_asked_begins_with_its_key_share() {
    let mut server = Config::server_for_anyone(ZOE.clone());
    server.address_validated = true;
    let flights = flights(client_config(), server);
    assert_eq!(kinds(&flights[1])[3..], [MessageType::SERVER_HELLO_DONE]);
    assert_eq!(kinds(&flights[2]), [MessageType::CLIENT_KEY_EXCHANGE]);
}

/// A client whose key the server cannot verify with says so, and signs nothing.
//= rfc5246#1.2-2 test
//= rfc5246#7.4.6-1 test
//= rfc5246#7.4.6-4 test
//= rfc5246#7.4.4-4 test
//= rfc8422#3.1-1 test
//= rfc8422#5.6-1 test
//= rfc8422#3-2 test
#[test]
fn a_client_without_a_suitable_certificate_sends_none() {
    let mut server = server_config();
    server.signature_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256];
    let flights = flights(client_config(), server);
    assert_eq!(kinds(&flights[2]), [MessageType::CERTIFICATE, MessageType::CLIENT_KEY_EXCHANGE]);
    assert_eq!(body(&flights[2], MessageType::CERTIFICATE), [0, 0, 0]);
}

//= rfc7627#5.2-1 test
//= rfc5246#7.4.1.2-7 test
//= rfc5246#7.4.1.4.1-1 test
//= rfc5246#7.4.1.4.1-3 test
//= rfc8422#5.1-3 test
//= rfc8422#5.1.2-1 test
//= rfc8422#5.1.2-4 test
//= rfc8422#5.10-7 test
#[test]
fn a_clients_hello_says_all_that_it_must() {
    let flights = flights(client_config(), server_config());
    let (hello, _) = hellos(&flights);
    assert_eq!((hello.version, hello.compression), (Version::DTLS_1_2, &[0][..]));
    assert!(hello.session_id.is_empty());
    let find = |kind| hello.extensions.find(kind);
    assert_eq!(find(ExtensionType::EXTENDED_MASTER_SECRET), Some(&[][..]));
    assert_eq!(find(ExtensionType::EC_POINT_FORMATS), Some(&[1, 0][..]));
    let list = |kind| parse_u16_list(find(kind).unwrap()).unwrap().iter().collect::<Vec<_>>();
    assert_eq!(list(ExtensionType::SUPPORTED_GROUPS), NamedGroup::SUPPORTED.map(|group| group.0));
    let schemes = list(ExtensionType::SIGNATURE_ALGORITHMS);
    assert_eq!(schemes, SignatureScheme::SUPPORTED.map(|scheme| scheme.0));
    assert!(schemes.iter().all(|scheme| scheme & 0xff != 0), "anonymous");
    assert!(schemes.contains(&0x0807), "Ed25519 has the hash 8");
    // Each but once: `Extensions` does not read otherwise.
    assert!(hello.extensions.iter().count() >= 6);
}

//= rfc7627#5.2-2 test
//= rfc5246#7.4.1.3-1 test
//= rfc5246#7.4.1.4-1 test
//= rfc5246#7.4.1.4.1-6 test
//= rfc8422#5.2-2 test
#[test]
fn a_servers_hello_says_no_more_than_it_may() {
    let mut config = client_config();
    config.application_protocols = vec![b"x".to_vec()];
    let flights = flights(config, server_config());
    let (client, server) = hellos(&flights);
    assert_eq!(server.extensions.find(ExtensionType::EXTENDED_MASTER_SECRET), Some(&[][..]));
    assert!(server.extensions.find(ExtensionType::SIGNATURE_ALGORITHMS).is_none());
    assert!(server.extensions.iter().all(|(kind, _)| client.extensions.find(kind).is_some()));
    let formats = parse_u8_list(server.extensions.find(ExtensionType::EC_POINT_FORMATS).unwrap());
    assert_eq!(formats, Ok(&[0][..]));
    let equal = client.random.iter().zip(server.random).filter(|(ours, theirs)| ours == theirs).count();
    assert!(equal < 8, "the randoms are independent");
    // Another client, the same server: the random is not the client's doing.
    let mut client = Peer::new(client_config(), 77);
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    let other = parts(&flight(&mut server, origin()));
    let other = ServerHello::parse(body(&other, MessageType::SERVER_HELLO)).unwrap();
    assert_eq!(other.random, hellos(&flights).1.random, "it comes from the server's generator alone");
}

/// Both key shares are signed with what the other side said that it can verify, and with a key that suits.
//= rfc5246#7.4.3-2 test
//= rfc5246#7.4.3-4 test
//= rfc5246#7.4.8-2 test
//= rfc5246#7.4.8-3 test
//= rfc5246#7.4.1.4.1-7 test
//= rfc8422#2.1-2 test
//= rfc8422#5.10-4 test
#[test]
fn signatures_are_of_a_kind_that_the_other_side_offered() {
    for scheme in [
        SignatureScheme::ECDSA_SECP256R1_SHA256,
        SignatureScheme::ECDSA_SECP384R1_SHA384,
        SignatureScheme::ECDSA_SECP521R1_SHA512,
    ] {
        let (mut client, mut server) = (client_config(), server_config());
        client.signature_schemes = vec![SignatureScheme::RSA_PKCS1_SHA256, scheme];
        server.signature_schemes = vec![SignatureScheme::ED25519, scheme];
        let flights = flights(client, server);
        let exchange = body(&flights[1], MessageType::SERVER_KEY_EXCHANGE);
        let Message::ServerKeyExchange(exchange) =
            Message::parse(MessageType::SERVER_KEY_EXCHANGE, exchange).unwrap()
        else {
            panic!("another message")
        };
        assert_eq!(exchange.signed.scheme, scheme);
        let verify = body(&flights[2], MessageType::CERTIFICATE_VERIFY);
        let Message::CertificateVerify(signed) =
            Message::parse(MessageType::CERTIFICATE_VERIFY, verify).unwrap()
        else {
            panic!("another message")
        };
        assert_eq!(signed.scheme, scheme);
        assert!(!flights[3].is_empty(), "both verify");
    }
}

/// Points go out whole and uncompressed, with all their zeros.
//= rfc8422#5.10-1 test
#[test]
fn key_shares_have_the_length_of_their_group() {
    for (group, len) in [(NamedGroup::X25519, 32), (NamedGroup::SECP256R1, 65), (NamedGroup::SECP384R1, 97)] {
        let mut server = server_config();
        server.groups = vec![group];
        let flights = flights(client_config(), server);
        let exchange = body(&flights[1], MessageType::SERVER_KEY_EXCHANGE);
        assert_eq!(exchange[..4], [3, 0, u8::try_from(group.0).unwrap(), len]);
        let answer = body(&flights[2], MessageType::CLIENT_KEY_EXCHANGE);
        assert_eq!((answer.len(), answer[0]), (1 + usize::from(len), len));
    }
}

/// Our hello, changed on its way, and what the server says to it.
fn answered(change: impl Fn(&mut ClientHello<'_>, &mut Vec<u8>)) -> (Option<CloseReason>, Vec<Vec<u8>>) {
    let mut config = client_config();
    config.path_mtu = 16_000;
    let datagram = flight(&mut Peer::new(config, 1), origin()).remove(0);
    let (mut header, content) = Records::new(&datagram).next().unwrap().unwrap();
    let (_, hello, _) = FragmentHeader::parse(content).unwrap();
    let mut hello = ClientHello::parse(hello).unwrap();
    let mut extensions = Vec::new();
    for (kind, content) in hello.extensions.iter() {
        extensions.extend(kind.0.to_be_bytes());
        extensions.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        extensions.extend(content);
    }
    change(&mut hello, &mut extensions);
    let mut body = Vec::new();
    let hello = ClientHello { extensions: Extensions::NONE, ..hello };
    hello.encode(&mut body);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    let total = u32::try_from(body.len()).unwrap();
    let mut message = Vec::new();
    FragmentHeader::whole(MessageType::CLIENT_HELLO, 0, total).encode(&mut message);
    message.extend(body);
    header.length = u16::try_from(message.len()).unwrap();
    let mut datagram = Vec::new();
    header.encode(&mut datagram);
    datagram.extend(message);
    let mut server = Peer::new(server_config(), 2);
    server.handle_input(origin(), &mut datagram);
    let answer = flight(&mut server, origin());
    (server.closed, answer)
}

fn without(extensions: &mut Vec<u8>, unwanted: ExtensionType) {
    let old = std::mem::take(extensions);
    for (kind, content) in Extensions::new(&old).unwrap().iter().filter(|(kind, _)| *kind != unwanted) {
        extensions.extend(kind.0.to_be_bytes());
        extensions.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        extensions.extend(content);
    }
}

fn alert(answer: &[Vec<u8>]) -> String {
    Summary(&answer.concat()).to_string()
}

/// What a server does not know it steps over, wherever it stands: suites, versions above ours, extensions, groups, and
/// the values that are reserved for nothing else than to be stepped over (RFC 8701).
//= rfc5246#7.4.1.2-3 test
//= rfc5246#E.1-2 test
#[test]
fn what_is_unknown_is_stepped_over() {
    let unchanged = answered(|_, _| ());
    assert_eq!(unchanged.0, None);
    let greased = answered(|hello, extensions| {
        const SUITES: &[u8] = &[0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x23, 0xc0, 0x2b, 0x00, 0xff];
        hello.suites = nomagic_dtls::U16List::new(SUITES).unwrap();
        hello.version = Version(0xfefc);
        hello.compression = &[64, 1, 0];
        without(extensions, ExtensionType::SUPPORTED_GROUPS);
        extensions.extend([0x1a, 0x1a, 0, 0]);
        extensions.extend([0, 10, 0, 8, 0, 6, 0x2a, 0x2a, 0x11, 0xec, 0, 23]);
        extensions.extend([0xfa, 0xfa, 0, 1, 0]);
    });
    assert_eq!(greased.0, None);
    assert_eq!(kinds(&parts(&greased.1))[0], MessageType::SERVER_HELLO);
}

//= rfc5246#7.4.1.2-10 test
//= rfc5246#7.4.1.4.1-4 test
//= rfc5246#E.1-3 test
//= rfc5246#7.2.2-3 test
//= rfc5246#7.2.2-5 test
//= rfc8422#5.1.2-3 test
//= rfc8422#5.1-4 test
//= rfc8422#5.1-5 test
//= rfc8422#5.3-4 test
//= rfc8422#5.3-5 test
//= rfc8422#4-2 test
//= rfc5246#A.5-1 test
//= rfc5246#A.5-2 test
#[test]
fn what_a_server_cannot_do_is_answered_with_the_right_alert() {
    let of = |change: &dyn Fn(&mut ClientHello<'_>, &mut Vec<u8>)| {
        let (closed, answer) = answered(change);
        (closed, alert(&answer))
    };
    let failure = "Alert fatal handshake_failure".to_owned();
    // Readable without any extensions, though then there is no extended master secret.
    let bare = of(&|_, extensions| extensions.clear());
    assert_eq!(bare, (Some(CloseReason::NoExtendedMasterSecret), failure.clone()));
    let nothing = |what| (Some(CloseReason::NothingInCommon(what)), failure.clone());
    // Who names no signature algorithms means SHA-1.
    let silent = of(&|_, extensions| without(extensions, ExtensionType::SIGNATURE_ALGORITHMS));
    assert_eq!(silent, nothing("signature algorithm"));
    let old = of(&|hello, _| hello.version = Version::DTLS_1_0);
    assert_eq!(old, (Some(CloseReason::Version), "Alert fatal protocol_version".to_owned()));
    let groups = |list: &'static [u8]| {
        of(&move |_, extensions| {
            without(extensions, ExtensionType::SUPPORTED_GROUPS);
            extensions.extend(list);
        })
    };
    assert_eq!(groups(&[0, 10, 0, 4, 0, 2, 0, 25]), nothing("curve of our certificate"));
    assert_eq!(groups(&[0, 10, 0, 4, 0, 2, 0, 29]), nothing("curve of our certificate"));
    let formats = of(&|_, extensions| {
        without(extensions, ExtensionType::EC_POINT_FORMATS);
        extensions.extend([0, 11, 0, 2, 1, 1]);
    });
    assert_eq!(formats.1, "Alert fatal illegal_parameter");
    // Anybody can have sent it: the server says so, and waits on.
    let malformed = of(&|_, extensions| extensions.extend([0, 10, 0, 1, 0]));
    assert_eq!(malformed, (None, "Alert fatal decode_error".to_owned()));
    let suites = of(&|hello, _| hello.suites = nomagic_dtls::U16List::new(&[0, 0, 0xc0, 0x18]).unwrap());
    assert_eq!(suites, nothing("cipher suite"), "neither without encryption nor anonymous");
}

/// A server's answer in the same way: a version that is not ours ends it with an alert.
//= rfc5246#E.1-1 test
//= rfc5246#7.4.1.4-2 test
#[test]
fn what_a_client_cannot_do_is_answered_with_the_right_alert() {
    let (client, server) = (client_config(), server_config());
    let hello = flight(&mut Peer::new(client.clone(), 1), origin());
    let mut machine = Peer::new(server, 2);
    deliver(&mut machine, origin(), &hello);
    let answer = flight(&mut machine, origin()).concat();
    let of = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut client = Peer::new(client.clone(), 1);
        flight(&mut client, origin());
        let mut datagram = answer.clone();
        change(&mut datagram);
        client.handle_input(origin(), &mut datagram);
        (client.closed.unwrap(), alert(&flight(&mut client, origin())))
    };
    // Behind the headers of record and message.
    let version = of(&|datagram| datagram[26] = 0xff);
    assert_eq!(version, (CloseReason::Version, "Alert fatal protocol_version".to_owned()));
    let extension = of(&|datagram| {
        // The extended master secret is the first: version, random, session, suite, compression, length.
        let at = 25 + 2 + 32 + 1 + 2 + 1 + 2;
        assert_eq!(datagram[at..at + 4], [0, 23, 0, 0]);
        datagram[at + 1] = 16;
    });
    let unoffered = CloseReason::UnofferedExtension(ExtensionType(16));
    assert_eq!(extension, (unoffered, "Alert fatal unsupported_extension".to_owned()));
}

/// Suites of other kinds of keys than the certificate's are not taken from a server.
//= rfc5246#7.4.2-2 test
//= rfc8422#2.1-1 test
//= rfc8422#2.2-1 test
//= rfc8422#5.3-2 test
//= rfc8422#5.3-3 test
#[test]
fn a_certificate_that_does_not_suit_the_suite_is_refused() {
    let mut config = client_config();
    // Nothing else is different: both suites have the same hash and the same cipher.
    config.suites =
        vec![CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256, CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256];
    let mut client = Peer::new(config, 1);
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    let mut datagram = flight(&mut server, origin()).concat();
    let at = 25 + 2 + 32 + 1;
    assert_eq!(datagram[at..at + 2], [0xc0, 0x2b]);
    datagram[at + 1] = 0x2f;
    client.handle_input(origin(), &mut datagram);
    assert_eq!(client.closed, Some(CloseReason::UnsupportedCertificate));
    let said = alert(&flight(&mut client, origin()));
    assert_eq!(said, format!("Alert fatal {}", AlertDescription::UNSUPPORTED_CERTIFICATE));
}
