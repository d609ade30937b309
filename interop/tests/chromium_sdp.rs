//! Chromium and our engine negotiate: no media flow, descriptions do. After each exchange both sides must see the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Mutex, PoisonError};

use nomagic_interop::browser::Browser;
use nomagic_interop::has;
use nomagic_sdp::attribute::{Direction, Fingerprint, HashFunction};
use nomagic_sdp::negotiation::{
    BundlePolicy, Codec, Config, Encoding, Endpoint, HeaderExtension, Kind, LocalTransport, State, Track,
};
use nomagic_sdp::{Document, Limits, Negotiator, Profile};
use serde_json::Value;

fn config() -> Config {
    let mut config = Config::new(7, "cname");
    let feedback = ["nack", "nack pli", "ccm fir", "transport-cc"];
    config.audio.codecs = vec![
        Codec::new(111, "opus", 48_000, Some(2)).with_parameters("minptime=10;useinbandfec=1"),
        Codec::new(0, "PCMU", 8_000, None),
    ];
    config.video.codecs = vec![
        Codec::new(96, "VP8", 90_000, None).with_feedback(&feedback),
        Codec::new(97, "rtx", 90_000, None).with_parameters("apt=96"),
        Codec::new(98, "VP9", 90_000, None).with_parameters("profile-id=0").with_feedback(&feedback),
    ];
    let uris = [
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    ];
    config.video.extensions =
        (1..).zip(uris).map(|(id, uri)| HeaderExtension { id, uri: uri.into() }).collect();
    config.audio.extensions = config.video.extensions[..1].to_vec();
    config.max_message_size = Some(262_144);
    config
}

fn transport(generation: u32) -> LocalTransport {
    LocalTransport {
        ufrag: format!("ours{generation:04}"),
        password: format!("passwordof22characters{generation:04}"),
        fingerprint: Fingerprint::new(HashFunction::Sha256, &[7; 32]).unwrap(),
        candidates: vec!["1 1 udp 2130706431 127.0.0.1 5000 typ host".into()],
        end_of_candidates: true,
    }
}

fn track(ssrc: u32) -> Option<Track> {
    Some(Track { stream: "stream".into(), track: format!("track{ssrc}"), ssrc })
}

/// A connection of the page's, and ours.
struct Call {
    browser: Browser,
    ours: Negotiator,
    generation: u32,
}

impl Call {
    /// `None` where there is no browser.
    fn new(bundle: BundlePolicy, theirs: &str) -> Option<Self> {
        if !has("chromium") || !has("chromedriver") {
            return None;
        }
        // One after the other: two that start at once may choose the same port.
        static START: Mutex<()> = Mutex::new(());
        let start = START.lock().unwrap_or_else(PoisonError::into_inner);
        let browser = Browser::open("data:text/html,<title>sdp</title>");
        drop(start);
        Some(Self::within(browser, bundle, theirs))
    }

    /// In a page that is there already.
    fn within(browser: Browser, bundle: BundlePolicy, theirs: &str) -> Self {
        let mut config = config();
        config.bundle = bundle;
        let call = Self { browser, ours: Negotiator::new(config), generation: 1 };
        call.run(&format!(
            "window.pc?.close(); window.pc = new RTCPeerConnection({{ bundlePolicy: '{theirs}' }}); return true;"
        ));
        call
    }

    fn run(&self, body: &str) -> Value {
        self.browser.run(body)
    }

    fn take(&self, kind: &str, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.run(&format!("await pc.setRemoteDescription({{ type: '{kind}', sdp: {text} }}); return true;"));
    }

