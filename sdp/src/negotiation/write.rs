//! Writing a description; RFC 9429 sections 5.2.1 and 5.3.1.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::codec::{Codec, HeaderExtension};
use super::place::{Layout, Local, Place, Source};
use super::{Encoding, Kind, LocalTransport, NegotiationError, Negotiator, Rules, Section, sdes, simulcast};
use crate::attribute::{
    Attribute, Candidate, Extmap, Fmtp, MaxMessageSize, Mid, Msid, RtcpFeedback, RtpMap, SctpPort, Simulcast,
    Ssrc,
};
use crate::writer::Writer;

impl Negotiator {
    /// The description of what holds now: an offer with `actpass`, an answer with the part chosen.
    pub(super) fn describe(&self, layout: &Layout<'_>, answering: bool) -> Result<String, NegotiationError> {
        let mut out = Writer::new();
        self.head(&mut out, layout, answering);
        for (section, place) in self.sections.iter().zip(&layout.places) {
            self.media_line(&mut out, section, place, answering);
            let named = section.remote.as_ref().is_none_or(|remote| remote.named);
            if named && (answering || self.config.rules == Rules::WebRtc) {
                out.attribute("mid", Mid(&section.mid));
            }
            if section.rejected {
                out.flag("inactive");
                continue;
            }
            if place.source == Source::BundleOnly {
                out.flag("bundle-only");
            }
            if place.speaks {
                self.transport(&mut out, section, place, answering);
            }
            self.media(&mut out, section, place, answering);
        }
        Ok(out.finish()?)
    }

    /// A description is on its way: it has a version, and its streams keep their names.
    pub(super) fn described(&mut self) {
        self.version += 1;
        for section in self.sections.iter_mut().filter(|section| !section.rejected && section.msid.is_none())
        {
            let track = section.track.as_ref().filter(|_| section.wanted.sends());
            section.msid = track.map(|track| (track.stream.clone(), track.track.clone()));
        }
    }

    /// What is said for all sections.
    fn head(&self, out: &mut Writer, layout: &Layout<'_>, answering: bool) {
        let secure = |place: &Place<'_>| matches!(place.transport, Some(Local::Secure(_)));
        let secure = layout.places.iter().any(secure) || self.config.rules == Rules::WebRtc;
        let plain = layout.places.iter().find_map(|place| match place.transport {
            Some(Local::Plain(plain)) => Some(plain.address),
            _ => None,
        });
        // The address says nothing here that ICE does not say better; RFC 9429 section 5.2.1.
        let origin = plain.map_or_else(|| "IN IP4 127.0.0.1".into(), address);
        out.line('v', 0);
        out.line('o', format_args!("- {} {} {origin}", self.config.session_id, self.version + 1));
        let timing = if answering { self.open.timing.as_str() } else { "0 0" };
        out.line('s', '-').line('t', timing);
        for bundle in &layout.bundles {
            out.attribute("group", format_args!("BUNDLE {}", bundle.join(" ")));
        }
        for group in self.lip_sync(answering) {
            out.attribute("group", format_args!("LS {}", group.join(" ")));
        }
        if self.config.rules == Rules::WebRtc && (!answering || self.mixed) {
            out.flag("extmap-allow-mixed");
        }
        if secure {
            out.attribute("ice-options", "trickle ice2");
            if self.config.ice_lite {
                out.flag("ice-lite");
            }
        }
        if self.config.rules == Rules::WebRtc {
            out.attribute("msid-semantic", "WMS *");
        }
        // Sections that only share a transport say nothing of it (RFC 9143 section 7.1.3), and Chromium takes no more than
        // one such section unless the certificate is said for all.
        let sharing = layout.places.iter().find_map(|place| match (place.source, place.transport) {
            (Source::Bundle | Source::BundleOnly, Some(Local::Secure(transport))) => Some(transport),
            _ => None,
        });
        if let Some(transport) = sharing.filter(|_| !answering) {
            out.attribute("fingerprint", &transport.fingerprint);
        }
    }

