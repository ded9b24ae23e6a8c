//! The service: one request in, one status out.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Empty;
use numcheck_protocol::Message;
use numcheck_signing::SignatureHeaders;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::check::{Gate, Head, Rejection, is_plain};
use crate::handler::{Handler, NotStored};
use crate::push::{Correlation, Push};
use crate::server::body;
use crate::server::counts::{Counters, Counts};
use crate::server::limits::ReceiverLimits;
use crate::server::peers::{Admission, Peers};
use crate::server::unstoppable::Unstoppable;
use crate::signature::BadSignature;

/// What the service answers: a status, and never a body.
pub type EmptyResponse = Response<Empty<Bytes>>;

/// Receives pushes: checks each request, hands the push to the handler, and answers 200 once it is stored.
///
/// It is a [`tower_service::Service`] for requests with any body, so that axum and others can mount it, and a
/// [`hyper::service::Service`]. It needs a Tokio runtime. Clones share everything.
///
/// Mounted elsewhere, [`ReceiverLimits::head_time`], [`ReceiverLimits::connections`], [`ReceiverLimits::unauthenticated_per_peer`], [`ReceiverLimits::connection_time`]
/// and [`ReceiverLimits::stop_time`] are the other server's affair; after that has stopped, wait for [`Receiver::idle`].
///
/// | status | when |
/// |---|---|
/// | 200 | the handler said that the push is stored |
/// | 404 | the path is no capability, whatever else the request says |
/// | 405, 415, 413, 400 | not POST; compressed, or in a charset other than UTF-8 and GBK; more than 64 KiB; a bad length or a broken body |
/// | 401 | the signature is missing where it is required, or there is one and it does not hold ([`Gate::verifying`](crate::Gate::verifying)) |
/// | 408 | the body did not arrive in time |
/// | 503 | the handler said no, took too long, or panicked; or too many are running |
///
/// ```
/// use numcheck_webhook::{Gate, Push, Receiver, ReceiverKey};
///
/// let key: ReceiverKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".parse()?;
/// let receiver = Receiver::new(Gate::new(key), |push: Push| async move {
///     println!("{} bytes for {}", push.raw().len(), push.batch().map_or("an unknown batch", |batch| batch.as_str())); // make it durable here
///     Ok(())
/// });
/// assert_eq!(receiver.counts().stored, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<H> {
    inner: Arc<Inner<H>>,
}

struct Inner<H> {
    gate: Gate,
    handler: H,
    limits: ReceiverLimits,
    /// Whether bodies are read, for the counts.
    reads: bool,
    counters: Counters,
    /// One permit for each handler that may run.
    stores: Arc<Semaphore>,
    peers: Arc<Peers>,
}

impl<H: Handler> Receiver<H> {
    /// A receiver with the default [`ReceiverLimits`].
    pub fn new(gate: Gate, handler: H) -> Self {
        Self::with_limits(gate, handler, ReceiverLimits::default())
    }

    /// A receiver with limits of the caller's.
    pub fn with_limits(gate: Gate, handler: H, limits: ReceiverLimits) -> Self {
        Self::make(gate, handler, limits, true)
    }

    /// A receiver that does not look into bodies, which makes a fifth of what a push costs: for a handler that reads what it has stored
    /// later anyway. [`Counts::other_batch`], [`Counts::no_batch`], [`Counts::unreadable`] and [`Counts::drifted`] stay 0.
    pub fn unread(gate: Gate, handler: H, limits: ReceiverLimits) -> Self {
        Self::make(gate, handler, limits, false)
    }

    fn make(gate: Gate, handler: H, limits: ReceiverLimits, reads: bool) -> Self {
        let limits = limits.bounded();
        let stores = Arc::new(Semaphore::new(limits.stores));
        let peers = Arc::new(Peers::new(&limits));
        Self {
            inner: Arc::new(Inner {
                gate,
                handler,
                limits,
                reads,
                counters: Counters::default(),
                stores,
                peers,
            }),
        }
    }

