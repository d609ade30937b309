//! DTLS with GnuTLS's `gnutls-serv` and `gnutls-cli` on the loopback: suites, SRTP keys, cookies, data and farewells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::{Arc, LazyLock};

use nomagic_dtls::{CipherSuite, CloseReason, Config, Identity, SrtpProfile, Verifier};
use nomagic_interop::certificates::{ED25519, Files, P256, P384, RSA, folder, self_signed};
use nomagic_interop::dtls::{Endpoint, free_udp_port};
use nomagic_interop::talker::Talker;
use nomagic_testkit::rng;

const LABEL: &str = "EXTRACTOR-dtls_srtp";
const EXPORT: [&str; 4] = ["--keymatexport", LABEL, "--keymatexportsize", "60"];

static OURS: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(2))));

fn has_gnutls() -> bool {
    nomagic_interop::has("gnutls-serv") && nomagic_interop::answers("openssl", "version")
}

fn files(test: &str, kind: &[&str]) -> Files {
    self_signed(&folder(env!("CARGO_TARGET_TMPDIR"), test), "peer", kind)
}

fn gnutls(program: &str, port: u16, files: &Files, cipher: &str, options: &[&str]) -> Talker {
    let mut command = Command::new(program);
    command
        .args(["--udp", "--port", &port.to_string(), "--x509certfile"])
        .arg(&files.certificate)
        .arg("--x509keyfile")
        .arg(&files.key)
        .args(["--priority", &format!("NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CIPHER-ALL:+{cipher}")])
        .args(options);
    Talker::start(&mut command)
}

fn server_program(port: u16, files: &Files, cipher: &str, options: &[&str]) -> Talker {
    gnutls("gnutls-serv", port, files, cipher, &[&["--echo", "--require-client-cert"][..], options].concat())
}

fn client_program(port: u16, files: &Files, cipher: &str, options: &[&str]) -> Talker {
    gnutls("gnutls-cli", port, files, cipher, &[&["--insecure"][..], options, &["127.0.0.1"]].concat())
}

/// A client of ours that knows the server by its fingerprint.
fn client(files: &Files) -> Config {
    Config::client(OURS.clone(), Verifier::fingerprints([files.fingerprint]))
}

/// A server of ours that knows the client by its fingerprint.
fn server(files: &Files) -> Config {
    let mut config = Config::server(OURS.clone(), Verifier::fingerprints([files.fingerprint]));
    config.address_validated = true;
    config
}

fn exported(end: &Endpoint) -> String {
    let mut material = [0; 60];
    end.connection.export(LABEL, None, &mut material).unwrap();
    material.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// GnuTLS's names of ciphers, and the suite that comes of them with certificates of ECDSA, and of RSA.
const SUITES: &[(&str, [CipherSuite; 2])] = &[
    ("AES-128-GCM", [CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256, CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256]),
    ("AES-256-GCM", [CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384, CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384]),
    (
        "CHACHA20-POLY1305",
        [CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256],
    ),
];

/// Kinds of certificates, and which suites they go with.
const KINDS: &[(&str, &[&str], usize)] =
    &[("p256", P256, 0), ("p384", P384, 0), ("ed25519", ED25519, 0), ("rsa", RSA, 1)];

/// It sends a cookie first, and echoes what it gets.
#[test]
fn our_client_is_echoed_by_gnutls_serv() {
    if !has_gnutls() {
        return;
    }
    for (name, kind, which) in KINDS {
        let files = files(&format!("gnutls-serv-{name}"), kind);
        for (cipher, suites) in SUITES {
            let port = free_udp_port();
            let _program = server_program(port, &files, cipher, &[]);
            let mut end = Endpoint::client(client(&files), port);
            let connected = end.connect();
            assert_eq!(connected.suite, suites[*which]);
            assert_eq!(connected.peer_fingerprint, Some(files.fingerprint));
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
    for (name, kind, _) in KINDS {
        let files = files(&format!("gnutls-cli-{name}"), kind);
        for (cipher, suites) in SUITES {
            let mut end = Endpoint::server(server(&files));
            let mut program = client_program(end.port(), &files, cipher, &[]);
            // Our own certificate is on P-256.
            assert_eq!(end.connect().suite, suites[0]);
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
}

const PROFILES: &[(&str, SrtpProfile)] = &[
    ("SRTP_AES128_CM_HMAC_SHA1_80", SrtpProfile::AES128_CM_HMAC_SHA1_80),
    ("SRTP_AES128_CM_HMAC_SHA1_32", SrtpProfile::AES128_CM_HMAC_SHA1_32),
];

/// Both ends export the same octets. (`gnutls-serv` does not print them over UDP.)
#[test]
fn srtp_profiles_and_keying_material_are_equal() {
    if !has_gnutls() {
        return;
    }
    let files = files("gnutls-srtp", P256);
    let (cipher, _) = SUITES[0];
    for (name, profile) in PROFILES {
        let options = [&["--srtp-profiles", name][..], &EXPORT[..]].concat();
        let mut config = server(&files);
        config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM, *profile];
        let mut end = Endpoint::server(config);
        let mut program = client_program(end.port(), &files, cipher, &options);
        assert_eq!(end.connect().srtp_profile, Some(*profile));
        assert_eq!(program.line_after("- Key material: "), exported(&end), "{name}");

        let port = free_udp_port();
        let mut program = server_program(port, &files, cipher, &["--srtp-profiles", name]);
        let mut config = client(&files);
        config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM, *profile];
        let mut end = Endpoint::client(config, port);
        assert_eq!(end.connect().srtp_profile, Some(*profile));
        program.wait_for(&format!("DTLS profile set to {name}"));
    }
}

/// Both ends in datagrams of 256 octets or little more.
#[test]
fn handshakes_fit_small_datagrams() {
    if !has_gnutls() {
        return;
    }
    let files = files("gnutls-mtu", P256);
    let (cipher, _) = SUITES[0];
    let port = free_udp_port();
    let _program = server_program(port, &files, cipher, &["--mtu", "300"]);
    let mut config = client(&files);
    config.path_mtu = 256;
    let mut end = Endpoint::client(config, port);
    end.connect();
    assert!(end.greatest <= 300, "{} octets", end.greatest);

    let mut config = server(&files);
    config.path_mtu = 256;
    let mut end = Endpoint::server(config);
    let mut program = client_program(end.port(), &files, cipher, &["--mtu", "300"]);
    end.connect();
    program.wait_for("Handshake was completed");
    assert!(end.greatest <= 300, "{} octets", end.greatest);
}
