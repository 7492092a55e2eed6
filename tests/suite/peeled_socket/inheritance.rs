//! The options and flags that a peeled-off socket inherits from the one-to-many socket.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{self, SendFlags, SocketType};
use sctp_peeloff::peeloff;
use sctp_peeloff::sockopt::SOL_SCTP;

use super::peel;
use crate::support::message::receive;
use crate::support::{FAMILIES, Family, associate, associated, kernel, option, server, socket};

/// The name, level and number of an option, and a value in 32-bit words.
type Setting = (&'static str, i32, i32, &'static [i32]);

macro_rules! settings {
    ($($level:ident $option:ident $value:expr;)*) => {
        &[$((stringify!($option), libc::$level, libc::$option, &$value)),*]
    };
}

/// Every kernel inherits these options.
const ON_EVERY_KERNEL: &[Setting] = settings! {
    SOL_SOCKET SO_RCVBUF [30_000];
    SOL_SOCKET SO_SNDBUF [40_000];
    SOL_SOCKET SO_LINGER [1, 7];
    SOL_SOCKET SO_KEEPALIVE [1];
    SOL_SOCKET SO_REUSEADDR [1];
    SOL_SOCKET SO_BROADCAST [1];
    SOL_SOCKET SO_DONTROUTE [1];
    SOL_SOCKET SO_TIMESTAMP [1];
    SOL_SOCKET SO_BINDTODEVICE [i32::from_ne_bytes(*b"lo\0\0"), 0, 0, 0];
    IPPROTO_IP IP_TTL [33];
    IPPROTO_SCTP SCTP_RTOINFO [0, 1100, 9000, 500];
    IPPROTO_SCTP SCTP_INITMSG [0x000c_000b, 3];
    IPPROTO_SCTP SCTP_NODELAY [1];
    IPPROTO_SCTP SCTP_AUTOCLOSE [77];
    IPPROTO_SCTP SCTP_ADAPTATION_LAYER [0x1234];
    IPPROTO_SCTP SCTP_DISABLE_FRAGMENTS [1];
    IPPROTO_SCTP SCTP_DEFAULT_SEND_PARAM [3, 0, 0x55, 9, 0, 0, 0, 0];
    IPPROTO_SCTP SCTP_EVENTS [0x0101_0101];
    IPPROTO_SCTP SCTP_I_WANT_MAPPED_V4_ADDR [0];
    IPPROTO_SCTP SCTP_MAXSEG [0, 700];
    IPPROTO_SCTP SCTP_DELAYED_SACK [0, 300, 3];
    IPPROTO_SCTP SCTP_CONTEXT [0, 42];
    IPPROTO_SCTP SCTP_FRAGMENT_INTERLEAVE [1];
    IPPROTO_SCTP SCTP_PARTIAL_DELIVERY_POINT [5000];
    IPPROTO_SCTP SCTP_MAX_BURST [0, 9];
    IPPROTO_SCTP SCTP_RECVRCVINFO [1];
    IPPROTO_SCTP SCTP_RECVNXTINFO [1];
};

/// No kernel inherits this option.
const ON_NO_KERNEL: &[Setting] = settings! { SOL_SOCKET SO_PRIORITY [5]; };

/// Linux 6.19 and later inherit these options, because they clone the socket (commit
/// b7ddb55f3127).
const ON_NEW_KERNELS: &[Setting] = settings! {
    SOL_SOCKET SO_MARK [99];
    SOL_SOCKET SO_RCVLOWAT [50];
    SOL_SOCKET SO_REUSEPORT [1];
    SOL_SOCKET SO_BUSY_POLL [20];
    SOL_SOCKET SO_MAX_PACING_RATE [100_000];
    SOL_SOCKET SO_INCOMING_CPU [0];
};

