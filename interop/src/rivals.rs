//! Rival implementations of DTLS 1.2 in the harness's terms, so that they can face ours over a simulated network.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use dimpl::{Dtls, DtlsCertificate, Output};
use nomagic_dtls::{Fingerprint, HashAlgorithm, Summary};
use nomagic_testkit::machine::Machine;
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::{Certificate, CryptoPrivateKey};
use rtc_dtls::crypto_provider::{self, SecretVec};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

/// Keying material for SRTP that all ends export: enough for AES-128-GCM.
pub const EXPORTED: usize = 56;

/// The certificate of every rival; making keys costs time.
static CERTIFICATE: LazyLock<rcgen::CertifiedKey<rcgen::KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(vec!["interop".to_owned()]).unwrap());

/// The fingerprint of the rivals' certificate.
pub fn fingerprint() -> Fingerprint {
    Fingerprint::of(HashAlgorithm::Sha256, CERTIFICATE.cert.der())
}

/// The identity and the octets of the key that rivals have with us, where there is one.
pub const PRE_SHARED: (&str, [u8; 32]) = ("lamp 7", [0x5a; 32]);

/// What a rival has to tell and to send.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The handshake is complete.
    pub connected: bool,
    /// It will not come to anything, or has ended: why.
    pub ended: Option<String>,
    /// The first [`EXPORTED`] octets for SRTP.
    pub keying_material: Option<Vec<u8>>,
    /// Payloads in the order of arrival.
    pub received: Vec<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

impl Outcome {
    fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let datagram = self.outgoing.pop_front();
        out.extend(datagram.iter().flatten());
        datagram.is_some()
    }
}

/// `dimpl`, with its cryptography from the same libraries as ours.
pub struct Dimpl {
    dtls: Dtls,
    due: Option<Instant>,
    /// What it has to tell.
    pub outcome: Outcome,
}

impl std::fmt::Debug for Dimpl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dimpl({:?})", self.outcome)
    }
}

/// The configuration of every `dimpl`.
static DIMPL: LazyLock<Arc<dimpl::Config>> = LazyLock::new(|| {
    let provider = dimpl::crypto::rust_crypto::default_provider();
    Arc::new(dimpl::Config::builder().with_crypto_provider(provider).build().unwrap())
});

/// What `dimpl` asks for keys.
#[derive(Debug)]
struct DimplKey;

impl dimpl::PskResolver for DimplKey {
    fn resolve(&self, identity: &[u8]) -> Option<Vec<u8>> {
        (identity == PRE_SHARED.0.as_bytes()).then(|| PRE_SHARED.1.to_vec())
    }
}

impl Dimpl {
    /// An end that begins at `now`.
    pub fn new(is_client: bool, now: Instant) -> Self {
        let certificate = DtlsCertificate {
            certificate: CERTIFICATE.cert.der().to_vec(),
            private_key: CERTIFICATE.signing_key.serialize_der(),
        };
        Self::begin(Dtls::new_12(Arc::clone(&DIMPL), certificate, now), is_client, now)
    }

    /// The same with a pre-shared key; a server gives a hint at it.
    pub fn with_key(is_client: bool, now: Instant) -> Self {
        let provider = dimpl::crypto::rust_crypto::default_provider();
        let config = dimpl::Config::builder().with_crypto_provider(provider);
        let config = if is_client {
            config.with_psk_client(PRE_SHARED.0.into(), Arc::new(DimplKey))
        } else {
            config.with_psk_server(Some(b"the house".to_vec()), Arc::new(DimplKey))
        };
        Self::begin(Dtls::new_12_psk(Arc::new(config.build().unwrap()), now), is_client, now)
    }

    fn begin(mut dtls: Dtls, is_client: bool, now: Instant) -> Self {
        dtls.set_active(is_client);
        let mut own = Self { dtls, due: None, outcome: Outcome::default() };
        own.handle_timeout(now);
        own
    }

    /// Sends a payload.
    pub fn send(&mut self, payload: &[u8]) {
        self.dtls.send_application_data(payload).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        let mut buffer = vec![0; 2048];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => self.outcome.outgoing.push_back(datagram.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(due) => {
                    self.due = Some(due);
                    return;
                }
                Output::Connected => self.outcome.connected = true,
                Output::KeyingMaterial(material, _) => {
                    self.outcome.keying_material = Some(material[..EXPORTED].to_vec());
                }
                Output::ApplicationData(payload) => self.outcome.received.push(payload.to_vec()),
                Output::CloseNotify => self.outcome.ended = Some("close_notify".to_owned()),
                _ => {}
            }
        }
    }
}

/// A deadline within this much is of no use: `dimpl` names one even if it has nothing to do.
const FAR: Duration = Duration::from_secs(600);

