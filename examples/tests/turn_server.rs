//! What clients of `turn-server` do that they should not, and how `turn` is told what makes no sense.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nomagic_examples::turn_server::{Driver, raise_socket_limit};
use nomagic_stun::attribute::RequestedTransport;
use nomagic_stun::turn::{RelayRange, ServerConfig, Users, next_message};
use nomagic_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};
use socket2::{Domain, Socket, Type};

/// A server on a thread of its own, which ends with the test.
struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let mut users = Users::new("example.org").unwrap();
        users.add("alice", "secret").unwrap();
        let mut config = ServerConfig::new(users);
        let ip = std::net::IpAddr::from([127, 0, 0, 1]);
        config.relays.push(RelayRange::from(ip));
        let mut driver = Driver::new(config, &[SocketAddr::new(ip, 0)]).unwrap();
        let (address, over) = (driver.addresses()[0], Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                driver.run_until(Some(Instant::now() + Duration::from_millis(50))).unwrap();
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn allocate() -> Vec<u8> {
    let mut out = Vec::new();
    MessageBuilder::new(&mut out, MessageType::new(Method::ALLOCATE, Class::Request), TransactionId([7; 12]))
        .attribute(&RequestedTransport::UDP)
        .finish()
        .unwrap();
    out
}

/// A client without a password that asks and never reads: its questions wait with the kernel, not its answers with us. Once
/// it reads, it is answered whatever it has asked.
#[test]
fn answers_that_nobody_reads_hold_up_the_questions() {
    const MOST: usize = 64 << 20;
    let server = Server::start();
    let mut client = TcpStream::connect(server.address).unwrap();
    let timeout = Some(Duration::from_secs(1));
    client.set_write_timeout(timeout).unwrap();
    client.set_read_timeout(timeout).unwrap();
    let request = allocate();
    let (many, mut sent) = (request.repeat(1000), 0);
    let stopped = loop {
        match client.write(&many[sent % request.len()..]) {
            Ok(count) => sent += count,
            Err(error) => break error.kind(),
        }
        assert!(sent < MOST, "the server reads on, and keeps {} answers", sent / request.len());
    };
    assert!(matches!(stopped, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stopped:?}");
    let (mut waiting, mut answers, mut chunk) = (Vec::new(), 0, vec![0; 1 << 16]);
    while answers < sent / request.len() {
        let count = client.read(&mut chunk).unwrap_or_else(|error| panic!("{error} after {answers} answers"));
        waiting.extend_from_slice(&chunk[..count]);
        let mut at = 0;
        while let Some(len) = next_message(&waiting[at..]).unwrap().filter(|len| at + len <= waiting.len()) {
            assert_eq!(Message::parse(&waiting[at..at + len]).unwrap().class(), Class::Error);
            (at, answers) = (at + len, answers + 1);
        }
        waiting.drain(..at);
    }
}

/// Without an allocation nobody needs a long message: its beginning ends the connection.
#[test]
fn a_strangers_long_message_is_not_waited_for() {
    let server = Server::start();
    let mut client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut header = allocate();
    header[2..4].copy_from_slice(&0xfffc_u16.to_be_bytes());
    client.write_all(&header).unwrap();
    match client.read(&mut [0; 1]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// One address can take half of the streams and no more; another one still gets in.
#[test]
fn one_address_cannot_take_all_streams() {
    raise_socket_limit();
    let server = Server::start();
    let mut clients = Vec::new();
    for _ in 0..4300 {
        // Where the system has no more sockets for a test, there is nothing to see.
        let Ok(client) = TcpStream::connect(server.address) else { return };
        clients.push(client);
    }
    let answered = |mut client: &TcpStream| {
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.write_all(&allocate()).and_then(|()| client.read(&mut [0; 20])).is_ok_and(|count| count > 0)
    };
    assert!(answered(&clients[0]), "who came early has a stream");
    assert!(!answered(clients.last().unwrap()), "who came late has none");
    let other = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if other.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).is_ok() {
        other.connect(&server.address.into()).unwrap();
        assert!(answered(&other.into()), "from elsewhere there is room");
    }
}

#[test]
fn turn_refuses_what_makes_no_sense_in_one_line() {
    let user = ["--user", "alice:secret"];
    for (arguments, word) in [
        (&[][..], "--user"),
        (&["--user", "alice"], "--user"),
        (&["--user", "alice:\u{7}"], "--user"),
        (&[user[0], user[1], "--count", "0"], "--count"),
        (&[user[0], user[1], "--size", "7"], "--size"),
        (&[user[0], user[1], "--kind", "tcp"], "--transport tcp"),
        (&[user[0], user[1], "--kind", "odd"], "--kind"),
        (&[user[0], user[1], "--load", "1", "--transport", "tcp"], "--load"),
        (&[user[0], user[1], "--server", "192.0.2.1:port"], "192.0.2.1:port"),
        (&["--nonsense"], "--nonsense"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_turn")).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("turn: ") && said.contains(word), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
    let server = Server::start();
    let output = Command::new(env!("CARGO_BIN_EXE_turn"))
        .args(["--server", &server.address.to_string(), "--user", "alice:wrong"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "turn: no allocation: refused with 401\n");
}
