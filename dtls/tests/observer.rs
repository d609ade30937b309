//! A conversation seen from outside, with its key log: full handshakes and resumed ones, with connection ids and without.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use nomagic_dtls::handshake::{FragmentHeader, Message};
use nomagic_dtls::record::{ContentType, Records};
use nomagic_dtls::{Config, ConnectionId, KeyLog, Observer, Role, Session, SessionCache};
use nomagic_testkit::ladder::Way;
use nomagic_testkit::link::Link;

/// Who, what type, and what.
type Said = (Role, ContentType, Vec<u8>);

/// What was said under the keys: by whom, of what type, which octets.
fn overheard(client: Config, server: Config) -> (Vec<Said>, Option<Session>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (log, mut client) = (lines.clone(), client);
    client.key_log = Some(KeyLog::new(move |line| log.lock().unwrap().push(line.to_owned())));
    let ids = [&client, &server].map(|config| config.connection_id.clone());
    let mut pair = pair_of(client, server, || Link::latency(10 * MS));
    pair.run_until(both_connected);
    assert_talks(&mut pair);
    let line = lines.lock().unwrap()[0].clone();
    let octets = |word: usize| {
        let digits = line.split(' ').nth(word).unwrap();
        let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(octet).collect::<Vec<u8>>()
    };
    let (random, master) = (octets(1).try_into().unwrap(), octets(2).try_into().unwrap());
    let (mut observer, mut said) = (None, Vec::new());
    for rung in pair.ladder().rungs() {
        let (writer, reader_id) = match rung.way {
            Way::Out => (Role::Client, &ids[1]),
            Way::Back => (Role::Server, &ids[0]),
        };
        let id_len = reader_id.as_ref().map_or(0, |id| id.octets().len());
        let mut at = 0;
        for (header, content) in Records::with_connection_id(&rung.datagram, id_len).map(Result::unwrap) {
            let has_id = header.content_type == ContentType::TLS12_CID;
            let len = header.record_len() + if has_id { id_len } else { 0 };
            let mut record = rung.datagram[at..at + len].to_vec();
            at += len;
            if header.epoch == 0 {
                if let Ok((fragment, body, _)) = FragmentHeader::parse(content)
                    && let Ok(Message::ServerHello(hello)) = Message::parse(fragment.kind, body)
                {
                    observer = Observer::new(hello.suite, &master, random, *hello.random);
                }
                continue;
            }
            let mut bent = record.clone();
            *bent.last_mut().unwrap() ^= 1;
            let observer = observer.as_ref().unwrap();
            assert!(observer.open_with_connection_id(writer, &mut bent, id_len).is_none());
            assert_eq!(observer.open(writer, &mut record.clone()).is_some(), !has_id);
            let (kind, plaintext) = observer.open_with_connection_id(writer, &mut record, id_len).unwrap();
            said.push((writer, kind, plaintext.to_vec()));
        }
    }
    let mut exported = [0; 60];
    pair.a.connection.export("EXTRACTOR-dtls_srtp", None, &mut exported).unwrap();
    assert_eq!(observer.unwrap().export("EXTRACTOR-dtls_srtp", 60).unwrap()[..], exported);
    (said, pair.a.connection.session())
}

#[test]
fn all_records_open_with_the_key_log_whatever_they_carry() {
    let ids: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"c"), Some(&[7; 20])];
    for of_client in ids {
        for of_server in ids {
            let cache = SessionCache::new(4, Duration::from_secs(60));
            let mut session = None;
            for resumed in [false, true] {
                let (mut client, mut server) = (client_config(), server_config());
                // Ids are there only if both ends want them.
                if of_client.is_some() && of_server.is_some() {
                    client.connection_id = of_client.map(|id| ConnectionId::new(id).unwrap());
                    server.connection_id = of_server.map(|id| ConnectionId::new(id).unwrap());
                }
                (client.session, client.keep_session) = (session.take(), true);
                server.session_cache = Some(cache.clone());
                let (said, left) = overheard(client, server);
                session = left;
                let data = |role| (role, ContentType::APPLICATION_DATA);
                let first = if resumed { Role::Server } else { Role::Client };
                let kinds: Vec<_> = said.iter().map(|(role, kind, _)| (*role, *kind)).collect();
                let finished = [first, first.opposite()].map(|role| (role, ContentType::HANDSHAKE));
                assert_eq!(kinds[..2], finished, "{of_client:?} {of_server:?}");
                assert_eq!(kinds[2..], [data(Role::Client), data(Role::Server)]);
                assert_eq!((&said[2].2[..], &said[3].2[..]), (&b"ping"[..], &b"pong"[..]));
            }
        }
    }
}
