//! The client, and the one loop that repeats, by the word of [`retry::decide`](crate::retry::decide).

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::Full;
use numcheck_protocol::{Endpoint, Info, Method, Platform, Repeat};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, debug_span, warn};

use crate::authorize::{Attempt, Authorize};
use crate::base_url::{BaseUrl, Path};
use crate::call::Call;
use crate::clock::{ClockReading, Corrected};
use crate::connect::proxy::Route;
use crate::error::{Failure, SendError, SendErrorKind, Sent};
use crate::exchange::{Http, Received, exchange};
use crate::observe::tell;
use crate::retry::{AttemptOutcome, Decision, Situation, decide};
use crate::{
    AttemptReport, CallError, CallOptions, ClientBuilder, Limits, Observer, RateLimiter, Reply, RetryPolicy,
    TypedReply,
};

/// How long the next paid requests to an endpoint wait after a 429 that does not say.
const HELD: Duration = Duration::from_secs(10);
/// They wait no longer, whatever it says.
const MAX_HELD: Duration = Duration::from_secs(60);

/// A client of one platform. Cheap to clone; clones share connections, clock and rate limits.
///
/// ```no_run
/// use numcheck_protocol::{Platform, whatsapp::Login};
/// use numcheck_transport::{Authorize, CallError, Client};
///
/// /// `sign` proves who calls: see [`Authorize`].
/// async fn login(sign: &dyn Authorize) -> Result<(), Box<dyn std::error::Error>> {
///     let client = Client::for_platform(Platform::Nxcloud).proxy_from_env().build()?;
///     let reply = client.call::<Login>(&(), sign, |call| call).await?;
///     println!("{:?}", reply.get().data.is_absent());
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Shared>, CallOptions);

/// What clones share.
pub(crate) struct Shared {
    pub(crate) base: BaseUrl,
    /// Endpoints whose calls go to another path than the documented one.
    pub(crate) paths: Vec<(&'static str, Path)>,
    pub(crate) route: Arc<Route>,
    pub(crate) user_agent: HeaderValue,
    pub(crate) limits: Limits,
    pub(crate) retry: RetryPolicy,
    pub(crate) http: Http,
    pub(crate) clock: Corrected,
    pub(crate) limiter: RateLimiter,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) outages: Outages,
}

