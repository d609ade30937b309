//! DTLS on a socket and the terminal: what `dtls` does once its options are read.
//!
//! Two threads wait, one for datagrams and one for standard input; everything else happens in one loop, which sleeps
//! until one of them has something or a connection's deadline comes.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use nomagic_dtls::record::connection_id;
use nomagic_dtls::{
    CloseReason, Config, Connected, Connection, ConnectionId, CookieGate, Event, GateConfig, Input, Role,
    Summary, Verdict,
};
use rand::Rng;
use rand::rngs::StdRng;

/// What to do, and with whom.
#[derive(Debug)]
pub struct Tool {
    /// How each connection behaves; also says which end we are.
    pub config: Config,
    /// Whom a client calls.
    pub remote: Option<SocketAddr>,
    /// Where a client leaves the session for the next time.
    pub session_file: Option<PathBuf>,
    /// Sends back what comes instead of writing it to the standard output, and leaves the standard input alone.
    pub echo: bool,
    /// Ends with the first connection instead of waiting for the next.
    pub once: bool,
    /// Octets of the id that the peer shall put into its records: each connection gets one of its own.
    pub connection_id: Option<u8>,
    /// Keying material to show: a label, and how many octets.
    pub export: Option<(String, usize)>,
    /// Tells nothing but errors.
    pub quiet: bool,
}

/// Connections of a server at a time. What more callers send is dropped.
const MOST_CONNECTIONS: usize = 64;

/// Octets of standard input that go into one record.
const PIECE: usize = 1200;

/// Pieces of standard input that wait for the handshake; more are dropped.
const MOST_UNSENT: usize = 1024;

/// Fragments of hellos kept at the door, each for another address.
const KEPT_HELLOS: usize = 16;

/// How long the loop sleeps if no connection has a deadline.
const IDLE: Duration = Duration::from_secs(3600);

enum Happening {
    Datagram(SocketAddr, Vec<u8>),
    Typed(Vec<u8>),
    InputEnded,
    SocketBroken(io::Error),
}

struct Session {
    remote: SocketAddr,
    connection: Connection,
    connected: Option<Connected>,
}

/// The loop's state.
struct Running<'a> {
    tool: &'a Tool,
    socket: UdpSocket,
    /// Lets clients in that are where they say.
    gate: CookieGate,
    /// The oldest first. For a while there are two with the same remote: the old one, and one that begins anew.
    sessions: Vec<Session>,
    rng: StdRng,
    start: Instant,
    /// What was typed before there was anybody to hear it.
    unsent: Vec<Vec<u8>>,
    input_ended: bool,
    /// How the last connection went.
    verdict: Option<bool>,
}

/// Runs until the connection, or the program, is over; says whether the last connection was a good one.
///
/// # Errors
/// The socket or the terminal is broken.
pub fn run(tool: &Tool, socket: UdpSocket, mut rng: StdRng) -> io::Result<bool> {
    let (sender, happenings) = sync_channel(256);
    listen(socket.try_clone()?, sender.clone());
    if !tool.echo {
        read_input(sender);
    }
    let mut gate = GateConfig::default();
    gate.kept_hellos = KEPT_HELLOS;
    let mut running = Running {
        tool,
        socket,
        gate: CookieGate::new(gate, &mut rng),
        sessions: Vec::new(),
        rng,
        start: Instant::now(),
        unsent: Vec::new(),
        input_ended: false,
        verdict: None,
    };
    if let Some(remote) = tool.remote {
        let connection = Connection::new(running.config(), &mut running.rng);
        running.sessions.push(Session { remote, connection, connected: None });
    }
    running.run(&happenings)
}

/// Hands on every datagram that comes.
fn listen(socket: UdpSocket, sender: SyncSender<Happening>) {
    spawn(move || {
        let mut buffer = vec![0; 65_536];
        loop {
            let happening = match socket.recv_from(&mut buffer) {
                Ok((len, from)) => Happening::Datagram(from, buffer[..len].to_vec()),
                // Word that an earlier datagram found no listener.
                Err(error)
                    if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) =>
                {
                    continue;
                }
                Err(error) => Happening::SocketBroken(error),
            };
            let broken = matches!(happening, Happening::SocketBroken(_));
            if sender.send(happening).is_err() || broken {
                return;
            }
        }
    });
}

/// Hands on what is typed or piped in.
fn read_input(sender: SyncSender<Happening>) {
    spawn(move || {
        let mut buffer = [0; PIECE];
        while let Ok(len @ 1..) = io::stdin().read(&mut buffer) {
            if sender.send(Happening::Typed(buffer[..len].to_vec())).is_err() {
                return;
            }
        }
        let _ = sender.send(Happening::InputEnded);
    });
}

