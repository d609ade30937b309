//! DTLS with OpenSSL's `s_server` and `s_client` on the loopback: certificates, suites, cookies, SRTP keys, small
//! datagrams, data both ways, and farewells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::{Arc, LazyLock};

use nomagic_dtls::{
    CipherSuite, CloseReason, Config, Identity, NamedGroup, Rejection, SignatureScheme, SrtpProfile, Verifier,
};
use nomagic_interop::certificates::{ED25519, Files, P256, P384, RSA, RSA_4096, folder, self_signed};
use nomagic_interop::dtls::{Endpoint, free_udp_port};
use nomagic_interop::talker::Talker;
use nomagic_testkit::rng;

const LABEL: &str = "EXTRACTOR-dtls_srtp";

static OURS: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(Identity::generate(&mut rng(1))));

fn has_openssl() -> bool {
    nomagic_interop::answers("openssl", "version")
}

fn files(test: &str, kind: &[&str]) -> Files {
    self_signed(&folder(env!("CARGO_TARGET_TMPDIR"), test), "peer", kind)
}

fn s_server(port: u16, files: &Files, options: &[&str]) -> Talker {
    Talker::start(
        Command::new("openssl")
            .args(["s_server", "-dtls1_2", "-accept", &format!("127.0.0.1:{port}"), "-cert"])
            .arg(&files.certificate)
            .arg("-key")
            .arg(&files.key)
            .args(options),
    )
}

fn s_client(port: u16, files: Option<&Files>, options: &[&str]) -> Talker {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-dtls1_2", "-connect", &format!("127.0.0.1:{port}")]).args(options);
    if let Some(files) = files {
        command.arg("-cert").arg(&files.certificate).arg("-key").arg(&files.key);
    }
    Talker::start(&mut command)
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

/// Data goes both ways; then we leave, and the program notices.
fn talk_and_leave(end: &mut Endpoint, program: &mut Talker) {
    end.send(b"from us to them\n");
    program.wait_for("from us to them");
    program.say("from them to us\n");
    end.expect(b"from them to us\n");
    end.close();
    assert!(end.connection.is_closed());
}

fn exported(end: &Endpoint) -> String {
    let mut material = [0; 60];
    end.connection.export(LABEL, None, &mut material).unwrap();
    material.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// OpenSSL's names of the suites that go with certificates of ECDSA and EdDSA, and of those that go with RSA.
const SUITES: [&[(&str, CipherSuite)]; 2] = [
    &[
        ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::ECDHE_ECDSA_AES_128_GCM_SHA256),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::ECDHE_ECDSA_AES_256_GCM_SHA384),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256),
        ("ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", CipherSuite::ECDHE_ECDSA_AES_128_CCM_8),
    ],
    &[
        ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256),
        ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384),
        ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256),
    ],
];

/// OpenSSL's lists of groups, and what comes of them: its list also says on which curves certificates may be.
const GROUPS: &[(&str, NamedGroup)] = &[
    ("X25519:P-256:P-384", NamedGroup::X25519),
    ("P-256:P-384", NamedGroup::SECP256R1),
    ("P-384:P-256", NamedGroup::SECP384R1),
];

/// Kinds of certificates, and which suites they go with.
const KINDS: &[(&str, &[&str], usize)] = &[
    ("p256", P256, 0),
    ("p384", P384, 0),
    ("ed25519", ED25519, 0),
    ("rsa", RSA, 1),
    ("rsa4096", RSA_4096, 1),
];

fn meets_s_server(files: &Files, (name, suite): (&str, CipherSuite), (groups, group): (&str, NamedGroup)) {
    let port = free_udp_port();
    let mut program = s_server(port, files, &["-cipher", name, "-groups", groups, "-Verify", "1", "-quiet"]);
    let mut config = client(files);
    // OpenSSL takes the first choice of the client, which also has to know the curve of the certificate.
    config.groups = vec![group, NamedGroup::SECP256R1, NamedGroup::SECP384R1];
    config.suites.extend(CipherSuite::CONSTRAINED);
    let mut end = Endpoint::client(config, port);
    let connected = end.connect();
    assert_eq!((connected.suite, connected.group), (suite, Some(group)));
    assert_eq!(connected.peer_fingerprint, Some(files.fingerprint));
    talk_and_leave(&mut end, &mut program);
}

#[test]
fn our_client_talks_to_s_server_with_every_suite_and_group() {
    if !has_openssl() {
        return;
    }
    for (suites, kind) in SUITES.into_iter().zip([P256, RSA]) {
        let files = files("suites-client", kind);
        for suite in suites {
            GROUPS.iter().for_each(|group| meets_s_server(&files, *suite, *group));
        }
    }
}

