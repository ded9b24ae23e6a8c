//! The load: pushes over connections that stay open, as fast as they are answered or by the clock.
//!
//! It must not spare a slow receiver: by the clock, a time is counted from the moment at which the push was due.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::jobs::Pushes;

/// Connections that stay open.
const CONNECTIONS: usize = 256;

pub(crate) struct Load {
    pub(crate) to: SocketAddr,
    pub(crate) pushes: Pushes,
    /// Pushes a second; as many as are answered otherwise.
    pub(crate) pace: Option<u64>,
}

pub(crate) struct Answered {
    /// From when each push was due to its answer.
    pub(crate) times: Vec<Duration>,
    pub(crate) took: Duration,
}

/// What is due, for whichever connection is free.
struct Due {
    queue: RefCell<VecDeque<(u64, Instant)>>,
    ready: Semaphore,
}

impl Load {
    /// Requests that are no pushes, so that connections, code and memory are there.
    pub(crate) async fn warm_up(&self) {
        let mut answer = [0; 1024];
        for _ in 0..1000 {
            // A refused request closes its connection.
            let mut stream = TcpStream::connect(self.to).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
            assert!(stream.read(&mut answer).await.unwrap() > 0);
        }
    }

    pub(crate) async fn run(&self) -> Answered {
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(self.to).await.unwrap();
            stream.set_nodelay(true).unwrap();
            streams.push(stream);
        }
        let times = Rc::new(RefCell::new(Vec::with_capacity(self.pushes.count() as usize)));
        let next = Cell::new(0);
        let due = Due { queue: RefCell::default(), ready: Semaphore::new(0) };
        let start = Instant::now();
        let local = LocalSet::new();
        let connections = streams.into_iter().map(|stream| self.connection(stream, &next, &due, &times));
        let everything = async {
            tokio::join!(self.clock(start, &due), futures_util::future::join_all(connections));
        };
        local.run_until(everything).await;
        let took = start.elapsed();
        Answered { times: times.take(), took }
    }

    /// Says when each push is due.
    async fn clock(&self, start: Instant, due: &Due) {
        let Some(pace) = self.pace else { return };
        let mut sent = 0;
        while sent < self.pushes.count() {
            let now = Instant::now();
            let until = ((now - start).as_micros() as u64 * pace / 1_000_000).min(self.pushes.count());
            for row in sent..until {
                let at = start + Duration::from_nanos(row * 1_000_000_000 / pace);
                due.queue.borrow_mut().push_back((row, at));
            }
            due.ready.add_permits((until - sent) as usize);
            sent = until;
            // why-sleep: the pace is what is measured.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        due.ready.close();
    }

    async fn take(&self, next: &Cell<u64>, due: &Due) -> Option<(u64, Instant)> {
        if self.pace.is_none() {
            let row = next.replace(next.get() + 1);
            return (row < self.pushes.count()).then(|| (row, Instant::now()));
        }
        if let Ok(permit) = due.ready.acquire().await {
            permit.forget();
        }
        due.queue.borrow_mut().pop_front()
    }

    async fn connection(
        &self,
        mut stream: TcpStream,
        next: &Cell<u64>,
        due: &Due,
        times: &Rc<RefCell<Vec<Duration>>>,
    ) {
        let (mut body, mut request, mut answer) = (Vec::new(), Vec::new(), [0; 1024]);
        while let Some((row, at)) = self.take(next, due).await {
            self.pushes.write(row, &mut body, &mut request);
            stream.write_all(&request).await.unwrap();
            let mut length = 0;
            while !answer[..length].ends_with(b"\r\n\r\n") {
                let more = stream.read(&mut answer[length..]).await.unwrap();
                assert!(more > 0, "the connection was closed");
                length += more;
            }
            assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer[..length]));
            times.borrow_mut().push(at.elapsed());
        }
    }
}
