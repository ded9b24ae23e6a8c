//! A way to the sandbox on which answers, or requests, are lost. It notes what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::support::read_message;

/// What becomes of a submit on its way; queries always pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing is lost.
    None,
    /// It arrives, and its answer does not.
    Answers,
    /// The first so many never arrive.
    Requests(usize),
}

/// What passed, and when.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) submits: Vec<Instant>,
    pub(crate) queries: Vec<Instant>,
}

/// Something between the client and the sandbox.
pub(crate) struct Way {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Way {
    pub(crate) fn to(sandbox: &str, loss: Loss) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Seen>>::default();
        let (log, sandbox) = (Arc::clone(&seen), sandbox.strip_prefix("http://").unwrap().to_owned());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, sandbox) = (Arc::clone(&log), sandbox.clone());
                thread::spawn(move || pass(stream.unwrap(), &sandbox, loss, &log));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn queries(&self) -> usize {
        self.seen.lock().unwrap().queries.len()
    }

    /// How long after the first submit the first query came.
    pub(crate) fn first_query(&self) -> Option<Duration> {
        let seen = self.seen.lock().unwrap();
        Some(seen.queries.first()?.duration_since(*seen.submits.first()?))
    }
}

/// One request to a connection: the answer says so, and the client opens another.
fn pass(mut stream: TcpStream, sandbox: &str, loss: Loss, log: &Mutex<Seen>) {
    let Some((head, body)) = read_message(&mut stream) else { return };
    let is_submit = head.contains("/api/number/check");
    let before = {
        let mut seen = log.lock().unwrap();
        let list = if is_submit { &mut seen.submits } else { &mut seen.queries };
        list.push(Instant::now());
        list.len() - 1
    };
    let lose_request = matches!(loss, Loss::Requests(first) if is_submit && before < first);
    if !lose_request {
        let mut there = TcpStream::connect(sandbox).unwrap();
        let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        there.write_all(head.as_bytes()).unwrap();
        there.write_all(&body).unwrap();
        let mut answer = Vec::new();
        there.read_to_end(&mut answer).unwrap();
        if !(is_submit && loss == Loss::Answers) {
            // Who has gone meanwhile does not hear it.
            let _ = stream.write_all(&answer);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}
