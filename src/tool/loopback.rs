//! A one-to-many server and its clients, on this machine alone.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketType, ipproto::SCTP};

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Long enough for a loaded machine; nothing here waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// An errno alone does not say whose it is.
pub(crate) fn during(call: &'static str) -> impl Fn(Errno) -> Box<dyn Error> {
    move |errno| format!("{call}: {errno}").into()
}

/// What socket(2) says where there is no SCTP.
pub(crate) fn no_sctp(errno: Errno) -> Box<dyn Error> {
    match errno {
        Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT => sctp_peeloff::Error::Unsupported.into(),
        _ => during("socket")(errno),
    }
}

pub(crate) fn one_to_many(family: Family) -> Result<OwnedFd, Errno> {
    let (domain, _) = family.address();
    net::socket(domain, SocketType::SEQPACKET, Some(SCTP))
}

/// A one-to-many socket that listens, and its address.
pub(crate) fn server(family: Family) -> Result<(OwnedFd, SocketAddr)> {
    let (_, address) = family.address();
    let server = one_to_many(family).map_err(no_sctp)?;
    net::bind(&server, &address).map_err(during("bind"))?;
    net::listen(&server, 16).map_err(during("listen"))?;
    set_socket_timeout(&server, Timeout::Recv, Some(PATIENCE))?;
    let address = net::getsockname(&server)?.try_into()?;
    Ok((server, address))
}

/// A client's socket, bound so that its address is known, and associated.
pub(crate) fn client(family: Family, server: SocketAddr) -> Result<(OwnedFd, SocketAddr)> {
    let (domain, address) = family.address();
    let client = net::socket(domain, SocketType::STREAM, Some(SCTP)).map_err(during("socket"))?;
    net::bind(&client, &address).map_err(during("bind"))?;
    net::connect(&client, &server).map_err(during("connect"))?;
    set_socket_timeout(&client, Timeout::Recv, Some(PATIENCE))?;
    let address = net::getsockname(&client)?.try_into()?;
    Ok((client, address))
}

pub(crate) fn send(socket: impl AsFd, message: &str) -> Result<()> {
    net::send(socket, message.as_bytes(), SendFlags::empty()).map_err(during("send"))?;
    Ok(())
}

/// A message from a connected socket, waited for even if that does not block.
pub(crate) fn receive(socket: impl AsFd) -> Result<String> {
    let socket = socket.as_fd();
    let patience = Timespec::try_from(PATIENCE)?;
    if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&patience))? == 0 {
        return Err("no message came".into());
    }
    let mut buffer = [0; 256];
    let (length, _) = net::recv(socket, &mut buffer, RecvFlags::empty())?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// A message from a one-to-many socket, and its sender.
pub(crate) fn receive_from(socket: impl AsFd) -> Result<(String, SocketAddr)> {
    let mut buffer = [0; 256];
    let (length, _, sender) = net::recvfrom(socket, &mut buffer, RecvFlags::empty())?;
    let sender = sender
        .ok_or("a message came without its sender")?
        .try_into()?;
    Ok((
        String::from_utf8_lossy(&buffer[..length]).into_owned(),
        sender,
    ))
}

pub(crate) fn send_to(socket: impl AsFd, peer: SocketAddr, message: &str) -> Result<()> {
    net::sendto(socket, message.as_bytes(), SendFlags::empty(), &peer)?;
    Ok(())
}
