//! What can be set. Every default is safe on the open Internet; the crate page says what each limit bounds.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::packet::HEADER;
use crate::receive::window;

/// Who decides how much may be in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Controller {
    /// RFC 9260 section 7.2 to the letter, not paced.
    NewReno,
    /// CUBIC (RFC 9438) with HyStart++ (RFC 9406), paced: fills long fast paths, and leaves NewReno its share of others.
    #[default]
    Cubic,
    /// Keeps to the rate that the path delivers, paced, whatever is lost: for paths that lose at random. It takes more
    /// than its share from flows that back off.
    Model,
}

/// Which stream sends next (RFC 8260 section 3). Announcements of channels come first always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheduling {
    /// Octets in proportion to priorities, as RFC 8831 section 6.4 asks.
    #[default]
    WeightedFair,
    /// The same number of octets for each stream.
    Fair,
    /// A message of each stream in turn.
    RoundRobin,
    /// A fragment of each stream in turn; without I-DATA a message.
    RoundRobinPacket,
    /// Higher priorities first.
    Priority,
    /// In the order of `send`.
    FirstComeFirstServed,
}

/// Settings of one association. Change fields of [`Config::default`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Port at this end; `a=sctp-port` of our description; 1 or more. Default 5000.
    pub local_port: u16,
    /// Port at the other end; `a=sctp-port` of the peer's description. Default 5000.
    pub remote_port: u16,
    /// Largest SCTP packet; octets, 256 to 65,000. Default 1,163: 1,200 octets of UDP payload less a DTLS 1.2 AES-GCM record.
    pub path_mtu: usize,
    /// Largest SCTP packet to look for by probes (RFC 8899); octets. Default none: no search. For sockets that keep IP from
    /// fragmenting: 1,435 is what Ethernet, IPv4, UDP and a DTLS 1.2 AES-GCM record leave.
    pub max_path_mtu: Option<usize>,
    /// Streams we want to send on; 1 or more. Default 65,535 (RFC 8831 section 6.2); costs nothing until used.
    pub outbound_streams: u16,
    /// Streams we are ready to receive on; 1 or more. Default 65,535.
    pub inbound_streams: u16,
    /// Largest receive window; octets of user data not yet pulled, 1,500 or more. It begins with 2 MiB, or this if it is less, and
    /// grows as the path asks for. Default 32 MiB: what 500 Mbit/s over 100 ms need.
    pub receive_window: u32,
    /// Largest message taken from the peer, octets; a larger one ends the association. Default 1 MiB.
    pub max_receive_message: usize,
    /// From this many octets on, a message may be pulled before it is whole, with
    /// [`Association::receive_part`](crate::Association::receive_part); 1 or more. For messages that should not or
    /// cannot be held as a whole: with it, and a larger `max_receive_message`, they may pass `receive_window`.
    /// RFC 9260 section 6.9. Default none: whole messages only, as data channels have them.
    pub partial_delivery_point: Option<usize>,
    /// Largest message given to `send`, octets: the peer's `a=max-message-size`. Default 1 MiB.
    pub max_send_message: usize,
    /// What `send` may pile up, sent but unacknowledged data included; octets. Default 32 MiB, as the receive window.
    pub send_buffer: usize,
    /// Retransmission time-out before the first measurement (RFC 9260 section 16: 1 s). Default 500 ms.
    pub rto_initial: Duration,
    /// Smallest retransmission time-out (RFC 9260 section 16: 1 s). Default 300 ms, above the 200 ms a peer may delay a SACK.
    pub rto_min: Duration,
    /// Largest retransmission time-out (RFC 9260 section 16: 60 s). Default 10 s.
    pub rto_max: Duration,
    /// Unanswered retransmissions in a row before the peer counts as gone; RFC 9260 section 8.1. Default 10.
    pub max_retransmits: u32,
    /// Repetitions of INIT or COOKIE ECHO before giving up; RFC 9260 section 5.1. Default 8.
    pub max_init_retransmits: u32,
    /// Silence before a HEARTBEAT asks whether the peer is there; RFC 9260 section 8.3. Default 30 s.
    pub heartbeat_interval: Duration,
    /// How long a SACK may wait for a second packet; at most 500 ms, RFC 9260 section 6.2. Default 20 ms.
    pub sack_delay: Duration,
    /// Life of a state cookie; RFC 9260 section 16. Default 60 s.
    pub cookie_lifetime: Duration,
    /// Offer to do without CRC32c, since DTLS protects the packet (RFC 9653). Used in each direction where the receiver offered it. Default on.
    pub zero_checksum: bool,
    /// Congestion control; RFC 9260 section 7.2. Default [`Controller::Cubic`].
    pub controller: Controller,
    /// Offer to interleave messages (I-DATA, RFC 8260), so that a large one does not hold up the others. Used if the peer
    /// offers it too. Default on.
    pub interleaving: bool,
    /// Which stream sends next. Default [`Scheduling::WeightedFair`].
    pub scheduling: Scheduling,
    /// First congestion window; packets. Default 10, as TCP has it since RFC 6928 (RFC 9260 section 7.2.1: about 4).
    pub initial_window: usize,
    /// Largest congestion window; packets. Default 1,000,000: the network decides. Less keeps bulk data from filling the
    /// queues that media share.
    pub max_window: usize,
    /// How long a graceful shutdown may take before it becomes an abort; RFC 9260 section 9.2, T5: five times the
    /// largest time-out. Default 50 s.
    pub shutdown_timeout: Duration,
    /// How long repeats of the peer's last packet are answered after a graceful end. Default 1 s.
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_port: 5000,
            remote_port: 5000,
            path_mtu: 1163,
            max_path_mtu: None,
            outbound_streams: u16::MAX,
            inbound_streams: u16::MAX,
            receive_window: 32 << 20,
            max_receive_message: 1 << 20,
            partial_delivery_point: None,
            max_send_message: 1 << 20,
            send_buffer: 32 << 20,
            rto_initial: Duration::from_millis(500),
            rto_min: Duration::from_millis(300),
            rto_max: Duration::from_secs(10),
            max_retransmits: 10,
            max_init_retransmits: 8,
            heartbeat_interval: Duration::from_secs(30),
            sack_delay: Duration::from_millis(20),
            cookie_lifetime: Duration::from_secs(60),
            zero_checksum: true,
            controller: Controller::default(),
            interleaving: true,
            scheduling: Scheduling::default(),
            initial_window: 10,
            max_window: 1_000_000,
            shutdown_timeout: Duration::from_secs(50),
            linger: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// The same settings with every value inside its legal range.
    pub(crate) fn clamped(mut self) -> Self {
        self.local_port = self.local_port.max(1);
        self.remote_port = self.remote_port.max(1);
        self.path_mtu = clamp_mtu(self.path_mtu);
        self.max_path_mtu = self.max_path_mtu.map(|most| clamp_mtu(most).max(self.path_mtu));
        self.outbound_streams = self.outbound_streams.max(1);
        self.inbound_streams = self.inbound_streams.max(1);
        self.receive_window = self.receive_window.max(1500);
        self.partial_delivery_point = self.partial_delivery_point.map(|point| point.max(1));
        self.rto_min = self.rto_min.clamp(Duration::from_millis(1), LONGEST_RTO);
        self.rto_max = self.rto_max.clamp(self.rto_min, LONGEST_RTO);
        self.rto_initial = self.rto_initial.clamp(self.rto_min, self.rto_max);
        self.sack_delay = self.sack_delay.min(Duration::from_millis(500));
        self.heartbeat_interval = self.heartbeat_interval.clamp(self.rto_min, LONGEST);
        self.shutdown_timeout = self.shutdown_timeout.min(LONGEST);
        self.linger = self.linger.min(LONGEST);
        self.initial_window = self.initial_window.max(1);
        self.max_window = self.max_window.max(self.initial_window);
        self
    }
}

