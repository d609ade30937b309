//! Ends and packets out of the blue, purpose by purpose: ETSI TS 102 369 (`SCTP_AT`, `SCTP_DM`, `SCTP_FH`) for one path,
//! in our own words. `FH_O_5_3_5` is about addresses that are not unicast, which DTLS does not have.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
mod common;

use common::*;
use nomagic_sctp::{AssociationState as State, CloseReason, Config, SendError, SendOptions};

fn send(played: &mut Played) {
    played.end.send(played.now, 0, pattern(100, 1), SendOptions::default()).unwrap();
    assert_eq!(kinds(&played.hear()), [0]);
}

fn shutdown_of_all(played: &Played) -> Vec<u8> {
    raw(7, 0, &played.tsn.wrapping_sub(1).to_be_bytes())
}

// AT_V_2_2, and the abort of our own user.
//= rfc9260#3.3.7-2 test
//= rfc9260#3.3.7-3 test
//= rfc9260#8.5.1-4 test
//= rfc9260#9.1-1 test
//= rfc9260#9.1-2 test
#[test]
fn an_abort_of_ours_is_told_with_the_peers_tag_and_without_data() {
    for make in [Played::echoing as fn(Config) -> Played, Played::up, Played::called] {
        let mut played = make(Config::default());
        played.end.send(played.now, 0, pattern(3000, 1), SendOptions::default()).unwrap();
        played.end.abort(played.now);
        let said = played.hear();
        assert_eq!((kinds(&said), tag_of(&said), chunks(&said)[0].1), (vec![6], PEER_TAG, 0));
        assert_eq!(causes(&said), [12]);
        assert_eq!(ended(&mut played), Some(CloseReason::Local));
        assert!(played.hear().is_empty() && played.end.is_closed());
    }
}

// AT_V_2_2, FH_O_5_3_2.
//= rfc9260#3.3.7-4 test
//= rfc9260#3.3.7-5 test
//= rfc9260#8.4-2 test
//= rfc9260#9.1-4 test
//= rfc9260#9.1-5 test
//= rfc9260#9.1-6 test
#[test]
fn an_abort_of_the_peer_is_the_end_and_never_answered() {
    for make in [Played::calling as fn(Config) -> Played, Played::echoing, Played::up] {
        let mut played = make(Config::default());
        // One whose causes do not add up is no ABORT.
        assert!(played.tell(&raw(6, 0, &[0, 12, 0, 99])).is_empty());
        assert_ne!(played.end.state(), State::Ended);
        // With others before it; DATA behind it is not looked at.
        let chunks =
            [raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]), raw(6, 0, &[0, 12, 0, 4]), data(PEER_TSN, 11, 0, 0, b"x")];
        let said = played.tell(&chunks.concat());
        assert!(!kinds(&said).contains(&6), "{said:?}");
        assert_eq!(ended(&mut played), Some(CloseReason::PeerAbort { cause: 12 }));
        assert!(played.end.receive(played.now).is_none());
        assert!(played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4])).is_empty());
    }
    assert!(Played::closed(Config::default()).say(5, &raw(6, 0, &[])).is_empty());
    assert!(Played::closed(Config::default()).say(5, &raw(6, 1, &[])).is_empty());
}

// AT_I_2_3, AT_I_2_4.
//= rfc9260#3.3.8-1 test
#[test]
fn shutdown_waits_until_everything_is_acknowledged() {
    let mut played = Played::called(Config::default());
    send(&mut played);
    played.end.shutdown(played.now);
    assert!(played.hear().is_empty());
    assert_eq!(played.end.state(), State::ShutdownPending);
    let said = played.tell(&sack(played.tsn, 100_000, &[]));
    assert_eq!(kinds(&said), [7]);
    assert_eq!(be32(&value_of(&said, 7).unwrap()), PEER_TSN - 1);
}

// AT_I_2_5.
//= rfc9260#9.2-2 test
//= rfc9260#9.2-3 test
#[test]
fn shutdown_is_repeated_with_the_newest_tsn_ever_slower_and_not_for_ever() {
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    assert_eq!(kinds(&played.hear()), [7]);
    let mut waits = Vec::new();
    let mut last = Vec::new();
    while played.end.state() != State::Ended {
        let before = played.now;
        let said = played.wait();
        if kinds(&said).contains(&7) {
            waits.push(played.now - before);
        }
        if waits.len() == 1 {
            played.tell(&data(PEER_TSN, 11, 0, 0, b"x"));
        }
        last = said;
        if let Some(value) = value_of(&last, 7).filter(|_| waits.len() > 1) {
            assert_eq!(be32(&value), PEER_TSN);
        }
    }
    assert!(waits.len() >= 5, "{waits:?}");
    assert!(waits[2..5].windows(2).all(|w| w[1] == 2 * w[0]), "{waits:?}");
    assert_eq!(kinds(&last), [6]);
    assert_eq!(ended(&mut played), Some(CloseReason::ShutdownTimeout));
}

