//! DTLS with SCTP inside, as one machine with the usual verbs.

use std::fmt;
use std::time::{Duration, Instant};

use nomagic_dtls::{Admission, Config, Connection, Event, Input, Role};
use nomagic_sctp::channel::{Channels, Role as SctpRole};
use rand::CryptoRng;

/// How long channels may take to say goodbye before DTLS does.
const GRACE: Duration = Duration::from_secs(5);

/// One end of an association.
pub struct Link {
    dtls: Connection,
    channels: Channels,
    role: SctpRole,
    closing: Option<Instant>,
    /// Why DTLS has ended, and whether it was ever up.
    end: Option<String>,
    secured: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({:?}, {:?})", self.role, self.channels.association().state())
    }
}

impl Link {
    /// An end that begins at once. A server's client has been let in by a gate, with this admission.
    pub fn new(
        dtls: Config,
        admission: Option<Admission>,
        sctp: nomagic_sctp::Config,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let role = if dtls.role() == Role::Client { SctpRole::Client } else { SctpRole::Server };
        let channels = Channels::new(sctp, rng);
        let dtls = match admission {
            Some(admission) => Connection::admitted(dtls, admission, rng),
            None => Connection::new(dtls, rng),
        };
        Self { dtls, channels, role, closing: None, end: None, secured: false }
    }

    /// Takes a datagram.
    pub fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        if let Input::Payload(payloads) = self.dtls.handle_input(now, datagram) {
            for packet in payloads {
                self.channels.handle_input(now, packet);
            }
        }
        self.collect(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.dtls.handle_timeout(now);
        self.channels.handle_timeout(now);
        self.collect(now);
    }

    /// Appends the next datagram to `out`; says whether there was one.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.dtls.poll_transmit(now, out).is_some() {
            return true;
        }
        if !self.secured || self.end.is_some() {
            return false;
        }
        // A packet is written behind the room that a record's header needs, and sealed where it stands.
        let start = out.len();
        let at = start + self.dtls.headroom();
        out.resize(at, 0);
        let sealed = self.channels.poll_transmit(now, out).is_some() && self.dtls.seal(now, out, at).is_ok();
        if !sealed {
            out.truncate(start);
        }
        sealed
    }

    /// When to call [`Link::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let machines = [self.dtls.poll_timeout(), self.channels.poll_timeout(), self.closing];
        machines.into_iter().flatten().min()
    }

    /// The channels: to open, to send on, to receive from.
    pub fn channels(&mut self) -> &mut Channels {
        &mut self.channels
    }

    /// Ends: channels first, so that nothing that was sent is lost.
    pub fn close(&mut self, now: Instant) {
        if self.closing.is_none() {
            self.channels.close(now);
            self.closing = Some(now + GRACE);
            self.collect(now);
        }
    }

    /// Whether nothing more is to be sent.
    pub fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    /// What DTLS settled on, once it did.
    pub fn security(&self) -> Option<String> {
        self.dtls.connected().map(|connected| connected.to_string())
    }

    /// Why the connection ended.
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    fn collect(&mut self, now: Instant) {
        while let Some(event) = self.dtls.poll_event() {
            match event {
                Event::Connected(_) => {
                    self.secured = true;
                    self.channels.connect(now, self.role);
                }
                Event::Closed(reason) => self.end = Some(reason.to_string()),
                _ => {}
            }
        }
        let over = self.channels.is_closed() || self.closing.is_some_and(|until| until <= now);
        if over && self.end.is_none() && (self.secured || self.closing.is_some()) {
            self.dtls.close(now);
            self.closing = None;
        }
    }
}
