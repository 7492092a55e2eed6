//! The send and receive queues of an association.

use sctp_peeloff::AssocId;

/// The state of the queues of an association, from `/proc/net/sctp/assocs`.
pub struct Queues {
    pub send_is_full: bool,
    pub unread: usize,
}

impl Queues {
    pub fn of(id: AssocId) -> Self {
        let table = std::fs::read_to_string("/proc/net/sctp/assocs").expect("associations");
        let id = id.to_string();
        let row: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .find(|row: &Vec<&str>| row.get(6) == Some(&id.as_str()))
            .expect("the association");
        // ASSOC-ID TX_QUEUE RX_QUEUE … wmema wmemq sndbuf rcvbuf
        let number = |at: usize| row[at].parse::<usize>().expect("a number");
        let last = row.len() - 1;
        Self {
            send_is_full: number(last - 2) >= number(last - 1),
            unread: number(8),
        }
    }
}
