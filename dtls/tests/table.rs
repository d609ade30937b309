//! Every event against every state, as a table: `tests/golden/states.txt`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write;
use std::time::{Duration, Instant};

use common::*;
use nomagic_dtls::handshake::{FragmentHeader, HelloVerifyRequest, MessageType};
use nomagic_dtls::record::{ContentType, Header, Records, Version};
use nomagic_dtls::{Alert, AlertDescription, CipherSuite, Config, Role, SessionCache, Stats, Summary};
use nomagic_testkit::clock::origin;
use nomagic_testkit::golden;
use nomagic_testkit::link::Link;
use nomagic_testkit::machine::Machine;
use nomagic_testkit::pair::Pair;

/// How the two ends come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With certificates.
    Signed,
    /// By a session.
    Resumed,
    /// With a pre-shared key, a hint at which one, and nothing else.
    PreShared,
    /// With a pre-shared key and ephemeral ones.
    EphemeralPreShared,
}

impl Way {
    const ALL: [Self; 4] = [Self::Signed, Self::Resumed, Self::PreShared, Self::EphemeralPreShared];

    /// What the table calls it behind the name of a state; nothing for the usual one, and where the name says it.
    fn name(self, state: &str) -> &'static str {
        match self {
            Self::Resumed if !state.contains("resumed") => ", session resumed",
            Self::Signed | Self::Resumed => "",
            Self::PreShared => " (plain)",
            Self::EphemeralPreShared => " (with ephemeral keys)",
        }
    }

    fn configs(self) -> (Config, Config) {
        match self {
            Self::Signed => (client_config(), server_config()),
            Self::PreShared => {
                let (client, mut server) =
                    (of_suite(psk_client(), CipherSuite::PSK_AES_128_GCM_SHA256), psk_server());
                server.pre_shared_keys = Some(keys().with_hint("lamp").unwrap());
                (client, server)
            }
            Self::EphemeralPreShared => (psk_client(), psk_server()),
            Self::Resumed => {
                // Each scene has a session of its own, since alerts end sessions.
                let cache = SessionCache::new(1, Duration::from_secs(3600));
                let (mut client, mut server) = (client_config(), server_config());
                (client.keep_session, server.session_cache) = (true, Some(cache));
                let (a, z) = (Peer::new(client.clone(), 3), Peer::new(server.clone(), 4));
                let mut pair = Pair::new(a, z, Link::new, 5);
                pair.run_until(both_connected);
                client.session = pair.a.connection.session();
                (client, server)
            }
        }
    }
}

/// The end that is looked at, and a partner that says what belongs there.
struct Scene {
    way: Way,
    own: Peer,
    partner: Peer,
    now: Instant,
    /// Messages that our end has taken: the number of the next one.
    messages: u16,
    /// What our end said last.
    said: Vec<Vec<u8>>,
}

impl Scene {
    fn new(way: Way, role: Role) -> Self {
        let (client, mut server) = way.configs();
        server.cookies = true;
        server.address_validated = true;
        let (client, server) = (Peer::new(client, 1), Peer::new(server, 2));
        let (own, partner) = if role == Role::Client { (client, server) } else { (server, client) };
        let mut scene = Self { way, own, partner, now: origin(), messages: 0, said: Vec::new() };
        scene.said = flight(&mut scene.own, scene.now);
        scene
    }

    /// Records that the partner says next, knowing all that our end said.
    fn partner_says(&mut self) -> Vec<Vec<u8>> {
        deliver(&mut self.partner, self.now, &std::mem::take(&mut self.said));
        records(&flight(&mut self.partner, self.now))
    }

    fn tell(&mut self, record: &[u8]) {
        if record[0] == ContentType::HANDSHAKE.0 && record[4] == 0 {
            self.messages += 1;
        }
        deliver(&mut self.own, self.now, &[record.to_vec()]);
        let said = flight(&mut self.own, self.now);
        if !said.is_empty() {
            self.said = said;
        }
    }

    /// A plaintext record with the next message.
    fn message(&self, kind: MessageType, body: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        FragmentHeader::whole(kind, self.messages, u32::try_from(body.len()).unwrap()).encode(&mut content);
        content.extend_from_slice(body);
        plain(ContentType::HANDSHAKE, &content)
    }
}

fn plain(content_type: ContentType, content: &[u8]) -> Vec<u8> {
    let (length, mut out) = (u16::try_from(content.len()).unwrap(), Vec::new());
    Header { content_type, version: Version::DTLS_1_2, epoch: 0, sequence: 900, length }.encode(&mut out);
    out.extend_from_slice(content);
    out
}

fn request() -> Vec<u8> {
    let mut body = Vec::new();
    HelloVerifyRequest { version: Version::DTLS_1_0, cookie: &[7; 20] }.encode(&mut body);
    body
}