/// Which endpoints do not answer, and how: many calls at once to a dead address fail alike, which is told once.
#[derive(Default)]
pub(crate) struct Outages(Mutex<Vec<(&'static str, SendErrorKind)>>);

impl Outages {
    /// Whether a failure has left nothing to worry about and was told before, since the endpoint's last answer.
    fn is_known(&self, endpoint: &'static str, failure: &Failure) -> bool {
        if failure.sent != Sent::No {
            return false;
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = told.contains(&(endpoint, failure.kind));
        if !is_known {
            told.push((endpoint, failure.kind));
        }
        is_known
    }

    fn end(&self, endpoint: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(told, _)| *told != endpoint);
    }
}

impl Client {
    /// Begins a client for the platform at `base_url`: `https://host[:port][/prefix]`; without a scheme it is https.
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base_url.into())
    }

    /// Begins a client for a platform where its documents say it is; a base URL that ends in the path of one of its endpoints is refused.
    pub fn for_platform(platform: Platform) -> ClientBuilder {
        Self::builder(platform.base_url()).endpoints(platform.endpoints().map(|info| info.path))
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared), CallOptions::new())
    }

    /// The same client, whose calls have these headers and this time limit. It shares connections, clock and rate limits with this one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use numcheck_transport::{CallOptions, Client};
    ///
    /// # fn example(client: &Client) {
    /// let hasty = client.with_options(CallOptions::new().time_limit(Duration::from_secs(3)));
    /// # }
    /// ```
    #[must_use]
    pub fn with_options(&self, options: CallOptions) -> Self {
        Self(Arc::clone(&self.0), options.over(&self.1))
    }

    /// Sends a call and reads its reply: waits for the rate limit, confirms, authorises, sends, and repeats where
    /// [`retry::decide`](crate::retry::decide) says so. Every attempt sends the same bytes.
    ///
    /// Whether it costs money is the endpoint's affair; what costs money is never sent twice when the first may have
    /// arrived. After a 429 the next calls to that endpoint that cost money wait as long as it asks for, 60 s at most. Any complete reply is `Ok`, whatever its status; so is one that breaks off or is too large, where what came of it proves that the
    /// request [never reached](Reply::never_reached) the operation.
    ///
    /// # Errors
    ///
    /// [`SendError`], when no reply could be read; [`SendError::sent`] says what may have happened.
    pub async fn send(&self, call: Call, authorize: &dyn Authorize) -> Result<Reply, SendError> {
        let span = self.0.span(&call);
        let ended = self.attempts(call, authorize).instrument(span.clone()).await;
        let attempts = match &ended {
            Ok(reply) => {
                span.record("http.response.status_code", reply.status.as_u16());
                if !reply.status.is_success() {
                    span.record("error.type", reply.status.as_str());
                }
                reply.attempts
            }
            Err(error) => {
                span.record("error.type", tracing::field::debug(error.kind()));
                error.attempts()
            }
        };
        if attempts > 1 {
            span.record("http.request.resend_count", attempts - 1);
        }
        ended
    }

    async fn attempts(&self, mut call: Call, authorize: &dyn Authorize) -> Result<Reply, SendError> {
        let client = &*self.0;
        call.options = std::mem::take(&mut call.options).over(&self.1);
        let Call { info, body, units, options, .. } = &call;
        let mut progress = Progress::default();
        if let Some(reserved) = options.reserved() {
            let failure = Failure::new(SendErrorKind::Request, Sent::No).because(reserved);
            return Err(progress.error(&call, failure));
        }
        let own = client.paths.iter().find(|(endpoint, _)| *endpoint == info.id);
        let path = own.map_or_else(|| Path::documented(info.path), |(_, path)| path.clone());
        let url = match client.base.join(&path, call.query.as_ref()) {
            Ok(url) => url,
            Err(unfit) => {
                return Err(
                    progress.error(&call, Failure::new(SendErrorKind::Request, Sent::No).because(unfit))
                );
            }
        };
        let mut deadline = later(Instant::now(), options.limit().unwrap_or(client.limits.total));

        loop {
            // Before signing, because a signature grows old.
            let waited =
                client.wait_for_a_place(&call).await.map_err(|failure| progress.error(&call, failure))?;
            deadline = later(deadline, waited);

            progress.attempts += 1;
            let reading = client.clock.read();
            let attempt = Attempt { info, now_ms: reading.now_ms, body, number: progress.attempts };
            confirm(&call, attempt, deadline).await.map_err(|failure| progress.error(&call, failure))?;
            let request = client
                .request(&call, url.clone(), authorize, &attempt)
                .map_err(|failure| progress.error(&call, failure))?;
            debug!(endpoint = info.id, attempt = progress.attempts, units, bytes = body.len(), "sending");
            let begun = Instant::now();
            let received = exchange(&client.http, request, &client.limits, deadline).await;

            let ended = Instant::now();
            let elapsed_ms = millis(ended - begun);
            let left = deadline.saturating_duration_since(ended);
            let mut situation = Situation {
                sent: Sent::Yes,
                repeat: info.repeat,
                attempt: progress.attempts - u32::from(progress.corrected),
                outcome: AttemptOutcome::Failed(SendErrorKind::Lost),
                left,
                random: random(),
            };
            let report = AttemptReport {
                info,
                number: progress.attempts,
                units: *units,
                request_bytes: body.len(),
                waited,
                elapsed: ended - begun,
                sent: situation.sent,
                outcome: situation.outcome,
            };
            match received {
                Ok(received) => {
                    client.outages.end(info.id);
                    let reply = progress.reply(received, &reading);
                    let status = reply.status.as_u16();
                    debug!(endpoint = info.id, attempt = progress.attempts, status, elapsed_ms, "reply");
                    if status == 429 && info.repeat == Repeat::Never {
                        client.hold_back(info, &reply.headers);
                    }
                    let correction = client.correction(&reply, authorize, &reading);
                    situation.outcome = match correction {
                        Some(correction) => AttemptOutcome::RefusedForClock {
                            correction_ms: correction.by_ms,
                            corrected_before: progress.corrected,
                        },
                        None => AttemptOutcome::Replied {
                            status,
                            retry_after: client.retry_after(&reply.headers),
                        },
                    };
                    client.tell(AttemptReport { outcome: situation.outcome, ..report });
                    let Decision::RetryAfter(pause) = decide(&client.retry, &situation) else {
                        return Ok(reply);
                    };
                    if let Some(Correction { offset_ms, by_ms }) = correction {
                        warn!(endpoint = info.id, offset_ms, by_ms, "clock corrected by the platform's");
                        client.clock.set_offset(offset_ms);
                        progress.corrected = true;
                    } else {
                        let pause_ms = millis(pause);
                        warn!(endpoint = info.id, attempt = progress.attempts, status, pause_ms, "repeating");
                        progress.sent = Sent::Yes;
                    }
                    sleep(pause).await;
                }
                Err(failure) => {
                    let (kind, sent) = (failure.kind, failure.sent);
                    if client.outages.is_known(info.id, &failure) {
                        debug!(
                            endpoint = info.id, attempt = progress.attempts, ?kind, %sent, status = failure.status,
                            elapsed_ms, "failed again"
                        );
                    } else {
                        warn!(
                            endpoint = info.id, attempt = progress.attempts, ?kind, %sent, status = failure.status,
                            elapsed_ms, "failed"
                        );
                    }
                    situation.sent = sent;
                    situation.outcome = AttemptOutcome::Failed(kind);
                    client.tell(AttemptReport { sent, outcome: situation.outcome, ..report });
                    let Decision::RetryAfter(pause) = decide(&client.retry, &situation) else {
                        return Err(progress.error(&call, failure));
                    };
                    debug!(endpoint = info.id, pause_ms = millis(pause), "repeating");
                    progress.sent = progress.sent.max(sent);
                    sleep(pause).await;
                }
            }
        }
    }

    /// Calls an endpoint and reads its reply: what is sent and what is read are of the same endpoint. `how` may give the call a
    /// [`Confirm`](crate::Confirm), or send it by GET.
    ///
    /// # Errors
    ///
    /// Ask [`CallError::may_have_happened`] before calling again.
    pub async fn call<E: Endpoint>(
        &self,
        request: &E::Request,
        authorize: &dyn Authorize,
        how: impl FnOnce(Call) -> Call,
    ) -> Result<TypedReply<E>, CallError> {
        let call = how(Call::to::<E>(request)?);
        let reply =
            self.send(call, authorize).await.map_err(|error| CallError::transport(&E::INFO, error))?;
        TypedReply::read(reply, request)
    }

    /// By how much the client's clock was corrected by the platform's, in milliseconds; 0 when it never was.
    pub fn clock_offset_ms(&self) -> i64 {
        self.0.clock.read().offset_ms
    }

    /// Where the platform is, as [`canonical_base_url`](crate::canonical_base_url) spells it.
    pub fn base_url(&self) -> String {
        self.0.base.canonical()
    }

    /// Whether the platform is this machine itself: a sandbox or a test.
    pub fn is_loopback(&self) -> bool {
        self.0.base.is_loopback()
    }

    /// The limits that this client keeps.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.0.base)
            .field("limits", &self.0.limits)
            .field("clock", &self.0.clock)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The span of a call, by OpenTelemetry's names for HTTP clients. It holds no URL: a query may hold a key and a phone number.
    fn span(&self, call: &Call) -> Span {
        let Call { info, method, .. } = call;
        let method = method_of(*method);
        debug_span!(
            "call",
            otel.name = %format_args!("{method} {}", info.path),
            otel.kind = "client",
            http.request.method = %method,
            url.template = info.path,
            url.scheme = self.base.scheme(),
            server.address = self.base.host(),
            server.port = self.base.port(),
            http.response.status_code = Empty,
            http.request.resend_count = Empty,
            error.type = Empty,
            numcheck.endpoint = info.id,
            numcheck.units = call.units,
        )
    }

    fn tell(&self, report: AttemptReport<'_>) {
        if let Some(observer) = &self.observer {
            tell(&**observer, &report);
        }
    }

    async fn wait_for_a_place(&self, call: &Call) -> Result<Duration, Failure> {
        let wait = self
            .limiter
            .take(&call.info, call.units, self.limits.rate_wait)
            .map_err(|error| Failure::new(SendErrorKind::RateLimited, Sent::No).because(error))?;
        if !wait.is_zero() {
            debug!(endpoint = call.info.id, wait_ms = millis(wait), "waiting for the rate limit");
            sleep(wait).await;
        }
        Ok(wait)
    }

    /// Lets nothing more to this endpoint leave for as long as a reply with 429 asks for. What may be repeated pauses by itself.
    fn hold_back(&self, info: &Info, headers: &HeaderMap) {
        let pause = self.retry_after(headers).unwrap_or(HELD).min(MAX_HELD);
        warn!(endpoint = info.id, pause_ms = millis(pause), "too many requests: the next ones wait");
        self.limiter.hold(info.id, pause);
    }

    fn request(
        &self,
        call: &Call,
        url: Uri,
        authorize: &dyn Authorize,
        attempt: &Attempt<'_>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let proof = authorize
            .authorize(attempt)
            .map_err(|error| Failure::new(SendErrorKind::Authorize, Sent::No).because(error))?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.uri_mut() = url;
        *request.method_mut() = method_of(call.method);
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.user_agent.clone());
        // A reply may have been paid for: nothing on the way is to make it harder to read.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(content_type) = call.info.body.content_type().filter(|_| !call.body.is_empty()) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if call.method == Method::Post && call.body.is_empty() {
            // hyper would leave it out, and servers answer 411 then.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if let Some(authorization) = self.route.authorization() {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        headers.extend(call.options.headers().clone());
        headers.extend(proof);
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        Ok(request)
    }

    /// What the reply teaches about the clock, if it refuses the request because of it.
    fn correction(
        &self,
        reply: &Reply,
        authorize: &dyn Authorize,
        used: &ClockReading,
    ) -> Option<Correction> {
        if !authorize.refused_for_clock(reply) {
            return None;
        }
        // Without a `Date` nothing changes, which ends in the refusal being handed over.
        let offset_ms =
            date(reply.headers.get(DATE)).map_or(used.offset_ms, |date| self.clock.offset_to(date));
        Some(Correction { offset_ms, by_ms: offset_ms.abs_diff(used.offset_ms) })
    }

    /// `Retry-After` in seconds, or as a date by this client's clock.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(RETRY_AFTER)?;
        if let Some(seconds) = value.to_str().ok().and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_secs(seconds));
        }
        let ms = date(Some(value))
            .map(|date| self.clock.offset_to(date).saturating_sub(self.clock.read().offset_ms))?;
        Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }
}

