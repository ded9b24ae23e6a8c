//! Query: finds checks again, one page or all.
//!
//! A reply that contradicts itself is never taken for an answer: what is not found may be submitted, and paid, again.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use futures_util::Stream;
use http::StatusCode;
use numcheck_protocol::number_check::{Query, QueryCode, QueryRequest, QueryRow};
use numcheck_protocol::{AppKey, Count, Drift, Endpoint, Field, List, mask};
use numcheck_transport::{CallError, Reply, TypedReply};
use serde::Serialize;

use crate::{AnswerForm, Client};

/// A query in the making.
///
/// ```no_run
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use numcheck_nxcloud::protocol::{BatchNo, number_check::QueryRequest};
///
/// let request = QueryRequest::for_batch("2026-11-22".parse()?, BatchNo::new("20220901")?);
/// let mut pages = client.number_check().query(request).pages();
/// while let Some(page) = pages.next().await {
///     println!("{} phone numbers", page?.phones().count());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` or `pages`"]
pub struct QueryCall {
    pub(crate) client: Client,
    pub(crate) request: QueryRequest,
}

impl QueryCall {
    /// Asks for the one page that the request names. Waits for its turn: the platform wants 3 seconds between two queries.
    ///
    /// Costs nothing (assumed), and is repeated by itself where its answer was lost.
    ///
    /// # Errors
    /// Nothing has been changed, whatever the error. A reply that contradicts itself, or does not say what was found, is
    /// [`Implausible`](numcheck_transport::CallErrorKind::Implausible) and never an empty page.
    pub async fn send(self) -> Result<QueryPage, CallError> {
        ask(&self.client, &self.request).await
    }

    /// All pages from the request's on, asked for one after the other as they are taken.
    pub fn pages(self) -> Pages {
        let (page, limit) = (self.request.page(), Pages::ROW_LIMIT);
        let Self { client, request } = self;
        Pages { client, request, page: Some(page), seen: 0, before: Vec::new(), limit }
    }
}

/// The pages of a query, each asked for when it is taken. Made by [`QueryCall::pages`].
///
/// It ends after the last page, after an error, and at the latest at its row limit. It takes 3 seconds a page, so some 30 rows a
/// second. While checks are still being finished, rows may move from page to page: compare
/// [`total_rows`](QueryPage::total_rows) of the first and the last page, and ask again where they differ.
///
/// A page that is refused with 88 is asked for up to three times, because a query that came too early is refused so. (assumed)
///
/// ```no_run
/// # use numcheck_nxcloud::protocol::{BatchNo, number_check::QueryRequest};
/// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let batch = QueryRequest::for_batch("2026-11-22".parse()?, BatchNo::new("2026-11-22")?);
/// let mut pages = client.number_check().query(batch).pages();
/// while let Some(page) = pages.next().await {
///     for row in page?.rows {
///         println!("{:?}: {:?}", row.phone, row.validity);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is asked until `next`"]
pub struct Pages {
    client: Client,
    request: QueryRequest,
    /// The next page; `None` after the last.
    page: Option<NonZeroU32>,
    seen: u64,
    /// The ids of the page before.
    before: Vec<Option<String>>,
    limit: u64,
}

impl Pages {
    /// How many rows there may be on all pages, unless [`row_limit`](Self::row_limit) says otherwise: as many as a batch can have
    /// suffixes of six digits.
    pub const ROW_LIMIT: u64 = 1_000_000;

    /// How often a page is asked for that is refused with 88.
    const TRIES: u32 = 3;

    /// Another bound than [`ROW_LIMIT`](Self::ROW_LIMIT) on the rows of all pages. Where more are announced, that is an error.
    pub fn row_limit(self, rows: u64) -> Self {
        Self { limit: rows, ..self }
    }

    /// The next page; `None` after the last one and after an error.
    ///
    /// Dropping the future loses nothing: the next one asks for the same page again.
    pub async fn next(&mut self) -> Option<Result<QueryPage, CallError>> {
        let page = self.page?;
        let taken = self.take(page).await;
        self.page = match &taken {
            Ok(taken) if !taken.is_last() => page.checked_add(1),
            _ => None,
        };
        Some(taken)
    }

    /// Whether the last page was taken, or an error ended it: then [`next`](Self::next) asks nothing.
    pub fn is_done(&self) -> bool {
        self.page.is_none()
    }

