//! Any octets: what is read writes back, findings print, attributes read or say why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nomagic_sdp::attribute::{
    Extmap, Fingerprint, Fmtp, Group, Msid, Rid, RtcpFeedback, RtpMap, Simulcast, Ssrc,
};
use nomagic_sdp::{Document, Fragment, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _ = Fragment::parse(bytes).map(|fragment| fragment.write());
    let Ok(document) = Document::parse(bytes, &Limits::default()) else { return };
    assert_eq!(document.to_vec(), bytes);
    for finding in document.findings() {
        let _ = (finding.to_string(), document.excerpt(finding));
    }
    for section in document.media().chain([document.session()]) {
        let _ = (section.media(), section.attribute::<Group<'_>>(), section.attribute::<Msid<'_>>());
        let _ = section.all::<RtpMap<'_>>().count() + section.all::<Fmtp<'_>>().count();
        let _ = section.all::<Extmap<'_>>().count() + section.all::<RtcpFeedback<'_>>().count();
        let _ = section.all::<Ssrc<'_>>().count() + section.all::<Fingerprint>().count();
        let _ = section.all::<Rid<'_>>().count() + section.all::<Simulcast<'_>>().count();
    }
});
