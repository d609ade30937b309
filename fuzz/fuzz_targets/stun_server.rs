//! A Binding server that is told anything: requests with and without credentials, of users and of strangers, with what the
//! discovery of NATs asks for, bent and raw ones; time and fresh randomness.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use std::time::Duration;

use nomagic_stun::attribute::*;
use nomagic_stun::*;
use nomagic_testkit::{clock, rng};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn config(kind: u8) -> BindingServerConfig {
    let mut config = BindingServerConfig::default();
    config.admission = match kind & 3 {
        0 => Admission::ShortTerm(vec![ShortTermCredential::new("u", "p").expect("a user")]),
        1 | 2 => {
            let mut users = Users::new("r").expect("a realm");
            users.add("u", "p").expect("a user");
            Admission::LongTerm(users)
        }
        _ => Admission::Everybody,
    };
    if kind & 4 != 0 {
        let pair = AddressPair::new(address("192.0.2.7:3478"), address("192.0.2.8:3479"));
        config.pairs.push(pair.expect("two addresses"));
    }
    if kind & 8 != 0 {
        config.alternates.push(address("192.0.2.99:3478"));
    }
    if kind & 16 != 0 {
        config.software = "server".into();
    }
    config.unauthenticated.burst = if kind & 32 != 0 { 200 } else { u32::MAX };
    config.waiting = 10_000;
    config
}

/// A request with what the bits say.
fn request(out: &mut Vec<u8>, bits: u8, signs: u8, nonce: &str, extra: &[u8]) {
    let class = if bits & 1 == 0 { Class::Request } else { Class::Indication };
    let message_type = MessageType::new(Method::BINDING, class);
    let mut builder = MessageBuilder::new(out, message_type, TransactionId([bits; 12]));
    let first = extra.first().copied().unwrap_or(0);
    if bits & 2 != 0 {
        builder = builder
            .attribute(&Opaque { attribute_type: AttributeType::CHANGE_REQUEST, value: &[0, 0, 0, first] });
    }
    if bits & 4 != 0 {
        builder = builder.attribute(&Opaque { attribute_type: AttributeType::RESPONSE_PORT, value: extra });
    }
    if bits & 8 != 0 {
        builder = builder.attribute(&Padding(&[0; 1600][..usize::from(first) * 6]));
    }
    if bits & 16 != 0 {
        builder =
            builder.attribute(&Opaque { attribute_type: AttributeType(u16::from(first) << 8), value: extra });
    }
    if bits & 32 != 0 {
        builder = builder.attribute(&PasswordAlgorithms::BOTH);
        let algorithm = if bits & 64 == 0 { PasswordAlgorithm::SHA_256 } else { PasswordAlgorithm::MD5 };
        builder = builder.attribute(&ChosenAlgorithm::new(algorithm));
    }
    builder = match signs & 3 {
        0 => builder.attribute(&Username::new("u").expect("short")),
        1 => builder.attribute(&Userhash::new("u", "r")),
        2 => builder.attribute(&Username::new("stranger").expect("short")),
        _ => builder,
    };
    if signs & 4 != 0 {
        builder =
            builder.attribute(&Realm::new("r").expect("short")).attribute(&Nonce::new(nonce).expect("short"));
    }
    let long = |algorithm| IntegrityKey::long_term("u", "r", "p", algorithm).expect("a known algorithm");
    let key = match signs >> 3 & 3 {
        0 => IntegrityKey::short_term("p"),
        1 => long(PasswordAlgorithm::MD5),
        2 => long(PasswordAlgorithm::SHA_256),
        _ => IntegrityKey::short_term("wrong"),
    };
    let finished = match signs >> 5 {
        0 => builder.finish(),
        1 | 2 => builder.integrity(&key).fingerprint().finish(),
        3 | 4 => builder.integrity_sha256(&key).finish(),
        _ => builder.integrity(&key).integrity_sha256(&key).finish(),
    };
    finished.expect("it fits");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, commands)) = bytes.split_first() else { return };
    let mut server = BindingServer::new(config(*kind), &mut rng(1));
    let (mut now, mut nonce) = (clock::origin(), String::new());
    for command in commands.chunks(8) {
        let &[what, a, b, c, ref extra @ ..] = command else { break };
        now += Duration::from_millis(u64::from(what >> 4).pow(4));
        let transport = if a & 8 == 0 { Transport::Udp } else { Transport::Tcp };
        let ends = ["192.0.2.7:3478", "192.0.2.8:3478", "192.0.2.7:3479", "[2001:db8::7]:3478"];
        let from = FiveTuple {
            client: SocketAddr::new([198, 51, 100, a >> 6].into(), 1000 + u16::from(a >> 4 & 3)),
            server: address(ends[usize::from(a & 3)]),
            transport,
        };
        let mut out = Vec::new();
        match what & 15 {
            0..=9 => {
                request(&mut out, b, c, &nonce, extra);
                if what & 15 == 9
                    && let Some(octet) = out.get_mut(usize::from(a))
                {
                    *octet ^= b | 1;
                }
                server.handle_input(now, from, &mut out);
            }
            10 => {
                server.handle_input(now, from, &mut command.to_vec());
            }
            11 => server.handle_timeout(now),
            12 => server.reseed(&mut rng(u64::from(a))),
            13 => server.set_unix_time(now, u64::from(b) << 24),
            14 if a == 0 && b == 0 => server.close(now),
            _ => {}
        }
        let len = out.len();
        loop {
            let mut answer = Vec::new();
            let Some(transmit) = server.poll_transmit(now, &mut answer) else { break };
            assert_eq!(transmit.len, answer.len());
            assert_eq!(transmit.to.client.ip(), from.client.ip(), "nobody else is ever told anything");
            assert!(answer.len() < len + 500, "no amplifier");
            // Answers to RFC 3489 have no cookie.
            let Ok(message) = Message::parse(&answer) else {
                assert!(!is_stun(&answer));
                continue;
            };
            assert!(matches!(message.class(), Class::Success | Class::Error));
            if let Ok(Some(fresh)) = message.attribute::<Nonce<'_>>() {
                nonce = fresh.as_str().to_owned();
            }
        }
    }
});
