//! How many connections without a valid capability each peer holds, and which of them go first. Pure: the time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::server::limits::ReceiverLimits;

/// How many trusted peers without a connection are remembered. Only who has a capability is trusted, so this bounds what holders of one URL
/// with many addresses can make it keep.
const MAX_REMEMBERED: usize = 1024;

/// The open connections of each peer, and which peers are trusted.
#[derive(Debug)]
pub(crate) struct Peers {
    max_unauthenticated: usize,
    grace_time: Duration,
    trust_time: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    peers: HashMap<IpAddr, Peer>,
    last_id: u64,
    /// Peers without a connection.
    remembered: usize,
}

#[derive(Debug, Default)]
struct Peer {
    open: usize,
    /// Open connections on which a push was let in.
    authenticated: usize,
    /// The others, the oldest first.
    unauthenticated: BTreeMap<u64, Waiting>,
    trusted_until: Option<Instant>,
    /// Whether it had one closed for holding too many, and no push since.
    suspect: bool,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    state: Arc<State>,
}

/// What is known of one connection.
#[derive(Debug, Default)]
struct State {
    /// A request had a valid capability: nothing closes the connection before that request is answered.
    has_presented: AtomicBool,
    /// A push was let in, signature included where one is required.
    is_authenticated: AtomicBool,
    dismissed: Notify,
}

impl Peers {
    pub(crate) fn new(limits: &ReceiverLimits) -> Self {
        Self {
            max_unauthenticated: limits.unauthenticated_per_peer,
            grace_time: limits.grace_time,
            trust_time: limits.trust_time,
            table: Mutex::default(),
        }
    }

