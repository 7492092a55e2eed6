//! Which kernel this is.

/// The running kernel's version.
pub fn version() -> (u32, u32) {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    (
        numbers.next().expect("a version"),
        numbers.next().expect("a version"),
    )
}
