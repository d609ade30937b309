//! Associations and what runs on them: DTLS, data channels, candidates that come later, RTCP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{config, exchange, side, track, transport, whole};
use nomagic_sdp::attribute::Direction;
use nomagic_sdp::negotiation::{Config, Kind, LocalTransport, NegotiationError, RtcpMuxPolicy, State};
use nomagic_sdp::{Fragment, Negotiator};

//= rfc8842#5.2-1 test
//= rfc8842#5.2-2 test
//= rfc8842#5.3-1 test
//= rfc8842#5.3-2 test
//= rfc8842#5.3-4 test
//= rfc8842#5.3-5 test
//= rfc8842#5.3-6 test
//= rfc8842#5.3-8 test
//= rfc8842#5.5-1 test
//= rfc8842#5.5-2 test
//= rfc8842#5.5-3 test
//= rfc8842#5.5-4 test
//= rfc8842#5.1-5 test
//= rfc8842#4-3 test
//= rfc8829#5.2.1-37 test
//= rfc8829#5.3.1-24 test
//= rfc8829#5.3.2-8 test
//= rfc8829#5.3.2-9 test
//= rfc8829#5.8.3-4 test
//= rfc8829#5.8.3-5 test
//= rfc8829#5.8.3-6 test
//= rfc8829#5.11-2 test
//= rfc8841#9.5-1 test
//= rfc8841#10.1-1 test
//= rfc8841#10.1-2 test
//= rfc8841#10.2-1 test
//= rfc8841#10.3-2 test
//= rfc8829#5.3.1-26 test
/// Associations have names where both sides give them; parts stay as long as the association does, and end with it.
#[test]
fn dtls_associations_have_names_and_keep_their_parts() {
    let named = |id: u64, name: &str| {
        let mut config = config(id);
        config.tls_id = Some(name.into());
        let mut side = Negotiator::new(config);
        side.add_data();
        side
    };
    let (first, second) = ("abc3de65cddef001be82", "dbc8de77cddef001be90");
    let (mut a, mut z) = (named(1, first), named(2, second));
    let (offer, answer) = exchange(&mut a, &mut z);
    assert!(
        offer.contains("a=setup:actpass\r\n")
            && offer.contains(&format!("a=tls-id:{first}\r\n"))
            && offer.contains("a=fingerprint")
    );
    assert!(
        answer.contains("a=setup:active\r\n")
            && answer.contains(&format!("a=tls-id:{second}\r\n"))
            && answer.contains("a=fingerprint")
    );
    let (offer, answer) = exchange(&mut z, &mut a);
    assert!(offer.contains("a=setup:actpass\r\n") && offer.contains(second), "{offer}");
    assert!(answer.contains("a=setup:passive\r\n") && answer.contains(first), "the parts stay");
    // A new name asks for a new association, and needs new credentials.
    a.set_tls_id("ffc3de65cddef001be82");
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(matches!(
        z.accept_offer(offer.replace("ufrag1", "ufrag2").replace("characters1", "characters2").as_bytes()),
        Ok(()) | Err(_)
    ));
    let offer = a.create_offer(&transport(7)).unwrap();
    if z.state() == State::HaveRemoteOffer {
        z.rollback().unwrap();
    }
    z.accept_offer(offer.as_bytes()).unwrap();
    assert!(z.remote_restarts_dtls() && z.remote_restarts_ice());
    z.set_tls_id("eec8de77cddef001be90");
    let answer = z.create_answer(&transport(8)).unwrap();
    assert!(
        answer.contains("a=setup:active\r\n") && answer.contains("eec8"),
        "a new one may be begun by either: {answer}"
    );
    a.accept_answer(answer.as_bytes()).unwrap();
    // With the old credentials it is refused.
    let (mut a, mut z) = (named(1, first), named(2, second));
    exchange(&mut a, &mut z);
    a.set_tls_id("ffc3de65cddef001be82");
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(matches!(z.accept_offer(offer.as_bytes()), Err(NegotiationError::Mismatch { .. })));
    assert_eq!(z.state(), State::Stable);
    // Who gives no name gets none.
    let (mut a, mut z) = (whole(1), named(2, second));
    let (_, answer) = exchange(&mut a, &mut z);
    assert!(!answer.contains("tls-id"));
    // Parts that change while the association goes on, parts that are none, and `holdconn`.
    let offer = a.create_offer(&transport(1)).unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    for wrong in ["passive", "actpass", "holdconn"] {
        let text = answer.replace("a=setup:active", &format!("a=setup:{wrong}"));
        assert!(
            matches!(a.accept_answer(text.as_bytes()), Err(NegotiationError::Mismatch { .. })),
            "{wrong}"
        );
    }
    a.accept_answer(answer.as_bytes()).unwrap();
    let mut fresh = side(9);
    assert!(fresh.accept_offer(offer.replace("actpass", "holdconn").as_bytes()).is_err());
    for (theirs, ours) in [("active", "passive"), ("passive", "active"), ("actpass", "active")] {
        let mut fresh = side(9);
        fresh.accept_offer(offer.replace("actpass", theirs).as_bytes()).unwrap();
        assert!(
            fresh.create_answer(&transport(2)).unwrap().contains(&format!("a=setup:{ours}\r\n")),
            "{theirs}"
        );
    }
}

