//! What the codec must read, refuse and write back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use nomagic_rtp::rtcp::{
    Application, Arrival, Compound, Feedback, FullIntraRequest, Goodbye, IntraRequest, Item, ItemKind,
    MaximumBitrate, Nack, Packet as Control, PictureLoss, ReceiverReport, ReportBlock, SenderInfo,
    SenderReport, SourceDescription, TransportFeedback,
};
use nomagic_rtp::{Kind, Packet, PacketBuilder, ParseError};
use nomagic_testkit::{alloc, vectors};
use proptest::prelude::*;

const FEEDBACK: Feedback = Feedback { sender_ssrc: 1, media_ssrc: 2 };

fn one(datagram: &[u8]) -> Result<Control<'_>, ParseError> {
    let mut packets = Compound::new(datagram);
    let first = packets.next().unwrap();
    assert!(packets.next().is_none(), "one packet");
    first
}

/// What is written of what was read.
fn again(datagram: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compound::new(datagram).for_each(|packet| packet.unwrap().encode(&mut out));
    out
}

#[test]
fn rtp_headers_that_lie_are_refused() {
    let packet = |first: u8, tail: &[u8]| {
        let mut bytes = vec![first, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend_from_slice(tail);
        Packet::parse(&bytes).map(|packet| packet.payload().len()).map_err(|error| error.kind)
    };
    assert_eq!(packet(0x80, b"abc"), Ok(3));
    assert_eq!(packet(0x40, b"abc"), Err(Kind::Version(1)));
    assert_eq!(packet(0xa0, &[1, 2, 0]), Err(Kind::Padding { padding: 0, available: 3 }));
    assert_eq!(packet(0xa0, &[1, 2, 4]), Err(Kind::Padding { padding: 4, available: 3 }));
    assert_eq!(packet(0xa0, &[1, 2, 3]), Ok(0), "nothing but padding");
    assert_eq!(packet(0x81, &[1, 2, 3]), Err(Kind::Truncated { needed: 4, available: 3 }));
    assert_eq!(packet(0x90, &[0xbe, 0xde, 0, 1]), Err(Kind::Truncated { needed: 8, available: 4 }));
}

#[test]
fn a_compound_gives_good_packets_around_bad_ones() {
    let mut datagram = Vec::new();
    ReceiverReport::build(&mut datagram, 7, std::iter::empty());
    let bad = datagram.len();
    // A report that claims a block it does not hold, then a type that nobody knows.
    datagram.extend_from_slice(&[0x81, 201, 0, 1, 0, 0, 0, 9]);
    datagram.extend_from_slice(&[0x83, 210, 0, 1, 1, 2, 3, 4]);
    PictureLoss(FEEDBACK).encode(&mut datagram);
    let read: Vec<_> = Compound::new(&datagram).collect();
    assert!(matches!(read[0], Ok(Control::ReceiverReport(_))));
    assert_eq!(read[1].unwrap_err(), ParseError { kind: Kind::Count { count: 1 }, offset: bad + 8 });
    assert!(
        matches!(read[2], Ok(Control::Unknown(unknown)) if unknown.body == [1, 2, 3, 4] && unknown.count == 3)
    );
    assert_eq!(read[3], Ok(Control::PictureLoss(PictureLoss(FEEDBACK))));
    assert_eq!(read.len(), 4);
}

#[test]
fn padding_belongs_to_the_last_packet_and_stays_off_its_content() {
    // BYE of one source with 4 octets of padding.
    assert!(matches!(one(&[0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4]), Ok(Control::Goodbye(_))));
    for count in [0, 3, 8, 12, 255] {
        assert!(one(&[0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, count]).is_err(), "padding {count}");
    }
    let mut compound = vec![0xa1, 203, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4];
    PictureLoss(FEEDBACK).encode(&mut compound);
    let read: Vec<_> = Compound::new(&compound).collect();
    assert!(matches!(read[0], Err(ParseError { kind: Kind::Padding { .. }, .. })));
    assert!(read[1].is_ok());
}

#[test]
fn a_description_ends_with_a_terminator() {
    assert!(one(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 1, b'a', 0]).is_ok());
    assert!(one(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 2, b'a', b'b']).is_err(), "no terminator");
    assert!(one(&[0x81, 202, 0, 2, 0, 0, 0, 9, 1, 1, 0xff, 0]).is_err(), "no text");
}

