//! Attributes of a single text, number or choice.

use super::shape::{
    choice, flag, is_base64, is_decimal, is_language, is_text, is_word, number, parameters, text, words,
};
use crate::document::{is_digits, is_token};

flag!(
    /// `a=rtcp-mux`: RTP and RTCP on one port; RFC 5761 section 5.1.1.
    RtcpMux, "rtcp-mux";
    /// `a=rtcp-mux-only`: RTCP on RTP's port or not at all; RFC 8858 section 3.
    RtcpMuxOnly, "rtcp-mux-only";
    /// `a=rtcp-rsize`: RTCP packets of reduced size; RFC 5506 section 5.
    RtcpReducedSize, "rtcp-rsize";
    /// `a=ice-lite`: the writer answers checks and makes none; RFC 8839 section 5.3.
    IceLite, "ice-lite";
    /// `a=ice-mismatch`: the default address was not among the candidates; RFC 8839 section 5.3.
    IceMismatch, "ice-mismatch";
    /// `a=end-of-candidates`: no more will come; RFC 8840 section 8.2.
    EndOfCandidates, "end-of-candidates";
    /// `a=bundle-only`: not without the bundle; RFC 9143 section 6.
    BundleOnly, "bundle-only";
    /// `a=extmap-allow-mixed`: short and long extension headers in one stream; RFC 8285 section 6.
    ExtmapAllowMixed, "extmap-allow-mixed";
    /// `a=cryptex`: header extensions and contributing sources are encrypted; RFC 9335 section 4.
    Cryptex, "cryptex";
    /// `a=msrp-cema`: relays of messages look at addresses as other media do; RFC 6714 section 4.2.
    MsrpCema, "msrp-cema";
    /// `a=rams-updates`: rapid acquisition may be adjusted; RFC 6285 section 8.1.
    RamsUpdates, "rams-updates";
    /// `a=T38FaxFillBitRemoval`: fill bits are left out; T.38 annex D.
    T38FaxFillBitRemoval, "T38FaxFillBitRemoval";
    /// `a=T38FaxTranscodingMMR`: pages may be recoded as MMR; T.38 annex D.
    T38FaxTranscodingMmr, "T38FaxTranscodingMMR";
    /// `a=T38FaxTranscodingJBIG`: pages may be recoded as JBIG; T.38 annex D.
    T38FaxTranscodingJbig, "T38FaxTranscodingJBIG";
);

