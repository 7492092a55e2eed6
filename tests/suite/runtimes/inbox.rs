//! Whole messages, without the notifications among them.

use std::io::{self, IoSliceMut};
use std::mem;
use std::os::fd::AsFd;

use rustix::net::{self, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendFlags};

const MSG_NOTIFICATION: ReturnFlags = ReturnFlags::from_bits_retain(0x8000);
const SCTP_ASSOC_CHANGE: u16 = 0x8001;

/// What has come so far of a message that comes in parts.
#[derive(Default)]
pub struct Inbox(Vec<u8>);

impl Inbox {
    /// The next whole message; None once the association has ended.
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; 8192];
        loop {
            let got = net::recvmsg(
                &socket,
                &mut [IoSliceMut::new(&mut buffer)],
                &mut RecvAncillaryBuffer::default(),
                RecvFlags::empty(),
            )?;
            let part = &buffer[..got.bytes];
            if got.flags.contains(MSG_NOTIFICATION) {
                if ended(part) {
                    return Ok(None);
                }
            } else if part.is_empty() {
                // End-of-file, which a one-to-one socket has.
                return Ok(None);
            } else {
                self.0.extend(part);
                if got.flags.contains(ReturnFlags::EOR) {
                    return Ok(Some(mem::take(&mut self.0)));
                }
            }
        }
    }
}

/// An `SCTP_ASSOC_CHANGE` whose state is neither `SCTP_COMM_UP` nor `SCTP_RESTART`.
pub fn ended(notification: &[u8]) -> bool {
    let number = |at| u16::from_ne_bytes([notification[at], notification[at + 1]]);
    number(0) == SCTP_ASSOC_CHANGE && !matches!(number(8), 0 | 2)
}

/// All of the message or nothing: SCTP sends no part of one.
pub fn send(socket: impl AsFd, message: &[u8]) -> io::Result<()> {
    net::send(socket, message, SendFlags::NOSIGNAL)?;
    Ok(())
}