impl Machine for Dimpl {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        let fed = self.dtls.handle_timeout(now).and_then(|()| self.dtls.handle_packet(datagram));
        if let Err(error) = fed {
            self.outcome.ended = Some(error.to_string());
        }
        self.drain();
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Err(error) = self.dtls.handle_timeout(now) {
            self.outcome.ended = Some(error.to_string());
        }
        self.drain();
        // What is due at once, again, would not let time pass.
        self.due = self.due.filter(|due| *due > now && *due < now + FAR);
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut Vec<u8>) -> bool {
        self.outcome.transmit(out)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn close(&mut self, _: Instant) {
        self.dtls.close().unwrap();
        self.drain();
    }

    fn is_closed(&self) -> bool {
        self.outcome.ended.is_some()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(datagram: &[u8]) -> String {
        Summary(datagram).to_string()
    }
}

/// `rtc-dtls`, with its cryptography from `ring`.
pub struct RtcDtls {
    endpoint: Endpoint,
    is_client: bool,
    has_key: bool,
    started: bool,
    /// What it has to tell.
    pub outcome: Outcome,
}

impl std::fmt::Debug for RtcDtls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RtcDtls({:?})", self.outcome)
    }
}

/// The addresses that it wants to know of.
const OWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2);

fn rtc_config(is_client: bool, has_key: bool) -> Arc<HandshakeConfig> {
    let provider = crypto_provider::default_provider().unwrap();
    let key = CryptoPrivateKey::from_key_pair(&CERTIFICATE.signing_key, provider.crypto()).unwrap();
    let certificate = Certificate { certificate: vec![CERTIFICATE.cert.der().clone()], private_key: key };
    let config = ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
        .with_extended_master_secret(ExtendedMasterSecretType::Require);
    let config = if has_key {
        // A client's hint is its identity. Unlike with us, the server does not ask who the client is.
        config
            .with_cipher_suites(vec![
                CipherSuiteId::Tls_Psk_With_Aes_128_Ccm_8,
                CipherSuiteId::Tls_Psk_With_Aes_128_Gcm_Sha256,
            ])
            .with_psk(Some(Arc::new(|_: &[u8]| Ok(PRE_SHARED.1.to_vec()))))
            .with_psk_identity_hint(Some(PRE_SHARED.0.into()))
    } else {
        config
            .with_certificates(vec![certificate])
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
    };
    Arc::new(config.build(is_client, Some(REMOTE)).unwrap())
}

impl RtcDtls {
    /// An end; a client begins with the first call that brings the time.
    pub fn new(is_client: bool) -> Self {
        Self::with(is_client, false)
    }

    /// The same with a pre-shared key; a server gives a hint at it.
    pub fn with_key(is_client: bool) -> Self {
        Self::with(is_client, true)
    }

    fn with(is_client: bool, has_key: bool) -> Self {
        let server = (!is_client).then(|| rtc_config(false, has_key));
        let endpoint = Endpoint::new(OWN, Default::default(), server);
        Self { endpoint, is_client, has_key, started: false, outcome: Outcome::default() }
    }

    /// Begins; a server waits.
    pub fn start(&mut self, now: Instant) {
        if self.is_client && !self.started {
            self.endpoint.connect(now, REMOTE, rtc_config(true, self.has_key), None).unwrap();
        }
        self.started = true;
        self.drain();
    }

    /// Sends a payload.
    pub fn send(&mut self, now: Instant, payload: &[u8]) {
        self.endpoint.write(now, REMOTE, payload).unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.outcome.outgoing.push_back(transmit.message.to_vec());
        }
    }
}

impl Machine for RtcDtls {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        match self.endpoint.read(now, REMOTE, None, BytesMut::from(&*datagram)) {
            Ok(events) => {
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => {
                            self.outcome.connected = true;
                            let state = self.endpoint.get_connection_state(REMOTE).unwrap();
                            self.outcome.keying_material = state
                                .export_keying_material("EXTRACTOR-dtls_srtp", &[], EXPORTED)
                                .ok()
                                .map(SecretVec::into_bytes);
                        }
                        EndpointEvent::ApplicationData(payload) => {
                            self.outcome.received.push(payload.to_vec());
                        }
                        EndpointEvent::PeerClosed => self.outcome.ended = Some("close_notify".to_owned()),
                        _ => {}
                    }
                }
            }
            Err(error) => self.outcome.ended = Some(error.to_string()),
        }
        self.drain();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.start(now);
        if let Err(error) = self.endpoint.handle_timeout(REMOTE, now) {
            self.outcome.ended = Some(error.to_string());
        }
        self.drain();
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.start(now);
        self.outcome.transmit(out)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&REMOTE)
    }

    fn close(&mut self, now: Instant) {
        self.endpoint.close(now).unwrap();
        self.drain();
    }

    fn is_closed(&self) -> bool {
        self.outcome.ended.is_some()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(datagram: &[u8]) -> String {
        Summary(datagram).to_string()
    }
}
