//! The way of a record through a connection: from the datagram to the state, or to the layer above.

use std::ops::Range;
use std::time::Instant;

use super::{Connection, Side, Stage};
use crate::alert::{Alert, AlertDescription, AlertLevel};
use crate::context::{Allowance, Context, Keyed, Step, alert_for};
use crate::event::CloseReason;
use crate::handshake::{FragmentHeader, MessageType};
use crate::input::{RecordQueue, hide, show};
use crate::keys::{Role, Transcript};
use crate::layer::{Opened, Refused};
use crate::reassembly::Fate;
use crate::record::{ContentType, Header, Version};
use crate::server;
use crate::session::Session;

impl Connection {
    /// Deals with each record, and hides those that are not payload due now, so that [`super::Payloads`] finds the others.
    /// Returns the octets of all whole records. Payload that is not in the caller's datagram has to be kept.
    pub(super) fn walk(&mut self, now: Instant, records: &mut [u8], is_datagram: bool) -> usize {
        let mut at = 0;
        while at < records.len() {
            let id_len = self.context.layer.terms().read_id.octets().len();
            let header = Header::parse_with_connection_id(&records[at..], id_len).ok();
            let record = header.and_then(|(header, content_at)| {
                let end = content_at + usize::from(header.length);
                Some((header, content_at, records[at..].get_mut(..end)?))
            });
            let Some((header, content_at, record)) = record else {
                // Nothing says where the next record begins.
                self.stats.dropped_malformed += 1;
                break;
            };
            at += record.len();
            match header.epoch {
                0 => self.plaintext_record(now, &header, &record[content_at..]),
                1 if header.version == Version::DTLS_1_2 => {
                    if let Some(payload) = self.protected_record(now, &header, record, content_at) {
                        show(record, payload);
                        if is_datagram && matches!(self.stage, Stage::Connected(_)) {
                            self.stats.records_opened += 1;
                            continue;
                        }
                        self.keep(record);
                    }
                }
                1 => self.stats.dropped_malformed += 1,
                _ => self.stats.dropped_epoch += 1,
            }
            hide(record);
        }
        at
    }

    /// Keeps authentic payload that cannot be handed out where it lies.
    fn keep(&mut self, record: &[u8]) {
        let kept = match &mut self.stage {
            Stage::Handshake(handshake) => handshake.early.push(record),
            Stage::Connected(_) => {
                let kept = self.ripe.push(record);
                self.stats.records_opened += u64::from(kept);
                kept
            }
            Stage::Closing(_) | Stage::Closed => false,
        };
        self.stats.dropped_limit += u64::from(!kept);
    }

    /// Deals with the protected records that came before the keys, once there are keys.
    pub(super) fn unlock(&mut self, now: Instant) {
        if !self.context.layer.has_keys() {
            return;
        }
        if let Stage::Handshake(handshake) = &mut self.stage
            && !handshake.locked.is_empty()
        {
            let mut locked = std::mem::take(&mut handshake.locked);
            self.walk(now, locked.bytes_mut(), false);
        }
    }

    /// A record that anybody can have sent.
    fn plaintext_record(&mut self, now: Instant, header: &Header, content: &[u8]) {
        let Stage::Handshake(handshake) = &mut self.stage else {
            if header.content_type == ContentType::ALERT {
                self.stats.unauthenticated_alerts += 1;
            }
            self.stats.dropped_plaintext += 1;
            return;
        };
        match header.content_type {
            ContentType::HANDSHAKE => {
                if handshake.waits_for_hello() {
                    self.context.layer.follow(header.sequence);
                }
                self.fragments(now, header.epoch, content);
            }
            ContentType::CHANGE_CIPHER_SPEC if content == [1] => {
                handshake.changed = true;
                self.step();
            }
            ContentType::CHANGE_CIPHER_SPEC => self.stats.dropped_malformed += 1,
            ContentType::ALERT => self.alert(content, false),
            _ => self.stats.dropped_plaintext += 1,
        }
    }