text!(
    /// `a=mid`: the name of a media description; RFC 5888 section 4.
    Mid, "mid", "token", is_token;
    /// `a=ptime`: milliseconds of media in a packet; RFC 8866 section 6.4. Some senders write fractions, which are kept.
    Ptime, "ptime", "milliseconds", is_decimal;
    /// `a=maxptime`: milliseconds of media in the longest packet; RFC 8866 section 6.5.
    MaxPtime, "maxptime", "milliseconds", is_decimal;
    /// `a=framerate`: most frames in a second; RFC 8866 section 6.13.
    Framerate, "framerate", "frames in a second", is_decimal;
    /// `a=maxprate`: most packets in a second; RFC 3890 section 6.3.
    MaxPacketRate, "maxprate", "packets in a second", is_decimal;
    /// `a=tls-id`: the identity of a DTLS association, new with each one; RFC 8842 section 4. 20 to 255 characters.
    TlsId, "tls-id", "20 to 255 letters, digits, + / - and _", is_tls_id;
    /// `a=cat`: the category of a session, from the widest to the narrowest, parted by points; RFC 8866 section 6.1.
    Category, "cat", "text", is_text;
    /// `a=keywds`: words by which a session may be found; RFC 8866 section 6.2.
    Keywords, "keywds", "text", is_text;
    /// `a=tool`: what made the description; RFC 8866 section 6.3.
    Tool, "tool", "text", is_text;
    /// `a=charset`: the encoding of names and descriptions; RFC 8866 section 6.10.
    Charset, "charset", "name of a character set", is_charset;
    /// `a=sdplang`: the language of the description; RFC 8866 section 6.11.
    SdpLanguage, "sdplang", "language tag", is_language;
    /// `a=lang`: the language of the media; RFC 8866 section 6.12.
    Language, "lang", "language tag", is_language;
    /// `a=label`: a name by which something outside refers to a media description; RFC 4574 section 4.
    Label, "label", "token", is_token;
    /// `a=control`: where RTSP controls a medium; RFC 7826 appendix D.1.1.
    Control, "control", "URI", is_word;
    /// `a=range`: which part of a presentation there is; RFC 7826 appendix D.1.6.
    Range, "range", "range", is_text;
    /// `a=etag`: the version of a presentation; RFC 2326 appendix C.1.8.
    Etag, "etag", "tag", is_text;
    /// `a=mtag`: the version of a presentation's media; RFC 7826 appendix D.1.9.
    Mtag, "mtag", "tag", is_text;
    /// `a=identity`: an assertion of who the writer is; RFC 8827 section 5.
    Identity, "identity", "assertion", is_text;
    /// `a=sctp-init`: the sender's SCTP INIT chunk, so that the association begins established; base64.
    SctpInit, "sctp-init", "base64", is_base64;
    /// `a=dccp-service-code`: what a DCCP flow is for; RFC 5762 section 5.2.
    DccpServiceCode, "dccp-service-code", "service code", is_text;
    /// `a=cfw-id`: names the channel that controls media; RFC 6230 section 9.
    ControlFrameworkId, "cfw-id", "token", is_token;
    /// `a=channel`: names a media resource's control channel; RFC 6787 section 4.2.
    Channel, "channel", "identifier@resource", is_channel;
    /// `a=resource`: which media resource is asked for; RFC 6787 section 4.2.
    Resource, "resource", "name", is_text;
    /// `a=cmid`: the medium that a resource works on; RFC 6787 section 4.4.
    ChannelMid, "cmid", "token", is_token;
    /// `a=file-transfer-id`: tells one transfer from another; RFC 5547 section 6.
    FileTransferId, "file-transfer-id", "token", is_token;
    /// `a=file-disposition`: whether to show or to keep a file; RFC 5547 section 6.
    FileDisposition, "file-disposition", "token", is_token;
    /// `a=file-date`: when a file was made, changed and read; RFC 5547 section 6.
    FileDate, "file-date", "dates", is_text;
    /// `a=file-icon`: where a small picture of it is; RFC 5547 section 6.
    FileIcon, "file-icon", "cid URL", is_text;
    /// `a=file-selector`: which file; RFC 5547 section 6.
    FileSelector, "file-selector", "name, type, size or hash", is_text;
    /// `a=multicast-rtcp`: where receivers of a multicast send RTCP; RFC 6128 section 3.
    MulticastRtcp, "multicast-rtcp", "port", is_text;
    /// `a=portmapping-req`: how to ask for the port of unicast repair; RFC 6284 section 5.
    PortMappingRequest, "portmapping-req", "port and address", is_text;
    /// `a=ws-uri`: where a WebSocket is; RFC 8124 section 4.
    WebSocketUri, "ws-uri", "URI", is_word;
    /// `a=wss-uri`: where a secured WebSocket is; RFC 8124 section 4.
    SecureWebSocketUri, "wss-uri", "URI", is_word;
    /// `a=T38VendorInfo`: who made the gateway; T.38 annex D.
    T38VendorInfo, "T38VendorInfo", "numbers", is_text;
    /// `a=T38ModemType`: which modems there are; T.38 annex D.
    T38ModemType, "T38ModemType", "token", is_token;
    /// `a=zrtp-hash`: version and hash of the ZRTP greeting; RFC 6189 section 8.1.
    ZrtpHash, "zrtp-hash", "version and hash", is_zrtp_hash;
);

