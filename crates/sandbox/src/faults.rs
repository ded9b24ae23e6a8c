//! Faults on purpose: which requests and which pushes shall go wrong, and how. The server and the pusher carry them out.
//!
//! The same seed and the same traffic give the same faults.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use numcheck_protocol::{Endpoint, Info};
use serde_json::{Value, json};

use crate::assumptions::QueryOddity;
use crate::rule::mix;

/// What shall go wrong. Given to the sandbox with `set_faults`, it replaces what was asked before; counts begin anew.
///
/// For every request and every push the first rule that applies wins.
///
/// ```
/// use std::time::Duration;
/// use numcheck_sandbox::{Fault, Faults, Operation, PushFault, When};
///
/// let faults = Faults::none()
///     .request(Operation::Submit, When::Next(1), Fault::AcceptThenClose)
///     .request(Operation::Any, When::Percent(5), Fault::DelayReply(Duration::from_millis(300)))
///     .push(When::Percent(20), PushFault::Duplicate)
///     .shuffle_pushes();
/// # let _ = faults;
/// ```
#[derive(Debug, Default)]
pub struct Faults {
    requests: Vec<Rule<(Operation, Fault)>>,
    pushes: Vec<Rule<PushFault>>,
    shuffle_pushes: bool,
    refuse_connections: bool,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// A fault in the answer to a request.
    pub fn request(mut self, operation: Operation, when: When, fault: Fault) -> Self {
        self.requests.push(Rule::new(when, (operation, fault)));
        self
    }

    /// A fault in the first delivery of a result. Its repeats after an error are left alone.
    pub fn push(mut self, when: When, fault: PushFault) -> Self {
        self.pushes.push(Rule::new(when, fault));
        self
    }

    /// The results of a batch are pushed in another order than that of the submit.
    pub fn shuffle_pushes(mut self) -> Self {
        self.shuffle_pushes = true;
        self
    }

    /// Nobody listens: connections are refused, and the open ones are cut, until other faults are set.
    pub fn refuse_connections(mut self) -> Self {
        self.refuse_connections = true;
        self
    }

    pub(crate) fn shuffles(&self) -> bool {
        self.shuffle_pushes
    }

    pub(crate) fn refuses(&self) -> bool {
        self.refuse_connections
    }

    /// The fault of this request, if any; counts it.
    pub(crate) fn for_request(&self, operation: Operation, seed: u64) -> Option<Fault> {
        let mut struck = None;
        for (at, rule) in self.requests.iter().enumerate() {
            let (wanted, fault) = &rule.fault;
            if *wanted != Operation::Any && *wanted != operation {
                continue;
            }
            if struck.is_some() {
                rule.pass();
            } else if rule.fires(mix(seed ^ at as u64)) {
                struck = Some(fault.clone());
            }
        }
        struck
    }

    /// The fault of this push, if any; counts it.
    pub(crate) fn for_push(&self, seed: u64) -> Option<PushFault> {
        let mut struck = None;
        for (at, rule) in self.pushes.iter().enumerate() {
            if struck.is_some() {
                rule.pass();
            } else if rule.fires(mix(seed ^ (at as u64) << 32)) {
                struck = Some(rule.fault.clone());
            }
        }
        struck
    }
}

macro_rules! operations {
    ($( $what:literal $Name:ident $Endpoint:path; )*) => {
        /// Which requests a fault is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Operation {
            /// All of them.
            Any,
            $( #[doc = $what] $Name, )*
        }

        impl Operation {
            /// The operation of an endpoint; `None` for one that the spec does not list.
            pub(crate) fn of(info: &Info) -> Option<Self> {
                $(
                    if info.id == <$Endpoint as Endpoint>::INFO.id {
                        return Some(Self::$Name);
                    }
                )*
                None
            }
        }
    };
}

numcheck_protocol::for_each_endpoint!(operations);

/// How often a fault strikes, among what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum When {
    /// The next so many times.
    Next(u32),
    /// That one alone, counted from 1; those that another rule strikes count too.
    Nth(u32),
    /// Every time.
    Always,
    /// So many times out of a hundred, chosen by the sandbox's seed.
    Percent(u8),
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This HTTP status and a text that is no JSON; nothing is done or charged.
    Respond(u16),
    /// The connection closes without an answer; nothing is done or charged: the request was lost on its way.
    Close,
    /// The request is carried out and charged, then the connection closes without an answer.
    AcceptThenClose,
    /// The request is held for so long, in the sandbox's time, before anything of it is looked at, its `ts` included: it arrives late.
    /// It is carried out even when whoever sent it has hung up meanwhile.
    Hold(Duration),
    /// The request is carried out and charged, and answered with the endpoint's envelope with this code.
    AcceptThenCode(i64),
    /// The answer to a query contradicts itself. Does nothing to other requests.
    Contradict(QueryOddity),
    /// The request is carried out and charged, and answered so much (real) time later.
    DelayReply(Duration),
    /// The endpoint's envelope with this code; nothing is done or charged.
    Code(i64),
    /// The request is carried out and charged, and answered with 200 and a page that is no JSON.
    NotJson,
    /// The request is carried out and charged, and the connection closes in the middle of the answer.
    CutReply,
    /// The request is carried out and charged, and the answer's `data` has this shape.
    Data(DataShape),
}

