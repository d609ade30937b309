//! How long a binding lasts without traffic: RFC 5780 section 4.6.
//!
//! A request from the first socket makes or refreshes the binding. After a time the second socket asks, and the answer is
//! to go to the first: if it arrives there, the binding is still there. The time doubles until the binding is gone, then
//! the span in between is halved.

use std::time::{Duration, Instant};

use super::{BindingLifetime, DiscoveryEvent, Finding, NatDiscovery, Socket, Test, is_unknown};
use crate::binding::{BindingEvent, BindingOutcome, BindingRequest};

/// The shortest time that is tried.
const SHORTEST: Duration = Duration::from_secs(15);
/// Narrow enough.
const PRECISION: Duration = Duration::from_secs(5);

/// How far the search has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    longest: Duration,
    at_least: Duration,
    less_than: Option<Duration>,
    wait: Duration,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The first socket asks, so that there is a binding.
    Refresh,
    /// Nothing is sent; then the second socket asks for an answer to this outer port of the first.
    Probe { port: u16 },
}

impl Search {
    pub(super) fn new(longest: Duration) -> Self {
        let wait = SHORTEST.min(longest);
        Self { longest, at_least: Duration::ZERO, less_than: None, wait, stage: Stage::Refresh }
    }

    /// The search after a probe; `None` when it is over.
    fn after(mut self, alive: bool) -> (BindingLifetime, Option<Self>) {
        if alive {
            self.at_least = self.wait;
        } else {
            self.less_than = Some(self.wait);
        }
        let found = BindingLifetime { at_least: self.at_least, less_than: self.less_than };
        let next = match self.less_than {
            None if self.at_least >= self.longest => None,
            None => Some((self.at_least * 2).min(self.longest)),
            Some(less_than) => {
                let span = less_than.saturating_sub(self.at_least);
                (span > PRECISION).then(|| self.at_least + span / 2)
            }
        };
        (found, next.map(|wait| Self { wait, stage: Stage::Refresh, ..self }))
    }
}

impl NatDiscovery {
    pub(super) fn start_lifetime(&mut self, now: Instant, search: Search, mut request: BindingRequest) {
        match search.stage {
            Stage::Refresh => self.ask(now, Socket::First, request, self.config.schedule),
            Stage::Probe { port } => {
                request.response_port = Some(port);
                self.ask(now, Socket::Second, request, self.config.silence);
            }
        }
    }

    pub(super) fn lifetime_outcome(
        &mut self,
        now: Instant,
        mut search: Search,
        at: Option<Socket>,
        event: BindingEvent,
    ) {
        match (search.stage, event.outcome) {
            (Stage::Refresh, BindingOutcome::Mapped(mapped)) => {
                search.stage = Stage::Probe { port: mapped.port() };
                self.test = Test::Lifetime(search);
                self.pause = now.checked_add(search.wait);
            }
            (Stage::Probe { .. }, BindingOutcome::Mapped(_) | BindingOutcome::TimedOut) => {
                // At the second socket it has gone to a new binding that happens to have the old one's port.
                let (found, next) = search.after(at == Some(Socket::First));
                self.lifetime(now, Finding::Known(found), next);
            }
            //= rfc5780#5-1
            (Stage::Probe { .. }, outcome) if is_unknown(outcome) => {
                self.lifetime(now, Finding::Unsupported, None);
            }
            _ => self.lifetime(now, Finding::Unanswered, None),
        }
    }

    fn lifetime(&mut self, now: Instant, found: Finding<BindingLifetime>, next: Option<Search>) {
        self.report.lifetime = found;
        self.tell(DiscoveryEvent::Lifetime);
        self.next(now, next.map_or(Test::Done, Test::Lifetime));
    }
}
