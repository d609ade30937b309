//! The program `dtls` as its users run it: with itself, with OpenSSL, and with options that cannot be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nomagic_interop::certificates::{ED25519, Files, P256, P384, folder, self_signed};
use nomagic_interop::dtls::free_udp_port;
use nomagic_interop::program::example;
use nomagic_interop::talker::Talker;

fn dtls(arguments: &[&str]) -> Talker {
    Talker::start(Command::new(example("dtls")).args(arguments))
}

fn refused(arguments: &[&str], word: &str) {
    let output = Command::new(example("dtls")).args(arguments).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
}

#[test]
fn what_cannot_be_done_is_refused_in_a_line() {
    refused(&[], "Usage");
    refused(&["client", "127.0.0.1:9"], "--fingerprint");
    refused(&["client", "nowhere", "--any-peer"], "nowhere");
    refused(&["client", "127.0.0.1:9", "--fingerprint", "sha-256 AB"], "expected 32 octets");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--export", "label", "many"], "1 to 1024");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--srtp", "rot13"], "rot13");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--keylog", "/nonexistent/keys"], "/nonexistent/keys");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--mtu", "100"], "--mtu");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--cert", "/nonexistent/pem"], "/nonexistent/pem");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--key", "/nonexistent/pem"], "--cert");
    refused(&["client", "127.0.0.1:9", "--any-peer", "--alpn", "a,,b"], "1 to 255");
    refused(&["server", "192.0.2.1:4433"], "192.0.2.1:4433");
}

/// Whoever does not answer is told of with an exit code of 1.
#[test]
fn nobody_at_home_is_a_failure() {
    let port = free_udp_port();
    let mut client = dtls(&["client", &format!("127.0.0.1:{port}"), "--any-peer", "--timeout", "1"]);
    let (said, content) = client.wait_for_end();
    assert!(said.contains("ClientHello") && said.contains("not complete in time"), "{said}");
    assert!(!content);
}

/// What goes in at one end comes out at the other, and both show the same keying material and the flights.
#[test]
fn client_and_server_carry_lines_and_agree_on_keys() {
    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let options = ["--srtp", "gcm128,cm80", "--export", "EXTRACTOR-test", "32"];
    let mut server = dtls(&[&["server", &address, "--once", "--echo", "--any-peer"][..], &options].concat());
    let fingerprint = server.line_after("our certificate: ");
    server.wait_for("waiting on");
    let mut client = dtls(&[&["client", &address, "--fingerprint", &fingerprint][..], &options].concat());
    client.say("there and back\n");
    client.wait_for("there and back");
    let [ours, theirs] = [&mut client, &mut server].map(|end| end.line_after("EXTRACTOR-test: "));
    assert_eq!((ours.len(), &ours), (64, &theirs));
    for flight in ["ClientHello", "ServerHello", "Certificate", "ChangeCipherSpec", "AEAD_AES_128_GCM"] {
        client.wait_for(flight);
        server.wait_for(flight);
    }
    client.hang_up();
    assert!(client.wait_for_end().1, "the client is content");
    assert!(server.wait_for_end().1, "the server is content");
}

/// Carries datagrams between a client and a server; from `moves` on it talks to the server from another port.
fn carry(front: &UdpSocket, server: &str, moves: &AtomicBool, over: &AtomicBool) {
    let backs = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let moment = Some(Duration::from_millis(2));
    for socket in backs.iter().chain([front]) {
        socket.set_read_timeout(moment).unwrap();
    }
    let (mut client, mut buffer, end) = (None, [0; 2000], Instant::now() + Duration::from_secs(60));
    while !over.load(Ordering::Relaxed) && Instant::now() < end {
        if let Ok((len, from)) = front.recv_from(&mut buffer) {
            client = Some(from);
            let back = &backs[usize::from(moves.load(Ordering::Relaxed))];
            back.send_to(&buffer[..len], server).unwrap();
        }
        for back in &backs {
            if let (Ok(len), Some(client)) = (back.recv(&mut buffer), client) {
                front.send_to(&buffer[..len], client).unwrap();
            }
        }
    }
}

