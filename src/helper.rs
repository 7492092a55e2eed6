//! The helper thread, and the requests that the process sends to it.

use core::ffi::c_int;
use core::time::Duration;
use std::process;
use std::string::ToString;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;
use std::vec::Vec;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, Shutdown, shutdown};

use crate::assoc_id::AssocId;
use crate::backend::duplicate_and_close;
use crate::flags::PeeloffFlags;
use crate::sockopt;

mod channel;
mod table;

use channel::{Message, pair, receive, receive_once, send};

/// The first integer of a request. The second one is an association id, or a descriptor
/// in the helper thread's table.
pub(crate) const PEEL_OFF: c_int = 0;
pub(crate) const FETCH: c_int = 1;
const RELEASE: c_int = 2;

/// The first integer of a reply is an errno or 0. The second one is `NOTHING_KEPT`,
/// [`NOT_TRIED`], or the descriptor that the helper thread keeps until it receives
/// [`RELEASE`].
pub(crate) const NOTHING_KEPT: c_int = -1;

/// The second integer of a reply if the helper thread has not tried the peel-off.
const NOT_TRIED: c_int = -2;
/// The message with which the process confirms that the helper thread no longer shares the
/// process's descriptor table.
const CONFIRMED: Message = [0, 0];

/// The time limit for the start of the helper thread. The thread needs far less time than
/// this, even on a loaded machine.
const START_TIME: Duration = Duration::from_secs(5);
const STACK_SIZE: usize = 64 << 10;

/// The process's side of the channel to the helper thread. If this value is dropped, the
/// helper thread exits.
#[derive(Debug)]
pub(crate) struct Helper {
    channel: Mutex<OwnedFd>,
    process: u32,
}

pub(crate) enum Reply {
    Delivered(OwnedFd),
    /// The helper thread keeps the descriptor. The value is the descriptor's number in the
    /// helper thread's table.
    Kept(c_int),
    /// The helper thread has not tried the peel-off.
    NotTried(Errno),
    /// The helper thread has received the request, but its reply could not be received.
    Missing(Errno),
}

impl Helper {
    pub(crate) fn start() -> Result<Self, Errno> {
        Ok(Self {
            channel: Mutex::new(start()?),
            process: process::id(),
        })
    }

