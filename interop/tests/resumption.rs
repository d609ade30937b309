//! Sessions that are taken up again, with OpenSSL and GnuTLS, both roles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use nomagic_dtls::{Config, Identity, Session, SessionCache, SrtpProfile, Verifier};
use nomagic_interop::certificates::{Files, P256, RSA, folder, self_signed};
use nomagic_interop::dtls::{Endpoint, free_udp_port};
use nomagic_interop::program::example;
use nomagic_interop::talker::Talker;
use nomagic_testkit::rng;

static OURS: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(3))));

fn has_openssl() -> bool {
    nomagic_interop::answers("openssl", "version")
}

fn place(test: &str) -> PathBuf {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"), test);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn files(test: &str, kind: &[&str]) -> Files {
    self_signed(&place(test), "peer", kind)
}

/// A client of ours that keeps its session, and knows the server by its fingerprint.
fn client(files: &Files, session: Option<Session>) -> Config {
    let mut config = Config::client(OURS.clone(), Verifier::fingerprints([files.fingerprint]));
    config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
    (config.session, config.keep_session) = (session, true);
    config
}

fn server(cache: &SessionCache) -> Config {
    let mut config = Config::server_for_anyone(OURS.clone());
    config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
    (config.session_cache, config.address_validated) = (Some(cache.clone()), true);
    config
}