    /// Sections that send tracks of one stream; an answer groups them only where the offer did. RFC 9429 sections 5.2.1
    /// and 5.3.1.
    fn lip_sync(&self, answering: bool) -> Vec<Vec<&str>> {
        let sends = |section: &&Section| {
            let direction = if answering { section.direction } else { section.offered() };
            !section.rejected && direction.sends() && section.kind.is_rtp()
        };
        // By the names that were said first, which stay.
        let stream = |section: &'_ Section| match (&section.msid, &section.track) {
            (Some((stream, _)), Some(_)) => Some(stream.clone()),
            (_, track) => track.as_ref().map(|track| track.stream.clone()),
        };
        let mut groups: Vec<(Option<String>, usize, Vec<&str>)> = Vec::new();
        for (at, section) in self.sections.iter().enumerate().filter(|(_, section)| sends(section)) {
            let Some(stream) = stream(section).filter(|stream| stream != "-") else { continue };
            let offered = self.open.lip_sync.iter().position(|group| group.contains(&at));
            if answering && offered.is_none() {
                continue;
            }
            let key = (Some(stream), offered.unwrap_or(0));
            let known = groups.iter().position(|(known, group, _)| (known, *group) == (&key.0, key.1));
            if let Some((_, _, mids)) = known.and_then(|known| groups.get_mut(known)) {
                mids.push(&section.mid);
            } else if groups.len() < 64 {
                groups.push((key.0, key.1, alloc::vec![section.mid.as_str()]));
            }
        }
        groups.into_iter().map(|(_, _, mids)| mids).filter(|mids| mids.len() > 1).collect()
    }

    fn media_line(&self, out: &mut Writer, section: &Section, place: &Place<'_>, answering: bool) {
        let (port, connection) = match place.transport {
            _ if section.rejected => (0, "IN IP4 0.0.0.0".into()),
            None => (0, "IN IP4 0.0.0.0".into()),
            Some(_) if place.source == Source::BundleOnly => (0, "IN IP4 0.0.0.0".into()),
            Some(Local::Secure(transport)) => default_address(transport, 1),
            Some(Local::Plain(plain)) => (plain.port, address(plain.address)),
        };
        let kind = section.kind.name();
        let remote = section.remote.as_ref();
        let offer = self.protocol(section, place);
        // An answer repeats what was offered, and so does what is refused; RFC 9429 section 5.1.2 has offers use the
        // right names whatever was used before.
        let repeat = answering || section.rejected;
        let protocol = remote.filter(|_| repeat).map_or(offer, |remote| remote.protocol.as_str());
        let formats = match (&section.kind, self.codecs(section, answering), remote) {
            (Kind::Data, _, Some(remote)) if repeat => remote.formats.clone(),
            (Kind::Data, ..) => "webrtc-datachannel".into(),
            // What is refused repeats what was offered.
            (_, _, Some(remote)) if section.rejected => remote.formats.clone(),
            (_, [], Some(remote)) => remote.formats.clone(),
            (_, [], None) => "0".into(),
            (_, codecs, _) => {
                let formats: Vec<String> =
                    codecs.iter().map(|codec| codec.payload_type.to_string()).collect();
                formats.join(" ")
            }
        };
        out.line('m', format_args!("{kind} {port} {protocol} {formats}")).line('c', connection);
    }

    /// What an offer calls the protocol.
    fn protocol(&self, section: &Section, place: &Place<'_>) -> &'static str {
        let feedback = section.offer.codecs.iter().any(|codec| !codec.feedback.is_empty());
        match (&section.kind, place.transport) {
            (Kind::Data, _) => "UDP/DTLS/SCTP",
            (_, Some(Local::Plain(plain))) => match (plain.keys.is_empty(), feedback) {
                (true, false) => "RTP/AVP",
                (true, true) => "RTP/AVPF",
                (false, false) => "RTP/SAVP",
                (false, true) => "RTP/SAVPF",
            },
            _ => "UDP/TLS/RTP/SAVPF",
        }
    }

    fn transport(&self, out: &mut Writer, section: &Section, place: &Place<'_>, answering: bool) {
        match place.transport {
            Some(Local::Secure(transport)) => {
                let two_ports = section.kind.is_rtp() && self.takes_two_ports(place.source == Source::Bundle);
                let muxed = if answering || section.remote.is_some() { section.rtcp_mux } else { false };
                let tls_id = self.tls_id(section, answering);
                secure_transport(out, transport, place, two_ports && !muxed, tls_id);
            }
            Some(Local::Plain(plain)) => {
                if let Some((own, _)) = section.keys.as_ref().filter(|_| answering) {
                    out.attribute("crypto", own);
                } else if !answering {
                    sdes::offered(&plain.keys).for_each(|key| {
                        out.attribute("crypto", key);
                    });
                }
                if plain
                    .rtcp_port
                    .is_some_and(|port| port != plain.port && port.checked_sub(1) != Some(plain.port))
                {
                    out.attribute("rtcp", plain.rtcp_port.unwrap_or_default());
                }
            }
            None => {}
        }
    }

    /// An answer names its association only where the offer does; RFC 8842 section 5.3.
    fn tls_id(&self, section: &Section, answering: bool) -> Option<&str> {
        let group = self.open.groups.iter().find(|group| group.members.contains(&section.id));
        let named = !answering || group.is_some_and(|group| group.remote.tls_id.is_some());
        self.config.tls_id.as_deref().filter(|_| named)
    }

    fn media(&self, out: &mut Writer, section: &Section, place: &Place<'_>, answering: bool) {
        let remote = section.remote.as_ref();
        if section.kind == Kind::Data {
            match remote.filter(|remote| {
                answering && remote.protocol == "DTLS/SCTP" && remote.formats != "webrtc-datachannel"
            }) {
                // The older way is answered in its words.
                Some(remote) => {
                    out.attribute("sctpmap", format_args!("{} webrtc-datachannel 1024", remote.formats))
                }
                None => out.attribute("sctp-port", SctpPort(self.config.sctp_port)),
            };
            out.attribute("max-message-size", MaxMessageSize(self.config.max_message_size.unwrap_or(65_536)));
            return;
        }
        for HeaderExtension { id, uri } in self.extensions(section, answering) {
            // One that goes one way is answered with the same way, seen from here; RFC 8285 section 6.
            let one_way = remote.iter().filter(|_| answering).flat_map(|remote| &remote.one_way);
            let direction = one_way.copied().find(|(known, _)| known == id).map(|(_, way)| way.reversed());
            out.attribute("extmap", Extmap { id: (*id).into(), direction, uri, attributes: "" });
        }
        out.flag((if answering { section.direction } else { section.offered() }).name());
        self.multiplexing(out, section, place, answering);
        if let Some(ptime) = self.config.ptime.filter(|ptime| section.kind == Kind::Audio && *ptime > 0) {
            out.attribute("ptime", ptime);
        }
        for codec in self.codecs(section, answering) {
            write_codec(out, codec);
        }
        self.encodings(out, section, answering);
        if self.config.rules == Rules::WebRtc {
            self.sources(out, section);
        }
    }

    /// RTCP on RTP's port, and in short packets: said in every section, since Chromium refuses a bundle otherwise, even its
    /// own answer to a `bundle-only` section, although RFC 9143 section 7.1.3 would have the first one speak for all.
    fn multiplexing(&self, out: &mut Writer, section: &Section, place: &Place<'_>, answering: bool) {
        let remote = section.remote.as_ref();
        let plain = match place.transport {
            Some(Local::Plain(plain)) => Some(plain.rtcp_port == Some(plain.port)),
            _ => None,
        };
        let agreed = remote.is_none_or(|_| section.rtcp_mux);
        let offered = !answering || section.rtcp_mux;
        if plain.unwrap_or(true) && agreed && offered {
            out.flag("rtcp-mux");
            // RFC 9143 section 9.3.1.2: who insists on it is answered in kind.
            if answering && remote.is_some_and(|remote| remote.rtcp_mux_only) {
                out.flag("rtcp-mux-only");
            }
        }
        let reduced = remote.map_or(self.config.rules == Rules::WebRtc, |remote| remote.reduced_size_rtcp);
        if reduced {
            out.flag("rtcp-rsize");
        }
    }

    /// Encodings: ours that we offer or that both want, and the other side's that we take.
    fn encodings(&self, out: &mut Writer, section: &Section, answering: bool) {
        let own: &[Encoding] = if answering { &section.sending } else { &section.encodings };
        let sends = if answering { section.direction.sends() } else { section.offered().sends() };
        let own = if sends { own } else { &[] };
        let receives = if answering { section.direction.receives() } else { section.offered().receives() };
        let most = if receives { self.config.simulcast_streams } else { 0 };
        // An offer of ours goes on taking what was taken before; RFC 9429 section 5.2.2.
        let taken = section.remote.as_ref();
        let taken =
            taken.map(|remote| simulcast::received(remote, &section.codecs, most)).unwrap_or_default();
        // A name means one encoding of the section, whoever sends it; RFC 8851 section 4.
        let own: Vec<&Encoding> =
            own.iter().filter(|own| taken.iter().all(|rid| rid.id != own.rid)).collect();
        for encoding in &own {
            out.attribute("rid", encoding.line("send"));
        }
        for rid in &taken {
            let (restrictions, id) = (rid.answered(&section.codecs), &rid.id);
            match restrictions.as_str() {
                "" => out.attribute("rid", format_args!("{id} recv")),
                _ => out.attribute("rid", format_args!("{id} recv {restrictions}")),
            };
        }
        // RFC 8853 section 5.3.2: who cannot be asked to pause is told of no pause.
        let pausable =
            |codec: &Codec| codec.feedback.iter().any(|feedback| feedback.starts_with("ccm pause"));
        let mut primary =
            self.codecs(section, answering).iter().filter(|codec| codec.is_primary()).peekable();
        let pausable = primary.peek().is_some() && primary.all(pausable);
        let listed: Vec<String> = own
            .iter()
            .map(|encoding| format!("{}{}", if encoding.paused && pausable { "~" } else { "" }, encoding.rid))
            .collect();
        let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
        let taken: Vec<&str> = taken.iter().map(|rid| rid.id.as_str()).collect();
        if let Ok(value) = Simulcast::text(&listed, &taken) {
            out.attribute("simulcast", value);
        }
    }

    fn sources(&self, out: &mut Writer, section: &Section) {
        let Some(track) = section.track.as_ref().filter(|_| section.wanted.sends()) else { return };
        // What was said of the stream stays, whatever is sent on it; RFC 9429 section 5.2.2.
        let (stream, name) =
            section.msid.as_ref().map_or((&track.stream, &track.track), |(stream, name)| (stream, name));
        out.attribute("msid", Msid { stream, track: Some(name) });
        // Encodings have names, and sources that nobody needs to know beforehand.
        if section.encodings.is_empty() {
            out.attribute("ssrc", Ssrc { ssrc: track.ssrc, attribute: "cname", value: &self.config.cname });
        }
    }

    /// What was agreed on, or what we offer.
    fn codecs<'s>(&'s self, section: &'s Section, answering: bool) -> &'s [Codec] {
        if answering { &section.codecs } else { &section.offer.codecs }
    }

    fn extensions<'s>(&'s self, section: &'s Section, answering: bool) -> &'s [HeaderExtension] {
        if answering { &section.extensions } else { &section.offer.extensions }
    }
}

