//! Offering, and reading the answer; RFC 9429 sections 5.2 and 5.10.

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{common_codecs, common_extensions};
use super::remote::{self, Remote, RemoteMedia};
use super::{LocalTransport, NegotiationError, Negotiator, State};
use crate::attribute::{Direction, Setup};

impl Negotiator {
    /// Offers everything that has been added, and everything agreed on before.
    ///
    /// May be called again before the answer has come, for instance with more candidates.
    ///
    /// # Errors
    /// The other side's offer is open, or a text of ours would break out of its line.
    pub fn create_offer(&mut self, transport: &LocalTransport) -> Result<String, NegotiationError> {
        self.expect(&[State::Stable, State::HaveLocalOffer])?;
        let text = self.describe(transport, Setup::ActPass)?;
        if self.state == State::Stable {
            self.snapshot();
        }
        self.state = State::HaveLocalOffer;
        Ok(text)
    }

    /// Reads the answer to our offer.
    ///
    /// # Errors
    /// No offer of ours is open, or the answer is malformed or does not fit.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::HaveLocalOffer])?;
        let Remote { transport, media } = remote::read(answer)?;
        let line = media.last().map_or(1, |media| media.line);
        let mismatch = |line, reason| Err(NegotiationError::Mismatch { line, reason });
        if media.len() != self.sections.len() {
            return mismatch(line, "the answer has not as many media descriptions as the offer");
        }
        for (section, media) in self.sections.iter().zip(&media) {
            if section.kind.name() != media.kind.name() {
                return mismatch(media.line, "the medium is not the one offered");
            }
            if !media.rejected && section.mid != media.mid {
                return mismatch(media.line, "a=mid is not the one offered");
            }
        }
        let role = match transport.as_ref().map(|transport| transport.setup) {
            None => self.role,
            Some(Setup::Active) => Some(Setup::Passive),
            Some(Setup::Passive) => Some(Setup::Active),
            Some(Setup::ActPass | Setup::HoldConn) => {
                return mismatch(line, "an answer's a=setup is active or passive");
            }
        };
        for (number, media) in media.into_iter().enumerate() {
            self.conclude(number, media);
        }
        self.role = role;
        self.remote = transport.or(self.remote.take());
        self.before = None;
        self.state = State::Stable;
        Ok(())
    }

    /// What the answer makes of a section.
    fn conclude(&mut self, number: usize, media: RemoteMedia) {
        let Some(section) = self.sections.get(number) else { return };
        let capabilities = self.capabilities(&section.kind).cloned().unwrap_or_default();
        // What was offered is what we can do, or what was agreed on before.
        let offered = if section.codecs.is_empty() { &capabilities.codecs } else { &section.codecs };
        let (codecs, extensions) = (
            common_codecs(offered, &media.codecs),
            common_extensions(&capabilities.extensions, &media.extensions),
        );
        let useless = matches!(section.kind, super::Kind::Audio | super::Kind::Video) && codecs.is_empty();
        let direction = section.offered().and(media.direction.reversed());
        let Some(section) = self.sections.get_mut(number) else { return };
        section.rejected |= media.rejected || useless;
        section.direction = if section.rejected { Direction::Inactive } else { direction };
        if !section.rejected {
            (section.codecs, section.extensions) = (codecs, extensions);
        }
        section.remote = Some(media);
    }

    /// The names of the sections that share the transport.
    pub(super) fn bundle(&self) -> Vec<&str> {
        self.sections.iter().filter(|section| !section.rejected).map(|section| section.mid.as_str()).collect()
    }
}
