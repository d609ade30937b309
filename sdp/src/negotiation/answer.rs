//! Reading an offer, and answering it; RFC 9429 sections 5.3 and 5.9.

use alloc::string::String;

use super::codec::{common_codecs, common_extensions};
use super::remote::{self, RemoteMedia};
use super::{Kind, LocalTransport, NegotiationError, Negotiator, Section, State};
use crate::attribute::{Direction, Setup};

impl Negotiator {
    /// Reads the other side's offer. Sections for sound and pictures that were added here and not offered yet take the
    /// places of offered ones of their kind; what is left over can still be given something to send by
    /// [`Negotiator::set_media`], and else only receives.
    ///
    /// # Errors
    /// An offer of ours is open (glare: roll it back first), or the offer is malformed.
    pub fn accept_offer(&mut self, offer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::Stable, State::HaveRemoteOffer])?;
        let remote = remote::read(offer)?;
        if remote.media.len() < self.sections.iter().filter(|section| section.remote.is_some()).count() {
            let line = remote.media.last().map_or(1, |media| media.line);
            let reason = "the offer has fewer media descriptions than the one before";
            return Err(NegotiationError::Mismatch { line, reason });
        }
        if self.state == State::Stable {
            self.snapshot();
        } else if let Some(before) = &self.before {
            // A second offer in place of the first.
            self.sections.clone_from(&before.sections);
        }
        // What has never been offered has no place yet: it waits for one.
        let mut waiting = alloc::vec::Vec::new();
        while let Some(at) = self.sections.iter().position(|section| section.remote.is_none()) {
            waiting.push(self.sections.remove(at));
        }
        for (number, media) in remote.media.into_iter().enumerate() {
            if number >= self.sections.len() {
                let taken =
                    waiting.iter().position(|section| section.kind == media.kind && !section.rejected);
                let section = match taken {
                    Some(at) => waiting.remove(at),
                    None => Section::new(media.mid.clone(), media.kind.clone(), Direction::RecvOnly, None),
                };
                self.sections.push(section);
            }
            self.take(number, media);
        }
        self.sections.append(&mut waiting);
        self.remote = remote.transport.or(self.remote.take());
        self.state = State::HaveRemoteOffer;
        Ok(())
    }

    /// Answers the offer that is open.
    ///
    /// # Errors
    /// There is none, or a text of ours would break out of its line.
    pub fn create_answer(&mut self, transport: &LocalTransport) -> Result<String, NegotiationError> {
        self.expect(&[State::HaveRemoteOffer])?;
        // RFC 8842 section 5.3: the answerer chooses to begin; a part once chosen is kept.
        let setup = match (self.role, self.remote.as_ref().map(|remote| remote.setup)) {
            (Some(role), _) => role,
            (None, Some(Setup::Active)) => Setup::Passive,
            (None, _) => Setup::Active,
        };
        for section in &mut self.sections {
            let Some(remote) = &section.remote else { continue };
            let direction = section.offered().and(remote.direction.reversed());
            section.direction = if section.rejected { Direction::Inactive } else { direction };
        }
        // Sections that have no place in the offer stay out of the answer.
        let later: alloc::vec::Vec<Section> =
            self.sections.extract_if(.., |section| section.remote.is_none()).collect();
        let text = self.describe(transport, setup);
        self.sections.extend(later);
        let text = text?;
        self.role = Some(setup);
        self.before = None;
        self.state = State::Stable;
        Ok(text)
    }

    /// What an offered section becomes here.
    fn take(&mut self, number: usize, media: RemoteMedia) {
        let capabilities = self.capabilities(&media.kind).cloned().unwrap_or_default();
        let data = self.config.max_message_size.is_some();
        let Some(section) = self.sections.get_mut(number) else { return };
        // A place that both had let go may be used for something new.
        if section.rejected
            && !media.rejected
            && section.remote.as_ref().is_some_and(|remote| remote.rejected)
        {
            *section = Section::new(media.mid.clone(), media.kind.clone(), Direction::RecvOnly, None);
        }
        section.mid.clone_from(&media.mid);
        section.codecs = common_codecs(&capabilities.codecs, &media.codecs);
        section.extensions = common_extensions(&capabilities.extensions, &media.extensions);
        let possible = match media.kind {
            Kind::Audio | Kind::Video => !section.codecs.is_empty(),
            Kind::Data => data,
            Kind::Other(_) => false,
        };
        section.rejected |= media.rejected || !possible || section.kind != media.kind;
        section.kind = media.kind.clone();
        section.remote = Some(media);
    }
}