    /// What it has seen so far. Cheap.
    pub fn counts(&self) -> Counts {
        self.inner.counters.snapshot()
    }

    /// Waits until no handler runs any more, those that outlived their connection or their time included. For the end of a process
    /// whose server has stopped: while requests come in, it may wait for long.
    pub async fn idle(&self) {
        // `bounded` keeps the number far below what this can count. An error would mean that the semaphore was closed, which
        // nothing does.
        let all = u32::try_from(self.inner.limits.stores).unwrap_or(u32::MAX);
        let _ = self.inner.stores.acquire_many(all).await;
    }

    /// How many handlers run.
    pub(crate) fn running(&self) -> usize {
        self.inner.limits.stores.saturating_sub(self.inner.stores.available_permits())
    }

    pub(crate) fn limits(&self) -> &ReceiverLimits {
        &self.inner.limits
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    pub(crate) fn peers(&self) -> &Arc<Peers> {
        &self.inner.peers
    }

    /// Answers one request. Never fails: whatever happens has a status.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> EmptyResponse {
        self.answer_on(request, None).await
    }

    /// Answers one request of a connection of this crate's own server.
    pub(crate) async fn answer_on<B: Body>(
        &self,
        request: Request<B>,
        admission: Option<&Admission>,
    ) -> EmptyResponse {
        let ending = match self.receive(request, admission).await {
            Ok(()) => return EmptyResponse::default(),
            Err(ending) => ending,
        };
        ending.count(&self.inner.counters);
        let mut answer = ending.answer();
        // Announced, so that no push is ever sent on a connection that is about to be closed.
        if admission.is_some_and(|admission| !admission.is_authenticated()) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn receive<B: Body>(
        &self,
        request: Request<B>,
        admission: Option<&Admission>,
    ) -> Result<(), Ending> {
        let (parts, body) = request.into_parts();
        let admitted = self.inner.gate.check(&head(&parts)).map_err(Ending::Refused)?;
        if let Some(admission) = admission {
            admission.present();
        }
        let raw = body::read(body, self.inner.limits.body_time).await.map_err(Ending::Body)?;
        let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        self.inner.gate.check_charset(content_type, &raw).map_err(Ending::Refused)?;
        let now = SystemTime::now();
        let fields = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let verdict = self.inner.gate.verify(&SignatureHeaders::from_fields(fields), &raw, unix_ms(now));
        let push = Push::admitted(admitted, raw, now).with_verdict(verdict.map_err(Ending::Signature)?);
        if let Some(admission) = admission {
            admission.authenticate();
        }
        if push.verified() {
            self.inner.counters.verified.add();
        }
        if self.inner.reads {
            count(&push, &self.inner.counters);
        }
        self.store(push).await
    }

    async fn store(&self, push: Push) -> Result<(), Ending> {
        let deadline = Instant::now() + self.inner.limits.store_time;
        let Ok(Ok(permit)) = timeout_at(deadline, Arc::clone(&self.inner.stores).acquire_owned()).await
        else {
            return Err(Ending::Busy);
        };
        let inner = Arc::clone(&self.inner);
        let storing = Unstoppable::new(async move {
            let _permit = permit;
            let unwinding = CountPanic(&inner.counters);
            let outcome = inner.handler.store(push).await;
            drop(unwinding);
            match outcome {
                Ok(()) => inner.counters.stored.add(),
                Err(NotStored) => inner.counters.not_stored.add(),
            }
            outcome
        });
        match timeout_at(deadline, storing).await {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(NotStored)) | None) => Err(Ending::NotStored),
            Err(_) => Err(Ending::StoreTimedOut),
        }
    }
}

/// What the gate looks at.
fn head(parts: &Parts) -> Head<'_> {
    let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
    let mut encodings = parts.headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
    Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        content_encoding: encodings.find(|encoding| !is_plain(encoding)),
        content_length: header(CONTENT_LENGTH),
    }
}