#[test]
fn trailing_octets_cost_only_themselves() {
    let mut datagram = Vec::new();
    PictureLoss(FEEDBACK).encode(&mut datagram);
    datagram.extend_from_slice(&[0x80, 200]);
    let read: Vec<_> = Compound::new(&datagram).collect();
    assert!(read[0].is_ok());
    assert_eq!(read[1], Err(ParseError { kind: Kind::Truncated { needed: 4, available: 2 }, offset: 12 }));
}

#[test]
fn every_packet_writes_back_to_the_same_octets() {
    let mut datagram = Vec::new();
    let block = ReportBlock {
        ssrc: 5,
        fraction_lost: 9,
        cumulative_lost: -3,
        highest_sequence: 7,
        jitter: 8,
        last_sender_report: 1,
        delay_since_last: 2,
    };
    let info = SenderInfo { ntp: 1 << 40, rtp_timestamp: 3, packets: 4, octets: 5 };
    SenderReport::build(&mut datagram, 1, &info, [block; 2].into_iter());
    let items = [Item { kind: ItemKind::CNAME, text: "a@b" }, Item { kind: ItemKind::NAME, text: "" }];
    SourceDescription::build(&mut datagram, 1, items);
    Application { subtype: 3, ssrc: 1, name: *b"test", data: b"1234" }.encode(&mut datagram);
    Nack::build(&mut datagram, FEEDBACK, [65534, 65535, 0, 14, 15, 100]);
    FullIntraRequest::build(&mut datagram, FEEDBACK, [IntraRequest { ssrc: 9, number: 1 }]);
    MaximumBitrate::build(&mut datagram, FEEDBACK, 1_000_000, [9].into_iter());
    let arrivals = [Arrival { sequence: 65535, time: Some(500) }, Arrival { sequence: 3, time: Some(490) }];
    TransportFeedback::build(&mut datagram, FEEDBACK, 7, &arrivals);
    Goodbye::build(&mut datagram, [1].into_iter(), b"bye");
    assert_eq!(again(&datagram), datagram);
    let lines: Vec<_> = Compound::new(&datagram).map(|packet| packet.unwrap().to_string()).collect();
    assert_eq!(
        lines,
        [
            "SR ssrc=00000001 ts=3 packets=4 octets=5 [00000005 lost=-3 jitter=8] [00000005 lost=-3 jitter=8]",
            "SDES [00000001 cname=\"a@b\"]",
            "APP ssrc=00000001 name=['t', 'e', 's', 't']",
            "NACK 00000002 [65534 65535 0 14 15 100]",
            "FIR 00000009#1",
            "REMB 1000000 bit/s",
            "TWCC #7 65535-3 received=2",
            "BYE 00000001",
        ]
    );
}

#[test]
fn reports_of_losses_are_kept_within_their_24_bits() {
    for (lost, kept) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000), (-1, -1)] {
        let mut out = Vec::new();
        let block = ReportBlock { cumulative_lost: lost, ..ReportBlock::default() };
        ReceiverReport::build(&mut out, 1, [block].into_iter());
        let Ok(Control::ReceiverReport(report)) = one(&out) else { panic!("a report") };
        assert_eq!(report.reports.iter().next().unwrap().cumulative_lost, kept);
    }
}

