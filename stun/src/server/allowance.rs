//! How much is answered to those who have proved nothing, in a table whose size never changes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::keyed::Keyed;

/// Accounts. Sources that fall on the same one share it: what they pay in is theirs together, so that nobody is shut out
/// by others, only slowed.
const ACCOUNTS: usize = 1 << 14;

pub(crate) struct Allowance {
    config: UnauthenticatedAnswers,
    start: Option<Instant>,
    accounts: Box<[Account]>,
}

/// What has been spent, and the millisecond of the last gain, which wraps after 49 days: an account that nobody has touched
/// for so long may gain a little less, and no other.
#[derive(Clone, Copy, Default)]
struct Account {
    spent: u32,
    at: u32,
}

impl Allowance {
    pub(crate) fn new(config: UnauthenticatedAnswers) -> Self {
        Self { config, start: None, accounts: vec![Account::default(); ACCOUNTS].into() }
    }

    /// Whether a request of `received` octets from `ip` may be answered with `answer` octets; if so they are counted.
    pub(crate) fn spend(
        &mut self,
        now: Instant,
        ip: IpAddr,
        keyed: &Keyed,
        received: usize,
        answer: usize,
    ) -> bool {
        let at = self.millisecond(now);
        let UnauthenticatedAnswers { burst, per_second } = self.config;
        let index = usize::try_from(keyed.hash(&source(ip)) % (ACCOUNTS as u64)).unwrap_or_default();
        let Some(account) = self.accounts.get_mut(index) else { return false };
        let gained = u64::from(at.wrapping_sub(account.at)) * u64::from(per_second) / 1000;
        if gained > 0 {
            account.at = at;
        }
        let paid = gained.saturating_add(received as u64);
        let left = u64::from(account.spent).saturating_sub(paid);
        let spent = left + answer as u64;
        let granted = spent <= u64::from(burst);
        account.spent = u32::try_from(if granted { spent } else { left }).unwrap_or(u32::MAX);
        granted
    }

    /// Someone at `ip` has signed a nonce that was sent there, so the address is no forged one: the account is settled.
    pub(crate) fn settle(&mut self, ip: IpAddr, keyed: &Keyed) {
        let index = usize::try_from(keyed.hash(&source(ip)) % (ACCOUNTS as u64)).unwrap_or_default();
        if let Some(account) = self.accounts.get_mut(index) {
            account.spent = 0;
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the count wraps")]
    fn millisecond(&mut self, now: Instant) -> u32 {
        let since: Duration = now.saturating_duration_since(*self.start.get_or_insert(now));
        since.as_millis() as u32
    }
}

/// The network that an address belongs to, since whoever has one address in it has others.
fn source(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
        // The upper 48 bits, and one more that tells the families apart.
        IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 80).unwrap_or_default() | 1 << 63,
    }
}

/// How much is sent over UDP to addresses that may be forged.
///
/// Each source, an IPv4 address's /24 or an IPv6 address's /48, has an account. What it sends is paid in, each answer is
/// paid from it, and it fills up with time and when someone there signs a request. So whoever forges a victim's address
/// makes the server send no more octets than were spent on it, but for this allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnauthenticatedAnswers {
    /// Octets beyond those received that a source may be sent at once; default 4096.
    pub burst: u32,
    /// Octets a second that an account gains by itself; default 512.
    pub per_second: u32,
}

impl Default for UnauthenticatedAnswers {
    fn default() -> Self {
        Self { burst: 4096, per_second: 512 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nomagic_testkit::{clock::origin, rng};

    #[test]
    fn beyond_the_allowance_no_more_goes_out_than_came_in() {
        let keyed = Keyed::new(&mut rng(1));
        let mut allowance = Allowance::new(UnauthenticatedAnswers { burst: 1000, per_second: 0 });
        let ip = "192.0.2.1".parse().unwrap();
        let answered = (0..10_000).filter(|_| allowance.spend(origin(), ip, &keyed, 28, 140)).count();
        assert!(answered * 140 <= 10_000 * 28 + 1000, "{answered}");
        assert!(answered * 140 > 10_000 * 28 - 1000, "{answered}: but as much as came in");
    }

    #[test]
    fn time_fills_the_account_and_other_networks_have_their_own() {
        let keyed = Keyed::new(&mut rng(1));
        let mut allowance = Allowance::new(UnauthenticatedAnswers { burst: 200, per_second: 100 });
        let mut ask = |seconds, ip: &str| {
            let now = origin() + Duration::from_secs(seconds);
            allowance.spend(now, ip.parse().unwrap(), &keyed, 0, 200)
        };
        assert!(ask(0, "192.0.2.1"));
        assert!(!ask(1, "192.0.2.77"));
        assert!(ask(1, "192.0.3.1") && ask(1, "2001:db8::1"));
        assert!(ask(2, "192.0.2.1") && !ask(2, "192.0.2.1"));
        // Months later, too.
        for month in 1..=12 {
            assert!(ask(month * 30 * 86_400, "192.0.2.1") && !ask(month * 30 * 86_400 + 1, "192.0.2.1"));
            assert!(ask(month * 30 * 86_400 + 2, "192.0.2.1"), "month {month}");
        }
        allowance.settle("192.0.2.5".parse().unwrap(), &keyed);
        let now = origin() + Duration::from_secs(12 * 30 * 86_400 + 2);
        assert!(allowance.spend(now, "192.0.2.1".parse().unwrap(), &keyed, 0, 200));
    }
}
