use super::*;
use crate::candidate::CandidateKind;

const ROLE: Role = Role::Controlling;

fn base(address: &str, foundation: u16) -> Base {
    let (kind, preference) = (CandidateKind::Host, 65535);
    Base { address: address.parse().unwrap(), kind, preference, priority: 1000, foundation }
}

fn remote(address: &str, priority: u32, foundation: u16) -> Remote {
    Remote { address: address.parse().unwrap(), kind: CandidateKind::Host, priority, foundation }
}

struct Fixture {
    list: CheckList,
    next: u64,
    limit: usize,
}

impl Fixture {
    fn new(limit: usize) -> Self {
        Self { list: CheckList::default(), next: 0, limit }
    }

    fn insert(&mut self, base: &Base, remote: &Remote) -> Option<PairId> {
        self.next += 1;
        self.list.insert(PairId(self.next), base, (0, remote), ROLE, self.limit)
    }

    fn state(&self, id: PairId) -> PairState {
        self.list.get(id).unwrap().state
    }

    fn set(&mut self, id: PairId, state: PairState) {
        self.list.get_mut(id).unwrap().state = state;
    }
}

//= rfc8445#6.1.2.2-1 test
#[test]
fn only_addresses_that_can_talk_are_paired() {
    let mut f = Fixture::new(9);
    let (v4, v6, link) = (base("10.0.0.1:1", 0), base("[2001:db8::1]:1", 1), base("[fe80::1%3]:1", 2));
    assert!(f.insert(&v4, &remote("[2001:db8::2]:1", 1, 0)).is_none());
    assert!(f.insert(&v6, &remote("[fe80::2]:1", 1, 0)).is_none());
    assert!(f.insert(&link, &remote("[2001:db8::2]:1", 1, 0)).is_none());
    assert!(f.insert(&v6, &remote("[2001:db8::2]:1", 1, 0)).is_some());
    let id = f.insert(&link, &remote("[fe80::2]:1", 1, 0)).unwrap();
    assert_eq!(f.list.get(id).unwrap().route.remote.to_string(), "[fe80::2%3]:1");
}

#[test]
fn of_each_foundation_the_best_pair_waits_and_the_others_follow_its_success() {
    let mut f = Fixture::new(9);
    let own = base("10.0.0.1:1", 0);
    let low = f.insert(&own, &remote("10.0.0.2:1", 10, 7)).unwrap();
    assert_eq!(f.state(low), PairState::Waiting);
    let high = f.insert(&own, &remote("10.0.0.2:2", 30, 7)).unwrap();
    let middle = f.insert(&own, &remote("10.0.0.2:3", 20, 7)).unwrap();
    let other = f.insert(&own, &remote("10.0.0.3:1", 5, 8)).unwrap();
    assert_eq!(
        [low, high, middle, other].map(|id| f.state(id)),
        [PairState::Frozen, PairState::Waiting, PairState::Frozen, PairState::Waiting]
    );
    assert_eq!(f.list.next_ordinary(), Some(high));
    f.set(high, PairState::InProgress);
    assert_eq!(f.list.next_ordinary(), Some(other), "another foundation goes before a frozen pair");
    f.set(other, PairState::Failed);
    assert_eq!(f.list.next_ordinary(), None, "while one of the foundation is in progress");
    f.set(high, PairState::Failed);
    assert_eq!(f.list.next_ordinary(), Some(middle));
    f.set(middle, PairState::Succeeded);
    f.list.thaw((0, 7));
    assert_eq!(f.state(low), PairState::Waiting);
    let late = f.insert(&own, &remote("10.0.0.2:9", 1, 7)).unwrap();
    assert_eq!(f.state(late), PairState::Waiting, "its foundation has succeeded already");
}

//= rfc8445#6.1.2.5-2 test
//= rfc8838#11-3 test
//= rfc8838#11-4 test
#[test]
fn a_full_list_gives_up_failed_pairs_then_worse_ones_and_keeps_the_rest() {
    let mut f = Fixture::new(3);
    let own = base("10.0.0.1:1", 0);
    let ids: Vec<PairId> = (1..=3u16)
        .map(|n| f.insert(&own, &remote(&format!("10.0.0.2:{n}"), 100 * u32::from(n), n)).unwrap())
        .collect();
    assert!(f.insert(&own, &remote("10.0.0.3:1", 50, 9)).is_none(), "worse than all");
    let better = f.insert(&own, &remote("10.0.0.3:2", 150, 10)).unwrap();
    assert!(f.list.get(ids[0]).is_none(), "the worst went");
    f.set(ids[2], PairState::Failed);
    let worst = f.insert(&own, &remote("10.0.0.3:3", 1, 11)).unwrap();
    assert!(f.list.get(ids[2]).is_none(), "the failed one went");
    f.set(worst, PairState::Succeeded);
    f.set(better, PairState::InProgress);
    f.set(ids[1], PairState::Succeeded);
    assert!(f.insert(&own, &remote("10.0.0.3:4", 900, 12)).is_none(), "none of these may go");
    assert_eq!(f.list.len(), 3);
}

#[test]
fn a_route_has_one_pair_and_the_triggered_queue_holds_it_once() {
    let mut f = Fixture::new(9);
    let own = base("10.0.0.1:1", 0);
    let id = f.insert(&own, &remote("10.0.0.2:1", 10, 7)).unwrap();
    assert!(f.insert(&own, &remote("10.0.0.2:1", 11, 8)).is_none());
    f.list.trigger(id);
    f.list.trigger(id);
    f.list.trigger_first(id);
    assert_eq!(f.list.next_triggered(), Some(id));
    assert!(!f.list.has_triggered());
}

#[test]
fn a_change_of_roles_changes_who_wins_the_tie() {
    let mut f = Fixture::new(9);
    let id = f.insert(&base("10.0.0.1:1", 0), &remote("10.0.0.2:1", 10, 7)).unwrap();
    assert_eq!(f.list.get(id).unwrap().priority, priority::pair(1000, 10));
    f.list.set_role(Role::Controlled);
    assert_eq!(f.list.get(id).unwrap().priority, priority::pair(10, 1000));
}
