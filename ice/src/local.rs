//! Our candidates and the bases they stand on.

use std::net::{IpAddr, SocketAddr};

use crate::candidate::{Candidate, CandidateKind};
use crate::config::Config;
use crate::error::{AddLocalError, Unusable};
use crate::priority;
use crate::route::canonical;

/// A candidate that the caller has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalCandidate {
    /// Host, server-reflexive or relayed.
    pub kind: CandidateKind,
    /// The address to signal.
    pub address: SocketAddr,
    /// For server-reflexive candidates the host candidate that was mapped; for others the address itself.
    pub base: SocketAddr,
    /// 0 to 65535, more is better; RFC 8421 has advice. `None` takes the next lower of its kind, beginning at 65535.
    /// Where a candidate of the kind has it already, the next lower free one is taken.
    pub preference: Option<u16>,
    /// The server that gave a server-reflexive or relayed address; part of the foundation.
    pub server: Option<IpAddr>,
    /// What to signal as `raddr` and `rport`.
    pub related: Option<SocketAddr>,
}

/// An address that packets are sent from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base {
    pub(crate) address: SocketAddr,
    pub(crate) kind: CandidateKind,
    pub(crate) preference: u16,
    pub(crate) priority: u32,
    /// Stands for the foundation.
    pub(crate) foundation: u16,
}

impl Base {
    /// PRIORITY in our checks: what a peer-reflexive candidate from this base would have; RFC 8445 section 7.1.1.
    //= rfc8445#7.1.1-1
    pub(crate) fn check_priority(&self) -> u32 {
        priority::candidate(CandidateKind::PeerReflexive, self.preference, 1)
    }
}

/// What makes two candidates share a foundation; RFC 8445 section 5.1.1.3.
type Foundation = (CandidateKind, IpAddr, Option<IpAddr>);

#[derive(Debug)]
struct Entry {
    candidate: Candidate,
    address: SocketAddr,
    base: SocketAddr,
    preference: u16,
}

/// All local candidates; they outlive restarts.
#[derive(Debug, Default)]
pub(crate) struct Locals {
    bases: Vec<Base>,
    entries: Vec<Entry>,
    foundations: Vec<Foundation>,
}

impl Locals {
    pub(crate) fn bases(&self) -> &[Base] {
        &self.bases
    }

    pub(crate) fn base(&self, address: SocketAddr) -> Option<&Base> {
        self.bases.iter().find(|base| base.address == address)
    }

    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.entries.iter().map(|entry| &entry.candidate)
    }

    /// The kind of the candidate that the peer sees as `mapped` when packets come from `base`.
    pub(crate) fn kind_of(&self, mapped: SocketAddr, base: SocketAddr) -> CandidateKind {
        let entry = |wanted: &dyn Fn(&&Entry) -> bool| {
            self.entries.iter().find(wanted).map(|entry| entry.candidate.kind())
        };
        entry(&|entry| entry.address == mapped && entry.base == base)
            .or_else(|| entry(&|entry| entry.address == mapped))
            .unwrap_or(CandidateKind::PeerReflexive)
    }

    /// Adds a candidate and says which it is, and whether it brings a new base.
    pub(crate) fn add(
        &mut self,
        new: LocalCandidate,
        config: &Config,
    ) -> Result<(Candidate, Option<Base>), AddLocalError> {
        check_address(new.address, config.loopback)?;
        let (address, mut base) = (canonical(new.address), canonical(new.base));
        let reflexive = match new.kind {
            CandidateKind::Host | CandidateKind::Relayed => false,
            CandidateKind::ServerReflexive => true,
            _ => return Err(AddLocalError::Kind),
        };
        if reflexive {
            self.base(base).ok_or(AddLocalError::Base)?;
        } else {
            base = address;
        }
        // Same address and same base: the one with the lower priority is of no use, RFC 8445 section 5.1.3. Ours come in
        // the order host, reflexive.
        if self.entries.iter().any(|entry| entry.address == address && entry.base == base) {
            return Err(AddLocalError::Redundant);
        }
        if self.entries.len() >= config.max_local {
            return Err(AddLocalError::Full { limit: config.max_local });
        }
        let wanted = new.preference.or_else(|| self.base(base).map(|base| base.preference));
        let preference = self.free_preference(new.kind, wanted.unwrap_or(u16::MAX));
        let foundation = self.foundation((new.kind, base.ip(), new.server));
        let priority = priority::candidate(new.kind, preference, 1);
        let related = new.related.or_else(|| reflexive.then_some(base));
        let candidate = Candidate::udp(new.kind, address, &(foundation + 1).to_string(), priority, related);
        self.entries.push(Entry { candidate: candidate.clone(), address, base, preference });
        let base = (!reflexive).then_some(Base { address, kind: new.kind, preference, priority, foundation });
        self.bases.extend(base);
        Ok((candidate, base))
    }

    /// Preferences are unique among candidates of one kind; RFC 8445 section 5.1.2.1.
    //= rfc8445#5.1.2.1-5
    fn free_preference(&self, kind: CandidateKind, wanted: u16) -> u16 {
        let taken = |preference| {
            self.entries.iter().any(|e| e.candidate.kind() == kind && e.preference == preference)
        };
        let lower = (0..=wanted).rev().find(|preference| !taken(*preference));
        lower.or_else(|| (wanted..=u16::MAX).find(|preference| !taken(*preference))).unwrap_or(0)
    }

    fn foundation(&mut self, new: Foundation) -> u16 {
        let index = self.foundations.iter().position(|known| *known == new).unwrap_or_else(|| {
            self.foundations.push(new);
            self.foundations.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX - 1)
    }
}

