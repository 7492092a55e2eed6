/* Old kernels and failures, simulated with seccomp filters. The manual page of libsctp does
 * not document these results. Each test runs in a separate process. */
#include "sctp_peeloff.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support.h"

/* Simulates a kernel before Linux 4.13, which does not have the flags option. */
#define OLD_KERNEL deny(__NR_getsockopt, 2, SCTP_SOCKOPT_PEELOFF_FLAGS, ENOPROTOOPT)

/* Makes a system call fail with an errno if one of its arguments has a certain value. */
static void deny(int call, int argument, unsigned value, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3),
        /* The low 32 bits of the argument on little-endian architectures. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (unsigned)(offsetof(struct seccomp_data, args) + 8 * (unsigned)argument)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void peeloff_flags_sets_the_flags_on_an_old_kernel(void)
{
    OLD_KERNEL;
    check_all_flags(sctp_peeloff_flags, server());
}

static void peeloff_flags_returns_the_socket_if_a_flag_cannot_be_set(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), peeled, next;
    OLD_KERNEL;
    deny(__NR_fcntl, 1, F_SETFD, EACCES);
    errno = ANY;
    peeled = sctp_peeloff_flags(sd, id, SOCK_CLOEXEC);
    CHECK(peeled >= 0);
    CHECK(errno == EACCES);
    check_flags(peeled, 0);
    check_connected(client, peeled);
    /* No other file descriptor was left open. */
    next = dup(sd);
    CHECK(next == peeled + 1);
}

/* The filter makes the library's check for a free file descriptor fail with another errno,
 * which the library ignores. The kernel then has no free descriptor for the peel-off. */
static void both_fail_with_econnaborted_if_the_kernel_terminates_the_association(void)
{
    sctp_assoc_t ids[2];
    int sd = server(), clients[2], at;
    char byte;
    for (at = 0; at < 2; at++)
        clients[at] = associate(sd, &ids[at]);
    deny(__NR_fcntl, 1, F_DUPFD_CLOEXEC, EACCES);
    use_all_descriptors();
    FAILS(sctp_peeloff(sd, ids[0]), ECONNABORTED);
    FAILS(sctp_peeloff_flags(sd, ids[1], SOCK_CLOEXEC), ECONNABORTED);
    for (at = 0; at < 2; at++) {
        CHECK(!has_association(sd, ids[at]));
        CHECK(recv(clients[at], &byte, 1, 0) == 0);
    }
}

static void both_fail_with_eio_if_the_state_is_unknown(void)
{
    sctp_assoc_t ids[2];
    int sd = server(), at;
    for (at = 0; at < 2; at++)
        associate(sd, &ids[at]);
    deny(__NR_fcntl, 1, F_DUPFD_CLOEXEC, EACCES);
    deny(__NR_getsockopt, 2, SCTP_STATUS, EACCES);
    use_all_descriptors();
    FAILS(sctp_peeloff(sd, ids[0]), EIO);
    FAILS(sctp_peeloff_flags(sd, ids[1], SOCK_CLOEXEC), EIO);
}

static void both_fail_with_the_error_of_a_filter(void)
{
    sctp_assoc_t id;
    int sd = server();
    associate(sd, &id);
    deny(__NR_getsockopt, 2, SCTP_SOCKOPT_PEELOFF, EPERM);
    deny(__NR_getsockopt, 2, SCTP_SOCKOPT_PEELOFF_FLAGS, EPERM);
    FAILS(sctp_peeloff(sd, id), EPERM);
    FAILS(sctp_peeloff_flags(sd, id, SOCK_CLOEXEC), EPERM);
    CHECK(has_association(sd, id));
}

/* qemu-user does not forward the options. The filter simulates it. */
static void both_fail_with_enosys_if_the_options_are_unavailable(void)
{
    sctp_assoc_t id;
    int sd = server();
    associate(sd, &id);
    deny(__NR_getsockopt, 1, IPPROTO_SCTP, EOPNOTSUPP);
    FAILS(sctp_peeloff(sd, id), ENOSYS);
    FAILS(sctp_peeloff_flags(sd, id, SOCK_CLOEXEC), ENOSYS);
}

static void in_a_process(void (*test)(void), const char *name)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        test();
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        exit(1);
    printf("ok: %s\n", name);
}

#define RUN_IN_A_PROCESS(test) in_a_process(test, #test)

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    RUN_IN_A_PROCESS(peeloff_flags_sets_the_flags_on_an_old_kernel);
    RUN_IN_A_PROCESS(peeloff_flags_returns_the_socket_if_a_flag_cannot_be_set);
    RUN_IN_A_PROCESS(both_fail_with_econnaborted_if_the_kernel_terminates_the_association);
    RUN_IN_A_PROCESS(both_fail_with_the_error_of_a_filter);
    RUN_IN_A_PROCESS(both_fail_with_eio_if_the_state_is_unknown);
    RUN_IN_A_PROCESS(both_fail_with_enosys_if_the_options_are_unavailable);
    return 0;
}
