//! A random call: a function, a descriptor and an association id.

use std::net::SocketAddr;

use proptest::prelude::*;
use proptest::sample::select;

use crate::flags::COMBINATIONS;

/// The number of associations on the one-to-many socket.
pub(crate) const LIVE: usize = 4;

pub(crate) type Call = (Subject, Id, Function);

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
    /// The id of the association that was peeled off last.
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
    SupportsFlags,
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
    // Most flags are known, because unknown flags are rejected before the system call.
    let known = || select(&COMBINATIONS[..]).prop_map(|flags| flags.bits());
    let flags = || prop_oneof![3 => known(), 1 => any::<u32>()];
    // A loopback address could be the address of a peer by chance.
    let peer = any::<SocketAddr>()
        .prop_filter("not a peer", |peer| !peer.ip().to_canonical().is_loopback());
    let function = prop_oneof![
        2 => Just(Function::Peeloff),
        6 => flags().prop_map(Function::PeeloffFlags),
        1 => Just(Function::BarePeeloff),
        2 => flags().prop_map(Function::BarePeeloffFlags),
        1 => Just(Function::AssocIds),
        1 => (0..2 * LIVE).prop_map(Function::BareList),
        1 => peer.prop_map(Function::OfPeer),
        1 => (0..LIVE).prop_map(Function::OfLivePeer),
        1 => Just(Function::SupportsFlags),
    ];
    (subject, id, function)
}
