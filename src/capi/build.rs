//! Arguments for the linker of the shared library.

fn main() {
    // The name that programs depend on, the same as the one that cargo-c sets.
    let (major, minor) = (
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsctp_peeloff.so.{major}.{minor}");
    // The default of lld. GNU ld aligns code to separate pages, which adds 4 KiB here.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,noseparate-code");
    println!("cargo::rerun-if-changed=build.rs");
}
