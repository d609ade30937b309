//! That there is no second handshake, and how that is said: RFC 5746.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::*;
use nomagic_dtls::extension::{ExtensionType, Extensions};
use nomagic_dtls::handshake::{ClientHello, FragmentHeader, MessageType, ServerHello};
use nomagic_dtls::record::{HEADER_LEN, Header, Version};
use nomagic_dtls::{CloseReason, Summary, U16List};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;

const INFO: ExtensionType = ExtensionType::RENEGOTIATION_INFO;

fn hello() -> (Vec<u8>, Vec<u8>) {
    let datagram = flight(&mut Peer::new(client_config(), 1), origin()).remove(0);
    let body = FragmentHeader::parse(&datagram[HEADER_LEN..]).unwrap().1.to_vec();
    (datagram, body)
}

/// The same extensions, with this content of `renegotiation_info`, or without it.
fn with_info(extensions: &Extensions<'_>, info: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let others = extensions.iter().filter(|(kind, _)| *kind != INFO);
    for (kind, content) in others.chain(info.map(|content| (INFO, content))) {
        out.extend(kind.0.to_be_bytes());
        out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        out.extend(content);
    }
    out
}

/// A hello of our client with other words about renegotiation, in a datagram.
fn hello_with(info: Option<&[u8]>, scsv: bool) -> Vec<u8> {
    let (datagram, body) = hello();
    let hello = ClientHello::parse(&body).unwrap();
    let extensions = with_info(&hello.extensions, info);
    let mut suites: Vec<u8> = hello.suites.iter().flat_map(u16::to_be_bytes).collect();
    if scsv {
        suites.extend([0x00, 0xff]);
    }
    let changed = ClientHello {
        extensions: Extensions::new(&extensions).unwrap(),
        suites: U16List::new(&suites).unwrap(),
        ..hello
    };
    let mut message = Vec::new();
    let total = u32::try_from(changed.encoded_len()).unwrap();
    FragmentHeader::whole(MessageType::CLIENT_HELLO, 0, total).encode(&mut message);
    changed.encode(&mut message);
    let mut out = Vec::new();
    let length = u16::try_from(message.len()).unwrap();
    Header { length, ..Header::parse(&datagram).unwrap() }.encode(&mut out);
    [out, message].concat()
}

/// RFC 5746 section 3.4: the extension, empty, and not the suite too.
//= rfc5746#3.4-1 test
//= rfc5746#3.4-2 test
#[test]
fn a_client_says_that_it_knows_secure_renegotiation() {
    let (_, body) = hello();
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(hello.extensions.find(INFO), Some(&[0][..]));
    assert!(!hello.suites.contains(0x00ff));
}

/// RFC 5746 section 3.6: a server answers the extension and the suite with an empty extension, and nothing with nothing.
//= rfc5746#3.6-1 test
//= rfc5746#3.6-2 test
//= rfc5746#3.6-4 test
//= rfc5746#4.3-1 test
#[test]
fn a_server_answers_both_ways_of_asking() {
    for (info, scsv, answered) in
        [(Some(&[0][..]), false, true), (None, true, true), (Some(&[0]), true, true), (None, false, false)]
    {
        let mut server = Peer::new(server_config(), 2);
        deliver(&mut server, origin(), &[hello_with(info, scsv)]);
        let answer = flight(&mut server, origin()).remove(0);
        let body = FragmentHeader::parse(&answer[HEADER_LEN..]).unwrap().1;
        let found = ServerHello::parse(body).unwrap().extensions.find(INFO);
        assert_eq!(found, answered.then_some(&[0][..]), "{info:?} {scsv}");
    }
}

/// RFC 5746 section 3.6: a higher version than any, and an extension that nobody knows, are no reason to refuse.
//= rfc5746#3.6-5 test
#[test]
fn a_server_steps_over_what_it_does_not_know() {
    let mut hello = hello_with(Some(&[0]), false);
    hello[HEADER_LEN + 12..][..2].copy_from_slice(&[0xfe, 0xf0]);
    let at = hello.windows(4).position(|window| window == [0, 28, 0, 2]).unwrap();
    hello[at..at + 2].copy_from_slice(&[0x7a, 0x7a]);
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &[hello]);
    let answer = flight(&mut server, origin()).remove(0);
    let hello = ServerHello::parse(FragmentHeader::parse(&answer[HEADER_LEN..]).unwrap().1).unwrap();
    assert_eq!(hello.version, Version::DTLS_1_2);
}

/// RFC 5746 sections 3.4 and 3.6: whoever speaks of an earlier handshake is told that there was none.
//= rfc5746#3.6-3 test
#[test]
fn a_server_refuses_words_of_an_earlier_handshake() {
    let mut server = Peer::new(server_config(), 2);
    deliver(&mut server, origin(), &[hello_with(Some(&[12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), false)]);
    assert_eq!(server.closed, Some(CloseReason::Renegotiation));
    let alert = flight(&mut server, origin()).concat();
    assert_eq!(Summary(&alert).to_string(), "Alert fatal handshake_failure");
}

/// RFC 5746 section 3.4: the client looks for the extension, and wants it empty. A server without it is as safe for a client
/// that never goes through a second handshake.
//= rfc5746#3.4-3 test
//= rfc5746#3.4-4 test
#[test]
fn a_client_wants_the_extension_empty() {
    let (mut client, mut server) = (Peer::new(client_config(), 1), Peer::new(server_config(), 2));
    deliver(&mut server, origin(), &flight(&mut client, origin()));
    let mut answer = flight(&mut server, origin()).remove(0);
    let at = answer.windows(5).position(|window| window == [0xff, 1, 0, 1, 0]).unwrap();
    // One octet of it, which says that 255 follow; then the same with none, under another name.
    answer[at + 4] = 255;
    client.handle_input(origin(), &mut answer.clone());
    assert!(matches!(client.closed, Some(CloseReason::Malformed { .. })));

    let mut client = Peer::new(client_config(), 1);
    flight(&mut client, origin());
    let body = FragmentHeader::parse(&answer[HEADER_LEN..]).unwrap().1.to_vec();
    let hello = ServerHello::parse(&body).unwrap();
    let extensions = with_info(&hello.extensions, Some(&[2, 7, 7]));
    let changed = ServerHello { extensions: Extensions::new(&extensions).unwrap(), ..hello };
    let mut message = Vec::new();
    let total = u32::try_from(changed.encoded_len()).unwrap();
    FragmentHeader::whole(MessageType::SERVER_HELLO, 0, total).encode(&mut message);
    changed.encode(&mut message);
    let mut datagram = Vec::new();
    let length = u16::try_from(message.len()).unwrap();
    Header { length, ..Header::parse(&answer).unwrap() }.encode(&mut datagram);
    client.handle_input(origin(), &mut [datagram, message].concat());
    assert_eq!(client.closed, Some(CloseReason::Renegotiation));
    let alert = flight(&mut client, origin()).concat();
    assert_eq!(Summary(&alert).to_string(), "Alert fatal handshake_failure");
}
