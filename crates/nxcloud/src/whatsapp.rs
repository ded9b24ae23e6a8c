//! The embedded register of WhatsApp numbers, for integrators: from login to a registered client.
//!
//! What creates something, sends a message or uses up a guess is never repeated once it may have arrived.

use std::fmt;

use numcheck_protocol::whatsapp::{
    AppData, AppName, CheckCode, CheckCodeRequest, CodeMethod, CreateApp, CreateAppRequest, CreateClient,
    CreateClientRequest, GetCode, GetCodeRequest, ListPhones, Login, LoginData, Phone, PhoneListReply,
    PhoneListRequest, WhatsAppCode, WhatsAppReply,
};
use numcheck_protocol::{AppKey, CallbackUrl, Drift, Endpoint, Field, PhoneNumber, VerificationCode, mask};
use numcheck_transport::{CallError, TypedReply};
use serde::Serialize;

use crate::Client;

/// The embedded register of an account. The natural order: [`login`](Self::login), [`create_app`](Self::create_app),
/// [`phone_list`](Self::phone_list), [`get_code`](Self::get_code), [`check_code`](Self::check_code),
/// [`create_client`](Self::create_client).
///
/// ```no_run
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use numcheck_nxcloud::CodeCheck;
/// use numcheck_nxcloud::protocol::{PhoneNumber, VerificationCode};
///
/// let phone = PhoneNumber::new("85251234567")?;
/// let checked = client.whatsapp().check_code(phone, VerificationCode::new("4567")?).await?; // uses up a guess
/// if checked.data == CodeCheck::Verified {
///     client.whatsapp().create_client(phone).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WhatsApp {
    pub(crate) client: Client,
}

impl WhatsApp {
    /// Gets a token of the integrator. What it is for, no document says: no other operation takes it.
    ///
    /// Costs nothing and may be repeated: it only reads (assumed). The token may be missing in a reply that says success.
    ///
    /// # Errors
    /// 9007 where the account is no integrator.
    pub async fn login(self) -> Result<Answered<LoginData<'static>>, CallError> {
        self.ask::<Login, _>(&(), |reply| owned(reply.data, LoginData::into_owned)).await
    }

    /// Creates an application whose pushes go to `webhook`, and tells its key. Keep the key: no other operation tells it again.
    ///
    /// Uses up one of 1000 applications. It is repeated by itself only when it surely was not sent, or was refused because of the clock.
    ///
    /// # Errors
    /// 9009 ([`CallError::code`]) when there are 1000 already. Ask [`CallError::may_have_happened`] before asking again: an
    /// application whose key nobody was told cannot be found.
    pub async fn create_app(
        self,
        name: AppName,
        webhook: CallbackUrl,
    ) -> Result<Answered<AppData<'static>>, CallError> {
        let request = CreateAppRequest::new(name, webhook);
        self.ask::<CreateApp, _>(&request, |reply| owned(reply.data, AppData::into_owned)).await
    }

    /// The phone numbers of an application, and how far each has got.
    ///
    /// Costs nothing and may be repeated: it only reads (assumed).
    ///
    /// # Errors
    /// 9008 or 9010 ([`CallError::code`]) where the key is no application's, or another customer's.
    pub async fn phone_list(self, appkey: AppKey) -> Result<Answered<Phones>, CallError> {
        self.ask::<ListPhones, _>(&PhoneListRequest::new(appkey), Phones::read).await
    }

    /// Has WhatsApp send a verification code to `phone`. `Ok` means that it was told to.
    ///
    /// Sends a message; a second one may make the first one's code useless. It is repeated by itself only when it surely was not
    /// sent, or was refused because of the clock. Dropping the future half-way may have sent one.
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before asking again: a message may be on its way.
    pub async fn get_code(self, phone: PhoneNumber, method: CodeMethod) -> Result<Answered, CallError> {
        self.ask::<GetCode, _>(&GetCodeRequest::new(phone, method), nothing).await
    }

    /// Asks whether `code` is the one that WhatsApp sent to `phone`.
    ///
    /// Uses up a guess, whether the code is right or wrong. It is repeated by itself only when it surely was not sent, or was refused because
    /// of the clock. Dropping the future half-way may have used one up.
    ///
    /// ```no_run
    /// use numcheck_nxcloud::CodeCheck;
    /// use numcheck_nxcloud::protocol::{PhoneNumber, VerificationCode};
    ///
    /// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let (phone, code) = (PhoneNumber::new("85251234567")?, VerificationCode::new("4567")?);
    /// match client.whatsapp().check_code(phone, code).await {
    ///     Ok(answered) if answered.data == CodeCheck::Verified => println!("the code is right"),
    ///     Ok(_) => println!("the code is wrong: read it again"),
    ///     Err(error) if error.may_have_happened() => println!("a guess may be used up: {error}"),
    ///     Err(error) => println!("no guess was used up: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A wrong code is none: it is [`CodeCheck::Wrong`]. [`CallError::may_have_happened`] says whether a guess may be used up.
    pub async fn check_code(
        self,
        phone: PhoneNumber,
        code: VerificationCode,
    ) -> Result<Answered<CodeCheck>, CallError> {
        let request = CheckCodeRequest::new(phone, code);
        match self.ask::<CheckCode, _>(&request, |_| CodeCheck::Verified).await {
            Err(error) => Answered::wrong(&error).ok_or(error),
            verified => verified,
        }
    }

    /// Registers the client of a phone number whose code was verified. `Ok` means that it was begun: [`phone_list`](Self::phone_list)
    /// tells by `register_status` how far it has got.
    ///
    /// What a second one does, no document says. It is repeated by itself only when it surely was not sent, or was refused because of
    /// the clock.
    ///
    /// # Errors
    /// Where [`CallError::may_have_happened`], look at [`phone_list`](Self::phone_list) before asking again.
    pub async fn create_client(self, phone: PhoneNumber) -> Result<Answered, CallError> {
        self.ask::<CreateClient, _>(&CreateClientRequest::new(phone), nothing).await
    }

    async fn ask<E: Endpoint, T>(
        self,
        request: &E::Request,
        take: for<'a> fn(E::Response<'a>) -> T,
    ) -> Result<Answered<T>, CallError> {
        let reply = self.client.call::<E>(request).await?;
        let data = take(reply.get());
        let TypedReply { text, drift, reply, .. } = reply;
        Ok(Answered { data, text, drift, body: reply.body[..].into() })
    }
}

