//! UDP sockets that take and give many datagrams at once: `recvmmsg`, and segmentation by the kernel (GRO and GSO).

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use mio::net::UdpSocket;
use nomagic_stun::turn::{HEADROOM, TAILROOM};
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// A socket and what the kernel can do for it.
#[derive(Debug)]
pub struct Udp {
    /// The socket, for registering.
    pub io: UdpSocket,
    state: UdpSocketState,
    /// Its address.
    pub local: SocketAddr,
}

/// Octets that the kernel keeps for a socket whose reader is busy.
const BACKLOG: usize = 4 << 20;

impl Udp {
    /// Binds a socket. Datagrams that do not fit the path are cut by the kernel unless [`Udp::send_whole`] sends them.
    ///
    /// # Errors
    /// The address is in use, or not ours.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        // The system may allow less; then it is less.
        let _ = socket.set_recv_buffer_size(BACKLOG);
        let _ = socket.set_send_buffer_size(BACKLOG);
        let own = Self::from_std(socket.into())?;
        own.forbid_fragments(false)?;
        Ok(own)
    }

    /// Takes a socket that somebody else has made. It does not block any more.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        let io = UdpSocket::from_std(socket);
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let local = io.local_addr()?;
        Ok(Self { io, state, local })
    }

    /// Says whether the kernel may cut datagrams.
    fn forbid_fragments(&self, forbid: bool) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.local.is_ipv4() {
            use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
            let way = if forbid { Ipv4PathMtuDiscovery::DO } else { Ipv4PathMtuDiscovery::WANT };
            set_ip_mtu_discover(&self.io, way)?;
        }
        Ok(())
    }

    /// Sends one datagram that nobody on the path may cut. What the system refuses counts as lost.
    pub fn send_whole(&self, destination: SocketAddr, data: &[u8]) {
        let sent = self.forbid_fragments(true).and_then(|()| self.io.send_to(data, destination));
        let back = self.forbid_fragments(false);
        drop((sent, back));
    }

    /// Datagrams that the kernel takes in one piece.
    fn segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn send(&self, destination: SocketAddr, contents: &[u8], segment: usize) {
        // What the system refuses counts as lost, as on any network.
        if contents.len() <= segment {
            let _ = self.io.send_to(contents, destination);
            return;
        }
        let transmit =
            Transmit { destination, ecn: None, contents, segment_size: Some(segment), src_ip: None };
        let _ = self.state.try_send(UdpSockRef::from(&self.io), &transmit);
    }
}

/// Datagrams as they came in: each with room in front and behind.
pub struct Intake {
    slots: Box<[[u8; SLOT]]>,
    metas: [RecvMeta; BATCH_SIZE],
    single: Vec<u8>,
}

const LARGEST: usize = 65_536;
const SLOT: usize = HEADROOM + LARGEST + TAILROOM;

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Intake")
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            slots: vec![[0; SLOT]; BATCH_SIZE].into(),
            metas: [RecvMeta::default(); BATCH_SIZE],
            single: Vec::with_capacity(SLOT),
        }
    }
}

impl Intake {
    /// Takes what waits at a socket, as far as one call can, and hands on each datagram: its source, and a buffer in
    /// which it stands behind [`HEADROOM`] octets and before [`TAILROOM`]. Returns whether there may be more.
    ///
    /// # Errors
    /// The socket is broken; that nothing waits is no error.
    pub fn receive(&mut self, socket: &Udp, mut each: impl FnMut(SocketAddr, &mut [u8])) -> io::Result<bool> {
        let mut buffers =
            self.slots.iter_mut().map(|slot| IoSliceMut::new(&mut slot[HEADROOM..HEADROOM + LARGEST]));
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| buffers.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        let count = match socket.state.recv(UdpSockRef::from(&socket.io), &mut buffers, &mut self.metas) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // Word that an earlier datagram found no listener; the next ones may wait behind it.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted) =>
            {
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        for (meta, slot) in self.metas.iter().take(count).zip(&mut self.slots) {
            if meta.len <= meta.stride || meta.stride == 0 {
                each(meta.addr, &mut slot[..HEADROOM + meta.len + TAILROOM]);
                continue;
            }
            // Several datagrams side by side have no room between them.
            for datagram in slot[HEADROOM..HEADROOM + meta.len].chunks(meta.stride) {
                self.single.resize(HEADROOM, 0);
                self.single.extend_from_slice(datagram);
                self.single.resize(HEADROOM + datagram.len() + TAILROOM, 0);
                each(meta.addr, &mut self.single);
                self.single.clear();
            }
        }
        Ok(count == BATCH_SIZE)
    }
}

/// Gathers datagrams for the same place, so that the kernel gets them in one piece. Their order is kept for each place, not
/// among places.
#[derive(Debug, Default)]
pub struct Batch {
    piles: Vec<Pile>,
    /// Piles in use; the others keep their buffers.
    used: usize,
}

/// Datagrams of one length for one place; the last may be shorter.
#[derive(Debug)]
struct Pile {
    key: usize,
    destination: SocketAddr,
    bytes: Vec<u8>,
    segment: usize,
    count: usize,
}

/// Places at a time.
const PILES: usize = 64;

impl Pile {
    fn takes(&self, data: &[u8], segments: usize) -> bool {
        let whole = self.bytes.len() == self.segment * self.count;
        let room = self.count < segments && self.bytes.len() + data.len() < 60_000;
        whole && room && !data.is_empty() && data.len() <= self.segment
    }

