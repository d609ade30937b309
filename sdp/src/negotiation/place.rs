//! Which section gets which transport: bundles, sections on their own, and who speaks for whom; RFC 9143 section 7.

use alloc::string::String;
use alloc::vec::Vec;

use super::config::Rules;
use super::remote::{Remote, RemoteTransport};
use super::{
    BundlePolicy, Endpoint, Kind, LocalTransport, NegotiationError, Negotiator, RtcpMuxPolicy, Section,
};
use crate::attribute::Setup;

/// What the open offer of ours said of a section's transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offered {
    /// It is in the bundle.
    pub(super) bundled: bool,
    /// Whose transport it named.
    pub(super) source: Source,
}

/// Where a section's transport comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It is refused.
    None,
    /// The one that all may share.
    Shared,
    /// Its own.
    Own,
    /// That of the section that speaks for the bundle.
    Bundle,
    /// That of the bundle or none at all: `bundle-only`.
    BundleOnly,
}

/// The other side's open offer.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    /// The groups that we can do, the main one first.
    pub(super) groups: Vec<OpenGroup>,
    /// Sections to be played in step.
    pub(super) lip_sync: Vec<Vec<usize>>,
    /// The value of its `t=`.
    pub(super) timing: String,
}

/// Sections of an offer that share a transport.
#[derive(Debug, Clone)]
pub(super) struct OpenGroup {
    /// The [`Section::id`] of the section that speaks.
    pub(super) tag: u32,
    /// All, the one that speaks first.
    pub(super) members: Vec<u32>,
    /// They are a bundle, even if of one.
    pub(super) bundled: bool,
    pub(super) remote: RemoteTransport,
}

/// Sections of a description that share a transport, by their places.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    /// The one that speaks first.
    pub(super) members: Vec<usize>,
    pub(super) bundled: bool,
}

/// Where the sections of a description that is being made get their transports, and what the bundles are.
pub(super) struct Layout<'t> {
    pub(super) places: Vec<Place<'t>>,
    /// The names in each bundle, the one that speaks first.
    pub(super) bundles: Vec<Vec<String>>,
}

/// One section's.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    /// The transport whose address stands in its `m=` line.
    pub(super) transport: Option<Local<'t>>,
    /// It writes that transport's attributes.
    pub(super) speaks: bool,
    pub(super) source: Source,
    /// What `a=setup` says.
    pub(super) setup: Setup,
}