/// What stands in the place of an answer's `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataShape {
    /// An object with a field that nobody knows.
    Object,
    /// `{}`.
    EmptyObject,
    /// A list with one object in it.
    List,
    /// `[]`.
    EmptyList,
    /// `null`.
    Null,
    /// Nothing: there is no `data`.
    Absent,
}

impl DataShape {
    /// A body with another `data`; one that is no object stays as it is.
    pub(crate) fn put_into(self, body: &[u8]) -> Option<Vec<u8>> {
        let mut reply: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
        let data = match self {
            Self::Object => json!({ "unknown": 1 }),
            Self::EmptyObject => json!({}),
            Self::List => json!([{ "unknown": 1 }]),
            Self::EmptyList => json!([]),
            Self::Null => Value::Null,
            Self::Absent => {
                reply.remove("data");
                return serde_json::to_vec(&reply).ok();
            }
        };
        reply.insert("data".to_owned(), data);
        serde_json::to_vec(&reply).ok()
    }
}

/// What goes wrong with a push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushFault {
    /// It is never sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent so much (virtual) time later.
    Delay(Duration),
    /// It carries the signature of another body. Does nothing where pushes are not signed.
    WrongSign,
}

#[derive(Debug)]
struct Rule<T> {
    when: When,
    fault: T,
    asked: AtomicU64,
}

impl<T> Rule<T> {
    fn new(when: When, fault: T) -> Self {
        Self { when, fault, asked: AtomicU64::new(0) }
    }

    /// Another rule has struck.
    fn pass(&self) {
        if matches!(self.when, When::Nth(_)) {
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fires(&self, seed: u64) -> bool {
        let count = self.asked.fetch_add(1, Ordering::Relaxed);
        match self.when {
            When::Next(times) => count < u64::from(times),
            When::Nth(which) => count + 1 == u64::from(which),
            When::Always => true,
            When::Percent(percent) => mix(seed.wrapping_add(count)) % 100 < u64::from(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Faults, Operation, PushFault, When};

    #[test]
    fn the_next_so_many_are_struck_and_no_more() {
        let faults = Faults::none().request(Operation::Submit, When::Next(2), Fault::Close);
        let strikes = |operation| faults.for_request(operation, 1).is_some();
        assert!(!strikes(Operation::Privacy));
        assert!(strikes(Operation::Submit));
        assert!(strikes(Operation::Submit));
        assert!(!strikes(Operation::Submit));
    }

    #[test]
    fn the_nth_is_struck_and_those_that_another_rule_strikes_are_counted() {
        let nth = |which| (Operation::Submit, When::Nth(which));
        let faults = [(nth(1), Fault::Close), (nth(3), Fault::NotJson), (nth(4), Fault::CutReply)]
            .into_iter()
            .fold(Faults::none(), |faults, ((operation, when), fault)| {
                faults.request(operation, when, fault)
            });
        let struck: Vec<_> = (0..5).map(|_| faults.for_request(Operation::Submit, 1)).collect();
        assert_eq!(struck, [Some(Fault::Close), None, Some(Fault::NotJson), Some(Fault::CutReply), None]);
    }

    #[test]
    fn the_first_rule_that_applies_wins() {
        let faults = Faults::none().request(Operation::Submit, When::Next(1), Fault::Close).request(
            Operation::Any,
            When::Always,
            Fault::Respond(500),
        );
        assert_eq!(faults.for_request(Operation::Submit, 1), Some(Fault::Close));
        assert_eq!(faults.for_request(Operation::Submit, 1), Some(Fault::Respond(500)));
        assert_eq!(faults.for_request(Operation::CheckCode, 1), Some(Fault::Respond(500)));
    }

    #[test]
    fn the_same_seed_strikes_the_same_pushes() {
        let struck = |seed| {
            let faults = Faults::none().push(When::Percent(30), PushFault::Drop);
            (0..1000).map(|_| faults.for_push(seed).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
        let count = struck(7).iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&count), "{count}");
    }
}
