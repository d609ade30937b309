//! The server's part in the discovery of a NAT's behaviour: RFC 5780 sections 6 and 7.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use nomagic_stun::attribute::*;
use nomagic_stun::*;
use nomagic_testkit::{clock, rng};

const ID: TransactionId = TransactionId([9; 12]);

type Builder<'o> = MessageBuilder<'o, Open>;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client() -> SocketAddr {
    address("198.51.100.9:40000")
}

fn pair() -> AddressPair {
    AddressPair::new(address("192.0.2.7:3478"), address("192.0.2.8:3479")).unwrap()
}

fn server() -> BindingServer {
    let mut config = BindingServerConfig::default();
    let v6 = AddressPair::new(address("[2001:db8::7]:3478"), address("[2001:db8::8]:3479")).unwrap();
    config.pairs = vec![pair(), v6];
    BindingServer::new(config, &mut rng(5))
}

fn request(fill: impl for<'o> FnOnce(Builder<'o>) -> Builder<'o>) -> Vec<u8> {
    let mut out = Vec::new();
    fill(MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, ID)).finish().unwrap();
    out
}

fn ask_from(from: FiveTuple, request: &[u8]) -> (FiveTuple, Vec<u8>) {
    let mut server = server();
    server.handle_input(clock::origin(), from, &mut request.to_vec());
    let mut out = Vec::new();
    let transmit = server.poll_transmit(clock::origin(), &mut out).expect("an answer");
    (transmit.to, out)
}

fn ask(local: SocketAddr, request: &[u8]) -> (FiveTuple, Vec<u8>) {
    ask_from(FiveTuple { client: client(), server: local, transport: Transport::Udp }, request)
}

fn code(answer: &[u8]) -> u16 {
    let answer = Message::parse(answer).unwrap();
    answer.attribute::<ErrorReason<'_>>().unwrap().map_or(0, |error| error.code().code())
}

/// Table 1 of section 6.1, for each of the four addresses and each setting of the flags.
//= rfc5780#6.1-1 test
//= rfc5780#6.1-3 test
//= rfc5780#6.1-4 test
//= rfc5780#6.1-5 test
//= rfc5780#6.1-6 test
//= rfc5780#6.1-7 test
//= rfc5780#6.1-8 test
#[test]
fn answers_come_from_where_they_are_asked_to_come_and_say_so() {
    let table = [
        ("192.0.2.7:3478", "192.0.2.8:3479"),
        ("192.0.2.7:3479", "192.0.2.8:3478"),
        ("192.0.2.8:3478", "192.0.2.7:3479"),
        ("192.0.2.8:3479", "192.0.2.7:3478"),
        ("[2001:db8::7]:3478", "[2001:db8::8]:3479"),
    ];
    for (local, other) in table.map(|(local, other)| (address(local), address(other))) {
        for (ip, port) in [(false, false), (false, true), (true, false), (true, true)] {
            let expected = SocketAddr::new(
                if ip { other.ip() } else { local.ip() },
                if port { other.port() } else { local.port() },
            );
            let (to, answer) = ask(local, &request(|builder| builder.attribute(&ChangeRequest { ip, port })));
            assert_eq!((to.server, to.client), (expected, client()));
            let answer = Message::parse(&answer).unwrap();
            assert_eq!(answer.attribute::<ResponseOrigin>(), Ok(Some(ResponseOrigin(expected))));
            assert_eq!(answer.attribute::<OtherAddress>(), Ok(Some(OtherAddress(other))));
            assert_eq!(answer.attribute::<MappedAddress>(), Ok(Some(MappedAddress(client()))));
            assert_eq!(answer.attribute::<XorMappedAddress>(), Ok(Some(XorMappedAddress(client()))));
        }
        // Without the attribute: as if neither flag were set.
        let (to, answer) = ask(local, &request(|builder| builder));
        assert_eq!(to.server, local);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.attribute::<ResponseOrigin>(), Ok(Some(ResponseOrigin(local))));
        assert_eq!(answer.attribute::<OtherAddress>(), Ok(Some(OtherAddress(other))));
    }
}

//= rfc5780#6-4 test
//= rfc5780#6.1-2 test
//= rfc5780#7.4-1 test
#[test]
fn a_server_without_a_second_address_says_so() {
    let alone = address("192.0.2.50:3478");
    let (to, answer) = ask(alone, &request(|builder| builder.attribute(&ChangeRequest::default())));
    assert_eq!((to.server, code(&answer)), (alone, 420));
    let answer = Message::parse(&answer).unwrap();
    let unknown = answer.attribute::<UnknownAttributes>().unwrap().unwrap();
    assert_eq!(unknown.iter().collect::<Vec<_>>(), [AttributeType::CHANGE_REQUEST]);
    let (_, answer) = ask(alone, &request(|builder| builder));
    assert_eq!(Message::parse(&answer).unwrap().attribute::<OtherAddress>(), Ok(None));
    let two = |first, second| AddressPair::new(address(first), address(second));
    assert!(matches!(two("192.0.2.7:1", "192.0.2.7:2"), Err(PairError::SameAddress(_))));
    assert!(matches!(two("192.0.2.7:1", "192.0.2.8:1"), Err(PairError::SamePort(1))));
    assert!(matches!(two("192.0.2.7:1", "[2001:db8::1]:2"), Err(PairError::Family(..))));
    assert!(matches!(two("0.0.0.0:1", "192.0.2.8:2"), Err(PairError::Unspecified(_))));
}

