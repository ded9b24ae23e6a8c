//! Number check: submit phone numbers, get a job; find its checks again; check one phone number at once.
//!
//! Replies are read in whichever dialect they come. Results are pushed to the callback URL.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use numcheck_protocol::number_check::{CheckLevel, Dialect, NotTaken, QueryRequest, Submit, SubmitRequest};
use numcheck_protocol::{
    BatchNo, CallbackUrl, Drift, DriftKind, Endpoint, MessageId, PhoneList, PhoneNumber, Request as _, mask,
};
use numcheck_transport::{CallError, Confirm, ManyCalls, Reply, TypedReply, quotable};
use serde::Serialize;

use crate::Client;
use crate::get::{Checked, GetCall};
use crate::query::QueryCall;

/// Number check of an account.
///
/// ```no_run
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use numcheck_nxcloud::protocol::PhoneNumber;
///
/// let phones = [PhoneNumber::new("85251234567")?, PhoneNumber::new("8613812345678")?];
/// let mut checks = client.number_check().get_many(phones, 8); // costs money for each
/// while let Some((phone, checked)) = checks.next().await {
///     println!("{}: {:?}", phone.masked(), checked?.outcome());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NumberCheck {
    pub(crate) client: Client,
}

impl NumberCheck {
    /// Submits numbers to be checked. Costs money, per number, when it is checked.
    #[must_use = "nothing is sent until `send`"]
    pub fn submit(self, numbers: PhoneList) -> SubmitCall {
        SubmitCall {
            client: self.client,
            numbers,
            batch_no: None,
            level: None,
            callback: None,
            confirm: None,
        }
    }

    /// Checks one number at once, at the basic level; accounts of the second dialect only. Costs money when it was checked.
    #[must_use = "nothing is sent until `send`"]
    pub fn get(self, phone: PhoneNumber) -> GetCall {
        GetCall { client: self.client, phone, batch_no: None, confirm: None }
    }

    /// [`get`](Self::get) for many numbers, `at_once` (0 counts as 1) under way at a time. Costs money for each. Each answer comes as soon as it is
    /// there, and one failure does not stop the others: see [`ManyCalls`], also for how to stop without losing an answer that was paid for.
    pub fn get_many<I: IntoIterator<Item = PhoneNumber>>(
        self,
        phones: I,
        at_once: usize,
    ) -> ManyCalls<I::IntoIter, Result<Checked, CallError>> {
        ManyCalls::new(phones.into_iter(), at_once, move |phone| Box::pin(self.clone().get(phone).send()))
    }

    /// Finds checks of the last 14 days again, by batch number or message id. Costs nothing (assumed); one query in 3 seconds.
    #[must_use = "nothing is sent until `send` or `pages`"]
    pub fn query(self, request: QueryRequest) -> QueryCall {
        QueryCall { client: self.client, request }
    }
}

/// A submit in the making.
///
/// ```no_run
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use numcheck_nxcloud::protocol::{BatchNo, PhoneList, number_check::CheckLevel};
///
/// let numbers: PhoneList = "85251234567,85251234568".parse()?;
/// let submit = client.number_check().submit(numbers).batch_no(BatchNo::new("20220901")?).level(CheckLevel::HLR);
/// let accepted = submit.send().await?; // costs money
/// println!("{:?}", accepted.message_id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send`"]
pub struct SubmitCall {
    client: Client,
    numbers: PhoneList,
    batch_no: Option<BatchNo>,
    level: Option<CheckLevel>,
    callback: Option<CallbackUrl>,
    confirm: Option<Arc<dyn Confirm>>,
}

impl SubmitCall {
    /// The batch number, which every result carries. Left out, the platform makes one of 12 digits. It is not an idempotency key:
    /// nothing says that a repeated one would be refused.
    pub fn batch_no(mut self, batch_no: BatchNo) -> Self {
        self.batch_no = Some(batch_no);
        self
    }

    /// What is checked; left out: basic. The levels cost differently.
    pub fn level(mut self, level: CheckLevel) -> Self {
        self.level = Some(level);
        self
    }

    /// Where results are pushed. Left out: the URL configured for the application; with neither, results are never pushed.
    pub fn callback(mut self, url: CallbackUrl) -> Self {
        self.callback = Some(url);
        self
    }

    /// Awaits `confirm` before every attempt is signed, the repeat after 1004 included, with the very `ts` that is then signed. What it
    /// refuses is not sent: that is a [`transport_error`](CallError::transport_error) of the kind
    /// [`NotConfirmed`](numcheck_transport::SendErrorKind::NotConfirmed).
    pub fn confirm(mut self, confirm: Arc<dyn Confirm>) -> Self {
        self.confirm = Some(confirm);
        self
    }

