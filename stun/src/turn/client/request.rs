//! The requests that a client has under way.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::config::{Port, Wanted};
use super::{Client, GOODBYES, State};
use crate::attribute::{
    AdditionalAddressFamily, AddressFamily, ChannelNumberAttribute, ConnectionId, DontFragment, EvenPort,
    Lifetime, MobilityTicket, RequestedAddressFamily, RequestedTransport, Software, XorPeerAddress,
};
use crate::build::{MessageBuilder, Open};
use crate::kind::{Class, MessageType, Method, TransactionId};
use crate::session::{Attempt, Choice, Who};
use crate::turn::ChannelNumber;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Allocate,
    Refresh,
    Release,
    Move,
    Permit(Vec<IpAddr>),
    Bind(ChannelNumber),
    Connect(SocketAddr),
    Join(ConnectionId),
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) ask: Ask,
    /// When it was first made: what it renews counts from then, since the server counts from later.
    pub(super) at: Instant,
    pub(super) attempt: Attempt,
}

impl Client {
    pub(super) fn ask(&mut self, now: Instant, ask: Ask) {
        self.start(now, Pending { ask, at: now, attempt: Attempt::default() });
    }

    /// Sends a request, signed with what the server has told us by now.
    pub(super) fn start(&mut self, now: Instant, mut pending: Pending) {
        let id = TransactionId::random(&mut self.rng);
        let mut request = Vec::new();
        let builder =
            MessageBuilder::new(&mut request, MessageType::new(pending.ask.method(), Class::Request), id);
        let builder = self.fill(&pending.ask, builder);
        let who = Who::Long(&self.config.credential, Choice::Strongest);
        let finished = self.session.sign(who, &mut pending.attempt, builder);
        debug_assert!(finished.is_ok(), "what a client asks fits into a message");
        let mut schedule = self.round_trips.schedule(now, self.server, self.config.schedule);
        if pending.ask == Ask::Release {
            schedule.attempts = schedule.attempts.min(GOODBYES);
            schedule.last_wait = schedule.last_wait.min(4);
        }
        self.stats.requests += 1;
        self.transactions.start(id, request, schedule, pending);
    }

    fn fill<'o>(&self, ask: &Ask, builder: MessageBuilder<'o, Open>) -> MessageBuilder<'o, Open> {
        match ask {
            Ask::Allocate => self.fill_allocate(self.software(builder)),
            Ask::Refresh => self.lifetime(self.software(builder)),
            Ask::Release => self.software(builder).attribute(&Lifetime(0)),
            Ask::Move => {
                let builder = self.lifetime(self.software(builder));
                match &self.state {
                    State::Allocated(super::Own { ticket: Some(ticket), .. }) => {
                        builder.attribute(&MobilityTicket(ticket))
                    }
                    _ => builder,
                }
            }
            // The port does not matter.
            Ask::Permit(ips) => ips
                .iter()
                .fold(builder, |builder, ip| builder.attribute(&XorPeerAddress(SocketAddr::new(*ip, 0)))),
            Ask::Bind(number) => {
                let builder = builder.attribute(&ChannelNumberAttribute(number.number()));
                match self.channels.get(number) {
                    Some(channel) => builder.attribute(&XorPeerAddress(channel.peer)),
                    None => builder,
                }
            }
            Ask::Connect(peer) => builder.attribute(&XorPeerAddress(*peer)),
            Ask::Join(connection) => builder.attribute(connection),
        }
    }

    //= rfc8656#7.1-4
    fn fill_allocate<'o>(&self, builder: MessageBuilder<'o, Open>) -> MessageBuilder<'o, Open> {
        let of = |builder: MessageBuilder<'o, Open>, family: Option<AddressFamily>| match family {
            Some(family) => builder.attribute(&RequestedAddressFamily(family)),
            None => builder,
        };
        let udp = RequestedTransport::UDP;
        let mut builder = match self.config.wanted {
            Wanted::Udp { family, port } => {
                let builder = of(builder.attribute(&udp), family);
                match port {
                    Port::Any => builder,
                    Port::Even => builder.attribute(&EvenPort(false)),
                    Port::EvenAndNext => builder.attribute(&EvenPort(true)),
                }
            }
            Wanted::Both { even } => {
                let both = AdditionalAddressFamily(AddressFamily::Ipv6);
                let builder = builder.attribute(&udp).attribute(&both);
                if even { builder.attribute(&EvenPort(false)) } else { builder }
            }
            Wanted::Reserved(token) => builder.attribute(&udp).attribute(&token),
            Wanted::Tcp { family } => of(builder.attribute(&RequestedTransport::TCP), family),
        };
        if self.config.dont_fragment && !matches!(self.config.wanted, Wanted::Tcp { .. }) {
            builder = builder.attribute(&DontFragment);
        }
        if self.config.mobile {
            builder = builder.attribute(&MobilityTicket(&[]));
        }
        self.lifetime(builder)
    }

    fn lifetime<'o>(&self, builder: MessageBuilder<'o, Open>) -> MessageBuilder<'o, Open> {
        match self.config.lifetime {
            Some(lifetime) => {
                builder.attribute(&Lifetime(u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).max(1)))
            }
            None => builder,
        }
    }

    fn software<'o>(&self, builder: MessageBuilder<'o, Open>) -> MessageBuilder<'o, Open> {
        match Software::new(&self.config.software) {
            Ok(software) if !self.config.software.is_empty() => builder.attribute(&software),
            _ => builder,
        }
    }
}

impl Ask {
    fn method(&self) -> Method {
        match self {
            Self::Allocate => Method::ALLOCATE,
            Self::Refresh | Self::Release | Self::Move => Method::REFRESH,
            Self::Permit(_) => Method::CREATE_PERMISSION,
            Self::Bind(_) => Method::CHANNEL_BIND,
            Self::Connect(_) => Method::CONNECT,
            Self::Join(_) => Method::CONNECTION_BIND,
        }
    }
}