    /// The same as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<QueryPage, CallError>> + Send + 'static {
        futures_util::stream::unfold(self, async |mut pages| pages.next().await.map(|page| (page, pages)))
    }

    async fn take(&mut self, number: NonZeroU32) -> Result<QueryPage, CallError> {
        let request = self.request.clone().with_page(number);
        let mut tries = 1;
        let page = loop {
            match ask(&self.client, &request).await {
                Err(error)
                    if error.code::<Query>() == Some(QueryCode::QUERY_FAILED) && tries < Self::TRIES =>
                {
                    tries += 1
                }
                other => break other?,
            }
        };
        let ids: Vec<Option<String>> = page.rows.iter().map(|row| row.id().map(str::to_owned)).collect();
        if !ids.is_empty() && ids == self.before {
            return Err(page.implausible("the page repeats the one before"));
        }
        self.before = ids;
        self.seen = self.seen.saturating_add(page.count());
        let over = if page.is_last() { self.seen > self.limit } else { self.seen >= self.limit };
        if over {
            return Err(page.implausible("there are more rows than the limit allows"));
        }
        Ok(page)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("request", &self.request)
            .field("page", &self.page)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// A page of what was found. `Debug` masks what may be a phone number.
///
/// As JSON an object of these fields, the rows as the platform writes them; it then holds phone numbers in full, and not the body.
///
/// ```
/// use numcheck_nxcloud::protocol::{BatchNo, number_check::QueryRequest};
/// use numcheck_nxcloud::transport::http::StatusCode;
/// use numcheck_nxcloud::{QueryPage, Reply};
///
/// let request = QueryRequest::for_batch("2026-11-22".parse()?, BatchNo::new("20220901")?);
/// let body = r#"{"code":0,"data":{"page":1,"pageSize":100,"totalPage":0,"totalSize":0,"result":[]}}"#;
/// let page = QueryPage::from_reply(Reply::new(StatusCode::OK, body), &request)?;
/// assert!(page.is_empty() && page.is_last() && page.is_clean_absence());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct QueryPage {
    /// Which page it is, from 1.
    pub page: NonZeroU32,
    /// How many pages there are; `None` where the reply does not say.
    pub total_pages: Option<u64>,
    /// How many rows there are on all pages; `None` where the reply does not say.
    pub total_rows: Option<u64>,
    /// The rows, in their order.
    pub rows: Vec<QueryRow<'static>>,
    /// How many rows were no objects and stand in [`body`](Self::body) only.
    pub odd_rows: usize,
    /// The platform's text.
    pub text: Option<String>,
    /// What in the reply no document lists.
    pub drift: Vec<Drift>,
    #[serde(skip)]
    page_size: u64,
    #[serde(skip)]
    form: AnswerForm,
    #[serde(skip)]
    reply: Reply,
}

impl QueryPage {
    /// Whether nothing at all was found, by the platform's own count.
    ///
    /// It does **not** prove that nothing was accepted: the platform may know a check only once it is finished, and under the day on
    /// which that was, and for 14 days. No document says. So it is proof only after the time that a check takes, and together with
    /// the day after. Nor does it say that the answer is without surprises: see [`is_clean_absence`](Self::is_clean_absence).
    pub fn is_empty(&self) -> bool {
        self.total_rows == Some(0) && self.count() == 0
    }

    /// Whether the answer says that nothing was found, and nothing in it says otherwise: HTTP 200, no rows by list and by count, at most
    /// one page, nothing that no document lists.
    ///
    /// It is still no proof: see [`is_empty`](Self::is_empty), and compare its [`form`](Self::form).
    pub fn is_clean_absence(&self) -> bool {
        self.reply.status == StatusCode::OK
            && self.is_empty()
            && self.total_pages.is_none_or(|pages| pages <= 1)
            && self.drift.is_empty()
    }

    /// Reads a reply to `request` as the client does: one that was kept, or one that a test writes.
    ///
    /// # Errors
    /// As [`QueryCall::send`]: a refusal, what is no answer, and a page that cannot be true.
    pub fn from_reply(reply: Reply, request: &QueryRequest) -> Result<Self, CallError> {
        Self::new(TypedReply::read(reply, request)?, request)
    }

    fn new(reply: TypedReply<Query>, request: &QueryRequest) -> Result<Self, CallError> {
        match found(&reply, request) {
            Ok(Found { total_pages, total_rows, rows, odd_rows, page_size, form }) => {
                let (page, TypedReply { text, drift, reply, .. }) = (request.page(), reply);
                Ok(Self {
                    page,
                    total_pages,
                    total_rows,
                    rows,
                    odd_rows,
                    text,
                    drift,
                    page_size,
                    form,
                    reply,
                })
            }
            Err(what) => Err(CallError::implausible(&Query::INFO, what, reply.reply)),
        }
    }