number!(
    /// `a=ice-pacing`: milliseconds between checks that the writer wants; RFC 8839 section 5.5.
    IcePacing(u64), "ice-pacing", "milliseconds";
    /// `a=sctp-port`: the port within the SCTP association; RFC 8841 section 5.
    SctpPort(u16), "sctp-port", "port of 0 to 65535";
    /// `a=max-message-size`: octets of the largest message that is taken, 0 for any; RFC 8841 section 6.
    MaxMessageSize(u64), "max-message-size", "number of octets";
    /// `a=max-size`: octets of the largest message of text; RFC 4975 section 8.6.
    MaxSize(u64), "max-size", "number of octets";
    /// `a=confid`: a conference's number; RFC 8856 section 5.2.
    ConferenceId(u32), "confid", "number of 32 bits";
    /// `a=userid`: a participant's number; RFC 8856 section 5.3.
    UserId(u16), "userid", "number of 16 bits";
    /// `a=sqn`: the version of a list of capabilities; RFC 3407 section 3.
    CapabilitySequence(u8), "sqn", "number of 0 to 255";
    /// `a=dccp-port`: the port of DCCP within UDP; RFC 6773 section 5.3.
    DccpPort(u16), "dccp-port", "port of 0 to 65535";
    /// `a=T38FaxVersion`: the version of fax relay; T.38 annex D.
    T38FaxVersion(u8), "T38FaxVersion", "version";
    /// `a=T38MaxBitRate`: bits in a second at most; T.38 annex D.
    T38MaxBitRate(u32), "T38MaxBitRate", "bits in a second";
    /// `a=T38FaxMaxBuffer`: octets that the gateway can hold; T.38 annex D.
    T38FaxMaxBuffer(u32), "T38FaxMaxBuffer", "number of octets";
    /// `a=T38FaxMaxDatagram`: octets of the largest datagram; T.38 annex D.
    T38FaxMaxDatagram(u32), "T38FaxMaxDatagram", "number of octets";
    /// `a=T38FaxMaxIFP`: octets of the largest packet of fax; T.38 annex D.
    T38FaxMaxIfp(u32), "T38FaxMaxIFP", "number of octets";
    /// `a=T38FaxUdpFECMaxSpan`: packets that repair spans at most; T.38 annex D.
    T38FaxUdpFecMaxSpan(u32), "T38FaxUdpFECMaxSpan", "number of packets";
);

words!(
    /// `a=ice-options`: extensions that are understood; RFC 8839 section 5.6.
    IceOptions, "ice-options", ' ', "options of letters, digits, + and /, parted by single spaces", is_ice_option;
    /// `a=content`: what a medium shows: `slides`, `speaker`, `sl`, `main`, `alt`; RFC 4796 section 5.
    Content, "content", ',', "tokens parted by commas", is_token;
    /// `a=rtcp-xr`: blocks of extended reports that are asked for; RFC 3611 section 5.1. None at all when empty.
    RtcpXr, "rtcp-xr", ' ', "blocks parted by spaces", |word: &str| word.is_empty() || is_token(word.split('=').next().unwrap_or_default());
    /// `a=floorctrl`: which end of floor control the writer can be: `c-only`, `s-only`, `c-s`; RFC 8856 section 5.1.
    FloorControl, "floorctrl", ' ', "c-only, s-only or c-s", |word| matches!(word, "c-only" | "s-only" | "c-s");
    /// `a=bfcpver`: versions of floor control; RFC 8856 section 5.5.
    BfcpVersion, "bfcpver", ' ', "versions parted by spaces", is_digits;
    /// `a=csup`: extensions of capability negotiation that are understood; RFC 5939 section 3.3.1.
    CapabilitySupported, "csup", ',', "option tags parted by commas", is_token;
    /// `a=creq`: extensions of capability negotiation that are needed; RFC 5939 section 3.3.2.
    CapabilityRequired, "creq", ',', "option tags parted by commas", is_token;
    /// `a=accept-types`: kinds of messages that are taken; RFC 4975 section 8.6.
    AcceptTypes, "accept-types", ' ', "media types parted by spaces", is_media_type;
    /// `a=accept-wrapped-types`: kinds that are taken within others; RFC 4975 section 8.6.
    AcceptWrappedTypes, "accept-wrapped-types", ' ', "media types parted by spaces", is_media_type;
    /// `a=path`: the relays of messages and their end; RFC 4975 section 8.1.
    Path, "path", ' ', "URIs parted by spaces", is_word;
    /// `a=loopback`: what may come back: `rtp-pkt-loopback`, `rtp-media-loopback`; RFC 6849 section 4.1.
    Loopback, "loopback", ' ', "kinds of loopback parted by spaces", is_token;
    /// `a=loopback-source`: the writer makes what comes back; RFC 6849 section 4.2.
    LoopbackSource, "loopback-source", ' ', "formats parted by spaces", is_token;
    /// `a=loopback-mirror`: the writer sends back what comes; RFC 6849 section 4.2.
    LoopbackMirror, "loopback-mirror", ' ', "formats parted by spaces", is_token;
    /// `a=qos-mech-send`: ways to reserve the path of what is sent; RFC 5432 section 3.1.
    QosMechanismSend, "qos-mech-send", ' ', "tokens parted by spaces", is_token;
    /// `a=qos-mech-recv`: ways to reserve the path of what is received; RFC 5432 section 3.1.
    QosMechanismReceive, "qos-mech-recv", ' ', "tokens parted by spaces", is_token;
    /// `a=duplication-delay`: milliseconds by which copies of a stream follow; RFC 7197 section 3.
    DuplicationDelay, "duplication-delay", ' ', "milliseconds parted by spaces", is_digits;
    /// `a=hlang-send`: languages that the writer can speak, write or sign; RFC 8373 section 5.2.
    HumanLanguageSend, "hlang-send", ' ', "language tags parted by spaces", is_human_language;
    /// `a=hlang-recv`: languages that the writer can follow; RFC 8373 section 5.2.
    HumanLanguageReceive, "hlang-recv", ' ', "language tags parted by spaces", is_human_language;
);

