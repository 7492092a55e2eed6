//! epoll on one socket.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

pub fn watch(socket: &OwnedFd, interest: EventFlags) -> OwnedFd {
    let epoll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
    epoll::add(&epoll, socket, EventData::new_u64(0), interest).expect("epoll");
    epoll
}

/// Returns the events that epoll reports without waiting.
pub fn report(epoll: &OwnedFd) -> EventFlags {
    let mut events: Vec<Event> = Vec::with_capacity(4);
    let now = Timespec::default();
    epoll::wait(epoll, spare_capacity(&mut events), Some(&now)).expect("epoll");
    let flags = events.iter().map(|event| event.flags);
    flags.fold(EventFlags::empty(), EventFlags::union)
}
