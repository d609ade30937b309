//! Certificates: our own, made here, and the little that is read of the peer's.

mod chain;
mod der;
mod load;
mod verify;

use std::fmt;

use rand::CryptoRng;

use crate::crypto::SignatureScheme;
use crate::crypto::provider::Backend;
use crate::crypto::signature::PublicKey;
use crate::crypto::signing::SigningKey;
use crate::error::ParseError;
use crate::handshake::CertificateChain;

pub use chain::UnixTime;
#[cfg(test)]
pub(crate) use der::peer_key_of_spki;
pub(crate) use der::{CertificateError, peer_key};
pub use load::IdentityError;
pub use verify::{Fingerprint, FingerprintError, HashAlgorithm, PeerCertificates, Rejection, Verifier};

/// A certificate and its private key. Made once, shared by all connections that use it: put it into an [`Arc`](std::sync::Arc).
pub struct Identity {
    key: SigningKey,
    /// The body of a Certificate message, which is also where the certificates lie.
    message: Vec<u8>,
}

impl Identity {
    /// A new P-256 key with a self-signed certificate that never ends (RFC 5280 section 4.1.2.5) and names nobody.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let key = SigningKey::generate(rng);
        let mut serial = [0; 16];
        rng.fill_bytes(&mut serial);
        let unsigned = der::to_be_signed(&key.public_key(), serial);
        // The backend of all seeds: the same seed gives the same certificate.
        let signature =
            key.sign(&Backend::RustCrypto, SignatureScheme::ECDSA_SECP256R1_SHA256, &unsigned, rng);
        let signature = signature.unwrap_or_default();
        Self::new(key, &[&der::signed(&unsigned, &signature)])
    }

    fn new(key: SigningKey, chain: &[&[u8]]) -> Self {
        let mut message = Vec::new();
        crate::handshake::encode_chain(chain.iter().copied(), &mut message);
        Self { key, message }
    }

    /// The certificate as DER.
    pub fn certificate(&self) -> &[u8] {
        let chain: Result<CertificateChain<'_>, ParseError> = CertificateChain::parse(&self.message);
        chain.ok().and_then(|chain| chain.leaf()).unwrap_or_default()
    }

    /// The certificates as DER, one's own first.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        CertificateChain::parse(&self.message).ok().into_iter().flat_map(|chain| chain.iter())
    }

    /// The certificate's SHA-256 fingerprint, for `a=fingerprint`; RFC 8122 section 5.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(HashAlgorithm::Sha256, self.certificate())
    }

    /// The body of a Certificate message.
    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

/// What a handshake keeps of the peer's certificates once they are verified.
pub(crate) struct PeerIdentity {
    pub(crate) key: PublicKey,
    /// The key as SubjectPublicKeyInfo.
    pub(crate) spki: Vec<u8>,
    pub(crate) fingerprint: Fingerprint,
    /// The body of the message, if it is to be remembered.
    pub(crate) chain: Option<Vec<u8>>,
}

/// The gate: a chain that passes is the peer's, provided that it can sign with the key.
pub(crate) fn admit(chain: &CertificateChain<'_>, verifier: &Verifier) -> Result<PeerIdentity, Refusal> {
    let leaf = chain.leaf().ok_or(Refusal::Missing)?;
    let peer = peer_key(leaf).map_err(Refusal::Certificate)?;
    verifier.verify(chain, peer.spki).map_err(Refusal::Rejected)?;
    let fingerprint = Fingerprint::of(HashAlgorithm::Sha256, leaf);
    Ok(PeerIdentity { key: peer.key, spki: peer.spki.to_vec(), fingerprint, chain: None })
}

/// Why a chain did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    Certificate(CertificateError),
    Rejected(Rejection),
}

#[cfg(test)]
mod tests;
