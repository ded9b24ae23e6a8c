//! Whether a result that is pushed to the public URL arrives where a run listens.
//!
//! The receiver is this command's own, with a key of its own: it stores nothing, and no store's receiver takes in what is sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use numcheck_protocol::number_check::Submit;
use numcheck_protocol::{Auth, BatchNo, Endpoint as _, Info, Platform};
use numcheck_signing::{Body, Input, Secret, header, sign};
use numcheck_transport::http::{HeaderMap, HeaderName, HeaderValue};
use numcheck_transport::{Attempt, Authorize, BoxError, Call, Client, Reply, RetryPolicy, SendError};
use numcheck_webhook::{Gate, Push, PushVerifier, Receiver, ReceiverKey, Server};
use tokio::sync::oneshot;

use super::check::{Check, with_causes};
use crate::call::Network;
use crate::commands::arguments::PublicUrl;
use crate::config;

const NAME: &str = "public-url";
/// What is pushed. It names a batch that no submit has.
const BODY: &str = r#"{"batchNo":"numcheck-doctor","messageId":"numcheck-doctor"}"#;
const FROM_HERE: &str = "it was sent from this machine, so it proves the way only as seen from here";

/// Pushes to the public URL, and sees whether it arrives.
pub(super) async fn check(listen: Option<SocketAddr>, public_url: &PublicUrl, network: &Network) -> Check {
    let url = match public_url.checked() {
        Ok(url) => url,
        Err(failure) => return Check::bad(NAME, with_causes(&failure), "correct --public-url"),
    };
    let (Some(listen), Some(url)) = (listen, url) else {
        return Check::skipped(
            NAME,
            "needs --listen and --public-url; without them results are fetched, by --delivery poll",
        );
    };
    let prepared = prepare(listen, url, network);
    let (server, gate, client, info) = match prepared {
        Ok(prepared) => prepared,
        Err(check) => return check,
    };
    let arrived = Arc::new(AtomicBool::new(false));
    let receiver = Receiver::new(gate, {
        let arrived = Arc::clone(&arrived);
        move |_: Push| {
            arrived.store(true, Ordering::Relaxed);
            async { Ok(()) }
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(receiver.clone(), async { drop(stopped.await) }));
    let sent = client.send(Call::new(&info).body(BODY), &Signed::of_account()).await;
    drop(stop);
    // It ends within its own limits; what it did shows in its counts.
    let _ = serving.await;
    let turned_away =
        receiver.counts().turned_away().find(|(_, count, _)| *count > 0).map(|(_, _, hint)| hint);
    judge(sent, arrived.load(Ordering::Relaxed), turned_away)
}

/// What came of it.
fn judge(sent: Result<Reply, SendError>, has_arrived: bool, turned_away: Option<&str>) -> Check {
    match (sent, turned_away) {
        (Ok(reply), _) if has_arrived && reply.status.as_u16() == 200 => {
            Check::ok(NAME, format!("a push came through it to --listen, and was answered 200; {FROM_HERE}"))
        }
        (Ok(reply), _) if has_arrived => Check::bad(
            NAME,
            format!(
                "a push came through it to --listen, and its answer, 200, came back as {}: the platform would push for an hour",
                reply.status.as_u16()
            ),
            "have the proxy hand the answer on as it is",
        ),
        (Err(error), _) if has_arrived => Check::bad(
            NAME,
            format!(
                "a push came through it to --listen, and its answer did not come back: {}",
                with_causes(&error)
            ),
            "have the proxy hand the answer on",
        ),
        (_, Some(hint)) => Check::bad(
            NAME,
            format!("a push came through it to --listen, changed, and was turned away: {hint}"),
            "have the proxy hand path, headers and body on as they are",
        ),
        (Ok(reply), None) => Check::bad(
            NAME,
            format!("something else answers there, with {}: no push came to --listen", reply.status.as_u16()),
            "have the proxy lead to --listen; docs/guide/proxy.md shows how",
        ),
        (Err(error), None) => Check::bad(
            NAME,
            format!("no push comes through it: {}; {FROM_HERE}", with_causes(&error)),
            "check the address, its certificate, the proxy and the firewall. Some networks do not let a machine reach its own public address: then try it from another one",
        ),
    }
}

/// What is needed to send it, and to receive it.
fn prepare(listen: SocketAddr, url: &str, network: &Network) -> Result<(Server, Gate, Client, Info), Check> {
    const PUSH: Info = Info::new("doctor.push", Platform::Nxcloud, "/", Auth::ApiKey);
    let bad =
        |error: &dyn std::error::Error, mend: &str| Check::bad(NAME, with_causes(error), mend.to_owned());
    let mut random = [0; ReceiverKey::MIN_LEN];
    getrandom::fill(&mut random)
        .map_err(|_| Check::bad(NAME, "this machine gives no random numbers", "see its log"))?;
    let key = ReceiverKey::from_bytes(&random).map_err(|error| bad(&error, "try again"))?;
    let batch = BatchNo::new("numcheck-doctor").map_err(|error| bad(&error, "try again"))?;
    let capability = key.capability(&batch);
    // As a run would make it.
    capability.url(url).map_err(|error| bad(&error, "correct --public-url"))?;
    let settings =
        network.settings().map_err(|failure| bad(&failure, "correct --ca-file, or leave it out"))?;
    let client = settings(Client::builder(url))
        // Whether it may be plain http was said by --allow-plain-callback.
        .allow_plain_http()
        .proxy(config::env().proxy())
        .retry(RetryPolicy::never())
        .path(&PUSH, capability.path())
        .build()
        .map_err(|error| bad(&error, "correct --public-url"))?;
    let server = Server::bind(listen).map_err(|error| {
        Check::warn(
            NAME,
            format!("not tried: {}", with_causes(&error)),
            "where a receiver or a run is listening there, end it for this test; else correct --listen",
        )
    })?;
    let gate = Gate::new(key);
    let gate = match account() {
        Some((access_key, secret)) => gate.verifying(PushVerifier::new(&access_key, secret).required()),
        None => gate,
    };
    Ok((server, gate, client, PUSH))
}

fn account() -> Option<(String, Secret)> {
    let access_key = config::env().text("NXCLOUD_ACCESS_KEY").ok()??;
    let secret = config::env().secret("NXCLOUD_ACCESS_SECRET").ok()??;
    Some((access_key, Secret::from(secret)))
}

/// Signs as the platform does, where the account is known.
struct Signed(Option<(String, Secret)>);

impl Signed {
    fn of_account() -> Self {
        Self(account())
    }
}

impl Authorize for Signed {
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        let mut headers = HeaderMap::new();
        let (Some((access_key, secret)), Auth::Signed { biz_type, action }) = (&self.0, Submit::INFO.auth)
        else {
            return Ok(headers);
        };
        let (ts, algorithm) = (attempt.now_ms.to_string(), numcheck_signing::Algorithm::default());
        let input = Input { access_key, action, biz_type, ts: &ts, body: Body::Json(attempt.body) };
        let signature = sign(&input, secret, algorithm);
        for (name, value) in [
            (header::ACCESS_KEY, access_key.as_str()),
            (header::TS, &ts),
            (header::BIZ_TYPE, biz_type),
            (header::ACTION, action),
            (header::SIGN, signature.as_str()),
            (header::ALGORITHM, algorithm.as_str()),
        ] {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(headers)
    }
}
