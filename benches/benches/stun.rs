//! STUN messages: reading, checking, building; the request of RFC 5769 section 2.1, 108 octets.
//!
//! `--quick` shows that everything runs. With the feature `peers` the rivals take their turns in the same rounds. What a
//! rival does not do stands in its name: one that leaves FINGERPRINT unread does less work than ours.
#![allow(clippy::unwrap_used, reason = "a bench stops at the first thing that is wrong")]

use std::hint::black_box;
use std::path::Path;

use nomagic_benches::{Contender, Effort, Row, measure, print_table, write_json};
use nomagic_stun::attribute::{Software, Username};
use nomagic_stun::{IntegrityKey, Message, MessageBuilder, MessageType, TransactionId};
use nomagic_testkit::vectors;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
const SOFTWARE: &str = "STUN test client";
const USERNAME: &str = "evtj:h6vY";

fn main() {
    let effort = Effort::from_arguments();
    let request = vectors::hex(REQUEST);
    let rows = [parse(&request, effort), verify(&request, effort), build(effort)];
    print_table(&rows);
    let target = std::env::var("CARGO_TARGET_DIR")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target").into());
    write_json(&rows, &Path::new(&target).join("stun.json")).unwrap();
}

fn parse(request: &[u8], effort: Effort) -> Row {
    let contenders = vec![
        Contender::new("ours", || Message::parse(black_box(request)).unwrap().has_fingerprint()),
        #[cfg(feature = "peers")]
        Contender::new("is, no CRC", || is::stun::StunMessage::parse(black_box(request)).unwrap().prio()),
        #[cfg(feature = "peers")]
        Contender::new("rtc-stun", || {
            let message = peers::decode(black_box(request));
            rtc_stun::fingerprint::FINGERPRINT.check(&message).unwrap();
        }),
        #[cfg(feature = "peers")]
        Contender::new("stun-types", || {
            stun_types::message::Message::from_bytes(black_box(request)).unwrap().class()
        }),
        #[cfg(not(feature = "peers"))]
        Contender::new("a copy", || black_box(request).to_vec()),
    ];
    measure("parse with CRC", effort, contenders)
}

fn verify(request: &[u8], effort: Effort) -> Row {
    let key = IntegrityKey::short_term(PASSWORD);
    #[cfg(feature = "peers")]
    let (credentials, stun_types_key, provider) =
        (peers::credentials(), peers::key(), rtc_crypto::default_provider().unwrap());
    let contenders = vec![
        Contender::new("ours", || Message::parse(black_box(request)).unwrap().verify(&key).unwrap()),
        #[cfg(feature = "peers")]
        Contender::new("is, no CRC", || {
            let message = is::stun::StunMessage::parse(black_box(request)).unwrap();
            assert!(message.verify(PASSWORD.as_bytes(), peers::hmac));
        }),
        #[cfg(feature = "peers")]
        Contender::new("rtc-stun", || {
            let mut message = peers::decode(black_box(request));
            rtc_stun::fingerprint::FINGERPRINT.check(&message).unwrap();
            let key = PASSWORD.as_bytes();
            rtc_stun::integrity::MessageIntegrity::check(&mut message, key, provider.crypto()).unwrap();
        }),
        #[cfg(feature = "peers")]
        Contender::new("stun-types", || {
            let message = stun_types::message::Message::from_bytes(black_box(request)).unwrap();
            message.validate_integrity(&credentials).unwrap()
        }),
        #[cfg(feature = "peers")]
        Contender::new("stun-types, key kept", || {
            let message = stun_types::message::Message::from_bytes(black_box(request)).unwrap();
            message.validate_integrity_with_key(&stun_types_key).unwrap()
        }),
        #[cfg(not(feature = "peers"))]
        Contender::new("HMAC alone", {
            use hmac::{Hmac, KeyInit, Mac};
            let mac = <Hmac<sha1::Sha1>>::new_from_slice(PASSWORD.as_bytes()).unwrap();
            move || mac.clone().chain_update(black_box(&request[..76])).finalize().into_bytes()
        }),
    ];
    measure("parse with CRC and HMAC-SHA1", effort, contenders)
}