    /// What kind of answer it is, for comparing an empty one with one that held rows.
    pub fn form(&self) -> &AnswerForm {
        &self.form
    }

    /// The phone number that each row names, in the rows' order, whether its check is finished or not. One may come several times.
    /// Personal data.
    pub fn phones(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.rows.iter().filter_map(|row| row.phone.text())
    }

    /// Whether no page comes after this one.
    pub fn is_last(&self) -> bool {
        let by_rows = self.total_rows.map(|rows| rows.div_ceil(self.page_size));
        match self.total_pages.max(by_rows) {
            Some(pages) => u64::from(self.page.get()) >= pages,
            None => self.count() < self.page_size,
        }
    }

    /// The body of the reply as it came, byte for byte. It holds personal data.
    pub fn body(&self) -> &[u8] {
        &self.reply.body
    }

    /// When the query was asked, by the client's corrected clock: Unix time in milliseconds.
    pub fn asked_at_ms(&self) -> u64 {
        self.reply.sent_at_ms
    }

    fn count(&self) -> u64 {
        (self.rows.len() + self.odd_rows) as u64
    }

    fn implausible(self, what: &'static str) -> CallError {
        CallError::implausible(&Query::INFO, what, self.reply)
    }
}

impl fmt::Debug for QueryPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryPage")
            .field("page", &self.page)
            .field("total_pages", &self.total_pages)
            .field("total_rows", &self.total_rows)
            .field("rows", &self.rows)
            .field("odd_rows", &self.odd_rows)
            .field("text", &self.text.as_deref().map(mask::digits))
            .field("drift", &self.drift)
            .field("body_bytes", &self.reply.body.len())
            .finish()
    }
}

async fn ask(client: &Client, request: &QueryRequest) -> Result<QueryPage, CallError> {
    QueryPage::new(client.call::<Query>(request).await?, request)
}

/// What a successful answer holds.
struct Found {
    total_pages: Option<u64>,
    total_rows: Option<u64>,
    rows: Vec<QueryRow<'static>>,
    odd_rows: usize,
    page_size: u64,
    form: AnswerForm,
}

/// What was found, or what cannot be true in the answer.
fn found(reply: &TypedReply<Query>, request: &QueryRequest) -> Result<Found, &'static str> {
    let answer = reply.get();
    let status = reply.reply.status;
    let form = AnswerForm::of(&answer, status, request.appkey().map_or("", AppKey::expose));
    let data = answer.data.get();
    let count = |field: Option<&Field<Count>>| field?.get().map(|count| count.get());
    let total_pages = count(data.map(|data| &data.total_page));
    let total_rows = count(data.map(|data| &data.total_size));
    let items = data.and_then(|data| data.result.get()).map(List::items);
    let page = request.page();
    // A platform may put fewer rows on a page than it was asked for.
    let asked = u64::from(request.page_size().get());
    let page_size =
        count(data.map(|data| &data.page_size)).filter(|rows| (1..=asked).contains(rows)).unwrap_or(asked);

    if count(data.map(|data| &data.page)).is_some_and(|echoed| echoed != u64::from(page.get())) {
        return Err("another page came than the one asked for");
    }
    let Some(items) = items else { return Err("success, and no list of what was found") };
    if items.is_empty() {
        let rows_before = u64::from(page.get() - 1) * page_size;
        // The first page alone may be there without rows.
        let with_rows = u64::from(page.get().max(2));
        if total_rows.is_some_and(|rows| rows > rows_before)
            || total_pages.is_some_and(|pages| pages >= with_rows)
        {
            return Err("rows are announced, and none is there");
        }
        if answer.has_other_items() {
            return Err("no rows are there, and another list holds items");
        }
        if !status.is_success() {
            return Err("success without rows came with an error status");
        }
    }
    if total_rows.is_some_and(|rows| rows < items.len() as u64) {
        return Err("more rows are there than were announced");
    }
    let rows: Vec<QueryRow<'static>> =
        items.iter().filter_map(|item| Some(item.get()?.clone().into_owned())).collect();
    let odd_rows = items.len() - rows.len();
    Ok(Found { total_pages, total_rows, rows, odd_rows, page_size, form })
}
