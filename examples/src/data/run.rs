//! The loops: one association of a caller, many of a server, one socket each.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use nomagic_dtls::{CookieGate, GateConfig, Verdict};
use rand::rngs::StdRng;

use super::{Link, Plot, Task};

/// What every association is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// DTLS; also says which end we are.
    pub dtls: nomagic_dtls::Config,
    /// SCTP.
    pub sctp: nomagic_sctp::Config,
    /// Tells nothing but errors.
    pub quiet: bool,
}

/// Datagrams that are taken in before something is sent again.
const BATCH: usize = 64;
/// Associations of a server at a time; what more callers send is dropped.
const MOST_LINKS: usize = 64;
/// The loop wakes at least so often.
const IDLE: Duration = Duration::from_millis(200);

/// Calls a server and does the task.
///
/// # Errors
/// The socket is broken, the other side cannot be reached or goes away, or the task cannot be done.
pub fn call(
    options: &Options,
    socket: &UdpSocket,
    remote: SocketAddr,
    task: &mut dyn Task,
    mut plot: Option<&mut Plot>,
    mut rng: StdRng,
) -> io::Result<()> {
    let mut link = Link::new(options.dtls.clone(), None, options.sctp.clone(), &mut rng);
    let (mut inward, mut outward, mut is_up) = (vec![0; 65_536], Vec::new(), false);
    let mut done = false;
    loop {
        let now = Instant::now();
        if !done {
            pump(now, &mut link, task)?;
            if task.go_on(now, link.channels())? {
                done = true;
                link.close(now);
            }
        }
        send(&mut link, socket, remote, &mut outward)?;
        if link.is_closed() {
            let why = link.end().unwrap_or("the other side does not answer").to_owned();
            return if done { Ok(()) } else { Err(io::Error::other(why)) };
        }
        if let (false, Some(security)) = (is_up, link.security()) {
            is_up = true;
            tell(options, format_args!("{remote}: {security}"));
        }
        if let Some(plot) = &mut plot {
            plot.sample(now, &link.channels().association().stats());
        }
        let due = [link.poll_timeout(), task.poll_timeout()].into_iter().flatten().min();
        wait(socket, due)?;
        for _ in 0..BATCH {
            let Some((len, from)) = receive(socket, &mut inward)? else { break };
            if from == remote {
                link.handle_input(Instant::now(), &mut inward[..len]);
                // At once, not after the batch: the other side's window opens with each acknowledgement.
                send(&mut link, socket, remote, &mut outward)?;
            }
        }
        link.handle_timeout(Instant::now());
    }
}

/// Serves whoever calls, each with a task of its own; ends after the first if `once`.
///
/// # Errors
/// The socket is broken.
pub fn serve(
    options: &Options,
    socket: &UdpSocket,
    once: bool,
    mut task: impl FnMut() -> Box<dyn Task>,
    mut rng: StdRng,
) -> io::Result<()> {
    let mut gate = CookieGate::new(GateConfig::default(), &mut rng);
    let mut links: BTreeMap<SocketAddr, (Link, Box<dyn Task>)> = BTreeMap::new();
    let (mut inward, mut outward) = (vec![0; 65_536], Vec::new());
    loop {
        let due = links
            .values()
            .flat_map(|(link, task)| [link.poll_timeout(), task.poll_timeout()])
            .flatten()
            .min();
        wait(socket, due)?;
        for _ in 0..BATCH {
            let Some((len, from)) = receive(socket, &mut inward)? else { break };
            let now = Instant::now();
            if !links.contains_key(&from) && links.len() < MOST_LINKS {
                outward.clear();
                match gate.check(now, from.to_string().as_bytes(), &inward[..len], &mut outward) {
                    Verdict::Drop => {}
                    Verdict::Verify => drop(socket.send_to(&outward, from)),
                    Verdict::Accept(admission) => {
                        tell(options, format_args!("{from} calls"));
                        let (dtls, sctp) = (options.dtls.clone(), options.sctp.clone());
                        let link = Link::new(dtls, Some(admission), sctp, &mut rng);
                        links.insert(from, (link, task()));
                    }
                }
            }
            if let Some((link, task)) = links.get_mut(&from) {
                link.handle_input(now, &mut inward[..len]);
                serve_one(now, from, link, task.as_mut());
                send(link, socket, from, &mut outward)?;
            }
        }
        let now = Instant::now();
        let mut left = false;
        for (from, (link, task)) in &mut links {
            link.handle_timeout(now);
            serve_one(now, *from, link, task.as_mut());
            send(link, socket, *from, &mut outward)?;
        }
        links.retain(|from, (link, _)| {
            if link.is_closed() {
                tell(options, format_args!("{from} has gone: {}", link.end().unwrap_or("no answer")));
                left = true;
            }
            !link.is_closed()
        });
        if once && left && links.is_empty() {
            return Ok(());
        }
    }
}

/// A task that cannot go on ends its own association, and no other.
fn serve_one(now: Instant, from: SocketAddr, link: &mut Link, task: &mut dyn Task) {
    let went = pump(now, link, task).and_then(|()| task.go_on(now, link.channels()));
    match went {
        Ok(false) => {}
        Ok(true) => link.close(now),
        Err(error) => {
            say_aloud(format_args!("{from}: {error}"));
            link.close(now);
        }
    }
}

/// Hands events and messages to the task.
fn pump(now: Instant, link: &mut Link, task: &mut dyn Task) -> io::Result<()> {
    while let Some(event) = link.channels().poll_event() {
        task.note(now, &event, link.channels())?;
    }
    while let Some((channel, message)) = link.channels().receive(now) {
        task.receive(now, channel, message, link.channels())?;
    }
    Ok(())
}

fn send(link: &mut Link, socket: &UdpSocket, remote: SocketAddr, outward: &mut Vec<u8>) -> io::Result<()> {
    loop {
        outward.clear();
        if !link.poll_transmit(Instant::now(), outward) {
            return Ok(());
        }
        match socket.send_to(outward, remote) {
            Err(error) if !is_passing(error.kind()) => return Err(error),
            // What the system refuses counts as lost.
            _ => {}
        }
    }
}

/// Sleeps until a datagram comes or a deadline passes.
fn wait(socket: &UdpSocket, due: Option<Instant>) -> io::Result<()> {
    let wait = due.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()).min(IDLE));
    if wait.is_zero() {
        return Ok(());
    }
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(wait.max(Duration::from_micros(50))))?;
    match socket.peek_from(&mut [0]) {
        Err(error) if !is_passing(error.kind()) => Err(error),
        _ => Ok(()),
    }
}

/// A datagram that is there already.
fn receive(socket: &UdpSocket, inward: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    socket.set_nonblocking(true)?;
    match socket.recv_from(inward) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_passing(error.kind()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Errors that mean "nothing now": no datagram in time, or word that an earlier one found no listener.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock
            | ErrorKind::TimedOut
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}

fn tell(options: &Options, line: std::fmt::Arguments<'_>) {
    if !options.quiet {
        say_aloud(line);
    }
}

#[expect(clippy::print_stderr, reason = "it serves a program")]
fn say_aloud(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}
