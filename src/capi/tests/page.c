/* sctp_peeloff(3), line by line. */
/* The first include, because the header must not require another header before it. */
#include "sctp_peeloff.h"

#include <limits.h>
#include <pthread.h>

#include "support.h"

static void peeloff_returns_a_new_socket_for_the_association(void)
{
    sctp_assoc_t id, other_id;
    int sd = server(), client = associate(sd, &id), other = associate(sd, &other_id), peeled;
    send_text(client, "queued");
    errno = ANY;
    peeled = sctp_peeloff(sd, id);
    CHECK(peeled >= 0 && peeled != sd);
    CHECK(errno == ANY);
    CHECK(!has_association(sd, id) && has_association(peeled, id));
    CHECK(has_association(sd, other_id));
    receive_text(peeled, "queued");
    check_connected(client, peeled);
    /* One-to-one style. */
    FAILS(listen(peeled, 1), EINVAL);
    FAILS(sctp_peeloff(peeled, id), EINVAL);
    CHECK(close(sd) == 0);
    check_connected(client, peeled);
    CHECK(close(peeled) == 0 && close(client) == 0 && close(other) == 0);
}

static void peeloff_flags_sets_the_flags(void)
{
    check_all_flags(sctp_peeloff_flags, server());
}

static void flags_are_not_inherited(void)
{
    sctp_assoc_t ids[2];
    int sd = server(), clients[2], peeled[2], at;
    for (at = 0; at < 2; at++)
        clients[at] = associate(sd, &ids[at]);
    CHECK(fcntl(sd, F_SETFL, O_NONBLOCK) == 0 && fcntl(sd, F_SETFD, FD_CLOEXEC) == 0);
    peeled[0] = sctp_peeloff(sd, ids[0]);
    peeled[1] = sctp_peeloff_flags(sd, ids[1], 0);
    for (at = 0; at < 2; at++) {
        CHECK(peeled[at] >= 0);
        check_flags(peeled[at], 0);
        CHECK(close(peeled[at]) == 0 && close(clients[at]) == 0);
    }
    CHECK(close(sd) == 0);
}

static void a_non_blocking_socket_does_not_wait(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), peeled;
    char byte;
    peeled = sctp_peeloff_flags(sd, id, SOCK_NONBLOCK);
    CHECK(peeled >= 0);
    FAILS(recv(peeled, &byte, 1, 0), EAGAIN);
    CHECK(close(peeled) == 0 && close(client) == 0 && close(sd) == 0);
}

/* Both functions fail with this errno. */
static void both_fail(int sd, sctp_assoc_t id, int expected)
{
    FAILS(sctp_peeloff(sd, id), expected);
    FAILS(sctp_peeloff_flags(sd, id, 0), expected);
    FAILS(sctp_peeloff_flags(sd, id, SOCK_CLOEXEC), expected);
}

static void both_fail_with_ebadf_for_a_descriptor_that_is_not_open(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), closed = dup(sd), path;
    CHECK(closed >= 0 && close(closed) == 0);
    path = open("/", O_RDONLY | 010000000 /* O_PATH */);
    CHECK(path >= 0);
    both_fail(-1, id, EBADF);
    both_fail(-2, id, EBADF);
    both_fail(AT_FDCWD, id, EBADF);
    both_fail(INT_MIN, id, EBADF);
    both_fail(INT_MAX, id, EBADF);
    both_fail(closed, id, EBADF);
    both_fail(path, id, EBADF);
    CHECK(has_association(sd, id));
    CHECK(close(path) == 0 && close(client) == 0 && close(sd) == 0);
}

static void both_fail_with_enotsock_for_a_file(void)
{
    int ends[2], file = open("/", O_RDONLY);
    CHECK(file >= 0 && pipe(ends) == 0);
    both_fail(file, 3, ENOTSOCK);
    both_fail(ends[0], 3, ENOTSOCK);
    CHECK(close(file) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void both_fail_with_eopnotsupp_for_another_protocol(void)
{
    const int families[] = {AF_INET, AF_INET6, AF_UNIX}, types[] = {SOCK_STREAM, SOCK_DGRAM};
    size_t family, type;
    for (family = 0; family < 3; family++) {
        for (type = 0; type < 2; type++) {
            int sd = socket(families[family], types[type], 0);
            CHECK(sd >= 0);
            both_fail(sd, 3, EOPNOTSUPP);
            CHECK(close(sd) == 0);
        }
    }
}

static void both_fail_with_einval_for_an_unknown_id(void)
{
    const sctp_assoc_t unknown[] = {INT_MIN, -1, 0, INT_MAX};
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), peeled;
    size_t at;
    for (at = 0; at < sizeof unknown / sizeof *unknown; at++)
        both_fail(sd, unknown[at], EINVAL);
    peeled = sctp_peeloff(sd, id);
    CHECK(peeled >= 0);
    both_fail(sd, id, EINVAL);
    CHECK(has_association(peeled, id));
    CHECK(close(peeled) == 0 && close(client) == 0 && close(sd) == 0);
}

static void both_fail_with_einval_for_a_one_to_one_socket(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id);
    both_fail(client, id, EINVAL);
    CHECK(has_association(sd, id));
    CHECK(close(client) == 0 && close(sd) == 0);
}

