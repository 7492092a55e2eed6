//! The descriptors for the calls, and the model of their results.

use std::fmt::Debug;
use std::mem::discriminant;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::SocketType;
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_id_of_peer, assoc_ids, peeloff, peeloff_flags, sockopt,
    supports_flags,
};

use super::call::{Call, Function, Id, LIVE, Subject};
use crate::support::descriptors::flags_of;
use crate::support::{self, Family, address, associate, client, kernel, others, server, socket};

pub(crate) struct World {
    server: OwnedFd,
    /// The associations of the server.
    live: Vec<(OwnedFd, AssocId)>,
    gone: AssocId,
    one_to_one: OwnedFd,
    listening: OwnedFd,
    peeled_off: OwnedFd,
    _its_client: OwnedFd,
    not_sctp: [(&'static str, OwnedFd); 6],
    file: OwnedFd,
    path: OwnedFd,
    has_flags_option: bool,
    pub(crate) peeled: usize,
    pub(crate) calls: usize,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = server(Family::V4);
        let listening = socket(Family::V4, SocketType::STREAM);
        rustix::net::listen(&listening, 1).unwrap();
        let (its_client, gone) = associate(Family::V4, &server);
        let peeled_off = peeloff(&server, gone).unwrap();
        Self {
            live: support::associate_many(Family::V4, &server, LIVE),
            gone,
            one_to_one: client(Family::V4, &listening),
            listening,
            peeled_off,
            _its_client: its_client,
            not_sctp: others::not_sctp(),
            file: others::file(),
            path: others::path(),
            has_flags_option: kernel::has_flags_option(),
            peeled: 0,
            calls: 0,
            server,
        }
    }

    fn descriptor(&self, subject: Subject) -> BorrowedFd<'_> {
        match subject {
            Subject::OneToMany => self.server.as_fd(),
            Subject::OneToOne => self.one_to_one.as_fd(),
            Subject::Listening => self.listening.as_fd(),
            Subject::PeeledOff => self.peeled_off.as_fd(),
            Subject::NotSctp(at) => self.not_sctp[at].1.as_fd(),
            Subject::File => self.file.as_fd(),
            Subject::Path => self.path.as_fd(),
            Subject::Closed => others::closed(),
        }
    }

    fn id(&self, id: Id) -> AssocId {
        match id {
            Id::Live(at) => self.live[at].1,
            Id::Gone => self.gone,
            Id::Any(raw) => AssocId::from_raw(raw),
        }
    }

    pub(crate) fn run(&mut self, (subject, id, function): Call) {
        self.calls += 1;
        let socket = self.descriptor(subject);
        let id = self.id(id);
        let expected = self.peel_off_error(subject, id);
        let no_such_peer = |peer| Err(foreign(subject).unwrap_or(Error::NoSuchPeer(peer)));
        match function {
            Function::Peeloff => {
                let peeled = peeloff(socket, id);
                self.check(id, 0, peeled, expected, same_variant);
            }
            Function::PeeloffFlags(bits) => {
                let flags = PeeloffFlags::from_bits_retain(bits);
                let peeled = peeloff_flags(socket, id, flags);
                let unknown = Some(flags - PeeloffFlags::all()).filter(|flags| !flags.is_empty());
                let expected = unknown.map(Error::UnknownFlags).or(expected);
                self.check(id, bits, peeled, expected, same_variant);
            }
            Function::BarePeeloff => {
                let peeled = sockopt::peeloff(socket, id);
                self.check(id, 0, peeled, expected, same_errno);
            }
            Function::BarePeeloffFlags(bits) => {
                let flags = PeeloffFlags::from_bits_retain(bits);
                match sockopt::peeloff_flags(socket, id, flags) {
                    // A filter returns this errno before the kernel checks the descriptor.
                    Err(Errno::NOPROTOOPT) if !self.has_flags_option => {}
                    Err(errno) if !self.has_flags_option => {
                        let expected = foreign(subject).expect("not an SCTP socket");
                        assert!(same_errno(&errno, &expected), "{errno:?}, {expected:?}");
                    }
                    peeled => self.check(id, bits, peeled, expected, same_errno),
                }
            }
            Function::AssocIds => compare(assoc_ids(socket), self.ids(subject)),
            Function::BareList(length) => {
                let mut buffer = vec![AssocId::from_raw(7); length];
                let result = sockopt::assoc_id_list(socket, &mut buffer);
                match (result, self.ids(subject)) {
                    (Ok(ids), Ok(expected)) => assert_eq!(ids, expected),
                    (Err(Errno::INVAL), Ok(expected)) => assert!(length < expected.len() + 1),
                    (Err(_), Err(_)) => {}
                    (result, expected) => panic!("{result:?}, expected {expected:?}"),
                }
            }
            Function::OfPeer(peer) => compare(assoc_id_of_peer(socket, peer), no_such_peer(peer)),
            Function::OfLivePeer(at) => {
                let (client, id) = &self.live[at];
                let peer = address(client);
                let expected = match subject {
                    Subject::OneToMany => Ok(*id),
                    _ => no_such_peer(peer),
                };
                compare(assoc_id_of_peer(socket, peer), expected);
            }
            Function::SupportsFlags => {
                let expected = foreign(subject).map_or(Ok(()), Err);
                compare(supports_flags(socket).map(drop), expected);
            }
        }
    }