/// A clock before 1970 makes every signature stale, which is what such a clock deserves.
fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Says what is wrong with signatures, once for each kind. It says nothing of the push: whoever sent it may not be the platform.
fn say_once(bad: BadSignature, is_first: bool) {
    if is_first {
        tracing::warn!("{bad}; it was answered with 401 and not stored, and further ones are only counted");
    }
}

/// Makes what is unusual in a push visible as a number.
fn count(push: &Push, counters: &Counters) {
    let reading = push.read();
    match reading.correlation() {
        Correlation::Matches => {}
        Correlation::OtherBatch => counters.other_batch.add(),
        Correlation::NoBatch => counters.no_batch.add(),
        Correlation::Unreadable => counters.unreadable.add(),
    }
    let mut drifted = false;
    if let Some(result) = reading.result() {
        result.drift(&mut |_| drifted = true);
    }
    if drifted {
        counters.drifted.add();
    }
}

/// Counts a handler's panic while it unwinds, also when nobody waits for its task any more.
struct CountPanic<'a>(&'a Counters);

impl Drop for CountPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panicked.add();
        }
    }
}

/// Why a request did not end in 200.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Refused(Rejection),
    Body(body::BodyError),
    Signature(BadSignature),
    Busy,
    /// Counted by the handler's own task.
    NotStored,
    StoreTimedOut,
}

impl Ending {
    fn count(self, counters: &Counters) {
        match self {
            Self::Refused(Rejection::NotFound) => counters.not_found.add(),
            Self::Refused(Rejection::Method) => counters.wrong_method.add(),
            Self::Refused(Rejection::Encoding) => counters.compressed.add(),
            Self::Refused(Rejection::Charset) => counters.other_charset.add(),
            Self::Refused(Rejection::Length) => counters.bad_length.add(),
            Self::Refused(Rejection::TooLong) | Self::Body(body::BodyError::TooLong) => {
                counters.too_long.add()
            }
            Self::Body(body::BodyError::TimedOut) => counters.body_timed_out.add(),
            Self::Body(body::BodyError::Broken) => counters.body_broken.add(),
            Self::Busy => counters.busy.add(),
            Self::Signature(bad) => say_once(bad, counters.of_signature(bad).is_first()),
            Self::NotStored => {}
            Self::StoreTimedOut => counters.store_timed_out.add(),
        }
    }

    fn answer(self) -> EmptyResponse {
        let status = match self {
            Self::Refused(refusal) => {
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST)
            }
            Self::Body(body::BodyError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(body::BodyError::TimedOut) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(body::BodyError::Broken) => StatusCode::BAD_REQUEST,
            Self::Signature(bad) => StatusCode::from_u16(bad.status()).unwrap_or(StatusCode::UNAUTHORIZED),
            Self::Busy | Self::NotStored | Self::StoreTimedOut => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut answer = EmptyResponse::default();
        *answer.status_mut() = status;
        if let Self::Refused(refusal) = self
            && let Some(allow) = refusal.allow()
        {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        if matches!(self, Self::Signature(_)) {
            // HTTP wants a 401 to name a scheme; the convention has no name, so it is that of its header.
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("sign"));
        }
        // The rest of such a body will not be read, so nothing after it can be.
        if matches!(self, Self::Body(_)) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl<H> Clone for Receiver<H> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<H> fmt::Debug for Receiver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { gate, limits, counters, .. } = &*self.inner;
        f.debug_struct("Receiver")
            .field("gate", gate)
            .field("limits", limits)
            .field("counts", &counters.snapshot())
            .finish_non_exhaustive()
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<EmptyResponse, Infallible>> + Send>>;

impl<H, B> tower_service::Service<Request<B>> for Receiver<H>
where
    H: Handler,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = EmptyResponse;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        hyper::service::Service::call(self, request)
    }
}

impl<H, B> hyper::service::Service<Request<B>> for Receiver<H>
where
    H: Handler,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = EmptyResponse;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<B>) -> Answering {
        let receiver = self.clone();
        Box::pin(async move { Ok(receiver.answer(request).await) })
    }
}