    /// A record under the keys. If it is authentic payload, says where that is.
    fn protected_record(
        &mut self,
        now: Instant,
        header: &Header,
        record: &mut [u8],
        content_at: usize,
    ) -> Option<Range<usize>> {
        if !self.context.layer.has_keys() {
            match &mut self.stage {
                // A server cannot send with keys before we have them too, unless it takes up a session.
                Stage::Handshake(handshake)
                    if self.context.config.role == Role::Server || self.context.session.is_some() =>
                {
                    if !handshake.locked.push(record) {
                        self.stats.dropped_limit += 1;
                    }
                }
                _ => self.stats.dropped_epoch += 1,
            }
            return None;
        }
        let Opened { content_type, plaintext, is_newest } =
            match self.context.layer.open(header, record, content_at) {
                Ok(opened) => opened,
                Err(refused) => {
                    self.refuse(refused);
                    return None;
                }
            };
        self.context.allowance = Allowance::Unlimited;
        let has_id = header.content_type == ContentType::TLS12_CID;
        if let Some(address) = self.address.authentic(has_id, is_newest) {
            self.events.moved(address);
        }
        match content_type {
            ContentType::APPLICATION_DATA if plaintext.is_empty() => self.stats.empty_records += 1,
            ContentType::APPLICATION_DATA => {
                let start = content_at + self.context.layer.explicit_nonce_len();
                return Some(start..start + plaintext.len());
            }
            ContentType::HANDSHAKE => self.fragments(now, header.epoch, plaintext),
            ContentType::ALERT => self.alert(plaintext, true),
            _ => self.stats.dropped_unexpected += 1,
        }
        None
    }

    fn refuse(&mut self, refused: Refused) {
        match refused {
            Refused::NoKeys => self.stats.dropped_epoch += 1,
            Refused::Replay => self.stats.dropped_replay += 1,
            Refused::Forged => self.stats.dropped_forged += 1,
            Refused::ConnectionId => self.stats.dropped_connection_id += 1,
            Refused::Malformed => self.stats.dropped_malformed += 1,
            Refused::Exhausted => {
                self.stats.dropped_forged += 1;
                self.end(CloseReason::KeysExhausted, None);
            }
        }
    }

    /// The fragments of messages in a record.
    fn fragments(&mut self, now: Instant, epoch: u16, mut content: &[u8]) {
        while !content.is_empty() {
            let Ok((header, fragment, rest)) = FragmentHeader::parse(content) else {
                self.stats.dropped_malformed += 1;
                return;
            };
            content = rest;
            let Stage::Handshake(handshake) = &mut self.stage else {
                self.late_fragment(now, epoch, &header);
                continue;
            };
            // The keys protect Finished and nothing else.
            if (header.kind == MessageType::FINISHED) != (epoch == 1) {
                self.stats.dropped_unexpected += 1;
                continue;
            }
            // All that may come in plaintext has come: what else does is not the peer's.
            if epoch == 0 && handshake.waits_for_finished() && handshake.reassembly.is_new(header.sequence) {
                self.stats.dropped_plaintext += 1;
                continue;
            }
            // A server that waits for a hello owes nothing to what came before: anybody can have sent it.
            if handshake.waits_for_hello() && handshake.reassembly.is_begun_anew(&header) {
                handshake.reassembly.begin_with(header.sequence, None);
                self.context.flight.begin_with(header.sequence);
            }
            match handshake.reassembly.insert(&header, fragment) {
                Fate::Kept => self.step(),
                Fate::Old => {
                    self.stats.dropped_duplicate += 1;
                    self.repeated(now, &header);
                }
                Fate::Refused => self.stats.dropped_fragment += 1,
                Fate::NoRoom => self.stats.dropped_limit += 1,
            }
        }
    }

    /// After the handshake: the peer's Finished again says that ours was lost. A second handshake does not exist, and who
    /// asks for one is told so.
    fn late_fragment(&mut self, now: Instant, epoch: u16, header: &FragmentHeader) {
        if epoch == 1 && header.kind == MessageType::FINISHED {
            self.stats.dropped_duplicate += 1;
            self.repeated(now, header);
        } else {
            self.stats.dropped_unexpected += 1;
            let asks = match self.role() {
                Role::Client => MessageType::HELLO_REQUEST,
                Role::Server => MessageType::CLIENT_HELLO,
            };
            //= rfc5746#4.2-2
            if epoch == 1 && header.kind == asks {
                self.notice = Some(Alert::NO_RENEGOTIATION);
            }
        }
    }