static void peeloff_flags_fails_with_einval_for_unknown_flags(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id);
    FAILS(sctp_peeloff_flags(sd, id, 1), EINVAL);
    FAILS(sctp_peeloff_flags(sd, id, SOCK_CLOEXEC | 1), EINVAL);
    FAILS(sctp_peeloff_flags(sd, id, UINT_MAX), EINVAL);
    CHECK(has_association(sd, id));
    CHECK(close(client) == 0 && close(sd) == 0);
}

static void both_fail_with_emfile_and_the_association_survives(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), peeled;
    struct rlimit before = use_all_descriptors();
    both_fail(sd, id, EMFILE);
    CHECK(has_association(sd, id));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    peeled = sctp_peeloff(sd, id);
    CHECK(peeled >= 0);
    check_connected(client, peeled);
    CHECK(close(peeled) == 0 && close(client) == 0 && close(sd) == 0);
}

static volatile int handler_sd, handler_peeled;
static volatile sctp_assoc_t handler_id;

static void peel_off_in_handler(int signal)
{
    (void)signal;
    handler_peeled = sctp_peeloff_flags(handler_sd, handler_id, SOCK_CLOEXEC);
}

static void peeloff_flags_preserves_errno_in_a_signal_handler(void)
{
    sctp_assoc_t id;
    int client, sd = server();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = peel_off_in_handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    client = associate(sd, &id);
    handler_sd = sd;
    handler_id = id;
    handler_peeled = -1;
    errno = ANY;
    CHECK(raise(SIGUSR1) == 0);
    CHECK(errno == ANY);
    CHECK(handler_peeled >= 0);
    check_connected(client, handler_peeled);
    CHECK(close(handler_peeled) == 0 && close(client) == 0 && close(sd) == 0);
}

enum { EACH = 50 };

struct share {
    int sd, wrong_sd, errno_of_failure, clients[EACH], peeled[EACH];
    sctp_assoc_t ids[EACH];
};

/* Alternates failing and successful calls. Each thread has a different errno, which the
 * other thread's calls must not change. */
static void *peel_off_share(void *argument)
{
    struct share *share = (struct share *)argument;
    int at;
    for (at = 0; at < EACH; at++) {
        FAILS(sctp_peeloff(share->wrong_sd, share->ids[at]), share->errno_of_failure);
        errno = share->errno_of_failure;
        share->peeled[at] = sctp_peeloff_flags(share->sd, share->ids[at], SOCK_CLOEXEC);
        CHECK(share->peeled[at] >= 0);
        CHECK(errno == share->errno_of_failure);
    }
    return NULL;
}

static void two_threads_peel_off_the_same_socket(void)
{
    int sd = server(), file = open("/", O_RDONLY), at, thread;
    struct share shares[2] = {{sd, -1, EBADF, {0}, {0}, {0}}, {sd, file, ENOTSOCK, {0}, {0}, {0}}};
    pthread_t threads[2];
    for (thread = 0; thread < 2; thread++)
        for (at = 0; at < EACH; at++)
            shares[thread].clients[at] = associate(sd, &shares[thread].ids[at]);
    for (thread = 0; thread < 2; thread++)
        CHECK(pthread_create(&threads[thread], NULL, peel_off_share, &shares[thread]) == 0);
    for (thread = 0; thread < 2; thread++)
        CHECK(pthread_join(threads[thread], NULL) == 0);
    for (thread = 0; thread < 2; thread++) {
        for (at = 0; at < EACH; at++) {
            check_connected(shares[thread].clients[at], shares[thread].peeled[at]);
            CHECK(close(shares[thread].clients[at]) == 0);
            CHECK(close(shares[thread].peeled[at]) == 0);
        }
    }
    CHECK(close(sd) == 0 && close(file) == 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    RUN(peeloff_returns_a_new_socket_for_the_association);
    RUN(peeloff_flags_sets_the_flags);
    RUN(flags_are_not_inherited);
    RUN(a_non_blocking_socket_does_not_wait);
    RUN(both_fail_with_ebadf_for_a_descriptor_that_is_not_open);
    RUN(both_fail_with_enotsock_for_a_file);
    RUN(both_fail_with_eopnotsupp_for_another_protocol);
    RUN(both_fail_with_einval_for_an_unknown_id);
    RUN(both_fail_with_einval_for_a_one_to_one_socket);
    RUN(peeloff_flags_fails_with_einval_for_unknown_flags);
    RUN(both_fail_with_emfile_and_the_association_survives);
    RUN(peeloff_flags_preserves_errno_in_a_signal_handler);
    RUN(two_threads_peel_off_the_same_socket);
    return 0;
}
