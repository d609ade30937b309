//! Reading an offer, and answering it; RFC 9429 sections 5.3 and 5.9.

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{common_codecs, common_extensions};
use super::remote::{self, Remote, RemoteMedia};
use super::{Kind, LocalTransport, NegotiationError, Negotiator, Section, State};
use crate::attribute::{Direction, Setup};

impl Negotiator {
    /// Reads the other side's offer. Sections for sound and pictures that were added here and not offered yet take the
    /// places of offered ones of their kind; what is left over can still be given something to send by
    /// [`Negotiator::set_media`], and else only receives.
    ///
    /// There is one transport, so what the offer does not bundle with the first section that we can use is refused, and
    /// so is RTP without RTCP on the same port.
    ///
    /// # Errors
    /// An offer of ours is open (glare: roll it back first), or the offer is malformed.
    pub fn accept_offer(&mut self, offer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::Stable, State::HaveRemoteOffer])?;
        let document = remote::document(offer)?;
        let remote = remote::read(&document)?;
        let known: &[Section] = match (self.state, &self.before) {
            (State::HaveRemoteOffer, Some(before)) => &before.sections,
            _ => &self.sections,
        };
        fits(known, &remote)?;
        let possible: Vec<bool> =
            (0..remote.media.len()).map(|at| self.possible(known, &remote, at)).collect();
        let carried = carried(&remote, &possible);
        let transport = remote::transport(&document, &remote, &carried)?;

        // Nothing fails from here on.
        if self.state == State::Stable {
            self.snapshot();
        } else if let Some(before) = self.before.clone() {
            // A second offer in place of the first.
            self.restore(before);
        }
        let bundle = carried.first().is_some_and(|first| remote.media[*first].group.is_some());
        self.bundle =
            bundle.then(|| carried.iter().map(|number| remote.media[*number].mid.clone()).collect());
        self.mixed = remote.mixed;
        // What has never been offered has no place yet: it waits for one.
        let mut waiting = self.take_waiting();
        for (number, media) in remote.media.into_iter().enumerate() {
            let fresh = self.sections.get(number).is_none_or(|section| section.closed && !media.rejected);
            if fresh {
                let fitting =
                    waiting.iter().position(|section| section.kind == media.kind && !section.rejected);
                let section = match fitting.filter(|_| carried.contains(&number)) {
                    Some(at) => waiting.remove(at),
                    None => {
                        self.new_section(media.mid.clone(), media.kind.clone(), Direction::RecvOnly, None)
                    }
                };
                match self.sections.get_mut(number) {
                    Some(closed) => *closed = section,
                    None => self.sections.push(section),
                }
            }
            self.take(number, media, carried.contains(&number));
        }
        for section in &mut waiting {
            // The offer may have brought a section of the same name.
            section.mid = self.fresh_mid();
        }
        self.sections.append(&mut waiting);
        self.remote = transport.or(self.remote.take());
        self.state = State::HaveRemoteOffer;
        Ok(())
    }

    /// Answers the offer that is open.
    ///
    /// # Errors
    /// There is none, or a text of ours would break out of its line.
    pub fn create_answer(&mut self, transport: &LocalTransport) -> Result<String, NegotiationError> {
        self.expect(&[State::HaveRemoteOffer])?;
        // RFC 8842 section 5.3: the answerer chooses where the offer lets it, and a part once chosen is kept.
        let setup = match (self.remote.as_ref().map(|remote| remote.setup), self.role) {
            (Some(Setup::Active), _) => Setup::Passive,
            (Some(Setup::Passive), _) => Setup::Active,
            (_, role) => role.unwrap_or(Setup::Active),
        };
        for section in &mut self.sections {
            let Some(remote) = &section.remote else { continue };
            let direction = section.offered().and(remote.direction.reversed());
            section.direction = if section.rejected { Direction::Inactive } else { direction };
        }
        // Sections that have no place in the offer stay out of the answer.
        let later: Vec<Section> = self.sections.extract_if(.., |section| section.remote.is_none()).collect();
        let text = self.describe(transport, setup);
        if text.is_ok() {
            self.sections.iter_mut().for_each(Section::settle);
        }
        self.sections.extend(later);
        let text = text?;
        if self.sections.iter().any(|section| section.remote.is_some() && !section.rejected) {
            self.role = Some(setup);
        }
        self.before = None;
        self.state = State::Stable;
        Ok(text)
    }

    /// Whether we can do what the offer has at this place.
    fn possible(&self, known: &[Section], remote: &Remote, number: usize) -> bool {
        let Some(media) = remote.media.get(number) else { return false };
        // What we have stopped and not said yet stays stopped.
        let stopped = known
            .iter()
            .filter(|section| section.placed())
            .nth(number)
            .is_some_and(|section| section.stopped && !section.closed && section.replaced.is_none());
        let can = match media.kind {
            Kind::Audio | Kind::Video => {
                let own = self.capabilities(&media.kind).map_or(&[][..], |own| &own.codecs);
                remote.multiplexed(media) && !common_codecs(own, &media.codecs).is_empty()
            }
            Kind::Data => self.config.max_message_size.is_some(),
            Kind::Other(_) => false,
        };
        can && !stopped && !media.rejected
    }

    /// Takes the sections out that the other side does not know, and puts back what they were to replace.
    fn take_waiting(&mut self) -> Vec<Section> {
        let mut waiting = Vec::new();
        let mut at = 0;
        while at < self.sections.len() {
            let section = &mut self.sections[at];
            if section.remote.is_some() {
                at += 1;
            } else if let Some(old) = section.replaced.take() {
                waiting.push(core::mem::replace(section, *old));
                at += 1;
            } else {
                waiting.push(self.sections.remove(at));
            }
        }
        waiting
    }

    /// What an offered section becomes here.
    fn take(&mut self, number: usize, media: RemoteMedia, carried: bool) {
        let capabilities = self.capabilities(&media.kind).cloned().unwrap_or_default();
        let Some(section) = self.sections.get_mut(number) else { return };
        section.mid.clone_from(&media.mid);
        section.codecs = common_codecs(&capabilities.codecs, &media.codecs);
        section.extensions = common_extensions(&capabilities.extensions, &media.extensions);
        section.rejected |= !carried;
        section.kind = media.kind.clone();
        section.remote = Some(media);
    }
}