/// Has the caller confirm the attempt, where it wants to, until `deadline` at the latest.
async fn confirm(call: &Call, attempt: Attempt<'_>, deadline: Instant) -> Result<(), Failure> {
    let Some(confirm) = &call.confirm else { return Ok(()) };
    match timeout_at(deadline, confirm.confirm(attempt)).await {
        // `timeout_at` asks the future first: one that is done too late comes as `Ok` as well.
        Ok(Ok(())) if Instant::now() < deadline => Ok(()),
        Ok(Err(error)) => Err(Failure::new(SendErrorKind::NotConfirmed, Sent::No).because(error)),
        _ => Err(Failure::new(SendErrorKind::TotalTimeout, Sent::No)),
    }
}

/// How the clock should be set, and by how much that differs from what was signed.
#[derive(Clone, Copy)]
struct Correction {
    offset_ms: i64,
    by_ms: u64,
}

/// What happened in a call so far.
struct Progress {
    attempts: u32,
    /// The most that earlier attempts may have done.
    sent: Sent,
    corrected: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self { attempts: 0, sent: Sent::No, corrected: false }
    }
}

impl Progress {
    fn error(&self, call: &Call, mut failure: Failure) -> SendError {
        failure.sent = failure.sent.max(self.sent);
        SendError::new(call.info.id, call.info.repeat, self.attempts, failure)
    }

