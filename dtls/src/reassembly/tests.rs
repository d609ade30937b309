use proptest::prelude::*;

use super::*;

const CERTIFICATE: MessageType = MessageType::CERTIFICATE;

fn header(sequence: u16, total: usize, offset: usize, length: usize) -> FragmentHeader {
    let [total, offset, length] = [total, offset, length].map(|value| u32::try_from(value).unwrap());
    FragmentHeader { kind: CERTIFICATE, total, sequence, offset, length }
}

fn insert(to: &mut Reassembly, sequence: u16, total: usize, offset: usize, fragment: &[u8]) -> Fate {
    to.insert(&header(sequence, total, offset, fragment.len()), fragment)
}

/// D13: empty fragments of messages that are not empty are nothing; an empty message is whole at once.
#[test]
fn empty_fragments_take_no_place() {
    let mut reassembly = Reassembly::new(1000);
    assert_eq!(insert(&mut reassembly, 0, 10, 0, &[]), Fate::Refused);
    assert_eq!(insert(&mut reassembly, 0, 10, 5, &[]), Fate::Refused);
    assert!(reassembly.messages.iter().all(Option::is_none));
    assert_eq!(insert(&mut reassembly, 0, 0, 0, &[]), Fate::Kept);
    assert!(reassembly.pop().unwrap().body.is_empty());
    assert_eq!(insert(&mut reassembly, 0, 0, 0, &[]), Fate::Old);
}

/// D14, D19: who contradicts the first fragment in length or type is not heard.
#[test]
fn the_first_fragment_says_what_the_message_is() {
    let mut reassembly = Reassembly::new(1000);
    assert_eq!(insert(&mut reassembly, 0, 4, 0, &[1, 2]), Fate::Kept);
    assert_eq!(insert(&mut reassembly, 0, 5, 2, &[9, 9]), Fate::Refused);
    let other = FragmentHeader { kind: MessageType::SERVER_HELLO, ..header(0, 4, 2, 2) };
    assert_eq!(reassembly.insert(&other, &[9, 9]), Fate::Refused);
    assert_eq!(insert(&mut reassembly, 0, 4, 2, &[3, 4]), Fate::Kept);
    let whole = reassembly.pop().unwrap();
    assert_eq!((whole.kind, whole.body), (CERTIFICATE, vec![1, 2, 3, 4]));
}

/// D16: of fragments that overlap, the octet that came first stays.
//= rfc6347#4.2.3-5 test
#[test]
fn what_came_first_stays() {
    let mut reassembly = Reassembly::new(1000);
    insert(&mut reassembly, 0, 6, 1, &[1, 1]);
    insert(&mut reassembly, 0, 6, 0, &[2, 2, 2, 2]);
    insert(&mut reassembly, 0, 6, 3, &[3, 3, 3]);
    assert_eq!(reassembly.pop().unwrap().body, [2, 1, 1, 2, 3, 3]);
}

/// D17: a length that somebody claims reserves nothing.
#[test]
fn memory_grows_with_what_came() {
    let mut reassembly = Reassembly::new(1 << 16);
    assert_eq!(insert(&mut reassembly, 0, 0xff_ffff, 0, &[1]), Fate::NoRoom);
    assert_eq!(insert(&mut reassembly, 0, 60_000, 0, &[1]), Fate::Kept);
    assert_eq!(insert(&mut reassembly, 0, 60_000, 50_000, &[1]), Fate::NoRoom);
    assert_eq!(insert(&mut reassembly, 0, 60_000, 8193, &[1]), Fate::Kept);
    assert_eq!(reassembly.held, 8194);
    let capacity: usize = reassembly.messages.iter().flatten().map(|message| message.body.capacity()).sum();
    assert!(capacity < 20_000);
}

/// D17: twenty thousand fragments of one octet, the first of all missing, cost no more than their number.
#[test]
fn many_tiny_fragments_are_cheap() {
    let mut reassembly = Reassembly::new(1 << 16);
    for _ in 0..10 {
        for at in 1..20_000 {
            assert_eq!(insert(&mut reassembly, 0, 20_000, at, &[7]), Fate::Kept);
        }
    }
    assert_eq!(reassembly.pop(), None);
    insert(&mut reassembly, 0, 20_000, 0, &[7]);
    assert_eq!(reassembly.pop().unwrap().body, [7; 20_000]);
    assert_eq!(reassembly.held, 0);
}

/// D18: only a few messages ahead are kept, and the numbers may be any.
#[test]
fn messages_far_ahead_are_not_kept() {
    let mut reassembly = Reassembly::new(1 << 16);
    for sequence in 0..=u16::MAX {
        let fate = insert(&mut reassembly, sequence, 100, 0, &[1]);
        assert_eq!(fate == Fate::Kept, sequence < WINDOW, "{sequence}");
    }
    assert_eq!(reassembly.held, usize::from(WINDOW));
}

/// D18, D20: all messages together stay within the limit, and come in order.
//= rfc6347#4.2.2-1 test
//= rfc6347#4.2.2-2 test
#[test]
fn messages_come_in_order_and_within_the_limit() {
    let mut reassembly = Reassembly::new(10);
    assert_eq!(insert(&mut reassembly, 1, 4, 0, &[1; 4]), Fate::Kept);
    assert_eq!(insert(&mut reassembly, 2, 5, 0, &[2; 5]), Fate::Kept);
    assert_eq!(reassembly.pop(), None);
    assert_eq!(insert(&mut reassembly, 0, 2, 0, &[3; 2]), Fate::NoRoom);
    assert_eq!(insert(&mut reassembly, 0, 1, 0, &[3; 1]), Fate::Kept);
    let order: Vec<u16> = std::iter::from_fn(|| reassembly.pop()).map(|whole| whole.sequence).collect();
    assert_eq!(order, [0, 1, 2]);
    assert_eq!(insert(&mut reassembly, 2, 5, 0, &[2; 5]), Fate::Old);
}

proptest! {
    /// D22: cut anywhere, in any order, with repetitions.
    //= rfc6347#4.2.3-4 test
    #[test]
    fn any_fragments_that_cover_a_message_make_it_whole(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        cuts in proptest::collection::vec((0usize..300, 1usize..40), 0..40),
        order: u64,
    ) {
        let mut parts: Vec<(usize, usize)> = (0..body.len()).step_by(17).map(|at| (at, 17)).collect();
        parts.extend(cuts);
        parts.sort_by_key(|(at, length)| (order ^ (*at as u64) << 7 ^ *length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut reassembly = Reassembly::new(1 << 16);
        for (at, length) in parts {
            let end = (at + length).min(body.len());
            if at < end {
                insert(&mut reassembly, 0, body.len(), at, &body[at..end]);
            }
        }
        prop_assert_eq!(reassembly.pop().map(|whole| whole.body), Some(body));
        prop_assert_eq!(reassembly.held, 0);
    }
}
