//! DTLS with pre-shared keys: OpenSSL's `s_server` and `s_client`, GnuTLS's `gnutls-serv` and `gnutls-cli`, and the program
//! `dtls`, on the loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::time::Duration;

use nomagic_dtls::{
    CipherSuite, CloseReason, Config, NamedGroup, PreSharedKey, PreSharedKeys, Session, SessionCache,
    SrtpProfile,
};
use nomagic_interop::certificates::folder;
use nomagic_interop::dtls::{Endpoint, free_udp_port};
use nomagic_interop::program::example;
use nomagic_interop::talker::Talker;

const LABEL: &str = "EXTRACTOR-dtls_srtp";
const IDENTITY: &str = "lamp 7";
const KEY: &str = "000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
const OTHER_KEY: &str = "100102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

fn has_openssl() -> bool {
    nomagic_interop::answers("openssl", "version")
}

fn has_gnutls() -> bool {
    nomagic_interop::has("gnutls-serv")
}

fn key(identity: &str, hex: &str) -> PreSharedKey {
    PreSharedKey::new(identity, &nomagic_testkit::vectors::hex(hex)).unwrap()
}

fn client(suite: CipherSuite) -> Config {
    let mut config = Config::client_with_key(key(IDENTITY, KEY));
    config.suites = vec![suite];
    config
}

fn server(suite: CipherSuite) -> Config {
    let mut config =
        Config::server_with_keys(PreSharedKeys::new([key("door", OTHER_KEY), key(IDENTITY, KEY)]));
    config.suites = vec![suite];
    config.address_validated = true;
    config
}

/// OpenSSL's names of the suites. Of those with ephemeral keys and authenticated encryption it has one.
const OPENSSL: &[(&str, CipherSuite)] = &[
    ("PSK-AES128-GCM-SHA256", CipherSuite::PSK_AES_128_GCM_SHA256),
    ("PSK-AES256-GCM-SHA384", CipherSuite::PSK_AES_256_GCM_SHA384),
    ("PSK-CHACHA20-POLY1305", CipherSuite::PSK_CHACHA20_POLY1305_SHA256),
    ("PSK-AES128-CCM8:@SECLEVEL=0", CipherSuite::PSK_AES_128_CCM_8),
    ("ECDHE-PSK-CHACHA20-POLY1305", CipherSuite::ECDHE_PSK_CHACHA20_POLY1305_SHA256),
];

/// GnuTLS's names of key exchanges and ciphers.
const GNUTLS: &[(&str, CipherSuite)] = &[
    ("+PSK:-CIPHER-ALL:+AES-128-GCM", CipherSuite::PSK_AES_128_GCM_SHA256),
    ("+PSK:-CIPHER-ALL:+AES-256-GCM", CipherSuite::PSK_AES_256_GCM_SHA384),
    ("+PSK:-CIPHER-ALL:+CHACHA20-POLY1305", CipherSuite::PSK_CHACHA20_POLY1305_SHA256),
    ("+PSK:-CIPHER-ALL:+AES-128-CCM-8", CipherSuite::PSK_AES_128_CCM_8),
    ("+ECDHE-PSK:-CIPHER-ALL:+CHACHA20-POLY1305", CipherSuite::ECDHE_PSK_CHACHA20_POLY1305_SHA256),
];

fn s_server(port: u16, key: &str, options: &[&str]) -> Talker {
    let accept = format!("127.0.0.1:{port}");
    Talker::start(
        Command::new("openssl")
            .args(["s_server", "-dtls1_2", "-accept", &accept, "-nocert", "-psk_identity", IDENTITY])
            .args(["-psk", key])
            .args(options),
    )
}

fn s_client(port: u16, key: &str, options: &[&str]) -> Talker {
    let connect = format!("127.0.0.1:{port}");
    Talker::start(
        Command::new("openssl")
            .args(["s_client", "-dtls1_2", "-connect", &connect, "-psk_identity", IDENTITY, "-psk", key])
            .args(options),
    )
}

/// What was agreed on, data both ways, and farewell.
fn talk_and_leave(end: &mut Endpoint, program: &mut Talker, suite: CipherSuite) {
    let connected = end.connect();
    assert_eq!((connected.suite, connected.peer_fingerprint), (suite, None));
    assert_eq!(connected.group.is_some(), suite.to_string().contains("ECDHE"));
    assert_eq!(end.connection.psk_identity(), Some(IDENTITY));
    end.send(b"from us to them\n");
    program.wait_for("from us to them");
    program.say("from them to us\n");
    end.expect(b"from them to us\n");
    end.close();
    assert!(end.connection.is_closed());
}

