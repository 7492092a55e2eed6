/* Sockets, associations and checks for the test programs, in C99 and C++. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sctp.h>

/* A value of errno that no call sets. */
#define ANY 4711

/* Ends the program if the expression is false. */
#define CHECK(expression)                                                                \
    do {                                                                                 \
        if (!(expression)) {                                                             \
            printf("%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #expression,           \
                   strerror(errno));                                                     \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

/* Checks that the call fails with this errno. */
#define FAILS(call, expected)                                                            \
    do {                                                                                 \
        errno = ANY;                                                                     \
        CHECK((call) == -1);                                                             \
        CHECK(errno == (expected));                                                      \
    } while (0)

#define RUN(test)                                                                        \
    do {                                                                                 \
        test();                                                                          \
        printf("ok: %s\n", #test);                                                       \
    } while (0)

static inline struct sockaddr_in address_of(int sd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    CHECK(getsockname(sd, (struct sockaddr *)&address, &length) == 0);
    return address;
}

/* An SCTP socket of this type, bound to the loopback interface. */
static inline int sctp_socket(int type)
{
    int sd = socket(AF_INET, type, IPPROTO_SCTP);
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(sd >= 0);
    CHECK(bind(sd, (struct sockaddr *)&address, sizeof address) == 0);
    return sd;
}

/* A one-to-many socket that listens. */
static inline int server(void)
{
    int sd = sctp_socket(SOCK_SEQPACKET);
    CHECK(listen(sd, 1024) == 0);
    return sd;
}

/* A one-to-one socket with an association to the server, and that association's id on
 * the server. The server may still be waiting for the client's last chunk. */
static inline int associate(int server_sd, sctp_assoc_t *id)
{
    int client = sctp_socket(SOCK_STREAM), tries;
    struct sockaddr_in to = address_of(server_sd), from = address_of(client);
    CHECK(connect(client, (struct sockaddr *)&to, sizeof to) == 0);
    for (tries = 0; tries < 20000; tries++) {
        struct sctp_paddrinfo info;
        socklen_t length = sizeof info;
        memset(&info, 0, sizeof info);
        memcpy(&info.spinfo_address, &from, sizeof from);
        if (getsockopt(server_sd, IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &info, &length) == 0
            && info.spinfo_assoc_id != 0) {
            *id = info.spinfo_assoc_id;
            return client;
        }
        usleep(1000);
    }
    CHECK(!"the server has the association");
    return -1;
}

/* Whether the association is on this socket. */
static inline int has_association(int sd, sctp_assoc_t id)
{
    struct sctp_status status;
    socklen_t length = sizeof status;
    memset(&status, 0, sizeof status);
    status.sstat_assoc_id = id;
    return getsockopt(sd, IPPROTO_SCTP, SCTP_STATUS, &status, &length) == 0;
}

static inline void send_text(int from, const char *text)
{
    CHECK(send(from, text, strlen(text), 0) == (ssize_t)strlen(text));
}

static inline void receive_text(int to, const char *text)
{
    char buffer[64];
    ssize_t length = recv(to, buffer, sizeof buffer, 0);
    CHECK(length == (ssize_t)strlen(text));
    CHECK(memcmp(buffer, text, strlen(text)) == 0);
}

/* Both ends of the association reach each other. */
static inline void check_connected(int client, int peeled)
{
    send_text(client, "to the peeled-off socket");
    receive_text(peeled, "to the peeled-off socket");
    send_text(peeled, "to the client");
    receive_text(client, "to the client");
}

/* The file descriptor has these flags and no others. */
static inline void check_flags(int peeled, unsigned flags)
{
    CHECK(!(fcntl(peeled, F_GETFL) & O_NONBLOCK) == !(flags & SOCK_NONBLOCK));
    CHECK(!(fcntl(peeled, F_GETFD) & FD_CLOEXEC) == !(flags & SOCK_CLOEXEC));
}

/* The function sets each combination of flags. */
static inline void check_all_flags(int (*peeloff_flags)(int, sctp_assoc_t, unsigned), int sd)
{
    const unsigned flags[] = {0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC};
    size_t at;
    for (at = 0; at < sizeof flags / sizeof *flags; at++) {
        sctp_assoc_t id;
        int client = associate(sd, &id), peeled;
        errno = ANY;
        peeled = peeloff_flags(sd, id, flags[at]);
        CHECK(peeled >= 0 && errno == ANY);
        check_flags(peeled, flags[at]);
        CHECK(close(peeled) == 0 && close(client) == 0);
    }
    CHECK(close(sd) == 0);
}

/* Sets the limit of open file descriptors so that none is free. */
static inline struct rlimit use_all_descriptors(void)
{
    struct rlimit before, full;
    int lowest_free = dup(STDIN_FILENO);
    CHECK(lowest_free >= 0 && close(lowest_free) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    full = before;
    full.rlim_cur = (rlim_t)lowest_free;
    CHECK(setrlimit(RLIMIT_NOFILE, &full) == 0);
    return before;
}
