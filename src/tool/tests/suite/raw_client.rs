//! A client that sends its own SCTP packets through a raw socket on IPv4 loopback.
//!
//! The kernel sets up the association through an SCTP socket. After that, this socket drops
//! all packets. Otherwise the client's kernel would respond to acknowledgements for data that
//! it has not sent.

use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{self, SocketType};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::support::{Family, PATIENCE, address, option, socket};

const DATA: u8 = 0;
const INIT: u8 = 1;
const SACK: u8 = 3;
const ABORT: u8 = 6;
const ERROR: u8 = 9;
const COOKIE_ECHO: u8 = 10;

/// The error cause of an ABORT chunk that the application has initiated.
const USER_INITIATED_ABORT: u16 = 12;
/// An error cause of an ERROR chunk.
const UNRESOLVABLE_ADDRESS: u16 = 5;

/// The flags of a DATA chunk: acknowledge immediately, first fragment, last fragment.
const IMMEDIATE: u8 = 8;
const FIRST: u8 = 2;
const LAST: u8 = 1;

/// The fragment size in bytes. A fragment of this size fits into one packet on loopback.
const FRAGMENT: usize = 32 * 1024;

pub(crate) struct RawClient {
    raw: Socket,
    server: SocketAddr,
    port: u16,
    /// The verification tag of packets to the server.
    tag: u32,
    /// The transmission sequence number of the next DATA chunk.
    tsn: u32,
    /// The stream sequence number of the next message.
    ssn: u16,
    socket: OwnedFd,
}

impl RawClient {
    /// Establishes an association with the server.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let protocol = Some(Protocol::from(132));
        let raw = Socket::new(Domain::IPV4, Type::RAW, protocol).expect("a raw socket");
        let interval = Some(Duration::from_millis(50));
        raw.set_read_timeout(interval).expect("a timeout");
        let socket = socket(Family::V4, SocketType::STREAM);
        net::connect(&socket, &server).expect("an association");
        let mut client = Self {
            raw,
            server,
            port: address(&socket).port(),
            tag: 0,
            tsn: 0,
            ssn: 0,
            socket,
        };
        while client.tag == 0 {
            let packet = client.receive(|packet| packet.source == client.port);
            match packet.chunk[0] {
                INIT => client.tsn = word(&packet.chunk, 16),
                COOKIE_ECHO => client.tag = packet.tag,
                _ => {}
            }
        }
        option::drop_packets(&client.socket);
        client
    }

    /// Sends a message in one fragment.
    pub(crate) fn message(&mut self, data: &[u8]) {
        self.data(FIRST | LAST, data);
        self.ssn += 1;
    }

    /// Sends a message without its last fragment.
    pub(crate) fn begin_message(&mut self, length: usize) {
        for sent in (0..length).step_by(FRAGMENT) {
            let flags = if sent == 0 { FIRST } else { 0 };
            self.data(flags, &vec![0; FRAGMENT.min(length - sent)]);
        }
    }

    /// Sends a fragment repeatedly until the server acknowledges it. The server discards a
    /// fragment if its receive buffer has no room.
    fn data(&mut self, flags: u8, data: &[u8]) {
        let mut value = self.tsn.to_be_bytes().to_vec();
        // Stream 0 and PPID 0.
        value.extend([0, self.ssn].map(u16::to_be_bytes).concat());
        value.extend([0; 4]);
        value.extend(data);
        let acknowledges = |packet: &Packet| {
            packet.source == self.server.port()
                && packet.chunk[0] == SACK
                && word(&packet.chunk, 4) == self.tsn
        };
        let start = Instant::now();
        loop {
            self.send(DATA, IMMEDIATE | flags, &value);
            if self.try_receive(acknowledges).is_some() {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "no acknowledgement");
        }
        self.tsn = self.tsn.wrapping_add(1);
    }

    /// Sends an ABORT chunk with a reason.
    pub(crate) fn abort(&self, reason: &[u8]) {
        self.send(ABORT, 0, &cause(USER_INITIATED_ABORT, reason));
    }

    /// Sends an ERROR chunk.
    pub(crate) fn error(&self, information: &[u8]) {
        self.send(ERROR, 0, &cause(UNRESOLVABLE_ADDRESS, information));
    }

    fn send(&self, kind: u8, flags: u8, value: &[u8]) {
        let length = u16::try_from(4 + value.len()).expect("a short chunk");
        let mut packet = Vec::new();
        packet.extend(
            [self.port, self.server.port()]
                .map(u16::to_be_bytes)
                .concat(),
        );
        packet.extend(self.tag.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend([kind, flags]);
        packet.extend(length.to_be_bytes());
        packet.extend(value);
        packet.resize(packet.len().next_multiple_of(4), 0);
        let checksum = crc32c(&packet).to_le_bytes();
        packet[8..12].copy_from_slice(&checksum);
        let server = SockAddr::from(SocketAddr::new(self.server.ip(), 0));
        self.raw.send_to(&packet, &server).expect("a packet");
    }

    fn receive(&self, wanted: impl Fn(&Packet) -> bool) -> Packet {
        let start = Instant::now();
        loop {
            if let Some(packet) = self.try_receive(&wanted) {
                return packet;
            }
            assert!(start.elapsed() < PATIENCE, "no packet received");
        }
    }

    /// Returns the next packet that satisfies `wanted`, or `None` after the read timeout.
    fn try_receive(&self, wanted: impl Fn(&Packet) -> bool) -> Option<Packet> {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length) = (&self.raw).read(&mut bytes) {
            let packet = Packet::parse(&bytes[..length]);
            if let Some(packet) = packet.filter(&wanted) {
                return Some(packet);
            }
        }
        None
    }
}

/// A received packet. Only its first chunk is used.
struct Packet {
    source: u16,
    tag: u32,
    chunk: Vec<u8>,
}

impl Packet {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header = usize::from(bytes.first()? & 15) * 4;
        let packet = bytes.get(header..)?;
        let chunk = packet.get(12..)?;
        (chunk.len() >= 4).then(|| Self {
            source: u16::from_be_bytes([packet[0], packet[1]]),
            tag: word(packet, 4),
            chunk: chunk.to_vec(),
        })
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// An error cause of an ABORT or ERROR chunk.
fn cause(code: u16, information: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + information.len()).expect("a short cause");
    let header = [code, length].map(u16::to_be_bytes).concat();
    [&header, information].concat()
}

/// The checksum of RFC 9260, appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
        }
    }
    !crc
}

#[test]
fn crc32c_returns_the_check_value() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
