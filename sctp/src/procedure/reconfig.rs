//! Re-configuration of streams (RFC 6525): our outgoing resets, and an answer to every request of the peer.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::association::Association;
use crate::chunk::{ChunkType, OutgoingReset, Reconfig, ReconfigResult, Request, Response};
use crate::packet::PacketBuilder;
use crate::param::ParamType;
use crate::serial;
use crate::snapshot::{SnapshotError, SnapshotInput, SnapshotOutput};
use crate::state::Retry;
use crate::wire::{be16, write_last_tlv};

/// A request of ours that is not yet answered.
#[derive(Debug)]
struct Pending {
    sequence: u32,
    streams: Vec<u16>,
    last_tsn: u32,
    retry: Retry,
    /// The peer's request that this one follows (RFC 6525 section 5.2.3).
    asked: Option<u32>,
    /// The peer has said that it is at it: repetitions are no errors.
    in_progress: bool,
}

/// Both directions of RFC 6525.
#[derive(Debug)]
pub(crate) struct Reconfiguration {
    next_sequence: u32,
    /// Streams to be reset once what is queued for them is sent.
    wanted: BTreeSet<u16>,
    pending: Option<Box<Pending>>,
    expected: u32,
    /// Answers to the peer's newest chunk, for repetition.
    responses: Vec<Response>,
    responses_due: bool,
    /// The request whose reset waits for data.
    deferred: u32,
    /// The peer's Incoming SSN Reset Request that our next request answers.
    asked: Option<u32>,
}

impl Reconfiguration {
    pub(crate) fn new(initial_tsn: u32, peer_initial_tsn: u32) -> Self {
        Self {
            next_sequence: initial_tsn,
            wanted: BTreeSet::new(),
            pending: None,
            expected: peer_initial_tsn,
            responses: Vec::new(),
            responses_due: false,
            deferred: 0,
            asked: None,
        }
    }

    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        if self.wanted.is_empty() {
            self.wanted = BTreeSet::new();
        }
        self.responses.shrink_to_fit();
    }

    pub(crate) fn want(&mut self, stream: u16) {
        self.wanted.insert(stream);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|p| p.retry.deadline)
    }

    /// Something was asked for, by either side, and is not over.
    pub(crate) fn is_busy(&self) -> bool {
        !self.wanted.is_empty() || self.pending.is_some() || self.asked.is_some()
    }

    /// For a snapshot: where both counts stand, and the answers that may be asked for again.
    pub(crate) fn write_rest(&self, out: &mut SnapshotOutput) {
        out.u32(self.next_sequence);
        out.u32(self.expected);
        out.flag(self.responses_due);
        out.size(self.responses.len());
        for Response { sequence, result, next_tsns } in &self.responses {
            out.u32(*sequence);
            out.u32(result.0);
            out.option(*next_tsns, |out, (ours, theirs)| {
                out.u32(ours);
                out.u32(theirs);
            });
        }
    }

    pub(crate) fn read_rest(&mut self, input: &mut SnapshotInput<'_>) -> Result<(), SnapshotError> {
        (self.next_sequence, self.expected, self.responses_due) = (input.u32()?, input.u32()?, input.flag()?);
        for _ in 0..input.size()? {
            let (sequence, result) = (input.u32()?, ReconfigResult(input.u32()?));
            let next_tsns = input.option(|input| Ok((input.u32()?, input.u32()?)))?;
            self.responses.push(Response { sequence, result, next_tsns });
        }
        Ok(())
    }

    fn respond(&mut self, sequence: u32, result: ReconfigResult) {
        match self.responses.iter_mut().find(|r| r.sequence == sequence) {
            Some(known) => known.result = result,
            None => self.responses.push(Response { sequence, result, next_tsns: None }),
        }
        self.responses_due = true;
    }

    fn set_result(&mut self, sequence: u32, result: ReconfigResult) {
        if let Some(known) = self.responses.iter_mut().find(|r| r.sequence == sequence) {
            known.result = result;
            self.responses_due = true;
        }
    }
}

impl Association {
    /// Turns wanted resets into a request as soon as everything queued for the streams has been sent.
    pub(crate) fn prepare_reset(&mut self, now: Instant) {
        let mtu = self.config.path_mtu;
        let queue = &self.queue;
        let Some(tcb) = self.state.sending() else { return };
        let base = tcb.out.base();
        let reconfig = &mut tcb.reconfig;
        if reconfig.wanted.is_empty() || reconfig.pending.is_some() {
            return;
        }
        // Header, chunk header, the parameter's fixed part, padding.
        let most = (mtu - 12 - 4 - 16 - 3) / 2;
        let ready = reconfig.wanted.iter().copied().filter(|&s| queue.can_reset(s, base));
        let streams: Vec<u16> = ready.take(most).collect();
        if streams.is_empty() {
            return;
        }
        streams.iter().for_each(|s| {
            reconfig.wanted.remove(s);
        });
        let sequence = reconfig.next_sequence;
        reconfig.next_sequence = sequence.wrapping_add(1);
        let last_tsn = serial::wire(tcb.out.next_tsn() - 1);
        let retry = Retry::new(now, tcb.rto.current());
        let asked = reconfig.asked.take();
        let pending = Pending { sequence, streams, last_tsn, retry, asked, in_progress: false };
        reconfig.pending = Some(Box::new(pending));
    }

