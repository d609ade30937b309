//! Our own certificates of RSA, with OpenSSL in both roles: what only the feature `aws-lc-rs` signs with.
#![cfg(feature = "aws-lc-rs")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;
use std::sync::Arc;

use nomagic_dtls::{CipherSuite, Config, Identity, NamedGroup, Verifier};
use nomagic_interop::certificates::{Files, RSA, RSA_4096, folder, self_signed};
use nomagic_interop::dtls::{Endpoint, free_udp_port};
use nomagic_interop::talker::Talker;

/// OpenSSL's names of the suites.
const SUITES: [(&str, CipherSuite); 3] = [
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::ECDHE_RSA_AES_128_GCM_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::ECDHE_RSA_AES_256_GCM_SHA384),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::ECDHE_RSA_CHACHA20_POLY1305_SHA256),
];

/// OpenSSL's lists of groups, and what comes of them.
const GROUPS: [(&str, NamedGroup); 3] =
    [("X25519", NamedGroup::X25519), ("P-256", NamedGroup::SECP256R1), ("P-384", NamedGroup::SECP384R1)];

/// OpenSSL's names of all schemes that a key of RSA signs with.
const SCHEMES: [&str; 6] = [
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
];

fn files(test: &str, kind: &[&str]) -> Option<Files> {
    let is_there = nomagic_interop::answers("openssl", "version");
    is_there.then(|| self_signed(&folder(env!("CARGO_TARGET_TMPDIR"), test), "peer", kind))
}

/// Both ends have the certificate of the files.
fn identity(files: &Files) -> Arc<Identity> {
    let [certificate, key] =
        [&files.certificate, &files.key].map(|path| std::fs::read_to_string(path).unwrap());
    Arc::new(Identity::from_pem(&certificate, &key).unwrap())
}

fn openssl(role: &[&str], files: &Files, options: &[&str]) -> Talker {
    let mut command = Command::new("openssl");
    command.args(role).args(options).arg("-cert").arg(&files.certificate).arg("-key").arg(&files.key);
    Talker::start(&mut command)
}

/// Data goes both ways; then we leave.
fn talk_and_leave(end: &mut Endpoint, program: &mut Talker) {
    end.send(b"from us to them\n");
    program.wait_for("from us to them");
    program.say("from them to us\n");
    end.expect(b"from them to us\n");
    end.close();
    assert!(end.connection.is_closed());
}

fn meets_s_client(files: &Files, options: &[&str], suite: CipherSuite, group: NamedGroup) {
    let mut config = Config::server(identity(files), Verifier::fingerprints([files.fingerprint]));
    config.address_validated = true;
    config.groups = vec![group];
    let mut end = Endpoint::server(config);
    let remote = format!("127.0.0.1:{}", end.port());
    let mut program = openssl(&["s_client", "-dtls1_2", "-connect", &remote], files, options);
    let connected = end.connect();
    assert_eq!((connected.suite, connected.group), (suite, Some(group)), "{options:?}");
    talk_and_leave(&mut end, &mut program);
}

fn meets_s_server(files: &Files, options: &[&str], suite: CipherSuite, group: NamedGroup) {
    let port = free_udp_port();
    let local = format!("127.0.0.1:{port}");
    let role = ["s_server", "-dtls1_2", "-quiet", "-Verify", "1", "-accept", &local];
    let mut program = openssl(&role, files, options);
    let mut config = Config::client(identity(files), Verifier::fingerprints([files.fingerprint]));
    config.groups = vec![group];
    let mut end = Endpoint::client(config, port);
    let connected = end.connect();
    assert_eq!((connected.suite, connected.group), (suite, Some(group)), "{options:?}");
    talk_and_leave(&mut end, &mut program);
}

#[test]
fn every_suite_and_group_in_both_roles() {
    let Some(files) = files("rsa-suites", RSA) else { return };
    for (name, suite) in SUITES {
        for (groups, group) in GROUPS {
            let options = ["-cipher", name, "-groups", groups];
            meets_s_client(&files, &options, suite, group);
            meets_s_server(&files, &options, suite, group);
        }
    }
}

/// With PKCS#1 and with PSS, over each hash: the one scheme that OpenSSL takes is the one that we sign with.
#[test]
fn every_scheme_in_both_roles_and_a_longer_key() {
    let Some(files) = files("rsa-schemes", RSA) else { return };
    let (name, suite) = SUITES[0];
    for scheme in SCHEMES {
        let options = ["-cipher", name, "-sigalgs", scheme];
        meets_s_client(&files, &options, suite, NamedGroup::X25519);
        meets_s_server(&files, &options, suite, NamedGroup::X25519);
    }
    let Some(files) = self::files("rsa-4096", RSA_4096) else { return };
    meets_s_client(&files, &["-cipher", name], suite, NamedGroup::X25519);
    meets_s_server(&files, &["-cipher", name], suite, NamedGroup::X25519);
}
