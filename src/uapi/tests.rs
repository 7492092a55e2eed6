//! Values that the kernel may overwrite, and addresses.

use core::net::{Ipv6Addr, SocketAddrV6};

use super::*;

#[test]
fn sockaddr_storage_holds_an_ipv4_address() {
    let address = ([192, 0, 2, 1], 0x1234).into();
    let storage = sockaddr_storage(address);
    assert_eq!(storage[..2], system::family(&address));
    assert_eq!(storage[2..8], [0x12, 0x34, 192, 0, 2, 1]);
    assert_eq!(storage[8..], [0; 120]);
}

#[test]
fn sockaddr_storage_holds_an_ipv6_address() {
    let address = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0x1234, 5, 6);
    let storage = sockaddr_storage(address.into());
    assert_eq!(storage[..2], system::family(&address.into()));
    assert_eq!(storage[2..4], [0x12, 0x34]);
    assert_eq!(storage[4..8], 5_u32.to_ne_bytes());
    assert_eq!(storage[8..24], Ipv6Addr::LOCALHOST.octets());
    assert_eq!(storage[24..28], 6_u32.to_ne_bytes());
    assert_eq!(storage[28..], [0; 100]);
}

#[cfg(target_os = "linux")]
#[test]
fn family_has_16_bits() {
    let v4 = ([127, 0, 0, 1], 1).into();
    let v6 = (Ipv6Addr::LOCALHOST, 1).into();
    assert_eq!(system::family(&v4), 2_u16.to_ne_bytes());
    assert_eq!(system::family(&v6), 10_u16.to_ne_bytes());
}

/// Overwrites every byte of a value, as the kernel may.
#[allow(unsafe_code, reason = "writes to a value as the kernel does")]
fn write<T: Plain + ?Sized>(value: &mut T, byte: u8) {
    let size = size_of_val(value);
    let bytes = core::ptr::from_mut(value).cast::<u8>();
    // SAFETY: `value` is live and exclusively borrowed, and `Plain` guarantees that any
    // bytes are a valid value.
    unsafe { bytes.write_bytes(byte, size) };
}

/// Under Miri a type for which [`Plain`] does not hold is an error.
#[test]
fn any_bytes_are_valid_values() {
    let mut status = Status::new(AssocId::from_raw(1));
    write(&mut status, 0x22);
    assert_eq!(status.assoc_id.as_raw(), 0x2222_2222);
    assert_eq!(status.state, 0x2222_2222);
    assert_eq!(status.rest, [0x2222_2222; 42]);

    let mut peer = PeerAddress::new(AssocId::from_raw(1), ([192, 0, 2, 1], 7).into());
    write(&mut peer, 0x33);
    assert_eq!(peer.assoc_id.as_raw(), 0x3333_3333);
    assert_eq!(peer.address, [0x33; 128]);
    assert!(peer.rest.iter().all(|word| *word == 0x3333_3333));

    let mut ids = [AssocId::from_raw(1); 3];
    write(&mut ids[..], 0x44);
    assert_eq!(ids, [AssocId::from_raw(0x4444_4444); 3]);
}

/// Under Miri a type for which [`Plain`] does not hold is an error.
#[cfg(target_os = "linux")]
#[test]
fn any_bytes_are_valid_arguments_of_a_peel_off() {
    let mut arg = PeeloffFlagsArg {
        p_arg: PeeloffArg {
            associd: AssocId::from_raw(1),
            sd: -1,
        },
        flags: 0,
    };
    write(&mut arg, 0x11);
    let PeeloffArg { associd, sd } = arg.p_arg;
    assert_eq!([associd.as_raw(), sd], [0x1111_1111; 2]);
    assert_eq!(arg.flags, 0x1111_1111);
    // The argument of `has_peeloff_flags` has no bytes.
    write(&mut [0_u32; 0], 0x55);
}
