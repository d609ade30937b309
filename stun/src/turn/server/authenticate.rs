//! Who asks? The long-term mechanism (RFC 8489 section 9.2), which every request to a TURN server goes through.

use std::time::Instant;

use super::Server;
use super::answer::Asked;
use crate::message::Message;
use crate::server::authenticate::Fault;
use crate::turn::FiveTuple;

impl Server {
    /// Finds out who asks; otherwise answers, and there is nothing more to do.
    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        from: FiveTuple,
        request: &Message<'_>,
    ) -> Option<Asked> {
        let mut asked = Asked::new(from, request);
        match self.long_term.check(now, from.client.ip(), request, &self.config.users) {
            Ok(access) => {
                self.allowance.settle(from.client.ip(), &self.keyed);
                asked.access = Some(access);
                Some(asked)
            }
            Err(Fault::Challenge(code)) => {
                self.challenge(now, &asked, code);
                None
            }
            Err(Fault::Refuse(code)) => {
                self.refuse(now, &asked, code);
                None
            }
        }
    }
}
