//! SRTP keys of a captured call, from its plain hellos and a DTLS key log.
//!
//! A key log has lines `CLIENT_RANDOM random master-secret`. The exporter of RFC 5705 under `EXTRACTOR-dtls_srtp` wants the
//! server's random, too, and `use_srtp` in the server's hello says which profile: both are readable in the capture. This is
//! DTLS 1.2; the hellos of 1.3 hide the profile.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use nomagic_srtp::{MasterKey, Profile, split_keying_material};

use crate::recording::Recorded;

/// The keys of one handshake: with which the client sends, and the server.
#[derive(Debug, Clone)]
pub struct Session {
    /// The client's.
    pub client: MasterKey,
    /// The server's.
    pub server: MasterKey,
}

/// The hello of a server, as far as keys depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ServerHello {
    random: [u8; 32],
    suite: u16,
    profile: Option<Profile>,
}

/// The keys of all handshakes in a capture of which the key log has the secret.
pub fn sessions(packets: &[Recorded], key_log: &str) -> Vec<Session> {
    let secrets: BTreeMap<Vec<u8>, Vec<u8>> = key_log.lines().filter_map(secret).collect();
    let mut clients: BTreeMap<(SocketAddr, SocketAddr), [u8; 32]> = BTreeMap::new();
    let mut found: Vec<([u8; 32], [u8; 32], Session)> = Vec::new();
    for packet in packets {
        let Some((from, to)) = packet.route else { continue };
        for (kind, body) in hellos(&packet.payload) {
            match kind {
                CLIENT_HELLO => drop(random(body).map(|random| clients.insert((from, to), random))),
                _ => {
                    let client = clients.get(&(to, from)).or_else(|| clients.values().next_back());
                    let (Some(client), Some(server)) = (client, server_hello(body)) else { continue };
                    if found.iter().any(|(other, random, _)| other == client && *random == server.random) {
                        continue;
                    }
                    let secret = secrets.get(&client[..]);
                    if let Some(session) = secret.and_then(|secret| session(secret, client, &server)) {
                        found.push((*client, server.random, session));
                    }
                }
            }
        }
    }
    found.into_iter().map(|(_, _, session)| session).collect()
}

fn secret(line: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut words = line.split_whitespace();
    (words.next() == Some("CLIENT_RANDOM")).then_some(())?;
    Some((unhex(words.next()?)?, unhex(words.next()?)?))
}

/// Octets from hexadecimal digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    digits.collect()
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// The bodies of unencrypted hellos in a datagram: the first fragment of each, which has all that is wanted unless it is
/// very small. RFC 6347 sections 4.1 and 4.2.2.
fn hellos(mut datagram: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let Some(record) = datagram.first_chunk::<13>() {
        let len = usize::from(u16::from_be_bytes([record[11], record[12]]));
        let Some(body) = datagram.get(13..13 + len) else { break };
        // Handshake, epoch 0.
        if record[0] == 22 && record[3..5] == [0, 0] {
            let mut messages = body;
            while let Some(head) = messages.first_chunk::<12>() {
                let fragment =
                    usize::from(u16::from_be_bytes([head[10], head[11]])) | usize::from(head[9]) << 16;
                let Some(body) = messages.get(12..12 + fragment) else { break };
                if (head[0] == CLIENT_HELLO || head[0] == SERVER_HELLO) && head[6..9] == [0; 3] {
                    found.push((head[0], body));
                }
                messages = &messages[12 + fragment..];
            }
        }
        datagram = &datagram[13 + len..];
    }
    found
}

fn random(hello: &[u8]) -> Option<[u8; 32]> {
    hello.get(2..)?.first_chunk().copied()
}

fn server_hello(hello: &[u8]) -> Option<ServerHello> {
    let random = random(hello)?;
    let session_len = usize::from(*hello.get(34)?);
    let rest = hello.get(35 + session_len..)?;
    let suite = u16::from_be_bytes(*rest.first_chunk()?);
    // The compression method, and the length of the extensions.
    let mut extensions = rest.get(5..).unwrap_or_default();
    let mut profile = None;
    while let Some(head) = extensions.first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some(data) = extensions.get(4..4 + len) else { break };
        // use_srtp: RFC 5764 section 4.1.1, a list of one profile.
        if head[..2] == [0, 14] {
            profile = data.get(2..4).and_then(|id| Profile::from_id(u16::from_be_bytes([id[0], id[1]])));
        }
        extensions = &extensions[4 + len..];
    }
    Some(ServerHello { random, suite, profile })
}

fn session(secret: &[u8], client: &[u8; 32], server: &ServerHello) -> Option<Session> {
    let profile = server.profile?;
    let seed = [&b"EXTRACTOR-dtls_srtp"[..], client, &server.random].concat();
    let mut material = vec![0; 2 * (profile.key_len() + profile.salt_len())];
    // The suites whose names end in SHA384 of those with elliptic curves, and with RSA and DH.
    match server.suite {
        0xc02c | 0xc030 | 0xc024 | 0xc028 | 0x009d | 0x009f => {
            prf::<Hmac<sha2::Sha384>>(secret, &seed, &mut material);
        }
        _ => prf::<Hmac<sha2::Sha256>>(secret, &seed, &mut material),
    }
    let (client, server) = split_keying_material(profile, &material).ok()?;
    Some(Session { client, server })
}

/// The pseudorandom function of TLS 1.2, label and seed joined; RFC 5246 section 5.
fn prf<M: Mac + KeyInit>(secret: &[u8], seed: &[u8], out: &mut [u8]) {
    let hash = |parts: &[&[u8]]| {
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else { return Vec::new() };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    };
    let mut chained = hash(&[seed]);
    let mut filled = 0;
    while filled < out.len() && !chained.is_empty() {
        let block = hash(&[&chained, seed]);
        let len = block.len().min(out.len() - filled);
        out[filled..filled + len].copy_from_slice(&block[..len]);
        filled += len;
        chained = hash(&[&chained]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("é"), None);
    }

    #[test]
    fn noise_has_no_hellos() {
        for len in 0..60 {
            assert!(hellos(&vec![22; len]).is_empty());
            let _ = server_hello(&vec![1; len]);
        }
    }
}