/// What many associations may share, and beside it what each finds out for itself.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    shared: Arc<Config>,
    pub(crate) path_mtu: usize,
    pub(crate) max_path_mtu: Option<usize>,
    pub(crate) max_send_message: usize,
}

impl Settings {
    pub(crate) fn new(mut shared: Arc<Config>) -> Self {
        let sound = Config::clone(&shared).clamped();
        if *shared != sound {
            shared = Arc::new(sound);
        }
        let Config { path_mtu, max_path_mtu, max_send_message, .. } = *shared;
        Self { shared, path_mtu, max_path_mtu, max_send_message }
    }

    /// What the peer may send at first.
    pub(crate) fn first_window(&self) -> u32 {
        let most = usize::try_from(self.receive_window).unwrap_or(usize::MAX);
        u32::try_from(window::start(most)).unwrap_or(self.receive_window)
    }

    /// What was agreed before counts, whatever was set.
    pub(crate) fn set_interleaving(&mut self, agreed: bool) {
        if self.interleaving != agreed {
            Arc::make_mut(&mut self.shared).interleaving = agreed;
        }
    }

    /// The PMDCS of RFC 9260 section 7: octets that one packet has for DATA chunks.
    pub(crate) fn largest_data(&self) -> usize {
        (self.path_mtu - HEADER) & !3
    }
}

impl Deref for Settings {
    type Target = Config;
    fn deref(&self) -> &Config {
        &self.shared
    }
}

/// Time-outs are kept in microseconds of 32 bits: 71 minutes.
const LONGEST_RTO: Duration = Duration::from_micros(u32::MAX as u64);
/// As good as for ever, and no instant overflows: 100 years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A packet must hold a COOKIE ECHO of ours, and chunk lengths have 16 bits.
pub(crate) fn clamp_mtu(octets: usize) -> usize {
    octets.clamp(256, 65_000)
}