    fn reply(&self, received: Received, reading: &ClockReading) -> Reply {
        let Received { status, headers, body } = received;
        Reply { status, headers, body, attempts: self.attempts, sent_at_ms: reading.now_ms }
    }
}

fn method_of(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    }
}

fn date(value: Option<&HeaderValue>) -> Option<SystemTime> {
    httpdate::parse_http_date(value?.to_str().ok()?.trim()).ok()
}

/// Enough to scatter pauses: every `RandomState` has its own keys.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Adding a duration that does not fit would panic; a year is as good as for ever.
pub(crate) fn later(moment: Instant, by: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    moment + by.min(YEAR)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Failure, Outages, SendErrorKind, Sent};

    #[test]
    fn an_outage_is_told_once_until_the_endpoint_answers_and_a_doubt_each_time() {
        let outages = Outages::default();
        let is_known = |endpoint, kind, sent| outages.is_known(endpoint, &Failure::new(kind, sent));
        assert!(!is_known("a", SendErrorKind::Connect, Sent::No));
        assert!(is_known("a", SendErrorKind::Connect, Sent::No));
        assert!(!is_known("a", SendErrorKind::Lost, Sent::No));
        assert!(!is_known("b", SendErrorKind::Connect, Sent::No));
        outages.end("a");
        assert!(!is_known("a", SendErrorKind::Connect, Sent::No));
        assert!(is_known("b", SendErrorKind::Connect, Sent::No));
        for _ in 0..2 {
            assert!(!is_known("a", SendErrorKind::Lost, Sent::Maybe));
        }
    }
}
