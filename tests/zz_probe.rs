#![allow(missing_docs)]
#![allow(unsafe_code)]
mod support;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::{self, RecvFlags, SendFlags, SocketType};
use sctp_peeloff::{AssocId, PeeloffFlags, assoc_ids, peeloff, peeloff_flags};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use support::message::{Message, receive, send};
use support::{Family, address, associate, kernel, option, server};

struct Ep(OwnedFd);
impl Ep {
    fn new(fd: &OwnedFd, flags: EventFlags) -> Self {
        let e = epoll::create(CreateFlags::CLOEXEC).unwrap();
        epoll::add(&e, fd, EventData::new_u64(1), flags).unwrap();
        Ep(e)
    }
    fn w(&self, ms: i64) -> String {
        let mut v: Vec<epoll::Event> = Vec::with_capacity(4);
        let t = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: ms * 1_000_000,
        };
        epoll::wait(&self.0, rustix::buffer::spare_capacity(&mut v), Some(&t)).unwrap();
        format!(
            "{:?}",
            v.iter()
                .map(|e| {
                    let f = e.flags;
                    f
                })
                .collect::<Vec<_>>()
        )
    }
}

#[test]
fn a_watchers() {
    println!("kernel {:?}", kernel::version());
    for sub in [false, true] {
        for abort in [false, true] {
            let s = server(Family::V4);
            if sub {
                option::subscribe_assoc_change(&s);
            }
            let (c, id) = associate(Family::V4, &s);
            if sub {
                receive(&s).unwrap();
            }
            let p = peeloff_flags(&s, id, PeeloffFlags::all()).unwrap();
            let lt_in = Ep::new(&p, EventFlags::IN | EventFlags::RDHUP);
            let et_in = Ep::new(&p, EventFlags::IN | EventFlags::RDHUP | EventFlags::ET);
            let et_all = Ep::new(
                &p,
                EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
            );
            println!(
                "sub={sub} abort={abort} start lt {} et {} etall {}",
                lt_in.w(20),
                et_in.w(20),
                et_all.w(20)
            );
            if abort {
                option::abort_on_close(&c);
            }
            drop(c);
            println!(
                "   after lt {} et {} etall {} etall-again {}",
                lt_in.w(20),
                et_in.w(20),
                et_all.w(20),
                et_all.w(20)
            );
        }
    }
}
#[test]
fn b_backpressure() {
    for size in [10, 1000, 10000] {
        let s = server(Family::V4);
        let (c, id) = associate(Family::V4, &s);
        let p = peeloff_flags(&s, id, PeeloffFlags::all()).unwrap();
        let et = Ep::new(&p, EventFlags::IN | EventFlags::OUT | EventFlags::ET);
        println!("start {}", et.w(20));
        let data = vec![7; size];
        let mut n = 0;
        while net::send(&p, &data, SendFlags::empty()).is_ok() {
            n += 1;
        }
        std::thread::sleep(Duration::from_millis(300));
        let mut more = 0;
        while net::send(&p, &data, SendFlags::empty()).is_ok() {
            more += 1;
        }
        let lt = Ep::new(&p, EventFlags::OUT);
        println!(
            "size {size}: {n} + {more}, full lt {} et {} {}",
            lt.w(20),
            et.w(20),
            et.w(20)
        );
        // drain
        let mut b = vec![0; 20000];
        let mut got = 0;
        let mut first = None;
        let t = Instant::now();
        while got < n + more {
            let (l, _) = net::recv(&c, &mut b, RecvFlags::empty()).unwrap();
            assert_eq!(l, size);
            got += 1;
            if first.is_none() {
                let e = lt.w(0);
                if e != "[]" {
                    first = Some((got, e));
                }
            }
        }
        println!(
            "   drained {got} in {:?}; first OUT {first:?}; et {}",
            t.elapsed(),
            et.w(300)
        );
    }
}
fn sockopts(name: &str, s: &OwnedFd, p: &OwnedFd, level: i32, opt: i32, len: usize) {
    let get = |f: &OwnedFd| {
        let mut v = vec![0; len];
        option::get(f.as_fd(), level, opt, &mut v).map(|l| v[..l].to_vec())
    };
    println!("   {name}: {:?} -> {:?}", get(s), get(p));
}
#[test]
fn c_inherit() {
    let s = server(Family::V4);
    option::set(s.as_fd(), 132, 3, &1i32.to_ne_bytes()).unwrap();
    option::set(s.as_fd(), 132, 11, &[0, 1]).unwrap();
    net::sockopt::set_socket_recv_buffer_size(&s, 100_000).unwrap();
    net::sockopt::set_socket_send_buffer_size(&s, 90_000).unwrap();
    // DEFAULT_SNDINFO 34: sctp_sndinfo sid u16, flags u16, ppid u32, ctx u32, assoc i32
    let mut d = vec![5, 0, 0, 0];
    d.extend(77u32.to_be_bytes());
    d.extend([0; 8]);
    println!("sndinfo {:?}", option::set(s.as_fd(), 132, 34, &d));
    let (c, id) = associate(Family::V4, &s);
    let _ = receive(&s);
    let p = peeloff(&s, id).unwrap();
    sockopts("rcvbuf", &s, &p, 1, 8, 4);
    sockopts("sndbuf", &s, &p, 1, 7, 4);
    sockopts("rcvtimeo", &s, &p, 1, 20, 16);
    sockopts("nodelay", &s, &p, 132, 3, 4);
    sockopts("events", &s, &p, 132, 11, 11);
    sockopts("rcvinfo", &s, &p, 132, 32, 4);
    sockopts("sndinfo", &s, &p, 132, 34, 16);
    sockopts("priority", &s, &p, 1, 12, 4);
    net::send(&p, b"default", SendFlags::empty()).unwrap();
    println!("   {:?}", receive(&c));
    println!(
        "send on server to peeled: {:?}",
        send(&s, &Message::new("x", 0, 0).to(id))
    );
    println!(
        "send on server by address: {:?}",
        net::sendto(&s, b"x", SendFlags::NOSIGNAL, &address(&c))
    );
    println!(
        "send on server to never: {:?}",
        send(&s, &Message::new("x", 0, 0).to(AssocId::from_raw(9999)))
    );
}
#[test]
fn d_connectx_and_unread() {
    // from this side
    let s = server(Family::V4);
    let l = support::socket(Family::V4, SocketType::SEQPACKET);
    rustix::io::ioctl_fionbio(&l, true).unwrap();
    let target = address(&s);
    let std::net::SocketAddr::V4(v4) = target else {
        panic!()
    };
    let mut a = vec![2, 0];
    a.extend(v4.port().to_be_bytes());
    a.extend(v4.ip().octets());
    a.extend([0; 8]);
    #[repr(C)]
    struct Old {
        id: i32,
        num: i32,
        addrs: *const u8,
    }
    let o = Old {
        id: 0,
        num: 16,
        addrs: a.as_ptr(),
    };
    let mut v =
        unsafe { std::slice::from_raw_parts((&raw const o).cast::<u8>(), size_of::<Old>()) }
            .to_vec();
    println!(
        "connectx3: {:?} id {:?} list {:?}",
        option::get(l.as_fd(), 132, 111, &mut v),
        &v[..4],
        assoc_ids(&l)
    );
    let id = AssocId::from_raw(i32::from_ne_bytes(v[..4].try_into().unwrap()));
    let p = peeloff(&l, id);
    println!("peeled {p:?}");
    let p = p.unwrap();
    println!("send {:?}", send(&p, &Message::new("early", 0, 0)));
    println!("server got {:?}", receive(&s));
    // unread
    let s = server(Family::V4);
    let (c, id) = associate(Family::V4, &s);
    send(&c, &Message::new("last words", 0, 0)).unwrap();
    drop(c);
    std::thread::sleep(Duration::from_millis(50));
    println!(
        "ids {:?} peel {:?} read {:?} id {id}",
        assoc_ids(&s),
        peeloff(&s, id),
        receive(&s)
    );
    let s = server(Family::V4);
    let (c, id) = associate(Family::V4, &s);
    send(&c, &Message::new("last words", 0, 0)).unwrap();
    option::abort_on_close(&c);
    drop(c);
    std::thread::sleep(Duration::from_millis(50));
    println!(
        "abort: ids {:?} peel {:?} read {:?} id {id}",
        assoc_ids(&s),
        peeloff(&s, id),
        receive(&s)
    );
    // peeled with unread data, then peer goes
    let s = server(Family::V4);
    let (c, id) = associate(Family::V4, &s);
    let p = peeloff_flags(&s, id, PeeloffFlags::all()).unwrap();
    send(&c, &Message::new("last words", 0, 0)).unwrap();
    drop(c);
    std::thread::sleep(Duration::from_millis(50));
    println!(
        "peeled: ids {:?} read {:?} {:?}",
        assoc_ids(&p),
        receive(&p),
        receive(&p)
    );
    // blocking reader in wait during shutdown / abort
    for abort in [false, true] {
        let s = server(Family::V4);
        let (c, id) = associate(Family::V4, &s);
        let p = peeloff(&s, id).unwrap();
        let h = std::thread::spawn(move || {
            let t = Instant::now();
            let r = receive(&p);
            let r2 = receive(&p);
            (t.elapsed(), r, r2)
        });
        std::thread::sleep(Duration::from_millis(100));
        if abort {
            option::abort_on_close(&c);
        }
        drop(c);
        println!("blocked abort={abort}: {:?}", h.join().unwrap());
    }
    // empty write via plain
    let s = server(Family::V4);
    let (c, id) = associate(Family::V4, &s);
    let p = peeloff(&s, id).unwrap();
    // SHUTDOWN_EVENT etc; close with unread data
    send(&c, &Message::new("unread", 0, 0)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    drop(p);
    println!("close with unread: client {:?}", receive(&c));
}