/// Nothing can come from elsewhere over a stream, but the mapping can be told.
#[test]
fn over_a_stream_answers_come_from_where_they_must() {
    let from = FiveTuple { client: client(), server: pair().sockets()[0], transport: Transport::Tcp };
    for bytes in [
        request(|builder| builder.attribute(&ChangeRequest { ip: true, port: true })),
        request(|builder| builder.attribute(&ResponsePort(7))),
        request(|builder| builder.attribute(&Padding(&[0; 40]))),
    ] {
        let (to, answer) = ask_from(from, &bytes);
        assert_eq!((to, code(&answer)), (from, 420));
    }
    let (_, answer) = ask_from(from, &request(|builder| builder));
    assert!(Message::parse(&answer).unwrap().attribute::<OtherAddress>().unwrap().is_some());
}

//= rfc5780#7.5-1 test
#[test]
fn answers_go_to_the_port_that_is_named() {
    let local = pair().sockets()[0];
    let (to, answer) = ask(local, &request(|builder| builder.attribute(&ResponsePort(50_000))));
    assert_eq!((to.client, code(&answer)), (SocketAddr::new(client().ip(), 50_000), 0));
    let mapped = Message::parse(&answer).unwrap().attribute::<XorMappedAddress>();
    assert_eq!(mapped, Ok(Some(XorMappedAddress(client()))), "but the address is that which asked");
    let both = request(|builder| {
        builder.attribute(&ResponsePort(50_000)).attribute(&ChangeRequest { ip: true, port: true })
    });
    let (to, _) = ask(local, &both);
    assert_eq!((to.server, to.client.port()), (address("192.0.2.8:3479"), 50_000));
    let (to, answer) = ask(local, &request(|builder| builder.attribute(&ResponsePort(0))));
    assert_eq!((to.client, code(&answer)), (client(), 400), "there is no port 0");
}

/// Never more comes back than went there, and never more than the MTU, a multiple of four.
//= rfc5780#6.1-9 test
//= rfc5780#6.1-10 test
//= rfc5780#7.6-1 test
#[test]
fn padding_is_answered_with_padding() {
    let local = pair().sockets()[0];
    for (sent, expected) in [(0, 0), (1, 1), (1400, 1400), (1500, 1500), (1503, 1500), (60_000, 1500)] {
        let (to, answer) = ask(local, &request(|builder| builder.attribute(&Padding(&vec![7; sent]))));
        assert_eq!((to.client, code(&answer)), (client(), 0));
        let answer = Message::parse(&answer).unwrap();
        let padding = answer.attribute::<Padding<'_>>().unwrap().unwrap();
        assert_eq!(padding.0.len(), expected);
        assert!(padding.0.iter().all(|octet| *octet == 0), "what was sent is not sent back");
    }
    let (_, answer) = ask(local, &request(|builder| builder));
    assert_eq!(Message::parse(&answer).unwrap().attribute::<Padding<'_>>(), Ok(None));
}

//= rfc5780#6.1-11 test
//= rfc5780#7.5-2 test
#[test]
fn padding_for_another_port_is_refused() {
    let bytes = request(|builder| builder.attribute(&ResponsePort(50_000)).attribute(&Padding(&[0; 1500])));
    let (to, answer) = ask(pair().sockets()[0], &bytes);
    assert_eq!((to.client, code(&answer)), (client(), 400));
    assert!(answer.len() < 100);
}

//= rfc5780#6.1-12 test
#[test]
fn where_passwords_are_asked_for_the_discovery_is_signed_too() {
    let mut config = BindingServerConfig::default();
    config.pairs = vec![pair()];
    config.admission = Admission::ShortTerm(vec![ShortTermCredential::new("me", "secret").unwrap()]);
    let mut server = BindingServer::new(config, &mut rng(5));
    let from = FiveTuple { client: client(), server: pair().sockets()[0], transport: Transport::Udp };
    let mut bytes = Vec::new();
    MessageBuilder::new(&mut bytes, MessageType::BINDING_REQUEST, ID)
        .attribute(&Username::new("me").unwrap())
        .attribute(&ChangeRequest { ip: true, port: true })
        .integrity_sha256(&IntegrityKey::short_term("secret"))
        .finish()
        .unwrap();
    server.handle_input(clock::origin(), from, &mut bytes);
    let mut out = Vec::new();
    let transmit = server.poll_transmit(clock::origin(), &mut out).unwrap();
    assert_eq!(transmit.to.server, address("192.0.2.8:3479"));
    let answer = Message::parse(&out).unwrap();
    assert_eq!(answer.verify(&IntegrityKey::short_term("secret")), Ok(()));
    server.handle_input(
        clock::origin(),
        from,
        &mut request(|builder| builder.attribute(&ChangeRequest { ip: true, port: true })),
    );
    out.clear();
    let transmit = server.poll_transmit(clock::origin(), &mut out).unwrap();
    assert_eq!((transmit.to, code(&out)), (from, 400), "refused from where it was asked");
}
