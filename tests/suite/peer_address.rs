//! `assoc_id_of_peer` for an address whose path is potentially failed.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Error, assoc_id_of_peer, sockopt};

use crate::support::message::{Message, send};
use crate::support::option::{self, SCTP_RTOINFO};
use crate::support::{FAMILIES, address, associate, server, wait_until};

const SCTP_EXPOSE_POTENTIALLY_FAILED_STATE: i32 = 131;
const SCTP_PF_EXPOSE_DISABLE: i32 = 1;

/// Sets for one association the value that `net.sctp.pf_expose` sets for all. Returns false on
/// kernels before 5.5, which do not have the option and return the address in any state.
fn hide_potentially_failed_paths(server: &OwnedFd, id: AssocId) -> bool {
    let value = [id.as_raw(), SCTP_PF_EXPOSE_DISABLE].map(i32::to_ne_bytes);
    let option = SCTP_EXPOSE_POTENTIALLY_FAILED_STATE;
    match option::set(server, sockopt::SOL_SCTP, option, value.as_flattened()) {
        Ok(()) => true,
        Err(Errno::NOPROTOOPT) => false,
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn assoc_id_of_peer_finds_a_potentially_failed_path() {
    for family in FAMILIES {
        let server = server(family);
        // The path is potentially failed after the first retransmission, which occurs after
        // 300 ms. It becomes inactive about 18 s later.
        option::set_words(&server, SCTP_RTOINFO, &[0, 300, 60_000, 300]);
        let (_before, _) = associate(family, &server);
        let (client, id) = associate(family, &server);
        let (_after, _) = associate(family, &server);
        let peer = address(&client);
        let is_hidden = hide_potentially_failed_paths(&server, id);
        option::drop_packets(&client);
        send(&server, &Message::new("lost", 0, 0).to(id)).unwrap();
        if is_hidden {
            wait_until("a potentially failed path", || {
                sockopt::peer_addr_assoc_id(&server, peer) == Err(Errno::ACCESS)
            });
        }
        assert_eq!(assoc_id_of_peer(&server, peer).unwrap(), id);

        // For the kernel, the unspecified address matches every peer.
        let unspecified = SocketAddr::new(family.unspecified(), peer.port());
        let error = assoc_id_of_peer(&server, unspecified).unwrap_err();
        assert!(matches!(error, Error::NoSuchPeer(_)), "{error:?}");
    }
}