/// The scenes of a handshake in order: `steps` records of the partner have been heard. `None` behind the last.
fn scene(way: Way, role: Role, steps: usize) -> Option<Scene> {
    let mut scene = Scene::new(way, role);
    let mut pending: Vec<Vec<u8>> = Vec::new();
    for _ in 0..steps {
        if pending.is_empty() {
            pending = scene.partner_says();
        }
        if pending.is_empty() {
            return None;
        }
        let record = pending.remove(0);
        scene.tell(&record);
    }
    Some(scene)
}

type Act = fn(&mut Scene);
type Reach = Box<dyn Fn() -> Scene>;

/// All states, by the name that `Debug` gives them, with a way to get there. Those that all ways have in common are told of
/// the first only.
fn states(way: Way, role: Role) -> Vec<(String, Reach)> {
    let mut states: Vec<(String, Reach)> = Vec::new();
    for steps in 0.. {
        let Some(reached) = scene(way, role, steps) else { break };
        let mut state = name(&reached);
        if states.last().is_some_and(|(last, _)| *last == state) {
            state += ", ChangeCipherSpec heard";
        }
        states.push((state, Box::new(move || scene(way, role, steps).unwrap())));
        if role == Role::Client && steps == 0 {
            let asked = move || {
                let mut scene = Scene::new(way, Role::Client);
                let record = scene.message(MessageType::HELLO_VERIFY_REQUEST, &request());
                scene.tell(&record);
                scene
            };
            states.push((name(&asked()), Box::new(asked)));
        }
    }
    if way != Way::Signed {
        // The last flight of a session is another's, which shows in what is answered once connected.
        states.retain(|(name, _)| {
            name.contains("pre-shared key")
                || name.contains("Finished")
                || way == Way::Resumed && name.contains("connected")
        });
        return states;
    }
    let last = states.len();
    let connected = move || scene(way, role, last - usize::from(role == Role::Client) - 1).unwrap();
    let closing = move || {
        let mut scene = connected();
        let now = scene.now;
        scene.own.close(now);
        scene.own.drain_events();
        scene
    };
    states.push((name(&closing()), Box::new(closing)));
    let closed = move || {
        let mut scene = closing();
        flight(&mut scene.own, scene.now);
        scene
    };
    states.push((name(&closed()), Box::new(closed)));
    states
}

fn name(scene: &Scene) -> String {
    let words = format!("{:?}", scene.own.connection);
    words.trim_start_matches("Connection(").trim_end_matches(')').to_owned()
}

/// A genuine body for each message, of this way if it has such a message; what our end would say itself is taken from it.
fn body(way: Way, kind: MessageType) -> Vec<u8> {
    if kind == MessageType::HELLO_VERIFY_REQUEST {
        return request();
    }
    let ends = [way, Way::Signed].map(|way| [Role::Client, Role::Server].map(|role| (way, role)));
    for (way, role) in ends.into_iter().flatten() {
        for steps in 0.. {
            let Some(mut scene) = scene(way, role, steps) else { break };
            for record in scene.partner_says() {
                let Some(Ok((header, content))) = Records::new(&record).next() else { continue };
                if header.epoch == 0 && header.content_type == ContentType::HANDSHAKE {
                    let (message, body, _) = FragmentHeader::parse(content).unwrap();
                    if message.kind == kind {
                        return body.to_vec();
                    }
                }
            }
        }
    }
    vec![0; if kind == MessageType::FINISHED { 12 } else { 0 }]
}

fn tell_message(scene: &mut Scene, kind: MessageType) {
    let record = scene.message(kind, &body(scene.way, kind));
    deliver(&mut scene.own, scene.now, &[record]);
}

fn tell_alert(scene: &mut Scene, alert: Alert) {
    let record = plain(ContentType::ALERT, &alert.to_bytes());
    deliver(&mut scene.own, scene.now, &[record]);
}

/// The partner catches up and says something protected, if it can.
fn tell_protected(scene: &mut Scene, say: impl FnOnce(&mut Peer, Instant) -> Vec<Vec<u8>>) {
    scene.partner_says();
    if scene.partner.connected.is_some() {
        let said = say(&mut scene.partner, scene.now);
        deliver(&mut scene.own, scene.now, &said);
    } else {
        let forged = [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40][..], &[7; 40]].concat();
        deliver(&mut scene.own, scene.now, &[forged]);
    }
}

