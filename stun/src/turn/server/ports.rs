//! Which relayed addresses are free; RFC 8656 section 7.2, and RFC 6056 section 3.3.1 for the choice among them.

use std::net::SocketAddr;

use rand::{Rng, RngExt};

use super::config::RelayRange;
use crate::attribute::AddressFamily;
use crate::turn::{Protocol, family};

/// What kind of port is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Any,
    Even,
    /// An even one, and the next one to be held.
    Pair,
}

pub(super) struct Ports {
    pools: Vec<Pool>,
}

/// One relay address and protocol: a bit for each port in the range.
struct Pool {
    range: RelayRange,
    protocol: Protocol,
    taken: Vec<u64>,
}

impl Ports {
    pub(super) fn new(ranges: &[RelayRange]) -> Self {
        let pools = ranges.iter().flat_map(|range| {
            let ports = usize::from(range.ports.end().saturating_sub(*range.ports.start())) + 1;
            [Protocol::Udp, Protocol::Tcp].map(|protocol| Pool {
                range: range.clone(),
                protocol,
                taken: vec![0; ports.div_ceil(64)],
            })
        });
        Self { pools: pools.filter(|pool| !pool.range.ports.is_empty()).collect() }
    }

    /// Whether there are addresses of this family at all.
    pub(super) fn serves(&self, wanted: AddressFamily) -> bool {
        self.pools.iter().any(|pool| family(pool.address(0)) == wanted)
    }

    /// Takes an address, if there is one; for a pair the next port is taken too.
    //= rfc8656#7.2-13
    pub(super) fn take(
        &mut self,
        protocol: Protocol,
        wanted: AddressFamily,
        want: Want,
        rng: &mut impl Rng,
    ) -> Option<SocketAddr> {
        let fits = |pool: &&mut Pool| pool.protocol == protocol && family(pool.address(0)) == wanted;
        let count = self.pools.iter_mut().filter(fits).count();
        if count == 0 {
            return None;
        }
        let first = rng.random_range(0..count);
        for number in 0..count {
            let pool = self.pools.iter_mut().filter(fits).nth((first + number) % count)?;
            if let Some(address) = pool.take(want, rng) {
                return Some(address);
            }
        }
        None
    }

    /// Gives an address back.
    pub(super) fn release(&mut self, protocol: Protocol, address: SocketAddr) {
        for pool in &mut self.pools {
            let own = pool.protocol == protocol && pool.range.ip == address.ip();
            if let Some(offset) = pool.offset(address.port()).filter(|_| own) {
                pool.set(offset, false);
            }
        }
    }
}

impl Pool {
    fn len(&self) -> u32 {
        u32::from(*self.range.ports.end()) - u32::from(*self.range.ports.start()) + 1
    }

    fn address(&self, offset: u32) -> SocketAddr {
        let port = self.range.ports.start().saturating_add(u16::try_from(offset).unwrap_or(u16::MAX));
        SocketAddr::new(self.range.ip, port)
    }

    fn offset(&self, port: u16) -> Option<u32> {
        self.range.ports.contains(&port).then(|| u32::from(port - self.range.ports.start()))
    }

    fn is_free(&self, offset: u32) -> bool {
        let word = self.taken.get(offset as usize / 64).copied().unwrap_or(u64::MAX);
        offset < self.len() && word >> (offset % 64) & 1 == 0
    }

    fn set(&mut self, offset: u32, taken: bool) {
        if let Some(word) = self.taken.get_mut(offset as usize / 64) {
            let bit = 1 << (offset % 64);
            *word = if taken { *word | bit } else { *word & !bit };
        }
    }

    /// The first fitting port from a random one on.
    fn take(&mut self, want: Want, rng: &mut impl Rng) -> Option<SocketAddr> {
        let len = self.len();
        let first = rng.random_range(0..len);
        let fits = |offset: u32| match want {
            Want::Any => self.is_free(offset),
            Want::Even => self.is_free(offset) && self.address(offset).port().is_multiple_of(2),
            Want::Pair => {
                self.is_free(offset)
                    && self.address(offset).port().is_multiple_of(2)
                    && self.is_free(offset + 1)
            }
        };
        let mut offset = first;
        loop {
            if fits(offset) {
                break;
            }
            // A word that is wholly taken is stepped over.
            let full = self.taken.get(offset as usize / 64) == Some(&u64::MAX);
            let step = if full { 64 - offset % 64 } else { 1 };
            let next = offset + step;
            // Round the end, and back at the beginning nothing is free.
            let passed = offset < first && next >= first;
            if passed || (next >= len && first == 0) {
                return None;
            }
            offset = if next >= len { 0 } else { next };
            if offset == first {
                return None;
            }
        }
        self.set(offset, true);
        if want == Want::Pair {
            self.set(offset + 1, true);
        }
        Some(self.address(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::rng;
    use std::collections::BTreeSet;

    fn ports(first: u16, last: u16) -> Ports {
        Ports::new(&[RelayRange { ip: "192.0.2.1".parse().unwrap(), ports: first..=last }])
    }

    #[test]
    fn every_port_is_given_once_and_again_when_it_is_back() {
        let (mut ports, mut rng) = (ports(50_000, 50_299), rng(1));
        let mut take =
            |ports: &mut Ports| ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Any, &mut rng);
        let given: BTreeSet<_> = (0..300).filter_map(|_| take(&mut ports)).collect();
        assert_eq!(given.len(), 300);
        assert_eq!(take(&mut ports), None);
        let back = *given.iter().nth(77).unwrap();
        ports.release(Protocol::Tcp, back);
        assert_eq!(take(&mut ports), None, "the other protocol's port is another one");
        ports.release(Protocol::Udp, back);
        assert_eq!(take(&mut ports), Some(back));
    }

    #[test]
    fn pairs_are_even_and_take_two() {
        for seed in 0..50 {
            let (mut ports, mut rng) = (ports(50_001, 50_010), rng(seed));
            let mut pairs = 0;
            while let Some(address) = ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Pair, &mut rng) {
                assert_eq!(address.port() % 2, 0);
                assert!(address.port() < 50_010, "the next port is beyond the range");
                pairs += 1;
            }
            assert_eq!(pairs, 4);
            assert_eq!(
                ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Even, &mut rng).unwrap().port(),
                50_010
            );
            assert_eq!(
                ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Any, &mut rng).unwrap().port(),
                50_001
            );
            assert_eq!(ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Any, &mut rng), None);
            assert_eq!(ports.take(Protocol::Udp, AddressFamily::Ipv6, Want::Any, &mut rng), None);
        }
    }

    /// Predictable ports let an attacker off the path send to them.
    #[test]
    fn ports_come_in_no_order() {
        let (mut ports, mut rng) = (ports(49_152, 65_535), rng(1));
        let mut take = || ports.take(Protocol::Udp, AddressFamily::Ipv4, Want::Any, &mut rng).unwrap().port();
        let given: Vec<u16> = (0..100).map(|_| take()).collect();
        let neighbours = given.windows(2).filter(|two| two[0].abs_diff(two[1]) < 10).count();
        assert!(neighbours < 5, "{given:?}");
    }
}
