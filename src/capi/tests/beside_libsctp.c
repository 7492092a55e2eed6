/* A program that uses libsctp. It exits with 0 only if sctp_peeloff() is this
 * library's: libsctp's terminates the association at the limit on open files. */
#include "support.h"

#include <netinet/sctp.h>

int main(void)
{
    sctp_assoc_t id;
    int sd = server(), client = associate(sd, &id), peeled;
    struct sctp_sndrcvinfo info;
    struct rlimit before;
    char byte;
    int on = 1;
    CHECK(setsockopt(sd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) == 0);
    CHECK(sctp_sendmsg(client, "x", 1, NULL, 0, 0, 0, 0, 0, 0) == 1);
    CHECK(sctp_recvmsg(sd, &byte, 1, NULL, NULL, &info, NULL) == 1);
    before = use_all_descriptors();
    FAILS(sctp_peeloff(sd, id), EMFILE);
    CHECK(has_association(sd, id));
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    peeled = sctp_peeloff(sd, id);
    CHECK(peeled >= 0);
    check_connected(client, peeled);
    return 0;
}