#[test]
fn our_client_talks_to_s_server_with_every_suite() {
    if !has_openssl() {
        return;
    }
    for (name, suite) in OPENSSL {
        let port = free_udp_port();
        let mut program = s_server(port, KEY, &["-cipher", name, "-quiet"]);
        talk_and_leave(&mut Endpoint::client(client(*suite), port), &mut program, *suite);
    }
}

#[test]
fn s_client_talks_to_our_server_with_every_suite() {
    if !has_openssl() {
        return;
    }
    for (name, suite) in OPENSSL {
        let mut end = Endpoint::server(server(*suite));
        let mut program = s_client(end.port(), KEY, &["-cipher", name]);
        talk_and_leave(&mut end, &mut program, *suite);
        let (said, _) = program.wait_for_end();
        assert!(said.contains("closed"), "our close_notify ends it: {said}");
    }
}

/// Suites of OpenSSL and groups that go with them.
const GROUPS: &[((&str, CipherSuite), &str, Option<NamedGroup>)] = &[
    (OPENSSL[0], "X25519", None),
    (OPENSSL[4], "X25519", Some(NamedGroup::X25519)),
    (OPENSSL[4], "P-256", Some(NamedGroup::SECP256R1)),
    (OPENSSL[4], "P-384", Some(NamedGroup::SECP384R1)),
];

/// Hints, cookies, every group, small datagrams.
#[test]
fn s_server_gives_hints_and_asks_for_cookies() {
    if !has_openssl() {
        return;
    }
    for ((name, suite), groups, group) in GROUPS {
        let port = free_udp_port();
        let options = ["-cipher", name, "-quiet", "-psk_hint", "the house", "-listen", "-groups", groups];
        let mut program = s_server(port, KEY, &[&options[..], &["-mtu", "300"]].concat());
        let mut config = client(*suite);
        config.path_mtu = 256;
        let mut end = Endpoint::client(config, port);
        talk_and_leave(&mut end, &mut program, *suite);
        assert_eq!(end.connected.unwrap().group, *group);
        assert!(end.greatest <= 300, "{} octets", end.greatest);
    }
}

#[test]
fn s_client_takes_hints_and_every_group() {
    if !has_openssl() {
        return;
    }
    for ((name, suite), groups, group) in GROUPS {
        let mut config = server(*suite);
        (config.cookies, config.address_validated) = (true, false);
        config.pre_shared_keys = config.pre_shared_keys.map(|keys| keys.with_hint("the house").unwrap());
        let mut end = Endpoint::server(config);
        let mut program = s_client(end.port(), KEY, &["-cipher", name, "-groups", groups]);
        talk_and_leave(&mut end, &mut program, *suite);
        assert_eq!(end.connected.unwrap().group, *group);
        let (said, _) = program.wait_for_end();
        assert!(said.contains("PSK identity hint: the house"), "{said}");
        assert!(said.contains("Extended master secret: yes"), "{said}");
    }
}

/// Both ends export the same octets, with keys for SRTP.
#[test]
fn keying_material_is_equal() {
    if !has_openssl() {
        return;
    }
    for (name, suite) in [OPENSSL[0], OPENSSL[1], OPENSSL[4]] {
        let options = ["-cipher", name, "-keymatexport", LABEL, "-keymatexportlen", "60"];
        let options = [&options[..], &["-use_srtp", "SRTP_AES128_CM_SHA1_80"]].concat();
        let exported = |end: &Endpoint| {
            assert_eq!(end.connected.unwrap().srtp_profile, Some(SrtpProfile::AES128_CM_HMAC_SHA1_80));
            let mut material = [0; 60];
            end.connection.export(LABEL, None, &mut material).unwrap();
            material.iter().map(|octet| format!("{octet:02X}")).collect::<String>()
        };
        let mut config = server(suite);
        config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
        let mut end = Endpoint::server(config);
        let mut program = s_client(end.port(), KEY, &options);
        end.connect();
        assert_eq!(program.line_after("Keying material: "), exported(&end), "{name}");

        let port = free_udp_port();
        let mut program = s_server(port, KEY, &options);
        let mut config = client(suite);
        config.srtp_profiles = vec![SrtpProfile::AES128_CM_HMAC_SHA1_80];
        let mut end = Endpoint::client(config, port);
        end.connect();
        assert_eq!(program.line_after("Keying material: "), exported(&end), "{name}");
    }
}