    /// Counts a new connection, and dismisses the oldest ones of the peer's that are too many.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Admission {
        let peer = peer_of(address);
        let state = Arc::<State>::default();
        let mut table = self.lock();
        let table = &mut *table;
        table.last_id += 1;
        let id = table.last_id;
        if table.peers.get(&peer).is_some_and(|known| known.open == 0) {
            table.remembered -= 1;
        }
        let entry = table.peers.entry(peer).or_default();
        entry.open += 1;
        entry.unauthenticated.insert(id, Waiting { since: now, state: Arc::clone(&state) });
        let is_limited = !entry.is_trusted(now);
        self.dismiss_surplus(entry, now);
        Admission { state, place: Some(Place { peers: Arc::clone(self), peer, id, is_limited }) }
    }

    /// Dismisses one connection where all are taken: of the peer without trust that holds too many and the most, else the one that has waited longest
    /// beyond the grace time. A suspect gets no grace: otherwise one address that opens them quickly enough could keep all.
    pub(crate) fn make_room(&self, now: Instant) {
        let mut table = self.lock();
        let most = table
            .peers
            .values_mut()
            .filter(|peer| peer.unauthenticated.len() > self.max_unauthenticated && !peer.is_trusted(now))
            .max_by_key(|peer| peer.unauthenticated.len());
        if let Some(peer) = most {
            let grace = if peer.suspect { Duration::ZERO } else { self.grace_time };
            if peer.dismiss_oldest(grace, now) {
                return;
            }
        }
        let longest = table
            .peers
            .values_mut()
            .filter_map(|peer| {
                let (_, since) = peer.oldest(self.grace_time, now)?;
                Some((peer.is_trusted(now), since, peer))
            })
            .min_by_key(|(is_trusted, since, _)| (*is_trusted, *since));
        if let Some((.., peer)) = longest {
            peer.dismiss_oldest(self.grace_time, now);
        }
    }

    /// Dismisses what has become too old among too many.
    fn review(&self, peer: IpAddr, now: Instant) {
        if let Some(peer) = self.lock().peers.get_mut(&peer) {
            self.dismiss_surplus(peer, now);
        }
    }

    fn dismiss_surplus(&self, peer: &mut Peer, now: Instant) {
        while peer.unauthenticated.len() > self.max_unauthenticated
            && !peer.is_trusted(now)
            && peer.dismiss_oldest(self.grace_time, now)
        {
            peer.suspect = true;
        }
    }

    fn authenticate(&self, peer: IpAddr, id: u64) {
        if let Some(peer) = self.lock().peers.get_mut(&peer) {
            peer.unauthenticated.remove(&id);
            peer.authenticated += 1;
            peer.suspect = false;
        }
    }

    fn leave(&self, address: IpAddr, id: u64, was_authenticated: bool, now: Instant) {
        let mut table = self.lock();
        let Some(peer) = table.peers.get_mut(&address) else { return };
        peer.unauthenticated.remove(&id);
        peer.open -= 1;
        if was_authenticated {
            peer.authenticated -= 1;
            // From its end and not its beginning: while it was open, the peer was trusted anyway.
            peer.trusted_until = Some(now + self.trust_time);
        }
        if peer.open == 0 {
            if peer.is_trusted(now) {
                table.remembered += 1;
                table.forget_surplus(now);
            } else {
                table.peers.remove(&address);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every change is whole before anything in it could panic.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_surplus(&mut self, now: Instant) {
        if self.remembered <= MAX_REMEMBERED {
            return;
        }
        self.peers.retain(|_, peer| peer.open > 0 || peer.is_trusted(now));
        let gone = self.peers.iter().filter(|(_, peer)| peer.open == 0);
        self.remembered = gone.clone().count();
        if self.remembered > MAX_REMEMBERED {
            let first = gone.min_by_key(|(_, peer)| peer.trusted_until).map(|(address, _)| *address);
            if let Some(address) = first {
                self.peers.remove(&address);
                self.remembered -= 1;
            }
        }
    }
}

impl Peer {
    fn is_trusted(&self, now: Instant) -> bool {
        self.authenticated > 0 || self.trusted_until.is_some_and(|until| now < until)
    }

    /// The oldest connection that may be dismissed, and since when it waits.
    fn oldest(&self, grace: Duration, now: Instant) -> Option<(u64, Instant)> {
        let (id, waiting) = self
            .unauthenticated
            .iter()
            .find(|(_, waiting)| !waiting.state.has_presented.load(Ordering::Relaxed))?;
        (now.saturating_duration_since(waiting.since) >= grace).then_some((*id, waiting.since))
    }

    fn dismiss_oldest(&mut self, grace: Duration, now: Instant) -> bool {
        let oldest = self.oldest(grace, now);
        match oldest.and_then(|(id, _)| self.unauthenticated.remove(&id)) {
            Some(waiting) => {
                waiting.state.dismissed.notify_one();
                true
            }
            None => false,
        }
    }
}

/// A peer is an IPv4 address, or the /64 of an IPv6 address, which is what one line usually gets.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// One connection's place among its peer's, until it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Arc<State>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
    id: u64,
    /// Whether the peer had no trust when it came.
    is_limited: bool,
}

impl Admission {
    /// A connection of nobody knows whom, which no other one pushes out.
    pub(crate) fn unlimited() -> Self {
        Self { state: Arc::default(), place: None }
    }

    /// A request has a valid capability.
    pub(crate) fn present(&self) {
        self.state.has_presented.store(true, Ordering::Relaxed);
    }

    /// A push is let in. Takes a lock the first time only.
    pub(crate) fn authenticate(&self) {
        // Requests of one connection come one after the other, so no other thread is between the two.
        if self.is_authenticated() {
            return;
        }
        self.state.is_authenticated.store(true, Ordering::Relaxed);
        if let Some(Place { peers, peer, id, .. }) = &self.place {
            peers.authenticate(*peer, *id);
        }
    }

    pub(crate) fn is_authenticated(&self) -> bool {
        self.state.is_authenticated.load(Ordering::Relaxed)
    }

    /// Resolves once the connection shall be closed: it was dismissed, and has shown no capability until now.
    pub(crate) async fn dismissed(&self) {
        let Some(place) = &self.place else { return pending().await };
        let dismissed = self.state.dismissed.notified();
        if place.is_limited {
            tokio::pin!(dismissed);
            tokio::select! {
                () = &mut dismissed => {}
                () = sleep(place.peers.grace_time) => {
                    place.peers.review(place.peer, Instant::now());
                    dismissed.await;
                }
            }
        } else {
            dismissed.await;
        }
        if self.state.has_presented.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(Place { peers, peer, id, .. }) = &self.place {
            peers.leave(*peer, *id, self.is_authenticated(), Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn peers() -> Arc<Peers> {
        let limits = ReceiverLimits {
            unauthenticated_per_peer: 2,
            grace_time: 2 * SECOND,
            trust_time: 60 * SECOND,
            ..ReceiverLimits::default()
        };
        Arc::new(Peers::new(&limits))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn admit(peers: &Arc<Peers>, last: u8, count: usize, now: Instant) -> Vec<Admission> {
        (0..count).map(|_| peers.admit(address(last), now)).collect()
    }

    /// How many of them were told to go.
    async fn dismissed(admissions: &[Admission]) -> usize {
        let mut count = 0;
        for admission in admissions {
            let told = admission.dismissed();
            tokio::pin!(told);
            let told = std::future::poll_fn(|context| std::task::Poll::Ready(told.as_mut().poll(context)));
            count += usize::from(told.await.is_ready());
        }
        count
    }

    #[test]
    fn a_peer_is_an_address_or_the_block_of_one() {
        for (address, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            let [one, other] = [address, other].map(|address| peer_of(address.parse().unwrap()));
            assert_eq!(one == other, is_same, "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_made_by_who_holds_too_many_and_the_most() {
        let (peers, start) = (peers(), Instant::now());
        let (few, many, most) =
            (admit(&peers, 1, 2, start), admit(&peers, 2, 5, start), admit(&peers, 3, 9, start));
        peers.make_room(start + SECOND);
        assert_eq!([dismissed(&few).await, dismissed(&many).await, dismissed(&most).await], [0, 0, 0]);
        // The grace time is over; from then on it has none.
        peers.make_room(start + 2 * SECOND);
        let more = admit(&peers, 3, 9, start + 2 * SECOND);
        assert_eq!([dismissed(&few).await, dismissed(&many).await], [0, 0]);
        assert_eq!(
            (dismissed(&most).await, dismissed(&more).await),
            (9, 0),
            "two a peer, and the young ones"
        );
        // Until another holds as many.
        for _ in 0..4 {
            peers.make_room(start + 2 * SECOND);
        }
        assert_eq!((dismissed(&more).await, dismissed(&many).await), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn else_room_is_made_by_who_has_been_silent_for_longest_exempt_peers_last() {
        let (peers, start) = (peers(), Instant::now());
        let exempt = admit(&peers, 1, 3, start);
        exempt[0].authenticate();
        let (older, younger) = (admit(&peers, 2, 1, start + SECOND), admit(&peers, 3, 1, start + 2 * SECOND));
        for (seconds, expected) in
            [(1, [0, 0, 0]), (9, [0, 1, 0]), (9, [0, 0, 1]), (9, [1, 0, 0]), (9, [1, 0, 0]), (9, [0, 0, 0])]
        {
            peers.make_room(start + seconds * SECOND);
            let told = [dismissed(&exempt).await, dismissed(&older).await, dismissed(&younger).await];
            assert_eq!(told, expected, "what has pushed stays");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_capability_makes_no_room() {
        let (peers, start) = (peers(), Instant::now());
        let waiting = admit(&peers, 1, 2, start);
        waiting[0].present();
        peers.make_room(start + 2 * SECOND);
        assert_eq!((dismissed(&waiting[..1]).await, dismissed(&waiting[1..]).await), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dismissal_that_crosses_a_capability_is_void() {
        let (peers, start) = (peers(), Instant::now());
        let silent = admit(&peers, 1, 1, start);
        peers.make_room(start + 2 * SECOND);
        silent[0].present();
        assert_eq!(dismissed(&silent).await, 0);
        silent[0].authenticate();
        assert!(peers.lock().peers[&address(1)].is_trusted(start));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_only_of_peers_that_pushed() {
        let (peers, start) = (peers(), Instant::now());
        let from = |number: u32| IpAddr::from(number.to_be_bytes());
        let sizes = || {
            let table = peers.lock();
            (table.peers.len(), table.remembered)
        };
        for number in 0..2000 {
            let admission = peers.admit(from(number), start);
            if number % 2 == 0 {
                admission.authenticate();
            }
        }
        assert_eq!(peers.lock().peers.len(), 1000);
        for number in 2000..10_000 {
            peers.admit(from(number), start).authenticate();
        }
        assert_eq!(sizes(), (MAX_REMEMBERED, MAX_REMEMBERED));
        // Whoever comes again is counted once.
        let known = *peers.lock().peers.keys().next().unwrap();
        drop(peers.admit(known, start));
        assert_eq!(sizes(), (MAX_REMEMBERED, MAX_REMEMBERED));
    }
}