// AT_V_2_6.
//= rfc9260#3.3.13-1 test
//= rfc9260#9.2-19 test
#[test]
fn shutdown_ack_is_answered_and_nothing_is_left() {
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    played.hear();
    let said = played.tell(&raw(8, 0, &[]));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![14], PEER_TAG));
    assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
    // Repeated, it is answered as out of the blue while we linger; then nothing is left.
    assert_eq!(kinds(&played.tell(&raw(8, 0, &[]))), [14]);
    assert!(played.tell(&data(PEER_TSN, 11, 0, 0, b"x")).is_empty());
    played.wait();
    assert!(played.end.is_closed() && played.end.poll_timeout().is_none());
    assert!(played.tell(&raw(8, 0, &[])).is_empty());
}

// AT_I_2_7_1 to AT_I_2_7_4.
//= rfc9260#4-8 test
//= rfc9260#4-10 test
//= rfc9260#9.2-8 test
//= rfc9260#9.2-9 test
#[test]
fn no_message_is_taken_once_the_end_has_begun_and_what_was_taken_is_delivered() {
    let refuses = |played: &mut Played, state| {
        assert_eq!(played.end.state(), state);
        let refused = played.end.send(played.now, 0, pattern(1, 1), SendOptions::default());
        assert_eq!(refused, Err(SendError::Closed), "{state:?}");
    };
    let mut played = Played::up(Config::default());
    send(&mut played);
    played.end.shutdown(played.now);
    refuses(&mut played, State::ShutdownPending);
    played.tell(&sack(played.tsn, 100_000, &[]));
    refuses(&mut played, State::ShutdownSent);
    let mut played = Played::up(Config::default());
    send(&mut played);
    let shutdown = shutdown_of_all(&played);
    assert!(played.tell(&shutdown).is_empty());
    refuses(&mut played, State::ShutdownReceived);
    // The wish to end changes nothing now, SHUTDOWN is still heard, and the data goes out until it has arrived.
    played.end.shutdown(played.now);
    played.tell(&shutdown);
    assert_eq!(played.end.state(), State::ShutdownReceived);
    assert_eq!(kinds(&played.wait()), [0]);
    let said = played.tell(&raw(7, 0, &played.tsn.to_be_bytes()));
    assert_eq!(kinds(&said), [8]);
    refuses(&mut played, State::ShutdownAckSent);
}

// AT_I_2_8.
//= rfc9260#4-7 test
//= rfc9260#9.2-10 test
//= rfc9260#9.2-11 test
#[test]
fn data_behind_our_shutdown_is_answered_at_once_and_gives_the_peer_more_time() {
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    played.hear();
    let deadline = played.end.poll_timeout().unwrap();
    played.now += 100 * MS;
    let said = played.tell(&data(PEER_TSN, 3, 0, 0, b"x"));
    assert_eq!(kinds(&said), [7, 3]);
    assert_eq!(be32(&value_of(&said, 7).unwrap()), PEER_TSN);
    assert_eq!(played.end.poll_timeout(), Some(deadline + 100 * MS));
    // A hole or a duplicate is told with a SACK.
    let said = played.tell(&data(PEER_TSN + 2, 3, 0, 2, b"z"));
    assert_eq!(kinds(&said), [7, 3]);
    assert_eq!(value_of(&said, 3).unwrap()[8..16], [0, 1, 0, 0, 0, 2, 0, 2]);
    let said = played.tell(&data(PEER_TSN, 3, 0, 0, b"x"));
    assert_eq!(kinds(&said), [7, 3]);
    // A HEARTBEAT is no DATA.
    assert_eq!(kinds(&played.tell(&raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]))), [5]);
}