    /// The end of a message came again.
    fn repeated(&mut self, now: Instant, header: &FragmentHeader) {
        let ends = header.offset + header.length == header.total;
        if ends && self.context.flight.handle_repeat(now, header.sequence) {
            self.stats.repeats_answered += 1;
        }
    }

    /// Hands whole messages to the state, which is consumed and gives the next one.
    fn step(&mut self) {
        while let Stage::Handshake(handshake) = &mut self.stage {
            let Some(message) = handshake.next_message() else { return };
            // It means nothing during a handshake, and is in no transcript; RFC 5246 section 7.4.1.1.
            if message.kind == MessageType::HELLO_REQUEST && self.context.config.role == Role::Client {
                self.stats.dropped_unexpected += 1;
                continue;
            }
            let Stage::Handshake(mut handshake) = std::mem::replace(&mut self.stage, Stage::Closed) else {
                return;
            };
            let (context, waits) = (&mut self.context, handshake.waits_for_hello());
            if context.transcript.messages().len() + message.body.len()
                > 2 * context.config.max_handshake_buffer
            {
                let reason = CloseReason::TooLong(message.kind);
                self.end(reason, alert_for(reason).map(Alert::fatal));
                return;
            }
            let step = match handshake.state {
                Side::Client(state) => state.handle(context, &message).map(|step| step.map(Side::Client)),
                Side::Server(state) => state.handle(context, &message).map(|step| step.map(Side::Server)),
            };
            match step {
                Ok(Step::Next(state)) => {
                    handshake.state = state;
                    // Its time begins now, whoever may have sent what before.
                    if waits && !handshake.waits_for_hello() {
                        handshake.deadline = None;
                    }
                    self.stage = Stage::Handshake(handshake);
                }
                Ok(Step::Done(keyed)) => self.complete(keyed, handshake.early),
                // Anybody can have sent it, and the client may still come.
                Err(reason @ (CloseReason::Malformed { .. } | CloseReason::UnexpectedMessage(_)))
                    if waits =>
                {
                    handshake.state = Side::Server(server::State::ClientHello);
                    handshake.reassembly.begin_with(message.sequence, None);
                    self.notice = alert_for(reason).map(Alert::fatal);
                    self.stats.refused_hellos += 1;
                    self.stage = Stage::Handshake(handshake);
                }
                Err(reason) => self.end(reason, alert_for(reason).map(Alert::fatal)),
            }
        }
    }

    fn complete(&mut self, mut keyed: Box<Keyed>, early: RecordQueue) {
        self.remember(&mut keyed);
        // The last flight of all may be asked for again; the other one is answered.
        if self.context.flight.awaits_answer() {
            self.context.flight.clear();
        }
        self.context.transcript = Transcript::default();
        self.stats.records_opened += early.count();
        self.ripe = early;
        self.events.connected(keyed.connected());
        self.stage = Stage::Connected(keyed);
    }

    /// Keeps what the handshake leaves for the next one, if that is wanted.
    fn remember(&mut self, keyed: &mut Keyed) {
        let Context { config, session, now, .. } = &mut self.context;
        if keyed.resumed || !config.keeps_sessions() {
            return;
        }
        *session = Session::of(keyed, config);
        if let (Some(cache), Some(session), Some(now)) = (&config.session_cache, session, *now) {
            cache.keep(now, session.clone());
        }
    }

    fn alert(&mut self, content: &[u8], authentic: bool) {
        let Ok(alert) = Alert::parse(content) else {
            self.stats.dropped_malformed += 1;
            return;
        };
        let is_close = alert.description == AlertDescription::CLOSE_NOTIFY;
        let nobody_spoke = matches!(&self.stage, Stage::Handshake(handshake) if handshake.waits_for_hello());
        if !authentic && (nobody_spoke || self.context.layer.has_keys()) {
            self.stats.unauthenticated_alerts += 1;
            if let Stage::Handshake(handshake) = &mut self.stage
                && alert.level == AlertLevel::Fatal
                && !nobody_spoke
            {
                handshake.unauthenticated_alert = Some(alert.description);
            }
        } else if is_close {
            //= rfc5246#7.2.1-1
            self.end(CloseReason::Peer, authentic.then_some(Alert::CLOSE_NOTIFY));
        } else if alert.level == AlertLevel::Fatal {
            self.end(CloseReason::PeerAlert(alert.description), None);
        }
    }
}