    /// Fails with the errno of the peel-off, or with `EPIPE` if the helper thread has
    /// exited.
    pub(crate) fn request(
        &self,
        request: Message,
        socket: Option<BorrowedFd<'_>>,
        flags: PeeloffFlags,
    ) -> Result<Reply, Errno> {
        let channel = match self.channel() {
            Ok(channel) => channel,
            Err(errno) => return Ok(Reply::NotTried(errno)),
        };
        let mut receive_flags = RecvFlags::empty();
        receive_flags.set(
            RecvFlags::CMSG_CLOEXEC,
            flags.contains(PeeloffFlags::CLOEXEC),
        );
        if let Err(errno) = send(&channel, request, socket) {
            return Ok(Reply::NotTried(errno));
        }
        match receive_reply(&channel, receive_flags) {
            Ok(([_, number], Some(peeled))) => {
                // The helper thread closes its copy now. The caller's descriptor is then the
                // only one, and closing it closes the socket.
                release(&channel, number);
                Ok(Reply::Delivered(peeled))
            }
            Ok(([0, number], None)) => Ok(Reply::Kept(number)),
            Ok(([errno, NOT_TRIED], None)) => Ok(Reply::NotTried(Errno::from_raw_os_error(errno))),
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

/// Shuts the channel down. Closing it is not sufficient, because a child that fork(2)
/// created may have a copy of the channel. The copy would keep the helper thread alive.
impl Drop for Helper {
    fn drop(&mut self) {
        if let Ok(channel) = self.channel() {
            let _ = shutdown(&*channel, Shutdown::Both);
        }
    }
}

fn receive_reply(channel: &OwnedFd, flags: RecvFlags) -> Result<(Message, Option<OwnedFd>), Errno> {
    receive(channel, flags).inspect_err(|_| {
        // A later request must not receive the reply to this one. If this call fails, the
        // channel is closed already.
        let _ = shutdown(channel, Shutdown::Both);
    })
}

/// If the release fails, the helper thread has exited, and its descriptors are closed.
fn release(channel: &OwnedFd, number: c_int) {
    if send(channel, [RELEASE, number], None).is_ok() {
        let _ = receive_reply(channel, RecvFlags::CMSG_CLOEXEC);
    }
}

/// Starts the helper thread and returns the channel to it.
#[expect(unsafe_code, reason = "a descriptor of the helper thread")]
fn start() -> Result<OwnedFd, Errno> {
    let (ours, its) = pair()?;
    let number = its.as_raw_fd();
    thread::Builder::new()
        .name("sctp-peeler".to_string())
        .stack_size(STACK_SIZE)
        .spawn(move || run(&its))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?;
    let deadline = Instant::now() + START_TIME;
    let unshared = receive_until(&ours, deadline)?;
    let shares_table = || {
        // SAFETY: `number` is the descriptor of the helper thread's side of the channel. The
        // helper thread has reported success and is now waiting, so this descriptor is still
        // open in the process's table.
        table::is_marked(unsafe { BorrowedFd::borrow_raw(number) })
    };
    if unshared != 0 || shares_table()? {
        // If the threads still share a table, wait until the helper thread has closed its
        // side of the channel.
        let _ = shutdown(&ours, Shutdown::Write);
        let _ = receive_until(&ours, deadline);
        return Err(Errno::from_raw_os_error(
            unshared.max(Errno::PERM.raw_os_error()),
        ));
    }
    // SAFETY: only the helper thread owned this descriptor. It now uses the copy in its own
    // table, so no other code closes this descriptor.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    send(&ours, CONFIRMED, None)?;
    match receive_until(&ours, deadline)? {
        0 => {}
        errno => return Err(Errno::from_raw_os_error(errno)),
    }
    set_socket_timeout(&ours, Timeout::Recv, None)?;
    Ok(ours)
}

/// Receives an errno or 0. A seccomp filter may kill the helper thread while its side of the
/// channel is still open in the process's table. The channel is then not closed, and only
/// the timeout shows that the helper thread no longer exists.
fn receive_until(channel: &OwnedFd, deadline: Instant) -> Result<c_int, Errno> {
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Err(Errno::TIMEDOUT);
        }
        set_socket_timeout(channel, Timeout::Recv, Some(rest))?;
        match receive_once(channel, RecvFlags::CMSG_CLOEXEC) {
            // The kernel starts the timeout anew after each signal.
            Err(Errno::INTR | Errno::AGAIN) => {}
            received => return received.map(|([errno, _], _)| errno),
        }
    }
}

/// The helper thread.
#[expect(unsafe_code, reason = "a descriptor table of its own")]
fn run(channel: &OwnedFd) {
    let report = |result: Result<(), Errno>| {
        let errno = result.map_or_else(Errno::raw_os_error, |()| 0);
        result
            .and(send(channel, [errno, NOTHING_KEPT], None))
            .is_ok()
    };
    // SAFETY: this thread owns `channel`. It passes its other descriptors to other threads
    // only in control messages.
    let unshared = table::block_signals()
        .and_then(|()| unsafe { table::unshare() })
        .and_then(|()| table::mark(channel));
    if !report(unshared) || receive(channel, RecvFlags::CMSG_CLOEXEC).is_err() {
        return;
    }
    // SAFETY: the process has confirmed that this thread no longer shares its descriptor
    // table. This thread owns only `channel`.
    if report(unsafe { table::close_all_but(channel) }) {
        serve(channel);
    }
}

/// Replies to requests until the process closes the channel.
fn serve(channel: &OwnedFd) {
    let mut kept = Vec::new();
    while let Ok((request, socket)) = receive(channel, RecvFlags::CMSG_CLOEXEC) {
        let reply = reply(request, socket, &mut kept);
        let fd = kept.iter().find(|fd| fd.as_raw_fd() == reply[1]);
        // If the descriptor cannot be sent, the helper thread keeps it, so that the process
        // can fetch it later.
        let sent = send(channel, reply, fd.map(OwnedFd::as_fd));
        if sent.or_else(|_| send(channel, reply, None)).is_err() {
            return;
        }
    }
}

fn reply(request: Message, socket: Option<OwnedFd>, kept: &mut Vec<OwnedFd>) -> Message {
    match request {
        [PEEL_OFF, assoc] => match prepare(socket, kept) {
            Err(errno) => [errno.raw_os_error(), NOT_TRIED],
            Ok(socket) => match sockopt::peeloff(socket, AssocId::from_raw(assoc)) {
                Err(errno) => [errno.raw_os_error(), NOTHING_KEPT],
                Ok(peeled) => {
                    let number = peeled.as_raw_fd();
                    kept.push(peeled);
                    [0, number]
                }
            },
        },
        [FETCH, number] => [0, number],
        [_, number] => {
            kept.retain(|fd| fd.as_raw_fd() != number);
            [0, NOTHING_KEPT]
        }
    }
}

/// Ensures that the table has room for the peeled-off descriptor. No other thread uses this
/// table, so the check is exact unless the limit is lowered before the peel-off.
fn prepare(socket: Option<OwnedFd>, kept: &mut Vec<OwnedFd>) -> Result<OwnedFd, Errno> {
    // If the table has no room for the socket, the message arrives without the socket.
    let socket = socket.ok_or(Errno::MFILE)?;
    kept.try_reserve(1).map_err(|_| Errno::NOMEM)?;
    match duplicate_and_close(socket.as_fd()) {
        Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => Err(errno),
        Ok(()) | Err(_) => Ok(socket),
    }
}