    fn begin(&mut self, key: usize, destination: SocketAddr, data: &[u8]) {
        (self.key, self.destination, self.segment, self.count) = (key, destination, data.len(), 1);
        self.bytes.clear();
        self.bytes.extend_from_slice(data);
    }

    fn send<'s>(&self, socket: &impl Fn(usize) -> Option<&'s Udp>) {
        if let Some(socket) = socket(self.key) {
            socket.send(self.destination, &self.bytes, self.segment);
        }
    }
}

impl Batch {
    /// Adds a datagram for a socket, of which `key` is the name.
    pub fn push<'s>(
        &mut self,
        key: usize,
        destination: SocketAddr,
        data: &[u8],
        socket: impl Fn(usize) -> Option<&'s Udp>,
    ) {
        let same = |pile: &&mut Pile| pile.key == key && pile.destination == destination;
        if let Some(pile) = self.piles.iter_mut().take(self.used).find(same) {
            if pile.takes(data, socket(key).map_or(1, Udp::segments).min(64)) {
                pile.count += 1;
                pile.bytes.extend_from_slice(data);
            } else {
                pile.send(&socket);
                pile.begin(key, destination, data);
            }
            return;
        }
        if self.used == PILES {
            self.flush(&socket);
        }
        if self.used == self.piles.len() {
            self.piles.push(Pile { key, destination, bytes: Vec::with_capacity(2048), segment: 0, count: 0 });
        }
        if let Some(pile) = self.piles.get_mut(self.used) {
            pile.begin(key, destination, data);
            self.used += 1;
        }
    }

    /// Sends what has been gathered.
    pub fn flush<'s>(&mut self, socket: impl Fn(usize) -> Option<&'s Udp>) {
        self.piles.iter().take(self.used).for_each(|pile| pile.send(&socket));
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever lengths come for whatever places: each place gets its datagrams whole and in order.
    #[test]
    fn datagrams_arrive_whole_and_in_order() {
        let sockets = [0, 1].map(|_| Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap());
        let sinks = [0, 1, 2].map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        let find = |key: usize| sockets.get(key);
        let (mut batch, mut expected) = (Batch::default(), [const { Vec::new() }; 3]);
        let lengths = [100, 100, 100, 40, 100, 0, 0, 200, 200, 1, 1, 1, 300, 100, 100];
        for (number, length) in lengths.iter().cycle().take(150).enumerate() {
            let sink = number * 7 / 3 % 3;
            let data = vec![number.to_le_bytes()[0]; *length];
            let destination = sinks[sink].local_addr().unwrap();
            batch.push(sink % 2, destination, &data, find);
            expected[sink].push((sockets[sink % 2].local, data));
        }
        batch.flush(find);
        for (sink, expected) in sinks.iter().zip(expected) {
            sink.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
            for (source, data) in expected {
                let mut buffer = [0; 1000];
                let (len, from) = sink.recv_from(&mut buffer).unwrap();
                assert_eq!((from, &buffer[..len]), (source, &data[..]));
            }
        }
    }

    /// What the kernel hands over in one piece is taken apart again.
    #[test]
    fn datagrams_come_in_one_by_one() {
        let (from, to) = (
            Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
            Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap(),
        );
        let mut batch = Batch::default();
        for number in 0..100u8 {
            batch.push(0, to.local, &[number; 333], |_| Some(&from));
        }
        batch.flush(|_| Some(&from));
        let (mut intake, mut came) = (Intake::default(), Vec::new());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while came.len() < 100 && std::time::Instant::now() < end {
            let received = intake.receive(&to, |source, buffer| {
                assert_eq!(source, from.local);
                came.push(buffer[HEADROOM..buffer.len() - TAILROOM].to_vec());
            });
            received.unwrap();
        }
        assert_eq!(came, (0..100u8).map(|number| vec![number; 333]).collect::<Vec<_>>());
    }
}
