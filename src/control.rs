//! The association of a message, from the control messages of `recvmsg`.

use rustix::fd::AsFd;

use crate::assoc_id::AssocId;
use crate::diagnose;
use crate::error::Error;
use crate::sockopt;
use crate::uapi::{CMSG_LEN, SCTP_RCVINFO, SCTP_SNDRCV, SOL_SCTP, cmsg_len};

/// The alignment of control messages and of their data.
const WORD: usize = size_of::<usize>();
/// The offset of the data that follows
/// `struct cmsghdr { … cmsg_len; int cmsg_level; int cmsg_type; }`.
const HEADER: usize = (CMSG_LEN + 8).next_multiple_of(WORD);
/// The offsets of the TSN, the cumulative TSN, the context and the id in
/// `struct sctp_rcvinfo`. In this struct and in `struct sctp_sndrcvinfo`, the stream, the
/// SSN, the flags and the PPID are at 0, 2, 4 and 8.
const RCVINFO: [usize; 4] = [12, 16, 20, 24];
/// The offsets of the same fields in `struct sctp_sndrcvinfo`.
const SNDRCVINFO: [usize; 4] = [20, 24, 12, 28];

/// `struct sctp_rcvinfo`—The association, the stream and the PPID of a message.
///
/// After [`set_recvrcvinfo`], `recvmsg` delivers this struct with each message as a
/// control message.
///
/// # References
///
/// - [RFC 6458, section 5.3.5](https://www.rfc-editor.org/rfc/rfc6458#section-5.3.5)
#[doc(alias = "sctp_rcvinfo")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct RcvInfo {
    /// `rcv_assoc_id`: the association on which the message arrived.
    pub assoc: AssocId,
    /// `rcv_sid`: the stream.
    pub stream: u16,
    /// `rcv_ssn`: the stream sequence number.
    pub ssn: u16,
    /// `rcv_flags`: `SCTP_UNORDERED` (1 on Linux, 0x400 on FreeBSD) if the message was
    /// sent unordered.
    pub flags: u16,
    /// `rcv_ppid`: the payload protocol identifier, with its bytes in the order in which
    /// the peer sent them. If the peer uses network byte order, `u32::from_be` converts the
    /// identifier.
    pub ppid: u32,
    /// `rcv_tsn`: the transmission sequence number.
    pub tsn: u32,
    /// `rcv_cumtsn`: the cumulative TSN.
    pub cumtsn: u32,
    /// `rcv_context`: the value set with `SCTP_CONTEXT`.
    pub context: u32,
}

