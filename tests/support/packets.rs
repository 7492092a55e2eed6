//! Classic BPF programs that drop packets before they reach a socket.

use std::os::fd::AsFd;

use super::option::set;

/// Drops every packet for the socket, as if the network had lost them.
pub fn drop_packets(socket: impl AsFd) {
    attach(socket, &[statement(libc::BPF_RET | libc::BPF_K, 0)]);
}

/// Drops every packet for the socket whose first chunk has this type.
pub fn drop_chunks(socket: impl AsFd, kind: u32) {
    let program = [
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 1,
            ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, kind)
        },
        statement(libc::BPF_RET | libc::BPF_K, 0),
        statement(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ];
    attach(socket, &program);
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    let code = u16::try_from(code).expect("a 16-bit code");
    libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

/// Attaches a classic BPF program. For the program, offset 0 is the first chunk of the
/// packet.
fn attach(socket: impl AsFd, program: &[libc::sock_filter]) {
    // struct sock_fprog
    let length = u16::try_from(program.len()).expect("a short program");
    let mut filter = [0; size_of::<usize>()];
    filter[..2].copy_from_slice(&length.to_ne_bytes());
    let filter = [filter, (program.as_ptr() as usize).to_ne_bytes()].concat();
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_ATTACH_FILTER,
        &filter,
    )
    .expect("SO_ATTACH_FILTER");
}

/// Detaches the program.
pub fn let_packets_in(socket: impl AsFd) {
    set(
        socket.as_fd(),
        libc::SOL_SOCKET,
        libc::SO_DETACH_FILTER,
        &[0; 4],
    )
    .expect("SO_DETACH_FILTER");
}