/// Our client comes back to `s_server`, which remembers names if it is told not to give tickets.
#[test]
fn our_client_comes_back_to_s_server() {
    if !has_openssl() {
        return;
    }
    for (name, kind) in [("p256", P256), ("rsa", RSA)] {
        let files = files(&format!("resume-s-server-{name}"), kind);
        let port = free_udp_port();
        let mut program = Talker::start(
            Command::new("openssl")
                .args([
                    "s_server",
                    "-dtls1_2",
                    "-no_ticket",
                    "-accept",
                    &format!("127.0.0.1:{port}"),
                    "-cert",
                ])
                .arg(&files.certificate)
                .arg("-key")
                .arg(&files.key)
                .args(["-use_srtp", "SRTP_AES128_CM_SHA1_80", "-Verify", "1"]),
        );
        program.wait_for("ACCEPT");
        let mut session = None;
        for resumed in [false, true, true] {
            let mut end = Endpoint::client(client(&files, session), port);
            let connected = end.connect();
            assert_eq!(connected.resumed, resumed, "{name}");
            assert_eq!(connected.peer_fingerprint, Some(files.fingerprint));
            assert_eq!(connected.srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
            assert!(end.connection.srtp_keys().is_some());
            let text = format!("from us to them, {resumed}\n");
            end.send(text.as_bytes());
            program.wait_for(&text);
            program.say("from them to us\n");
            end.expect(b"from them to us\n");
            session = end.connection.session();
            end.close();
        }
    }
}

/// `s_client` comes back to our server with the session that it left in a file.
#[test]
fn s_client_comes_back_to_our_server() {
    if !has_openssl() {
        return;
    }
    let (cache, file) =
        (SessionCache::new(4, Duration::from_secs(600)), place("resume-s-client").join("session"));
    let _ = std::fs::remove_file(&file);
    for resumed in [false, true, true] {
        let mut end = Endpoint::server(server(&cache));
        let address = format!("127.0.0.1:{}", end.port());
        let mut command = Command::new("openssl");
        command.args(["s_client", "-dtls1_2", "-connect", &address, "-use_srtp", "SRTP_AES128_CM_SHA1_80"]);
        command.arg("-sess_out").arg(&file);
        if resumed {
            command.arg("-sess_in").arg(&file);
        }
        let mut program = Talker::start(&mut command);
        let connected = end.connect();
        assert_eq!(connected.resumed, resumed);
        assert_eq!(connected.srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
        program.wait_for(if resumed { "Reused, TLSv1.2" } else { "New, TLSv1.2" });
        end.send(b"from us to them\n");
        program.wait_for("from us to them");
        program.say("from them to us\n");
        end.expect(b"from them to us\n");
        program.say("Q\n");
        end.run_until("farewell", |end| end.closed.is_some());
        program.wait_for_end();
    }
    assert_eq!(cache.len(), 1);
}

/// A server that has forgotten: OpenSSL goes on with a full handshake, as ours does.
#[test]
fn who_has_forgotten_is_told_everything_again() {
    if !has_openssl() {
        return;
    }
    let (cache, file) =
        (SessionCache::new(4, Duration::from_secs(600)), place("resume-forgotten").join("session"));
    for forget in [false, true] {
        let mut end = Endpoint::server(server(&cache));
        let address = format!("127.0.0.1:{}", end.port());
        let mut command = Command::new("openssl");
        command.args(["s_client", "-dtls1_2", "-connect", &address, "-sess_out"]).arg(&file);
        if forget {
            cache.clear();
            command.arg("-sess_in").arg(&file);
        }
        let mut program = Talker::start(&mut command);
        assert!(!end.connect().resumed);
        program.wait_for("New, TLSv1.2");
        program.say("Q\n");
        end.run_until("farewell", |end| end.closed.is_some());
        program.wait_for_end();
    }
}

/// GnuTLS's server remembers names too. Its client asks for a second connection by itself.
#[test]
fn our_client_comes_back_to_gnutls_serv() {
    if !nomagic_interop::has("gnutls-serv") || !has_openssl() {
        return;
    }
    let files = files("resume-gnutls-serv", P256);
    let port = free_udp_port();
    let mut program = Talker::start(
        Command::new("gnutls-serv")
            .args(["--udp", "--port", &port.to_string(), "--echo", "--noticket", "--disable-client-cert"])
            .args(["--priority", "NORMAL:-VERS-ALL:+VERS-DTLS1.2", "--x509certfile"])
            .arg(&files.certificate)
            .arg("--x509keyfile")
            .arg(&files.key),
    );
    let mut session = None;
    for resumed in [false, true] {
        let mut end = Endpoint::client(client(&files, session), port);
        let connected = end.connect();
        assert_eq!(connected.resumed, resumed, "{}", program.said());
        end.send(b"there and back\n");
        end.expect(b"there and back\n");
        session = end.connection.session();
        end.close();
    }
}

/// `gnutls-cli --resume` comes, goes and comes back from another port, to our program behind its gate.
#[test]
fn gnutls_cli_comes_back_to_the_program() {
    if !nomagic_interop::has("gnutls-cli") {
        return;
    }
    let port = free_udp_port();
    let address = format!("127.0.0.1:{port}");
    let mut server =
        Talker::start(Command::new(example("dtls")).args(["server", &address, "--echo", "--resume"]));
    server.wait_for("waiting on");
    let mut client = Talker::start(
        Command::new("gnutls-cli")
            .args(["--udp", "--resume", "--insecure", "--port", &port.to_string()])
            .args(["--priority", "NORMAL:-VERS-ALL:+VERS-DTLS1.2:%NO_TICKETS", "127.0.0.1"]),
    );
    client.wait_for("*** This is a resumed session");
    client.say("there and back\n");
    client.wait_for("there and back");
    client.hang_up();
    server.wait_for(" resumed\n");
}

/// The program: the server with `--resume`, the client with `--session FILE`.
#[test]
fn the_program_comes_back() {
    let file = place("resume-program").join("session");
    let _ = std::fs::remove_file(&file);
    let address = format!("127.0.0.1:{}", free_udp_port());
    let mut server =
        Talker::start(Command::new(example("dtls")).args(["server", &address, "--echo", "--resume"]));
    server.wait_for("waiting on");
    for resumed in [false, true] {
        let mut client = Talker::start(
            Command::new(example("dtls")).args(["client", &address, "--any-peer", "--session"]).arg(&file),
        );
        client.say("there and back\n");
        client.wait_for("there and back");
        client.hang_up();
        let (said, content) = client.wait_for_end();
        assert!(content && said.contains(" resumed\n") == resumed, "{said}");
        assert_eq!(said.contains("ServerKeyExchange"), !resumed, "{said}");
    }
    std::fs::write(&file, b"no session").unwrap();
    let output = Command::new(example("dtls"))
        .args(["client", &address, "--any-peer", "--session"])
        .arg(&file)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("not a session"), "{message}");
}