// In `IP_TOS`, the lowest two bits are the ECN field. The kernel sets it to 2.
const ON_NEW_KERNELS_V4: &[Setting] = settings! {
    IPPROTO_IP IP_TOS [0x22];
    IPPROTO_IP IP_MINTTL [3];
    IPPROTO_IP IP_TRANSPARENT [1];
};

const ON_NEW_KERNELS_V6: &[Setting] = settings! {
    IPPROTO_IPV6 IPV6_TCLASS [0x22];
    IPPROTO_IPV6 IPV6_UNICAST_HOPS [33];
    IPPROTO_IPV6 IPV6_MTU_DISCOVER [0];
    IPPROTO_IPV6 IPV6_DONTFRAG [1];
    IPPROTO_IPV6 IPV6_TRANSPARENT [1];
};

/// Whether the kernel clones the one-to-many socket at a peel-off.
fn clones_socket() -> bool {
    kernel::version() >= (6, 19)
}

fn get(socket: &OwnedFd, (name, level, option, value): Setting) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(value)];
    let length = option::get(socket, level, option, &mut bytes).expect(name);
    bytes.truncate(length);
    bytes
}

/// Checks that the peeled-off socket has either the values of the one-to-many socket or the
/// default values.
fn settings_are(inherited: bool, family: Family, settings: &[Setting]) {
    let new = socket(family, SocketType::SEQPACKET);
    let server = server(family);
    for &(name, level, option, value) in settings {
        let value: Vec<u8> = value.iter().flat_map(|word| word.to_ne_bytes()).collect();
        option::set(&server, level, option, &value).expect(name);
    }
    let (_client, id) = associate(family, &server);
    let peeled = peel(&server, id);
    for &setting in settings {
        let (name, ..) = setting;
        let [default, set, got] = [&new, &server, &peeled].map(|socket| get(socket, setting));
        assert_ne!(set, default, "{name} has its default value");
        let expected = if inherited { set } else { default };
        assert_eq!(got, expected, "{name} over {family:?}");
    }
}

#[test]
fn peeloff_inherits_options() {
    for family in FAMILIES {
        settings_are(true, family, ON_EVERY_KERNEL);
    }
}

#[test]
fn peeloff_does_not_inherit_so_priority() {
    for family in FAMILIES {
        settings_are(false, family, ON_NO_KERNEL);
    }
}

#[test]
fn peeloff_inherits_more_options_on_linux_6_19_and_later() {
    for family in FAMILIES {
        settings_are(clones_socket(), family, ON_NEW_KERNELS);
    }
    settings_are(clones_socket(), Family::V4, ON_NEW_KERNELS_V4);
    settings_are(clones_socket(), Family::V6, ON_NEW_KERNELS_V6);
}

#[test]
fn peeloff_inherits_the_socket_filter_on_linux_6_19_and_later() {
    let (server, _client, id) = associated(Family::V4);
    option::drop_packets(&server);
    let peeled = peel(&server, id);
    let expected = clones_socket().then_some(()).ok_or(Errno::NOENT);
    assert_eq!(option::detach_filter(&peeled), expected);
    assert_eq!(option::detach_filter(&server), Ok(()));
}

#[test]
fn peeloff_inherits_timeouts() {
    let server = server(Family::V4);
    let times = [(Timeout::Recv, 17), (Timeout::Send, 19)]
        .map(|(which, seconds)| (which, Some(Duration::from_secs(seconds))));
    for (which, time) in times {
        sockopt::set_socket_timeout(&server, which, time).unwrap();
    }
    let (_client, id) = associate(Family::V4, &server);
    let peeled = peel(&server, id);
    for (which, time) in times {
        assert_eq!(sockopt::socket_timeout(&peeled, which), Ok(time));
    }
}

