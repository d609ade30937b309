//! Records with connection ids (RFC 9146), as tshark reads them and as `dissect` does: captured between two runs of `dtls --cid`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nomagic_interop::certificates::folder;
use nomagic_interop::dtls::free_udp_port;
use nomagic_interop::program::example;
use nomagic_interop::talker::Talker;
use serde_json::Value;

/// A datagram on its way: from here to there.
type Seen = (SocketAddr, SocketAddr, Vec<u8>);

/// Carries datagrams between a client and a server, and keeps a copy of each, as between the client and the server. Once it
/// `moves`, the client is at another address.
fn carry(front: &UdpSocket, server: &str, moves: &AtomicBool, over: &AtomicBool) -> Vec<Seen> {
    let backs = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    for socket in backs.iter().chain([front]) {
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    }
    let there: SocketAddr = server.parse().unwrap();
    let (mut client, mut buffer, mut seen) = (None, [0; 2000], Vec::new());
    let end = Instant::now() + Duration::from_secs(60);
    while !over.load(Ordering::Relaxed) && Instant::now() < end {
        if let Ok((len, from)) = front.recv_from(&mut buffer) {
            client = Some(from);
            let back = &backs[usize::from(moves.load(Ordering::Relaxed))];
            back.send_to(&buffer[..len], server).unwrap();
            seen.push((back.local_addr().unwrap(), there, buffer[..len].to_vec()));
        }
        for back in &backs {
            if let (Ok(len), Some(client)) = (back.recv(&mut buffer), client) {
                front.send_to(&buffer[..len], client).unwrap();
                seen.push((there, back.local_addr().unwrap(), buffer[..len].to_vec()));
            }
        }
    }
    seen
}

/// A capture with raw IPv4 packets (link type 101) of these datagrams, one a millisecond.
fn write_capture(path: &Path, seen: &[Seen]) {
    let mut out = Vec::new();
    for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        out.extend(field.to_le_bytes());
    }
    for (number, (from, to, payload)) in seen.iter().enumerate() {
        let len = u16::try_from(28 + payload.len()).unwrap();
        for field in [1, 1000 * u32::try_from(number).unwrap(), len.into(), len.into()] {
            out.extend(field.to_le_bytes());
        }
        out.extend([0x45, 0]);
        out.extend(len.to_be_bytes());
        out.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        for field in [from.port(), to.port(), len - 20, 0] {
            out.extend(field.to_be_bytes());
        }
        out.extend(payload);
    }
    std::fs::write(path, out).unwrap();
}

/// Two lines each way between two programs with ids of these lengths; the capture, its key log, and the server's port.
fn conversation(name: &str, ids: [&str; 2], moving: bool) -> (PathBuf, PathBuf, u16) {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"), name);
    std::fs::create_dir_all(&folder).unwrap();
    let (capture, keys) = (folder.join("capture.pcap"), folder.join("keys"));
    let _ = std::fs::remove_file(&keys);
    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let dtls = |arguments: &[&str]| Talker::start(Command::new(example("dtls")).args(arguments));
    let mut server = dtls(&["server", &address, "--echo", "--any-peer", "--cid", ids[1]]);
    server.wait_for("waiting on");
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (moves, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let door = front.local_addr().unwrap().to_string();
    let seen = std::thread::scope(|scope| {
        let carried = scope.spawn(|| carry(&front, &address, &moves, &over));
        let log = keys.to_str().unwrap();
        let mut client = dtls(&["client", &door, "--any-peer", "--cid", ids[0], "--keylog", log]);
        client.say("from home\n");
        client.wait_for("from home");
        moves.store(moving, Ordering::Relaxed);
        client.say("and again\n");
        client.wait_for("and again");
        client.hang_up();
        client.wait_for_end();
        over.store(true, Ordering::Relaxed);
        carried.join().unwrap()
    });
    write_capture(&capture, &seen);
    (capture, keys, port)
}

const LENGTHS: [[&str; 2]; 3] = [["4", "8"], ["1", "20"], ["0", "6"]];

/// Wireshark reads the ids, and opens what is behind them.
#[test]
fn tshark_decrypts_records_with_connection_ids() {
    if !nomagic_interop::has("tshark") {
        return;
    }
    for (number, ids) in LENGTHS.into_iter().enumerate() {
        let (capture, keys, port) = conversation(&format!("cid-tshark-{number}"), ids, false);
        let tshark = |filter: &str, field: &str| {
            let output = Command::new("tshark")
                .arg("-r")
                .arg(&capture)
                .args(["-d", &format!("udp.port=={port},dtls"), "-o"])
                .arg(format!("tls.keylog_file:{}", keys.display()))
                .args(["-Y", filter, "-T", "fields", "-e", field])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(tshark("_ws.malformed", "frame.number"), "", "{ids:?}");
        let text: String = tshark("data", "data.data").split_whitespace().collect();
        let hex = |text: &str| text.bytes().map(|octet| format!("{octet:02x}")).collect::<String>();
        for line in ["from home\n", "and again\n"] {
            assert_eq!(text.matches(&hex(line)).count(), 2, "{ids:?}: {text}");
        }
        let finished = tshark("dtls.handshake.type == 20", "frame.number");
        assert_eq!(finished.lines().count(), 2, "{ids:?}: {finished}");
        let seen = tshark("dtls.record.connection_id", "dtls.record.connection_id");
        let lengths = ids.map(|id| 2 * id.parse::<usize>().unwrap());
        assert!(seen.lines().all(|id| id.split(',').all(|id| lengths.contains(&id.len()))), "{seen}");
        assert!(!seen.is_empty());
    }
}

/// `dissect` does the same, and also where the client has moved.
#[test]
fn dissect_decrypts_records_with_connection_ids() {
    for (number, ids) in LENGTHS.into_iter().enumerate() {
        for moving in [false, true] {
            let (capture, keys, _) = conversation(&format!("cid-dissect-{number}-{moving}"), ids, moving);
            let output = Command::new(example("dissect"))
                .args([capture.to_str().unwrap(), "--json", "--keylog", keys.to_str().unwrap()])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            let (mut opened, mut closed, mut named) = (0, 0, 0);
            let packets: Vec<Value> = serde_json::from_str(&text)
                .unwrap_or_else(|_| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect());
            let mut all: Vec<&Value> = packets.iter().collect();
            while let Some(value) = all.pop() {
                if let Value::Object(fields) = value {
                    opened += usize::from(fields.contains_key("decrypted"));
                    closed += usize::from(fields.contains_key("encrypted"));
                    named += usize::from(fields.contains_key("connection_id"));
                    all.extend(fields.values());
                } else if let Value::Array(values) = value {
                    all.extend(values);
                }
            }
            // Two Finished, two lines each way.
            assert!(opened >= 6 && closed == 0, "{ids:?} {moving}: {opened} opened, {closed} not\n{text}");
            assert!(named >= if ids[0] == "0" { 3 } else { 6 }, "{ids:?}: {named}");
            assert!(!text.contains("malformed"), "{text}");
        }
    }
}