impl RcvInfo {
    /// Parses the control messages of one `recvmsg` call.
    ///
    /// `control` is the buffer that `msg_control` points to. `controllen` is
    /// `msg_controllen` after the call, in bytes. The function reads only this number of
    /// bytes, because the rest of the buffer may contain control messages of an earlier
    /// call. If a library does not return `msg_controllen`, fill the buffer with zeros
    /// before each call, and pass the buffer's length.
    ///
    /// The function reads `SCTP_RCVINFO` (`struct sctp_rcvinfo`), and also `SCTP_SNDRCV`
    /// (`struct sctp_sndrcvinfo`), which `SCTP_EVENTS` enables. If the buffer has no
    /// complete control message of these types, the function returns `None`. This is the
    /// case if `recvmsg` has delivered a notification, or if the buffer was too short
    /// (`MSG_CTRUNC`).
    ///
    /// # Examples
    ///
    /// ```
    /// # if cfg!(target_os = "freebsd") { return }
    /// use sctp_peeloff::{AssocId, RcvInfo};
    ///
    /// // On Linux: struct cmsghdr { cmsg_len, cmsg_level: SOL_SCTP, cmsg_type: SCTP_RCVINFO }
    /// let mut control = (size_of::<usize>() + 8 + 28).to_ne_bytes().to_vec();
    /// control.extend([132_i32, 3].map(i32::to_ne_bytes).concat());
    /// // struct sctp_rcvinfo: stream 1, ssn 0, flags 0, padding, PPID 18 (S1AP), …
    /// control.extend([1_u16, 0, 0, 0].map(u16::to_ne_bytes).concat());
    /// control.extend([18_u32.to_be(), 0, 0, 0, 7].map(u32::to_ne_bytes).concat());
    ///
    /// let info = RcvInfo::from_control(&control, control.len()).unwrap();
    /// assert_eq!(info.assoc, AssocId::from_raw(7));
    /// assert_eq!((info.stream, u32::from_be(info.ppid)), (1, 18));
    /// ```
    #[doc(alias = "SCTP_RCVINFO")]
    #[doc(alias = "SCTP_SNDRCV")]
    #[doc(alias = "sctp_sndrcvinfo")]
    #[must_use]
    pub fn from_control(control: &[u8], controllen: usize) -> Option<Self> {
        let mut rest = control.get(..controllen)?;
        loop {
            let length = cmsg_len(array(rest, 0)?);
            let level = i32::from_ne_bytes(array(rest, CMSG_LEN)?);
            let kind = i32::from_ne_bytes(array(rest, CMSG_LEN + 4)?);
            let data = rest.get(HEADER..length)?;
            let offsets = match (level, kind) {
                (SOL_SCTP, SCTP_RCVINFO) => RCVINFO,
                (SOL_SCTP, SCTP_SNDRCV) => SNDRCVINFO,
                _ => {
                    rest = rest.get(length.checked_next_multiple_of(WORD)?..)?;
                    continue;
                }
            };
            return Self::parse(data, offsets);
        }
    }

    fn parse(data: &[u8], [tsn, cumtsn, context, assoc]: [usize; 4]) -> Option<Self> {
        let half = |at| array(data, at).map(u16::from_ne_bytes);
        let word = |at| array(data, at).map(u32::from_ne_bytes);
        Some(Self {
            assoc: AssocId::from_raw(array(data, assoc).map(i32::from_ne_bytes)?),
            stream: half(0)?,
            ssn: half(2)?,
            flags: half(4)?,
            ppid: word(8)?,
            tsn: word(tsn)?,
            cumtsn: word(cumtsn)?,
            context: word(context)?,
        })
    }
}

/// Returns the `N` bytes at the offset, or `None` if `bytes` is too short.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// `setsockopt(socket, SOL_SCTP, SCTP_RECVRCVINFO, 1)`—Makes `recvmsg` deliver a
/// `struct sctp_rcvinfo` with each message.
///
/// [`RcvInfo::from_control`] parses the struct. A socket that is created by a later peel-off
/// inherits the option. The option exists on FreeBSD, and on Linux 3.17 and later. The
/// function makes one system call.
///
/// # Errors
///
/// | error | errno |
/// |---|---|
/// | [`NotSctp`](Error::NotSctp) | `EOPNOTSUPP`, `ENOPROTOOPT`, `EINVAL` |
/// | [`OptionsUnavailable`](Error::OptionsUnavailable) | `EOPNOTSUPP`, `ENOPROTOOPT` |
/// | [`NotSocket`](Error::NotSocket) | `ENOTSOCK` |
/// | [`BadDescriptor`](Error::BadDescriptor) | `EBADF` |
/// | [`Unsupported`](Error::Unsupported) | – |
/// | [`Os`](Error::Os) | any other |
///
/// No association is affected.
///
/// # References
///
/// - [RFC 6458, section 8.1.29](https://www.rfc-editor.org/rfc/rfc6458#section-8.1.29)
#[doc(alias = "SCTP_RECVRCVINFO")]
pub fn set_recvrcvinfo(socket: impl AsFd) -> Result<(), Error> {
    let socket = socket.as_fd();
    sockopt::set_recvrcvinfo(socket).map_err(|errno| diagnose::socket_error(socket, errno))
}

#[cfg(test)]
mod tests;