    pub(crate) fn on_reconfig_timer(&mut self, now: Instant) {
        let max = self.config.rto_max;
        let Some(tcb) = self.state.tcb_mut() else { return };
        let rto = tcb.rto.current();
        let Some(pending) = &mut tcb.reconfig.pending else { return };
        if pending.retry.on_timeout(now, rto, max) {
            tcb.errors += u32::from(!pending.in_progress);
            self.check_errors(now);
        }
    }

    pub(crate) fn on_reconfig(&mut self, now: Instant, chunk: &Reconfig<'_>) {
        let Some(tcb) = self.state.receiving() else { return };
        if !tcb.peer.capabilities.reconfig {
            self.stats.dropped_unexpected += 1;
            return;
        }
        let mut fresh = true;
        for param in chunk.params.iter() {
            if let Ok(Some(response)) = Response::parse(param) {
                self.on_reset_response(now, response);
            } else if let Ok(Some(request)) = Request::parse(param) {
                self.on_reset_request(&request, &mut fresh);
            }
        }
        self.resume_deferred_reset();
    }

    fn on_reset_request(&mut self, request: &Request<'_>, fresh: &mut bool) {
        let Some(tcb) = self.state.receiving() else { return };
        tcb.tracker.ask_for_sack();
        let reconfig = &mut tcb.reconfig;
        let sequence = request.sequence();
        if sequence != reconfig.expected {
            if reconfig.responses.iter().any(|r| r.sequence == sequence) {
                // A repetition gets the same answer, or a newer one if the reset still waits.
                reconfig.responses_due = true;
            } else {
                reconfig.responses.truncate(1);
                reconfig.respond(sequence, ReconfigResult::BAD_SEQUENCE);
            }
            return;
        }
        reconfig.expected = sequence.wrapping_add(1);
        if std::mem::take(fresh) {
            reconfig.responses.clear();
        }
        let result = match request {
            Request::OutgoingReset(reset) => self.on_outgoing_reset(reset),
            Request::IncomingReset { streams, .. } => {
                let result = self.on_incoming_reset(sequence, streams);
                if result == ReconfigResult::IN_PROGRESS {
                    // Our own request is the answer; a repetition meanwhile hears that it is on its way.
                    if let Some(tcb) = self.state.tcb_mut() {
                        tcb.reconfig.responses.push(Response { sequence, result, next_tsns: None });
                    }
                    return;
                }
                result
            }
            Request::AddStreams { count, incoming: false, .. } => self.on_more_incoming(*count),
            // Nothing in WebRTC needs these; a refusal is an answer.
            Request::SsnTsnReset { .. } | Request::AddStreams { .. } => ReconfigResult::DENIED,
        };
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.reconfig.respond(sequence, result);
            if let Request::SsnTsnReset { .. } = request
                && let Some(response) = tcb.reconfig.responses.last_mut()
            {
                let theirs = serial::wire(tcb.tracker.cumulative() + 1);
                response.next_tsns = Some((serial::wire(tcb.out.next_tsn()), theirs));
            }
        }
    }

    /// The peer wants to send on more streams (RFC 6525 section 5.2.5): as many as we said that we can take.
    fn on_more_incoming(&mut self, count: u16) -> ReconfigResult {
        let most = self.config.inbound_streams;
        let Some(tcb) = self.state.tcb_mut() else { return ReconfigResult::DENIED };
        match tcb.peer.outbound.checked_add(count).filter(|&all| all <= most) {
            Some(all) => {
                tcb.peer.outbound = all;
                ReconfigResult::PERFORMED
            }
            None => ReconfigResult::DENIED,
        }
    }

    /// The peer resets streams it sends on: at once, or when the data sent before has arrived.
    fn on_outgoing_reset(&mut self, reset: &OutgoingReset<'_>) -> ReconfigResult {
        let inbound = self.config.inbound_streams;
        let Some(tcb) = self.state.receiving() else { return ReconfigResult::DENIED };
        if tcb.reassembly.deferred_until().is_some() {
            return ReconfigResult::ALREADY_IN_PROGRESS;
        }
        if reset.streams().any(|stream| stream >= inbound.min(tcb.peer.outbound)) {
            return ReconfigResult::WRONG_SSN;
        }
        let last_tsn = tcb.tracker.unwrap(reset.last_tsn);
        let streams: Vec<u16> = reset.streams().collect();
        tcb.reassembly.defer_reset(last_tsn, (!streams.is_empty()).then_some(streams));
        tcb.reconfig.deferred = reset.sequence;
        ReconfigResult::IN_PROGRESS
    }

    /// Performs a reset that waited, if everything sent before it is here.
    pub(crate) fn resume_deferred_reset(&mut self) {
        let Some(tcb) = self.state.receiving() else { return };
        if tcb.reassembly.deferred_until().is_none_or(|last| last > tcb.tracker.cumulative()) {
            return;
        }
        self.events.streams.incoming_reset.extend(tcb.reassembly.finish_reset());
        let sequence = tcb.reconfig.deferred;
        tcb.reconfig.set_result(sequence, ReconfigResult::PERFORMED);
    }

    /// The peer asks us to reset streams that we send on: as if the application had asked. "In progress" if we do.
    fn on_incoming_reset(&mut self, sequence: u32, streams: &[u8]) -> ReconfigResult {
        let named: Vec<u16> = if streams.is_empty() {
            self.queue.used_streams().collect()
        } else {
            streams.chunks_exact(2).map(be16).collect()
        };
        let Some(tcb) = self.state.tcb_mut() else { return ReconfigResult::DENIED };
        if named.iter().any(|&stream| stream >= tcb.outbound_streams) {
            return ReconfigResult::WRONG_SSN;
        }
        let mut any = false;
        for stream in named {
            if !self.queue.is_resetting(stream) {
                self.queue.begin_reset(stream);
                tcb.reconfig.want(stream);
                any = true;
            }
        }
        if !any {
            return ReconfigResult::NOTHING_TO_DO;
        }
        tcb.reconfig.asked = Some(sequence);
        ReconfigResult::IN_PROGRESS
    }

    fn on_reset_response(&mut self, now: Instant, response: Response) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        let rto = tcb.rto.current();
        let reconfig = &mut tcb.reconfig;
        let pending = reconfig.pending.take_if(|p| p.sequence == response.sequence);
        let Some(mut pending) = pending else { return };
        tcb.errors = 0;
        let done = match response.result {
            ReconfigResult::IN_PROGRESS => {
                pending.retry = Retry { due: false, ..Retry::new(now, rto) };
                pending.in_progress = true;
                reconfig.pending = Some(pending);
                return;
            }
            ReconfigResult::PERFORMED | ReconfigResult::NOTHING_TO_DO => true,
            _ => false,
        };
        if let Some(asked) = pending.asked
            && let Some(known) = reconfig.responses.iter_mut().find(|r| r.sequence == asked)
        {
            known.result = if done { ReconfigResult::PERFORMED } else { ReconfigResult::DENIED };
        }
        for stream in pending.streams {
            if done {
                tcb.out.forget_skipped(stream);
            }
            self.queue.end_reset(stream, done);
            self.events.streams.outgoing_reset.insert(stream, done);
        }
    }

    /// Everything asked for fails: the peer cannot do it.
    pub(crate) fn refuse_resets(&mut self) {
        let Some(tcb) = self.state.tcb_mut() else { return };
        if tcb.peer.capabilities.reconfig {
            return;
        }
        for stream in std::mem::take(&mut tcb.reconfig.wanted) {
            self.queue.end_reset(stream, false);
            self.events.streams.outgoing_reset.insert(stream, false);
        }
    }
}

