//! `dissect` over files: every capture and sample there is, every kind of file and link, and the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nomagic_examples::dissect::{Dissector, Packet, Paint, Value, read, read_hex};
use nomagic_testkit::vectors::{corpus, folder, hex, json_lines};
use proptest::prelude::*;

/// The request of RFC 5769 section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

/// All files under `folder`, by their place in it.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(all_files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

fn ends_with(path: &Path, ends: &[&str]) -> bool {
    ends.iter().any(|end| path.to_str().unwrap().ends_with(end))
}

/// All captures, wherever they lie.
fn captures() -> Vec<PathBuf> {
    let files = folder().map(|root| all_files(&root)).unwrap_or_default();
    let captures: Vec<_> = files.into_iter().filter(|file| ends_with(file, &[".pcap", ".pcapng"])).collect();
    assert!(captures.len() >= 18 || captures.is_empty(), "{captures:?}");
    captures
}

fn dissect(file: &[u8]) -> Vec<Packet> {
    let captured = read(file).unwrap();
    assert_eq!(captured.cut, None);
    let mut dissector = Dissector::default();
    captured.frames.iter().flat_map(|frame| dissector.frame(frame)).collect()
}

fn program(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dissect"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever is refused does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Both outputs of the program, of every capture: exit code 0, nothing to complain of, every frame there in its order.
#[test]
fn every_capture_is_shown_to_its_end() {
    for capture in captures() {
        let name = capture.to_str().unwrap();
        let frames = read(&std::fs::read(&capture).unwrap()).unwrap().frames.len() as u64;
        let json = program(&[name, "--json"], b"");
        assert!(json.status.success() && json.stderr.is_empty(), "{name}: {json:?}");
        let text = String::from_utf8(json.stdout).unwrap();
        let mut last = 0;
        for line in text.lines() {
            let packet: serde_json::Value = serde_json::from_str(line).unwrap();
            let frame = packet["frame"].as_u64().unwrap();
            assert!(frame == last || frame == last + 1, "{name}: {frame} behind {last}");
            last = frame;
            assert!(packet[packet["protocol"].as_str().unwrap()].is_object(), "{name}: {line}");
        }
        assert_eq!(last, frames, "{name}");
        let print = program(&[name], b"");
        assert!(print.status.success() && print.stderr.is_empty(), "{name}: {print:?}");
        assert!(!print.stdout.contains(&0x1b), "{name}: colours where there is no terminal");
    }
}

/// Frame numbers, times and addresses are those that tshark has found.
#[test]
fn frames_are_numbered_and_timed_as_tshark_does() {
    let mut compared = 0;
    for capture in captures() {
        let beside = capture
            .with_file_name(format!("{}.packets.jsonl", capture.file_name().unwrap().to_str().unwrap()));
        let Ok(place) = beside.strip_prefix(folder().unwrap()) else { panic!("{beside:?}") };
        if !beside.exists() {
            continue;
        }
        let file = std::fs::read(&capture).unwrap();
        let (frames, packets) = (read(&file).unwrap().frames, dissect(&file));
        let lines = json_lines(place.to_str().unwrap());
        let zero = |time: &serde_json::Value, first: f64| time.as_f64().unwrap() - first;
        let at = |number: u64| &frames[usize::try_from(number - 1).unwrap()];
        let first = &lines[0];
        let (first_time, first_frame) = (first["t"].as_f64().unwrap(), first["frame"].as_u64().unwrap());
        for line in &lines {
            let number = line["frame"].as_u64().unwrap();
            let ours = at(number).time.as_secs_f64() - at(first_frame).time.as_secs_f64();
            assert!((ours - zero(&line["t"], first_time)).abs() < 2e-6, "{beside:?} {number}: {ours} {line}");
            let packet = packets.iter().find(|packet| packet.frame == number).unwrap();
            // What ICMP quotes, or GTP carries, was said elsewhere.
            let protocols = line["protocols"].as_str().unwrap_or("sctp");
            if !protocols.contains("icmp") && !protocols.contains("gtp") {
                for (ours, theirs) in [(&packet.source, &line["src"]), (&packet.destination, &line["dst"])] {
                    // The list has no brackets around addresses of IPv6.
                    let ours = ours.as_ref().unwrap().replace(['[', ']'], "");
                    assert_eq!(ours, theirs.as_str().unwrap(), "{beside:?} {number}");
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 1400 || compared == 0, "{compared}");
}

/// Everything in the vectors that is a packet, and everything that is none.
#[test]
fn no_sample_of_the_vectors_breaks_it() {
    let Some(root) = folder() else { return };
    let (mut seen, mut dissector) = (0, Dissector::default());
    let mut look = |name: &dyn std::fmt::Debug, octets: &[u8]| {
        let packet = dissector.bare(1, octets);
        assert!(packet.print(Paint::Colours).ends_with('\n'), "{name:?}");
        assert_eq!(packet.to_json()["protocol"], packet.protocol, "{name:?}");
        seen += 1;
    };
    for file in all_files(&root) {
        if ends_with(&file, &[".corpus"]) {
            let place = file.strip_prefix(&root).unwrap().to_str().unwrap();
            corpus(place).iter().for_each(|(name, octets)| look(name, octets));
        } else if std::fs::metadata(&file).unwrap().len() < 1 << 16 {
            let octets = std::fs::read(&file).unwrap();
            look(&file, &octets);
            let _ = read(&octets);
        }
    }
    assert!(seen > 2000, "{seen}");
}

/// The headers of IPv4 and UDP for this payload; `fragment` is the third word.
fn ipv4(payload: &[u8], fragment: u16) -> Vec<u8> {
    let len = |more: usize| u16::try_from(payload.len() + more).unwrap().to_be_bytes();
    let mut packet = hex("45000000 0001 0000 40110000 c0000201 c0000202 0001 0002 0000 0000");
    packet[2..4].copy_from_slice(&len(28));
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[24..26].copy_from_slice(&len(8));
    packet.extend(payload);
    packet
}

fn ipv6(payload: &[u8], next: u8, extension: &[u8]) -> Vec<u8> {
    let len = |more: usize| u16::try_from(payload.len() + more).unwrap().to_be_bytes();
    let addresses = "20010db8000000000000000000000001 20010db8000000000000000000000002";
    let mut packet = hex(&format!("60000000 0000 0040 {addresses}"));
    packet[4..6].copy_from_slice(&len(8 + extension.len()));
    packet[6] = next;
    packet.extend(extension);
    packet.extend(hex("0001 0002"));
    packet.extend(len(8));
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

/// A pcap file, its numbers written by `order` and its fractions of a second in this unit.
fn pcap(magic: u32, big: bool, link: u32, snap: u32, frames: &[(u32, u32, &[u8], usize)]) -> Vec<u8> {
    let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut file = [long(magic).to_vec(), short(2).to_vec(), short(4).to_vec()].concat();
    [0, 0, snap, link].iter().for_each(|value| file.extend(long(*value)));
    for (seconds, fraction, data, original) in frames {
        let lens = [data.len(), *original].map(|len| u32::try_from(len).unwrap());
        [*seconds, *fraction, lens[0], lens[1]].iter().for_each(|value| file.extend(long(*value)));
        file.extend(*data);
    }
    file
}

#[test]
fn pcap_is_read_in_either_order_and_unit() {
    let packet = ipv4(&hex(REQUEST), 0);
    for (magic, fraction) in [(0xa1b2_c3d4, 250_000), (0xa1b2_3c4d, 250_000_000)] {
        for big in [false, true] {
            let frames = [(7, 0, &packet[..], packet.len()), (8, fraction, &packet[..], packet.len())];
            let packets = dissect(&pcap(magic, big, 101, 65535, &frames));
            assert_eq!(packets.len(), 2);
            assert_eq!(packets[1].time, Duration::from_millis(1250), "{magic:x} {big}");
            assert_eq!((packets[1].protocol, packets[1].tree.find("malformed")), ("stun", None));
        }
    }
}

#[test]
fn every_link_leads_to_the_same_packet() {
    let request = hex(REQUEST);
    let (four, six) = (ipv4(&request, 0), ipv6(&request, 17, &[]));
    let with = |header: &str, packet: &[u8]| [hex(header), packet.to_vec()].concat();
    let ethernet = "020000000001 020000000002";
    let frames = [
        (1, "Ethernet", with(&format!("{ethernet} 0800"), &four)),
        (1, "Ethernet, IPv6", with(&format!("{ethernet} 86dd"), &six)),
        (1, "a VLAN", with(&format!("{ethernet} 8100 0005 0800"), &four)),
        (1, "a VLAN in a VLAN, IPv6", with(&format!("{ethernet} 88a8 0001 8100 0005 86dd"), &six)),
        (113, "Linux cooked", with("0000 0001 0006 0200000000010000 0800", &four)),
        (113, "Linux cooked, IPv6", with("0000 0001 0006 0200000000010000 86dd", &six)),
        (276, "Linux cooked 2", with("0800 0000 00000001 0001 00 06 0200000000010000", &four)),
        (276, "Linux cooked 2, IPv6", with("86dd 0000 00000001 0001 00 06 0200000000010000", &six)),
        (101, "IP", four.clone()),
        (101, "IPv6", six.clone()),
        (228, "IPv4 alone", four.clone()),
        (229, "IPv6 alone", six.clone()),
        (0, "null", with("02000000", &four)),
        (0, "null, IPv6", with("0000001e", &six)),
        (108, "loop", with("00000002", &four)),
    ];
    for (link, name, frame) in frames {
        let packets = dissect(&pcap(0xa1b2_c3d4, false, link, 65535, &[(0, 0, &frame, frame.len())]));
        let [packet] = &packets[..] else { panic!("{name}: {packets:?}") };
        assert_eq!((packet.protocol, packet.tree.find("malformed")), ("stun", None), "{name}: {packet:?}");
        let source = if name.contains("IPv6") { "[2001:db8::1]:1" } else { "192.0.2.1:1" };
        assert_eq!(packet.source.as_deref(), Some(source), "{name}");
    }
}

#[test]
fn a_fragment_is_called_one() {
    let data = hex(REQUEST);
    let fragments = [
        // More of them follow; the last.
        ipv4(&data, 0x2000),
        ipv4(&data, 0x0010),
        ipv6(&data, 44, &hex("1100 0001 00000001")),
        ipv6(&data, 44, &hex("1100 0080 00000001")),
    ];
    for fragment in fragments {
        let packets = dissect(&pcap(0xa1b2_c3d4, false, 101, 65535, &[(0, 0, &fragment, fragment.len())]));
        assert_eq!(packets[0].protocol, "unknown", "{packets:?}");
        let what = packets[0].tree.find("carries");
        assert_eq!(what, Some(&Value::Text("a fragment of an IP packet".into())), "{packets:?}");
    }
}

/// Who captures with a short snap length gets the beginning of each packet, of all of them.
#[test]
fn sliced_packets_are_shown_as_far_as_they_go() {
    let packet = ipv4(&hex(REQUEST), 0);
    let sliced = &packet[..72];
    let file =
        pcap(0xa1b2_c3d4, false, 101, 72, &[(0, 0, sliced, packet.len()), (1, 0, sliced, packet.len())]);
    let packets = dissect(&file);
    assert_eq!(packets.len(), 2);
    let json = packets[1].to_json();
    assert_eq!((&json["frame"], &json["protocol"]), (&2.into(), &"stun".into()), "{json}");
    assert_eq!(json["stun"]["attributes"][0]["value"], "STUN test client");
    assert!(json["stun"]["malformed"]["reason"].is_string(), "{json}");
}

/// A block of pcapng with its length at both ends.
fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let len = long(u32::try_from(body.len().next_multiple_of(4) + 12).unwrap());
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    [&long(kind)[..], &len, body, &padding, &len].concat()
}

#[test]
fn pcapng_counts_time_as_its_interface_says() {
    let packet = ipv4(&hex(REQUEST), 0);
    for big in [false, true] {
        let long = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let short = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        // Millionths unless said otherwise; 10 to the 9th, 2 to the 10th a second; nothing that a number holds.
        for (resolution, ticks, ours) in [
            (None, 1_500_000, Duration::from_millis(1500)),
            (Some(9), 1_500_000, Duration::from_micros(1500)),
            (Some(0x80 | 10), 1536, Duration::from_millis(1500)),
            (Some(0x7f), 1, Duration::ZERO),
        ] {
            let mut interface = [short(101), short(0)].concat();
            interface.extend(long(65535));
            if let Some(resolution) = resolution {
                interface.extend([short(9), short(1)].concat());
                interface.extend([resolution, 0, 0, 0, 0, 0, 0, 0]);
            }
            let section: Vec<u8> = [&long(0x1a2b_3c4d)[..], &short(1), &short(0), &[0xff; 8]].concat();
            let len = u32::try_from(packet.len()).unwrap();
            let enhanced = |ticks: u32| {
                let words: Vec<u8> = [0, 0, ticks, len, len].iter().flat_map(|word| long(*word)).collect();
                block(big, 6, &[&words[..], &packet].concat())
            };
            let words: Vec<u8> = [0, ticks, len, len].iter().flat_map(|word| long(*word)).collect();
            let ancient = block(big, 2, &[&short(0)[..], &short(0), &words, &packet].concat());
            let simple = block(big, 3, &[&long(len)[..], &packet].concat());
            let file = [
                block(big, 0x0a0d_0d0a, &section),
                block(big, 1, &interface),
                enhanced(0),
                enhanced(ticks),
                ancient,
                simple,
            ];
            let packets = dissect(&file.concat());
            assert_eq!(packets.len(), 4, "{big} {resolution:?}");
            assert!(packets.iter().all(|packet| packet.protocol == "stun"), "{packets:?}");
            assert_eq!((packets[1].time, packets[2].time), (ours, ours), "{big} {resolution:?}");
        }
    }
}

proptest! {
    /// Whatever is typed, and rows that look like a dump's: packets or one line that says where it is wrong.
    #[test]
    fn arbitrary_text_never_breaks_the_reader_of_dumps(text in "(\\PC|\n){0,80}", rows in "([0-9a-f]{3,9}(:| ) {0,3}[0-9a-f |]{0,60}\n){0,5}") {
        for text in [text, rows] {
            if let Err(fault) = read_hex(text.as_bytes()) {
                prop_assert!(fault.starts_with("line ") && fault.lines().count() == 1, "{fault}");
            }
        }
    }
}

/// The same two packets as each program prints them.
#[test]
fn dumps_are_read_with_their_offsets() {
    let packets = [hex(REQUEST), hex("00010000 2112a442 000102030405060708090a0b")];
    let letters = |row: &[u8]| {
        row.iter().map(|o| if o.is_ascii_graphic() { *o as char } else { '.' }).collect::<String>()
    };
    let octets = |row: &[u8]| row.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>();
    let rows = |print: &dyn Fn(usize, &[u8]) -> String| -> String {
        let each = |packet: &Vec<u8>| {
            packet.chunks(16).enumerate().map(|(at, row)| print(16 * at, row) + "\n").collect::<String>()
        };
        packets.iter().map(|packet| each(packet) + "\n").collect()
    };
    let xxd = rows(&|at, row| {
        let pairs: Vec<String> = row.chunks(2).map(|pair| octets(pair).concat()).collect();
        format!("{at:08x}: {:39}  {}", pairs.join(" "), letters(row))
    });
    let wireshark = rows(&|at, row| format!("{at:04x}   {:47}   {}", octets(row).join(" "), letters(row)));
    let tshark = rows(&|at, row| format!("{at:04x}  {:47}   {}", octets(row).join(" "), letters(row)));
    let hexdump = rows(&|at, row| {
        let halves: Vec<String> = row.chunks(8).map(|half| octets(half).join(" ")).collect();
        format!("{at:08x}  {:48}  |{}|", halves.join("  "), letters(row))
    });
    for (name, dump) in [("xxd", xxd), ("wireshark", wireshark), ("tshark", tshark), ("hexdump", hexdump)] {
        assert_eq!(read_hex(dump.as_bytes()).unwrap(), packets, "{name}:\n{dump}");
    }
    // Digits with spaces or colons between them are no offset.
    assert_eq!(read_hex("0001 0203\n00:01\n".as_bytes()).unwrap(), [vec![0, 1, 2, 3], vec![0, 1]]);
    let hole = read_hex("0000  00 01\n0010  02\n".as_bytes()).unwrap_err();
    assert_eq!(hole, "line 2: a dump goes on at offset 16, but its rows before are missing");
}

#[test]
fn the_program_reads_standard_input_and_refuses_in_a_line() {
    for arguments in [&["-", "--json"][..], &["--hex", "--json"]] {
        let output = program(arguments, format!("{REQUEST}\n8060\n").as_bytes());
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["protocol"], &lines[1]["frame"]), (&"stun".into(), &2.into()));
        assert!(lines[1]["rtp"]["malformed"]["reason"].is_string(), "{text}");
    }
    for (arguments, word) in [
        (&["--nonsense"][..], "--nonsense"),
        (&[], "<FILE>"),
        (&["/nonexistent/capture"], "/nonexistent/capture"),
        (&["-", "--keylog", "/nonexistent/keys"], "/nonexistent/keys"),
    ] {
        let output = program(arguments, b"");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word) && message.lines().count() == 1, "{arguments:?}: {message}");
        assert!(message.starts_with("dissect: ") && output.stdout.is_empty(), "{arguments:?}: {message}");
    }
    let help = program(&["--help"], b"");
    assert!(help.status.success() && help.stderr.is_empty());
    assert!(String::from_utf8(help.stdout).unwrap().contains("--keylog"));
}

/// A file that ends in a record: what came before is shown, where it ended is said, and that is no failure.
#[test]
fn the_program_says_where_a_file_ends_early() {
    let packet = ipv4(&hex(REQUEST), 0);
    let frames = [(0, 0, &packet[..], packet.len()), (1, 0, &packet[..], packet.len())];
    let whole = pcap(0xa1b2_c3d4, false, 101, 65535, &frames);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dissect-cut.pcap");
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let output = program(&[file.to_str().unwrap(), "--json"], b"");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{message}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    assert!(message.contains("behind frame 1") && message.lines().count() == 1, "{message}");
}