    /// Submits. Waits for its turn under the platform's limits (10 requests a second up to 2000 numbers, 1 above).
    ///
    /// Costs money when accepted. It is repeated by itself only when it surely was not sent, or was refused because of the clock.
    /// Dropping the future half-way leaves the submit in doubt.
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before submitting again.
    pub async fn send(self) -> Result<Accepted, CallError> {
        let appkey = self.client.appkey().map_err(|error| CallError::value(&Submit::INFO, error))?.clone();
        let mut request = SubmitRequest::new(appkey, self.numbers);
        request.batch_no = self.batch_no;
        request.check_level = self.level;
        request.dr_url = self.callback;
        let reply = self.client.call_confirmed::<Submit>(&request, self.confirm).await?;
        Ok(Accepted::new(reply, &request))
    }
}

/// A job that the platform has taken. `Debug` masks what may be a phone number.
///
/// As JSON an object of these fields; it then holds phone numbers in full, and not the body.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The job's id. With one number in the batch its result carries the same id, with several this one and a suffix. `None` when
    /// the platform sent none that could be read: the job was accepted all the same. One that is longer than documented is kept, and is drift.
    pub message_id: Option<MessageId>,
    /// The batch number that results will carry: the platform's word, else the request's.
    pub batch_no: Option<BatchNo>,
    /// Numbers that the platform did not take although it took the job: they are not checked, and have no result. Second dialect only.
    pub not_taken: Vec<NotTaken>,
    /// The dialect of the account, as far as the reply shows it.
    pub dialect: Option<Dialect>,
    /// The platform's text, which may quote numbers.
    pub text: Option<String>,
    /// What in the reply no document lists. [`Accepted::body`] still holds it.
    pub drift: Vec<Drift>,
    #[serde(skip)]
    body: Box<[u8]>,
}

impl Accepted {
    /// Reads a reply to `request` as the client does: one that was kept, or one that a test writes.
    ///
    /// ```
    /// use numcheck_nxcloud::protocol::number_check::SubmitRequest;
    /// use numcheck_nxcloud::protocol::{AppKey, PhoneList, PhoneNumber};
    /// use numcheck_nxcloud::transport::http::StatusCode;
    /// use numcheck_nxcloud::{Accepted, Reply};
    ///
    /// let phones = PhoneList::from_one_country([PhoneNumber::new("85251234567")?])?;
    /// let request = SubmitRequest::new(AppKey::new("app")?, phones);
    /// let lost = Accepted::from_reply(Reply::new(StatusCode::BAD_GATEWAY, "<html>"), &request);
    /// assert!(lost.unwrap_err().may_have_happened());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`SubmitCall::send`]: a refusal, and what is no answer.
    pub fn from_reply(reply: Reply, request: &SubmitRequest) -> Result<Self, CallError> {
        TypedReply::read(reply, request).map(|reply| Self::new(reply, request))
    }

    /// The body of the reply as it came, byte for byte. It may hold personal data.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn new(reply: TypedReply<Submit>, request: &SubmitRequest) -> Self {
        let answer = reply.get();
        let data = answer.data.get();
        let own = |field: Option<Cow<'_, str>>| field.map(Cow::into_owned);
        let (id, batch) =
            (own(data.and_then(|data| data.id())), own(data.and_then(|data| data.batch_no.text())));
        let message_id = id.as_deref().map(MessageId::new).transpose();
        let echoed = batch.as_deref().map(BatchNo::new).transpose();
        let secrets = request.secrets();
        let hide = |mut one: NotTaken| {
            one.reason = one.reason.map(|reason| quotable(&reason, &secrets).into_owned());
            one
        };
        let not_taken = data.map(|data| data.not_taken().map(hide).collect()).unwrap_or_default();
        let dialect = answer.dialect();
        let TypedReply { text, mut drift, .. } = reply.clone();
        let odd = |place: &str| Drift::new(place, DriftKind::OddShape, None);
        if message_id.as_ref().map_or(true, |id| id.as_ref().is_some_and(MessageId::is_overlong)) {
            drift.push(odd("SubmitData.message_id"));
        }
        if echoed.is_err() {
            drift.push(odd("SubmitData.batch_no"));
        }
        let body = reply.body().into();
        let (message_id, echoed) = (message_id.unwrap_or_default(), echoed.unwrap_or_default());
        Self {
            message_id,
            batch_no: echoed.or_else(|| request.batch_no.clone()),
            not_taken,
            dialect,
            text,
            drift,
            body,
        }
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("message_id", &self.message_id)
            .field("batch_no", &self.batch_no)
            .field("not_taken", &self.not_taken.len())
            .field("dialect", &self.dialect)
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