/// What can be a candidate's address at all.
pub(crate) fn check_address(address: SocketAddr, loopback: bool) -> Result<(), Unusable> {
    let ip = address.ip();
    let broadcast = ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    if address.port() == 0 {
        return Err(Unusable::Port);
    }
    if ip.is_unspecified() || ip.is_multicast() || broadcast {
        return Err(Unusable::NotUnicast);
    }
    if ip.is_loopback() || ip.to_canonical().is_loopback() {
        return if loopback { Ok(()) } else { Err(Unusable::Loopback) };
    }
    match ip {
        //= rfc8445#5.1.1.1-5
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let compatible = segments[..6] == [0; 6];
            let site_local = segments[0] & 0xffc0 == 0xfec0;
            let deprecated = compatible || site_local || v6.to_ipv4_mapped().is_some();
            if deprecated { Err(Unusable::Deprecated) } else { Ok(()) }
        }
        IpAddr::V4(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    fn host(address: &str) -> LocalCandidate {
        let address = address.parse().unwrap();
        LocalCandidate {
            kind: CandidateKind::Host,
            address,
            base: address,
            preference: None,
            server: None,
            related: None,
        }
    }

    //= rfc8445#5.1.2.1-4 test
    //= rfc8445#5.1.2.1-5 test
    #[test]
    fn preferences_begin_at_the_top_and_are_unique() {
        let (mut locals, config) = (Locals::default(), Config::new(Role::Controlling));
        let (first, _) = locals.add(host("10.0.0.1:1"), &config).unwrap();
        let (second, _) = locals.add(host("10.0.0.2:1"), &config).unwrap();
        let third = LocalCandidate { preference: Some(65535), ..host("10.0.0.3:1") };
        let (third, _) = locals.add(third, &config).unwrap();
        let priorities = [first, second, third].map(|c| c.priority() >> 8 & 0xffff);
        assert_eq!(priorities, [65535, 65534, 65533]);
    }

    //= rfc8445#5.1.1.1-4 test
    //= rfc8445#5.1.1.1-5 test
    #[test]
    fn addresses_that_are_of_no_use_are_refused() {
        let fault = |text: &str| check_address(text.parse().unwrap(), false).unwrap_err();
        assert_eq!(fault("10.0.0.1:0"), Unusable::Port);
        assert_eq!(fault("0.0.0.0:1"), Unusable::NotUnicast);
        assert_eq!(fault("255.255.255.255:1"), Unusable::NotUnicast);
        assert_eq!(fault("[ff02::1]:1"), Unusable::NotUnicast);
        assert_eq!(fault("127.0.0.1:1"), Unusable::Loopback);
        assert_eq!(fault("[::1]:1"), Unusable::Loopback);
        assert_eq!(fault("[fec0::1]:1"), Unusable::Deprecated);
        assert_eq!(fault("[::10.0.0.1]:1"), Unusable::Deprecated);
        assert_eq!(fault("[::ffff:10.0.0.1]:1"), Unusable::Deprecated);
        assert!(check_address("[::1]:1".parse().unwrap(), true).is_ok());
        assert!(check_address("[fe80::1]:1".parse().unwrap(), false).is_ok());
    }

    #[test]
    fn foundations_tell_kinds_bases_and_servers_apart_but_not_ports() {
        let (mut locals, config) = (Locals::default(), Config::new(Role::Controlling));
        let reflexive = |address: &str, base: &str, server: &str| LocalCandidate {
            kind: CandidateKind::ServerReflexive,
            base: base.parse().unwrap(),
            server: server.parse().ok(),
            ..host(address)
        };
        let mut foundation =
            |new| locals.add(new, &config).map(|(candidate, _)| candidate.foundation().to_owned()).unwrap();
        let a = foundation(host("10.0.0.1:1"));
        assert_eq!(foundation(host("10.0.0.1:2")), a);
        let b = foundation(reflexive("192.0.2.1:7", "10.0.0.1:1", "198.51.100.1"));
        assert_ne!(a, b);
        assert_eq!(foundation(reflexive("192.0.2.1:8", "10.0.0.1:2", "198.51.100.1")), b);
        assert_ne!(foundation(reflexive("192.0.2.1:9", "10.0.0.1:2", "198.51.100.2")), b);
    }

    //= rfc8445#5.1.3-1 test
    #[test]
    fn a_reflexive_candidate_that_equals_its_base_is_redundant() {
        let (mut locals, config) = (Locals::default(), Config::new(Role::Controlling));
        locals.add(host("192.0.2.1:1"), &config).unwrap();
        let same = LocalCandidate { kind: CandidateKind::ServerReflexive, ..host("192.0.2.1:1") };
        assert_eq!(locals.add(same, &config).unwrap_err(), AddLocalError::Redundant);
        let stray = LocalCandidate { kind: CandidateKind::ServerReflexive, ..host("192.0.2.9:1") };
        assert_eq!(locals.add(stray, &config).unwrap_err(), AddLocalError::Base);
    }
}
