//! Writing a description; RFC 9429 sections 5.2.1 and 5.3.1.

use alloc::string::String;

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
        let bundle = self.bundle();
        if !bundle.is_empty() {
            out.attribute("group", format_args!("BUNDLE {}", bundle.join(" ")));
        }
        out.flag("extmap-allow-mixed")
            .attribute("ice-options", "trickle")
            .attribute("msid-semantic", "WMS *");
        let tagged = self.sections.iter().position(|section| !section.rejected);
        for (number, section) in self.sections.iter().enumerate() {
            // In an answer the first section speaks for the whole bundle; RFC 9143 section 7.3.
            let with_transport = !section.rejected && (setup == Setup::ActPass || Some(number) == tagged);
            self.media_line(&mut out, section);
            if section.rejected {
                out.attribute("mid", Mid(&section.mid)).flag("inactive");
                continue;
            }
            out.attribute("mid", Mid(&section.mid));
            if with_transport {
                write_transport(&mut out, transport, setup, Some(number) == tagged);
            }
            self.media(&mut out, section);
        }
        Ok(out.finish()?)
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
                let formats: alloc::vec::Vec<String> =
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
        for HeaderExtension { id, uri } in self.extensions(section) {
            let map = Extmap { id: (*id).into(), direction: None, uri, attributes: "" };
            out.attribute("extmap", map);
        }
        let answering = self.state == State::HaveRemoteOffer;
        out.flag(&alloc::format!("{}", if answering { section.direction } else { section.offered() }));
        out.flag("rtcp-mux").flag("rtcp-rsize");
        for codec in self.codecs(section) {
            write_codec(out, codec);
        }
        if let Some(track) = section.track.as_ref().filter(|_| section.wanted.sends()) {
            out.attribute("msid", Msid { stream: &track.stream, track: Some(&track.track) });
            out.attribute("ssrc", Ssrc { ssrc: track.ssrc, attribute: "cname", value: &self.config.cname });
        }
    }

    /// What was agreed on; what we can do, before that.
    fn codecs<'s>(&'s self, section: &'s Section) -> &'s [Codec] {
        match self.capabilities(&section.kind) {
            Some(capabilities) if section.codecs.is_empty() && section.remote.is_none() => {
                &capabilities.codecs
            }
            _ => &section.codecs,
        }
    }

    fn extensions<'s>(&'s self, section: &'s Section) -> &'s [HeaderExtension] {
        match self.capabilities(&section.kind) {
            Some(capabilities) if section.remote.is_none() => &capabilities.extensions,
            _ => &section.extensions,
        }
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
