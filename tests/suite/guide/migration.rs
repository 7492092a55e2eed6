//! The examples of the chapter `migration`.
#![allow(unsafe_code, reason = "lksctp does not implement AsFd")]

use std::error::Error;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use lksctp::{Family, RecvMsg, SctpSocket, Style};
use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids, peeloff_flags, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::support::message::{Message, receive, send};
use crate::support::{associate, client, kernel, server, wait_for};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// An example. Its arguments are a listener and the id of an association on the listener.
type Example<L> = fn(&L, i32) -> Result<OwnedFd>;

fn works<L: AsFd>(listener: L, example: Example<L>) {
    let family = crate::support::Family::V4;
    let (client, assoc) = associate(family, &listener.as_fd().try_clone_to_owned().unwrap());
    let peeled = example(&listener, assoc.as_raw()).unwrap();
    send(&client, &Message::new("peeled", 0, 0)).unwrap();
    let received = wait_for("the message", || receive(&peeled).ok());
    assert_eq!(received.data, b"peeled");
}

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the example has called `into_raw_fd`, which transfers ownership to this function.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn from_libsctp(listener: &OwnedFd, assoc_id: i32) -> Result<OwnedFd> {
    let socket = peeloff_flags(listener, AssocId::from_raw(assoc_id), PeeloffFlags::CLOEXEC)?;
    let sd: RawFd = socket.into_raw_fd();
    Ok(owned(sd))
}

fn from_sctp_rs(listener: &Socket, assoc_id: i32) -> Result<OwnedFd> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let socket = peeloff_flags(listener, AssocId::from_raw(assoc_id), flags)?;
    let fd: RawFd = socket.into_raw_fd(); // for ConnectedSocket::from_rawfd
    Ok(owned(fd))
}

fn from_oxirush_sctp(endpoint: &impl AsFd, assoc_id: i32) -> Result<OwnedFd> {
    let flags = PeeloffFlags::NONBLOCK | PeeloffFlags::CLOEXEC;
    let socket = peeloff_flags(endpoint, AssocId::from_raw(assoc_id), flags)?;
    Ok(socket)
}

fn from_libc(listener: &OwnedFd, assoc_id: i32) -> Result<OwnedFd> {
    let assoc = AssocId::from_raw(assoc_id);
    let peeled: OwnedFd = sockopt::peeloff_flags(listener, assoc, PeeloffFlags::CLOEXEC)?;
    Ok(peeled)
}

#[test]
fn peeloff_flags_replaces_the_function_of_another_library() {
    let family = crate::support::Family::V4;
    works(server(family), from_libsctp);
    let socket = Socket::new(Domain::IPV4, Type::SEQPACKET, Some(Protocol::SCTP)).unwrap();
    socket.bind(&family.loopback().into()).unwrap();
    socket.listen(16).unwrap();
    works(socket, from_sctp_rs);
    works(server(family), from_oxirush_sctp);
    if kernel::has_flags_option() {
        works(server(family), from_libc);
    }
}

fn from_lksctp(listener: &SctpSocket, assoc_id: lksctp::AssocId) -> Result<SctpSocket> {
    // SAFETY: `listener` keeps its file descriptor open during the call.
    let one_to_many = unsafe { BorrowedFd::borrow_raw(listener.as_raw_fd()) };
    let assoc = AssocId::from_raw(assoc_id.0);
    let socket = peeloff_flags(one_to_many, assoc, PeeloffFlags::CLOEXEC)?;
    // SAFETY: `into_raw_fd` passes the ownership of an open SCTP socket.
    let peeled = unsafe { SctpSocket::from_raw_fd(socket.into_raw_fd()) };
    Ok(peeled)
}

#[test]
fn lksctp_socket_owns_the_peeled_off_descriptor() {
    let family = crate::support::Family::V4;
    let listener = SctpSocket::new(Family::Ipv4, Style::OneToMany).unwrap();
    listener.bind(&family.loopback()).unwrap();
    listener.listen(16).unwrap();
    // SAFETY: `listener` keeps its file descriptor open while `descriptor` is used.
    let descriptor = unsafe { BorrowedFd::borrow_raw(listener.as_raw_fd()) };
    let client = client(family, &descriptor.try_clone_to_owned().unwrap());
    let id_of = |socket: &SctpSocket| {
        send(&client, &Message::new("hello", 0, 0)).unwrap();
        let mut buffer = [0; 100];
        let RecvMsg::Data { len, info, .. } = socket.recv_msg(&mut buffer).unwrap() else {
            panic!("no message");
        };
        assert_eq!(&buffer[..len], b"hello");
        info.expect("SCTP_RCVINFO is inherited").assoc_id
    };
    let id = id_of(&listener);
    let peeled = from_lksctp(&listener, id).unwrap();
    assert_eq!(assoc_ids(descriptor).unwrap(), []);
    assert_eq!(id_of(&peeled), id);
}