#[test]
fn every_corpus_is_survived_and_what_reads_stays_inside() {
    for folder in [
        "webrtc-rtcp-corpus",
        "mediasoup-rtcp-corpus",
        "mediasoup-rtcp-crashes",
        "pion-rtcp-fuzz",
        "aiortc",
        "webrtc-rtp-corpus",
        "mediasoup-rtp-crashes",
        "mediasoup",
        "gortsplib-vp8-fuzz",
        "gortsplib-vp9-fuzz",
        "gortsplib-av1-fuzz",
        "gortsplib-h264-fuzz",
        "gortsplib-h265-fuzz",
    ] {
        for (name, bytes) in vectors::files(&format!("rtp/{folder}")) {
            for packet in Compound::new(&bytes) {
                let Ok(packet) = packet else { continue };
                assert!(!packet.to_string().is_empty(), "{name}");
                packet.encode(&mut Vec::new());
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                let inside = packet.header_len() + packet.payload().len() + packet.padding();
                assert_eq!(inside, bytes.len(), "{name}");
                let elements: usize = packet.extensions().map(|element| element.data.len() + 1).sum();
                assert!(elements <= bytes.len());
            }
        }
    }
}

#[test]
fn hand_made_packets_read_as_their_names_say() {
    for (name, bytes) in vectors::files("rtp/aiortc") {
        let bad = name.contains("invalid") || name.contains("truncated");
        if name.starts_with("rtcp") {
            let good = Compound::new(&bytes).all(|packet| packet.is_ok());
            assert!(good || bad, "{name}");
            if good && !name.contains("padding") && !bad {
                assert_eq!(again(&bytes), bytes, "{name}");
            }
        } else if name.ends_with(".bin") {
            assert!(Packet::parse(&bytes).is_ok() || bad, "{name}");
        }
    }
}

/// RTP and RTCP of recordings and captures: everything that tshark took for a good header is read with its fields.
#[test]
fn captures_read_as_the_second_opinion_says() {
    for capture in ["str0m-vp8.pcap", "str0m-h264.pcap", "str0m-contiguous_vp9.pcap", "rtp.pcapng"] {
        let packets = vectors::json_lines(&format!("rtp/captures/{capture}.packets.jsonl"));
        let Some(table) = vectors::read(&format!("rtp/captures/{capture}.rtp.tsv")) else { return };
        let table = String::from_utf8(table).unwrap();
        let mut lines = table.lines();
        let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
        let column = |name: &str| columns.iter().position(|column| *column == name);
        let (Some(frame), Some(sequence), Some(ssrc)) =
            (column("frame.number"), column("rtp.seq"), column("rtp.ssrc"))
        else {
            panic!("{capture}: {columns:?}")
        };
        let mut compared = 0;
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            if fields[sequence].is_empty() || fields[sequence].contains(',') {
                continue;
            }
            let Some(packet) =
                packets.iter().find(|packet| packet["frame"].as_u64() == fields[frame].parse().ok())
            else {
                continue;
            };
            let Some(payload) = packet["udp_payload"].as_str() else { continue };
            let bytes = vectors::hex(payload);
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!(packet.sequence().to_string(), fields[sequence], "{capture} {}", fields[frame]);
            assert_eq!(format!("0x{:08x}", packet.ssrc()), fields[ssrc]);
            compared += 1;
        }
        assert!(compared > 0, "{capture}: nothing compared");
    }
}

#[test]
fn reading_allocates_nothing() {
    let mut media = Vec::new();
    PacketBuilder { payload_type: 96, ..PacketBuilder::default() }.encode(
        &mut media,
        |extensions| {
            extensions.element(1, &[1]).element(3, &[1, 2]).element(4, b"mid");
        },
        &[0; 1188],
        0,
    );
    let mut control = Vec::new();
    SenderReport::build(&mut control, 1, &SenderInfo::default(), [ReportBlock::default()].into_iter());
    SourceDescription::build(&mut control, 1, [Item { kind: ItemKind::CNAME, text: "name" }]);
    let arrivals: Vec<_> = (0..100)
        .map(|at| Arrival { sequence: at, time: (at % 7 != 0).then_some(i64::from(at) * 40) })
        .collect();
    TransportFeedback::build(&mut control, FEEDBACK, 0, &arrivals);
    alloc::assert_none(|| {
        let packet = Packet::parse(&media).unwrap();
        assert_eq!((packet.extensions().count(), packet.payload().len()), (3, 1188));
        for packet in Compound::new(&control) {
            match packet.unwrap() {
                Control::SenderReport(report) => assert_eq!(report.reports.iter().count(), 1),
                Control::SourceDescription(description) => {
                    assert_eq!(description.chunks().next().unwrap().cname(), Some("name"));
                }
                Control::TransportFeedback(feedback) => assert_eq!(feedback.arrivals().count(), 100),
                other => panic!("{other}"),
            }
        }
    });
}

