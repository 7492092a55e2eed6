//! What a kernel has.

/// What a kernel has for [`peeloff_flags`](crate::peeloff_flags).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Support {
    /// `SCTP_SOCKOPT_PEELOFF_FLAGS`: the descriptor is made with its flags. Linux
    /// 4.13 and later.
    Flags,
    /// `SCTP_SOCKOPT_PEELOFF` alone: the flags are set after the peel-off.
    Plain,
}