// AT_I_2_9, AT_I_2_10.
//= rfc9260#3.3.8-2 test
//= rfc9260#4-9 test
#[test]
fn a_shutdown_before_our_data_has_arrived_waits_for_it_and_takes_nothing_back() {
    let mut played = Played::up(Config::default());
    for _ in 0..4 {
        send(&mut played);
    }
    // The last three have arrived; SHUTDOWN cannot say so.
    played.tell(&sack(played.tsn.wrapping_sub(1), 100_000, &[(2, 4)]));
    let flight = played.end.stats().flight;
    played.tell(&shutdown_of_all(&played));
    assert_eq!((played.end.state(), played.end.stats().flight), (State::ShutdownReceived, flight));
    let sent: u64 = played.end.stats().retransmissions;
    let again = played.wait();
    assert!(kinds(&again).iter().filter(|k| **k == 0).count() <= 1, "{}", text(&again));
    assert!(played.end.stats().retransmissions <= sent + 1);
    assert_eq!(kinds(&played.tell(&sack(played.tsn.wrapping_add(3), 100_000, &[]))), [8]);
}

// AT_I_2_11, AT_I_2_12.
//= rfc9260#9.2-16 test
#[test]
fn shutdown_ack_is_repeated_until_it_is_answered_or_given_up() {
    let mut played = Played::up(Config::default());
    assert_eq!(kinds(&played.tell(&shutdown_of_all(&played))), [8]);
    let mut repeated = 0;
    while played.end.state() != State::Ended {
        repeated += kinds(&played.wait()).iter().filter(|k| **k == 8).count();
    }
    assert!((5..=10).contains(&repeated), "{repeated}");
    // Both sides have everything: this is no failure.
    assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
}

// AT_I_2_13, AT_V_2_14.
//= rfc9260#3.3.9-1 test
//= rfc9260#9.2-15 test
#[test]
fn a_shutdown_that_acknowledges_everything_is_answered_at_once() {
    let mut played = Played::up(Config::default());
    send(&mut played);
    let said = played.tell(&raw(7, 0, &played.tsn.to_be_bytes()));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![8], PEER_TAG));
    assert_eq!(played.end.state(), State::ShutdownAckSent);
    played.tell(&raw(14, 0, &[]));
    assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
}

// DM_O_4_5, DM_O_4_6_3, DM_O_4_7_3: both sides ended at the same time.
//= rfc9260#9.2-28 test
#[test]
fn shutdowns_that_cross_end_in_one() {
    let mut played = Played::up(Config::default());
    played.end.shutdown(played.now);
    played.hear();
    played.now += 100 * MS;
    assert_eq!(kinds(&played.tell(&shutdown_of_all(&played))), [8]);
    assert_eq!(played.end.state(), State::ShutdownAckSent);
    assert_eq!(
        played.end.poll_timeout(),
        Some(played.now + Config::default().rto_initial),
        "T2 has begun anew"
    );
    let said = played.tell(&raw(8, 0, &[]));
    assert_eq!((kinds(&said), tag_of(&said)), (vec![14], PEER_TAG));
    assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
}

// DM_O_4_6_1, DM_O_4_6_2, DM_O_4_7_1, DM_O_4_7_2, DM_O_4_9, DM_O_4_10.
#[test]
fn words_of_the_end_where_nothing_ends_are_dropped_or_answered_as_out_of_the_blue() {
    let shutdown = raw(7, 0, &[0; 4]);
    let (ack, complete) = (raw(8, 0, &[]), raw(14, 0, &[]));
    let mut calling = Played::calling(Config::default());
    assert!(calling.tell(&shutdown).is_empty());
    assert_eq!(kinds(&calling.tell(&ack)), [14]);
    assert!(calling.tell(&complete).is_empty());
    assert_eq!(calling.end.state(), State::CookieWait);
    let mut closed = Played::closed(Config::default());
    assert_eq!(kinds(&closed.say(5, &shutdown)), [6]);
    let mut up = Played::up(Config::default());
    assert!(up.tell(&ack).is_empty() && up.tell(&complete).is_empty());
    assert_eq!(up.end.state(), State::Established);
    up.tell(&shutdown_of_all(&up));
    assert!(up.tell(&data(PEER_TSN, 11, 0, 0, b"x")).is_empty());
    assert_eq!((up.end.state(), up.end.receive(up.now)), (State::ShutdownAckSent, None));
}