/// With ids the server knows a client that has moved; without, it does not.
#[test]
fn a_client_that_moves_is_known_by_its_id() {
    for cid in [Some("8"), None] {
        let options: &[&str] = cid.map_or(&[], |_| &["--cid", "8"]);
        let address = format!("127.0.0.1:{}", free_udp_port());
        let mut server = dtls(&[&["server", &address, "--echo"], options].concat());
        server.wait_for("waiting on");
        let (front, moves, over) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), AtomicBool::new(false), AtomicBool::new(false));
        let door = front.local_addr().unwrap().to_string();
        std::thread::scope(|scope| {
            scope.spawn(|| carry(&front, &address, &moves, &over));
            let mut client = dtls(&["client", &door, "--any-peer", "--cid", "4"]);
            client.say("from home\n");
            client.wait_for("from home");
            moves.store(true, Ordering::Relaxed);
            if cid.is_some() {
                client.say("from the road\n");
                client.wait_for("from the road");
                server.wait_for("the peer is at");
            } else {
                client.say("from nowhere\n");
            }
            client.hang_up();
            client.wait_for_end();
            over.store(true, Ordering::Relaxed);
        });
        drop(server);
    }
}

/// The wrong server is not talked to.
#[test]
fn another_fingerprint_is_refused() {
    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let mut server = dtls(&["server", &address, "--once"]);
    server.wait_for("waiting on");
    let mut client = dtls(&["client", &address, "--fingerprint", &format!("sha-256 {}00", "00:".repeat(31))]);
    let (said, content) = client.wait_for_end();
    assert!(said.contains("none of the fingerprints") && !content, "{said}");
    assert!(!server.wait_for_end().1);
}

#[test]
fn openssl_talks_to_the_program_in_both_roles() {
    if !nomagic_interop::answers("openssl", "version") {
        return;
    }
    let files = self_signed(&folder(env!("CARGO_TARGET_TMPDIR"), "program"), "peer", P256);
    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let mut server = dtls(&["server", &address, "--once", "--echo"]);
    server.wait_for("waiting on");
    let mut openssl =
        Talker::start(Command::new("openssl").args(["s_client", "-dtls1_2", "-connect", &address]));
    openssl.wait_for("Verify return code");
    openssl.say("there and back\n");
    openssl.wait_for("there and back");
    openssl.say("Q\n");
    assert!(server.wait_for_end().1);

    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let mut openssl = Talker::start(
        Command::new("openssl")
            .args(["s_server", "-dtls1_2", "-accept", &address, "-cert"])
            .arg(&files.certificate)
            .arg("-key")
            .arg(&files.key),
    );
    openssl.wait_for("ACCEPT");
    let mut client = dtls(&["client", &address, "--fingerprint", &files.fingerprint.to_string()]);
    client.say("from us to them\n");
    openssl.wait_for("from us to them");
    openssl.say("from them to us\n");
    client.wait_for("from them to us");
    client.hang_up();
    assert!(client.wait_for_end().1);
}

/// Certificates from files, of another kind at each end, and a name of the protocol above.
#[test]
fn certificates_come_from_files_and_protocols_have_names() {
    if !nomagic_interop::answers("openssl", "version") {
        return;
    }
    let folder = folder(env!("CARGO_TARGET_TMPDIR"), "program-files");
    let (ours, theirs) = (self_signed(&folder, "ours", P384), self_signed(&folder, "theirs", ED25519));
    let address = format!("127.0.0.1:{}", free_udp_port());
    let file = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let options =
        |files: &Files| ["--cert".to_owned(), file(&files.certificate), "--key".to_owned(), file(&files.key)];
    let [ours_options, theirs_options] = [&ours, &theirs].map(options);
    let with = |files: &[String], more: &[&str]| -> Vec<String> {
        more.iter().map(|word| (*word).to_owned()).chain(files.iter().cloned()).collect()
    };
    let known = theirs.fingerprint.to_string();
    let arguments = with(
        &ours_options,
        &["server", &address, "--once", "--echo", "--fingerprint", &known, "--alpn", "webrtc"],
    );
    let mut server = Talker::start(Command::new(example("dtls")).args(arguments));
    assert_eq!(server.line_after("our certificate: "), ours.fingerprint.to_string());
    server.wait_for("waiting on");
    let known = ours.fingerprint.to_string();
    let arguments =
        with(&theirs_options, &["client", &address, "--fingerprint", &known, "--alpn", "c-webrtc,webrtc"]);
    let mut client = Talker::start(Command::new(example("dtls")).args(arguments));
    client.say("there and back\n");
    client.wait_for("there and back");
    for end in [&mut client, &mut server] {
        assert_eq!(end.line_after("application protocol: "), "webrtc");
    }
    // One's own key does not go with another certificate.
    let wrong =
        ["client", &address, "--any-peer", "--cert", &file(&ours.certificate), "--key", &file(&theirs.key)];
    refused(&wrong, "not that of the certificate");
}
