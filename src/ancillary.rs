//! The association's id in what `recvmsg` has delivered.
//!
//! The layouts are those of `include/uapi/linux/sctp.h` and of `struct cmsghdr`,
//! in the machine's own byte order and with its own size of a word.

use core::mem::size_of;

use crate::AssocId;
use crate::layout::SOL_SCTP;

/// `cmsg_type` of a `struct sctp_sndrcvinfo`.
const SCTP_SNDRCV: i32 = 1;
/// `cmsg_type` of a `struct sctp_rcvinfo`.
const SCTP_RCVINFO: i32 = 3;

/// `cmsg_len` is a `size_t`, and control messages are aligned like one.
const WORD: usize = size_of::<usize>();
/// `struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }`
const HEADER: usize = WORD + 8;

/// `enum sctp_sn_type`, from `SCTP_ASSOC_CHANGE` on, and where each notification
/// has its id.
const NOTIFICATIONS: [(u16, usize); 13] = [
    (0x8001, 16),  // SCTP_ASSOC_CHANGE
    (0x8002, 144), // SCTP_PEER_ADDR_CHANGE
    (0x8003, 44),  // SCTP_SEND_FAILED
    (0x8004, 12),  // SCTP_REMOTE_ERROR
    (0x8005, 8),   // SCTP_SHUTDOWN_EVENT
    (0x8006, 12),  // SCTP_PARTIAL_DELIVERY_EVENT
    (0x8007, 12),  // SCTP_ADAPTATION_INDICATION
    (0x8008, 16),  // SCTP_AUTHENTICATION_EVENT
    (0x8009, 8),   // SCTP_SENDER_DRY_EVENT
    (0x800a, 8),   // SCTP_STREAM_RESET_EVENT
    (0x800b, 8),   // SCTP_ASSOC_RESET_EVENT
    (0x800c, 8),   // SCTP_STREAM_CHANGE_EVENT
    (0x800d, 28),  // SCTP_SEND_FAILED_EVENT
];

impl AssocId {
    /// `rcv_assoc_id`—The association of a message, in the control data that
    /// `recvmsg` delivered with it.
    ///
    /// `control` is what `msg_control` points to, `msg_controllen` bytes of it; any
    /// more have to be zero. The id stands in a `struct sctp_rcvinfo`, which comes
    /// with each message once the option `SCTP_RECVRCVINFO` is set, or in a
    /// `struct sctp_sndrcvinfo`, which `SCTP_EVENTS` asks for. A
    /// `struct sctp_nxtinfo` is about another message and is passed over.
    ///
    /// None where neither is there in full, as with a notification, or with a
    /// buffer that is too short (`MSG_CTRUNC`).
    ///
    /// # Examples
    ///
    /// ```
    /// use sctp_peeloff::AssocId;
    ///
    /// // struct cmsghdr { cmsg_len, cmsg_level: SOL_SCTP, cmsg_type: SCTP_RCVINFO }
    /// let mut control = (size_of::<usize>() + 8 + 28).to_ne_bytes().to_vec();
    /// control.extend([132_i32, 3].map(i32::to_ne_bytes).concat());
    /// // struct sctp_rcvinfo: 24 bytes of other things, then the id.
    /// control.extend([0; 24]);
    /// control.extend(7_i32.to_ne_bytes());
    /// assert_eq!(AssocId::from_rcvinfo(&control), Some(AssocId::from_raw(7)));
    /// ```
    ///
    /// # References
    ///
    /// - [RFC 6458, section 5.3.5](https://www.rfc-editor.org/rfc/rfc6458#section-5.3.5)
    #[doc(alias = "SCTP_RCVINFO")]
    #[doc(alias = "SCTP_SNDRCV")]
    #[doc(alias = "sctp_rcvinfo")]
    #[doc(alias = "sctp_sndrcvinfo")]
    #[must_use]
    pub fn from_rcvinfo(control: &[u8]) -> Option<Self> {
        let mut rest = control;
        loop {
            let length = usize::from_ne_bytes(array(rest, 0)?);
            let level = i32::from_ne_bytes(array(rest, WORD)?);
            let kind = i32::from_ne_bytes(array(rest, WORD + 4)?);
            let data = rest.get(HEADER..length)?;
            match (level, kind) {
                (SOL_SCTP, SCTP_RCVINFO) => return id(data, 24),
                (SOL_SCTP, SCTP_SNDRCV) => return id(data, 28),
                _ => rest = rest.get(length.checked_next_multiple_of(WORD)?..)?,
            }
        }
    }