//= rfc8841#4.3-1 test
//= rfc8841#4.3-2 test
//= rfc8841#4.3-3 test
//= rfc8841#5.1-1 test
//= rfc8841#5.2-1 test
//= rfc8841#6.2-1 test
//= rfc8841#9.2-1 test
//= rfc8841#10.2-2 test
//= rfc8841#10.3-1 test
//= rfc8841#10.3-3 test
//= rfc8841#10.3-12 test
//= rfc8841#12.2-5 test
//= rfc8841#12.2-6 test
//= rfc8829#5.1.2-2 test
//= rfc8829#5.1.2-7 test
//= rfc8829#5.1.2-8 test
//= rfc8829#5.2.1-38 test
//= rfc8829#5.2.1-39 test
//= rfc8829#5.2.1-40 test
//= rfc8829#5.2.1-41 test
//= rfc8829#5.3.1-27 test
//= rfc8829#5.3.1-28 test
//= rfc8829#5.3.1-29 test
//= rfc8829#5.8.2-28 test
//= rfc8829#5.8.2-29 test
//= rfc8829#5.8.2-30 test
/// Data channels: what the line must have, and what is answered.
#[test]
fn data_channels_are_offered_and_answered() {
    let mut a = side(1);
    a.add_data();
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(
        offer.contains("m=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\n")
            && offer.contains("a=sctp-port:5000\r\na=max-message-size:262144\r\n"),
        "{offer}"
    );
    let answered = |text: String| {
        let mut z = side(2);
        z.accept_offer(text.as_bytes()).map(|()| z.create_answer(&transport(2)).unwrap())
    };
    let line = |text: String| {
        answered(text).unwrap().lines().find(|line| line.starts_with("m=")).unwrap().to_owned()
    };
    for protocol in ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"] {
        assert_eq!(
            line(offer.replace("UDP/DTLS/SCTP", protocol)),
            format!("m=application 5000 {protocol} webrtc-datachannel")
        );
    }
    assert_eq!(
        line(offer.replace("a=sctp-port:5000\r\n", "")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    );
    assert_eq!(
        line(offer.replace("a=sctp-port:5000", "a=sctp-port:0")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
    );
    assert_eq!(
        line(offer.replace("webrtc-datachannel", "webrtc-datachannel x")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel x"
    );
    assert_eq!(line(offer.replace("webrtc-datachannel", "other")), "m=application 0 UDP/DTLS/SCTP other");
    assert!(answered(offer.replace("sctp-port:5000", "sctp-port:05000")).is_err());
    assert!(answered(offer.replace("message-size:262144", "message-size:0262144")).is_err());
    // A direction means nothing here, and no size means 64 KiB.
    let mut z = side(2);
    z.accept_offer(offer.replace("a=max-message-size:262144\r\n", "a=inactive\r\n").as_bytes()).unwrap();
    z.create_answer(&transport(2)).unwrap();
    assert_eq!(z.sections()[0].direction, Direction::SendRecv);
    assert_eq!(z.data().unwrap().remote.as_ref().unwrap().max_message_size, 65_536);
    // The older way is answered in its own words, and the next offer of ours uses ours.
    let old = offer
        .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
        .replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024");
    let mut z = side(2);
    z.accept_offer(old.as_bytes()).unwrap();
    let answer = z.create_answer(&transport(2)).unwrap();
    assert!(
        answer.contains("m=application 5000 DTLS/SCTP 5000\r\n")
            && answer.contains("a=sctpmap:5000 webrtc-datachannel"),
        "{answer}"
    );
    assert!(z.create_offer(&transport(2)).unwrap().contains("UDP/DTLS/SCTP webrtc-datachannel"));
}

//= rfc8829#3.5.2.1-1 test
//= rfc8829#4.1.19-2 test
/// Candidates that come later find their transport, once, and only those of its generation.
#[test]
fn candidates_that_come_later_find_their_transport() {
    let (mut a, mut z) = (whole(1), whole(2));
    let fragment = a.fragment(&transport(1));
    assert!(z.add_remote_candidates(&fragment).is_err(), "nobody is known yet");
    let offer = a
        .create_offer(&LocalTransport { candidates: vec![], end_of_candidates: false, ..transport(1) })
        .unwrap();
    z.accept_offer(offer.as_bytes()).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 0);
    let fragment = Fragment::parse(a.fragment(&transport(1)).write().unwrap().as_bytes()).unwrap();
    for _ in 0..2 {
        z.add_remote_candidates(&fragment).unwrap();
        assert_eq!(
            (z.remote_transport().unwrap().candidates.len(), z.remote_transport().unwrap().end_of_candidates),
            (1, true)
        );
    }
    let mut other = fragment.clone();
    other.ufrag = Some("older".into());
    other.media[0].candidates = vec!["2 1 udp 1 192.0.2.9 1 typ host".into()];
    z.add_remote_candidates(&other).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 1);
    other.media[0].mid = "nobody".into();
    assert!(z.add_remote_candidates(&other).is_err());
    let mut many = fragment;
    many.media[0].candidates = (0..1000).map(|port| format!("2 1 udp 1 192.0.2.9 {port} typ host")).collect();
    z.add_remote_candidates(&many).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 256);
    z.create_answer(&transport(2)).unwrap();
    assert_eq!(z.remote_transport().unwrap().candidates.len(), 256);
}

