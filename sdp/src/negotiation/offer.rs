//! Offering, and reading the answer; RFC 9429 sections 5.2 and 5.10.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{Codec, common_codecs, common_extensions};
use super::number::Numbers;
use super::place::{Carried, Local, Offered, Source, carried};
use super::remote::{self, Remote, RemoteMedia, RemoteTransport};
use super::{
    BundlePolicy, Endpoint, LocalTransport, NegotiationError, Negotiator, Rules, Section, State, Transport,
};
use super::{renewed, sdes, simulcast};
use crate::attribute::{Direction, Setup};

impl Negotiator {
    /// Offers everything that has been added, and everything agreed on before. `transport` is the one that all media may
    /// share, `None` where each section has its own.
    ///
    /// May be called again before the answer has come, for instance with more candidates.
    ///
    /// # Errors
    /// The other side's offer is open, a section has no transport, or a text of ours would break out of its line.
    pub fn create_offer<'t>(
        &mut self,
        transport: impl Into<Option<&'t LocalTransport>>,
    ) -> Result<String, NegotiationError> {
        self.expect(&[State::Stable, State::HaveLocalOffer])?;
        if self.state == State::Stable {
            // What was ended before anybody heard of it is not offered; RFC 9429 section 5.2.2.
            self.sections.retain(|section| !section.stopped || section.placed());
        }
        self.number();
        let agreed = self.bundle_tag();
        let layout =
            Self::lay_offer(&self.sections, transport.into(), self.config.rules, self.config.bundle, agreed)?;
        let text = self.describe(&layout, false)?;
        let bundled = |section: &Section| layout.bundles.iter().flatten().any(|mid| *mid == section.mid);
        let offered = layout.places.iter().zip(&self.sections);
        let offered: Vec<Offered> = offered
            .map(|(place, section)| Offered { bundled: bundled(section), source: place.source })
            .collect();
        self.offered = offered;
        self.described();
        if self.state == State::Stable {
            self.before = Some(self.snapshot());
        }
        self.state = State::HaveLocalOffer;
        Ok(text)
    }

    /// Reads the answer to our offer.
    ///
    /// # Errors
    /// No offer of ours is open, or the answer is malformed or does not fit.
    pub fn accept_answer(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        self.apply(answer)?;
        for section in self.sections.iter_mut().take(self.offered.len()) {
            section.settle();
            // What we have stopped since the offer still has to be said.
            section.closed &= section.remote.as_ref().is_some_and(|remote| remote.rejected);
        }
        (self.before, self.base) = (None, None);
        self.state = State::Stable;
        Ok(())
    }

    /// Reads an answer for the time being; another one follows.
    ///
    /// # Errors
    /// As [`Negotiator::accept_answer`].
    pub fn accept_provisional_answer(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        self.apply(answer)?;
        self.state = State::HaveRemotePranswer;
        Ok(())
    }

    /// What an answer of either kind makes of the offer. An earlier one for the time being has no effect on it.
    fn apply(&mut self, answer: &[u8]) -> Result<(), NegotiationError> {
        self.expect(&[State::HaveLocalOffer, State::HaveRemotePranswer])?;
        let rules = self.config.rules;
        let document = remote::document(answer, rules)?;
        let remote = remote::read(&document, rules)?;
        self.answers(&remote)?;
        let kept: Vec<bool> = remote.media.iter().map(|media| !media.rejected).collect();
        let groups = carried(&remote, &kept, BundlePolicy::Balanced);
        self.bundles(&remote, &groups)?;
        let mut transports = Vec::with_capacity(groups.len());
        for group in &groups {
            let Some(at) = group.members.first().copied() else { continue };
            let Some(transport) = remote::transport(&document, &remote, &group.members, rules)? else {
                continue;
            };
            let line = remote.media.get(at).map_or(1, |media| media.line);
            transports.push((at, self.conclude_transport(group, transport, line)?));
        }

        // Nothing fails from here on.
        if let Some(base) = &self.base {
            let mut later = core::mem::replace(&mut self.sections, base.sections.clone());
            for section in &mut self.sections {
                if let Some(at) = later.iter().position(|known| known.id == section.id) {
                    section.follow(later.remove(at));
                }
            }
            self.sections.append(&mut later);
            self.transports.clone_from(&base.transports);
        } else {
            self.base = Some(Box::new(self.snapshot()));
        }
        self.mixed = remote.mixed;
        for (number, media) in remote.media.into_iter().enumerate() {
            self.conclude(number, media);
        }
        for (group, (_, transport)) in groups.iter().zip(&transports) {
            for at in &group.members {
                let keys = self.keys(*at, &transport.remote);
                let Some(section) = self.sections.get_mut(*at).filter(|section| !section.rejected) else {
                    continue;
                };
                section.transport = Some(transport.tag);
                section.keys = keys;
            }
        }
        self.transports = transports.into_iter().map(|(_, transport)| transport).collect();
        Ok(())
    }

    /// Whether the answer is one to our offer: the same media in the same places; RFC 3264 section 6.
    fn answers(&self, remote: &Remote) -> Result<(), NegotiationError> {
        let mismatch = |line, reason| Err(NegotiationError::Mismatch { line, reason });
        if remote.media.len() != self.offered.len() {
            let line = remote.media.last().map_or(1, |media| media.line);
            return mismatch(line, "the answer has not as many media descriptions as the offer");
        }
        let named = self.config.rules == Rules::WebRtc;
        // What an answer for the time being has refused may still be taken.
        let sections = self.base.as_ref().map_or(&self.sections, |base| &base.sections);
        for (section, media) in sections.iter().zip(&remote.media) {
            if section.kind.name() != media.kind.name() {
                return mismatch(media.line, "the medium is not the one offered");
            }
            if media.rejected {
                continue;
            }
            if section.rejected && !section.stopped {
                return mismatch(media.line, "the answer takes what was offered with port 0");
            }
            if section.mid != media.mid && (named || media.named) {
                return mismatch(media.line, "a=mid is not the one offered");
            }
            let two_ports = self.takes_two_ports(media.group.is_some());
            if media.kind.is_rtp() && !remote.multiplexed(media) && !two_ports {
                return mismatch(media.line, "a=rtcp-mux is missing: RTP and RTCP share one port here");
            }
            if named && !section.stopped && !feedback_was_offered(&section.offer.codecs, media) {
                return mismatch(media.line, "a=rtcp-fb is for feedback that was not offered");
            }
        }
        Ok(())
    }

    /// Whether the answer bundles what we bundled, and leaves alone what can stand alone; RFC 9143 section 7.4.
    fn bundles(&self, remote: &Remote, groups: &[Carried]) -> Result<(), NegotiationError> {
        let mut shared = 0;
        for group in groups {
            for (place, at) in group.members.iter().enumerate() {
                let line = remote.media.get(*at).map_or(1, |media| media.line);
                let mismatch = |reason| Err(NegotiationError::Mismatch { line, reason });
                let Some(offered) = self.offered.get(*at) else { continue };
                if group.bundled && !offered.bundled {
                    return mismatch("the answer bundles what was not offered in a bundle");
                }
                let speaks = place == 0;
                let alone = matches!(offered.source, Source::Own | Source::Shared);
                // Where the section that spoke is refused, its transport may still carry the rest of the bundle: RFC 9143
                // section 7.3.1 would refuse all of it, and browsers do not.
                let agreed = matches!(offered.source, Source::Bundle | Source::BundleOnly) && group.bundled;
                if speaks && !alone && !agreed {
                    return mismatch("the answer does not bundle this with the rest: there is one transport");
                }
                shared += usize::from(speaks && (offered.source == Source::Shared || agreed));
                if shared > 1 {
                    return mismatch("the answer does not bundle this with the rest: there is one transport");
                }
            }
        }
        Ok(())
    }

    /// The transport of a section, with our part in its handshake.
    fn conclude_transport(
        &self,
        group: &Carried,
        remote: RemoteTransport,
        line: usize,
    ) -> Result<Transport, NegotiationError> {
        let mismatch = |reason| Err(NegotiationError::Mismatch { line, reason });
        let bundled = group.bundled;
        let mut members = group.members.iter().filter_map(|at| self.sections.get(*at));
        let speaker = members.clone().next();
        let tag = speaker.map_or(0, |section| section.id);
        let plain = |section: &Section| matches!(section.endpoint, Some(Endpoint::Plain(_)));
        let secure = !speaker.is_some_and(plain);
        if !secure || !remote.does_dtls() {
            return match secure {
                true if self.config.rules == Rules::Sip => {
                    mismatch("the answer has no certificate, and DTLS was offered")
                }
                _ => Ok(Transport { tag, bundled, remote, role: None }),
            };
        }
        let role = match remote.setup {
            Setup::Active => Setup::Passive,
            Setup::Passive => Setup::Active,
            Setup::ActPass | Setup::HoldConn => return mismatch("an answer's a=setup is active or passive"),
        };
        // RFC 8842 section 5.3: as long as the association goes on, so do its parts.
        let known = self.continued(members.by_ref().map(|section| section.id), bundled);
        let known = known.filter(|known| !renewed(&known.remote, &remote));
        if known.and_then(|known| known.role).is_some_and(|known| known != role) {
            return mismatch("a=setup changes the parts of an association that goes on");
        }
        Ok(Transport { tag, bundled, remote, role: Some(role) })
    }

    /// The transport that the bundle was agreed on with, if there is one.
    fn bundle_tag(&self) -> Option<u32> {
        let alive = |id: u32| self.sections.iter().any(|section| section.id == id && !section.rejected);
        let shared = |tag: u32| {
            self.sections.iter().filter(move |section| !section.rejected && section.transport == Some(tag))
        };
        let main = self.transports.iter().find(|transport| transport.bundled)?;
        match alive(main.tag) {
            true => Some(main.tag),
            // Another of the bundle speaks where the one that did has ended.
            false => shared(main.tag).next().map(|_| main.tag),
        }
    }

    /// Keys in the description that a section has agreed on.
    fn keys(&self, at: usize, remote: &RemoteTransport) -> Option<(String, String)> {
        match Local::of(self.sections.get(at)?.endpoint.as_ref()?) {
            Local::Plain(plain) => sdes::answered(remote, &plain.keys),
            Local::Secure(_) => None,
        }
    }

    /// Gives all codecs and extensions numbers that the bundle has not used for something else: those agreed on keep
    /// theirs and come first, the rest of what we can do is offered again.
    fn number(&mut self) {
        let mut numbers = Numbers::of(&self.sections, core::mem::take(&mut self.numbers));
        for number in 0..self.sections.len() {
            let Some(section) = self.sections.get(number).filter(|section| !section.rejected) else {
                continue;
            };
            let own = self.capabilities(&section.kind);
            let offer = own.map(|own| numbers.offer(own, section)).unwrap_or_default();
            if let Some(section) = self.sections.get_mut(number) {
                section.offer = offer;
            }
        }
        self.numbers = numbers.into_history();
    }

    /// What the answer makes of a section.
    fn conclude(&mut self, number: usize, media: RemoteMedia) {
        let hold = self.config.rules == Rules::Sip && media.on_hold;
        let most = self.config.simulcast_streams;
        let Some(section) = self.sections.get_mut(number) else { return };
        let codecs = common_codecs(&section.offer.codecs, &media.codecs);
        let extensions = common_extensions(&section.offer.extensions, &media.extensions);
        let useless = section.kind.is_rtp() && !codecs.iter().any(Codec::is_primary);
        let dead = section.kind == super::Kind::Data && media.sctp_port.unwrap_or(0) == 0;
        // RFC 3264 section 8.4: there is nowhere to send to.
        let theirs = if hold { media.direction.and(Direction::SendOnly) } else { media.direction };
        let direction = section.offered().and(theirs.reversed());
        section.rejected |= media.rejected || useless || dead;
        section.direction = if section.rejected { Direction::Inactive } else { direction };
        if !section.rejected {
            (section.codecs, section.extensions) = (codecs, extensions);
            section.sending = simulcast::sent(&media, &section.encodings, true);
            section.sending.truncate(if direction.sends() { most } else { 0 });
            section.rtcp_mux = media.rtcp_mux || media.group.is_some();
        } else {
            section.transport = None;
        }
        section.remote = Some(media);
    }
}

/// Whether the answer asks only for feedback that the offer had for the same codec; RFC 9429 section 5.11.
fn feedback_was_offered(offered: &[Codec], media: &RemoteMedia) -> bool {
    let known = |codec: &&Codec| offered.iter().find(|own| own.payload_type == codec.payload_type);
    media.codecs.iter().all(|codec| {
        known(&codec).is_none_or(|own| codec.feedback.iter().all(|feedback| own.feedback.contains(feedback)))
    })
}
