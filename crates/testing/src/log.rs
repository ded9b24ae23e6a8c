//! Captures what one test logs.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::sync::Once;

thread_local! {
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Captures every span and event of this thread at the level TRACE until it is dropped: with a current-thread runtime, those of one test.
///
/// Installs a subscriber for the whole process. `tracing` keeps per process what each of its call sites is wanted for, so that tests with scoped
/// subscribers switch some off for each other.
#[derive(Debug)]
pub struct Log(PhantomData<*const ()>);

impl Log {
    /// Begins to capture.
    ///
    /// # Panics
    ///
    /// When the process has another global subscriber.
    #[must_use]
    pub fn capture() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).without_time();
            tracing::subscriber::set_global_default(subscriber.with_writer(|| Writer).finish()).unwrap();
        });
        CAPTURED.set(Some(Vec::new()));
        Self(PhantomData)
    }

    /// What was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(CAPTURED.with_borrow(Clone::clone).unwrap()).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A thread that is ending may still log.
        let _ = CAPTURED.try_with(|captured| {
            if let Some(captured) = &mut *captured.borrow_mut() {
                captured.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
