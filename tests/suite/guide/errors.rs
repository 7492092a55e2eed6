//! The examples of the chapter `errors`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;

use rustix::io::Errno;
use sctp_peeloff::sockopt::{SCTP_SOCKOPT_PEELOFF, SCTP_STATUS};
use sctp_peeloff::{AssocId, Effect, Error, PeeloffFlags, peeloff_flags};

use crate::support::descriptors::Limit;
use crate::support::filter::{Call, deny, flags_option};
use crate::support::{Family, assert_matches, associate, client, process, server};

#[derive(Debug)]
#[allow(dead_code, reason = "Debug shows them")]
enum Next {
    Serve(OwnedFd),
    Retry,
    Forget,
    Check,
    GiveUp(Error),
}

fn next(server: &OwnedFd, assoc: AssocId) -> Next {
    match peeloff_flags(server, assoc, PeeloffFlags::CLOEXEC) {
        Ok(socket) | Err(Error::FlagsNotSet { socket, .. }) => Next::Serve(socket),
        Err(error) if error.is_temporary() => Next::Retry,
        Err(Error::NoSuchAssociation(_) | Error::AssociationLost(_)) => Next::Forget,
        Err(error) if error.effect() == Effect::Unknown => Next::Check,
        Err(error) => Next::GiveUp(error),
    }
}

/// Calls `next` in a thread in which each of the calls fails with its errno.
fn next_without(calls: impl IntoIterator<Item = (Call, Errno)> + Send) -> Next {
    let server = server(Family::V4);
    let (_client, assoc) = associate(Family::V4, &server);
    let denied = || {
        for (call, errno) in calls {
            deny([call], errno.raw_os_error());
        }
        next(&server, assoc)
    };
    thread::scope(|scope| scope.spawn(denied).join().unwrap())
}

#[test]
fn next_serves_a_peeled_off_association() {
    assert_matches!(next_without([]), Next::Serve(_));
    let old_kernel = (flags_option(), Errno::NOPROTOOPT);
    let no_flag = (Call::fcntl(libc::F_SETFD), Errno::PERM);
    assert_matches!(next_without([old_kernel, no_flag]), Next::Serve(_));
}

#[test]
fn next_retries_at_the_descriptor_limit() {
    process::alone(|| {
        let server = server(Family::V4);
        let (_client, assoc) = associate(Family::V4, &server);
        let _limit = Limit::none_free();
        assert_matches!(next(&server, assoc), Next::Retry);
    });
}

#[test]
fn next_forgets_an_association_that_is_not_on_the_socket() {
    let server = server(Family::V4);
    let (_client, assoc) = associate(Family::V4, &server);
    let _peeled = next(&server, assoc);
    assert_matches!(next(&server, assoc), Next::Forget);
}

#[test]
fn next_checks_if_the_state_is_unknown() {
    let [peeloff, status] = [SCTP_SOCKOPT_PEELOFF, SCTP_STATUS].map(Call::getsockopt);
    let refused = [peeloff, flags_option(), status].map(|call| (call, Errno::PERM));
    assert_matches!(next_without(refused), Next::Check);
}

#[test]
fn next_gives_up_for_a_one_to_one_socket() {
    let server = server(Family::V4);
    let client = client(Family::V4, &server);
    let next = next(&client, AssocId::from_raw(0));
    assert_matches!(next, Next::GiveUp(Error::NotOneToMany));
}

fn text(error: io::Error) -> String {
    match error.downcast::<Error>() {
        Ok(Error::AssociationLost(errno)) => format!("association terminated: {errno}"),
        Ok(Error::FlagsNotSet { socket, .. }) => format!("peeled off into {socket:?}"),
        Ok(error) => error.to_string(),
        Err(error) => format!("errno {:?}", error.raw_os_error()),
    }
}

#[test]
fn downcast_returns_an_error_whose_errno_would_mislead() {
    let text = |error: Error| text(error.into());
    let lost = text(Error::AssociationLost(Errno::MFILE));
    assert!(lost.starts_with("association terminated: "), "{lost}");
    let unknown = text(Error::StateUnknown(Errno::MFILE));
    assert_eq!(unknown, Error::StateUnknown(Errno::MFILE).to_string());
    let errno = text(Error::NoDescriptor(Errno::MFILE));
    assert_eq!(errno, format!("errno Some({})", libc::EMFILE));
}

/// The rows of the first table of errors: the name of the error, and the other cells.
fn table<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let rows = lines
        .skip_while(|line| !line.starts_with("| error | errno |"))
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let rows = rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let error = cells.next().and_then(|cell| cell.split('`').nth(1));
        (error.expect("a name"), cells.collect())
    });
    rows.collect()
}

#[test]
fn chapter_and_documentation_list_the_same_errors() {
    let chapter = fs::read_to_string(process::file("src/guide/errors.md")).unwrap();
    let chapter = table(chapter.lines());
    let source = fs::read_to_string(process::file("src/peeloff.rs")).unwrap();
    let documentation = || source.lines().filter_map(|line| line.strip_prefix("/// "));
    let mut listed = table(documentation());
    let rest = documentation().skip_while(|line| !line.starts_with("The errors of [`peeloff`]"));
    listed.extend(table(rest));
    for (error, cells) in &listed {
        assert_eq!(chapter[error][..2], cells[..], "{error}");
    }
    // The documentation of other functions lists these errors.
    listed.insert("NoSuchPeer", Vec::new());
    listed.insert("Undelivered", Vec::new());
    assert!(chapter.keys().eq(listed.keys()), "{chapter:?}");

    let source = fs::read_to_string(process::file("src/error.rs")).unwrap();
    let variants = source.split("pub enum Error {").nth(1).unwrap();
    let variants = variants.split("\n}\n").next().unwrap();
    let names = variants.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.split(['(', ',', ' ']).next()?;
        name.starts_with(char::is_uppercase).then_some(name)
    });
    let variants: BTreeSet<_> = names.collect();
    assert!(chapter.keys().eq(variants.iter()), "{variants:?}");
}
