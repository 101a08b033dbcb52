//! The closed loop: a few threads drive all connections, each connection sends its next request when the last is
//! answered, and every answer within the window is timed and judged.
//!
//! A closed loop says how fast the server is when it is kept busy by that many callers; it does not say how long a
//! queue would grow under traffic that does not wait. It must never drop a slow answer from the histogram, retry
//! silently, or count an answer that it did not look at.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::error::{Error, Result};
use crate::http::{Inbox, Malformed, response};
use crate::measured::histogram;

/// How hard and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    /// Load before the window, to fill caches and settle the server's own loops; not counted.
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

/// What is asked, and whether an answer was right. One per thread.
pub(crate) trait Work: Send {
    /// What the answer has to be judged by.
    type Ticket: Copy;

    /// Appends the next request to `out`; `None`: there is nothing left to do.
    fn request(&mut self, out: &mut Vec<u8>) -> Option<Self::Ticket>;

    /// Whether this is the right answer to the request of `ticket`.
    fn answered(&mut self, ticket: Self::Ticket, status: u16, body: &[u8]) -> bool;
}

/// What the window brought.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Nanoseconds of each right answer, from the first byte sent to the last byte read.
    pub(crate) latency: Histogram<u64>,
    /// Answers that were wrong or did not come, warm-up included.
    pub(crate) failures: u64,
    /// The first of them.
    pub(crate) first_failure: Option<String>,
    /// How long the window was in fact.
    pub(crate) window: Duration,
}

impl Tally {
    fn new() -> Self {
        Self { latency: histogram(), failures: 0, first_failure: None, window: Duration::ZERO }
    }