/// Appends a RE-CONFIG chunk if one must go out and fits.
pub(crate) fn write(reconfig: &mut Reconfiguration, packet: &mut PacketBuilder<'_>) {
    let mut value = Vec::new();
    if reconfig.responses_due {
        reconfig.responses.iter().for_each(|response| response.write(&mut value));
        if value.len() + 4 <= packet.room() {
            packet.push_with(ChunkType::RECONFIG, 0, |out| out.extend_from_slice(&value));
            reconfig.responses_due = false;
        }
    }
    let peer_sequence = reconfig.expected.wrapping_sub(1);
    if let Some(pending) = reconfig.pending.as_mut().filter(|p| p.retry.due) {
        value.clear();
        for field in [pending.sequence, pending.asked.unwrap_or(peer_sequence), pending.last_tsn] {
            value.extend_from_slice(&field.to_be_bytes());
        }
        pending.streams.iter().for_each(|s| value.extend_from_slice(&s.to_be_bytes()));
        // Alone it goes even where the path has shrunk since: what was asked for is asked for again in the same words.
        if value.len() + 8 + 3 <= packet.room() || packet.is_empty() {
            packet.push_with(ChunkType::RECONFIG, 0, |out| {
                write_last_tlv(out, ParamType::OUTGOING_RESET.0, &value);
            });
            pending.retry.due = false;
        }
    }
}