const ACTS: [(&str, Act); 25] = [
    ("HelloRequest", |s| tell_message(s, MessageType::HELLO_REQUEST)),
    ("ClientHello", |s| tell_message(s, MessageType::CLIENT_HELLO)),
    ("HelloVerifyRequest", |s| tell_message(s, MessageType::HELLO_VERIFY_REQUEST)),
    ("ServerHello", |s| tell_message(s, MessageType::SERVER_HELLO)),
    ("Certificate", |s| tell_message(s, MessageType::CERTIFICATE)),
    ("ServerKeyExchange", |s| tell_message(s, MessageType::SERVER_KEY_EXCHANGE)),
    ("CertificateRequest", |s| tell_message(s, MessageType::CERTIFICATE_REQUEST)),
    ("ServerHelloDone", |s| tell_message(s, MessageType::SERVER_HELLO_DONE)),
    ("ClientKeyExchange", |s| tell_message(s, MessageType::CLIENT_KEY_EXCHANGE)),
    ("CertificateVerify", |s| tell_message(s, MessageType::CERTIFICATE_VERIFY)),
    ("Finished in plaintext", |s| tell_message(s, MessageType::FINISHED)),
    ("message of type 99", |s| tell_message(s, MessageType(99))),
    ("malformed message", |s| {
        let record = s.message(MessageType::CERTIFICATE, &[9]);
        deliver(&mut s.own, s.now, &[record]);
    }),
    ("ChangeCipherSpec", |s| deliver(&mut s.own, s.now, &[plain(ContentType::CHANGE_CIPHER_SPEC, &[1])])),
    ("partner's records again", |s| {
        s.now += 30 * MS;
        let role = s.own.connection.role();
        for steps in 0.. {
            let Some(mut other) = scene(s.way, role, steps) else { break };
            if other.messages >= s.messages {
                break;
            }
            let again = other.partner_says();
            deliver(&mut s.own, s.now, &again);
        }
    }),
    ("protected payload", |s| tell_protected(s, |p, now| vec![p.seal(now, b"x")])),
    ("protected close_notify", |s| {
        tell_protected(s, |p, now| {
            p.close(now);
            flight(p, now)
        });
    }),
    ("forged record", |s| {
        let forged = [&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 99, 0, 40][..], &[7; 40]].concat();
        deliver(&mut s.own, s.now, &[forged]);
    }),
    ("plaintext payload", |s| deliver(&mut s.own, s.now, &[plain(ContentType::APPLICATION_DATA, b"x")])),
    ("plaintext fatal alert", |s| tell_alert(s, Alert::fatal(AlertDescription::HANDSHAKE_FAILURE))),
    ("plaintext close_notify", |s| tell_alert(s, Alert::CLOSE_NOTIFY)),
    ("unreadable datagram", |s| deliver(&mut s.own, s.now, &[vec![22, 1, 2, 3]])),
    ("next deadline", |s| {
        if let Some(due) = s.own.poll_timeout() {
            s.now = due;
            s.own.handle_timeout(due);
        }
    }),
    ("a minute later", |s| {
        s.now += 61_000 * MS;
        s.own.handle_timeout(s.now);
    }),
    ("close", |s| s.own.close(s.now)),
];

/// The counters that have moved, by name.
fn moved(before: &Stats, after: &Stats) -> String {
    let fields = |stats: &Stats| {
        let words = format!("{stats:?}");
        let inner = words.trim_start_matches("Stats { ").trim_end_matches(" }").to_owned();
        inner.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, after) = (fields(before), fields(after));
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new);
    let names = changed.map(|(_, new)| new.split(':').next().unwrap().to_owned());
    names.filter(|name| name.starts_with("dropped") || name.contains("alerts")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    let mut table = String::new();
    let ends = Way::ALL.map(|way| [Role::Client, Role::Server].map(|role| (way, role)));
    for (way, role) in ends.into_iter().flatten() {
        for (state, reach) in states(way, role) {
            writeln!(table, "{state}{}", way.name(&state)).unwrap();
            for (event, act) in ACTS {
                let mut scene = reach();
                scene.own.drain_events();
                let (was, before) = (name(&scene), scene.own.connection.stats());
                let received = scene.own.received.len();
                act(&mut scene);
                let next = name(&scene);
                let next = if next == was { "-" } else { next.split(", ").nth(1).unwrap_or(&next) };
                let counted = moved(&before, &scene.own.connection.stats());
                let said: Vec<String> = flight(&mut scene.own, scene.now)
                    .iter()
                    .flat_map(|datagram| records(std::slice::from_ref(datagram)))
                    .map(|record| Summary(&record).to_string())
                    .map(|words| words.split(" DTLS").next().unwrap().to_owned())
                    .map(|words| match words.split_once(' ') {
                        Some(("Alert", _)) | None => words,
                        Some((kind, rest)) if rest.contains("epoch=1") => format!("{kind}*"),
                        Some((kind, _)) => kind.to_owned(),
                    })
                    .collect();
                let mut events = scene.own.drain_events();
                if scene.own.received.len() > received {
                    events.push("payload".into());
                }
                let line = format!(
                    "  {event:<24} {next:<47} {:<32} {} {counted}",
                    said.join(" "),
                    events.join("; ")
                );
                writeln!(table, "{}", line.trim_end()).unwrap();
            }
        }
    }
    golden!("states.txt", table);
}
