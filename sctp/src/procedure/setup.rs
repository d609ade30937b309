//! Setting up an association (RFC 9260 section 5), collisions and restarts included (section 5.2).
//!
//! Both sides of a WebRTC session send INIT. Our tag and first TSN are chosen once, so every INIT ACK sent before the
//! association is up speaks of the same association as our own INIT, whatever is lost: the collision always ends in one.

use std::time::Instant;

use crate::association::Association;
use crate::cause::{self, CauseCode};
use crate::chunk::{Chunk, ChunkType, Init};
use crate::cookie::Cookie;
use crate::event::CloseReason;
use crate::param::{self, ParamType, Params};
use crate::state::{Echo, Retry, State};
use crate::tcb::{Local, Peer, Tcb};

/// INIT and INIT ACK must announce at least this window (RFC 9260 section 3.3.2).
pub(crate) const LEAST_WINDOW: u32 = 1500;

impl Association {
    /// Parameters that both INIT and INIT ACK carry. The last one needs no padding, and is not Forward-TSN-Supported if that
    /// can be helped: `rtc-sctp` does not read a parameter without a value at the end of the chunk, nor the packet then.
    fn write_offer(&self, out: &mut Vec<u8>) {
        let extensions =
            [ChunkType::RECONFIG, ChunkType::FORWARD_TSN, ChunkType::I_DATA, ChunkType::I_FORWARD_TSN];
        let offered = if self.config.interleaving { 4 } else { 2 };
        let extensions = extensions.map(|kind| kind.0);
        param::write(out, ParamType::SUPPORTED_EXTENSIONS, &extensions[..offered]);
        param::write(out, ParamType::FORWARD_TSN, &[]);
        if self.config.zero_checksum {
            param::write(out, ParamType::ZERO_CHECKSUM, &[0, 0, 0, 1]);
        }
    }