//= rfc8829#4.1.1-4 test
//= rfc8829#5.8.3-9 test
//= rfc8829#5.8.3-10 test
//= rfc9143#9.3-2 test
//= rfc9143#9.3.1.2-1 test
//= rfc9143#9.3.1.2-2 test
//= rfc9143#9.3.1.2-3 test
//= rfc9143#9.3.1.2-5 test
//= rfc9143#9.3.1.2-6 test
//= rfc9143#9.3.1.4-1 test
//= rfc8829#5.2.2-14 test
//= rfc8829#5.2.2-15 test
//= rfc8829#5.2.2-27 test
//= rfc8829#5.2.2-28 test
//= rfc8829#5.2.2-29 test
//= rfc8829#5.3.2-10 test
//= rfc8829#5.3.2-11 test
//= rfc8829#5.3.2-12 test
/// RTCP on RTP's port, by both policies.
#[test]
fn rtcp_has_a_port_of_its_own_only_where_that_may_be() {
    let mut a = side(1);
    a.add_media(Kind::Audio, Direction::SendRecv, track(1));
    let offer = a.create_offer(&transport(1)).unwrap();
    assert!(offer.contains("a=rtcp-mux\r\n") && !offer.contains("a=rtcp:"));
    let two = offer.replace("a=rtcp-mux\r\n", "").replace("a=group:BUNDLE 0\r\n", "");
    let answer = |text: &str, policy: RtcpMuxPolicy| {
        let mut config = config(2);
        config.rtcp_mux = policy;
        let mut z = Negotiator::new(config);
        z.accept_offer(text.as_bytes()).map(|()| {
            let answer = z.create_answer(&transport(2)).unwrap();
            if !z.sections()[0].rejected {
                // What was agreed on holds in the next offer and the next answer.
                let muxed = z.sections()[0].rtcp_mux;
                let offer = z.create_offer(&transport(2)).unwrap();
                z.rollback().unwrap();
                z.accept_offer(text.as_bytes()).unwrap();
                for text in [offer, z.create_answer(&transport(2)).unwrap()] {
                    let said =
                        (text.contains("a=rtcp-mux\r\n"), text.contains("a=rtcp:9 IN IP4 0.0.0.0\r\n"));
                    assert_eq!(said, (muxed, !muxed), "{text}");
                }
                assert!(!z.create_offer(&transport(2)).unwrap().contains("rtcp-mux-only"));
            }
            (answer, z.sections()[0].rtcp_mux)
        })
    };
    assert_eq!(Config::new(1, "x").rtcp_mux, RtcpMuxPolicy::Require);
    assert!(answer(&two, RtcpMuxPolicy::Require).unwrap().0.contains("m=audio 0 "));
    let (text, muxed) = answer(&two, RtcpMuxPolicy::Negotiate).unwrap();
    assert!(
        text.contains("m=audio 5000 ")
            && !text.contains("rtcp-mux")
            && text.contains("a=rtcp:9 IN IP4 0.0.0.0\r\n")
            && !muxed,
        "{text}"
    );
    let (text, muxed) = answer(&offer, RtcpMuxPolicy::Negotiate).unwrap();
    assert!(text.contains("a=rtcp-mux\r\n") && !text.contains("a=rtcp:") && muxed);
    let (text, _) =
        answer(&offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n"), RtcpMuxPolicy::Require)
            .unwrap();
    assert!(text.contains("a=rtcp-mux-only\r\n"));
    assert!(answer(&offer.replace("a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n"), RtcpMuxPolicy::Require).is_err());
    let refused = answer(
        &offer.replace("opus", "x").replace("PCMU/8000", "y/1").replace("telephone", "z"),
        RtcpMuxPolicy::Require,
    )
    .unwrap()
    .0;
    assert!(refused.contains("m=audio 0 ") && !refused.contains("rtcp-mux"), "{refused}");
}
