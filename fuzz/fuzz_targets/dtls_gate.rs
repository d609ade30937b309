//! Hellos, whole, cut, in fragments and changed, from several addresses to a gate: it never sends more than came, lets in only
//! who was sent a cookie at that very address, and what it lets in becomes a connection.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nomagic_dtls::handshake::{ClientHello, FragmentHeader, HelloVerifyRequest, MessageType};
use nomagic_dtls::record::{HEADER_LEN, Header, Records};
use nomagic_dtls::{Config, Connection, CookieGate, GateConfig, Identity, Verdict, Verifier};
use nomagic_testkit::{clock, rng};

static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(1))));
/// A client's first datagram.
static HELLO: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let config = Config::client(Arc::clone(&IDENTITY), Verifier::callback(|_| true));
    let (mut client, mut out) = (Connection::new(config, &mut rng(2)), Vec::new());
    client.poll_transmit(clock::origin(), &mut out);
    out
});

/// The hello with this cookie, as the message of this number.
fn with_cookie(cookie: &[u8], sequence: u16) -> (Header, FragmentHeader, Vec<u8>) {
    let record = Header::parse(&HELLO).unwrap();
    let (message, body, _) = FragmentHeader::parse(&HELLO[HEADER_LEN..]).unwrap();
    let hello = ClientHello { cookie, ..ClientHello::parse(body).unwrap() };
    let mut body = Vec::new();
    hello.encode(&mut body);
    let total = u32::try_from(body.len()).unwrap();
    (record, FragmentHeader { sequence, total, ..message }, body)
}

fuzz_target!(|bytes: &[u8]| {
    let mut config = GateConfig::default();
    config.kept_hellos = 2;
    let mut gate = CookieGate::new(config, &mut rng(3));
    let (mut now, mut sent) = (clock::origin(), 0_u64);
    // What each address sent, less what it got; and the cookies that it got.
    let (mut owed, mut cookies) = (BTreeMap::<u8, usize>::new(), BTreeMap::<u8, Vec<Vec<u8>>>::new());
    for command in bytes.chunks(6) {
        let &[address, what, start, len, at, change] = command else { return };
        let address = address & 3;
        now += Duration::from_secs(u64::from(what >> 5));
        // Of its own, of another address, or none.
        let from = if what & 8 == 0 { address } else { address ^ 1 };
        let cookie = cookies.get(&from).and_then(|known| known.last().cloned()).unwrap_or_default();
        let (record, message, body) =
            with_cookie(if what & 1 == 0 { &[] } else { &cookie }, u16::from(what >> 1 & 1));
        let offset = usize::from(start).min(body.len());
        let offset = if what & 4 == 0 { 0 } else { offset };
        let part = &body[offset..];
        let part = if len == 255 { part } else { &part[..usize::from(len).min(part.len())] };
        let mut datagram = Vec::new();
        let (offset, length) = (u32::try_from(offset).unwrap(), u32::try_from(part.len()).unwrap());
        Header { sequence: sent, length: u16::try_from(part.len() + 12).unwrap(), ..record }
            .encode(&mut datagram);
        FragmentHeader { offset, length, ..message }.encode(&mut datagram);
        datagram.extend_from_slice(part);
        sent += 1;
        let index = usize::from(at) % datagram.len();
        datagram[index] ^= change;

        let mut out = Vec::new();
        *owed.entry(address).or_default() += datagram.len();
        let verdict = gate.check(now, &[address], &datagram, &mut out);
        let owes = owed.entry(address).or_default();
        *owes = owes.checked_sub(out.len()).expect("never more out than in");
        assert!(out.len() <= CookieGate::REQUEST_LEN);
        match verdict {
            Verdict::Drop => assert!(out.is_empty()),
            Verdict::Verify => {
                let (_, content) = Records::new(&out).next().unwrap().unwrap();
                let (header, body, _) = FragmentHeader::parse(content).unwrap();
                assert_eq!(header.kind, MessageType::HELLO_VERIFY_REQUEST);
                let cookie = HelloVerifyRequest::parse(body).unwrap().cookie.to_vec();
                cookies.entry(address).or_default().push(cookie);
            }
            Verdict::Accept(admission) => {
                assert!(out.is_empty() && cookies.contains_key(&address), "let in without a cookie");
                let config = Config::server(Arc::clone(&IDENTITY), Verifier::callback(|_| true));
                let mut connection = Connection::admitted(config, admission, &mut rng(4));
                let _ = connection.handle_input(now, &mut datagram);
                while connection.poll_transmit(now, &mut out).is_some() {}
            }
        }
    }
});
