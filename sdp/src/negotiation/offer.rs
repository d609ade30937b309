//! Offering, and reading the answer; RFC 9429 sections 5.2 and 5.10.

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{common_codecs, common_extensions};
use super::number::Numbers;
use super::remote::{self, Remote, RemoteMedia};
use super::{Kind, LocalTransport, NegotiationError, Negotiator, State};
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
        self.number();
        let text = self.describe(transport, Setup::ActPass)?;
        if self.state == State::Stable {
            self.snapshot();
        }
        self.offered = self.sections.len();
        self.state = State::HaveLocalOffer;
        Ok(text)
    }

    /// Reads the answer to our offer.
    ///
    /// # Errors
    /// No offer of ours is open, or the answer is malformed or does not fit.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::HaveLocalOffer])?;
        let document = remote::document(answer)?;
        let remote = remote::read(&document)?;
        self.answers(&remote)?;
        let carried = carried(&remote)?;
        let transport = remote::transport(&document, &remote, &carried)?;
        let line = carried.first().and_then(|first| remote.media.get(*first)).map_or(1, |media| media.line);
        let role = match transport.as_ref().map(|transport| transport.setup) {
            None => self.role,
            Some(Setup::Active) => Some(Setup::Passive),
            Some(Setup::Passive) => Some(Setup::Active),
            Some(Setup::ActPass | Setup::HoldConn) => {
                let reason = "an answer's a=setup is active or passive";
                return Err(NegotiationError::Mismatch { line, reason });
            }
        };
        self.mixed = remote.mixed;
        for (number, media) in remote.media.into_iter().enumerate() {
            self.conclude(number, media);
        }
        self.role = role;
        self.remote = transport.or(self.remote.take());
        self.before = None;
        self.state = State::Stable;
        Ok(())
    }

    /// Whether the answer is one to our offer: the same media in the same places; RFC 3264 section 6.
    fn answers(&self, remote: &Remote) -> Result<(), NegotiationError> {
        let mismatch = |line, reason| Err(NegotiationError::Mismatch { line, reason });
        if remote.media.len() != self.offered {
            let line = remote.media.last().map_or(1, |media| media.line);
            return mismatch(line, "the answer has not as many media descriptions as the offer");
        }
        for (section, media) in self.sections.iter().zip(&remote.media) {
            if section.kind.name() != media.kind.name() {
                return mismatch(media.line, "the medium is not the one offered");
            }
            if !media.rejected && section.mid != media.mid {
                return mismatch(media.line, "a=mid is not the one offered");
            }
            let rtp = matches!(media.kind, Kind::Audio | Kind::Video);
            if rtp && !media.rejected && !remote.multiplexed(media) {
                return mismatch(media.line, "a=rtcp-mux is missing: RTP and RTCP share one port here");
            }
        }
        Ok(())
    }

    /// Gives the codecs and extensions of new sections numbers that the bundle has not used for something else.
    fn number(&mut self) {
        let mut numbers = Numbers::of(&self.sections);
        for number in 0..self.sections.len() {
            let section = &self.sections[number];
            if section.remote.is_some() || section.rejected {
                continue;
            }
            let offer = self.capabilities(&section.kind).map(|own| numbers.offer(own)).unwrap_or_default();
            self.sections[number].offer = offer;
        }
    }

    /// What the answer makes of a section.
    fn conclude(&mut self, number: usize, media: RemoteMedia) {
        let Some(section) = self.sections.get_mut(number) else { return };
        let agreed = section.remote.is_some();
        let offered = if agreed {
            (&section.codecs, &section.extensions)
        } else {
            (&section.offer.codecs, &section.offer.extensions)
        };
        let codecs = common_codecs(offered.0, &media.codecs);
        let extensions = common_extensions(offered.1, &media.extensions);
        let useless = matches!(section.kind, Kind::Audio | Kind::Video) && codecs.is_empty();
        let direction = section.offered().and(media.direction.reversed());
        section.rejected |= media.rejected || useless;
        section.direction = if section.rejected { Direction::Inactive } else { direction };
        if !section.rejected {
            (section.codecs, section.extensions) = (codecs, extensions);
        }
        section.remote = Some(media);
        // What we have stopped since the offer still has to be said.
        section.settle();
        section.closed &= section.remote.as_ref().is_some_and(|remote| remote.rejected);
    }
}

/// The sections that the answer keeps, all in one bundle, whose first speaks for them; a single one needs no bundle.
fn carried(remote: &Remote) -> Result<Vec<usize>, NegotiationError> {
    let kept = || (0..remote.media.len()).filter(|number| !remote.media[*number].rejected);
    let Some(first) = kept().next() else { return Ok(Vec::new()) };
    let group = remote.media[first].group;
    let apart = kept().skip(1).find(|number| group.is_none() || remote.media[*number].group != group);
    if let Some(number) = apart {
        let reason = "the answer does not bundle this with the rest: there is one transport";
        return Err(NegotiationError::Mismatch { line: remote.media[number].line, reason });
    }
    let Some(group) = group.and_then(|group| remote.groups.get(group)) else { return Ok(kept().collect()) };
    Ok(group.iter().copied().filter(|number| !remote.media[*number].rejected).collect())
}