#[test]
fn our_client_talks_to_s_server_with_certificates_of_every_kind() {
    if !has_openssl() {
        return;
    }
    // A server of OpenSSL 3 has no suite for Ed25519 in DTLS, though in TLS it has.
    for (name, kind, suites) in KINDS.iter().filter(|(name, ..)| *name != "ed25519") {
        meets_s_server(&files(&format!("kinds-client-{name}"), kind), SUITES[*suites][0], GROUPS[0]);
    }
}

/// What a server of OpenSSL signs its key share with is its first choice among ours: each of them in turn.
#[test]
fn signatures_of_s_server_with_every_scheme_verify() {
    if !has_openssl() {
        return;
    }
    let curves = [
        SignatureScheme::ECDSA_SECP256R1_SHA256,
        SignatureScheme::ECDSA_SECP384R1_SHA384,
        SignatureScheme::ECDSA_SECP521R1_SHA512,
    ];
    let rsa = [
        SignatureScheme::RSA_PSS_RSAE_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512,
    ];
    for (name, kind, schemes) in [("p256", P256, &curves[..]), ("p384", P384, &curves), ("rsa", RSA, &rsa)] {
        let files = files(&format!("schemes-{name}"), kind);
        for scheme in schemes {
            let port = free_udp_port();
            let _program = s_server(port, &files, &["-Verify", "1", "-quiet"]);
            let mut config = client(&files);
            config.signature_schemes = vec![*scheme];
            Endpoint::client(config, port).connect();
        }
    }
}

#[test]
fn s_client_talks_to_our_server_with_every_suite_and_group() {
    if !has_openssl() {
        return;
    }
    let files = files("suites-server", P256);
    for (name, suite) in SUITES[0] {
        for (groups, group) in GROUPS {
            let mut config = server(&files);
            config.groups = vec![*group];
            config.suites.extend(CipherSuite::CONSTRAINED);
            let mut end = Endpoint::server(config);
            let mut program = s_client(end.port(), Some(&files), &["-cipher", name, "-groups", groups]);
            let connected = end.connect();
            assert_eq!((connected.suite, connected.group), (*suite, Some(*group)));
            talk_and_leave(&mut end, &mut program);
            let (said, _) = program.wait_for_end();
            assert!(said.contains("closed"), "our close_notify ends it: {said}");
        }
    }
}

/// Their certificate of every kind; and ours of every kind that we sign with, from the files that OpenSSL wrote.
#[test]
fn s_client_and_our_server_have_certificates_of_every_kind() {
    if !has_openssl() {
        return;
    }
    for (name, kind, suites) in KINDS {
        let files = files(&format!("kinds-server-{name}"), kind);
        let mut config = server(&files);
        if *suites == 0 {
            let [certificate, key] =
                [&files.certificate, &files.key].map(|path| std::fs::read_to_string(path).unwrap());
            let ours = Arc::new(Identity::from_pem(&certificate, &key).unwrap());
            config = Config::server(ours, Verifier::fingerprints([files.fingerprint]));
            config.address_validated = true;
        }
        let mut end = Endpoint::server(config);
        let mut program = s_client(end.port(), Some(&files), &[]);
        assert_eq!(end.connect().peer_fingerprint, Some(files.fingerprint));
        talk_and_leave(&mut end, &mut program);
    }
}

/// ALPN and the server's name, both ways.
#[test]
fn names_are_agreed_on() {
    if !has_openssl() {
        return;
    }
    let files = files("names", P256);
    let protocols = || vec![b"c-webrtc".to_vec(), b"webrtc".to_vec()];
    let port = free_udp_port();
    let mut program = s_server(port, &files, &["-alpn", "webrtc", "-Verify", "1", "-tlsextdebug"]);
    let mut config = client(&files);
    config.application_protocols = protocols();
    config.server_name = Some("sfu.example.org".to_owned());
    let mut end = Endpoint::client(config, port);
    end.connect();
    assert_eq!(end.connection.application_protocol(), Some(&b"webrtc"[..]));
    program.wait_for("ALPN protocols selected: webrtc");
    program.wait_for("\"server name\" (id=0)");

    let mut config = server(&files);
    config.application_protocols = protocols();
    let mut end = Endpoint::server(config);
    let options = ["-alpn", "webrtc,h3", "-servername", "sfu.example.org"];
    let mut program = s_client(end.port(), Some(&files), &options);
    end.connect();
    assert_eq!(end.connection.application_protocol(), Some(&b"webrtc"[..]));
    assert_eq!(end.connection.server_name(), Some("sfu.example.org"));
    program.wait_for("ALPN protocol: webrtc");
}

/// The farewell of the program ends the connection as the peer's wish. (`s_server` closes its socket without one.)
#[test]
fn farewells_of_openssl_are_understood() {
    if !has_openssl() {
        return;
    }
    let files = files("farewell", P256);
    let mut end = Endpoint::server(server(&files));
    let mut program = s_client(end.port(), Some(&files), &[]);
    end.connect();
    program.say("Q\n");
    end.run_until("close_notify", |end| end.closed.is_some());
    assert_eq!(end.closed, Some(CloseReason::Peer));
}

