//! Instant check: one phone number, its result in the reply. Accounts of the second dialect only.

use std::fmt;
use std::sync::Arc;

use numcheck_protocol::number_check::{CheckResult, Get, GetOutcome, GetRequest};
use numcheck_protocol::{BatchNo, Drift, Endpoint, PhoneNumber, mask};
use numcheck_transport::{CallError, Confirm, Reply, TypedReply};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::Client;

/// An instant check in the making.
///
/// ```no_run
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use numcheck_nxcloud::protocol::PhoneNumber;
///
/// let checked = client.number_check().get(PhoneNumber::new("85251234567")?).send().await?; // costs money
/// println!("{:?}", checked.outcome());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send`"]
pub struct GetCall {
    pub(crate) client: Client,
    pub(crate) phone: PhoneNumber,
    pub(crate) batch_no: Option<BatchNo>,
    pub(crate) confirm: Option<Arc<dyn Confirm>>,
}

impl GetCall {
    /// The batch number under which a query finds the check again. Left out, the platform makes one of 12 digits.
    pub fn batch_no(mut self, batch_no: BatchNo) -> Self {
        self.batch_no = Some(batch_no);
        self
    }

    /// Awaits `confirm` before every attempt is signed, the repeat after 1004 included, with the very `ts` that is then signed. What it
    /// refuses is not sent: that is a [`transport_error`](CallError::transport_error) of the kind
    /// [`NotConfirmed`](numcheck_transport::SendErrorKind::NotConfirmed).
    pub fn confirm(mut self, confirm: Arc<dyn Confirm>) -> Self {
        self.confirm = Some(confirm);
        self
    }

    /// Checks the number, at the basic level.
    ///
    /// Costs money when it was checked. It is repeated by itself only when it surely was not sent, or was refused because of the clock.
    /// Dropping the future half-way may have paid for a check.
    ///
    /// # Errors
    /// A bad number is none: ask [`Checked::outcome`]. Ask [`CallError::may_have_happened`] before checking again.
    pub async fn send(self) -> Result<Checked, CallError> {
        let appkey = self.client.appkey().map_err(|error| CallError::value(&Get::INFO, error))?.clone();
        let mut request = GetRequest::new(appkey, self.phone);
        request.batch_no = self.batch_no;
        self.client.call_confirmed(&request, self.confirm).await.map(Checked::from)
    }
}

/// What an instant check came to. `Debug` masks what may be a phone number.
///
/// ```
/// use numcheck_nxcloud::protocol::AppKey;
/// use numcheck_nxcloud::protocol::number_check::{GetOutcome, GetRequest};
/// use numcheck_nxcloud::transport::http::StatusCode;
/// use numcheck_nxcloud::{Checked, Reply};
///
/// let request = GetRequest::new(AppKey::new("a1b2c3d4")?, "85251234567".parse()?);
/// let reply = Reply::new(StatusCode::OK, r#"{"code":0,"data":{"basic":{"country":"HK"}}}"#);
/// let checked = Checked::from_reply(reply, &request)?;
/// assert_eq!(checked.outcome(), GetOutcome::Checked);
/// assert_eq!(checked.result().region.as_ref().map(|region| region.as_str()), Some("HK"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Checked {
    /// The platform's text, which may quote the number.
    pub text: Option<String>,
    /// What in the reply no document lists. [`Checked::body`] still holds it.
    pub drift: Vec<Drift>,
    reply: TypedReply<Get>,
}

impl Checked {
    /// Reads a reply to `request` as the client does: one that was kept, or one that a test writes.
    ///
    /// # Errors
    /// As [`GetCall::send`]: a refusal, and what is no answer.
    pub fn from_reply(reply: Reply, request: &GetRequest) -> Result<Self, CallError> {
        TypedReply::read(reply, request).map(Self::from)
    }

    /// The result; [`CheckResult::done`] says whether the number was checked. Reads the body again.
    pub fn result(&self) -> CheckResult<'static> {
        CheckResult::from(&self.reply.get()).into_owned()
    }

    /// What became of the number.
    pub fn outcome(&self) -> GetOutcome {
        self.reply.get().outcome()
    }

    /// The body of the reply as it came, byte for byte. It holds personal data.
    pub fn body(&self) -> &[u8] {
        self.reply.body()
    }
}

impl From<TypedReply<Get>> for Checked {
    fn from(reply: TypedReply<Get>) -> Self {
        Self { text: reply.text.clone(), drift: reply.drift.clone(), reply }
    }
}

/// As `{outcome, result, text, drift}`. It holds the phone number in full, and not the body.
impl Serialize for Checked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Checked", 4)?;
        fields.serialize_field("outcome", &self.outcome())?;
        fields.serialize_field("result", &self.result())?;
        fields.serialize_field("text", &self.text)?;
        fields.serialize_field("drift", &self.drift)?;
        fields.end()
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checked")
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.body().len())
            .finish()
    }
}
