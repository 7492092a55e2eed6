//! Classic BPF programs that drop packets before they reach a socket.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use super::filter::instruction;
use super::option::set;

/// Drops every packet for the socket, as if the network had lost them.
pub fn drop_packets(socket: impl AsFd) {
    attach(socket, &[instruction(libc::BPF_RET | libc::BPF_K, 0)]);
}

/// Drops every packet for the socket whose first chunk has this type.
pub fn drop_chunks(socket: impl AsFd, kind: u32) {
    let program = [
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 1,
            ..instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, kind)
        },
        instruction(libc::BPF_RET | libc::BPF_K, 0),
        instruction(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ];
    attach(socket, &program);
}

/// Closes the client, which aborts its association. The ABORT chunk does not reach the socket, so
/// the socket keeps the association. If the socket sends a message, the client's kernel responds
/// with an ABORT chunk without an error cause.
pub fn abort_unnoticed(socket: impl AsFd, client: OwnedFd) {
    const ABORT: u32 = 6;
    drop_chunks(&socket, ABORT);
    super::option::abort_on_close(&client);
    drop(client);
    let_packets_in(socket);
}

/// Attaches a classic BPF program. For the program, offset 0 is the first chunk of the
/// packet.
fn attach(socket: impl AsFd, program: &[libc::sock_filter]) {
    // struct sock_fprog
    let length = u16::try_from(program.len()).expect("a short program");
    let mut filter = [0; size_of::<usize>()];
    filter[..2].copy_from_slice(&length.to_ne_bytes());
    let filter = [filter, (program.as_ptr() as usize).to_ne_bytes()].concat();
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter).expect("SO_ATTACH_FILTER");
}

pub fn let_packets_in(socket: impl AsFd) {
    detach_filter(socket).expect("SO_DETACH_FILTER");
}

/// Detaches the program. Fails with `ENOENT` if no program is attached.
pub fn detach_filter(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &[0; 4])
}