    fn make(&self) -> String {
        self.run("await pc.setLocalDescription(); return pc.localDescription.sdp;")
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The browser offers.
    fn theirs(&mut self, change: &str) -> (String, String) {
        self.run(&format!("{change}; return true;"));
        let offer = self.make();
        clean(&offer);
        self.ours.accept_offer(offer.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{offer}"));
        let answer = self.ours.create_answer(&transport(self.generation)).unwrap();
        clean(&answer);
        self.take("answer", &answer);
        self.agree(&offer, &answer);
        (offer, answer)
    }

    /// We offer.
    fn ours(&mut self) -> (String, String) {
        let offer = self.ours.create_offer(&transport(self.generation)).unwrap();
        clean(&offer);
        self.take("offer", &offer);
        let answer = self.make();
        clean(&answer);
        self.ours
            .accept_answer(answer.as_bytes())
            .unwrap_or_else(|error| panic!("{error}\n{offer}\n{answer}"));
        self.agree(&offer, &answer);
        (offer, answer)
    }

    /// Both are at rest and see the same directions.
    fn agree(&self, offer: &str, answer: &str) {
        assert_eq!(self.ours.state(), State::Stable);
        let seen = self.run(
            "return { state: pc.signalingState, list: pc.getTransceivers().map(each => [each.mid, each.currentDirection]) };",
        );
        assert_eq!(seen["state"], "stable");
        for section in self.ours.sections().iter().filter(|section| section.kind != Kind::Data) {
            let list = seen["list"].as_array().unwrap();
            let theirs = list.iter().find(|each| each[0] == section.mid.as_str()).map(|each| each[1].clone());
            let theirs = theirs.unwrap_or(Value::Null);
            match section.rejected {
                true => assert!(
                    theirs.is_null() || theirs == "stopped" || theirs == "inactive",
                    "{}: {seen}",
                    section.mid
                ),
                false => assert_eq!(
                    theirs,
                    section.direction.reversed().name(),
                    "{}: {seen}\n{offer}\n{answer}",
                    section.mid
                ),
            }
        }
    }
}

/// What either side writes has nothing to find.
fn clean(text: &str) {
    let document = Document::parse(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.to_vec(), text.as_bytes());
    let findings = document.examine();
    assert!(
        findings.is_empty(),
        "{}\n{text}",
        document.show(&findings[0]).in_profile(Profile::Strict, "sdp")
    );
}

#[test]
fn tracks_and_transceivers_come_and_go_offers_both_ways() {
    let Some(mut call) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    call.theirs("pc.addTransceiver('audio'); pc.addTransceiver('video'); pc.createDataChannel('x')");
    assert_eq!(call.ours.sections().len(), 3);
    assert!(call.ours.data().is_some());
    // They add one, and take a track away.
    call.theirs("pc.addTransceiver('video', { direction: 'sendonly' })");
    call.theirs("pc.removeTrack(pc.getSenders()[1])");
    // We send too, and add what they did not ask for.
    for number in 0..2 {
        call.ours.set_media(number, Direction::SendRecv, track(10 + u32::try_from(number).unwrap()));
    }
    call.ours();
    call.ours.add_media(Kind::Audio, Direction::SendRecv, track(20));
    let (offer, _) = call.ours();
    assert_eq!(offer.matches("m=audio").count(), 2);
    // They end one; its place goes to another, theirs and then ours.
    let (_, answer) = call.theirs("pc.getTransceivers()[1].stop()");
    assert!(answer.contains("m=video 0 "), "{answer}");
    let (offer, _) = call.theirs("pc.addTransceiver('audio')");
    assert_eq!(call.ours.sections().len(), 5, "{offer}");
    let number =
        call.ours.sections().iter().position(|section| section.kind == Kind::Video && !section.rejected);
    call.ours.stop(number.unwrap());
    call.ours();
    call.ours.add_media(Kind::Video, Direction::SendRecv, track(30));
    call.ours();
    assert_eq!(call.ours.sections().len(), 5);
}

#[test]
fn all_directions_are_agreed_on_both_ways() {
    let Some(mut call) = Call::new(BundlePolicy::MaxBundle, "max-bundle") else { return };
    call.theirs("pc.addTransceiver('audio'); pc.addTransceiver('video')");
    call.ours.set_media(0, Direction::SendRecv, track(1));
    call.ours.set_media(1, Direction::SendRecv, track(2));
    let directions = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    for theirs in directions {
        for ours in directions {
            call.ours.set_direction(0, ours);
            call.theirs(&format!("pc.getTransceivers()[0].direction = '{theirs}'"));
            assert_eq!(call.ours.sections()[0].direction, ours.and(theirs.reversed()));
            call.ours();
            assert_eq!(call.ours.sections()[0].direction, ours.and(theirs.reversed()));
        }
    }
}

#[test]
fn ice_restarts_both_ways() {
    let Some(mut call) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    call.theirs("pc.addTransceiver('audio'); pc.createDataChannel('x')");
    let before = call.ours.remote_transport().unwrap().ufrag.clone();
    let role = call.ours.dtls_role();
    call.run("pc.restartIce(); return true;");
    let offer = call.make();
    call.ours.accept_offer(offer.as_bytes()).unwrap();
    assert!(call.ours.remote_restarts_ice() && !call.ours.remote_restarts_dtls());
    call.generation += 1;
    let answer = call.ours.create_answer(&transport(call.generation)).unwrap();
    call.take("answer", &answer);
    call.agree(&offer, &answer);
    assert_ne!(call.ours.remote_transport().unwrap().ufrag, before);
    // Ours: other credentials of ours bring other credentials of theirs.
    let before = call.ours.remote_transport().unwrap().ufrag.clone();
    call.generation += 1;
    call.ours();
    assert_ne!(call.ours.remote_transport().unwrap().ufrag, before);
    assert_eq!(call.ours.dtls_role(), role, "the association goes on");
}

#[test]
fn three_layers_of_simulcast_are_taken_and_offered() {
    let Some(mut call) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    let layers =
        "{ rid: 'f' }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'q', scaleResolutionDownBy: 4 }";
    let (_, answer) = call.theirs(&format!("pc.addTransceiver('video', {{ sendEncodings: [{layers}] }})"));
    assert!(answer.contains("a=simulcast:recv f;h;q\r\n"), "{answer}");
    assert_eq!(call.ours.sections()[0].remote.as_ref().unwrap().rids, ["f", "h", "q"]);
    let count = "return pc.getSenders()[0].getParameters().encodings.length;";
    assert_eq!(call.run(count), 3);
    // It stays so through an exchange that we begin.
    call.ours();
    assert_eq!(call.run(count), 3);
    // Ours: Chromium takes the offer; which of the layers it takes is its own business.
    let number = call.ours.add_media(Kind::Video, Direction::SendOnly, track(9));
    call.ours.set_encodings(number, ["1", "2", "3"].map(Encoding::new).to_vec());
    let (offer, _) = call.ours();
    assert!(offer.contains("a=simulcast:send 1;2;3\r\n") && offer.contains("a=rid:2 send\r\n"), "{offer}");
    let layers: Vec<_> =
        call.ours.sections()[number].sending.iter().map(|layer| layer.rid.as_str()).collect();
    assert!(layers.is_empty() || layers == ["1", "2", "3"], "{layers:?}");
}

#[test]
fn glare_and_rollback_end_in_agreement() {
    let Some(mut call) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    call.theirs("pc.addTransceiver('audio')");
    // We give way.
    call.ours.add_media(Kind::Video, Direction::SendRecv, track(2));
    call.ours.create_offer(&transport(1)).unwrap();
    call.run("pc.addTransceiver('video'); return true;");
    let offer = call.make();
    assert!(call.ours.accept_offer(offer.as_bytes()).is_err());
    call.ours.rollback().unwrap();
    call.ours.accept_offer(offer.as_bytes()).unwrap();
    let answer = call.ours.create_answer(&transport(1)).unwrap();
    call.take("answer", &answer);
    call.agree(&offer, &answer);
    assert_eq!(call.ours.sections()[1].direction, Direction::SendRecv, "what we had added took the place");
    // They give way.
    call.run("pc.addTransceiver('audio'); return true;");
    call.make();
    call.ours.add_media(Kind::Audio, Direction::SendRecv, track(3));
    call.ours();
    call.theirs("");
    // An offer of ours that they take back, and one of theirs that we take back.
    let offer = call.ours.create_offer(&transport(1)).unwrap();
    call.take("offer", &offer);
    call.run("await pc.setRemoteDescription({ type: 'rollback' }); return true;");
    call.ours.rollback().unwrap();
    let offer = call.make();
    call.ours.accept_offer(offer.as_bytes()).unwrap();
    call.ours.rollback().unwrap();
    call.run("await pc.setLocalDescription({ type: 'rollback' }); return true;");
    call.ours();
}

#[test]
fn provisional_answers_are_followed_by_final_ones_both_ways() {
    let Some(mut call) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    call.run("pc.addTransceiver('audio'); return true;");
    let offer = call.make();
    call.ours.accept_offer(offer.as_bytes()).unwrap();
    let provisional = call.ours.create_provisional_answer(&transport(1)).unwrap();
    call.take("pranswer", &provisional);
    assert_eq!(call.run("return pc.signalingState;"), "have-remote-pranswer");
    call.ours.set_media(0, Direction::SendRecv, track(1));
    let answer = call.ours.create_answer(&transport(1)).unwrap();
    call.take("answer", &answer);
    call.agree(&offer, &answer);
    assert_eq!(call.ours.sections()[0].direction, Direction::SendRecv);
    let offer = call.ours.create_offer(&transport(1)).unwrap();
    call.take("offer", &offer);
    let text = call
        .run("const answer = await pc.createAnswer(); await pc.setLocalDescription({ type: 'pranswer', sdp: answer.sdp }); return answer.sdp;");
    call.ours.accept_provisional_answer(text.as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(call.ours.state(), State::HaveRemotePranswer);
    let answer = call.make();
    call.ours.accept_answer(answer.as_bytes()).unwrap();
    call.agree(&offer, &answer);
}

#[test]
fn every_pair_of_bundle_policies_works() {
    let Some(Call { mut browser, .. }) = Call::new(BundlePolicy::Balanced, "balanced") else { return };
    for ours in [BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle] {
        for theirs in ["balanced", "max-compat", "max-bundle"] {
            let mut call = Call::within(browser, ours, theirs);
            call.ours.add_media(Kind::Audio, Direction::SendRecv, track(1));
            call.ours.add_media(Kind::Video, Direction::SendRecv, track(2));
            call.ours.add_media(Kind::Video, Direction::SendRecv, track(3));
            call.ours.add_data();
            for number in 0..4 {
                // Each has a transport of its own, for as long as nothing is bundled.
                call.ours
                    .set_endpoint(number, Endpoint::Secure(transport(10 + u32::try_from(number).unwrap())));
            }
            let (_, answer) = call.ours();
            assert!(answer.contains("a=group:BUNDLE 0 1 2 3\r\n"), "{answer}");
            call.theirs("pc.addTransceiver('audio')");
            call.ours();
            browser = call.browser;
        }
    }
}
