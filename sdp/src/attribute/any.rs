//! Every attribute that has a type here, in one type: for whoever goes through all of a description.

use core::fmt;

use super::*;

macro_rules! any {
    ($($variant:ident($type:ty),)*) => {
        /// An attribute of whatever type its name asks for.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AnyAttribute<'a> {
            /// `a=sendrecv` and its three siblings.
            Direction(Direction),
            $(
                #[doc = concat!("See [`", stringify!($variant), "`].")]
                $variant($type),
            )*
        }

        impl<'a> AnyAttribute<'a> {
            /// Reads an attribute; `None` for names that have no type here, and for fingerprints of hash functions that
            /// have none.
            ///
            /// # Errors
            /// The value breaks the format.
            pub fn parse(attribute: RawAttribute<'a>) -> Result<Option<Self>, Malformed> {
                Ok(Some(match attribute.name {
                    $(<$type as Attribute<'a>>::NAME => {
                        if !has_type(attribute) {
                            return Ok(None);
                        }
                        Self::$variant(read(attribute.value)?)
                    })*
                    name => match (Direction::from_name(name), attribute.value) {
                        (Some(direction), None) => Self::Direction(direction),
                        (Some(direction), Some(_)) => {
                            return Err(Malformed { name: direction.name(), expected: "no value", offset: 0 });
                        }
                        (None, _) => return Ok(None),
                    },
                }))
            }

            /// The attribute's name.
            pub fn name(&self) -> &'static str {
                match self {
                    Self::Direction(direction) => direction.name(),
                    $(Self::$variant(_) => <$type as Attribute<'a>>::NAME,)*
                }
            }
        }

        /// The value; empty for flags.
        impl fmt::Display for AnyAttribute<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Direction(_) => Ok(()),
                    $(Self::$variant(attribute) => attribute.fmt(f),)*
                }
            }
        }
    };
}

