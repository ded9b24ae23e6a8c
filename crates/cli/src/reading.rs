//! Reads what may keep a command waiting: standard input, a terminal, a file that may be a pipe. The only place that opens standard input.

use std::io::{self, Stdin};

use tokio::sync::oneshot;

use crate::exit::Failure;
use crate::stop::Stop;

/// Standard input. Whoever reads it does so in [`unless_stopped`].
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn stdin() -> Stdin {
    io::stdin()
}

/// What `read` returns, before anything is sent. It runs on a thread that nothing waits for, because a reading that never ends must not hold up a
/// stop on request or the end of the process.
///
/// # Errors
/// When somebody asks to stop: nothing was sent or paid.
pub(crate) async fn unless_stopped<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (send, outcome) = oneshot::channel();
    std::thread::spawn(move || send.send(read()));
    let stop = Stop::process();
    tokio::select! {
        outcome = outcome => outcome.map_err(|error| Failure::usage("the input cannot be read; nothing was sent").because(error)),
        () = stop.wait() => Err(Failure::stopped("stopped on request; nothing was sent or paid")),
    }
}
