//! Query: the checks of a day, found again by batch or by id, a page at a time.
//!
//! [`QueryRequest`] is what a client builds and cannot hold nonsense; [`QueryBody`] is what a server reads and holds anything. It
//! must not conclude anything from an absence: what that proves is the caller's affair.

use core::num::NonZeroU32;

use serde::{Deserialize, Serialize, Serializer};

use crate::batch_no::BatchNo;
use crate::count::Count;
use crate::currency::Currency;
use crate::date::Date;
use crate::endpoint::{Endpoint, Info};
use crate::error::ValueError;
use crate::field::{Extra, Field};
use crate::list::List;
use crate::message::message;
use crate::message_id::MessageId;
use crate::number_check::{
    Answer, Basic, CheckLevel, Cost, Dial, DialResponse, Live, NumberType, QueryCode, ResultData, ResultPush,
};
use crate::phone::PhoneNumber;
use crate::price::Price;
use crate::secrets::AppKey;
use crate::strict::{optional, required};
use crate::text::{HiddenText, PhoneText, Text};

/// `number_check.query`: POST `/api/number/query`, signed.
///
/// It only reads and costs nothing (assumed), so it may be repeated. At most one request in 3 seconds. It finds checks of the last
/// 14 days. Source: "Number Check API query" (vendor, 2025).
#[derive(Debug)]
pub enum Query {}

impl Endpoint for Query {
    const INFO: Info = crate::generated::number_check::QUERY;
    type Request<'a> = QueryBody<'a>;
    type Response<'a> = QueryReply<'a>;
}

