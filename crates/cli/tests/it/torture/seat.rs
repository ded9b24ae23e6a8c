//! Limits how many scenes there are at the same time, and gives each its addresses.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::support::free_address;

/// How many scenes there may be at the same time. Most of each is waiting.
pub(crate) const SEATS: usize = 6;
/// How many more may mostly wait, for seconds at a time.
pub(crate) const WAITING_SEATS: usize = 12;

/// Addresses, and the right to use them.
pub(crate) struct Seat {
    /// The sandbox's.
    pub(crate) sandbox: String,
    /// What stands between the command and the sandbox, where something does.
    pub(crate) way: String,
    room: &'static Room,
}

struct Room {
    free: Mutex<Vec<[String; 2]>>,
    given_back: Condvar,
}

static BUSY: Room = Room::new();
static WAITING: Room = Room::new();

impl Room {
    const fn new() -> Self {
        Self { free: Mutex::new(Vec::new()), given_back: Condvar::new() }
    }

    fn free(&self) -> MutexGuard<'_, Vec<[String; 2]>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&'static self) -> Seat {
        let free = self.free();
        let mut free =
            self.given_back.wait_while(free, |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner);
        let [sandbox, way] = free.pop().unwrap();
        Seat { sandbox, way, room: self }
    }
}

impl Seat {
    /// Waits for a free one.
    pub(crate) fn take() -> Self {
        open();
        BUSY.take()
    }

    /// One of those for a scene that is mostly waiting.
    pub(crate) fn take_to_wait() -> Self {
        open();
        WAITING.take()
    }
}

fn open() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for (room, seats) in [(&BUSY, SEATS), (&WAITING, WAITING_SEATS)] {
            room.free().extend((0..seats).map(|_| [free_address(), free_address()]));
        }
    });
}

impl Drop for Seat {
    fn drop(&mut self) {
        let addresses = [std::mem::take(&mut self.sandbox), std::mem::take(&mut self.way)];
        self.room.free().push(addresses);
        self.room.given_back.notify_one();
    }
}
