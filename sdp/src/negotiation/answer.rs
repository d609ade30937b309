//! Reading an offer, and answering it; RFC 9429 sections 5.3 and 5.9.

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{Codec, common_codecs, common_extensions};
use super::place::{Carried, Local, Open, OpenGroup, carried};
use super::remote::{self, Remote, RemoteMedia};
use super::{Kind, LocalTransport, NegotiationError, Negotiator, Section, State, Transport};
use super::{renewed, restarted, sdes, simulcast};
use crate::attribute::Direction;
use crate::document::Document;

impl Negotiator {
    /// Reads the other side's offer. Sections for sound and pictures that were added here and not offered yet take the
    /// places of offered ones of their kind; what is left over can still be given something to send by
    /// [`Negotiator::set_media`], and else only receives.
    ///
    /// What the offer does not bundle with the first section that we can use needs a transport of its own
    /// ([`Negotiator::set_endpoint`]), and is refused in the answer where there is none.
    ///
    /// # Errors
    /// An offer of ours is open (glare: roll it back first), or the offer is malformed.
    pub fn accept_offer(&mut self, offer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::Stable, State::HaveRemoteOffer])?;
        let rules = self.config.rules;
        let document = remote::document(offer, rules)?;
        let remote = remote::read(&document, rules)?;
        let known: &[Section] = match (self.state, &self.before) {
            (State::HaveRemoteOffer, Some(before)) => &before.sections,
            _ => &self.sections,
        };
        fits(known, &remote)?;
        let possible: Vec<bool> =
            (0..remote.media.len()).map(|at| self.possible(known, &remote, at)).collect();
        let groups = carried(&remote, &possible, self.config.bundle);
        let groups = self.transports_of(&document, &remote, groups)?;

        // Nothing fails from here on.
        match self.before.take() {
            // A second offer in place of the first.
            Some(before) if self.state == State::HaveRemoteOffer => {
                self.before = Some(before.clone());
                self.restore(before);
            }
            _ => self.before = Some(self.snapshot()),
        }
        self.mixed = remote.mixed;
        let Remote { media, lip_sync, timing, .. } = remote;
        self.take_all(media, &groups);
        let id = |number: usize| self.sections.get(number).map(|section| section.id);
        let open = groups.into_iter().filter_map(|(group, remote)| {
            let members: Vec<u32> = group.members.iter().filter_map(|number| id(*number)).collect();
            Some(OpenGroup { tag: *members.first()?, members, bundled: group.bundled, remote })
        });
        self.open = Open { groups: open.collect(), lip_sync, timing };
        self.state = State::HaveRemoteOffer;
        Ok(())
    }

    /// Answers the offer that is open. `transport` is the one that all media may share, `None` where each section has its
    /// own.
    ///
    /// # Errors
    /// There is none, or a text of ours would break out of its line.
    pub fn create_answer<'t>(
        &mut self,
        transport: impl Into<Option<&'t LocalTransport>>,
    ) -> Result<String, NegotiationError> {
        let (text, transports) = self.answer(transport.into())?;
        // Sections that have no place in the offer wait for the next one.
        self.sections.iter_mut().filter(|section| section.remote.is_some()).for_each(Section::settle);
        self.transports = transports;
        (self.before, self.base) = (None, None);
        self.open = Open::default();
        self.state = State::Stable;
        Ok(text)
    }

    /// Answers for the time being: what was agreed on before stays possible, and another answer follows.
    ///
    /// # Errors
    /// As [`Negotiator::create_answer`].
    pub fn create_provisional_answer<'t>(
        &mut self,
        transport: impl Into<Option<&'t LocalTransport>>,
    ) -> Result<String, NegotiationError> {
        let (text, _) = self.answer(transport.into())?;
        self.state = State::HaveLocalPranswer;
        Ok(text)
    }

    fn answer(
        &mut self,
        shared: Option<&LocalTransport>,
    ) -> Result<(String, Vec<Transport>), NegotiationError> {
        self.expect(&[State::HaveRemoteOffer, State::HaveLocalPranswer])?;
        let (_, without) = self.lay_answer(shared);
        let most = self.config.simulcast_streams;
        for section in &mut self.sections {
            section.rejected |= without.contains(&section.id);
            let Some(remote) = &section.remote else { continue };
            let direction = section.offered().and(remote.direction.reversed());
            section.direction = if section.rejected { Direction::Inactive } else { direction };
            section.sending = simulcast::sent(remote, &section.encodings, false);
            section.sending.truncate(if direction.sends() { most } else { 0 });
        }
        self.bind(shared);
        // Sections that have no place in the offer stay out of the answer.
        let later: Vec<Section> = self.sections.extract_if(.., |section| section.remote.is_none()).collect();
        let (layout, _) = self.lay_answer(shared);
        let parts: Vec<_> = layout.places.iter().map(|place| place.setup).collect();
        let text = self.describe(&layout, true);
        let transports = self.open.groups.iter().filter_map(|group| {
            let tag = self.speaker(group)?;
            let at = self.sections.iter().position(|section| section.id == tag)?;
            let role = parts.get(at).copied().filter(|_| group.remote.does_dtls());
            Some(Transport { tag, bundled: group.bundled, remote: group.remote.clone(), role })
        });
        let transports = transports.collect();
        if text.is_ok() {
            self.described();
        }
        self.sections.extend(later);
        Ok((text?, transports))
    }

    /// Notes which transport each section uses, and which keys.
    fn bind(&mut self, shared: Option<&LocalTransport>) {
        let (layout, _) = self.lay_answer(shared);
        let keys: Vec<_> = layout
            .places
            .iter()
            .zip(&self.sections)
            .map(|(place, section)| match place.transport {
                Some(Local::Plain(plain)) => {
                    let group = self.open.groups.iter().find(|group| group.members.contains(&section.id))?;
                    let secure = section.remote.as_ref().is_some_and(|media| media.protocol.contains("SAVP"));
                    sdes::choose(&group.remote, &plain.keys).filter(|_| secure)
                }
                _ => None,
            })
            .collect();
        let tags = self.open.groups.iter().map(|group| (group.members.clone(), self.speaker(group)));
        let tags: Vec<(Vec<u32>, Option<u32>)> = tags.collect();
        for (section, keys) in
            self.sections.iter_mut().zip(keys).filter(|(section, _)| section.remote.is_some())
        {
            let tag =
                tags.iter().find(|(members, _)| members.contains(&section.id)).and_then(|(_, tag)| *tag);
            section.transport = tag.filter(|_| !section.rejected);
            section.keys = keys;
        }
    }

    /// The section that speaks for a group: the first that we have not ended since.
    fn speaker(&self, group: &OpenGroup) -> Option<u32> {
        let alive = |id: &&u32| self.sections.iter().any(|section| section.id == **id && !section.rejected);
        group.members.iter().find(alive).copied()
    }

    /// The other side's transport of each group. What the main one lacks is an error; other groups that lack something
    /// are refused.
    fn transports_of(
        &self,
        document: &Document<'_>,
        remote: &Remote,
        groups: Vec<Carried>,
    ) -> Result<Vec<(Carried, super::RemoteTransport)>, NegotiationError> {
        let mut known = Vec::with_capacity(groups.len());
        for (number, group) in groups.into_iter().enumerate() {
            match remote::transport(document, remote, &group.members, self.config.rules) {
                Ok(Some(transport)) => {
                    let line = group
                        .members
                        .first()
                        .and_then(|at| remote.media.get(*at))
                        .map_or(1, |media| media.line);
                    self.continues(&group, &transport, line)?;
                    known.push((group, transport));
                }
                Err(error) if number == 0 => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(known)
    }

    /// A new DTLS association comes with new credentials of ICE; RFC 9429 section 5.8.3.
    fn continues(
        &self,
        group: &Carried,
        now: &super::RemoteTransport,
        line: usize,
    ) -> Result<(), NegotiationError> {
        let sections = group.members.iter().filter_map(|number| Some(self.sections.get(*number)?.id));
        let Some(known) = self.continued(sections, group.bundled).map(|known| &known.remote) else {
            return Ok(());
        };
        let both = known.tls_id.is_some() && now.tls_id.is_some();
        if both && renewed(known, now) && !restarted(known, now) {
            let reason = "a=tls-id is new, and the credentials of ICE are not";
            return Err(NegotiationError::Mismatch { line, reason });
        }
        Ok(())
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
                let ports = remote.multiplexed(media) || self.takes_two_ports(media.group.is_some());
                ports && common_codecs(own, &media.codecs).iter().any(Codec::is_primary)
            }
            // RFC 8841 section 5.1: without a port the line means nothing; 0 asks for no association.
            Kind::Data => {
                self.config.max_message_size.is_some() && media.sctp_port.is_some_and(|port| port != 0)
            }
            Kind::Other(_) => false,
        };
        can && !stopped && !media.rejected
    }

    /// Gives each offered section its place.
    fn take_all(&mut self, media: Vec<RemoteMedia>, groups: &[(Carried, super::RemoteTransport)]) {
        // What has never been offered has no place yet: it waits for one.
        let mut waiting = self.take_waiting();
        for (number, media) in media.into_iter().enumerate() {
            let carried = groups.iter().any(|(group, _)| group.members.contains(&number));
            let fresh = self.sections.get(number).is_none_or(|section| section.closed && !media.rejected);
            if fresh {
                let fitting =
                    waiting.iter().position(|section| section.kind == media.kind && !section.rejected);
                let section = match fitting.filter(|_| carried) {
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
            self.take(number, media, carried);
        }
        for section in &mut waiting {
            // The offer may have brought a section of the same name.
            section.mid = self.fresh_mid();
        }
        self.sections.append(&mut waiting);
    }

    /// Takes the sections out that the other side does not know, and puts back what they were to replace.
    fn take_waiting(&mut self) -> Vec<Section> {
        let mut waiting = Vec::new();
        let mut placed = Vec::with_capacity(self.sections.len());
        for mut section in self.sections.drain(..) {
            match section.replaced.take() {
                _ if section.remote.is_some() => placed.push(section),
                Some(old) => {
                    placed.push(*old);
                    waiting.push(section);
                }
                None => waiting.push(section),
            }
        }
        self.sections = placed;
        waiting
    }

    /// What an offered section becomes here.
    fn take(&mut self, number: usize, media: RemoteMedia, carried: bool) {
        let capabilities = self.capabilities(&media.kind).cloned().unwrap_or_default();
        let hold = self.config.rules == super::Rules::Sip && media.on_hold;
        let Some(section) = self.sections.get_mut(number) else { return };
        section.mid.clone_from(&media.mid);
        section.codecs = common_codecs(&capabilities.codecs, &media.codecs);
        section.extensions = common_extensions(&capabilities.extensions, &media.extensions);
        section.rejected |= !carried;
        section.rtcp_mux = media.rtcp_mux || media.group.is_some();
        section.kind = media.kind.clone();
        // RFC 3264 section 8.4: there is nowhere to send to.
        let direction = if hold { media.direction.and(Direction::SendOnly) } else { media.direction };
        section.remote = Some(RemoteMedia { direction, ..media });
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
