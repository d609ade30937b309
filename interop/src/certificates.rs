//! Throw-away certificates of every kind, made by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::Command;

use nomagic_dtls::{Fingerprint, HashAlgorithm};

/// A key and a certificate in files, as other programs want them.
#[derive(Debug, Clone)]
pub struct Files {
    /// The key as PEM.
    pub key: PathBuf,
    /// The certificate as PEM.
    pub certificate: PathBuf,
    /// The certificate's fingerprint.
    pub fingerprint: Fingerprint,
}

/// Keys that certificates are made for, in `openssl req -newkey`'s words.
pub const P256: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// NIST's curve of 384 bits.
pub const P384: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
/// Edwards' curve.
pub const ED25519: &[&str] = &["ed25519"];
/// RSA with a key of 2048 bits.
pub const RSA: &[&str] = &["rsa:2048"];
/// RSA with a key of 4096 bits.
pub const RSA_4096: &[&str] = &["rsa:4096"];

/// Makes a self-signed certificate in a folder of the test's own.
///
/// # Panics
/// OpenSSL does not.
pub fn self_signed(folder: &Path, name: &str, kind: &[&str]) -> Files {
    std::fs::create_dir_all(folder).unwrap();
    let (key, certificate) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pem")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=interop"])
        .arg("-newkey")
        .args(kind)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let der = Command::new("openssl")
        .args(["x509", "-outform", "DER", "-in"])
        .arg(&certificate)
        .output()
        .unwrap()
        .stdout;
    Files { key, certificate, fingerprint: Fingerprint::of(HashAlgorithm::Sha256, &der) }
}

/// A folder of this test run for the files of one test.
pub fn folder(temporary: &str, test: &str) -> PathBuf {
    Path::new(temporary).join(format!("{test}-{}", std::process::id()))
}
