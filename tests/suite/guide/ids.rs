//! The examples of the chapter `ids`.

use std::error::Error;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::MsgFlags;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvfrom};
use sctp_peeloff::notification::{AssocState, Reader, Received};
use sctp_peeloff::{
    AssocId, PeeloffFlags, RcvInfo, assoc_id_of_peer, assoc_ids, peeloff_flags, set_recvrcvinfo,
    subscribe_assoc_change,
};

use crate::support::message::{Message, send};
use crate::support::{FAMILIES, Family, associate, associate_many, client, server};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn peel_off_all(server: &OwnedFd, peeled: &mut Vec<OwnedFd>) -> Result<()> {
    for assoc in assoc_ids(server)? {
        peeled.push(peeloff_flags(server, assoc, PeeloffFlags::CLOEXEC)?);
    }
    Ok(())
}

#[test]
fn assoc_ids_returns_all_associations() {
    let server = server(Family::V4);
    let clients = associate_many(Family::V4, &server, 3);
    let mut peeled = Vec::new();
    peel_off_all(&server, &mut peeled).unwrap();
    assert_eq!(peeled.len(), clients.len());
    assert_eq!(assoc_ids(&server).unwrap(), []);
}

fn of_peer(server: &OwnedFd) -> Result<AssocId> {
    let mut buffer = [0; 1500];
    let (length, _, peer) = recvfrom(server, &mut buffer, RecvFlags::empty())?;
    let peer = SocketAddr::try_from(peer.ok_or("no address")?)?;
    let assoc = assoc_id_of_peer(server, peer)?;
    println!("association {assoc}: {length} bytes");
    Ok(assoc)
}

fn of_message(server: &OwnedFd) -> Result<(AssocId, u16, u32)> {
    use nix::sys::socket::recvmsg;
    let mut buffer = [0; 1500];
    set_recvrcvinfo(server)?;
    // Create the buffer anew for each message, so that it has no earlier control messages.
    let mut control = [0; 128];
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    let flags = MsgFlags::empty();
    let length = recvmsg::<()>(server.as_raw_fd(), &mut buffers, Some(&mut control), flags)?.bytes;
    let info = RcvInfo::from_control(&control, control.len()).ok_or("no SCTP_RCVINFO")?;
    let (assoc, stream, ppid) = (info.assoc, info.stream, u32::from_be(info.ppid));
    println!("association {assoc}, stream {stream}, PPID {ppid}: {length} bytes");
    Ok((assoc, stream, ppid))
}

#[test]
fn peer_address_and_control_message_identify_the_association() {
    for family in FAMILIES {
        let server = server(family);
        let (client, expected) = associate(family, &server);
        send(&client, &Message::new("hello", 2, 18_u32.to_be())).unwrap();
        assert_eq!(of_peer(&server).unwrap(), expected);
        send(&client, &Message::new("hello", 2, 18_u32.to_be())).unwrap();
        assert_eq!(of_message(&server).unwrap(), (expected, 2, 18));
    }
}

fn established(server: &OwnedFd, reader: &mut Reader) -> Result<Option<AssocId>> {
    use rustix::net::recvmsg;
    let mut buffer = [0; 1500];
    let mut established = None;
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    let mut control = RecvAncillaryBuffer::default();
    let received = recvmsg(server, &mut buffers, &mut control, RecvFlags::empty())?;
    match reader.read(&buffer[..received.bytes], received.flags) {
        Received::AssocChange(change) if change.state == AssocState::CommUp => {
            println!("association {} is established", change.assoc);
            established = Some(change.assoc);
        }
        Received::Message => println!("{} bytes", received.bytes),
        _ => {}
    }
    Ok(established)
}

#[test]
fn notification_identifies_the_established_association() {
    for family in FAMILIES {
        let server = server(family);
        subscribe_assoc_change(&server).unwrap();
        let _client = client(family, &server);
        let assoc = established(&server, &mut Reader::new()).unwrap();
        assert_eq!(assoc_ids(&server).unwrap(), [assoc.expect("COMM_UP")]);
    }
}