/// A transport of ours.
#[derive(Clone, Copy)]
pub(super) enum Local<'t> {
    Secure(&'t LocalTransport),
    Plain(&'t super::PlainTransport),
}

impl<'t> Local<'t> {
    pub(super) fn of(endpoint: &'t Endpoint) -> Self {
        match endpoint {
            Endpoint::Secure(transport) => Self::Secure(transport),
            Endpoint::Plain(transport) => Self::Plain(transport),
        }
    }
}

/// The sections that can share transports: bundles of which we can do something, in their order, then the rest alone. In
/// each the first speaks for all, and was offered with an address of its own where one was; RFC 9143 section 7.3.1.
pub(super) fn carried(remote: &Remote, possible: &[bool], policy: BundlePolicy) -> Vec<Carried> {
    let able = |number: &usize| possible.get(*number) == Some(&true);
    let mut groups: Vec<Carried> = Vec::new();
    for group in &remote.groups {
        let mut members: Vec<usize> = group.iter().copied().filter(able).collect();
        let addressed = |number: &usize| remote.media.get(*number).is_some_and(|media| !media.bundle_only);
        if let Some(at) = members.iter().position(addressed) {
            members[..=at].rotate_right(1);
        }
        groups.push(Carried { members, bundled: true });
    }
    let alone =
        remote.media.iter().enumerate().filter(|(number, media)| media.group.is_none() && able(number));
    groups.extend(alone.map(|(number, _)| Carried { members: alloc::vec![number], bundled: false }));
    groups.retain(|group| !group.members.is_empty());
    if policy == BundlePolicy::MaxBundle {
        groups.truncate(1);
    }
    groups
}

impl Negotiator {
    /// Whether RTP without RTCP on the same port will do.
    pub(super) fn takes_two_ports(&self, bundled: bool) -> bool {
        !bundled && (self.config.rtcp_mux == RtcpMuxPolicy::Negotiate || self.config.rules == Rules::Sip)
    }

    /// The layout of an offer.
    ///
    /// # Errors
    /// A section has no transport.
    pub(super) fn lay_offer<'t>(
        sections: &'t [Section],
        shared: Option<&'t LocalTransport>,
        rules: Rules,
        policy: BundlePolicy,
        agreed: Option<u32>,
    ) -> Result<Layout<'t>, NegotiationError> {
        let alive = |section: &&Section| !section.rejected;
        let shared = shared.map(Local::Secure);
        let own = |section: &'t Section| section.endpoint.as_ref().map(Local::of);
        let bundling = rules == Rules::WebRtc;
        // A section that was agreed on outside the bundle stays outside, if it has a transport of its own.
        let apart = |section: &Section| {
            let agreed_apart = section.transport.is_some() && section.transport != agreed;
            section.remote.is_some() && agreed_apart && section.endpoint.is_some()
        };
        let main = sections.iter().find(|section| alive(section) && agreed == Some(section.id));
        let main = main.or_else(|| sections.iter().find(|section| alive(section) && !apart(section)));
        let subsequent = agreed.is_some();
        let (mut places, mut bundle) = (Vec::with_capacity(sections.len()), Vec::new());
        let mut kinds: Vec<&Kind> = Vec::new();
        for section in sections {
            let refused =
                Place { transport: None, speaks: false, source: Source::None, setup: Setup::ActPass };
            if section.rejected {
                places.push(refused);
                continue;
            }
            let speaker = main.is_some_and(|main| main.id == section.id);
            let first = !kinds.contains(&&section.kind);
            kinds.push(&section.kind);
            let missing = NegotiationError::Endpoint { section: section.id };
            let main_transport = main.and_then(own).or(shared);
            let (source, transport) = match own(section) {
                _ if !bundling || apart(section) => (Source::Own, own(section).or(shared)),
                Some(own) if speaker => (Source::Own, Some(own)),
                None if speaker => (Source::Shared, shared),
                _ if subsequent => (Source::Bundle, main_transport),
                Some(own) if policy == BundlePolicy::MaxCompat => (Source::Own, Some(own)),
                Some(own) if policy == BundlePolicy::Balanced && first => (Source::Own, Some(own)),
                None if policy == BundlePolicy::MaxCompat => (Source::Shared, shared),
                _ => (Source::BundleOnly, main_transport),
            };
            let speaks = matches!(source, Source::Own | Source::Shared);
            if bundling && !apart(section) {
                bundle.insert(if speaker { 0 } else { bundle.len() }, section.mid.clone());
            }
            let transport = Some(transport.ok_or(missing)?);
            places.push(Place { transport, speaks, source, ..refused });
        }
        let bundles = if bundle.is_empty() { Vec::new() } else { alloc::vec![bundle] };
        Ok(Layout { places, bundles })
    }

    /// The layout of an answer. Groups for which there is no transport are refused: their members are in the second part.
    pub(super) fn lay_answer<'t>(&'t self, shared: Option<&'t LocalTransport>) -> (Layout<'t>, Vec<u32>) {
        let refused = Place { transport: None, speaks: false, source: Source::None, setup: Setup::Active };
        let mut layout = Layout { places: alloc::vec![refused; self.sections.len()], bundles: Vec::new() };
        let mut shared = shared.map(Local::Secure);
        let mut without = Vec::new();
        for group in &self.open.groups {
            let place =
                |id: u32| self.sections.iter().position(|section| section.id == id && !section.rejected);
            let members: Vec<usize> = group.members.iter().filter_map(|id| place(*id)).collect();
            let own = members.iter().find_map(|at| self.sections.get(*at)?.endpoint.as_ref()).map(Local::of);
            let protocols = members.iter().filter_map(|at| self.sections.get(*at)?.remote.as_ref());
            let fits = |local: &Local<'_>| self.fits(*local, &group.remote, protocols.clone());
            let local = own.filter(&fits).or_else(|| shared.take_if(|local| fits(local)));
            let Some(local) = local else {
                without.extend_from_slice(&group.members);
                continue;
            };
            let setup = self.part(group);
            for (number, at) in members.iter().enumerate() {
                let source = if own.is_some() { Source::Own } else { Source::Shared };
                if let Some(place) = layout.places.get_mut(*at) {
                    *place = Place { transport: Some(local), speaks: number == 0, source, setup };
                }
            }
            if group.bundled && !members.is_empty() {
                let mids = members.iter().filter_map(|at| Some(self.sections.get(*at)?.mid.clone()));
                layout.bundles.push(mids.collect());
            }
        }
        (layout, without)
    }

    /// Whether a transport of ours can talk to the other side's: ICE and DTLS at both ends, or at neither.
    fn fits<'m>(
        &self,
        local: Local<'_>,
        remote: &RemoteTransport,
        mut media: impl Iterator<Item = &'m super::RemoteMedia>,
    ) -> bool {
        match local {
            Local::Secure(_) => remote.does_ice() && remote.does_dtls(),
            // RFC 4568: RTP/SAVP without a certificate wants keys in the description.
            Local::Plain(plain) => media.all(|media| match media.protocol.as_str() {
                "RTP/SAVP" | "RTP/SAVPF" => super::sdes::choose(remote, &plain.keys).is_some(),
                "RTP/AVP" | "RTP/AVPF" => true,
                _ => false,
            }),
        }
    }

    /// Our part in the handshake: the answerer chooses where the offer lets it, and a part once chosen is kept as long as
    /// the association is; RFC 8842 section 5.3.
    fn part(&self, group: &OpenGroup) -> Setup {
        let before = self.continued(group.members.iter().copied(), group.bundled);
        let before = before.filter(|known| !super::renewed(&known.remote, &group.remote));
        match group.remote.setup {
            Setup::Active => Setup::Passive,
            Setup::Passive => Setup::Active,
            _ => before.and_then(|known| known.role).unwrap_or(Setup::Active),
        }
    }
}
