//! The rivals and OpenSSL, datagrams handed over in memory.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use nomagic_interop::rivals::{Dimpl, RtcDtls};
use nomagic_testkit::clock::origin;
use nomagic_testkit::machine::Machine;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{
    HandshakeError, Ssl, SslContext, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509NameBuilder};

/// Both ends of a rival's connection.
pub(crate) struct Pair<R> {
    client: R,
    server: R,
    now: Instant,
}

/// `dimpl` after its handshake.
pub(crate) fn dimpl_connected() -> Pair<Dimpl> {
    let now = origin();
    let mut pair = Pair { client: Dimpl::new(true, now), server: Dimpl::new(false, now), now };
    while !(pair.client.outcome.connected && pair.server.outcome.connected) {
        pair.exchange();
    }
    pair
}

/// `rtc-dtls` after its handshake.
pub(crate) fn rtc_connected() -> Pair<RtcDtls> {
    let now = origin();
    let mut pair = Pair { client: RtcDtls::new(true), server: RtcDtls::new(false), now };
    while !(pair.client.outcome.connected && pair.server.outcome.connected) {
        pair.exchange();
    }
    pair
}

impl<R: Machine> Pair<R> {
    fn exchange(&mut self) {
        let mut out = Vec::new();
        while self.client.poll_transmit(self.now, &mut out) {
            self.server.handle_input(self.now, &mut out);
            out.clear();
        }
        while self.server.poll_transmit(self.now, &mut out) {
            self.client.handle_input(self.now, &mut out);
            out.clear();
        }
    }
}

impl Pair<Dimpl> {
    /// Takes a payload from the client to the server.
    pub(crate) fn carry(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.client.send(payload);
        self.exchange();
        self.server.outcome.received.pop()
    }
}

impl Pair<RtcDtls> {
    /// Takes a payload from the client to the server.
    pub(crate) fn carry(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        self.client.send(self.now, payload);
        self.exchange();
        self.server.outcome.received.pop()
    }
}

type Queue = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// A socket in memory: each write a datagram.
struct Wire {
    inward: Queue,
    outward: Queue,
}

impl Read for Wire {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(datagram) = self.inward.lock().unwrap().pop_front() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        out[..datagram.len()].copy_from_slice(&datagram);
        Ok(datagram.len())
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outward.lock().unwrap().push_back(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static CONTEXT: LazyLock<SslContext> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "bench").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let mut context = SslContext::builder(SslMethod::dtls()).unwrap();
    context.set_max_proto_version(Some(SslVersion::DTLS1_2)).unwrap();
    context.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256").unwrap();
    context.set_groups_list("X25519:P-256").unwrap();
    context.set_certificate(&certificate.build()).unwrap();
    context.set_private_key(&key).unwrap();
    context.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
    context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::NO_TICKET);
    context.build()
});

/// Both ends of an OpenSSL connection.
pub(crate) struct OpenSsl {
    client: SslStream<Wire>,
    server: SslStream<Wire>,
}

fn end(inward: &Queue, outward: &Queue) -> (Ssl, Wire) {
    let mut ssl = Ssl::new(&CONTEXT).unwrap();
    ssl.set_mtu(1200).unwrap();
    (ssl, Wire { inward: Arc::clone(inward), outward: Arc::clone(outward) })
}

/// OpenSSL after its handshake, through its crate, which has the functions called on memory.
pub(crate) fn openssl_connected() -> OpenSsl {
    let (there, back) = (Queue::default(), Queue::default());
    let (ssl, wire) = end(&back, &there);
    let mut client = ssl.connect(wire);
    let (ssl, wire) = end(&there, &back);
    let mut server = ssl.accept(wire);
    loop {
        let go_on = |state: Result<SslStream<Wire>, HandshakeError<Wire>>| match state {
            Err(HandshakeError::WouldBlock(under_way)) => under_way.handshake(),
            other => other,
        };
        client = go_on(client);
        server = go_on(server);
        match (client, server) {
            (Ok(client), Ok(server)) => return OpenSsl { client, server },
            (Err(HandshakeError::Failure(fault)), _) | (_, Err(HandshakeError::Failure(fault))) => {
                unreachable!("{:?}", fault.error())
            }
            (own, other) => (client, server) = (own, other),
        }
    }
}

impl OpenSsl {
    /// Takes a payload from the client to the server.
    pub(crate) fn carry(&mut self, payload: &[u8]) -> usize {
        self.client.ssl_write(payload).unwrap();
        let mut buffer = [0; 2048];
        self.server.ssl_read(&mut buffer).unwrap()
    }
}