proptest! {
    #[test]
    fn a_packet_that_is_built_reads_back(
        marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        csrcs in proptest::collection::vec(any::<u32>(), 0..16),
        elements in proptest::collection::vec((1u8..=255, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        payload in proptest::collection::vec(any::<u8>(), 0..100), padding: u8,
    ) {
        let mut out = Vec::new();
        PacketBuilder { marker, payload_type, sequence, timestamp, ssrc, csrcs: &csrcs }.encode(
            &mut out,
            |writer| elements.iter().for_each(|(id, data)| { writer.element(*id, data); }),
            &payload,
            padding,
        );
        let packet = Packet::parse(&out).unwrap();
        prop_assert_eq!((packet.marker(), packet.payload_type(), packet.sequence()), (marker, payload_type, sequence));
        prop_assert_eq!((packet.timestamp(), packet.ssrc()), (timestamp, ssrc));
        prop_assert_eq!(packet.csrcs().collect::<Vec<_>>(), csrcs);
        prop_assert_eq!((packet.payload(), packet.padding()), (&payload[..], usize::from(padding)));
        let read: Vec<_> = packet.extensions().map(|element| (element.id, element.data.to_vec())).collect();
        prop_assert_eq!(read, elements);
    }

    #[test]
    fn any_octets_are_survived_and_what_reads_writes_back(noise in proptest::collection::vec(any::<u8>(), 0..120), kind in 200u8..208, count in 0u8..32) {
        let _ = Packet::parse(&noise).map(|packet| packet.extensions().count());
        let mut framed = vec![0x80 | count, kind, 0, 0];
        framed.extend_from_slice(&noise);
        framed.truncate(framed.len() & !3);
        framed[3] = u8::try_from(framed.len() / 4 - 1).unwrap();
        if let Ok(packet) = one(&framed) {
            let mut out = Vec::new();
            packet.encode(&mut out);
            prop_assert_eq!(one(&out).map(|packet| packet.to_string()), Ok(packet.to_string()));
        }
    }

    #[test]
    fn arrivals_survive_a_report(steps in proptest::collection::vec((1u16..30, proptest::option::of(-40i64..3000)), 1..300), base: u16, start in 0i64..1_000_000) {
        let (mut sequence, mut clock) = (base, start);
        let mut arrivals: Vec<Arrival> = steps.iter().map(|(gap, delta)| {
            sequence = sequence.wrapping_add(*gap);
            clock += delta.unwrap_or(0);
            Arrival { sequence, time: delta.map(|_| clock) }
        }).collect();
        arrivals.dedup_by_key(|arrival| arrival.sequence);
        let mut out = Vec::new();
        let used = TransportFeedback::build(&mut out, FEEDBACK, 1, &arrivals);
        prop_assert!(used > 0);
        let Ok(Control::TransportFeedback(feedback)) = one(&out) else { panic!("feedback") };
        let received: Vec<_> = feedback.arrivals().filter(|arrival| arrival.time.is_some()).collect();
        let expected: Vec<_> = arrivals[..used].iter().copied().filter(|arrival| arrival.time.is_some()).collect();
        prop_assert_eq!(received, expected);
        prop_assert_eq!(again(&out), out);
    }

    #[test]
    fn missing_packets_survive_a_nack(mut lost in proptest::collection::vec(any::<u16>(), 1..60)) {
        lost.sort_unstable();
        lost.dedup();
        let mut out = Vec::new();
        Nack::build(&mut out, FEEDBACK, lost.iter().copied());
        let Ok(Control::Nack(nack)) = one(&out) else { panic!("a NACK") };
        prop_assert_eq!(nack.sequences().collect::<Vec<_>>(), lost);
    }
}
