//! What to do where the kernel gives no SCTP socket.

use std::fs;
use std::path::Path;

use rustix::io::Errno;

/// The one thing to do, told from what lies below the root folder.
pub(crate) fn sctp(root: &Path, release: &str, errno: Errno) -> String {
    let modules = root.join("lib/modules").join(release);
    if root.join("proc/net/sctp").exists() || matches!(errno, Errno::PERM | Errno::ACCESS) {
        return "this kernel's SCTP is refused to this process: allow socket(…, IPPROTO_SCTP) \
                in the seccomp filter, the container's policy or the security module"
            .into();
    }
    if has_line(&modules.join("modules.dep"), "/sctp.ko") {
        return "the module is there and not loaded: run 'modprobe sctp' as root; if that does \
                nothing, take what forbids sctp out of /etc/modprobe.d"
            .into();
    }
    let config = root.join(format!("boot/config-{release}"));
    if has_line(&config, "# CONFIG_IP_SCTP is not set") {
        return "this kernel was built without SCTP: take one with CONFIG_IP_SCTP=m or =y".into();
    }
    format!(
        "install the kernel's extra modules (linux-modules-extra-{release} on Ubuntu, \
         kernel-modules-extra on Fedora), on the host if this is a container, and run \
         'modprobe sctp' as root; a kernel of your own takes CONFIG_IP_SCTP=m or =y"
    )
}

fn has_line(file: &Path, part: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The advice where the root folder holds one file with this text.
    fn with_file(name: &str, text: &str, errno: Errno) -> String {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let file = root.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        sctp(root, "6.1.0-9-amd64", errno)
    }

    #[test]
    fn a_module_that_is_not_loaded() {
        let dep = "kernel/net/sctp/sctp.ko.xz: kernel/net/ipv4/udp_tunnel.ko.xz\n";
        let name = "lib/modules/6.1.0-9-amd64/modules.dep";
        let advice = with_file(name, dep, Errno::PROTONOSUPPORT);
        assert!(advice.contains("run 'modprobe sctp' as root"), "{advice}");
        assert!(!advice.contains("linux-modules-extra"), "{advice}");
    }

    #[test]
    fn a_kernel_whose_modules_lack_it() {
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
    fn a_kernel_built_without_it() {
        let name = "boot/config-6.1.0-9-amd64";
        let advice = with_file(
            name,
            "CONFIG_INET=y\n# CONFIG_IP_SCTP is not set\n",
            Errno::PROTONOSUPPORT,
        );
        assert!(advice.contains("built without SCTP"), "{advice}");
    }

    #[test]
    fn a_kernel_that_has_it_behind_a_filter() {
        let advice = with_file("proc/net/sctp/assocs", "", Errno::PROTONOSUPPORT);
        assert!(advice.contains("seccomp"), "{advice}");
        let advice = with_file("empty", "", Errno::PERM);
        assert!(advice.contains("seccomp"), "{advice}");
    }
}