/// With another key nothing is understood, whoever is client: our end says so, as soon as its time is over.
#[test]
fn another_key_is_named_as_the_reason() {
    if !has_openssl() {
        return;
    }
    let (name, suite) = OPENSSL[0];
    let port = free_udp_port();
    let _program = s_server(port, OTHER_KEY, &["-cipher", name, "-quiet"]);
    let mut config = client(suite);
    config.handshake_timeout = Duration::from_secs(3);
    let mut end = Endpoint::client(config, port);
    end.run_until("the end", |end| end.closed.is_some());
    assert!(matches!(end.closed, Some(CloseReason::KeysDiffer { .. })), "{:?}", end.closed);

    let mut config = server(suite);
    config.handshake_timeout = Duration::from_secs(3);
    let mut end = Endpoint::server(config);
    let _program = s_client(end.port(), OTHER_KEY, &["-cipher", name]);
    end.run_until("the end", |end| end.closed.is_some());
    assert!(matches!(end.closed, Some(CloseReason::KeysDiffer { .. })), "{:?}", end.closed);
}

/// Sessions that keys have let in are taken up again.
#[test]
fn sessions_are_taken_up_by_openssl() {
    if !has_openssl() {
        return;
    }
    let (name, suite) = OPENSSL[0];
    let port = free_udp_port();
    let _program = s_server(port, KEY, &["-cipher", name, "-quiet", "-no_ticket"]);
    let mut session: Option<Session> = None;
    for resumed in [false, true] {
        let mut config = client(suite);
        (config.session, config.keep_session) = (session, true);
        let mut end = Endpoint::client(config, port);
        assert_eq!(end.connect().resumed, resumed);
        assert_eq!(end.connection.psk_identity(), Some(IDENTITY));
        session = end.connection.session();
        end.close();
    }

    let folder = folder(env!("CARGO_TARGET_TMPDIR"), "psk-session");
    std::fs::create_dir_all(&folder).unwrap();
    let (file, cache) = (folder.join("session"), SessionCache::new(4, Duration::from_secs(600)));
    let file = file.to_str().unwrap();
    for resumed in [false, true] {
        let mut config = server(suite);
        config.session_cache = Some(cache.clone());
        let mut end = Endpoint::server(config);
        let mut options = vec!["-cipher", name, "-sess_out", file];
        if resumed {
            options.extend(["-sess_in", file]);
        }
        let mut program = s_client(end.port(), KEY, &options);
        assert_eq!(end.connect().resumed, resumed);
        assert_eq!(end.connection.psk_identity(), Some(IDENTITY));
        program.wait_for(if resumed { "Reused, TLSv1.2" } else { "New, TLSv1.2" });
        program.say("Q\n");
        end.run_until("farewell", |end| end.closed.is_some());
        program.wait_for_end();
    }
}

fn priority(what: &str) -> String {
    format!("NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:{what}")
}

#[test]
fn our_client_is_echoed_by_gnutls_serv() {
    if !has_gnutls() {
        return;
    }
    let folder = folder(env!("CARGO_TARGET_TMPDIR"), "psk-gnutls");
    std::fs::create_dir_all(&folder).unwrap();
    let passwords = folder.join("keys");
    std::fs::write(&passwords, format!("{IDENTITY}:{KEY}\n")).unwrap();
    for (what, suite) in GNUTLS {
        for hint in [None, Some("the house")] {
            let port = free_udp_port();
            let mut command = Command::new("gnutls-serv");
            command.args(["--udp", "--port", &port.to_string(), "--echo", "--priority", &priority(what)]);
            command.arg("--pskpasswd").arg(&passwords);
            command.args(hint.into_iter().flat_map(|hint| ["--pskhint", hint]));
            let mut program = Talker::start(&mut command);
            let mut end = Endpoint::client(client(*suite), port);
            assert_eq!(end.connect().suite, *suite, "{what}: {}", program.said());
            end.send(b"there and back\n");
            end.expect(b"there and back\n");
            end.close();
            assert!(end.connection.is_closed());
        }
    }
}

#[test]
fn gnutls_cli_talks_to_our_server_and_leaves() {
    if !has_gnutls() {
        return;
    }
    for (what, suite) in GNUTLS {
        let mut end = Endpoint::server(server(*suite));
        let mut command = Command::new("gnutls-cli");
        command.args(["--udp", "--port", &end.port().to_string(), "--priority", &priority(what)]);
        command.args(["--pskusername", IDENTITY, "--pskkey", KEY, "127.0.0.1"]);
        let mut program = Talker::start(&mut command);
        assert_eq!(end.connect().suite, *suite);
        assert_eq!(end.connection.psk_identity(), Some(IDENTITY));
        if suite.to_string().contains("ECDHE") {
            // The program of GnuTLS 3.7 breaks down when it is to tell of its own connection.
            continue;
        }
        program.wait_for("Handshake was completed");
        program.say("from them to us\n");
        end.expect(b"from them to us\n");
        end.send(b"from us to them\n");
        program.wait_for("from us to them");
        program.hang_up();
        end.run_until("close_notify", |end| end.closed.is_some());
        assert_eq!(end.closed, Some(CloseReason::Peer));
    }
}