/// SOFTWARE, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
fn build(effort: Effort) -> Row {
    let (key, mut out) = (IntegrityKey::short_term(PASSWORD), Vec::with_capacity(256));
    #[cfg(feature = "peers")]
    let (stun_types_key, provider) = (peers::key(), rtc_crypto::default_provider().unwrap());
    let contenders = vec![
        Contender::new("ours", || {
            out.clear();
            MessageBuilder::new(&mut out, MessageType::BINDING_REQUEST, TransactionId([7; 12]))
                .attribute(&Software::new(SOFTWARE).unwrap())
                .attribute(&Username::new(USERNAME).unwrap())
                .integrity(&key)
                .fingerprint()
                .finish()
                .unwrap()
        }),
        #[cfg(feature = "peers")]
        Contender::new("is", || {
            let mut out = [0; 256];
            let message = is::stun::StunMessageBuilder::new().binding().request();
            let message = message.software(SOFTWARE).username(USERNAME).build(is::stun::TransId::new());
            message.to_bytes(Some(PASSWORD.as_bytes()), &mut out, peers::hmac).unwrap()
        }),
        #[cfg(feature = "peers")]
        Contender::new("rtc-stun", || peers::rtc_stun(provider.crypto())),
        #[cfg(feature = "peers")]
        Contender::new("stun-types, key kept", || {
            use stun_types::prelude::*;
            let mut out = [0; 256];
            let write = stun_types::message::MessageWriteMutSlice::new(&mut out);
            let mut message =
                stun_types::message::Message::builder_request(stun_types::message::BINDING, write);
            message.add_attribute(&stun_types::attribute::Software::new(SOFTWARE).unwrap()).unwrap();
            message.add_attribute(&stun_types::attribute::Username::new(USERNAME).unwrap()).unwrap();
            let algorithm = stun_types::message::IntegrityAlgorithm::Sha1;
            message.add_message_integrity_with_key(&stun_types_key, algorithm).unwrap();
            message.add_fingerprint().unwrap();
            message.finish()
        }),
        #[cfg(not(feature = "peers"))]
        Contender::new("HMAC alone", {
            use hmac::{Hmac, KeyInit, Mac};
            let mac = <Hmac<sha1::Sha1>>::new_from_slice(PASSWORD.as_bytes()).unwrap();
            move || mac.clone().chain_update(black_box(&[7; 56])).finalize().into_bytes()
        }),
    ];
    measure("build, sign, CRC", effort, contenders)
}

#[cfg(feature = "peers")]
mod peers {
    use is::Sha1HmacProvider;
    use rtc_stun::message::{BINDING_REQUEST, Setter, TransactionId};
    use stun_types::message::{
        IntegrityAlgorithm, IntegrityKey, MessageIntegrityCredentials, ShortTermCredentials,
    };

    use super::{PASSWORD, SOFTWARE, USERNAME};

    pub(crate) fn credentials() -> MessageIntegrityCredentials {
        MessageIntegrityCredentials::ShortTerm(ShortTermCredentials::new(PASSWORD.to_owned()))
    }

    pub(crate) fn key() -> IntegrityKey {
        credentials().make_key(IntegrityAlgorithm::Sha1)
    }

    pub(crate) fn hmac(key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        is::DefaultSha1HmacProvider.sha1_hmac(key, payloads)
    }

    pub(crate) fn decode(request: &[u8]) -> rtc_stun::message::Message {
        let mut message = rtc_stun::message::Message::new();
        message.unmarshal_binary(request).unwrap();
        message
    }

    pub(crate) fn rtc_stun(crypto: &dyn rtc_crypto::RTCCrypto) -> usize {
        use rtc_stun::attributes::{ATTR_SOFTWARE, ATTR_USERNAME};
        use rtc_stun::integrity::MessageIntegrity;
        use rtc_stun::textattrs::TextAttribute;
        let mut message = rtc_stun::message::Message::new();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(PASSWORD.to_owned(), crypto);
        let setters: [Box<dyn Setter + '_>; 6] = [
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId([7; 12])),
            Box::new(TextAttribute::new(ATTR_SOFTWARE, SOFTWARE.to_owned())),
            Box::new(TextAttribute::new(ATTR_USERNAME, USERNAME.to_owned())),
            Box::new(integrity),
            Box::new(rtc_stun::fingerprint::FINGERPRINT),
        ];
        message.build(&setters).unwrap();
        message.raw.len()
    }
}