// FH_O_5_3_1, FH_O_5_3_3, FH_O_5_3_4.
//= rfc9260#3.3.7-6 test
//= rfc9260#8.4-11 test
//= rfc9260#8.4-12 test
//= rfc9260#8.5.1-5 test
#[test]
fn a_packet_out_of_the_blue_is_answered_by_a_reflected_abort_and_forgotten() {
    let mut played = Played::closed(Config::default());
    let said = played.say(4711, &[raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]), data(1, 11, 0, 0, b"x")].concat());
    assert_eq!((chunks(&said)[0].0, chunks(&said)[0].1, tag_of(&said), said.len()), (6, 1, 4711, 1));
    assert!(played.end.receive(played.now).is_none());
    for silent in [raw(14, 0, &[]), raw(11, 0, &[]), raw(9, 0, &[0, 3, 0, 8, 0, 0, 0, 1]), raw(6, 0, &[])] {
        assert!(played.say(4711, &silent).is_empty());
        assert!(played.say(4711, &[raw(4, 0, &[0, 1, 0, 8, 1, 2, 3, 4]), silent].concat()).is_empty());
    }
    assert_eq!(played.end.state(), State::Closed);
}

// FH_I_5_1_1, FH_I_5_1_2, RT_I_11_1.
//= rfc9260#8.1-3 test
#[test]
fn data_that_is_never_acknowledged_ends_the_association_after_so_many_time_outs() {
    let mut config = Config::default();
    config.max_retransmits = 4;
    let mut played = Played::up(config);
    send(&mut played);
    let mut waits = vec![];
    while played.end.state() != State::Ended {
        let before = played.now;
        if kinds(&played.wait()) == [0] {
            waits.push(played.now - before);
        }
    }
    assert_eq!(waits.len(), 4);
    assert!(waits.windows(2).all(|w| w[1] == 2 * w[0]), "{waits:?}");
    assert_eq!(ended(&mut played), Some(CloseReason::PeerUnreachable));
    assert!(played.hear().is_empty() && played.end.poll_timeout().is_none());
}

// FH_V_5_2.
//= rfc9260#8.1-5 test
#[test]
fn an_acknowledgement_or_an_answered_heartbeat_begins_the_count_again() {
    let mut config = Config::default();
    config.max_retransmits = 4;
    let mut played = Played::up(config.clone());
    for _ in 0..12 {
        send(&mut played);
        (0..3).for_each(|_| assert_eq!(kinds(&played.wait()), [0]));
        played.tell(&sack(played.tsn, 100_000, &[]));
        played.tsn = played.tsn.wrapping_add(1);
    }
    // The same of HEARTBEATs: three unanswered, then one that is.
    let mut played = Played::up(config);
    for round in 0..12 {
        let mut asked: Vec<Vec<u8>> = Vec::new();
        while asked.len() < 4 {
            asked.extend(value_of(&played.wait(), 4));
        }
        played.tell(&raw(5, 0, &asked[3]));
        assert_eq!(played.end.state(), State::Established, "round {round}");
    }
}

// Section 8.3: who answers a HEARTBEAT, and how.
//= rfc9260#3.3.6-1 test
//= rfc9260#3.3.6-2 test
//= rfc9260#8.3-3 test
#[test]
fn a_heartbeat_is_answered_with_its_own_words_from_the_cookie_to_the_end() {
    let value = [0, 1, 0, 11, 1, 2, 3, 4, 5, 6, 7, 0];
    let shut = |config| {
        let mut played = Played::up(config);
        played.end.shutdown(played.now);
        played.hear();
        played
    };
    for make in [Played::echoing as fn(Config) -> Played, Played::up, Played::called, shut] {
        let said = make(Config::default()).tell(&raw(4, 0, &value));
        assert_eq!((kinds(&said), tag_of(&said)), (vec![5], PEER_TAG));
        assert_eq!(value_of(&said, 5).unwrap(), value);
    }
    assert!(Played::calling(Config::default()).tell(&raw(4, 0, &value)).is_empty());
}

// The application wants an end; a peer that begins anew meanwhile does not undo that (RFC 9260 section 5.2.4, action A).
#[test]
fn a_shutdown_of_ours_outlives_a_restart_of_the_peer() {
    for pending in [true, false] {
        let mut played = Played::up(Config::default());
        if pending {
            played.end.send(played.now, 0, pattern(10, 1), SendOptions::default()).unwrap();
        }
        played.end.shutdown(played.now);
        let said = played.hear();
        assert_eq!(kinds(&said), [if pending { 0 } else { 7 }]);
        let init = init_with([9, 100_000, 0xffff_ffff, PEER_TSN], &[]);
        let (tag, cookie) = played.cookie(&init).unwrap();
        let mut said = played.say(tag, &raw(10, 0, &cookie));
        said.extend(played.hear());
        assert!(kinds(&said).contains(&7), "{}", text(&said));
        let said = played.say(tag, &raw(8, 0, &[]));
        assert_eq!(kinds(&said), [14]);
        assert_eq!(ended(&mut played), Some(CloseReason::Shutdown));
    }
}
