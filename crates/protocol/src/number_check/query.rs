//! Query: the checks of a day, found again by batch or by id, a page at a time.

use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::str::FromStr;

use serde::{Serialize, Serializer};

use crate::batch_no::BatchNo;
use crate::count::Count;
use crate::date::Date;
use crate::endpoint::Request;
use crate::error::ValueError;
use crate::field::Field;
use crate::message_id::MessageId;
use crate::number_check::QueryBody;
use crate::phone::PhoneNumber;
use crate::secrets::AppKey;
use crate::strict::{optional, required};

/// A query as a client builds it: for a batch or an id, of one day, one page. Every value has been checked.
///
/// ```
/// use numcheck_protocol::{BatchNo, number_check::QueryRequest};
///
/// let query = QueryRequest::for_batch("2024-04-22".parse()?, BatchNo::new("101713775788")?);
/// let body = numcheck_protocol::encode(&query)?;
/// assert_eq!(body, br#"{"page":1,"pageSize":100,"date":"2024-04-22","batchNo":"101713775788"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRequest {
    page: NonZeroU32,
    page_size: PageSize,
    date: Date,
    message_id: Option<MessageId>,
    batch_no: Option<BatchNo>,
    phone: Option<PhoneNumber>,
    appkey: Option<AppKey>,
}

impl QueryRequest {
    /// The first page of 100 checks of a batch.
    pub fn for_batch(date: Date, batch_no: BatchNo) -> Self {
        Self { batch_no: Some(batch_no), ..Self::for_day(date) }
    }

    /// The first page of the checks with this id, exactly. With several numbers in a batch each check has an id of its own, with a
    /// suffix: the id in the submit's reply alone then finds none.
    pub fn for_message(date: Date, message_id: MessageId) -> Self {
        Self { message_id: Some(message_id), ..Self::for_day(date) }
    }

    /// Only with `batch_no` or `message_id` is it a query.
    fn for_day(date: Date) -> Self {
        let (page, page_size) = (NonZeroU32::MIN, PageSize::MAX);
        Self { page, page_size, date, message_id: None, batch_no: None, phone: None, appkey: None }
    }

    /// Only checks of this batch.
    pub fn with_batch_no(self, batch_no: BatchNo) -> Self {
        Self { batch_no: Some(batch_no), ..self }
    }

    /// Only the check with this id.
    pub fn with_message_id(self, message_id: MessageId) -> Self {
        Self { message_id: Some(message_id), ..self }
    }

    /// Only checks of this number.
    pub fn with_phone(self, phone: PhoneNumber) -> Self {
        Self { phone: Some(phone), ..self }
    }

    /// Only checks that this application paid for. The newest revision of the document has no such field.
    pub fn with_appkey(self, appkey: AppKey) -> Self {
        Self { appkey: Some(appkey), ..self }
    }

    /// Another page; the first is 1.
    pub fn with_page(self, page: NonZeroU32) -> Self {
        Self { page, ..self }
    }

    /// Fewer rows on a page.
    pub fn with_page_size(self, page_size: PageSize) -> Self {
        Self { page_size, ..self }
    }

    /// Which page is asked for.
    pub fn page(&self) -> NonZeroU32 {
        self.page
    }

    /// How many rows a page may have.
    pub fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Which day is asked for.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The id that is asked for.
    pub fn message_id(&self) -> Option<&MessageId> {
        self.message_id.as_ref()
    }

    /// The batch that is asked for.
    pub fn batch_no(&self) -> Option<&BatchNo> {
        self.batch_no.as_ref()
    }

    /// The number that is asked for.
    pub fn phone(&self) -> Option<&PhoneNumber> {
        self.phone.as_ref()
    }

    /// The application that is asked for.
    pub fn appkey(&self) -> Option<&AppKey> {
        self.appkey.as_ref()
    }
}