impl Running<'_> {
    fn run(&mut self, happenings: &Receiver<Happening>) -> io::Result<bool> {
        // A connection that can do nothing has ended before it began.
        self.note_events();
        loop {
            self.send_all();
            if let Some(verdict) = self.verdict {
                return Ok(verdict);
            }
            let due = self.sessions.iter().filter_map(|session| session.connection.poll_timeout()).min();
            let wait = due.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
            match happenings.recv_timeout(wait) {
                Ok(Happening::Datagram(from, mut datagram)) => self.receive(from, &mut datagram)?,
                Ok(Happening::Typed(text)) => self.typed(text),
                Ok(Happening::InputEnded) => {
                    self.input_ended = true;
                    self.leave_if_done();
                }
                Ok(Happening::SocketBroken(error)) => return Err(error),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
            for session in &mut self.sessions {
                session.connection.handle_timeout(Instant::now());
            }
            self.note_events();
        }
    }

    /// What the next connection goes by.
    fn config(&mut self) -> Config {
        let mut config = self.tool.config.clone();
        config.connection_id = self.tool.connection_id.and_then(|len| {
            let mut id = vec![0; len.into()];
            self.rng.fill_bytes(&mut id);
            ConnectionId::new(&id).ok()
        });
        config
    }

    fn receive(&mut self, from: SocketAddr, datagram: &mut [u8]) -> io::Result<()> {
        self.let_in(from, datagram);
        let line = (!self.tool.quiet).then(|| Summary(datagram).to_string());
        // An id says for whom it is; else the address does. A client that begins anew may mean the old connection or the
        // new one: the other will not find it authentic.
        let id = connection_id(datagram, self.tool.connection_id.unwrap_or(0).into());
        let is_meant = |session: &Session| match id {
            Some(id) => session.connection.connection_id() == id,
            None => session.remote == from,
        };
        let mut payloads: Vec<Vec<u8>> = Vec::new();
        for session in self.sessions.iter_mut().filter(|session| is_meant(session)) {
            let mut copy = datagram.to_vec();
            if let Input::Payload(found) =
                session.connection.handle_input_from(Instant::now(), from, &mut copy)
            {
                payloads.extend(found.map(|payload| payload.to_vec()));
            }
        }
        if payloads.is_empty()
            && let Some(line) = line
        {
            self.tell(format_args!("<- {from}  {line}"));
        }
        // Payload may have come with the last message of the handshake: first things first.
        self.note_events();
        for payload in payloads {
            if self.tool.echo {
                self.say(from, &payload);
            } else {
                io::stdout().write_all(&payload)?;
                io::stdout().flush()?;
            }
        }
        Ok(())
    }

    /// A server's door. While a handshake with somebody goes on, what comes from there belongs to it.
    fn let_in(&mut self, from: SocketAddr, datagram: &[u8]) {
        let is_known = |session: &Session| session.remote == from && session.connected.is_none();
        if self.tool.config.role() == Role::Client || self.sessions.iter().any(is_known) {
            return;
        }
        let mut out = Vec::new();
        match self.gate.check(Instant::now(), from.to_string().as_bytes(), datagram, &mut out) {
            Verdict::Drop => {}
            Verdict::Verify => {
                self.tell(format_args!("<- {from}  {}", Summary(datagram)));
                self.tell(format_args!("-> {from}  {}", Summary(&out)));
                // What the system refuses, such as to send to port 0, counts as lost.
                let _ = self.socket.send_to(&out, from);
            }
            Verdict::Accept(admission) => {
                if self.sessions.len() < MOST_CONNECTIONS {
                    let connection = Connection::admitted(self.config(), admission, &mut self.rng);
                    self.sessions.push(Session { remote: from, connection, connected: None });
                }
            }
        }
    }

    /// What is typed goes to everybody who is connected, or waits for somebody.
    fn typed(&mut self, text: Vec<u8>) {
        let connected = self.sessions.iter().filter(|session| session.connection.connected().is_some());
        let listeners: Vec<SocketAddr> = connected.map(|session| session.remote).collect();
        if listeners.is_empty() {
            if self.unsent.len() < MOST_UNSENT {
                self.unsent.push(text);
            } else {
                self.tell(format_args!("not sent: nobody is there yet, and too much waits already"));
            }
            return;
        }
        for remote in listeners {
            self.say(remote, &text);
        }
    }

    /// Sends a payload; it may be lost, as on any network.
    fn say(&mut self, remote: SocketAddr, payload: &[u8]) {
        let connected = |session: &&mut Session| session.remote == remote && session.connected.is_some();
        let Some(session) = self.sessions.iter_mut().find(connected) else { return };
        let at = session.connection.headroom();
        let mut out = vec![0; at];
        out.extend_from_slice(payload);
        match session.connection.seal(Instant::now(), &mut out, at) {
            Ok(()) => drop(self.socket.send_to(&out, remote)),
            Err(error) => self.tell(format_args!("not sent: {error}")),
        }
    }

    fn send_all(&mut self) {
        let mut lines = Vec::new();
        for Session { remote, connection, .. } in &mut self.sessions {
            let mut out = Vec::new();
            while connection.poll_transmit(Instant::now(), &mut out).is_some() {
                if !self.tool.quiet {
                    lines.push(format!("-> {remote}  {}", Summary(&out)));
                }
                // What the system refuses counts as lost.
                let _ = self.socket.send_to(&out, *remote);
                out.clear();
            }
        }
        for line in lines {
            self.tell(format_args!("{line}"));
        }
        let (tool, mut ended) = (self.tool, None);
        self.sessions.retain(|session| {
            let over = session.connection.is_closed();
            if over {
                ended = Some(session.connected.is_some());
            }
            !over
        });
        if ended.is_some() && (tool.once || tool.remote.is_some()) {
            self.verdict = self.verdict.or(ended);
        }
    }

    fn note_events(&mut self) {
        let mut events = Vec::new();
        for session in &mut self.sessions {
            while let Some(event) = session.connection.poll_event() {
                match event {
                    Event::Connected(connected) => session.connected = Some(connected),
                    // It gets what it would have got elsewhere, and nobody else can read it.
                    Event::PeerMoved(address) => session.remote = address,
                    _ => {}
                }
                events.push((session.remote, event));
            }
        }
        for (remote, event) in events {
            match event {
                Event::Connected(connected) => self.welcome(remote, &connected),
                // An error is told even to those who want to hear nothing else.
                Event::Closed(reason) if !matches!(reason, CloseReason::Local | CloseReason::Peer) => {
                    self.say_aloud(format_args!("{remote}  closed: {reason}"));
                }
                event => self.tell(format_args!("{remote}  {event}")),
            }
        }
    }

    fn welcome(&mut self, remote: SocketAddr, connected: &Connected) {
        // Whoever had a connection from there before has begun anew.
        let newest = self.sessions.iter().rposition(|s| s.remote == remote && s.connected.is_some());
        let mut index = 0;
        self.sessions.retain(|session| {
            index += 1;
            session.remote != remote || session.connected.is_none() || Some(index - 1) == newest
        });
        self.tell(format_args!("{remote}  connected: {connected}"));
        if let Some(fingerprint) = connected.peer_fingerprint {
            self.tell(format_args!("{remote}  peer: {fingerprint}"));
        }
        let session = self.sessions.iter().find(|s| s.remote == remote && s.connected.is_some());
        if let Some(identity) = session.and_then(|session| session.connection.psk_identity()) {
            self.tell(format_args!("{remote}  pre-shared key of: {identity}"));
        }
        let protocol = session.and_then(|session| session.connection.application_protocol());
        if let Some(protocol) = protocol {
            self.tell(format_args!("{remote}  application protocol: {}", String::from_utf8_lossy(protocol)));
        }
        if let (Some((label, len)), Some(session)) = (&self.tool.export, session) {
            let mut material = vec![0; *len];
            match session.connection.export(label, None, &mut material) {
                Ok(()) => self.say_aloud(format_args!("{label}: {}", Hex(&material))),
                Err(error) => self.say_aloud(format_args!("{label}: {error}")),
            }
        }
        let left = session.and_then(|session| session.connection.session());
        if let (Some(path), Some(left)) = (&self.tool.session_file, left)
            && let Err(error) = write_secret(path, &left.to_bytes())
        {
            self.say_aloud(format_args!("{}: {error}", path.display()));
        }
        for text in std::mem::take(&mut self.unsent) {
            self.say(remote, &text);
        }
        self.leave_if_done();
    }

    /// A client that has said all, leaves; so does a server that was there for one.
    fn leave_if_done(&mut self) {
        if !self.input_ended || !(self.tool.once || self.tool.remote.is_some()) {
            return;
        }
        for session in self.sessions.iter_mut().filter(|session| session.connected.is_some()) {
            session.connection.close(Instant::now());
        }
    }

    fn tell(&self, line: fmt::Arguments<'_>) {
        if !self.tool.quiet {
            self.say_aloud(line);
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "it serves a program; the standard output is for the peer's words"
    )]
    fn say_aloud(&self, line: fmt::Arguments<'_>) {
        eprintln!("{:9.1} ms  {line}", self.start.elapsed().as_secs_f64() * 1000.0);
    }
}

/// Writes a file that nobody else can read.
fn write_secret(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(octets)
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}