impl Encoding {
    /// The value of `a=rid`.
    pub(super) fn line(&self, direction: &str) -> String {
        match self.restrictions.as_str() {
            "" => format!("{} {direction}", self.rid),
            restrictions => format!("{} {direction} {restrictions}", self.rid),
        }
    }
}

/// The value of `c=` for an address.
fn address(address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
    format!("IN {kind} {address}")
}

/// The port and the value of `c=` that a side without ICE would use: of the candidates that go over UDP the relayed one,
/// else the one seen from outside, else our own. Names do not count, and where nothing is there yet port 9 stands for it;
/// RFC 8839 section 4.2.1.2.
fn default_address(transport: &LocalTransport, component: u16) -> (u16, String) {
    let candidates = transport.candidates.iter().filter_map(|text| Candidate::parse(text).ok());
    let usable = candidates.filter(|candidate| {
        candidate.component == component && candidate.transport.eq_ignore_ascii_case("udp")
    });
    let rank = |kind: &str| ["relay", "srflx", "host"].iter().position(|known| *known == kind).unwrap_or(3);
    let parsed = usable.filter_map(|candidate| {
        Some((rank(candidate.kind), candidate.port, candidate.address.parse::<IpAddr>().ok()?))
    });
    match parsed.min_by_key(|(rank, ..)| *rank) {
        Some((_, port, host)) => (port, address(host)),
        None => (9, "IN IP4 0.0.0.0".into()),
    }
}