/// The id stands under the names of both dialects, since nothing tells which one the other side reads. (assumed: the other name is
/// passed over)
impl Serialize for QueryRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            page: NonZeroU32,
            page_size: u8,
            date: Date,
            #[serde(skip_serializing_if = "Option::is_none")]
            message_id: Option<&'a MessageId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a MessageId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            batch_no: Option<&'a BatchNo>,
            #[serde(skip_serializing_if = "Option::is_none")]
            phone: Option<&'a PhoneNumber>,
            #[serde(skip_serializing_if = "Option::is_none")]
            appkey: Option<&'a AppKey>,
        }
        let wire = Wire {
            page: self.page,
            page_size: self.page_size.get(),
            date: self.date,
            message_id: self.message_id.as_ref(),
            request_id: self.message_id.as_ref(),
            batch_no: self.batch_no.as_ref(),
            phone: self.phone.as_ref(),
            appkey: self.appkey.as_ref(),
        };
        wire.serialize(serializer)
    }
}

impl Request for QueryRequest {
    fn secrets(&self) -> Vec<&str> {
        self.appkey.iter().map(AppKey::expose).collect()
    }
}

/// How many rows a page may have: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u8);

impl PageSize {
    /// The largest.
    pub const MAX: Self = Self(100);

    /// A page of so many rows.
    ///
    /// # Errors
    /// When it is not 1 to 100.
    pub fn new(rows: u32) -> Result<Self, ValueError> {
        match u8::try_from(rows) {
            Ok(rows @ 1..=100) => Ok(Self(rows)),
            _ => Err(BAD_PAGE_SIZE),
        }
    }

    /// How many rows.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u32> for PageSize {
    type Error = ValueError;

    fn try_from(rows: u32) -> Result<Self, ValueError> {
        Self::new(rows)
    }
}

impl From<PageSize> for u8 {
    fn from(size: PageSize) -> Self {
        size.get()
    }
}

impl FromStr for PageSize {
    type Err = ValueError;

    fn from_str(rows: &str) -> Result<Self, ValueError> {
        rows.parse().map_err(|_| BAD_PAGE_SIZE).and_then(Self::new)
    }
}

/// As a number.
impl Serialize for PageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

/// Strict: a number from 1 to 100.
impl<'de> serde::Deserialize<'de> for PageSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The format's own message would quote what stood there.
        let size = u32::deserialize(deserializer).map_err(|_| BAD_PAGE_SIZE).and_then(Self::new);
        size.map_err(serde::de::Error::custom)
    }
}

const BAD_PAGE_SIZE: ValueError = ValueError::new("pageSize", "must be an integer from 1 to 100");

/// Reads a body strictly, as a server does before it looks anything up. An optional field that is null or empty counts as left out.
///
/// # Errors
/// Names the first field that is missing or wrong, in the document's order. Unknown fields are no error.
impl TryFrom<QueryBody<'_>> for QueryRequest {
    type Error = ValueError;

    fn try_from(body: QueryBody<'_>) -> Result<Self, ValueError> {
        const PAGE: ValueError = ValueError::new("page", "must be an integer from 1");
        let integer = |field: &Field<Count>| field.get().and_then(|count| u32::try_from(count.get()).ok());
        let page = integer(&body.page).and_then(NonZeroU32::new).ok_or(PAGE)?;
        let page_size = PageSize::new(integer(&body.page_size).ok_or(BAD_PAGE_SIZE)?)?;
        let date = required(&body.date, "date")?.parse()?;
        let message_id =
            optional(&body.message_id, "messageId")?.or(optional(&body.request_id, "requestId")?);
        let message_id = message_id.map(MessageId::new).transpose()?;
        let batch_no = optional(&body.batch_no, "batchNo")?.map(BatchNo::new).transpose()?;
        if message_id.is_none() && batch_no.is_none() {
            return Err(ValueError::new("batchNo", "must not be left out together with messageId"));
        }
        let phone = optional(&body.phone, "phone")?.map(PhoneNumber::new).transpose()?;
        let appkey = optional(&body.appkey, "appkey")?.map(AppKey::new).transpose()?;
        Ok(Self { page, page_size, date, message_id, batch_no, phone, appkey })
    }
}
