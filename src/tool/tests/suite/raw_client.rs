//! A client that sends its own SCTP packets through a raw socket on IPv4 loopback.
//!
//! The kernel sets up the association through an SCTP socket. After the setup, a filter on the
//! SCTP socket drops all packets. Without the filter, the kernel would respond to
//! acknowledgements for data that it has not sent.

use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{self, SocketType};
use socket2::{Domain, Protocol, Socket, Type};

use crate::support::{Family, address, option, socket, wait_for};

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
/// The length of an IPv4 header without options.
const IP_HEADER: usize = 20;
/// The position of the first chunk in a packet.
const CHUNK: usize = 12;

pub(crate) struct RawClient {
    raw: Socket,
    /// The ports of the client and of the server.
    ports: [u16; 2],
    /// The verification tag of packets to the server.
    tag: u32,
    /// The transmission sequence number of the next DATA chunk.
    tsn: u32,
    /// The stream sequence number of the next message.
    ssn: u16,
    /// Keeps the association.
    _socket: OwnedFd,
}

impl RawClient {
    /// Establishes an association with the server.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        let protocol = Some(Protocol::from(132));
        let raw = Socket::new(Domain::IPV4, Type::RAW, protocol).expect("a raw socket");
        let interval = Some(Duration::from_millis(50));
        raw.set_read_timeout(interval).expect("a timeout");
        raw.connect(&server.into()).expect("a route");
        let socket = socket(Family::V4, SocketType::STREAM);
        net::connect(&socket, &server).expect("an association");
        let ports = [address(&socket).port(), server.port()];
        // The raw socket has received the packets of the setup.
        let is_own = |packet: &[u8]| packet.starts_with(&ports[0].to_be_bytes());
        let first = |kind| wait_for("a packet", || receive(&raw, kind, is_own));
        let [init, cookie] = [INIT, COOKIE_ECHO].map(first);
        option::drop_packets(&socket);
        Self {
            raw,
            ports,
            tag: word(&cookie, 4),
            tsn: word(&init, CHUNK + 16),
            ssn: 0,
            _socket: socket,
        }
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
        // Stream 0 and PPID 0.
        let stream = [[0; 2], self.ssn.to_be_bytes(), [0; 2], [0; 2]].concat();
        let value = [&self.tsn.to_be_bytes(), &stream[..], data].concat();
        wait_for("an acknowledgement", || {
            self.send(DATA, IMMEDIATE | flags, &value);
            receive(&self.raw, SACK, |packet| {
                packet.starts_with(&self.ports[1].to_be_bytes())
                    && word(packet, CHUNK + 4) == self.tsn
            })
        });
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
        let mut packet = self.ports.map(u16::to_be_bytes).concat();
        packet.extend(self.tag.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend([kind, flags]);
        packet.extend(length.to_be_bytes());
        packet.extend(value);
        packet.resize(packet.len().next_multiple_of(4), 0);
        let checksum = crc32c(&packet).to_le_bytes();
        packet[8..CHUNK].copy_from_slice(&checksum);
        self.raw.send(&packet).expect("a packet");
    }
}

/// Returns the next packet whose first chunk has this type and that satisfies `wanted`, or
/// `None` after the read timeout.
fn receive(mut raw: &Socket, kind: u8, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length) = raw.read(&mut bytes) {
        let packet = &bytes[IP_HEADER..length];
        if packet.get(CHUNK) == Some(&kind) && wanted(packet) {
            return Some(packet.to_vec());
        }
    }
    None
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
