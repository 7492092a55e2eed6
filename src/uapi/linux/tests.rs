//! The constants and layouts, compared with the header and with libc.

use core::mem::{offset_of, size_of};

use super::header::Header;
use super::*;
use crate::uapi::{Event, SCTP_ALL_ASSOC, SOL_SCTP, Status};

/// The kernel accepts a value that is longer than its struct, so that one struct serves
/// both options of a peer's address.
#[test]
fn structs_match_the_header() {
    let header = Header::read();
    for (name, size) in [
        ("sctp_peeloff_arg_t", size_of::<PeeloffArg>()),
        ("sctp_peeloff_flags_arg_t", size_of::<PeeloffFlagsArg>()),
        ("sctp_status", size_of::<Status>()),
        ("sctp_paddrparams", size_of::<PeerAddress>()),
        ("sctp_event", size_of::<Event>()),
    ] {
        assert_eq!(header.size(name), size, "{name}");
    }
    assert!(header.size("sctp_paddrinfo") <= size_of::<PeerAddress>());
    let assoc_id = offset_of!(PeerAddress, assoc_id);
    let address = offset_of!(PeerAddress, address);
    let [arg, flags_arg] = ["sctp_peeloff_arg_t", "sctp_peeloff_flags_arg_t"];
    for (name, field, offset) in [
        (arg, "associd", offset_of!(PeeloffArg, associd)),
        (arg, "sd", offset_of!(PeeloffArg, sd)),
        (flags_arg, "p_arg", offset_of!(PeeloffFlagsArg, p_arg)),
        (flags_arg, "flags", offset_of!(PeeloffFlagsArg, flags)),
        (
            "sctp_status",
            "sstat_assoc_id",
            offset_of!(Status, assoc_id),
        ),
        ("sctp_status", "sstat_state", offset_of!(Status, state)),
        ("sctp_paddrinfo", "spinfo_assoc_id", assoc_id),
        ("sctp_paddrinfo", "spinfo_address", address),
        ("sctp_paddrparams", "spp_assoc_id", assoc_id),
        ("sctp_paddrparams", "spp_address", address),
        ("sctp_event", "se_assoc_id", offset_of!(Event, assoc_id)),
        ("sctp_event", "se_type", offset_of!(Event, kind)),
        ("sctp_event", "se_on", offset_of!(Event, on)),
    ] {
        assert_eq!(header.offset(name, field), offset, "{name}.{field}");
    }
}

#[test]
fn constants_match_the_header() {
    let header = Header::read();
    for (name, number) in [
        ("SCTP_PEER_ADDR_PARAMS", SCTP_PEER_ADDR_PARAMS),
        ("SCTP_EVENTS", SCTP_EVENTS),
        ("SCTP_STATUS", SCTP_STATUS),
        ("SCTP_GET_PEER_ADDR_INFO", SCTP_GET_PEER_ADDR_INFO),
        ("SCTP_GET_ASSOC_NUMBER", SCTP_GET_ASSOC_NUMBER),
        ("SCTP_GET_ASSOC_ID_LIST", SCTP_GET_ASSOC_ID_LIST),
        ("SCTP_RECVRCVINFO", SCTP_RECVRCVINFO),
        ("SCTP_SOCKOPT_PEELOFF", SCTP_SOCKOPT_PEELOFF),
        ("SCTP_SOCKOPT_PEELOFF_FLAGS", SCTP_SOCKOPT_PEELOFF_FLAGS),
        ("SCTP_EVENT", SCTP_EVENT),
        ("SCTP_ALL_ASSOC", SCTP_ALL_ASSOC.as_raw()),
    ] {
        assert_eq!(header.number(name), number, "{name}");
    }
}

#[test]
fn constants_match_libc() {
    assert_eq!(SOL_SCTP, libc::IPPROTO_SCTP);
    assert_eq!(SCTP_STATUS, libc::SCTP_STATUS);
    assert_eq!(SCTP_GET_PEER_ADDR_INFO, libc::SCTP_GET_PEER_ADDR_INFO);
    assert_eq!(SCTP_GET_ASSOC_NUMBER, libc::SCTP_GET_ASSOC_NUMBER);
    assert_eq!(SCTP_GET_ASSOC_ID_LIST, libc::SCTP_GET_ASSOC_ID_LIST);
    assert_eq!(SCTP_RECVRCVINFO, libc::SCTP_RECVRCVINFO);
}