fn secure_transport(
    out: &mut Writer,
    transport: &LocalTransport,
    place: &Place<'_>,
    rtcp: bool,
    tls_id: Option<&str>,
) {
    if rtcp {
        let (port, connection) = default_address(transport, 2);
        out.attribute("rtcp", format_args!("{port} {connection}"));
    }
    out.attribute("ice-ufrag", &transport.ufrag).attribute("ice-pwd", &transport.password);
    out.attribute("fingerprint", &transport.fingerprint).attribute("setup", place.setup);
    if let Some(tls_id) = tls_id {
        out.attribute("tls-id", tls_id);
    }
    for candidate in &transport.candidates {
        out.attribute("candidate", candidate);
    }
    if transport.end_of_candidates {
        out.flag("end-of-candidates");
    }
}

fn write_codec(out: &mut Writer, codec: &Codec) {
    let Codec { payload_type, name, clock_rate, channels, parameters, feedback } = codec;
    let map =
        RtpMap { payload_type: *payload_type, encoding: name, clock_rate: *clock_rate, channels: *channels };
    out.attribute("rtpmap", map);
    for feedback in feedback {
        out.attribute("rtcp-fb", RtcpFeedback { payload_type: Some(*payload_type), feedback });
    }
    if !parameters.is_empty() {
        let format = format!("{payload_type}");
        out.attribute("fmtp", Fmtp { format: &format, parameters });
    }
}