    fn our_init<'a>(&self, local: Local, params: Params<'a>) -> Init<'a> {
        Init {
            tag: local.tag,
            a_rwnd: self.config.first_window(),
            outbound: self.config.outbound_streams,
            inbound: self.config.inbound_streams,
            initial_tsn: local.initial_tsn,
            params,
        }
    }

    /// Our INIT, encoded.
    pub(crate) fn init_chunk(&self) -> Vec<u8> {
        let (mut params, mut out) = (Vec::new(), Vec::new());
        self.write_offer(&mut params);
        if let Ok(params) = Params::parse(&params) {
            Chunk::Init(self.our_init(self.local, params)).encode(&mut out);
        }
        out
    }

    /// INIT in any state: answered with a cookie, and nothing is remembered (sections 5.1, 5.2.1, 5.2.2).
    pub(crate) fn on_init(&mut self, now: Instant, init: &Init<'_>) {
        if init.tag == 0 {
            self.stats.dropped_malformed += 1;
            return;
        }
        if let State::ShutdownAckSent { t2, .. } = &mut self.state {
            // Section 9.2: the INIT is dropped and SHUTDOWN ACK sent again.
            t2.due = true;
            return;
        }
        if init.outbound == 0 || init.inbound == 0 || init.a_rwnd < LEAST_WINDOW {
            self.refuse_setup(init.tag, CauseCode::INVALID_PARAMETER, &[]);
            return;
        }
        if init.params.find(ParamType::HOST_NAME).is_some() {
            // Section 3.3.2.1.4: deprecated, and no name is ever resolved here.
            self.refuse_setup(init.tag, CauseCode::UNRESOLVABLE_ADDRESS, &[]);
            return;
        }
        let unknown = unknown_params(init.params, self.config.path_mtu);
        let (local, tie) = match &self.state {
            State::Closed | State::CookieWait { .. } => (self.local, (0, 0)),
            State::CookieEchoed { tcb, .. } => (self.local, tcb.tie),
            State::Lingering { .. } | State::Ended => return,
            other => {
                let tie = other.tcb().map_or((0, 0), |tcb| tcb.tie);
                (Local::random(&mut self.seed.generator()), tie)
            }
        };
        let cookie = Cookie { created: self.millis(now), local, peer: Peer::read(init), tie };
        let mut params = Vec::new();
        param::write(&mut params, ParamType::STATE_COOKIE, &self.cookie_key.seal(&cookie));
        for raw in unknown {
            param::write(&mut params, ParamType::UNRECOGNIZED, &raw);
        }
        self.write_offer(&mut params);
        let Ok(params) = Params::parse(&params) else { return };
        let mut value = Vec::new();
        let mut answer = self.our_init(local, params);
        // Section 3.3.3: no more streams than the peer can take.
        answer.outbound = answer.outbound.min(init.inbound);
        answer.write(&mut value);
        self.reply_alone(init.tag, ChunkType::INIT_ACK, 0, &value);
    }

    /// ABORT in answer to an INIT or INIT ACK; its tag is the one that the chunk announced (section 5.1).
    fn refuse_setup(&mut self, tag: u32, code: CauseCode, information: &[u8]) {
        self.reply_alone(tag, ChunkType::ABORT, 0, &cause::only(code, information));
    }

    /// INIT ACK: only waited for in COOKIE-WAIT (section 5.2.3).
    pub(crate) fn on_init_ack(&mut self, now: Instant, init: &Init<'_>) {
        if !matches!(self.state, State::CookieWait { .. }) {
            self.stats.dropped_unexpected += 1;
            return;
        }
        if init.tag == 0 {
            // The peer's tag is unknown: ours goes back, reflected (section 3.3.3).
            let causes = cause::only(CauseCode::INVALID_PARAMETER, &[]);
            self.reply_alone(self.local.tag, ChunkType::ABORT, 1, &causes);
            self.end(CloseReason::ProtocolViolation);
            return;
        }
        if init.a_rwnd < LEAST_WINDOW {
            // The one fault that leaves our INIT standing (section 3.3.3).
            self.refuse_setup(init.tag, CauseCode::INVALID_PARAMETER, &[]);
            self.stats.dropped_unexpected += 1;
            return;
        }
        let cookie = init.params.find(ParamType::STATE_COOKIE);
        let fault: Option<(CauseCode, &[u8])> = if init.outbound == 0 || init.inbound == 0 {
            Some((CauseCode::INVALID_PARAMETER, &[]))
        } else if init.params.find(ParamType::HOST_NAME).is_some() {
            Some((CauseCode::UNRESOLVABLE_ADDRESS, &[]))
        } else {
            // Section 3.3.10.2: one parameter is missing, the state cookie.
            cookie.is_none().then_some((CauseCode::MISSING_PARAMETER, &[0, 0, 0, 1, 0, 7]))
        };
        if let Some((code, information)) = fault {
            self.refuse_setup(init.tag, code, information);
            self.end(CloseReason::ProtocolViolation);
            return;
        }
        let unknown = unknown_params(init.params, self.config.path_mtu).concat();
        let mut report = Vec::new();
        if !unknown.is_empty() {
            let causes = cause::only(CauseCode::UNRECOGNIZED_PARAMETERS, &unknown);
            if let Ok(causes) = cause::Causes::parse(&causes) {
                Chunk::Error(causes).encode(&mut report);
            }
        }
        let tcb = self.new_tcb(self.local, Peer::read(init));
        let t1 = Retry::new(now, self.config.rto_initial);
        let echo = Box::new(Echo { cookie: cookie.unwrap_or_default().to_vec(), report });
        self.state.echo_cookie(t1, echo, tcb);
    }

    pub(crate) fn new_tcb(&mut self, local: Local, peer: Peer) -> Box<Tcb> {
        Box::new(Tcb::new(&self.config, local, peer, self.control_ppid, &mut self.seed.generator()))
    }

    /// COOKIE ECHO in any state (sections 5.1.5 and 5.2.4). Says whether the rest of the packet belongs to the
    /// association.
    pub(crate) fn on_cookie_echo(&mut self, now: Instant, tag: u32, bytes: &[u8]) -> bool {
        let Some(cookie) = self.cookie_key.open(bytes).filter(|cookie| cookie.local.tag == tag) else {
            self.stats.dropped_cookie += 1;
            return false;
        };
        let known = self.state.tcb().map(|tcb| (self.local.tag, tcb.peer.tag, tcb.tie));
        let (local_matches, peer_matches, tie) = match known {
            Some((local, peer, tie)) => (cookie.local.tag == local, cookie.peer.tag == peer, tie),
            None => (cookie.local.tag == self.local.tag, false, (0, 0)),
        };
        let age = u128::from(self.millis(now).saturating_sub(cookie.created));
        if age > self.config.cookie_lifetime.as_millis() && !(local_matches && peer_matches) {
            let over = age - self.config.cookie_lifetime.as_millis();
            let micros = u32::try_from(over * 1000).unwrap_or(u32::MAX);
            let causes = cause::only(CauseCode::STALE_COOKIE, &micros.to_be_bytes());
            self.reply_alone(cookie.peer.tag, ChunkType::ERROR, 0, &causes);
            self.stats.dropped_cookie += 1;
            return false;
        }
        match (&self.state, local_matches, peer_matches) {
            (State::Lingering { .. } | State::Ended, _, _) => return false,
            // No TCB: the ordinary case, and action B with the peer's tag unknown. COOKIE-ECHOED with another tag of
            // the peer: action B, both began at once, and the peer took another tag meanwhile.
            (State::Closed | State::CookieWait { .. }, true, _)
            | (State::CookieEchoed { .. }, true, false) => {
                let tcb = self.new_tcb(cookie.local, cookie.peer);
                self.come_up(now, Some(tcb));
            }
            // Action A: the peer began anew.
            (_, false, false) if known.is_some() && cookie.tie == tie && tie != (0, 0) => {
                return self.on_restart(now, &cookie);
            }
            // Action B once up.
            (_, true, false) => {
                if let Some(tcb) = self.state.tcb_mut() {
                    tcb.peer.tag = cookie.peer.tag;
                }
            }
            // Action D: the ordinary end of a collision, or a COOKIE ACK that was lost.
            (State::CookieEchoed { .. }, true, true) => self.come_up(now, None),
            (_, true, true) => {}
            // Action C and whatever the table does not show.
            _ => {
                self.stats.dropped_cookie += 1;
                return false;
            }
        }
        self.reply(&Chunk::CookieAck);
        true
    }

    fn on_restart(&mut self, now: Instant, cookie: &Cookie) -> bool {
        if let State::ShutdownAckSent { t2, .. } = &mut self.state {
            t2.due = true;
            let causes = cause::only(CauseCode::COOKIE_WHILE_SHUTTING_DOWN, &[]);
            self.reply_alone(cookie.peer.tag, ChunkType::ERROR, 0, &causes);
            return false;
        }
        if !self.unread.is_empty() {
            // What came before the last restart is not pulled yet, and must not pile up. The peer will ask again.
            self.stats.dropped_cookie += 1;
            return false;
        }
        let ending = self.state.shutdown_guard();
        self.queue.clear();
        self.local = cookie.local;
        let tcb = self.new_tcb(cookie.local, cookie.peer);
        self.keep_unread();
        self.state.establish(Some(tcb));
        self.agree_on_chunks();
        self.arm_heartbeat(now);
        self.events.restarted = true;
        self.reply(&Chunk::CookieAck);
        if let Some(guard) = ending {
            // The application wants an end all the same, and no later.
            self.state.begin_shutdown(guard);
            self.advance_shutdown(now);
        }
        true
    }

    pub(crate) fn on_cookie_ack(&mut self, now: Instant) {
        if matches!(self.state, State::CookieEchoed { .. }) {
            self.come_up(now, None);
        }
    }

    pub(crate) fn come_up(&mut self, now: Instant, tcb: Option<Box<Tcb>>) {
        self.state.establish(tcb);
        self.agree_on_chunks();
        self.arm_heartbeat(now);
        self.events.connected = true;
        if let Some(tcb) = self.state.tcb() {
            self.stats.no_such_stream += self.queue.drop_beyond(tcb.outbound_streams);
        }
        self.refuse_resets();
        if std::mem::take(&mut self.shutdown_wanted) {
            self.shutdown(now);
        }
    }

    /// DATA or I-DATA: the queue cuts messages accordingly.
    fn agree_on_chunks(&mut self) {
        if self.state.tcb().is_some_and(|tcb| tcb.interleaved) {
            self.queue.interleave();
        }
    }

    fn arm_heartbeat(&mut self, now: Instant) {
        let config = &self.config;
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.heartbeat.postpone(now, config);
            tcb.discovery.start(now);
        }
    }

    /// The peer found our cookie stale: begin again (section 5.2.6), as often as an INIT is sent again.
    pub(crate) fn on_stale_cookie(&mut self, now: Instant) {
        if self.state.wait_again(now, self.config.rto_initial) > self.config.max_init_retransmits {
            self.end(CloseReason::SetupTimeout);
        }
    }

    /// T1: INIT or COOKIE ECHO goes out again, or the attempt is over.
    pub(crate) fn on_setup_timer(&mut self, now: Instant) {
        let (initial, max) = (self.config.rto_initial, self.config.rto_max);
        let (State::CookieWait { t1, .. } | State::CookieEchoed { t1, .. }) = &mut self.state else { return };
        if (t1.on_timeout(now, initial, max) || t1.due) && t1.count > self.config.max_init_retransmits {
            self.end(CloseReason::SetupTimeout);
        }
    }
}

/// Parameters to report as unknown, type and length included, each padded; at most what fits an answer.
fn unknown_params(params: Params<'_>, mtu: usize) -> Vec<Vec<u8>> {
    // Cookie, offer and headers come first.
    let mut room = mtu.saturating_sub(200);
    let mut reports = Vec::new();
    for param in params.heeded().filter(|p| !p.kind.is_known() && p.kind.report_if_unknown()) {
        let cost = param.value.len() + 12;
        if cost <= room {
            let mut raw = Vec::with_capacity(cost);
            param::write(&mut raw, param.kind, param.value);
            reports.push(raw);
            room -= cost;
        }
    }
    reports
}