#[test]
fn peeloff_inherits_neither_status_flags_nor_descriptor_flags() {
    let server = server(Family::V4);
    let flags = OFlags::NONBLOCK | OFlags::from_bits_retain(libc::O_ASYNC.cast_unsigned());
    fcntl_setfl(&server, flags).unwrap();
    fcntl_setfd(&server, FdFlags::CLOEXEC).unwrap();
    assert!(fcntl_getfl(&server).unwrap().contains(flags));
    let (_client, id) = associate(Family::V4, &server);
    let peeled = peeloff(&server, id).unwrap();
    assert_eq!(fcntl_getfl(&peeled), Ok(OFlags::RDWR));
    assert_eq!(fcntl_getfd(&peeled), Ok(FdFlags::empty()));
}

/// Sets a `struct sctp_sndinfo`: stream, flags, PPID, context, association id.
fn set_default_send(socket: &OwnedFd, stream: u16, ppid: i32, assoc: i32) {
    let half = [stream, 0].map(u16::to_ne_bytes).concat();
    let words = [ppid, 0, assoc].map(i32::to_ne_bytes).concat();
    let info = [half, words].concat();
    let (level, option) = (SOL_SCTP, libc::SCTP_DEFAULT_SNDINFO);
    option::set(socket, level, option, &info).unwrap();
}

/// An option of the association keeps the value from the setup of the association, or the
/// value that was set for its id. An option of the socket has the value at the time of the
/// peel-off.
#[test]
fn peeloff_keeps_options_of_the_association() {
    const OF_THE_ASSOCIATION: &[Setting] = settings! {
        IPPROTO_SCTP SCTP_MAXSEG [0, 700];
        IPPROTO_SCTP SCTP_RTOINFO [0, 1100, 9000, 500];
        IPPROTO_SCTP SCTP_DELAYED_SACK [0, 300, 3];
        IPPROTO_SCTP SCTP_CONTEXT [0, 41];
        IPPROTO_SCTP SCTP_MAX_BURST [0, 9];
    };
    for family in FAMILIES {
        let server = server(family);
        for &(_, _, option, value) in OF_THE_ASSOCIATION {
            option::set_words(&server, option, value);
        }
        set_default_send(&server, 3, 0x55, 0);
        let (first, first_id) = associate(family, &server);
        let (second, second_id) = associate(family, &server);

        option::set_words(&server, libc::SCTP_MAXSEG, &[0, 800]);
        option::set_words(&server, libc::SCTP_RTOINFO, &[0, 1200, 8000, 600]);
        option::set_words(&server, libc::SCTP_DELAYED_SACK, &[0, 400, 4]);
        option::set_words(&server, libc::SCTP_CONTEXT, &[0, 42]);
        option::set_words(&server, libc::SCTP_MAX_BURST, &[0, 8]);
        set_default_send(&server, 4, 0x66, 0);
        set_default_send(&server, 5, 0x77, second_id.as_raw());
        option::set_words(&server, libc::SCTP_NODELAY, &[1]);

        let peeled = peel(&server, first_id);
        for &(name, level, option, value) in OF_THE_ASSOCIATION {
            // With id 0, old kernels return the value of the socket.
            let mut got = first_id.as_raw().to_ne_bytes().to_vec();
            got.resize(size_of_val(value), 0);
            option::get(&peeled, level, option, &mut got).expect(name);
            let value = value[1..].iter().flat_map(|word| word.to_ne_bytes());
            assert_eq!(got[4..], value.collect::<Vec<_>>(), "{name}");
        }
        let now: Setting = ("", SOL_SCTP, libc::SCTP_NODELAY, &[0]);
        assert_eq!(get(&peeled, now), 1_i32.to_ne_bytes());

        net::send(&peeled, b"by default", SendFlags::empty()).unwrap();
        let got = receive(&first).unwrap();
        assert_eq!((got.stream, got.ppid), (3, 0x55));
        let peeled = peel(&server, second_id);
        net::send(&peeled, b"by default", SendFlags::empty()).unwrap();
        let got = receive(&second).unwrap();
        assert_eq!((got.stream, got.ppid), (5, 0x77));
    }
}