parameters!(
    /// `a=fec-source-flow`: which media are protected; RFC 6364 section 4.3.
    FecSourceFlow, "fec-source-flow";
    /// `a=fec-repair-flow`: what protects them; RFC 6364 section 4.4.
    FecRepairFlow, "fec-repair-flow";
    /// `a=rtcp-idms`: the group of receivers that play in step; RFC 7272 section 10.
    RtcpIdms, "rtcp-idms";
);

choice!(
    /// `a=orient`: which way up a page is; RFC 8866 section 6.8.
    Orientation, "orient", "portrait, landscape or seascape" {
        /// Upright.
        Portrait = "portrait",
        /// On its side.
        Landscape = "landscape",
        /// On its other side.
        Seascape = "seascape",
    }
    /// `a=type`: what kind of conference it is; RFC 8866 section 6.9.
    SessionType, "type", "broadcast, meeting, moderated, test or H332" {
        /// One speaks to many.
        Broadcast = "broadcast",
        /// All may speak.
        Meeting = "meeting",
        /// Whoever is given the floor may speak.
        Moderated = "moderated",
        /// Not to be shown to people.
        Test = "test",
        /// A loosely coupled H.323 conference.
        H332 = "H332",
    }
    /// `a=connection`: whether a transport is to be made; RFC 4145 section 5.
    ConnectionUse, "connection", "new or existing" {
        /// A new one.
        New = "new",
        /// The one that is there.
        Existing = "existing",
    }
    /// `a=rtcp-unicast`: how RTCP of a multicast's receivers is passed on; RFC 5760 section 10.1.
    RtcpUnicast, "rtcp-unicast", "reflection or rsi" {
        /// As it comes.
        Reflection = "reflection",
        /// In summaries.
        Summary = "rsi",
    }
    /// `a=T38FaxRateManagement`: who trains the modems; T.38 annex D.
    T38FaxRateManagement, "T38FaxRateManagement", "localTCF or transferredTCF" {
        /// Each gateway.
        Local = "localTCF",
        /// The fax machines.
        Transferred = "transferredTCF",
    }
    /// `a=T38FaxUdpEC`: how lost datagrams are made good; T.38 annex D.
    T38FaxUdpErrorCorrection, "T38FaxUdpEC", "t38UDPFEC, t38UDPRedundancy or t38UDPNoEC" {
        /// By parity.
        Parity = "t38UDPFEC",
        /// By copies.
        Redundancy = "t38UDPRedundancy",
        /// Not at all.
        None = "t38UDPNoEC",
    }
);

fn is_tls_id(text: &str) -> bool {
    let good = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'-' | b'_');
    (20..=255).contains(&text.len()) && text.bytes().all(good)
}

fn is_ice_option(text: &str) -> bool {
    // RFC 8839 section 5.6 has ice-char; `rtp+ecn` (RFC 6679) and names with a hyphen exist too.
    !text.is_empty()
        && text.bytes().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'/' | b'-' | b'_'))
}

fn is_charset(text: &str) -> bool {
    let good = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'+-^_`{}~".contains(&octet);
    !text.is_empty() && text.bytes().all(good)
}

fn is_channel(text: &str) -> bool {
    text.split_once('@').is_some_and(|(channel, resource)| is_word(channel) && is_word(resource))
}

fn is_media_type(text: &str) -> bool {
    text == "*"
        || text
            .split(';')
            .next()
            .and_then(|kind| kind.split_once('/'))
            .is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

fn is_human_language(text: &str) -> bool {
    is_language(text.strip_suffix('*').unwrap_or(text))
}

fn is_zrtp_hash(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(version, hash)| {
        is_decimal(version) && hash.len() == 64 && hash.bytes().all(|octet| octet.is_ascii_hexdigit())
    })
}
