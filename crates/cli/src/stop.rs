//! Stopping on request: the first Ctrl-C or SIGTERM stops cleanly, the second ends at once.
//!
//! It must not undo anything: what was sent stays sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::exit::Failure;
use crate::print;

/// Whether somebody asked to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asked: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Listens for signals from now on. `word` is said at the first one.
    pub(crate) fn on_signal(word: &'static str) -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new("signals cannot be received").because(error));
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let stop = Self::default();
        let own = stop.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            };
            next().await;
            if !word.is_empty() {
                print::say(word);
            }
            own.ask();
            next().await;
            std::process::exit(130);
        });
        Ok(stop)
    }

    fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.told.notify_waiters();
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Resolves once somebody asked.
    pub(crate) async fn wait(&self) {
        let told = self.0.told.notified();
        if !self.asked() {
            told.await;
        }
    }
}
