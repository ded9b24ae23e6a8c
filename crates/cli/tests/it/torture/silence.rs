//! A way to the sandbox on which answers, or requests, are lost. It notes what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::read_message;

/// What becomes of a submit on its way; queries always pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing is lost.
    None,
    /// It arrives, and its answer does not.
    Answers,
    /// The first so many never arrive.
    Requests(usize),
    /// It arrives so much later.
    Late(Duration),
}

/// What passed, and when.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) submits: Vec<Instant>,
    pub(crate) queries: Vec<Instant>,
}

/// Something between the client and the sandbox, until it is dropped.
pub(crate) struct Way {
    address: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
    open: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Way {
    /// From one address to another.
    pub(crate) fn at(address: &str, sandbox: &str, loss: Loss) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let open = Arc::new(AtomicBool::new(true));
        let (log, sandbox, is_open) = (Arc::clone(&seen), sandbox.to_owned(), Arc::clone(&open));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| is_open.load(Ordering::SeqCst)) {
                let (log, sandbox) = (Arc::clone(&log), sandbox.clone());
                thread::spawn(move || pass(stream.unwrap(), &sandbox, loss, &log));
            }
        });
        Self { address: address.to_owned(), seen, open, accepting: Some(accepting) }
    }

    pub(crate) fn submits(&self) -> usize {
        self.seen.lock().unwrap().submits.len()
    }

    /// Waits until the first one passes.
    pub(crate) fn wait_for_a_submit(&self) {
        let began = Instant::now();
        while self.submits() == 0 {
            assert!(began.elapsed().as_secs() < 60, "nothing was submitted");
            // why-sleep: another process is waited for.
            thread::sleep(Duration::from_millis(5));
        }
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

impl Drop for Way {
    /// Gives the address back.
    fn drop(&mut self) {
        self.open.store(false, Ordering::SeqCst);
        // It notices with the next connection.
        let _ = TcpStream::connect(&self.address);
        let _ = self.accepting.take().unwrap().join();
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
    if let (Loss::Late(delay), true) = (loss, is_submit) {
        // why-sleep: a slow way is one on which time passes.
        thread::sleep(delay);
    }
    if !lose_request {
        // What was still under way when the scene ended finds nobody.
        let Ok(mut there) = TcpStream::connect(sandbox) else { return };
        let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        let mut answer = Vec::new();
        let sent = there.write_all(head.as_bytes()).and_then(|()| there.write_all(&body));
        if sent.and_then(|()| there.read_to_end(&mut answer)).is_err() {
            return;
        }
        if !(is_submit && loss == Loss::Answers) {
            // Who has gone meanwhile does not hear it.
            let _ = stream.write_all(&answer);
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}
