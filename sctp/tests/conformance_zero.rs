//! Zero checksums (RFC 9653), case by case as the scripts of its authors have them, in our own words.
//!
//! | case | test |
//! |---|---|
//! | offered in INIT, in INIT ACK, in neither | `the_offer_names_the_method_...` |
//! | offered with another method, or malformed | `an_offer_of_another_method_...` |
//! | INIT and COOKIE ECHO with zero, received | `packets_that_begin_an_association_...` |
//! | INIT and COOKIE ECHO sent: never with zero | `packets_that_begin_an_association_...` |
//! | only we, only the peer, both offered; received and sent | `each_direction_goes_by_...` |
//! | a right checksum and a wrong one where zero is allowed | `each_direction_goes_by_...` |
//! | out of the blue, and the end of an association | `packets_out_of_the_blue_...` |
//! | after a restart without the offer | `what_a_restart_offers_counts_from_then_on` |
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::packet::Packet;
use nomagic_sctp::{AssociationState as State, Config, SendOptions};

/// Zero Checksum Acceptable with error detection method 1: DTLS.
const OFFER: [u8; 8] = [0x80, 1, 0, 8, 0, 0, 0, 1];

fn zeroed(tag: u32, chunks: &[u8]) -> Vec<u8> {
    let mut packet = packet(tag, chunks);
    packet[8..12].fill(0);
    packet
}

fn all_checked(packets: &[Vec<u8>]) -> bool {
    packets.iter().all(|p| Packet::parse(p).unwrap().checksum_is_valid())
}

fn all_zero(packets: &[Vec<u8>]) -> bool {
    packets.iter().all(|p| Packet::parse(p).unwrap().checksum() == 0)
}

// The offer stands in INIT and INIT ACK, or in neither.
#[test]
fn the_offer_names_the_method_and_can_be_left_out() {
    for on in [true, false] {
        let mut config = Config::default();
        config.zero_checksum = on;
        let mut played = Played::closed(config.clone());
        let answer = played.say(0, &raw(1, 0, &init_value(&[])));
        let ack = value_of(&answer, 2).unwrap();
        let mut played = Played::closed(config);
        played.end.connect(played.now);
        let init = value_of(&played.hear(), 1).unwrap();
        for value in [ack, init] {
            let params = nomagic_sctp::param::Params::parse(&value[16..]).unwrap();
            let found = params.iter().find(|p| p.kind.0 == 0x8001).map(|p| p.value.to_vec());
            assert_eq!(found, on.then(|| vec![0, 0, 0, 1]));
        }
    }
}

// Only the method that we have: others are as good as no offer.
#[test]
fn an_offer_of_another_method_or_length_is_none() {
    for offer in [
        &[0x80, 1, 0, 8, 0, 0, 0, 2][..],
        &[0x80, 1, 0, 8, 0, 0, 0, 0],
        &[0x80, 1, 0, 4],
        &[0x80, 1, 0, 6, 0, 1, 0, 0],
    ] {
        let mut played = Played::up_with(Config::default(), offer);
        played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
        assert!(all_checked(&played.hear()), "{offer:?}");
    }
}

// Setting up needs checksums from both sides, whatever was offered.
#[test]
fn packets_that_begin_an_association_are_checked() {
    let mut played = Played::closed(Config::default());
    played.end.handle_input(played.now, &mut zeroed(0, &raw(1, 0, &init_value(&OFFER))));
    assert!(played.hear().is_empty());
    let (tag, cookie) = played.cookie(&init_value(&OFFER)).unwrap();
    played.end.handle_input(played.now, &mut zeroed(tag, &raw(10, 0, &cookie)));
    assert!(played.hear().is_empty());
    assert_eq!((played.end.state(), played.end.stats().dropped_checksum), (State::Closed, 2));
    played.end.connect(played.now);
    let sent = played.hear();
    assert!(all_checked(&sent));
    // Even a COOKIE ECHO to a peer that offered has one; what follows has not.
    let mut played = Played::calling(Config::default());
    let said = played.tell(&raw(2, 0, &init_value(&[COOKIE, OFFER].concat())));
    assert_eq!(kinds(&said), [10]);
    assert!(all_checked(&said));
    played.tell(&raw(11, 0, &[]));
    assert!(all_zero(&played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]))));
}

// Each direction for itself.
#[test]
fn each_direction_goes_by_what_its_receiver_offered() {
    for (we_offer, peer_offers) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut config = Config::default();
        config.zero_checksum = we_offer;
        let mut played = Played::up_with(config, if peer_offers { &OFFER } else { &[] });
        let heartbeat = raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]);
        played.end.handle_input(played.now, &mut zeroed(played.tag, &heartbeat));
        assert_eq!(played.hear().len(), usize::from(we_offer));
        let said = played.tell(&heartbeat);
        assert_eq!(said.len(), 1, "a right checksum is right always");
        assert_eq!((all_zero(&said), all_checked(&said)), (peer_offers, !peer_offers));
        let mut wrong = packet(played.tag, &heartbeat);
        wrong[11] ^= 1;
        played.end.handle_input(played.now, &mut wrong);
        assert!(played.hear().is_empty(), "a wrong one is wrong always");
    }
}

// Answers without an association know of no offer.
#[test]
fn packets_out_of_the_blue_are_checked_and_answered_with_checksums() {
    let mut played = Played::closed(Config::default());
    let said = played.say(7, &raw(8, 0, &[]));
    assert_eq!(kinds(&said), [14]);
    assert!(all_checked(&said));
    let said = played.say(7, &raw(3, 0, &[0; 12]));
    assert_eq!(kinds(&said), [6]);
    assert!(all_checked(&said));
    // With a peer that offered, the end of an association needs none.
    let mut played = Played::up_with(Config::default(), &OFFER);
    played.end.handle_input(played.now, &mut zeroed(played.tag, &raw(6, 0, &[])));
    assert_eq!(played.end.state(), State::Ended);
}

// A peer that begins anew may be another: what it offers now counts, not what was offered before.
#[test]
fn what_a_restart_offers_counts_from_then_on() {
    for (first, second) in [(&OFFER[..], &[][..]), (&[], &OFFER)] {
        let mut played = Played::up_with(Config::default(), first);
        let heartbeat = raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]);
        assert_eq!(all_zero(&played.tell(&heartbeat)), !first.is_empty());
        let (tag, cookie) = played.cookie(&init_with([9, 100_000, 0xffff_ffff, PEER_TSN], second)).unwrap();
        let said = played.say(tag, &raw(10, 0, &cookie));
        assert_eq!((kinds(&said), tag_of(&said)), (vec![11], 9));
        played.tag = tag;
        let said = played.tell(&heartbeat);
        assert_eq!((all_zero(&said), all_checked(&said)), (!second.is_empty(), second.is_empty()));
    }
}
