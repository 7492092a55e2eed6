//! A one-to-many server and its clients on the loopback interface.

use std::error::Error;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, ipproto::SCTP};

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The longest wait for a message. It is long enough for a machine under load.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn address(self) -> (AddressFamily, SocketAddr) {
        match self {
            Self::V4 => (AddressFamily::INET, (Ipv4Addr::LOCALHOST, 0).into()),
            Self::V6 => (AddressFamily::INET6, (Ipv6Addr::LOCALHOST, 0).into()),
        }
    }
}

/// `socket(…, IPPROTO_SCTP)` has failed.
#[derive(Debug)]
pub(crate) struct NoSocket(pub(crate) Errno);

impl fmt::Display for NoSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no SCTP socket: {}", self.0)
    }
}

impl Error for NoSocket {}

/// Names the call that has failed with the errno.
pub(crate) fn during(call: &'static str) -> impl Fn(Errno) -> Box<dyn Error> {
    move |errno| format!("{call}: {errno}").into()
}

pub(crate) fn one_to_many(domain: AddressFamily) -> Result<OwnedFd, NoSocket> {
    net::socket(domain, SocketType::SEQPACKET, Some(SCTP)).map_err(NoSocket)
}

/// A listening one-to-many socket and its address.
pub(crate) fn server(family: Family) -> Result<(OwnedFd, SocketAddr)> {
    let (domain, address) = family.address();
    let server = one_to_many(domain)?;
    net::bind(&server, &address).map_err(during("bind"))?;
    net::listen(&server, 16).map_err(during("listen"))?;
    set_socket_timeout(&server, Timeout::Recv, Some(TIMEOUT))?;
    let address = net::getsockname(&server)?.try_into()?;
    Ok((server, address))
}

/// An associated one-to-one socket and its address.
pub(crate) fn client(family: Family, server: SocketAddr) -> Result<(OwnedFd, SocketAddr)> {
    let (domain, address) = family.address();
    let client = net::socket(domain, SocketType::STREAM, Some(SCTP)).map_err(NoSocket)?;
    net::bind(&client, &address).map_err(during("bind"))?;
    net::connect(&client, &server).map_err(during("connect"))?;
    set_socket_timeout(&client, Timeout::Recv, Some(TIMEOUT))?;
    let address = net::getsockname(&client)?.try_into()?;
    Ok((client, address))
}

pub(crate) fn send(socket: impl AsFd, message: &str) -> Result<()> {
    net::send(socket, message.as_bytes(), SendFlags::empty()).map_err(during("send"))?;
    Ok(())
}

/// Receives a message from a socket with one association. Waits for the message even if
/// the socket is non-blocking.
pub(crate) fn receive(socket: impl AsFd) -> Result<String> {
    let socket = socket.as_fd();
    let timeout = Timespec::try_from(TIMEOUT)?;
    if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&timeout))? == 0 {
        return Err("no message received before the timeout".into());
    }
    let mut buffer = [0; 256];
    let (length, _) = net::recv(socket, &mut buffer, RecvFlags::empty())?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Receives a message and the peer's address from a one-to-many socket.
pub(crate) fn receive_from(socket: impl AsFd) -> Result<(String, SocketAddr)> {
    let mut buffer = [0; 256];
    let (length, _, peer) = net::recvfrom(socket, &mut buffer, RecvFlags::empty())?;
    let peer = peer
        .ok_or("recvfrom returned no peer address")?
        .try_into()?;
    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
    Ok((message, peer))
}

pub(crate) fn send_to(socket: impl AsFd, peer: SocketAddr, message: &str) -> Result<()> {
    net::sendto(socket, message.as_bytes(), SendFlags::empty(), &peer)?;
    Ok(())
}