    /// The expected error of a peel-off with known flags, or `None` if it succeeds.
    fn peel_off_error(&self, subject: Subject, id: AssocId) -> Option<Error> {
        match subject {
            Subject::OneToMany if self.live.iter().any(|(_, live)| *live == id) => None,
            Subject::OneToMany => Some(Error::NoSuchAssociation(id)),
            Subject::OneToOne | Subject::Listening => Some(Error::NotOneToMany),
            Subject::PeeledOff => Some(Error::NotPeelable),
            other => foreign(other),
        }
    }

    fn ids(&self, subject: Subject) -> Result<Vec<AssocId>, Error> {
        match subject {
            Subject::OneToMany => Ok(self.live.iter().map(|(_, id)| *id).collect()),
            Subject::PeeledOff => assoc_ids(&self.peeled_off),
            Subject::OneToOne | Subject::Listening => Err(Error::NotOneToMany),
            other => Err(foreign(other).expect("no SCTP socket")),
        }
    }

    /// Compares the result of a peel-off with the model. Replaces a peeled-off association with
    /// a new association, so that the number of associations does not change.
    fn check<E: Debug>(
        &mut self,
        id: AssocId,
        bits: u32,
        result: Result<OwnedFd, E>,
        expected: Option<Error>,
        same: fn(&E, &Error) -> bool,
    ) {
        match (result, expected) {
            (Err(error), Some(expected)) if same(&error, &expected) => {}
            (Ok(peeled), None) => {
                let flags = PeeloffFlags::from_bits_truncate(bits);
                assert_eq!(flags_of(&peeled), flags);
                assert_eq!(assoc_ids(&peeled).unwrap(), [id]);
                self.live.retain(|(_, live)| *live != id);
                assert_eq!(assoc_ids(&self.server).unwrap().len(), LIVE - 1);
                self.live.push(associate(Family::V4, &self.server));
                self.gone = id;
                self.peeled += 1;
            }
            (result, expected) => panic!("{result:?}, expected {expected:?}"),
        }
    }
}

/// The error of every function for a descriptor that is not an SCTP socket.
fn foreign(subject: Subject) -> Option<Error> {
    match subject {
        Subject::NotSctp(_) => Some(Error::NotSctp),
        Subject::File => Some(Error::NotSocket),
        Subject::Path | Subject::Closed => Some(Error::BadDescriptor),
        _ => None,
    }
}

fn same_variant(error: &Error, expected: &Error) -> bool {
    discriminant(error) == discriminant(expected) && error.errno() == expected.errno()
}

fn compare<T: Debug + PartialEq>(result: Result<T, Error>, expected: Result<T, Error>) {
    match (result, expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected),
        (Err(error), Err(expected)) if same_variant(&error, &expected) => {}
        (result, expected) => panic!("{result:?}, expected {expected:?}"),
    }
}

/// Has the signature of `same_variant`.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn same_errno(errno: &Errno, expected: &Error) -> bool {
    match expected {
        Error::NotSctp => matches!(*errno, Errno::OPNOTSUPP | Errno::NOPROTOOPT),
        expected => Some(*errno) == expected.errno(),
    }
}