/// A query as a client builds it: for a batch or an id, of one day, one page. Every value has been checked.
///
/// ```
/// use numcheck_protocol::{BatchNo, number_check::QueryRequest};
///
/// let query = QueryRequest::of_batch("2024-04-22".parse()?, BatchNo::new("101713775788")?);
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
    pub fn of_batch(date: Date, batch_no: BatchNo) -> Self {
        Self { batch_no: Some(batch_no), ..Self::of_day(date) }
    }

    /// The first page of the checks with this id, exactly. With several numbers in a batch each check has an id of its own, with a
    /// suffix: the id in the submit's reply alone then finds none.
    pub fn of_message(date: Date, message_id: MessageId) -> Self {
        Self { message_id: Some(message_id), ..Self::of_day(date) }
    }

    /// Only with `batch_no` or `message_id` is it a query.
    fn of_day(date: Date) -> Self {
        let (page, page_size) = (NonZeroU32::MIN, PageSize::MOST);
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

/// How many rows a page may have: 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u8);

impl PageSize {
    /// The largest.
    pub const MOST: Self = Self(100);

    /// A page of so many rows.
    ///
    /// # Errors
    /// When it is not 1 to 100.
    pub fn new(rows: u32) -> Result<Self, ValueError> {
        match u8::try_from(rows) {
            Ok(rows @ 1..=100) => Ok(Self(rows)),
            _ => Err(ValueError::new("pageSize", "must be 1 to 100")),
        }
    }

    /// How many rows.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Reads a body strictly, as a server does before it looks anything up. An optional field that is null or empty counts as left out.
///
/// # Errors
/// Names the first field that is missing or wrong, in the document's order. Unknown fields are no error.
impl TryFrom<QueryBody<'_>> for QueryRequest {
    type Error = ValueError;

    fn try_from(body: QueryBody<'_>) -> Result<Self, ValueError> {
        const PAGE: ValueError = ValueError::new("page", "must be an integer from 1");
        const PAGE_SIZE: ValueError = ValueError::new("pageSize", "must be an integer from 1 to 100");
        let integer = |field: &Field<Count>| field.get().and_then(|count| u32::try_from(count.get()).ok());
        let page = integer(&body.page).and_then(NonZeroU32::new).ok_or(PAGE)?;
        let page_size = PageSize::new(integer(&body.page_size).ok_or(PAGE_SIZE)?)?;
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

/// A query's body as it stands on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryBody<'a> {
    /// Which page, from 1.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page: Field<Count>,
    /// Rows on a page; at most 100.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page_size: Field<Count>,
    /// The day, `yyyy-MM-dd`. In which time zone, no document says.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub date: Field<Text<'a>>,
    /// The check, exactly. Not both this and the batch number may be left out.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// The batch.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The number. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// The application that paid.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub appkey: Field<HiddenText<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryBody { page, page_size, date, message_id, request_id, batch_no, phone, appkey });

/// The reply to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryReply<'a> {
    /// 0 is success, also when nothing was found; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<QueryCode>,
    /// The platform's text; with code 88 it says what was wrong. See [`QueryReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// The same under the name that other endpoints of the platform use.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The page; an empty object when the query failed.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub data: Field<QueryData<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryReply { code, msg, message; data });

impl QueryReply<'_> {
    /// The platform's text, under whichever name it came.
    pub fn message_text(&self) -> Option<&str> {
        self.msg.get().or(self.message.get()).map(Text::as_str)
    }
}

/// `data` of a query's reply: a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryData<'a> {
    /// Which page it is.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page: Field<Count>,
    /// Rows on a page.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub page_size: Field<Count>,
    /// How many pages there are; 0 when nothing was found.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub total_page: Field<Count>,
    /// How many rows there are on all pages; 0 when nothing was found.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub total_size: Field<Count>,
    /// The rows.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub result: Field<List<QueryRow<'a>>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryData { page, page_size, total_page, total_size; ; result });

/// One check, flat: the fields of every level and of both dialects stand beside each other. Texts borrow from the body.
///
/// It carries no result code. Words may be empty where one is promised, and the price may be 0: the vendor's own sample is so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryRow<'a> {
    /// The check's id, as its push carries it. See [`QueryRow::id`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message_id: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub request_id: Field<Text<'a>>,
    /// The batch number of the submit.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub batch_no: Field<Text<'a>>,
    /// The number as submitted. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub phone: Field<PhoneText<'a>>,
    /// What was checked.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub check_level: Field<CheckLevel>,
    /// Whether the format is right.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub pre_check: Field<Answer>,
    /// ISO 3166 region.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub region_code: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country: Field<Text<'a>>,
    /// Dial code, digits only.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub country_code: Field<Text<'a>>,
    /// The number in local form. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub national_number: Field<PhoneText<'a>>,
    /// The number in standard form. Personal data.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub stand_number: Field<PhoneText<'a>>,
    /// Kind of number. The second dialect's words are odd here, and kept.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub number_type: Field<NumberType>,
    /// Name of the carrier.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub carrier: Field<Text<'a>>,
    /// The same under its name in the second dialect.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub operator: Field<Text<'a>>,
    /// HLR: whether the number is in use.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub validity: Field<Answer>,
    /// HLR: whether the device is on line.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub reachable: Field<Answer>,
    /// HLR: whether the device is roaming.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub roaming: Field<Answer>,
    /// Call: whether it rang.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub early: Field<Answer>,
    /// Call: whether the call was answered.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub answered: Field<Answer>,
    /// Call: what was heard.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub response: Field<DialResponse>,
    /// What the check cost, exact.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub price: Field<Price>,
    /// In which currency.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub currency: Field<Currency>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(QueryRow {
    message_id,
    request_id,
    batch_no,
    phone,
    check_level,
    pre_check,
    region_code,
    country,
    country_code,
    national_number,
    stand_number,
    number_type,
    carrier,
    operator,
    validity,
    reachable,
    roaming,
    early,
    answered,
    response,
    price,
    currency
});

impl<'a> QueryRow<'a> {
    /// The check's id, under whichever name it came.
    pub fn id(&self) -> Option<&str> {
        self.message_id.get().or(self.request_id.get()).map(Text::as_str)
    }

    /// Whether the row says anything about its number. A row that does not is of a check that failed or is not finished: which of
    /// the two, no document says.
    pub fn has_result(&self) -> bool {
        let text = |field: &Field<Text<'_>>| is_value(field);
        let answer = |field: &Field<Answer>| is_value(field);
        answer(&self.pre_check)
            || text(&self.region_code)
            || text(&self.country)
            || text(&self.country_code)
            || is_value(&self.national_number)
            || is_value(&self.stand_number)
            || is_value(&self.number_type)
            || text(&self.carrier)
            || text(&self.operator)
            || [&self.validity, &self.reachable, &self.roaming, &self.early, &self.answered]
                .into_iter()
                .any(answer)
            || is_value(&self.response)
    }

