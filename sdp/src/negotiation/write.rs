//! Writing a description; RFC 9429 sections 5.2.1 and 5.3.1.

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::{Codec, HeaderExtension};
use super::{Kind, LocalTransport, NegotiationError, Negotiator, Section, State};
use crate::attribute::{
    Extmap, Fmtp, MaxMessageSize, Mid, Msid, RtcpFeedback, RtpMap, SctpPort, Setup, Ssrc,
};
use crate::writer::Writer;

impl Negotiator {
    /// The description of what holds now: an offer with `actpass`, an answer with the part chosen.
    pub(super) fn describe(
        &mut self,
        transport: &LocalTransport,
        setup: Setup,
    ) -> Result<String, NegotiationError> {
        let mut out = Writer::new();
        self.version += 1;
        out.line('v', 0);
        out.line('o', format_args!("- {} {} IN IP4 127.0.0.1", self.config.session_id, self.version));
        out.line('s', '-').line('t', "0 0");
        let answering = self.state == State::HaveRemoteOffer;
        let bundle = self.bundled();
        if !bundle.is_empty() {
            out.attribute("group", format_args!("BUNDLE {}", bundle.join(" ")));
        }
        if !answering || self.mixed {
            out.flag("extmap-allow-mixed");
        }
        out.attribute("ice-options", "trickle").attribute("msid-semantic", "WMS *");
        // The bundle's first section speaks for all; RFC 9143 section 7.1.3.
        let first = self.sections.iter().position(|section| match bundle.first() {
            Some(mid) => section.mid == *mid,
            None => !section.rejected,
        });
        for (number, section) in self.sections.iter().enumerate() {
            // In an offer each speaks for itself too, in case that the bundle is declined.
            let with_transport = !section.rejected && (!answering || Some(number) == first);
            self.media_line(&mut out, section);
            if !answering || section.remote.as_ref().is_none_or(|remote| remote.named) {
                out.attribute("mid", Mid(&section.mid));
            }
            if section.rejected {
                out.flag("inactive");
                continue;
            }
            if with_transport {
                write_transport(&mut out, transport, setup, Some(number) == first);
            }
            self.media(&mut out, section);
        }
        Ok(out.finish()?)
    }

    /// The names of the sections that share the transport, the one that speaks for them first.
    fn bundled(&self) -> Vec<&str> {
        let kept = |mid: &str| self.sections.iter().any(|section| section.mid == mid && !section.rejected);
        match (&self.bundle, self.state) {
            (Some(bundle), State::HaveRemoteOffer) => {
                bundle.iter().map(String::as_str).filter(|mid| kept(mid)).collect()
            }
            (None, State::HaveRemoteOffer) => Vec::new(),
            _ => self
                .sections
                .iter()
                .filter(|section| !section.rejected)
                .map(|section| section.mid.as_str())
                .collect(),
        }
    }

    fn media_line(&self, out: &mut Writer, section: &Section) {
        let port = if section.rejected { 0 } else { 9 };
        let kind = section.kind.name();
        let remote = section.remote.as_ref();
        let protocol = remote.map_or(
            if section.kind == Kind::Data { "UDP/DTLS/SCTP" } else { "UDP/TLS/RTP/SAVPF" },
            |remote| remote.protocol.as_str(),
        );
        let codecs = self.codecs(section);
        match (&section.kind, codecs, remote) {
            (Kind::Data, _, _) => out.line('m', format_args!("{kind} {port} {protocol} webrtc-datachannel")),
            // What is refused repeats what was offered.
            (_, [], Some(remote)) => {
                out.line('m', format_args!("{kind} {port} {protocol} {}", remote.formats))
            }
            (_, [], None) => out.line('m', format_args!("{kind} {port} {protocol} 0")),
            (_, codecs, _) => {
                let formats: Vec<String> =
                    codecs.iter().map(|codec| alloc::format!("{}", codec.payload_type)).collect();
                out.line('m', format_args!("{kind} {port} {protocol} {}", formats.join(" ")))
            }
        };
        out.line('c', "IN IP4 0.0.0.0");
    }

    fn media(&self, out: &mut Writer, section: &Section) {
        if section.kind == Kind::Data {
            out.attribute("sctp-port", SctpPort(5000));
            out.attribute("max-message-size", MaxMessageSize(self.config.max_message_size.unwrap_or(65_536)));
            return;
        }
        let answering = self.state == State::HaveRemoteOffer;
        for HeaderExtension { id, uri } in self.extensions(section) {
            // One that goes one way is answered with the same way, seen from here; RFC 8285 section 6.
            let one_way = section.remote.iter().filter(|_| answering).flat_map(|remote| &remote.one_way);
            let direction = one_way.copied().find(|(known, _)| known == id).map(|(_, way)| way.reversed());
            out.attribute("extmap", Extmap { id: (*id).into(), direction, uri, attributes: "" });
        }
        out.flag(&alloc::format!("{}", if answering { section.direction } else { section.offered() }));
        out.flag("rtcp-mux");
        if section.remote.as_ref().is_none_or(|remote| remote.reduced_size_rtcp) {
            out.flag("rtcp-rsize");
        }
        for codec in self.codecs(section) {
            write_codec(out, codec);
        }
        if let Some(track) = section.track.as_ref().filter(|_| section.wanted.sends()) {
            out.attribute("msid", Msid { stream: &track.stream, track: Some(&track.track) });
            out.attribute("ssrc", Ssrc { ssrc: track.ssrc, attribute: "cname", value: &self.config.cname });
        }
    }

    /// What was agreed on; what we offer, before that.
    fn codecs<'s>(&'s self, section: &'s Section) -> &'s [Codec] {
        if section.remote.is_none() { &section.offer.codecs } else { &section.codecs }
    }

    fn extensions<'s>(&'s self, section: &'s Section) -> &'s [HeaderExtension] {
        if section.remote.is_none() { &section.offer.extensions } else { &section.extensions }
    }
}

fn write_transport(out: &mut Writer, transport: &LocalTransport, setup: Setup, tagged: bool) {
    out.attribute("ice-ufrag", &transport.ufrag).attribute("ice-pwd", &transport.password);
    out.attribute("fingerprint", &transport.fingerprint).attribute("setup", setup);
    // Candidates belong to the transport, so they are said once.
    if tagged {
        for candidate in &transport.candidates {
            out.attribute("candidate", candidate);
        }
        if transport.end_of_candidates {
            out.flag("end-of-candidates");
        }
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
        let format = alloc::format!("{payload_type}");
        out.attribute("fmtp", Fmtp { format: &format, parameters });
    }
}
