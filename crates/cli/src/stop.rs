//! Stopping on request: what the first Ctrl-C or SIGTERM asks for, and the end at once that the next one brings.
//!
//! Stopping undoes nothing: what was sent stays sent. Nothing here ends the process while a store is open: `main` drops the command
//! first, and a file store closes itself when it is dropped.

use std::future;
use std::pin::pin;
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{self, Stream, StreamExt};
use numcheck_job::Cancel;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::exit::Failure;
use crate::print;

/// What a command that a signal ended at once exits with, as shells have it for Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

/// Signals within this time are one: `timeout 5 numcheck …` signals the process, and then its group.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// How long a command that ends at once may take to be dropped.
const CLOSING: Duration = Duration::from_secs(1);

/// How far this process was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    No,
    Cleanly,
    AtOnce,
}

/// Whether somebody asked to stop. Clones share the answer.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    asked: watch::Sender<Asked>,
    /// The same for a job that is driven.
    cancel: Cancel,
    /// What is said at the first signal, by a verb that then ends cleanly.
    word: OnceLock<&'static str>,
}

static PROCESS: LazyLock<Stop> = LazyLock::new(Stop::new);

impl Stop {
    fn new() -> Self {
        Self(Arc::new(Inner {
            asked: watch::Sender::new(Asked::No),
            cancel: Cancel::new(),
            word: OnceLock::new(),
        }))
    }

    /// The stop of this process. Without [`Stop::on_signal`] the first signal already ends the command at once.
    pub(crate) fn process() -> Self {
        PROCESS.clone()
    }

    /// The stop of this process, for a verb that ends cleanly from now on: the first signal asks it to, after saying `word`.
    pub(crate) fn on_signal(word: &'static str) -> Self {
        let stop = Self::process();
        stop.ends_cleanly(word);
        stop
    }

    fn ends_cleanly(&self, word: &'static str) {
        // A verb says it once.
        let _ = self.0.word.set(word);
    }

    /// What stops a job that is driven.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.0.cancel
    }

    /// Whether somebody asked.
    pub(crate) fn asked(&self) -> bool {
        *self.0.asked.borrow() != Asked::No
    }

    /// Resolves once somebody asked.
    pub(crate) async fn wait(&self) {
        self.reaches(Asked::Cleanly).await;
    }

    /// The outcome of `work`; `None` once somebody asked, and then `work` is dropped, wherever it is.
    pub(crate) async fn race<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.cancel.race(work).await
    }

    /// The outcome of `work`, which gets `grace` more once somebody asked; `None` when that is over, and then `work` is dropped.
    pub(crate) async fn race_with_grace<T>(
        &self,
        grace: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.0.cancel.race_with_grace(grace, work).await
    }

    fn raise(&self, asked: Asked) {
        self.0.asked.send_if_modified(|known| {
            let is_news = asked > *known;
            *known = asked.max(*known);
            is_news
        });
        self.0.cancel.cancel();
    }

    /// Resolves in the first poll after it was asked so, also where the wake-up is still to come: one that waits for less than another in
    /// the same task never comes after it.
    async fn reaches(&self, asked: Asked) {
        let mut known = self.0.asked.subscribe();
        let mut reached = pin!(known.wait_for(|known| *known >= asked));
        future::poll_fn(|context| match *self.0.asked.borrow() >= asked {
            true => Poll::Ready(()),
            // It cannot fail: the sender lives as long as `self`.
            false => reached.as_mut().poll(context).map(drop),
        })
        .await;
    }

    /// Turns signals into what they ask for, and returns at the one that ends the command at once.
    async fn follow(&self, mut signals: impl Stream<Item = ()> + Unpin) {
        signals.next().await;
        if let Some(word) = self.0.word.get() {
            let first = Instant::now();
            if !word.is_empty() {
                print::say(word);
            }
            self.raise(Asked::Cleanly);
            while signals.next().await.is_some() && first.elapsed() < SAME_SIGNAL {}
        }
        self.raise(Asked::AtOnce);
    }

    /// The outcome of a command; `None` when it was to end at once, and then it has been dropped.
    async fn unless_at_once<T>(&self, command: impl Future<Output = T>) -> Option<T> {
        let mut command = pin!(command);
        tokio::select! {
            biased;
            done = &mut command => Some(done),
            // What waits for a stop has not seen one that came since.
            () = self.reaches(Asked::AtOnce) => command.now_or_never(),
        }
    }
}

