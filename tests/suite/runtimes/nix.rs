//! nix: a thread that reads and writes, and is notified of the end.

use super::harness::{Runtime, tests};
use super::inbox::ended;

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, recvmsg, send};
use sctp_peeloff::{AssocId, PeeloffFlags, peeloff_flags};

/// Echoes until the association ends.
fn serve(server: impl AsFd, id: AssocId) -> io::Result<()> {
    let peeled = peeloff_flags(server, id, PeeloffFlags::CLOEXEC)?;
    let (mut buffer, mut message) = ([0; 8192], Vec::new());
    loop {
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let got = recvmsg::<()>(peeled.as_raw_fd(), &mut parts, None, MsgFlags::empty())?;
        let (length, flags) = (got.bytes, got.flags);
        if flags.contains(MsgFlags::MSG_NOTIFICATION) {
            if ended(&buffer[..length]) {
                return Ok(());
            }
            continue;
        }
        message.extend(&buffer[..length]);
        if flags.contains(MsgFlags::MSG_EOR) {
            send(peeled.as_raw_fd(), &message, MsgFlags::MSG_NOSIGNAL)?;
            message.clear();
        }
    }
}

tests!(Runtime {
    subscribed: true,
    blocking: true,
    longest: 150_000,
    serve: |server, id| serve(server, id),
});