    fn fail(&mut self, why: impl FnOnce() -> String) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(why);
    }

    fn join(&mut self, other: Self) {
        self.latency.add(&other.latency).expect("histograms of one range fit together");
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

/// Loads `address` with one thread per element of `work`; calls `edge` when the window opens and when it closes.
pub(crate) fn drive<W: Work>(
    address: SocketAddr,
    plan: &Plan,
    work: &mut [W],
    mut edge: impl FnMut() -> Result<()>,
) -> Result<Tally> {
    let opens = Instant::now() + plan.warm_up;
    let closes = opens + plan.window;
    let each = plan.connections.div_ceil(work.len().max(1));
    thread::scope(|scope| {
        // Nothing is ever sent: when all threads have ended, the channel closes, and waiting ends early.
        let (running, ended) = mpsc::channel::<()>();
        let mut threads = Vec::new();
        for work in work.iter_mut() {
            let running = running.clone();
            threads.push(scope.spawn(move || {
                let _running = running;
                Driver::new(address, each, opens, closes)?.run(work)
            }));
        }
        drop(running);
        let wait_until = |moment: Instant| {
            let _ = ended.recv_timeout(moment.saturating_duration_since(Instant::now()));
        };
        wait_until(opens);
        edge()?;
        let opened = Instant::now();
        wait_until(closes);
        edge()?;
        let mut tally = Tally::new();
        tally.window = opened.elapsed();
        for thread in threads {
            let part = thread.join().map_err(|_| Error::Usage("a load thread panicked".to_owned()))?;
            tally.join(part?);
        }
        Ok(tally)
    })
}

/// How long answers may take after the window has closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// A server that fails this often in a row is not being measured, it is down.
const HOPELESS: u64 = 10_000;

/// One thread's connections.
struct Driver<T> {
    address: SocketAddr,
    poll: Poll,
    lanes: Vec<Lane<T>>,
    opens: Instant,
    closes: Instant,
    tally: Tally,
    failed_in_a_row: u64,
}

/// One connection and the request that is under way on it.
struct Lane<T> {
    stream: TcpStream,
    outbox: Vec<u8>,
    sent: usize,
    inbox: Inbox,
    under_way: Option<(T, Instant)>,
}

/// What became of a lane when it was looked at.
enum Turn {
    /// More has to arrive or to leave.
    Waiting,
    /// An answer is complete; `true`: right, and the connection stays open.
    Answered(bool),
    /// The connection is of no use any more.
    Broken(String),
}

impl<T: Copy> Driver<T> {
    fn new(address: SocketAddr, lanes: usize, opens: Instant, closes: Instant) -> Result<Self> {
        let poll = Poll::new().map_err(Error::io("asking for a poll"))?;
        let mut driver =
            Self { address, poll, lanes: Vec::new(), opens, closes, tally: Tally::new(), failed_in_a_row: 0 };
        for index in 0..lanes {
            let stream = driver.connect(index)?;
            let (outbox, inbox) = (Vec::with_capacity(4096), Inbox::new());
            driver.lanes.push(Lane { stream, outbox, sent: 0, inbox, under_way: None });
        }
        Ok(driver)
    }

    fn connect(&self, index: usize) -> Result<TcpStream> {
        // Blocking while connecting: load starts when all callers are there.
        let connected = std::net::TcpStream::connect(self.address).and_then(|stream| {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            self.poll.registry().register(
                &mut stream,
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            Ok(stream)
        });
        connected.map_err(Error::io("connecting to the server"))
    }

    fn run<W: Work<Ticket = T>>(mut self, work: &mut W) -> Result<Tally> {
        for index in 0..self.lanes.len() {
            self.next(index, work, Instant::now())?;
        }
        let mut events = Events::with_capacity(self.lanes.len().max(1));
        while self.lanes.iter().any(|lane| lane.under_way.is_some()) {
            let left = (self.closes + PATIENCE).saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.give_up();
                break;
            }
            match self.poll.poll(&mut events, Some(left)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled.map_err(Error::io("waiting for the server"))?,
            }
            for event in &events {
                self.turn(event.token().0, work)?;
            }
        }
        Ok(self.tally)
    }

    fn turn<W: Work<Ticket = T>>(&mut self, index: usize, work: &mut W) -> Result<()> {
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        let Some((ticket, since)) = lane.under_way else { return Ok(()) };
        let turn = lane.look(|status, body| {
            let right = work.answered(ticket, status, body);
            if !right {
                self.tally.fail(|| {
                    format!("{status} {}", String::from_utf8_lossy(body.get(..300).unwrap_or(body)))
                });
            }
            right
        });
        let now = Instant::now();
        match turn {
            Turn::Waiting => return Ok(()),
            Turn::Answered(right) => {
                self.failed_in_a_row = if right { 0 } else { self.failed_in_a_row + 1 };
                if right && now >= self.opens && now < self.closes {
                    let nanoseconds = u64::try_from(now.duration_since(since).as_nanos()).unwrap_or(u64::MAX);
                    self.tally.latency.saturating_record(nanoseconds);
                }
            }
            Turn::Broken(why) => self.replace(index, why)?,
        }
        self.next(index, work, now)
    }

    /// Starts the next request of a lane, unless the window has closed or there is nothing left to ask.
    fn next<W: Work<Ticket = T>>(&mut self, index: usize, work: &mut W, now: Instant) -> Result<()> {
        let Some(lane) = self.lanes.get_mut(index) else { return Ok(()) };
        lane.inbox.clear();
        lane.outbox.clear();
        lane.sent = 0;
        lane.under_way = None;
        if self.failed_in_a_row >= HOPELESS {
            let said = self.tally.first_failure.take().unwrap_or_default();
            return Err(Error::Server(format!("gives only wrong answers; the first: {said}")));
        }
        if now >= self.closes {
            return Ok(());
        }
        let Some(ticket) = work.request(&mut lane.outbox) else { return Ok(()) };
        lane.under_way = Some((ticket, now));
        // A server may close an idle connection just before we use it: that is one failure and a new connection, on
        // which the request leaves when the poll says that it can.
        if let Err(error) = lane.send() {
            lane.sent = 0;
            self.replace(index, format!("sending: {error}"))?;
        }
        Ok(())
    }

    /// Counts a failure and connects the lane anew.
    fn replace(&mut self, index: usize, why: String) -> Result<()> {
        self.tally.fail(|| why);
        self.failed_in_a_row += 1;
        let stream = self.connect(index)?;
        if let Some(lane) = self.lanes.get_mut(index) {
            lane.stream = stream;
        }
        Ok(())
    }

    fn give_up(&mut self) {
        let open = self.lanes.iter().filter(|lane| lane.under_way.is_some()).count();
        for _ in 0..open {
            self.tally.fail(|| format!("no answer {} s after the end", PATIENCE.as_secs()));
        }
    }
}

impl<T> Lane<T> {
    /// Sends what the socket takes.
    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.outbox.len() {
            match self.stream.write(self.outbox.get(self.sent..).unwrap_or_default()) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends the rest of the request, if any, and reads until an answer is complete or nothing more is there.
    ///
    /// The poll is edge-triggered. After a complete answer the socket is not read again just to see it empty: nothing
    /// can arrive before the next request, and when it does that is a new edge.
    fn look(&mut self, judge: impl FnOnce(u16, &[u8]) -> bool) -> Turn {
        if let Err(error) = self.send() {
            return Turn::Broken(format!("sending: {error}"));
        }
        loop {
            match self.inbox.fill(&mut self.stream) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Waiting,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Turn::Broken(format!("reading: {error}")),
            }
            match response(self.inbox.arrived()) {
                Ok(None) => {}
                Ok(Some(answer)) if answer.last => {
                    judge(answer.status, answer.body);
                    return Turn::Broken("the server closed the connection".to_owned());
                }
                Ok(Some(answer)) => return Turn::Answered(judge(answer.status, answer.body)),
                Err(Malformed(what)) => return Turn::Broken(format!("the server sent {what}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Asks until `left` is used up; an answer is right when it is a 200.
    struct Counted {
        left: u64,
        right: u64,
    }

    impl Work for Counted {
        type Ticket = ();

        fn request(&mut self, out: &mut Vec<u8>) -> Option<()> {
            self.left = self.left.checked_sub(1)?;
            out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
            Some(())
        }

        fn answered(&mut self, (): (), status: u16, _: &[u8]) -> bool {
            self.right += u64::from(status == 200);
            status == 200
        }
    }

    /// Answers every request on every connection with `answer`, until the caller hangs up.
    fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                stream.set_nodelay(true).expect("a socket takes this option");
                thread::spawn(move || {
                    let mut inbox = Inbox::new();
                    while inbox.fill(&mut stream).is_ok() {
                        if inbox.arrived().ends_with(b"\r\n\r\n") {
                            inbox.clear();
                            // In two pieces, so that an answer does not come whole.
                            let (front, back) = answer.split_at(answer.len() / 2);
                            if stream.write_all(front).and_then(|()| stream.write_all(back)).is_err() {
                                break;
                            }
                            if answer.windows(5).any(|window| window == b"close") {
                                break;
                            }
                        }
                    }
                });
            }
        });
        address
    }

    fn plan(connections: usize, threads: usize) -> Plan {
        Plan { connections, threads, warm_up: Duration::ZERO, window: Duration::from_secs(5) }
    }

    #[test]
    fn every_request_is_answered_once_and_timed() {
        let address = server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        let mut work = [Counted { left: 500, right: 0 }, Counted { left: 700, right: 0 }];
        let mut edges = 0;
        let tally = drive(address, &plan(6, 2), &mut work, || {
            edges += 1;
            Ok(())
        });
        let tally = tally.expect("a run");
        assert_eq!((work[0].right, work[1].right), (500, 700));
        assert_eq!((tally.latency.len(), tally.failures, edges), (1_200, 0, 2));
    }

    #[test]
    fn wrong_answers_are_counted_with_their_text_and_not_timed() {
        let address = server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
        let mut work = [Counted { left: 10, right: 0 }];
        let tally = drive(address, &plan(2, 1), &mut work, || Ok(())).expect("a run");
        assert_eq!((tally.latency.len(), tally.failures), (0, 10));
        assert_eq!(tally.first_failure.as_deref(), Some("503 busy"));
    }

    #[test]
    fn a_server_that_hangs_up_is_called_again() {
        let address = server(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let mut work = [Counted { left: 5, right: 0 }];
        let tally = drive(address, &plan(1, 1), &mut work, || Ok(())).expect("a run");
        assert_eq!((work[0].right, tally.failures), (5, 5));
    }

    #[test]
    fn a_server_that_speaks_otherwise_does_not_pass_for_a_fast_one() {
        let address = server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        let mut work = [Counted { left: 3, right: 0 }];
        let tally = drive(address, &plan(1, 1), &mut work, || Ok(())).expect("a run");
        assert_eq!((tally.latency.len(), tally.failures), (0, 3));
    }
}
