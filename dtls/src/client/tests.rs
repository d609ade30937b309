//! Answers of a server that go beyond what was offered.

use std::sync::Arc;

use nomagic_testkit::rng;

use super::*;
use crate::certificate::{Identity, Verifier};

fn config() -> Config {
    let identity = Arc::new(Identity::generate(&mut rng(1)));
    let mut config = Config::client(identity, Verifier::fingerprints([]));
    config.srtp_profiles = vec![SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_HMAC_SHA1_80];
    config.srtp_mki = vec![7; 255];
    config.application_protocols = vec![b"webrtc".to_vec(), b"c-webrtc".to_vec()];
    config
}

fn with(kind: ExtensionType, content: &[u8], judge: impl Fn(&Extensions<'_>)) {
    let mut bytes = Vec::new();
    extension::put(&mut bytes, kind, |out| out.extend_from_slice(content));
    judge(&Extensions::new(&bytes).unwrap());
}

// D43
/// One profile of ours and our identifier or none; not two, not another one, not an identifier of the server's own.
//= rfc5764#4.1.1-3 test
//= rfc5764#4.1.1-4 test
//= rfc5764#4.1.3-5 test
#[test]
fn an_answer_about_srtp_is_one_of_ours() {
    let config = config();
    let answer = |content: &[u8], expected: Option<(u16, usize)>| {
        with(ExtensionType::USE_SRTP, content, |extensions| {
            let chosen = chosen_srtp(extensions, &config, true);
            match expected {
                Some((profile, mki)) => {
                    assert_eq!(chosen, Ok((Some(SrtpProfile(profile)), vec![7; mki])), "{content:?}");
                }
                None => assert!(chosen.is_err(), "{content:?}"),
            }
        });
    };
    answer(&[0, 2, 0, 1, 0], Some((1, 0)));
    answer(&[&[0, 2, 0, 7, 255][..], &[7; 255]].concat(), Some((7, 255)));
    answer(&[0, 2, 0, 2, 0], None);
    answer(&[0, 4, 0, 1, 0, 7, 0], None);
    answer(&[0, 4, 0, 1, 0, 1, 0], None);
    answer(&[0, 2, 0, 1, 1, 7], None);
    answer(&[0, 3, 0, 1, 0, 0], None);
    answer(&[0, 0, 0], None);
    answer(&[0, 2, 0, 1], None);
    assert_eq!(chosen_srtp(&Extensions::NONE, &config, true), Ok((None, Vec::new())));
    let needs_secret = |extensions: &Extensions<'_>| {
        assert_eq!(chosen_srtp(extensions, &config, false), Err(CloseReason::NoExtendedMasterSecret));
    };
    with(ExtensionType::USE_SRTP, &[0, 2, 0, 1, 0], needs_secret);
}

/// RFC 7301 section 3.1: one name, and one of ours.
#[test]
fn an_application_protocol_is_one_of_ours() {
    let config = config();
    let answer = |content: &[u8], expected: Option<usize>| {
        with(ExtensionType::APPLICATION_PROTOCOLS, content, |extensions| {
            assert_eq!(chosen_protocol(extensions, &config).ok().flatten(), expected, "{content:?}");
            assert_eq!(chosen_protocol(extensions, &config).is_ok(), expected.is_some(), "{content:?}");
        });
    };
    answer(b"\x00\x07\x06webrtc", Some(0));
    answer(b"\x00\x09\x08c-webrtc", Some(1));
    answer(b"\x00\x03\x02h2", None);
    answer(b"\x00\x10\x06webrtc\x08c-webrtc", None);
    answer(b"\x00\x00", None);
    answer(b"\x00\x08\x06webrtc", None);
    assert_eq!(chosen_protocol(&Extensions::NONE, &config), Ok(None));
}

/// The hello says what the configuration says, and what does not fit is left out.
#[test]
fn what_does_not_fit_is_not_offered() {
    let offers = |config: &mut Config| {
        config.retain_supported();
        let bytes = offered_extensions(config);
        let extensions = Extensions::new(&bytes).unwrap();
        let name = extensions.find(ExtensionType::SERVER_NAME).map(ServerName::parse);
        let name = name.map(|name| name.unwrap().host_name.unwrap().to_owned());
        (name, extensions.find(ExtensionType::APPLICATION_PROTOCOLS).map(<[u8]>::len))
    };
    let mut config = config();
    for name in ["192.0.2.1", "2001:db8::1", "[::1]", "", "a..b", "trailing.", "\u{e9}.org"] {
        config.server_name = Some(name.to_owned());
        assert_eq!(offers(&mut config).0, None, "{name}");
    }
    config.server_name = Some("sfu.example.org".to_owned());
    config.application_protocols = vec![Vec::new(), vec![b'x'; 256], vec![b'x'; 255]];
    config.srtp_mki = vec![1; 256];
    config.suites.insert(0, crate::crypto::CipherSuite(0xc023));
    config.groups.insert(0, NamedGroup(25));
    config.signature_schemes.insert(0, SignatureScheme(0x0203));
    config.certificate_schemes = vec![SignatureScheme(0x0203)];
    assert_eq!(offers(&mut config), (Some("sfu.example.org".to_owned()), Some(2 + 256)));
    assert!(config.srtp_mki.is_empty());
    assert_eq!(config.suites, crate::crypto::CipherSuite::SUPPORTED);
    assert_eq!(config.groups, NamedGroup::SUPPORTED);
    assert_eq!(config.signature_schemes, SignatureScheme::SUPPORTED);
    let bytes = offered_extensions(&config);
    let certificates = Extensions::new(&bytes).unwrap().find(ExtensionType::SIGNATURE_ALGORITHMS_CERT);
    assert_eq!(certificates, Some(&[0, 2, 2, 3][..]), "others may check what we cannot");
}

/// The request names kinds of keys and schemes, and both must be ours.
//= rfc5246#7.4.4-3 test
#[test]
fn a_request_for_another_kind_of_key_is_not_met() {
    let cx = Context::new(config(), &mut rng(1));
    let wanted = |kinds: &[u8], schemes: &[u8]| {
        let request = CertificateRequest {
            certificate_types: kinds,
            signature_algorithms: U16List::new(schemes).unwrap(),
            authorities: &[],
        };
        let mut body = Vec::new();
        request.encode(&mut body);
        certificate_request(&cx, &Whole { kind: MessageType::CERTIFICATE_REQUEST, sequence: 4, body })
            .unwrap()
    };
    let ours = CertificateWanted::Yes(SignatureScheme::ECDSA_SECP256R1_SHA256);
    assert_eq!(wanted(&[1, 64], &[4, 1, 4, 3]), ours);
    assert_eq!(wanted(&[1], &[4, 1, 4, 3]), CertificateWanted::OfAnotherKind);
    assert_eq!(wanted(&[64], &[4, 1]), CertificateWanted::OfAnotherKind);
}