any! {
    AcceptTypes(AcceptTypes<'a>),
    AcceptWrappedTypes(AcceptWrappedTypes<'a>),
    ActualConfiguration(ActualConfiguration<'a>),
    AlternativeConnection(AlternativeConnection<'a>),
    AttributeCapability(AttributeCapability<'a>),
    BandwidthCapability(BandwidthCapability<'a>),
    BfcpVersion(BfcpVersion<'a>),
    BundleOnly(BundleOnly),
    Candidate(Candidate<'a>),
    CapabilityDescription(CapabilityDescription<'a>),
    CapabilityParameter(CapabilityParameter<'a>),
    CapabilityParameterLeast(CapabilityParameterLeast<'a>),
    CapabilityParameterMost(CapabilityParameterMost<'a>),
    CapabilityRequired(CapabilityRequired<'a>),
    CapabilitySequence(CapabilitySequence),
    CapabilitySupported(CapabilitySupported<'a>),
    Category(Category<'a>),
    Channel(Channel<'a>),
    ChannelMid(ChannelMid<'a>),
    Charset(Charset<'a>),
    ConferenceId(ConferenceId),
    ConfirmStatus(ConfirmStatus<'a>),
    ConnectionCapability(ConnectionCapability<'a>),
    ConnectionUse(ConnectionUse),
    Content(Content<'a>),
    Control(Control<'a>),
    ControlFrameworkId(ControlFrameworkId<'a>),
    Cryptex(Cryptex),
    Crypto(Crypto<'a>),
    CurrentStatus(CurrentStatus<'a>),
    DataChannelAttribute(DataChannelAttribute<'a>),
    DataChannelMap(DataChannelMap<'a>),
    DccpPort(DccpPort),
    DccpServiceCode(DccpServiceCode<'a>),
    Depend(Depend<'a>),
    DesiredStatus(DesiredStatus<'a>),
    DuplicationDelay(DuplicationDelay<'a>),
    EndOfCandidates(EndOfCandidates),
    Etag(Etag<'a>),
    Extmap(Extmap<'a>),
    ExtmapAllowMixed(ExtmapAllowMixed),
    FecRepairFlow(FecRepairFlow<'a>),
    FecSourceFlow(FecSourceFlow<'a>),
    FileDate(FileDate<'a>),
    FileDisposition(FileDisposition<'a>),
    FileIcon(FileIcon<'a>),
    FileRange(FileRange),
    FileSelector(FileSelector<'a>),
    FileTransferId(FileTransferId<'a>),
    Fingerprint(Fingerprint),
    FloorControl(FloorControl<'a>),
    FloorId(FloorId<'a>),
    Fmtp(Fmtp<'a>),
    FrameSize(FrameSize),
    Framerate(Framerate<'a>),
    Group(Group<'a>),
    HumanLanguageReceive(HumanLanguageReceive<'a>),
    HumanLanguageSend(HumanLanguageSend<'a>),
    IceLite(IceLite),
    IceMismatch(IceMismatch),
    IceOptions(IceOptions<'a>),
    IcePacing(IcePacing),
    IcePassword(IcePassword<'a>),
    IceUfrag(IceUfrag<'a>),
    Identity(Identity<'a>),
    ImageAttributes(ImageAttributes<'a>),
    KeyManagement(KeyManagement<'a>),
    Keywords(Keywords<'a>),
    Label(Label<'a>),
    Language(Language<'a>),
    LatentConfiguration(LatentConfiguration<'a>),
    Loopback(Loopback<'a>),
    LoopbackMirror(LoopbackMirror<'a>),
    LoopbackSource(LoopbackSource<'a>),
    MaxMessageSize(MaxMessageSize),
    MaxPacketRate(MaxPacketRate<'a>),
    MaxPtime(MaxPtime<'a>),
    MaxSize(MaxSize),
    MediaClock(MediaClock<'a>),
    MediaFormatCapability(MediaFormatCapability<'a>),
    MediaSpecificCapability(MediaSpecificCapability<'a>),
    Mid(Mid<'a>),
    Msid(Msid<'a>),
    MsidSemantic(MsidSemantic<'a>),
    MsrpCema(MsrpCema),
    Mtag(Mtag<'a>),
    MulticastRtcp(MulticastRtcp<'a>),
    Orientation(Orientation),
    OtherMediaCapability(OtherMediaCapability<'a>),
    Path(Path<'a>),
    PortMappingRequest(PortMappingRequest<'a>),
    PotentialConfiguration(PotentialConfiguration<'a>),
    Ptime(Ptime<'a>),
    QosMechanismReceive(QosMechanismReceive<'a>),
    QosMechanismSend(QosMechanismSend<'a>),
    Quality(Quality),
    RamsUpdates(RamsUpdates),
    Range(Range<'a>),
    ReferenceClock(ReferenceClock<'a>),
    RemoteCandidates(RemoteCandidates<'a>),
    RepairWindow(RepairWindow<'a>),
    Resource(Resource<'a>),
    Rid(Rid<'a>),
    Rtcp(Rtcp<'a>),
    RtcpFeedback(RtcpFeedback<'a>),
    RtcpIdms(RtcpIdms<'a>),
    RtcpMux(RtcpMux),
    RtcpMuxOnly(RtcpMuxOnly),
    RtcpReducedSize(RtcpReducedSize),
    RtcpUnicast(RtcpUnicast),
    RtcpXr(RtcpXr<'a>),
    RtpMap(RtpMap<'a>),
    RtpMediaCapability(RtpMediaCapability<'a>),
    SctpInit(SctpInit<'a>),
    SctpMap(SctpMap<'a>),
    SctpPort(SctpPort),
    SdpLanguage(SdpLanguage<'a>),
    SecureWebSocketUri(SecureWebSocketUri<'a>),
    SessionCapability(SessionCapability<'a>),
    SessionType(SessionType),
    Setup(Setup),
    Simulcast(Simulcast<'a>),
    SourceFilter(SourceFilter<'a>),
    Ssrc(Ssrc<'a>),
    SsrcGroup(SsrcGroup<'a>),
    T38FaxFillBitRemoval(T38FaxFillBitRemoval),
    T38FaxMaxBuffer(T38FaxMaxBuffer),
    T38FaxMaxDatagram(T38FaxMaxDatagram),
    T38FaxMaxIfp(T38FaxMaxIfp),
    T38FaxRateManagement(T38FaxRateManagement),
    T38FaxTranscodingJbig(T38FaxTranscodingJbig),
    T38FaxTranscodingMmr(T38FaxTranscodingMmr),
    T38FaxUdpErrorCorrection(T38FaxUdpErrorCorrection),
    T38FaxUdpFecMaxSpan(T38FaxUdpFecMaxSpan),
    T38FaxVersion(T38FaxVersion),
    T38MaxBitRate(T38MaxBitRate),
    T38ModemType(T38ModemType<'a>),
    T38VendorInfo(T38VendorInfo<'a>),
    TitleCapability(TitleCapability<'a>),
    TlsId(TlsId<'a>),
    Tool(Tool<'a>),
    TransportCapability(TransportCapability<'a>),
    UserId(UserId),
    WebSocketUri(WebSocketUri<'a>),
    ZrtpHash(ZrtpHash<'a>),
}

/// A fingerprint of a hash function that has no type here (SHA-1, SHA-224) is well formed and of no use.
fn has_type(attribute: RawAttribute<'_>) -> bool {
    let hash = || attribute.value.unwrap_or_default().split(' ').next().unwrap_or_default();
    let other = |hash: &str| {
        ["sha-1", "sha-224", "md5", "md2"].into_iter().any(|other| hash.eq_ignore_ascii_case(other))
    };
    attribute.name != Fingerprint::NAME || !other(hash())
}
