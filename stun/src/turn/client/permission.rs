//! CreatePermission, from the client's side; RFC 8656 section 10.

use std::net::IpAddr;
use std::time::Instant;

use super::event::{Event, PeerError};
use super::peers::{PERMISSION, Permission};
use super::request::Ask;
use super::response::Outcome;
use super::{Client, State, early};
use crate::turn::Protocol;

impl Client {
    /// Lets a peer's address through, and keeps it so. [`Event::Permitted`] says when.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub fn permit(&mut self, now: Instant, ip: IpAddr) -> Result<(), PeerError> {
        let now = self.advance(now);
        self.check_family(ip)?;
        let permission = self.want_permission(ip)?;
        if !permission.pending && !permission.holds(now) {
            permission.pending = true;
            self.ask(now, Ask::Permit(vec![ip]));
        }
        self.reschedule();
        Ok(())
    }

    /// Lets a permission run out. The server keeps it for up to five minutes; there is no way to take it back.
    pub fn revoke(&mut self, now: Instant, ip: IpAddr) {
        self.advance(now);
        if let Some(permission) = self.permissions.get_mut(&ip) {
            permission.wanted = false;
        }
        self.reschedule();
    }

    //= rfc8656#10.1-3
    pub(super) fn check_family(&self, ip: IpAddr) -> Result<(), PeerError> {
        match &self.state {
            State::Allocated(own) if own.relayed.iter().any(|relayed| relayed.is_ipv4() == ip.is_ipv4()) => {
                Ok(())
            }
            State::Allocated(_) => Err(PeerError::Family(ip)),
            _ => Err(PeerError::NotAllocated),
        }
    }

    /// The protocol towards the peers.
    pub(super) fn protocol(&self) -> Protocol {
        match self.config.wanted {
            super::Wanted::Tcp { .. } => Protocol::Tcp,
            _ => Protocol::Udp,
        }
    }

    pub(super) fn want_permission(&mut self, ip: IpAddr) -> Result<&mut Permission, PeerError> {
        let limit = self.config.permissions;
        if !self.permissions.contains_key(&ip) && self.permissions.len() >= limit {
            return Err(PeerError::WouldBlock { limit });
        }
        let permission = self.permissions.entry(ip).or_default();
        permission.wanted = true;
        Ok(permission)
    }

    /// Renews what is due, all of it in one request, and forgets what has run out.
    pub(super) fn renew_permissions(&mut self, now: Instant) {
        let expired =
            |permission: &Permission| !permission.wanted && !permission.pending && !permission.holds(now);
        self.permissions.retain(|_, permission| !expired(permission));
        let due = |permission: &Permission| {
            permission.wanted && !permission.pending && permission.renew.is_some_and(|renew| renew <= now)
        };
        let mut ips = Vec::new();
        for (ip, permission) in self.permissions.iter_mut().filter(|(_, permission)| due(permission)) {
            (permission.pending, permission.renew) = (true, None);
            ips.push(*ip);
        }
        if !ips.is_empty() {
            self.ask(now, Ask::Permit(ips));
        }
    }

    pub(super) fn permit_answered(
        &mut self,
        now: Instant,
        at: Instant,
        ips: &[IpAddr],
        outcome: Outcome<'_>,
    ) {
        for ip in ips {
            match (&outcome, ips) {
                (Outcome::Success(_), _) => self.permitted(at, *ip),
                // All were refused for the sake of one: they are asked for one by one.
                (Outcome::Refused(..), [_, _, ..]) => self.ask(now, Ask::Permit(vec![*ip])),
                _ => {
                    let holds = self.permissions.get(ip).is_some_and(|own| own.holds(now));
                    if outcome.code().is_none() && holds {
                        // There is time for another try.
                        self.ask(now, Ask::Permit(vec![*ip]));
                    } else {
                        self.permissions.remove(ip);
                        self.tell(Event::NotPermitted { ip: *ip, code: outcome.code() });
                    }
                }
            }
        }
    }

    /// The server lets an address through, for five minutes from when it was asked.
    pub(super) fn permitted(&mut self, at: Instant, ip: IpAddr) {
        let Some(permission) = self.permissions.get_mut(&ip) else { return };
        let new = permission.until.is_none();
        permission.pending = false;
        permission.until = Some(at + PERMISSION);
        permission.renew = Some(at + early(PERMISSION));
        if new {
            self.tell(Event::Permitted(ip));
        }
    }
}