fn owned<T, U: Default>(data: Field<T>, own: fn(T) -> U) -> U {
    data.into_inner().map(own).unwrap_or_default()
}

fn nothing(_: WhatsAppReply<'_>) {}

/// The platform said success. `Debug` masks what may be a phone number, and hides what is secret.
///
/// `data` is what it told besides: nothing for [`get_code`](WhatsApp::get_code) and [`create_client`](WhatsApp::create_client).
///
/// As JSON an object of these fields, and not the body. It then holds what `Debug` hides: the key of an application, a token, phone numbers.
///
/// ```
/// use numcheck_nxcloud::{Answered, CodeCheck};
///
/// fn greet(answer: &Answered<CodeCheck>) -> &'static str {
///     match answer.data {
///         CodeCheck::Verified => "welcome",
///         CodeCheck::Wrong => "try again",
///     }
/// }
/// assert_eq!(greet(&Answered::new(CodeCheck::Wrong)), "try again");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Answered<T = ()> {
    /// What the platform told. Any field may be missing, as no document promises one; what is of another shape than documented is in
    /// [`Answered::body`] only, and in `drift`.
    pub data: T,
    /// The platform's text, which may quote the number.
    pub text: Option<String>,
    /// What in the reply no document lists. [`Answered::body`] still holds it.
    pub drift: Vec<Drift>,
    #[serde(skip)]
    body: Box<[u8]>,
}

/// What became of the check of a verification code.
#[must_use = "a wrong code is no error"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeCheck {
    /// The code is right.
    Verified,
    /// The platform answered -1, its word for a wrong code. It has no other for some of its own faults: where the code is surely right,
    /// [`phone_list`](WhatsApp::phone_list) says `VERIFIED` if it was taken.
    Wrong,
}

impl Answered<CodeCheck> {
    /// The platform's word for a wrong code, where `error` is that. With an HTTP status of failure it is a fault of the platform.
    fn wrong(error: &CallError) -> Option<Self> {
        let reply = error.reply().filter(|reply| reply.status.is_success())?;
        error.code::<CheckCode>().filter(|code| *code == WhatsAppCode::FAILED)?;
        let text = error.refusal().and_then(|refusal| refusal.text()).map(str::to_owned);
        Some(Self { data: CodeCheck::Wrong, text, drift: error.drift().into(), body: reply.body[..].into() })
    }
}

impl<T> Answered<T> {
    /// An answer that holds `data`, without text or body: for tests of code that handles answers.
    pub fn new(data: T) -> Self {
        Self { data, text: None, drift: Vec::new(), body: Box::default() }
    }

    /// The body of the reply as it came, byte for byte. It may hold secrets and personal data.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl<T: fmt::Debug> fmt::Debug for Answered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("data", &self.data)
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// The phone numbers of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Phones {
    /// Those that are objects, in the platform's order.
    pub phones: Vec<Phone<'static>>,
    /// How many more there are that are no objects, or 1 where `data` is something else than a list: [`Answered::body`] holds them.
    pub odd: usize,
}

impl Phones {
    fn read(reply: PhoneListReply<'_>) -> Self {
        // The documents call `data` an object everywhere, so an empty one is an empty list.
        let odd = usize::from(
            reply.data.odd().is_some_and(|value| value.as_object().is_none_or(|object| !object.is_empty())),
        );
        let items = reply.data.into_inner().unwrap_or_default().into_items();
        let count = items.len();
        let phones: Vec<_> =
            items.into_iter().filter_map(|item| Some(item.into_inner()?.into_owned())).collect();
        Self { odd: odd + count - phones.len(), phones }
    }
}