    /// `sac_assoc_id`—The association that a notification is about.
    ///
    /// `notification` is what `recvmsg` delivered as data while it set
    /// `MSG_NOTIFICATION` in `msg_flags`. Without that flag the bytes are a peer's
    /// message, and may look like a notification if the peer so wishes.
    ///
    /// Every type of notification is known that Linux has, `SCTP_ASSOC_CHANGE`
    /// first of all; there `sac_state`, the 16-bit number at byte 8, is 0
    /// (`SCTP_COMM_UP`) for an association that has come up. None for another
    /// type, or one that is cut off before its id.
    ///
    /// # Examples
    ///
    /// ```
    /// use sctp_peeloff::AssocId;
    ///
    /// // struct sctp_assoc_change: type, flags, length, state, error, streams, id.
    /// let mut notification = [0; 20];
    /// notification[..2].copy_from_slice(&0x8001_u16.to_ne_bytes());
    /// notification[16..].copy_from_slice(&7_i32.to_ne_bytes());
    /// let id = AssocId::from_notification(&notification);
    /// assert_eq!(id, Some(AssocId::from_raw(7)));
    /// ```
    ///
    /// # References
    ///
    /// - [RFC 6458, section 6.1](https://www.rfc-editor.org/rfc/rfc6458#section-6.1)
    #[doc(alias = "SCTP_ASSOC_CHANGE")]
    #[doc(alias = "sctp_assoc_change")]
    #[doc(alias = "sctp_notification")]
    #[doc(alias = "MSG_NOTIFICATION")]
    #[must_use]
    pub fn from_notification(notification: &[u8]) -> Option<Self> {
        let kind = u16::from_ne_bytes(array(notification, 0)?);
        let (_, offset) = NOTIFICATIONS.iter().find(|(known, _)| *known == kind)?;
        id(notification, *offset)
    }
}

fn id(bytes: &[u8], offset: usize) -> Option<AssocId> {
    array(bytes, offset).map(|raw| AssocId::from_raw(i32::from_ne_bytes(raw)))
}

/// The bytes at the offset, if there are that many.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(all(test, not(miri)))]
mod tests {
    use crate::header::Header;

    /// The ids stand where the kernel's header says.
    #[test]
    fn offsets_are_the_headers() {
        let header = Header::read();
        assert_eq!(header.offset("sctp_rcvinfo", "rcv_assoc_id"), 24);
        assert_eq!(header.offset("sctp_sndrcvinfo", "sinfo_assoc_id"), 28);
        let ids = [
            ("sctp_assoc_change", "sac_assoc_id"),
            ("sctp_paddr_change", "spc_assoc_id"),
            ("sctp_send_failed", "ssf_assoc_id"),
            ("sctp_remote_error", "sre_assoc_id"),
            ("sctp_shutdown_event", "sse_assoc_id"),
            ("sctp_pdapi_event", "pdapi_assoc_id"),
            ("sctp_adaptation_event", "sai_assoc_id"),
            ("sctp_authkey_event", "auth_assoc_id"),
            ("sctp_sender_dry_event", "sender_dry_assoc_id"),
            ("sctp_stream_reset_event", "strreset_assoc_id"),
            ("sctp_assoc_reset_event", "assocreset_assoc_id"),
            ("sctp_stream_change_event", "strchange_assoc_id"),
            ("sctp_send_failed_event", "ssf_assoc_id"),
        ];
        for ((name, field), (_, offset)) in ids.iter().zip(super::NOTIFICATIONS) {
            assert_eq!(header.offset(name, field), offset, "{name}.{field}");
        }
    }
}
