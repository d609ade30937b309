//! The signalling side: descriptions are made and read, and what they say reaches the other crates.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nomagic_dtls::{Config as DtlsConfig, Connection, Fingerprint, HashAlgorithm, Verifier};
use nomagic_ice::{Candidate, Credentials};
use nomagic_sdp::attribute::{self, Direction, HashFunction, Setup};
use nomagic_sdp::negotiation::{
    Codec, Config, HeaderExtension, Kind, LocalTransport, NegotiationError, Track,
};
use nomagic_sdp::{Fragment, FragmentMedia, Negotiator};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use super::media::MID;
use super::{Medium, Peer};

/// Why a description was not taken or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalError {
    /// The description itself.
    Negotiation(NegotiationError),
    /// The other side's ICE credentials.
    Credentials(String),
    /// A fingerprint of the other side's.
    Fingerprint(String),
}

impl std::fmt::Display for SignalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Negotiation(error) => error.fmt(f),
            Self::Credentials(reason) | Self::Fingerprint(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for SignalError {}

impl From<NegotiationError> for SignalError {
    fn from(error: NegotiationError) -> Self {
        Self::Negotiation(error)
    }
}

/// What our side can do: Opus, VP8, and messages of up to 1 MiB.
pub(super) fn capabilities(session_id: u64, cname: &str) -> Config {
    let mut config = Config::new(session_id, cname);
    let opus =
        Codec { parameters: "minptime=10;useinbandfec=1".into(), ..Codec::new(111, "opus", 48_000, Some(2)) };
    config.audio.codecs = vec![opus];
    let mid = HeaderExtension { id: 1, uri: MID.into() };
    config.audio.extensions = vec![mid.clone()];
    config.video.extensions = vec![mid];
    let feedback = ["nack pli", "ccm fir"].map(String::from).to_vec();
    config.video.codecs = vec![Codec { feedback, ..Codec::new(96, "VP8", 90_000, None) }];
    config.max_message_size = Some(1 << 20);
    config
}

impl Peer {
    /// Says that we have a socket at this address.
    ///
    /// # Errors
    /// ICE does not take the address.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), String> {
        let added = self.ice.add_local_host(now, address);
        self.collect(now);
        added.map(drop).map_err(|error| error.to_string())
    }

    /// Sends and receives sound or pictures from the next description on.
    pub fn add_media(&mut self, medium: Medium) {
        let track = self.track(medium);
        let ssrc = track.ssrc;
        let number = self.negotiator.add_media(medium.kind(), Direction::SendRecv, Some(track));
        if let Some(section) = self.negotiator.sections().get(number) {
            self.media.open(section.id, medium, ssrc);
        }
    }

    fn track(&mut self, medium: Medium) -> Track {
        let ssrc = self.media.fresh_ssrc();
        Track { stream: "nomagic".into(), track: format!("{}-{ssrc:08x}", medium.name()), ssrc }
    }

    /// Sends something back in every section that the other side's offer has added.
    fn return_media(&mut self) {
        for number in 0..self.negotiator.sections().len() {
            let Some(section) = self.negotiator.sections().get(number) else { return };
            let Some(medium) = Medium::of(&section.kind) else { continue };
            let id = section.id;
            if section.track.is_none() && !section.rejected {
                let track = self.track(medium);
                self.media.open(id, medium, track.ssrc);
                self.negotiator.set_media(number, Direction::SendRecv, Some(track));
            }
        }
    }

    /// Does data channels from the next description on.
    pub fn add_data(&mut self) {
        self.negotiator.add_data();
    }

    /// Makes an offer.
    ///
    /// # Errors
    /// Another offer is open.
    pub fn create_offer(&mut self) -> Result<String, SignalError> {
        let transport = self.local_transport();
        Ok(self.negotiator.create_offer(&transport)?)
    }

    /// Reads the other side's offer, and answers it.
    ///
    /// # Errors
    /// The offer is malformed, or another one is open.
    pub fn answer_offer(&mut self, now: Instant, offer: &str) -> Result<String, SignalError> {
        self.negotiator.accept_offer(offer.as_bytes())?;
        // A restart by fragment, which the negotiation has not seen, is no second one when the next offer repeats it.
        let asked = self.negotiator.remote_transport().map(|remote| remote.ufrag.as_str());
        let new = asked != self.ice.remote_credentials().map(Credentials::ufrag);
        if new && self.negotiator.remote_restarts_ice() {
            self.ice.restart(now);
        }
        if self.config.return_media {
            self.return_media();
        }
        let transport = self.local_transport();
        let answer = self.negotiator.create_answer(&transport)?;
        self.follow(now)?;
        Ok(answer)
    }

    /// Reads the answer to our offer.
    ///
    /// # Errors
    /// The answer is malformed or does not fit.
    pub fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), SignalError> {
        self.negotiator.accept_answer(answer.as_bytes())?;
        self.follow(now)
    }

    /// Takes a candidate of the other side's, as it stands behind `a=candidate:`. One that cannot be used is left out.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: &str) {
        let allowed = |candidate: &Candidate| {
            let address = candidate.socket_address();
            !self.config.loopback_only || address.is_some_and(|address| address.ip().is_loopback())
        };
        if let Some(candidate) = candidate.parse::<Candidate>().ok().filter(allowed) {
            // What ICE does not want, it counts.
            let _ = self.ice.add_remote_candidate(now, &candidate);
        }
        self.collect(now);
    }

    /// Takes candidates that came after the description; with new credentials it is a restart of ICE, whose answer are
    /// our own. RFC 8840 section 9.
    ///
    /// # Errors
    /// The credentials are malformed.
    pub fn trickle(&mut self, now: Instant, fragment: &Fragment) -> Result<Option<Fragment>, SignalError> {
        let mut answer = None;
        if let Some((ufrag, password)) = fragment.credentials()
            && self.ice.remote_credentials().is_some_and(|known| known.ufrag() != ufrag)
        {
            let credentials = Credentials::new(ufrag, password);
            let credentials = credentials.map_err(|error| SignalError::Credentials(error.to_string()))?;
            self.ice.restart(now);
            self.ice
                .set_remote_credentials(now, credentials)
                .map_err(|error| SignalError::Credentials(error.to_string()))?;
            let own = self.local_transport();
            let mid =
                self.negotiator.sections().first().map(|section| section.mid.clone()).unwrap_or_default();
            let media = FragmentMedia {
                media: "audio 9 UDP/TLS/RTP/SAVPF 0".into(),
                mid,
                candidates: own.candidates,
                end_of_candidates: true,
                ..FragmentMedia::default()
            };
            answer =
                Some(Fragment { ufrag: Some(own.ufrag), password: Some(own.password), media: vec![media] });
        }
        for media in &fragment.media {
            for candidate in &media.candidates {
                self.add_remote_candidate(now, candidate);
            }
            if media.end_of_candidates {
                self.ice.end_of_remote_candidates(now);
            }
        }
        self.collect(now);
        Ok(answer)
    }

    fn local_transport(&self) -> LocalTransport {
        let credentials = self.ice.local_credentials();
        let fingerprint = self.config.identity.fingerprint();
        LocalTransport {
            ufrag: credentials.ufrag().to_owned(),
            password: credentials.password().to_owned(),
            fingerprint: attribute::Fingerprint::new(HashFunction::Sha256, fingerprint.bytes())
                .unwrap_or_else(|| unreachable!("an identity's fingerprint is SHA-256")),
            candidates: self.local_candidates.clone(),
            end_of_candidates: true,
        }
    }

    /// Hands on what the descriptions say: credentials and candidates to ICE, fingerprints to DTLS, clocks to RTP.
    fn follow(&mut self, now: Instant) -> Result<(), SignalError> {
        self.stages.signalled.get_or_insert(now);
        for section in self.negotiator.sections() {
            for codec in &section.codecs {
                self.rtp.set_clock_rate(codec.payload_type, codec.clock_rate);
            }
        }
        self.media.close_ended(&self.negotiator);
        let Some(remote) = self.negotiator.remote_transport().cloned() else { return Ok(()) };
        let credentials = Credentials::new(&remote.ufrag, &remote.password);
        let credentials = credentials.map_err(|error| SignalError::Credentials(error.to_string()))?;
        self.ice
            .set_remote_credentials(now, credentials)
            .map_err(|error| SignalError::Credentials(error.to_string()))?;
        if remote.ice_lite {
            self.ice.set_remote_lite(now);
        }
        for candidate in &remote.candidates {
            self.add_remote_candidate(now, candidate);
        }
        if remote.end_of_candidates {
            self.ice.end_of_remote_candidates(now);
        }
        if let Some(data) = self.negotiator.data().and_then(|section| section.remote.as_ref()) {
            let largest = if data.max_message_size == 0 { u64::MAX } else { data.max_message_size };
            self.channels.set_max_send_message(usize::try_from(largest).unwrap_or(usize::MAX).min(1 << 30));
        }
        if self.dtls.is_none() {
            self.dtls = Some(self.handshake(&self.negotiator.clone(), &remote.fingerprints)?);
        }
        self.collect(now);
        Ok(())
    }

    /// DTLS lets in whoever shows a certificate that signalling has announced, and nobody else.
    fn handshake(
        &mut self,
        negotiator: &Negotiator,
        announced: &[attribute::Fingerprint],
    ) -> Result<Connection, SignalError> {
        let fingerprints: Vec<Fingerprint> = announced
            .iter()
            .map(|print| Fingerprint::new(hash(print.hash()), print.octets()))
            .collect::<Result<_, _>>()
            .map_err(|error| SignalError::Fingerprint(error.to_string()))?;
        let (identity, verifier) = (self.config.identity.clone(), Verifier::fingerprints(fingerprints));
        let mut config = match negotiator.dtls_role() {
            Some(Setup::Active) => DtlsConfig::client(identity, verifier),
            _ => DtlsConfig::server(identity, verifier),
        };
        config.srtp_profiles.clone_from(&self.config.profiles);
        // ICE has proved the address, and a lost flight should not cost a second.
        config.address_validated = true;
        config.initial_timeout = Duration::from_millis(150);
        config.path_mtu = self.config.mtu;
        config.key_log.clone_from(&self.config.key_log);
        let mut seed = ChaCha20Rng::from_seed(self.rng.random());
        Ok(Connection::new(config, &mut seed))
    }
}

impl Medium {
    pub(super) fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Audio => Some(Self::Audio),
            Kind::Video => Some(Self::Video),
            _ => None,
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Audio => Kind::Audio,
            Self::Video => Kind::Video,
        }
    }
}

fn hash(function: HashFunction) -> HashAlgorithm {
    match function {
        HashFunction::Sha384 => HashAlgorithm::Sha384,
        HashFunction::Sha512 => HashAlgorithm::Sha512,
        _ => HashAlgorithm::Sha256,
    }
}
