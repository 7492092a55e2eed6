/*
 * sctp_peeloff.h - sctp_peeloff(3) and sctp_peeloff_flags(3) without libsctp
 *
 * Link with -lsctp_peeloff. This header can be included before or after libsctp's
 * <netinet/sctp.h>, which declares the same two functions.
 */
#ifndef SCTP_PEELOFF_H
#define SCTP_PEELOFF_H

/* The version of this library: 10000 * major + 100 * minor + patch. */
#define SCTP_PEELOFF_VERSION 100

#include <stdint.h>
#include <sys/socket.h>

/* sctp_assoc_t is the kernel header's. A C library such as musl can be installed
 * without the kernel headers. */
#if !defined(__has_include)
#include <linux/sctp.h>
#elif __has_include(<linux/sctp.h>)
#include <linux/sctp.h>
#else
typedef int32_t sctp_assoc_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Peels the association assoc_id off the one-to-many socket sd. Returns a new file
 * descriptor for the association alone, or -1 with errno set.
 *
 * sctp_peeloff() sets no flags on the new file descriptor. sctp_peeloff_flags() sets
 * those of SOCK_NONBLOCK and SOCK_CLOEXEC that are in flags. A call that returns a
 * file descriptor does not change errno, with one exception: see "Before Linux 4.13".
 *
 * errno         cause                                        the association
 * EBADF         sd is negative, not open, or opened with     not affected
 *               O_PATH
 * ENOTSOCK      sd is not a socket                           not affected
 * EOPNOTSUPP    sd is a socket of another protocol           not affected
 * EINVAL        the socket has no association assoc_id       not on sd
 * EINVAL        the socket is one-to-one or peeled off, or   not affected
 *               belongs to another network namespace
 * EINVAL        flags has other bits                         not affected
 * EBUSY         a thread is blocked sending to the           not affected
 *               association (about Linux 4.10 to 4.14)
 * EMFILE        the process has no free file descriptor      not affected
 * ENFILE        the kernel could not allocate a socket       not affected
 * ENOSYS        the system, or an emulator such as           not affected
 *               qemu-user, does not provide SCTP's options
 * ECONNABORTED  the kernel terminated the association: it    terminated
 *               had no file descriptor or memory left after
 *               the association was moved
 * EIO           the call failed, and whether the association unknown
 *               still exists could not be determined
 * other         the system call's own error, such as EPERM   not affected
 *               or EACCES from a security module or seccomp,
 *               or ENOMEM
 *
 * sctp_peeloff(3) describes how the kernel comes to terminate an association.
 *
 * Before Linux 4.13, the kernel cannot set the flags; sctp_peeloff_flags() sets them
 * with fcntl(2) after the peel-off. If fcntl(2) fails, the function returns the new
 * file descriptor without the flag and sets errno to the error of fcntl(2): closing
 * the descriptor would shut the association down. A program that has to detect this
 * sets errno to 0 before the call.
 *
 * Both functions are thread-safe and async-signal-safe. sctp_peeloff_flags() is
 * specific to Linux.
 */
int sctp_peeloff(int sd, sctp_assoc_t assoc_id);
int sctp_peeloff_flags(int sd, sctp_assoc_t assoc_id, unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
