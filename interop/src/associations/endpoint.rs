//! `sctp-proto` and `rtc-sctp`: two crates of one ancestry, alike but for a few signatures.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use nomagic_testkit::machine::Machine;

use super::{LARGEST_MESSAGE, LARGEST_PACKET, Outcome, Talker, describe};

/// Addresses that they want to know of.
const OWN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2);

/// What differs between the two.
macro_rules! endpoint {
    (
        $(#[$doc:meta])*
        $name:ident, $label:literal, $krate:ident,
        transport: |$window:ident| $transport:expr,
        endpoint: |$config:ident, $server:ident| $endpoint:expr,
        connect: |$own:ident, $now:ident, $client:ident| $connect:expr,
        handle: |$by:ident, $at:ident, $data:ident| $handle:expr,
        payload: $payload:ident,
        reset_by_peer: |$id:ident| $reset:pat,
        write: |$stream:ident, $when:ident, $message:ident| $write:expr,
        close: |$closing:ident, $then:ident| $close:expr,
    ) => {
        $(#[$doc])*
        pub struct $name {
            endpoint: $krate::Endpoint,
            association: Option<$krate::Association>,
            /// Where messages are put together.
            message: Vec<u8>,
            outcome: Outcome,
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({:?})", $label, self.outcome.ended)
            }
        }

        impl $name {
            fn drain(&mut self, now: Instant) {
                // What it tells its endpoint is left alone: at the beginning of a shutdown it would have itself forgotten,
                // and not see the answer.
                let Some(association) = &mut self.association else { return };
                let mut readable = Vec::new();
                while let Some(event) = association.poll() {
                    match event {
                        $krate::Event::Connected => self.outcome.connected = true,
                        $krate::Event::HandshakeFailed { reason } => {
                            self.outcome.ended = Some(reason.to_string());
                        }
                        $reset => self.outcome.reset_by_peer.push($id),
                        $krate::Event::AssociationLost { reason, .. } => {
                            self.outcome.ended = Some(reason.to_string());
                        }
                        $krate::Event::Stream($krate::StreamEvent::Readable { id }) => readable.push(id),
                        _ => {}
                    }
                }
                while association.accept_stream().is_some() {}
                for id in readable {
                    let Ok(mut stream) = association.stream(id) else { continue };
                    while let Ok(Some(chunks)) = stream.read() {
                        self.message.resize(chunks.len(), 0);
                        chunks.read(&mut self.message).unwrap();
                        self.outcome.deliver(id, &self.message);
                    }
                }
                while let Some(transmit) = association.poll_transmit(now) {
                    if let $krate::Payload::RawEncode(packets) = transmit.$payload {
                        self.outcome.outgoing.extend(packets.iter().map(|packet| packet.to_vec()));
                    }
                }
                if association.is_closed() {
                    self.outcome.ended.get_or_insert_with(|| "closed".to_owned());
                }
            }
        }

        impl Talker for $name {
            const NAME: &'static str = $label;

            fn with_window($window: u32, calls: bool, $now: Instant, _: u64) -> Self {
                let mut $config = $krate::EndpointConfig::new();
                $config.max_payload_size(u32::try_from(LARGEST_PACKET).unwrap() - 28);
                let mut server = $krate::ServerConfig::default();
                server.transport = Arc::new($transport);
                let $server = (!calls).then(|| Arc::new(server));
                let mut $own = $endpoint;
                let association = calls.then(|| {
                    let mut $client = $krate::ClientConfig::default();
                    $client.transport = Arc::new($transport);
                    $connect.unwrap().1
                });
                let mut own = Self { endpoint: $own, association, message: Vec::new(), outcome: Outcome::default() };
                own.drain($now);
                own
            }

            fn send(&mut self, $when: Instant, stream: u16, $message: &Bytes, unordered: bool) -> bool {
                let Some(association) = &mut self.association else { return false };
                if association.stream(stream).is_err() {
                    let opened =
                        association.open_stream(stream, $krate::PayloadProtocolIdentifier::Binary);
                    if opened.is_err() {
                        return false;
                    }
                }
                let mut $stream = association.stream(stream).unwrap();
                $stream
                    .set_reliability_params(unordered, $krate::ReliabilityType::Reliable, 0)
                    .unwrap();
                let sent = $write.is_ok();
                self.drain($when);
                sent
            }

            fn buffered(&mut self, stream: u16) -> usize {
                let stream = self.association.as_mut().map(|association| association.stream(stream));
                stream.and_then(Result::ok).map_or(0, |stream| stream.buffered_amount().unwrap())
            }

            fn reset(&mut self, $then: Instant, stream: u16) {
                let association = self.association.as_mut().unwrap();
                // Gone if the peer was first: then it has been reset already.
                if let Ok(mut $closing) = association.stream(stream) {
                    $close.unwrap();
                }
                self.drain($then);
            }

            fn outcome(&mut self) -> &mut Outcome {
                &mut self.outcome
            }
        }

        impl Machine for $name {
            fn handle_input(&mut self, $at: Instant, datagram: &mut [u8]) {
                let $data = Bytes::copy_from_slice(datagram);
                let $by = &mut self.endpoint;
                match $handle {
                    Some((_, $krate::DatagramEvent::AssociationEvent(event))) => {
                        if let Some(association) = &mut self.association {
                            association.handle_event(event);
                        }
                    }
                    Some((_, $krate::DatagramEvent::NewAssociation(association))) => {
                        self.association = Some(association);
                    }
                    _ => {}
                }
                self.drain($at);
            }

            fn handle_timeout(&mut self, now: Instant) {
                if let Some(association) = &mut self.association {
                    association.handle_timeout(now);
                }
                self.drain(now);
            }

            fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
                self.drain(now);
                self.outcome.transmit(out)
            }

            fn poll_timeout(&self) -> Option<Instant> {
                self.association.as_ref().and_then(|association| association.poll_timeout())
            }

            fn close(&mut self, now: Instant) {
                if let Some(association) = &mut self.association {
                    association.shutdown().unwrap();
                }
                self.drain(now);
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
    };
}

endpoint! {
    /// An association of `sctp-proto`, which str0m uses.
    SctpProto, "sctp-proto", sctp_proto,
    transport: |window| sctp_proto::TransportConfig::default()
        .with_max_receive_buffer_size(window)
        .with_max_send_message_size(u32::try_from(LARGEST_MESSAGE).unwrap())
        .with_max_receive_message_size(u32::try_from(LARGEST_MESSAGE).unwrap()),
    endpoint: |config, server| sctp_proto::Endpoint::new(Arc::new(config), server),
    connect: |endpoint, now, client| endpoint.connect(client, REMOTE),
    handle: |endpoint, now, data| endpoint.handle(now, REMOTE, None, None, data),
    payload: payload,
    reset_by_peer: |id| sctp_proto::Event::Stream(sctp_proto::StreamEvent::Finished { id }),
    write: |stream, now, message| stream.write_sctp(message, sctp_proto::PayloadProtocolIdentifier::Binary),
    close: |stream, now| stream.close(),
}

endpoint! {
    /// An association of `rtc-sctp`, which webrtc-rs uses.
    RtcSctp, "rtc-sctp", rtc_sctp,
    transport: |window| rtc_sctp::TransportConfig::default()
        .with_max_receive_buffer_size(window)
        .with_max_message_size(u32::try_from(LARGEST_MESSAGE).unwrap()),
    endpoint: |config, server| rtc_sctp::Endpoint::new(OWN, Default::default(), Arc::new(config), server),
    connect: |endpoint, now, client| endpoint.connect(now, client, REMOTE),
    handle: |endpoint, now, data| endpoint.handle(now, REMOTE, None, data),
    payload: message,
    reset_by_peer: |id| rtc_sctp::Event::AssociationLost { reason: rtc_sctp::AssociationError::Reset, id },
    write: |stream, now, message|
        stream.write_chunk_with_ppi(now, message, rtc_sctp::PayloadProtocolIdentifier::Binary),
    close: |stream, now| stream.close(now),
}
