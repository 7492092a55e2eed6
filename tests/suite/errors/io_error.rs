//! `std::io::Error::from` keeps the whole error if the errno alone would be misleading.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustix::io::Errno;
use sctp_peeloff::{AssocId, Effect, Error, PeeloffFlags};

use crate::support::{assert_matches, others};

#[test]
fn io_error_from_keeps_the_whole_error_if_its_errno_is_misleading() {
    let full = Errno::MFILE;
    let kept = |error: Error, effect: Effect, kind: Option<ErrorKind>| {
        assert_eq!(error.effect(), effect);
        let (text, errno) = (error.to_string(), error.errno());
        let error = io::Error::from(error);
        assert_eq!(error.raw_os_error(), None, "{text}");
        let kind = kind.unwrap_or_else(|| io::Error::from(errno.unwrap()).kind());
        assert_eq!(error.kind(), kind, "{text}");
        let error = error.downcast::<Error>().expect("the whole error");
        assert_eq!((error.to_string(), error.errno()), (text, errno));
        error
    };
    let unsupported = Some(ErrorKind::Unsupported);
    kept(Error::AssociationLost(full), Effect::Terminated, None);
    kept(Error::StateUnknown(full), Effect::Unknown, None);
    let unavailable = Error::OptionsUnavailable(Errno::NOPROTOOPT);
    kept(unavailable, Effect::None, unsupported);
    kept(Error::Unsupported, Effect::None, unsupported);
    let (socket, errno) = (others::file(), Errno::PERM);
    let not_set = Error::FlagsNotSet { socket, errno };
    let not_set = kept(not_set, Effect::PeeledOff, None);
    assert_matches!(not_set, Error::FlagsNotSet { .. });
}

#[test]
fn io_error_from_converts_other_errors_to_their_errno() {
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    for error in [
        Error::NoSuchAssociation(AssocId::from_raw(3)),
        Error::NoSuchPeer(peer),
        Error::NotOneToMany,
        Error::NotPeelable,
        Error::NotSctp,
        Error::NotSocket,
        Error::BadDescriptor,
        Error::UnknownFlags(PeeloffFlags::from_bits_retain(1)),
        Error::SenderBlocked,
        Error::NoDescriptor(Errno::NFILE),
        Error::Os(Errno::NOMEM),
    ] {
        assert_eq!(error.effect(), Effect::None);
        let errno = error.errno().expect("an errno").raw_os_error();
        assert_eq!(io::Error::from(error).raw_os_error(), Some(errno));
    }
}

#[test]
fn display_names_the_limit() {
    for (errno, name) in [(Errno::MFILE, "(EMFILE)"), (Errno::NFILE, "(ENFILE)")] {
        let text = Error::NoDescriptor(errno).to_string();
        assert!(text.ends_with(name), "{text}");
    }
}

/// `is_temporary` means that the association is not affected and that a retry may succeed.
#[test]
fn is_temporary_returns_true_for_no_descriptor_no_memory_and_sender_blocked() {
    for (error, expected) in [
        (Error::NoDescriptor(Errno::MFILE), true),
        (Error::SenderBlocked, true),
        (Error::Os(Errno::NOMEM), true),
        (Error::Os(Errno::NOBUFS), true),
        (Error::Os(Errno::TOOMANYREFS), true),
        (Error::Os(Errno::PERM), false),
        (Error::AssociationLost(Errno::NOMEM), false),
        (Error::StateUnknown(Errno::NOMEM), false),
        (Error::NotPeelable, false),
    ] {
        assert_eq!(error.is_temporary(), expected, "{error}");
    }
}