fn dtls(arguments: &[&str]) -> Talker {
    Talker::start(Command::new(example("dtls")).args(arguments))
}

/// The program: `--psk`, several at the server, and `--suites`.
#[test]
fn the_program_has_keys_and_no_certificate() {
    let address = format!("127.0.0.1:{}", free_udp_port());
    let (lamp, door) = (format!("{IDENTITY}:{KEY}"), format!("a:b:{OTHER_KEY}"));
    let suites = "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256,TLS_PSK_WITH_AES_128_CCM_8";
    let mut server =
        dtls(&["server", &address, "--echo", "--psk", &lamp, "--psk", &door, "--suites", suites]);
    server.wait_for("waiting on");
    for (key, identity, suite) in [
        (&lamp, IDENTITY, "TLS_PSK_WITH_AES_128_CCM_8"),
        (&door, "a:b", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"),
    ] {
        let mut client = dtls(&["client", &address, "--psk", key, "--suites", suite]);
        client.say("there and back\n");
        client.wait_for("there and back");
        client.wait_for(suite);
        for end in [&mut client, &mut server] {
            end.wait_for(&format!("pre-shared key of: {identity}"));
        }
        client.hang_up();
        let (said, content) = client.wait_for_end();
        assert!(content && !said.contains("Certificate") && !said.contains("certificate"), "{said}");
        assert!(said.contains(&format!("ClientKeyExchange identity=\"{identity}\"")), "{said}");
    }
    // The wrong key.
    let wrong = format!("{IDENTITY}:{OTHER_KEY}");
    let mut client = dtls(&["client", &address, "--psk", &wrong, "--timeout", "1"]);
    let (said, content) = client.wait_for_end();
    assert!(said.contains("perhaps the pre-shared keys differ") && !content, "{said}");
    // A suite that goes with a certificate, without one.
    let suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let mut client = dtls(&["client", &address, "--psk", &lamp, "--suites", suite]);
    let (said, content) = client.wait_for_end();
    assert!(said.contains("nothing in common: cipher suite") && !content, "{said}");
    // Keys that are none.
    for (arguments, word) in [
        (&["--psk", "lamp"][..], "IDENTITY:HEXKEY"),
        (&["--psk", "lamp:00112"], "hexadecimal"),
        (&["--psk", "lamp:0g112233445566778899aabbccddeeff"], "hexadecimal"),
        (&["--psk", "lamp:0011"], "a key of 2 octets, expected 16 to 256"),
        (&["--psk", &format!(":{KEY}")], "an identity of 0 octets"),
        (&["--psk", &lamp, "--psk", &door], "one key only"),
        (&["--psk", &lamp, "--suites", "TLS_PSK_WITH_NULL_SHA"], "expected one of"),
        (&["--cert", "/nonexistent/pem", "--psk", &lamp], "/nonexistent/pem"),
    ] {
        let output =
            Command::new(example("dtls")).args(["client", &address]).args(arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(word) && !message.contains("panicked"), "{arguments:?}: {message}");
        assert!(!message.contains(&KEY[..16]), "the key is told: {message}");
    }
}

/// A server with keys and a certificate has clients of both kinds.
#[test]
fn the_program_has_both() {
    let address = format!("127.0.0.1:{}", free_udp_port());
    let lamp = format!("{IDENTITY}:{KEY}");
    let mut server = dtls(&["server", &address, "--echo", "--any-peer", "--psk", &lamp]);
    let fingerprint = server.line_after("our certificate: ");
    server.wait_for("waiting on");
    for (options, word) in [
        (&["--psk", &lamp][..], "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"),
        (&["--fingerprint", &fingerprint], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        (&["--fingerprint", &fingerprint, "--psk", &lamp], "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ] {
        let mut client = dtls(&[&["client", &address][..], options].concat());
        client.say("there and back\n");
        client.wait_for("there and back");
        client.wait_for(&format!("connected: {word}"));
        client.hang_up();
        assert!(client.wait_for_end().1);
    }
}