const PROFILES: &[(&str, SrtpProfile)] = &[
    ("SRTP_AES128_CM_SHA1_80", SrtpProfile::AES128_CM_HMAC_SHA1_80),
    ("SRTP_AES128_CM_SHA1_32", SrtpProfile::AES128_CM_HMAC_SHA1_32),
    ("SRTP_AEAD_AES_128_GCM", SrtpProfile::AEAD_AES_128_GCM),
    ("SRTP_AEAD_AES_256_GCM", SrtpProfile::AEAD_AES_256_GCM),
];

/// Both ends export the same octets, whichever profile is chosen and whoever is the client.
#[test]
fn srtp_profiles_and_keying_material_are_equal() {
    if !has_openssl() {
        return;
    }
    let files = files("srtp", P256);
    let export = ["-keymatexport", LABEL, "-keymatexportlen", "60"];
    for (name, profile) in PROFILES {
        let port = free_udp_port();
        let mut program =
            s_server(port, &files, &[&["-use_srtp", name, "-Verify", "1"][..], &export[..]].concat());
        let mut config = client(&files);
        config.srtp_profiles = PROFILES.iter().map(|(_, profile)| *profile).collect();
        let mut end = Endpoint::client(config, port);
        assert_eq!(end.connect().srtp_profile, Some(*profile));
        assert_eq!(program.line_after("Keying material: "), exported(&end), "{name}");
        assert!(program.said().contains(name), "{}", program.said());

        let mut config = server(&files);
        config.srtp_profiles = vec![*profile];
        let mut end = Endpoint::server(config);
        let all: Vec<&str> = PROFILES.iter().map(|(name, _)| *name).collect();
        let mut program =
            s_client(end.port(), Some(&files), &[&["-use_srtp", &all.join(":")][..], &export[..]].concat());
        assert_eq!(end.connect().srtp_profile, Some(*profile));
        assert_eq!(program.line_after("Keying material: "), exported(&end), "{name}");
    }
}

/// `-listen` answers nothing but a hello with its cookie.
#[test]
fn our_client_brings_the_cookie_back() {
    if !has_openssl() {
        return;
    }
    let files = files("cookie", P256);
    let port = free_udp_port();
    let mut program = s_server(port, &files, &["-listen", "-Verify", "1"]);
    let mut end = Endpoint::client(client(&files), port);
    end.connect();
    talk_and_leave(&mut end, &mut program);
}

/// Both ends in datagrams of 256 octets or little more: every message of a certificate is in fragments.
#[test]
fn handshakes_fit_small_datagrams() {
    if !has_openssl() {
        return;
    }
    let files = files("mtu", P256);
    let port = free_udp_port();
    let mut program = s_server(port, &files, &["-mtu", "256", "-Verify", "1"]);
    let mut config = client(&files);
    config.path_mtu = 256;
    let mut end = Endpoint::client(config, port);
    end.connect();
    assert!(end.greatest <= 256, "{} octets", end.greatest);
    talk_and_leave(&mut end, &mut program);

    let mut config = server(&files);
    config.path_mtu = 256;
    let mut end = Endpoint::server(config);
    let mut program = s_client(end.port(), Some(&files), &["-mtu", "256"]);
    end.connect();
    assert!(end.greatest <= 256, "{} octets", end.greatest);
    talk_and_leave(&mut end, &mut program);
}

/// A stranger's certificate: an alert goes out, nothing is handed in, no key comes out.
#[test]
fn strangers_are_refused_in_both_roles() {
    if !has_openssl() {
        return;
    }
    let (files, others) = (files("stranger", P256), files("other", P256));
    let port = free_udp_port();
    let mut program = s_server(port, &files, &["-Verify", "1"]);
    let mut end = Endpoint::client(client(&others), port);
    end.run_until("refusal", |end| end.closed.is_some());
    assert_eq!(end.closed, Some(CloseReason::Rejected(Rejection::Fingerprint)));
    program.wait_for("alert bad certificate");
    assert!(end.connection.export(LABEL, None, &mut [0; 60]).is_err());

    let mut end = Endpoint::server(server(&others));
    let mut program = s_client(end.port(), Some(&files), &[]);
    end.run_until("refusal", |end| end.closed.is_some());
    assert_eq!(end.closed, Some(CloseReason::Rejected(Rejection::Fingerprint)));
    program.wait_for("alert bad certificate");

    let mut end = Endpoint::server(server(&files));
    let mut program = s_client(end.port(), None, &[]);
    end.run_until("refusal", |end| end.closed.is_some());
    assert_eq!(end.closed, Some(CloseReason::NoCertificate));
    program.wait_for("alert handshake failure");
}