/// An offer keeps the places of the one before, and their names unless the place was free; RFC 3264 section 8.
fn fits(known: &[Section], remote: &Remote) -> Result<(), NegotiationError> {
    let placed = known.iter().filter(|section| section.placed());
    let line = remote.media.last().map_or(1, |media| media.line);
    if remote.media.len() < placed.clone().count() {
        let reason = "the offer has fewer media descriptions than the one before";
        return Err(NegotiationError::Mismatch { line, reason });
    }
    for (section, media) in placed.zip(&remote.media) {
        let free = section.closed || section.replaced.is_some();
        let reason = match () {
            () if free => continue,
            () if section.kind.name() != media.kind.name() => "the medium is not what it was",
            // A place refused or ended may leave its name out.
            () if media.rejected || section.mid == media.mid || !media.named => continue,
            () => "a=mid is not what it was",
        };
        return Err(NegotiationError::Mismatch { line: media.line, reason });
    }
    Ok(())
}

/// The sections that can share one transport: the first bundle of which we can do something, else the first section
/// that we can do. In the bundle's order; the first speaks for all.
fn carried(remote: &Remote, possible: &[bool]) -> Vec<usize> {
    let able = |number: &usize| possible.get(*number) == Some(&true);
    let bundles = remote.groups.iter();
    let bundled = bundles.map(|group| group.iter().copied().filter(able).collect::<Vec<_>>());
    let alone = || possible.iter().position(|possible| *possible).into_iter().collect();
    bundled.into_iter().find(|group| !group.is_empty()).unwrap_or_else(alone)
}
