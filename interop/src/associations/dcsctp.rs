//! `dcsctp`, which Chromium has its successor from.

use std::time::{Duration, Instant};

use bytes::Bytes;
use dcsctp::api::{
    DcSctpSocket, Message, Options, PpId, SendOptions, SocketEvent, SocketTime, StreamId,
    ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_LOWER_LAYER_DTLS,
};
use nomagic_testkit::machine::Machine;

use super::{BINARY, LARGEST_MESSAGE, LARGEST_PACKET, Outcome, Talker, describe};

/// A socket of `dcsctp`.
pub struct Dcsctp {
    socket: Box<dyn DcSctpSocket>,
    origin: Instant,
    outcome: Outcome,
}

impl std::fmt::Debug for Dcsctp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dcsctp({:?}, {:?})", self.socket.state(), self.outcome.ended)
    }
}

impl Dcsctp {
    fn advance(&mut self, now: Instant) {
        self.socket.advance_time(SocketTime::zero() + now.saturating_duration_since(self.origin));
    }

    fn drain(&mut self) {
        while let Some(event) = self.socket.poll_event() {
            match event {
                SocketEvent::SendPacket(packet) => self.outcome.outgoing.push_back(packet),
                SocketEvent::OnConnected() => self.outcome.connected = true,
                SocketEvent::OnClosed() => self.outcome.ended = Some("closed".to_owned()),
                SocketEvent::OnAborted(kind, text) => self.outcome.ended = Some(format!("{kind:?}: {text}")),
                SocketEvent::OnIncomingStreamReset(streams) => {
                    self.outcome.reset_by_peer.extend(streams.iter().map(|stream| stream.0));
                }
                _ => {}
            }
        }
        while let Some(message) = self.socket.get_next_message() {
            self.outcome.deliver(message.stream_id.0, &message.payload);
        }
    }
}

impl Talker for Dcsctp {
    const NAME: &'static str = "dcsctp";

    fn with_window(window: u32, calls: bool, now: Instant, _: u64) -> Self {
        let options = Options {
            mtu: LARGEST_PACKET,
            max_message_size: LARGEST_MESSAGE,
            max_receiver_window_buffer_size: window as usize,
            max_send_buffer_size: window as usize,
            per_stream_send_queue_limit: window as usize,
            enable_message_interleaving: true,
            zero_checksum_alternate_error_detection_method:
                ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_LOWER_LAYER_DTLS,
            ..Options::default()
        };
        let mut socket = dcsctp::new_socket("rival", &options);
        if calls {
            socket.connect();
        }
        let mut own = Self { socket, origin: now, outcome: Outcome::default() };
        own.drain();
        own
    }

    fn send(&mut self, now: Instant, stream: u16, message: &Bytes, unordered: bool) -> bool {
        self.advance(now);
        let message = Message::new(StreamId(stream), PpId(BINARY), message.to_vec());
        let options = SendOptions { unordered, ..SendOptions::default() };
        let sent = self.socket.send(message, &options).is_ok();
        self.drain();
        sent
    }

    fn buffered(&mut self, stream: u16) -> usize {
        self.socket.buffered_amount(StreamId(stream))
    }

    fn reset(&mut self, now: Instant, stream: u16) {
        self.advance(now);
        self.socket.reset_streams(&[StreamId(stream)]).unwrap();
        self.drain();
    }

    fn outcome(&mut self) -> &mut Outcome {
        &mut self.outcome
    }
}

impl Machine for Dcsctp {
    fn handle_input(&mut self, now: Instant, datagram: &mut [u8]) {
        self.advance(now);
        self.socket.handle_input(datagram);
        self.drain();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        self.drain();
    }

    fn poll_transmit(&mut self, _: Instant, out: &mut Vec<u8>) -> bool {
        self.outcome.transmit(out)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let due = self.socket.poll_timeout() - SocketTime::zero();
        (due < Duration::MAX).then(|| self.origin.checked_add(due)).flatten()
    }

    fn close(&mut self, now: Instant) {
        self.advance(now);
        self.socket.shutdown();
        self.drain();
    }

    fn is_closed(&self) -> bool {
        self.outcome.ended.is_some()
    }

    fn drain_events(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn describe(datagram: &[u8]) -> String {
        describe(datagram)
    }
}
