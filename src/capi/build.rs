//! The name by which a program finds the shared library, as cargo-c sets it too.

fn main() {
    let (major, minor) = (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsctp_peeloff.so.{major}.{minor}");
    println!("cargo::rerun-if-changed=build.rs");
}
