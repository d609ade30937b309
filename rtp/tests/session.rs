//! Two sessions report to each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use nomagic_rtp::rtcp::{Compound, Packet as Control};
use nomagic_rtp::{Event, NtpTime, Packet, PacketBuilder, Received, Session, SessionConfig};
use nomagic_testkit::{clock, rng};

const MS: Duration = Duration::from_millis(1);
const VIDEO: u8 = 96;

fn session(ssrc: u32) -> Session {
    let mut config = SessionConfig::new(format!("peer-{ssrc}"), ssrc);
    config.clock_rates.insert(VIDEO, 90_000);
    Session::new(config, &mut rng(ssrc.into()))
}

fn media(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let timestamp = u32::from(sequence) * 900;
    PacketBuilder { payload_type: VIDEO, sequence, timestamp, ssrc, ..PacketBuilder::default() }.encode(
        &mut out,
        |_| (),
        b"media",
        0,
    );
    out
}

/// Lets `sender` send packets 10 ms apart, of which `lost` vanish, and both report; 20 ms there, 20 ms back.
fn run(
    sender: &mut Session,
    receiver: &mut Session,
    count: u16,
    lost: impl Fn(u16) -> bool,
) -> (Instant, Vec<Vec<u8>>) {
    let (mut now, mut compounds) = (clock::origin(), Vec::new());
    for sequence in 0..count {
        now += 10 * MS;
        let mut bytes = media(sequence, 1);
        sender.sent(now, &Packet::parse(&bytes).unwrap());
        if !lost(sequence) {
            assert!(matches!(receiver.handle_input(now + 20 * MS, &mut bytes), Received::Payload(_)));
        }
        pass(sender, receiver, now, &mut compounds);
        pass(receiver, sender, now, &mut compounds);
    }
    (now, compounds)
}

/// What `from` has to say reaches `to` 20 ms later.
fn pass(from: &mut Session, to: &mut Session, now: Instant, compounds: &mut Vec<Vec<u8>>) {
    if from.poll_timeout().is_some_and(|due| due <= now) {
        from.handle_timeout(now);
    }
    let mut out = Vec::new();
    if from.poll_transmit(now, &mut out).is_some() {
        compounds.push(out.clone());
        assert!(matches!(to.handle_input(now + 20 * MS, &mut out), Received::Consumed));
    }
}

#[test]
fn losses_are_counted_and_round_trips_measured() {
    let (mut sender, mut receiver) = (session(1), session(2));
    sender.set_wall_clock(clock::origin(), NtpTime::from_unix(Duration::from_secs(1_700_000_000)));
    let (_, compounds) = run(&mut sender, &mut receiver, 1000, |sequence| sequence % 10 == 9);
    let source = receiver.sources().find(|source| source.ssrc == 1).unwrap();
    assert_eq!((source.highest_sequence, source.lost), (998, 99));
    assert!(source.jitter < 10, "an even stream has no jitter");
    let events: Vec<_> = std::iter::from_fn(|| sender.poll_event()).collect();
    assert!(
        events.iter().any(|event| matches!(event, Event::RoundTrip { ssrc: 1, time } if *time <= 60 * MS)),
        "{events:?}"
    );
    assert_eq!(receiver.poll_event(), Some(Event::Joined(1)));
    let mut blocks = 0;
    for compound in &compounds {
        let packets: Vec<_> = Compound::new(compound).map(|packet| packet.unwrap()).collect();
        assert!(
            matches!(packets[0], Control::SenderReport(_) | Control::ReceiverReport(_)),
            "a report first"
        );
        assert!(
            packets.iter().any(|packet| matches!(packet, Control::SourceDescription(_))),
            "a name in each"
        );
        if let Control::ReceiverReport(report) = packets[0] {
            for block in report.reports.iter() {
                blocks += 1;
                assert!(
                    (20..=30).contains(&block.fraction_lost),
                    "a tenth is lost, not {}/256",
                    block.fraction_lost
                );
            }
        }
    }
    assert!(blocks >= 5, "ten seconds have about ten reports, not {blocks}");
}

#[test]
fn feedback_goes_out_at_once_and_arrives_as_events() {
    let (mut sender, mut receiver) = (session(1), session(2));
    let (now, _) = run(&mut sender, &mut receiver, 3, |_| false);
    while sender.poll_event().is_some() {}
    receiver.request_keyframe(now, 1).unwrap();
    receiver.demand_keyframe(now, 1).unwrap();
    receiver.report_lost(now, 1, &[7, 9]).unwrap();
    let mut out = Vec::new();
    receiver.poll_transmit(now, &mut out).unwrap();
    sender.handle_input(now, &mut out);
    let events: Vec<_> = std::iter::from_fn(|| sender.poll_event()).collect();
    let lost = Event::PacketsLost { ssrc: 1, sequences: vec![7, 9] };
    assert_eq!(events, [Event::KeyframeRequested(1), Event::KeyframeRequested(1), lost]);
}

#[test]
fn a_goodbye_is_heard_and_a_silent_source_is_forgotten() {
    let (mut sender, mut receiver) = (session(1), session(2));
    let (now, _) = run(&mut sender, &mut receiver, 200, |_| false);
    while receiver.poll_event().is_some() {}
    sender.close(now);
    assert!(!sender.is_closed());
    let mut out = Vec::new();
    sender.poll_transmit(now, &mut out).unwrap();
    assert!(
        sender.is_closed()
            && sender.poll_transmit(now, &mut out).is_none()
            && sender.poll_timeout().is_none()
    );
    receiver.handle_input(now, &mut out);
    assert_eq!(receiver.poll_event(), Some(Event::Left(1)));

    let (mut sender, mut receiver) = (session(1), session(2));
    run(&mut sender, &mut receiver, 3, |_| false);
    while receiver.poll_event().is_some() {}
    for _ in 0..12 {
        let due = receiver.poll_timeout().unwrap();
        receiver.handle_timeout(due);
        receiver.poll_transmit(due, &mut Vec::new());
    }
    assert_eq!(receiver.poll_event(), Some(Event::Left(1)));
}

#[test]
fn forged_sources_stay_within_the_limit() {
    let mut receiver = session(2);
    let now = clock::origin();
    for ssrc in 10..10_000 {
        receiver.handle_input(now, &mut media(1, ssrc));
    }
    assert_eq!(receiver.sources().count(), 64);
    assert!(receiver.stats().too_many_sources > 9000);
}

#[test]
fn another_sender_with_our_number_is_a_collision() {
    let mut sender = session(1);
    let now = clock::origin();
    sender.sent(now, &Packet::parse(&media(1, 1)).unwrap());
    assert!(matches!(sender.handle_input(now, &mut media(5, 1)), Received::Consumed));
    assert_eq!(sender.poll_event(), Some(Event::Collision(1)));
    assert!(matches!(sender.handle_input(now, &mut [0x40, 0]), Received::NotMine));
}
