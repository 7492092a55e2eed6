//! Any call: a function on a descriptor, with an id.

use std::net::SocketAddr;

use proptest::prelude::*;
use sctp_peeloff::PeeloffFlags;

/// How many associations the one-to-many socket has.
pub(crate) const LIVE: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) subject: Subject,
    pub(crate) id: Id,
    pub(crate) function: Function,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    OneToMany,
    OneToOne,
    Listening,
    PeeledOff,
    NotSctp(usize),
    File,
    Path,
    Closed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Id {
    Live(usize),
    /// That of the association that was peeled off last.
    Gone,
    Any(i32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Peeloff,
    PeeloffFlags(u32),
    BarePeeloff,
    BarePeeloffFlags(u32),
    AssocIds,
    BareList(usize),
    OfPeer(SocketAddr),
    OfLivePeer(usize),
    KernelSupport,
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let subject = prop_oneof![
        8 => Just(Subject::OneToMany),
        1 => Just(Subject::OneToOne),
        1 => Just(Subject::Listening),
        2 => Just(Subject::PeeledOff),
        2 => (0..6_usize).prop_map(Subject::NotSctp),
        1 => Just(Subject::File),
        1 => Just(Subject::Path),
        1 => Just(Subject::Closed),
    ];
    let id = prop_oneof![
        2 => (0..LIVE).prop_map(Id::Live),
        2 => Just(Id::Gone),
        3 => (-2..5).prop_map(Id::Any),
        3 => any::<i32>().prop_map(Id::Any),
    ];
    // Mostly what is known: all else is refused before the kernel sees it.
    let known = || {
        (0..4_u32).prop_map(|bits| {
            [PeeloffFlags::NONBLOCK, PeeloffFlags::CLOEXEC]
                .into_iter()
                .enumerate()
                .filter(|(at, _)| bits >> at & 1 == 1)
                .fold(0, |bits, (_, flag)| bits | flag.bits())
        })
    };
    let flags = || prop_oneof![3 => known(), 1 => any::<u32>()];
    // No peer's address by chance.
    let peer = any::<SocketAddr>()
        .prop_filter("a stranger", |peer| !peer.ip().to_canonical().is_loopback());
    let function = prop_oneof![
        2 => Just(Function::Peeloff),
        6 => flags().prop_map(Function::PeeloffFlags),
        1 => Just(Function::BarePeeloff),
        2 => flags().prop_map(Function::BarePeeloffFlags),
        1 => Just(Function::AssocIds),
        1 => (0..2 * LIVE).prop_map(Function::BareList),
        1 => peer.prop_map(Function::OfPeer),
        1 => (0..LIVE).prop_map(Function::OfLivePeer),
        1 => Just(Function::KernelSupport),
    ];
    (subject, id, function).prop_map(|(subject, id, function)| Call {
        subject,
        id,
        function,
    })
}
