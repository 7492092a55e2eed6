//! The chapter on errors has each of them, and a way to make it happen that is
//! there; and what no other test makes happen.
#![allow(missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use sctp_peeloff::sockopt::SCTP_SOCKOPT_PEELOFF;
use sctp_peeloff::{
    AssocId, Error, PeeloffFlags, assoc_ids, kernel_support, peeloff, peeloff_flags,
};
use support::filter::{Call, deny, flags_option};
use support::{Family, associate, server};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn chapter() -> String {
    read("src/guide/errors.md")
}

/// The variants, as the listing of the public API has them, which a check of the
/// package holds against the compiler's word.
fn variants() -> BTreeSet<String> {
    let listing = read("tests/public-api/all-features.txt");
    let names = listing
        .lines()
        .filter_map(|line| line.strip_prefix("pub sctp_peeloff::Error::"))
        .filter_map(|rest| rest.split(['(', ':']).next())
        .map(str::to_owned);
    names.collect()
}

/// The rows of the table that has this heading, without the heading.
fn table<'a>(chapter: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let from = chapter.find(heading).expect("the table");
    let rows = chapter[from..]
        .lines()
        .take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn each_variant_is_in_the_table() {
    let chapter = chapter();
    let rows = table(&chapter, "| error | errno |");
    let told: BTreeSet<_> = rows
        .iter()
        .map(|row| quoted(row[0]).next().expect("a name").to_owned())
        .collect();
    assert_eq!(told, variants());
    assert_eq!(rows.len(), told.len(), "a variant told twice");
    for row in rows {
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn each_variant_can_be_made_to_happen() {
    let chapter = chapter();
    let examples: String = chapter.split("```").skip(1).step_by(2).collect();
    let rows = table(&chapter, "| error | how |");
    for variant in variants() {
        let by_example = examples.contains(&format!("Error::{variant}"));
        let by_test = rows
            .iter()
            .any(|row| quoted(row[0]).any(|name| name == variant));
        assert!(by_example || by_test, "{variant}");
    }
    for row in rows {
        let file_and_name: Vec<_> = quoted(row[2]).collect();
        let [file, name] = file_and_name[..] else {
            panic!("no file and name: {row:?}");
        };
        let function = format!("\nfn {name}() {{\n");
        assert!(read(file).contains(&function), "{file} has no test {name}");
    }
}

/// Only old kernels say so themselves.
#[test]
fn a_blocked_sender() {
    let server = server(Family::V4);
    let (_client, id) = associate(Family::V4, &server);
    let busy = || {
        let options = [Call::getsockopt(SCTP_SOCKOPT_PEELOFF), flags_option()];
        deny(options, libc::EBUSY);
        [
            peeloff(&server, id),
            peeloff_flags(&server, id, PeeloffFlags::CLOEXEC),
        ]
    };
    for answer in thread::scope(|scope| scope.spawn(busy).join().unwrap()) {
        assert!(matches!(answer, Err(Error::SenderBlocked)), "{answer:?}");
    }
    assert_eq!(assoc_ids(&server).unwrap(), [id]);
    peeloff(&server, id).unwrap();
}

/// There, any socket is one of another protocol.
#[test]
fn a_kernel_without_sctp() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    for errno in [libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT, libc::ENOSYS] {
        let without = || {
            deny([Call::socket(132)], errno);
            [
                peeloff(&socket, AssocId::from_raw(3)).unwrap_err(),
                assoc_ids(&socket).unwrap_err(),
                kernel_support(&socket).unwrap_err(),
            ]
        };
        for error in thread::scope(|scope| scope.spawn(without).join().unwrap()) {
            assert!(matches!(error, Error::Unsupported), "{error:?}");
        }
    }
    assert!(matches!(kernel_support(&socket), Err(Error::NotSctp)));
}
