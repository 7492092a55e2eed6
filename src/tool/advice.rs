//! What the user can do about an error.
//!
//! The library's messages name the cause in one clause. The advice is for a person at a
//! terminal.

use std::error::Error;
use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::system::uname;
use sctp_peeloff::Error as PeeloffError;

use crate::loopback::NoSocket;

/// Advice for an error of the tool, if the cause is on this machine.
pub(crate) fn for_error(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(NoSocket(errno)) = error.downcast_ref() {
        let release = uname().release().to_string_lossy().into_owned();
        return for_socket(Path::new("/"), &release, *errno);
    }
    let error = error.downcast_ref::<PeeloffError>()?;
    for_peeloff(error).map(String::from)
}

/// Advice for an error of the library.
pub(crate) fn for_peeloff(error: &PeeloffError) -> Option<&'static str> {
    Some(match error {
        PeeloffError::OptionsUnavailable(_) => {
            "an emulator such as qemu-user does not forward SCTP options to the kernel, and a \
             sandbox may refuse them: run the program directly on a Linux kernel, for example \
             in a virtual machine (qemu-system)"
        }
        PeeloffError::StateUnknown(Errno::BADMSG) => {
            "a cgroup BPF program or a seccomp filter overwrites the result of getsockopt: \
             exclude SOL_SCTP from the program"
        }
        PeeloffError::NoDescriptor(errno)
        | PeeloffError::AssociationLost(errno)
        | PeeloffError::StateUnknown(errno)
        | PeeloffError::FlagsNotSet { errno, .. }
        | PeeloffError::Os(errno) => return for_errno(*errno),
        PeeloffError::Unsupported => "use Linux with SCTP in the kernel",
        _ => return None,
    })
}

fn for_errno(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::MFILE => "close descriptors, or raise RLIMIT_NOFILE (ulimit -n)",
        Errno::NFILE => {
            "close descriptors, or raise the sysctl fs.file-max or the cgroup's memory limit"
        }
        Errno::PERM | Errno::ACCESS => {
            "a security module, a seccomp filter or a cgroup BPF program refuses the call: \
             permit getsockopt and setsockopt of SOL_SCTP"
        }
        _ => return None,
    })
}

/// Advice if `socket(…, IPPROTO_SCTP)` fails, from the files below `root`.
fn for_socket(root: &Path, release: &str, errno: Errno) -> Option<String> {
    let refused = matches!(errno, Errno::PERM | Errno::ACCESS);
    if !refused && !matches!(errno, Errno::PROTONOSUPPORT | Errno::SOCKTNOSUPPORT) {
        return for_errno(errno).map(String::from);
    }
    if refused || root.join("proc/net/sctp").exists() {
        return Some(
            "a seccomp filter, a container policy or a security module refuses SCTP to this \
             process: permit socket(…, IPPROTO_SCTP)"
                .into(),
        );
    }
    let modules = root.join("lib/modules").join(release);
    if contains(&modules.join("modules.dep"), "/sctp.ko") {
        return Some(
            "the kernel module sctp is installed but not loaded: run 'modprobe sctp' as root; \
             if this has no effect, remove the entry for sctp from /etc/modprobe.d"
                .into(),
        );
    }
    let config = root.join(format!("boot/config-{release}"));
    if contains(&config, "# CONFIG_IP_SCTP is not set") {
        return Some(
            "this kernel was built without SCTP: use a kernel with CONFIG_IP_SCTP=m or \
             CONFIG_IP_SCTP=y"
                .into(),
        );
    }
    Some(format!(
        "install the kernel's extra modules (linux-modules-extra-{release} on Ubuntu, \
         kernel-modules-extra on Fedora) and run 'modprobe sctp' as root, both on the host if \
         this is a container; a kernel that you build needs CONFIG_IP_SCTP=m or \
         CONFIG_IP_SCTP=y"
    ))
}

fn contains(file: &Path, part: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The advice if the root folder contains one file with this text.
    fn with_file(name: &str, text: &str, errno: Errno) -> String {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        for_socket(root.path(), "6.1.0-9-amd64", errno).unwrap()
    }

    #[test]
    fn for_socket_names_modprobe_if_the_module_is_installed() {
        let dep = "kernel/net/sctp/sctp.ko.xz: kernel/net/ipv4/udp_tunnel.ko.xz\n";
        let name = "lib/modules/6.1.0-9-amd64/modules.dep";
        let advice = with_file(name, dep, Errno::PROTONOSUPPORT);
        assert!(advice.contains("run 'modprobe sctp' as root"), "{advice}");
        assert!(!advice.contains("linux-modules-extra"), "{advice}");
    }

    #[test]
    fn for_socket_names_packages_if_the_module_is_not_installed() {
        let dep = "kernel/net/dccp/dccp.ko: \n";
        let name = "lib/modules/6.1.0-9-amd64/modules.dep";
        let advice = with_file(name, dep, Errno::PROTONOSUPPORT);
        for part in [
            "linux-modules-extra-6.1.0-9-amd64",
            "kernel-modules-extra",
            "modprobe sctp",
            "CONFIG_IP_SCTP=m",
        ] {
            assert!(advice.contains(part), "no {part} in: {advice}");
        }
    }

    #[test]
    fn for_socket_names_the_configuration_if_the_kernel_was_built_without_sctp() {
        let name = "boot/config-6.1.0-9-amd64";
        let config = "CONFIG_INET=y\n# CONFIG_IP_SCTP is not set\n";
        let advice = with_file(name, config, Errno::PROTONOSUPPORT);
        assert!(advice.contains("built without SCTP"), "{advice}");
    }

    #[test]
    fn for_socket_names_filters_if_the_kernel_has_sctp_or_the_call_is_refused() {
        let advice = with_file("proc/net/sctp/assocs", "", Errno::PROTONOSUPPORT);
        assert!(advice.contains("seccomp"), "{advice}");
        let advice = with_file("empty", "", Errno::PERM);
        assert!(advice.contains("seccomp"), "{advice}");
    }

    #[test]
    fn for_error_names_the_limit_that_is_reached() {
        for (errno, limit) in [
            (Errno::MFILE, "RLIMIT_NOFILE"),
            (Errno::NFILE, "fs.file-max"),
        ] {
            for error in [
                PeeloffError::NoDescriptor(errno),
                PeeloffError::AssociationLost(errno),
                PeeloffError::StateUnknown(errno),
            ] {
                let advice = for_error(&error).unwrap();
                assert!(advice.contains(limit), "{error}: {advice}");
            }
            let advice = for_error(&NoSocket(errno)).unwrap();
            assert!(advice.contains(limit), "{advice}");
        }
    }

    #[test]
    fn for_error_names_what_refuses_or_overwrites_a_call() {
        for (error, part) in [
            (PeeloffError::Os(Errno::PERM), "security module"),
            (PeeloffError::Os(Errno::ACCESS), "seccomp filter"),
            (PeeloffError::StateUnknown(Errno::PERM), "cgroup BPF"),
            (PeeloffError::StateUnknown(Errno::BADMSG), "overwrites"),
            (
                PeeloffError::OptionsUnavailable(Errno::OPNOTSUPP),
                "qemu-user",
            ),
        ] {
            let advice = for_error(&error).unwrap();
            assert!(advice.contains(part), "{error}: {advice}");
        }
        assert_eq!(for_error(&PeeloffError::NotSctp), None);
    }
}