    /// The same row, independent of the reply that it was read from.
    pub fn into_owned(self) -> QueryRow<'static> {
        QueryRow {
            message_id: self.message_id.map(Text::into_owned),
            request_id: self.request_id.map(Text::into_owned),
            batch_no: self.batch_no.map(Text::into_owned),
            phone: self.phone.map(PhoneText::into_owned),
            check_level: self.check_level,
            pre_check: self.pre_check,
            region_code: self.region_code.map(Text::into_owned),
            country: self.country.map(Text::into_owned),
            country_code: self.country_code.map(Text::into_owned),
            national_number: self.national_number.map(PhoneText::into_owned),
            stand_number: self.stand_number.map(PhoneText::into_owned),
            number_type: self.number_type,
            carrier: self.carrier.map(Text::into_owned),
            operator: self.operator.map(Text::into_owned),
            validity: self.validity,
            reachable: self.reachable,
            roaming: self.roaming,
            early: self.early,
            answered: self.answered,
            response: self.response,
            price: self.price,
            currency: self.currency,
            extra: self.extra,
        }
    }
}

fn is_value<T>(field: &Field<T>) -> bool {
    field.get().is_some() || field.odd().is_some()
}

/// The same facts in the form of a push, so that both ways of getting a result lead to one place.
///
/// The push has no `code` and no `msg`, because a row has none: ask [`QueryRow::has_result`]. What the second dialect calls otherwise
/// fills in where the first one's name is missing. What a push has no place for, such as the level, is kept in `extra`.
impl<'a> From<QueryRow<'a>> for ResultPush<'a> {
    fn from(row: QueryRow<'a>) -> Self {
        let mut extra = row.extra;
        let message_id = first(row.message_id, row.request_id, "requestId", &mut extra);
        keep(&row.check_level, "checkLevel", &mut extra);
        let mut basic = Basic {
            pre_check: row.pre_check,
            country_code: row.country_code,
            national_number: row.national_number,
            stand_number: row.stand_number,
            number_type: row.number_type,
            ..Basic::default()
        };
        basic.region_code = first(row.region_code, row.country, "country", &mut basic.extra);
        basic.carrier = first(row.carrier, row.operator, "operator", &mut basic.extra);
        let live = Live {
            validity: row.validity,
            reachable: row.reachable,
            roaming: row.roaming,
            extra: Extra::default(),
        };
        let dial = Dial {
            early: row.early,
            answered: row.answered,
            response: row.response,
            extra: Extra::default(),
        };
        let cost = Cost { price: row.price, currency: row.currency, extra: Extra::default() };
        let data = ResultData {
            basic: unless_empty(basic),
            live: unless_empty(live),
            dial: unless_empty(dial),
            extra: Extra::default(),
        };
        ResultPush {
            message_id,
            code: Field::Absent,
            msg: Field::Absent,
            batch_no: row.batch_no,
            phone: row.phone,
            data: unless_empty(data),
            cost: unless_empty(cost),
            extra,
        }
    }
}

/// The field under the first dialect's name, else the second's; where both are there, the second is kept as an extra field.
fn first<'a>(
    first: Field<Text<'a>>,
    second: Field<Text<'a>>,
    second_name: &str,
    extra: &mut Extra,
) -> Field<Text<'a>> {
    if first.is_absent() {
        return second;
    }
    keep(&second, second_name, extra);
    first
}

fn keep<T: Serialize>(field: &Field<T>, name: &str, extra: &mut Extra) {
    if !field.is_absent()
        && let Ok(value) = serde_json::to_value(field)
    {
        extra.insert(name, value);
    }
}

fn unless_empty<T: Default + PartialEq>(object: T) -> Field<T> {
    if object == T::default() { Field::Absent } else { Field::Known(object) }
}
