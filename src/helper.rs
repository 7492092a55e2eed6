//! The helper thread, and the requests of the process to it.

use core::ffi::c_int;
use core::time::Duration;
use std::process;
use std::string::ToString;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::vec::Vec;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, Shutdown, shutdown};

use crate::assoc_id::AssocId;
use crate::flags::PeeloffFlags;
use crate::sockopt;

mod channel;
mod table;

use channel::{Message, pair, receive, send};

/// The first integer of a request. The second one is an association id, or a descriptor
/// in the helper thread's table.
pub(crate) const PEEL_OFF: c_int = 0;
pub(crate) const FETCH: c_int = 1;
const RELEASE: c_int = 2;

/// The first integer of a reply is an errno or 0. The second one is the descriptor that
/// the helper thread keeps until its release, or this.
pub(crate) const NOTHING_KEPT: c_int = -1;

/// Much longer than a start takes on a loaded machine.
const START_TIME: Duration = Duration::from_secs(10);
const STACK_SIZE: usize = 64 << 10;

/// The process's end of the channel to the helper thread, which ends when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Helper {
    channel: Mutex<OwnedFd>,
    process: u32,
}

pub(crate) enum Reply {
    Delivered(OwnedFd),
    /// The helper thread keeps the descriptor, which has this number in its table.
    Kept(c_int),
    /// The helper thread has the request, and its reply could not be received.
    Missing(Errno),
}

impl Helper {
    pub(crate) fn start() -> Result<Self, Errno> {
        Ok(Self {
            channel: Mutex::new(start()?),
            process: process::id(),
        })
    }

    /// Fails if the helper thread reports an errno, and with `EPIPE` if it has ended.
    pub(crate) fn request(
        &self,
        request: Message,
        socket: Option<BorrowedFd<'_>>,
        flags: PeeloffFlags,
    ) -> Result<Reply, Errno> {
        let channel = self.channel()?;
        let mut receive_flags = RecvFlags::empty();
        receive_flags.set(
            RecvFlags::CMSG_CLOEXEC,
            flags.contains(PeeloffFlags::CLOEXEC),
        );
        send(&channel, request, socket)?;
        match receive_reply(&channel, receive_flags) {
            Ok(([_, number], Some(peeled))) => {
                // When the caller closes its descriptor, it must be the last one.
                release(&channel, number);
                Ok(Reply::Delivered(peeled))
            }
            Ok(([0, number], None)) => Ok(Reply::Kept(number)),
            Ok(([errno, _], None)) => Err(Errno::from_raw_os_error(errno)),
            Err(Errno::PIPE) => Err(Errno::PIPE),
            Err(errno) => Ok(Reply::Missing(errno)),
        }
    }

    pub(crate) fn release(&self, number: c_int) {
        if let Ok(channel) = self.channel() {
            release(&channel, number);
        }
    }

    /// A child that fork(2) created shares the channel with its parent. If both used the
    /// channel, each could receive the other's descriptors.
    fn channel(&self) -> Result<MutexGuard<'_, OwnedFd>, Errno> {
        if self.process != process::id() {
            return Err(Errno::PIPE);
        }
        Ok(self.channel.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn receive_reply(channel: &OwnedFd, flags: RecvFlags) -> Result<(Message, Option<OwnedFd>), Errno> {
    receive(channel, flags).inspect_err(|_| {
        // A later request must not receive the reply to this one. If this call fails, the
        // channel is closed already.
        let _ = shutdown(channel, Shutdown::Both);
    })
}

/// If the release fails, the helper thread has ended, and its descriptors are closed.
fn release(channel: &OwnedFd, number: c_int) {
    if send(channel, [RELEASE, number], None).is_ok() {
        let _ = receive_reply(channel, RecvFlags::CMSG_CLOEXEC);
    }
}

/// Starts the helper thread, and returns the channel to it.
#[expect(unsafe_code, reason = "a descriptor of the helper thread")]
fn start() -> Result<OwnedFd, Errno> {
    let (ours, its) = pair()?;
    // A seccomp filter may end the thread while its end of the channel is still in this
    // process's table. The end of the thread is then not visible.
    set_socket_timeout(&ours, Timeout::Recv, Some(START_TIME))?;
    let number = its.as_raw_fd();
    thread::Builder::new()
        .name("sctp-peeler".to_string())
        .stack_size(STACK_SIZE)
        .spawn(move || run(&its))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?;
    let ([errno, unshared], _) =
        receive(&ours, RecvFlags::CMSG_CLOEXEC).map_err(|errno| match errno {
            Errno::AGAIN => Errno::TIMEDOUT,
            _ => errno,
        })?;
    if unshared != 0 {
        // SAFETY: this is `its`. The thread owned it, and has left this table.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
    if errno != 0 {
        // Waits until the thread has closed its end, in this table or in its own.
        let _ = receive(&ours, RecvFlags::CMSG_CLOEXEC);
        return Err(Errno::from_raw_os_error(errno));
    }
    set_socket_timeout(&ours, Timeout::Recv, None)?;
    Ok(ours)
}

/// The helper thread.
#[expect(unsafe_code, reason = "a descriptor table of its own")]
fn run(channel: &OwnedFd) {
    // SAFETY: this thread owns `channel`, and passes other descriptors to other threads
    // only as control messages.
    let unshared = table::block_signals().and_then(|()| unsafe { table::unshare() });
    // SAFETY: the table is this thread's own, and this thread owns only `channel`.
    let emptied = unshared.and_then(|()| unsafe { table::close_all_but(channel) });
    let errno = emptied.map_or_else(Errno::raw_os_error, |()| 0);
    let sent = send(channel, [errno, c_int::from(unshared.is_ok())], None);
    if emptied.and(sent).is_ok() {
        serve(channel);
    }
}

/// Replies to requests until the process closes the channel.
fn serve(channel: &OwnedFd) {
    let mut kept = Vec::new();
    while let Ok((request, socket)) = receive(channel, RecvFlags::CMSG_CLOEXEC) {
        let reply = reply(request, socket, &mut kept);
        let fd = kept.iter().find(|fd| fd.as_raw_fd() == reply[1]);
        // A descriptor that cannot be sent is kept, like one that cannot be delivered.
        let sent = send(channel, reply, fd.map(OwnedFd::as_fd));
        if sent.or_else(|_| send(channel, reply, None)).is_err() {
            return;
        }
    }
}

fn reply(request: Message, socket: Option<OwnedFd>, kept: &mut Vec<OwnedFd>) -> Message {
    match request {
        [PEEL_OFF, assoc] => match peel_off(socket, AssocId::from_raw(assoc), kept) {
            Ok(number) => [0, number],
            Err(errno) => [errno.raw_os_error(), NOTHING_KEPT],
        },
        [FETCH, number] => [0, number],
        [_, number] => {
            kept.retain(|fd| fd.as_raw_fd() != number);
            [0, NOTHING_KEPT]
        }
    }
}

/// Closes the duplicate of the one-to-many socket before it returns.
fn peel_off(
    socket: Option<OwnedFd>,
    assoc: AssocId,
    kept: &mut Vec<OwnedFd>,
) -> Result<c_int, Errno> {
    // Without a descriptor the limit is so low that even this table is full.
    let socket = socket.ok_or(Errno::MFILE)?;
    kept.try_reserve(1).map_err(|_| Errno::NOMEM)?;
    let peeled = sockopt::peeloff(socket, assoc)?;
    let number = peeled.as_raw_fd();
    kept.push(peeled);
    Ok(number)
}
