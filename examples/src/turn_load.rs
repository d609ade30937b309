//! How many datagrams a second a TURN server relays: as much ChannelData as this machine can send, and a count of what
//! comes out at the other end.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nomagic_stun::turn::{ClientConfig, ClientEvent, HEADROOM, TAILROOM};

use crate::turn_client::Session;
use crate::turn_udp::{Batch, Intake, Udp};

/// What to measure.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long.
    pub time: Duration,
    /// Allocations, each with a channel of its own.
    pub clients: usize,
    /// Octets of application data in a datagram.
    pub size: usize,
    /// Datagrams that a client sends in one go.
    pub burst: usize,
    /// Where what is relayed is counted.
    pub peer: IpAddr,
    /// Past the server: what the generator and the counter can do by themselves.
    pub direct: bool,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Datagrams sent a second.
    pub offered: f64,
    /// Datagrams that came out a second.
    pub relayed: f64,
}

/// A client that has its channel, reduced to what sending takes.
struct Sender {
    socket: Udp,
    destination: SocketAddr,
    datagram: Vec<u8>,
}

/// Sends as much as can be sent, and counts.
///
/// # Errors
/// An allocation or a channel cannot be had; in one line.
pub fn run(config: &ClientConfig, load: &Load) -> Result<Figures, String> {
    let text = |error: std::io::Error| error.to_string();
    let sink = Udp::bind(SocketAddr::new(load.peer, 0)).map_err(text)?;
    let peer = sink.local;
    let mut sessions = Vec::new();
    let mut senders = Vec::new();
    for _ in 0..load.clients {
        let (session, sender) = prepare(config, load, peer)?;
        sessions.push(session);
        senders.push(sender);
    }
    let (stop, sent, came) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counter = {
        let (stop, came) = (Arc::clone(&stop), Arc::clone(&came));
        std::thread::spawn(move || count(&sink, &stop, &came))
    };
    let halves = split(senders);
    let generators: Vec<_> = halves
        .into_iter()
        .map(|senders| {
            let (stop, sent, burst) = (Arc::clone(&stop), Arc::clone(&sent), load.burst);
            std::thread::spawn(move || generate(&senders, burst, &stop, &sent))
        })
        .collect();
    // The first moments are not counted: caches and sockets find their pace.
    std::thread::sleep(Duration::from_millis(500));
    let (began, sent_before, came_before) =
        (Instant::now(), sent.load(Ordering::Relaxed), came.load(Ordering::Relaxed));
    std::thread::sleep(load.time);
    let seconds = began.elapsed().as_secs_f64();
    let (sent_after, came_after) = (sent.load(Ordering::Relaxed), came.load(Ordering::Relaxed));
    stop.store(true, Ordering::Relaxed);
    for thread in generators.into_iter().chain([counter]) {
        thread.join().map_err(|_| "a thread has panicked".to_owned())?;
    }
    for mut session in sessions.into_iter().flatten() {
        // What is not given back ends by itself.
        let _ = session.close();
    }
    #[expect(clippy::cast_precision_loss, reason = "millions")]
    let rate = |count: u64| count as f64 / seconds;
    Ok(Figures { offered: rate(sent_after - sent_before), relayed: rate(came_after - came_before) })
}

/// Gets an allocation and a channel, and takes a message as a sample.
fn prepare(
    config: &ClientConfig,
    load: &Load,
    peer: SocketAddr,
) -> Result<(Option<Session>, Sender), String> {
    let text = |error: std::io::Error| error.to_string();
    let data = vec![7; load.size];
    if load.direct {
        let socket = Udp::bind(SocketAddr::new(load.peer, 0)).map_err(text)?;
        return Ok((None, Sender { socket, destination: peer, datagram: data }));
    }
    let mut session = Session::open(config.clone()).map_err(text)?;
    session.client.allocate(Instant::now()).map_err(|error| error.to_string())?;
    session.wait_for(Duration::from_secs(40), |event| {
        matches!(event, ClientEvent::Allocated(_)).then_some(())
    })?;
    session.client.bind_channel(Instant::now(), peer).map_err(|error| error.to_string())?;
    session.wait_for(Duration::from_secs(40), |event| {
        matches!(event, ClientEvent::Bound { .. }).then_some(())
    })?;
    let mut datagram = vec![0; HEADROOM];
    datagram.extend(data);
    let sealed = session.client.seal(Instant::now(), peer, &mut datagram, HEADROOM);
    let sealed = sealed.map_err(|error| error.to_string())?;
    let socket = session.take_socket().map_err(text)?;
    Ok((
        Some(session),
        Sender { socket, destination: sealed.destination, datagram: datagram.split_off(sealed.start) },
    ))
}

/// Two generators if there is enough to do for two.
fn split(mut senders: Vec<Sender>) -> Vec<Vec<Sender>> {
    let half = senders.split_off(senders.len() / 2);
    [senders, half].into_iter().filter(|senders| !senders.is_empty()).collect()
}

fn generate(senders: &[Sender], burst: usize, stop: &AtomicBool, sent: &AtomicU64) {
    let mut batch = Batch::default();
    while !stop.load(Ordering::Relaxed) {
        for (key, sender) in senders.iter().enumerate() {
            let socket = |key: usize| senders.get(key).map(|sender| &sender.socket);
            for _ in 0..burst {
                batch.push(key, sender.destination, &sender.datagram, socket);
            }
            batch.flush(socket);
            sent.fetch_add(burst as u64, Ordering::Relaxed);
        }
    }
}

fn count(sink: &Udp, stop: &AtomicBool, came: &AtomicU64) {
    let mut intake = Intake::default();
    while !stop.load(Ordering::Relaxed) {
        let mut new = 0;
        let more = intake.receive(sink, |_, buffer| {
            debug_assert!(buffer.len() >= HEADROOM + TAILROOM);
            new += 1;
        });
        came.fetch_add(new, Ordering::Relaxed);
        if !matches!(more, Ok(true)) && new == 0 {
            std::thread::yield_now();
        }
    }
}