/// Runs a command under the signals of this process: `None` when one of them ended it at once.
///
/// The handlers also make SIGTERM reach a process with the id 1, which ignores it otherwise.
pub(crate) async fn unless_stopped<T>(command: impl Future<Output = T>) -> Result<Option<T>, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new("signals cannot be received").because(error));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let signals = stream::poll_fn(move |context| {
        // Both are asked, so that both wake this task.
        let came = [interrupt.poll_recv(context).is_ready(), terminate.poll_recv(context).is_ready()];
        if came.contains(&true) { Poll::Ready(Some(())) } else { Poll::Pending }
    });
    let stop = Stop::process();
    tokio::spawn(async move {
        stop.follow(signals).await;
        std::thread::spawn(|| {
            std::thread::sleep(CLOSING);
            std::process::exit(EXIT_CODE.into());
        });
    });
    Ok(Stop::process().unless_at_once(command).await)
}

#[cfg(test)]
impl Stop {
    /// A stop that no signal reaches.
    pub(crate) fn for_test() -> Self {
        Self::new()
    }

    /// Asks as the first signal does.
    pub(crate) fn ask(&self) {
        self.raise(Asked::Cleanly);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::time::{advance, sleep};

    use super::*;

    /// A stop, and what signals it. Each signal has been taken when `advance` returns.
    fn followed(word: Option<&'static str>) -> (Stop, UnboundedSender<()>) {
        let (send, mut receive) = unbounded_channel();
        let stop = Stop::new();
        word.iter().for_each(|word| stop.ends_cleanly(word));
        let own = stop.clone();
        tokio::spawn(async move { own.follow(stream::poll_fn(|context| receive.poll_recv(context))).await });
        (stop, send)
    }

    fn level(stop: &Stop) -> Asked {
        *stop.0.asked.borrow()
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_within_a_second_is_the_same_one_and_a_later_one_ends_at_once() {
        let (stop, signal) = followed(Some(""));
        advance(Duration::from_secs(9)).await;
        assert!(!stop.asked());
        signal.send(()).unwrap();
        advance(Duration::from_millis(1)).await;
        assert_eq!(level(&stop), Asked::Cleanly);
        for _ in 0..2 {
            signal.send(()).unwrap();
            advance(Duration::from_millis(499)).await;
            assert_eq!(level(&stop), Asked::Cleanly);
        }
        advance(Duration::from_millis(2)).await;
        signal.send(()).unwrap();
        advance(Duration::from_millis(1)).await;
        assert_eq!(level(&stop), Asked::AtOnce);
    }

    #[tokio::test(start_paused = true)]
    async fn a_verb_without_a_clean_end_ends_at_the_first_signal() {
        let (stop, signal) = followed(None);
        signal.send(()).unwrap();
        assert_eq!(stop.unless_at_once(pending::<()>()).await, None);
        assert!(stop.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_ends_at_once_is_dropped_before_the_end_is_told() {
        struct Store<'a>(&'a Cell<bool>);
        impl Drop for Store<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let (stop, closed) = (Stop::new(), Cell::new(false));
        stop.raise(Asked::AtOnce);
        let command = async {
            let _open = Store(&closed);
            pending::<()>().await;
        };
        assert_eq!(stop.unless_at_once(command).await, None);
        assert!(closed.get());
        // What has ended meanwhile has its outcome.
        assert_eq!(stop.unless_at_once(async { 1 }).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_stop_has_its_word_before_the_command_is_dropped() {
        let stop = Stop::new();
        let command = async {
            tokio::select! {
                biased;
                () = stop.wait() => "nothing was sent",
                // The stop comes between the command's poll and the end's.
                () = future::poll_fn(|_| {
                    stop.raise(Asked::AtOnce);
                    Poll::Pending
                }) => "",
            }
        };
        assert_eq!(stop.unless_at_once(command).await, Some("nothing was sent"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_race_ends_at_the_stop_and_begins_nothing_behind_it() {
        let stop = Stop::new();
        assert_eq!(stop.race(async { 1 }).await, Some(1));
        let (raced, ()) = tokio::join!(stop.race(pending::<()>()), async { stop.raise(Asked::Cleanly) });
        assert_eq!(raced, None);
        let begun = Cell::new(false);
        assert_eq!(stop.race(async { begun.set(true) }).await, None);
        assert!(!begun.get());
        stop.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn grace_is_counted_from_the_stop() {
        let stop = Stop::new();
        let after = |seconds| async move { sleep(Duration::from_secs(seconds)).await };
        let raced = async |work| stop.race_with_grace(Duration::from_secs(2), after(work)).await;
        assert_eq!(raced(60).await, Some(()));
        let asking = async {
            sleep(Duration::from_secs(10)).await;
            stop.raise(Asked::Cleanly);
        };
        let (in_time, too_late, ()) = tokio::join!(raced(11), raced(13), asking);
        assert_eq!((in_time, too_late), (Some(()), None));
    }
}
