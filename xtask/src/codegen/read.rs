//! The spec as types: every key that a spec file may have, and what it means.
//!
//! Reading is strict: a key that stands here nowhere is an error with its file and line. It must not judge what the values say;
//! `check.rs` does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

/// Where the spec lies, below the root.
pub(crate) const FOLDER: &str = "crates/protocol/spec";

/// All spec files, in the order of their names.
pub(crate) struct Spec {
    pub(crate) files: Vec<File>,
}

/// One spec file.
#[derive(Serialize)]
pub(crate) struct File {
    /// The file's name without its ending: also the Rust module and the reference page.
    pub(crate) name: String,
    /// From the root, for messages and headers.
    pub(crate) path: String,
    #[serde(skip)]
    pub(super) text: String,
    pub(crate) content: Content,
}

/// What a spec file holds. All but `about` and `source` may be left out.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) about: About,
    /// The documents that the facts come from, by a short name that `source` keys refer to.
    pub(crate) source: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(crate) platform: Vec<Platform>,
    #[serde(default)]
    pub(crate) header: Vec<Header>,
    pub(crate) signature: Option<Signature>,
    #[serde(default)]
    pub(crate) endpoint: Vec<Endpoint>,
    #[serde(default)]
    pub(crate) push: Vec<Push>,
    #[serde(default)]
    pub(crate) object: Vec<Object>,
    pub(crate) result: Option<ResultView>,
    #[serde(default)]
    pub(crate) vocabulary: Vec<Vocabulary>,
    #[serde(default)]
    pub(crate) codes: Vec<Codes>,
    #[serde(default)]
    pub(crate) example: Vec<Example>,
}

/// What the file is about.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) summary: String,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
}

/// A statement that fits no table.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    pub(crate) text: String,
    pub(crate) sure: Sure,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sure {
    /// A document of the vendor says so.
    Documented,
    /// Seen in samples.
    Observed,
    /// Nobody documents it: it is the project's choice.
    Assumed,
}

/// Who serves endpoints, and where.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Platform {
    /// The variant of the Rust enum `Platform`.
    pub(crate) id: Spanned<String>,
    pub(crate) name: String,
    /// The OpenAPI document's file name, without its ending.
    pub(crate) document: String,
    /// Where requests go unless the caller says otherwise.
    pub(crate) url: String,
    /// Further base URLs that the documents print.
    #[serde(default)]
    pub(crate) also: Vec<String>,
    pub(crate) summary: String,
}

/// A header that every signed request carries. Values are strings.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) wire: Spanned<String>,
    pub(crate) required: bool,
    pub(crate) example: String,
    pub(crate) meaning: String,
    pub(crate) sure: Sure,
}

/// How requests are signed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signature {
    pub(crate) summary: String,
    pub(crate) forms: Vec<Form>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) vectors: Vec<Vector>,
}

/// The text to sign for a kind of body.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    pub(crate) body: String,
    pub(crate) text: String,
}

/// A published example of a signature.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) access_key: String,
    pub(crate) ts: String,
    pub(crate) biz_type: String,
    pub(crate) action: String,
    pub(crate) secret: String,
    pub(crate) body: String,
    pub(crate) md5: String,
}

/// An operation that a client calls.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// The Rust type that stands for it.
    pub(crate) name: Spanned<String>,
    pub(crate) id: Spanned<String>,
    pub(crate) platform: Spanned<String>,
    pub(crate) method: Method,
    /// Other methods that the platform takes.
    #[serde(default)]
    pub(crate) also: Vec<OtherMethod>,
    pub(crate) path: Spanned<String>,
    pub(crate) auth: Auth,
    pub(crate) body: BodyKind,
    pub(crate) title: String,
    pub(crate) title_zh: String,
    pub(crate) summary: String,
    pub(crate) cost: String,
    pub(crate) cost_sure: Sure,
    pub(crate) repeat: Repeat,
    pub(crate) repeat_why: String,
    pub(crate) source: Spanned<String>,
    /// The object of the request; none where the body is empty.
    pub(crate) request: Option<Spanned<String>>,
    pub(crate) reply: Spanned<String>,
    pub(crate) codes: Spanned<String>,
    #[serde(default)]
    pub(crate) rates: Vec<Rate>,
    pub(crate) rates_sure: Option<Sure>,
    pub(crate) rates_note: Option<String>,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Method {
    Get,
    Post,
}

/// A method beside the recommended one.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherMethod {
    pub(crate) method: Method,
    pub(crate) note: String,
    pub(crate) sure: Sure,
}

/// How a caller proves who it is.
#[derive(Deserialize, Serialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "auth is \"ApiKey\" or { biz_type = \"…\", action = \"…\" }"
)]
pub(crate) enum Auth {
    Plain(PlainAuth),
    Signed { biz_type: String, action: String },
}

#[derive(Deserialize, Serialize)]
pub(crate) enum PlainAuth {
    /// A key among the parameters.
    ApiKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum BodyKind {
    Json,
    Form,
    Empty,
}

/// Whether a request whose outcome is unknown may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Repeat {
    Never,
    Safe,
}

/// At most `requests` in `per_ms` milliseconds, for requests of at most `up_to` numbers.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    pub(crate) up_to: Option<u32>,
    pub(crate) requests: u32,
    pub(crate) per_ms: u32,
}

/// A request that the platform makes.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Push {
    /// The Rust constant.
    #[serde(rename = "const")]
    pub(crate) constant: Spanned<String>,
    pub(crate) id: Spanned<String>,
    pub(crate) platform: Spanned<String>,
    pub(crate) title: String,
    pub(crate) title_zh: String,
    pub(crate) summary: String,
    pub(crate) source: Spanned<String>,
    pub(crate) body: Spanned<String>,
    pub(crate) codes: Spanned<String>,
    /// The usual delay, from and to, in seconds.
    pub(crate) usual_s: [u32; 2],
    /// The only status that the platform takes for an acceptance.
    pub(crate) accepted_status: u16,
    pub(crate) retry_every_s: u32,
    pub(crate) retry_for_s: u32,
    pub(crate) timing_sure: Sure,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
}

/// A JSON object, or the parameters of a form.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Object {
    /// The Rust type.
    pub(crate) name: Spanned<String>,
    pub(crate) title: String,
    /// More about it.
    #[serde(default)]
    pub(crate) about: String,
    pub(crate) field: Vec<Field>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    pub(crate) wire: Spanned<String>,
    /// `string`, `integer`, `number`, `any`, an object of the same file, or a list of such objects: `[Object]`.
    #[serde(rename = "type")]
    pub(crate) type_: Spanned<String>,
    pub(crate) required: bool,
    pub(crate) max_length: Option<u32>,
    /// A vocabulary or a table of codes.
    pub(crate) vocabulary: Option<Spanned<String>>,
    /// Another vocabulary, of another type, whose values may stand there too.
    pub(crate) or: Option<Spanned<String>>,
    /// The only dialect that has the field.
    pub(crate) dialect: Option<Spanned<u8>>,
    /// Must never be shown.
    #[serde(default)]
    pub(crate) secret: bool,
    /// The field of the file's `[result]` that it fills.
    pub(crate) result: Option<Spanned<String>>,
    /// What kind of text it is, where that matters to whoever shows or counts it.
    pub(crate) holds: Option<Holds>,
    /// Whether it is the reply's text for people. Where a message has several, the first that is there counts.
    #[serde(default)]
    pub(crate) text: bool,
    pub(crate) meaning: String,
    /// The document's own words, where it is in Chinese.
    pub(crate) zh: Option<String>,
    pub(crate) sure: Sure,
}

/// What several messages say of one thing, brought into one form.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultView {
    /// The Rust type.
    pub(crate) name: Spanned<String>,
    pub(crate) title: String,
    /// The messages that it is made from. Objects inside them count.
    pub(crate) of: Vec<Spanned<String>>,
    /// In the order of the columns.
    pub(crate) field: Vec<ResultField>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResultField {
    /// The Rust field, which fields of messages name with `result`.
    pub(crate) name: Spanned<String>,
    /// The column of a file of results, without `check_`.
    pub(crate) column: Spanned<String>,
    /// Whether it says something that the check has found out.
    #[serde(default)]
    pub(crate) finding: bool,
    pub(crate) meaning: String,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holds {
    /// One phone number, which is shown masked.
    PhoneNumber,
    /// Several, which are not shown.
    PhoneNumbers,
    /// A URL whose path lets a push in: it is not shown.
    CallbackUrl,
}

impl Field {
    /// Whether it fills that field of the result.
    pub(crate) fn fills(&self, result: &str) -> bool {
        self.result.as_ref().is_some_and(|name| name.get_ref() == result)
    }

    /// The type without the brackets of a list.
    pub(crate) fn item_type(&self) -> &str {
        self.list_of().unwrap_or(self.type_.get_ref())
    }

    /// The vocabularies or tables that its values are from.
    pub(crate) fn vocabularies(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.vocabulary.iter().chain(&self.or)
    }

    /// What it is a list of, where it is one.
    pub(crate) fn list_of(&self) -> Option<&str> {
        self.type_.get_ref().strip_prefix('[')?.strip_suffix(']')
    }
}

/// Words or numbers that the platform may extend.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vocabulary {
    /// The Rust type.
    pub(crate) name: Spanned<String>,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    pub(crate) title_zh: String,
    pub(crate) source: Spanned<String>,
    pub(crate) zh_from: ZhFrom,
    pub(crate) note: Option<String>,
    pub(crate) words: Vec<Word>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Word,
    Number,
}

/// Whose Chinese it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ZhFrom {
    /// The source is in Chinese: its own words.
    Document,
    /// The source is in English: the project's translation.
    Translation,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    pub(crate) wire: Spanned<Wire>,
    /// Other words by which the same document means the same. Of a vocabulary of words only.
    #[serde(default)]
    pub(crate) also: Vec<Spanned<Wire>>,
    /// The variant of the Rust enum.
    pub(crate) name: Spanned<String>,
    pub(crate) en: String,
    pub(crate) zh: String,
    pub(crate) sure: Sure,
}

impl Word {
    /// Every value on the wire that means it, the usual one first.
    pub(crate) fn wires(&self) -> impl Iterator<Item = &Spanned<Wire>> {
        std::iter::once(&self.wire).chain(&self.also)
    }
}

/// A value on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(untagged, expecting = "wire is a string or an integer")]
pub(crate) enum Wire {
    Number(i64),
    Word(String),
}

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// A table of result codes.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Codes {
    /// The Rust type.
    pub(crate) name: Spanned<String>,
    pub(crate) title: String,
    pub(crate) title_zh: String,
    pub(crate) source: Spanned<String>,
    pub(crate) zh_from: ZhFrom,
    /// The endpoint or push that answers them, or a family of endpoints as `whatsapp.*`; without one, every signed endpoint does.
    pub(crate) endpoint: Option<Spanned<String>>,
    /// Another table whose codes the endpoint answers too; that one may include a last one.
    pub(crate) includes: Option<Spanned<String>>,
    /// How sure the column `charged` is.
    pub(crate) charged_sure: Sure,
    /// How sure the column `passes` is, where a row has one.
    pub(crate) passes_sure: Option<Sure>,
    pub(crate) note: Option<String>,
    #[serde(default)]
    pub(crate) facts: Vec<Fact>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) code: Spanned<i64>,
    /// The Rust constant.
    pub(crate) name: Spanned<String>,
    pub(crate) class: Class,
    pub(crate) charged: Charged,
    /// Whether the failure passes with time.
    #[serde(default)]
    pub(crate) passes: Passes,
    /// The document's own wording, where `en` rewords it.
    pub(crate) text: Option<String>,
    pub(crate) en: String,
    pub(crate) zh: String,
    pub(crate) advice: String,
    pub(crate) advice_zh: String,
    pub(crate) sure: Sure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    Success,
    Authentication,
    BadInput,
    Configuration,
    Balance,
    Platform,
    NoResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Charged {
    Yes,
    WhenChecked,
    No,
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Passes {
    Yes,
    No,
    #[default]
    Unknown,
}

/// A message as a document prints it, or as it is assumed to be.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    /// The fixture's name.
    pub(crate) id: Spanned<String>,
    /// The object that it is one of.
    pub(crate) of: Spanned<String>,
    /// The endpoint that it is of, where several share the object.
    pub(crate) endpoint: Option<Spanned<String>>,
    pub(crate) source: Spanned<String>,
    #[serde(default = "documented")]
    pub(crate) sure: Sure,
    pub(crate) json: Spanned<String>,
    /// Fields, as `Object.wire`, in which the example shows a value that their vocabulary does not list.
    #[serde(default)]
    pub(crate) unlisted: Vec<Spanned<String>>,
}

fn documented() -> Sure {
    Sure::Documented
}

impl File {
    /// Where a value stands: `path:line`.
    pub(crate) fn place<T>(&self, value: &Spanned<T>) -> String {
        format!("{}:{}", self.path, line(&self.text, value.span().start))
    }
}

pub(super) fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

impl Spec {
    pub(crate) fn codes(&self, name: &str) -> Option<(&File, &Codes)> {
        self.find(|content| &content.codes, |codes| codes.name.get_ref() == name)
    }

    /// The tables that a table includes, the nearest first.
    pub(crate) fn included(&self, codes: &Codes) -> Vec<&Codes> {
        let next = |codes: &Codes| Some(self.codes(codes.includes.as_ref()?.get_ref())?.1);
        // Two at most: `check` says so, and a spec that includes itself must not hang it.
        std::iter::successors(next(codes), |codes| next(codes)).take(2).collect()
    }

    pub(crate) fn vocabulary(&self, name: &str) -> Option<(&File, &Vocabulary)> {
        self.find(|content| &content.vocabulary, |vocabulary| vocabulary.name.get_ref() == name)
    }

    pub(crate) fn object(&self, name: &str) -> Option<(&File, &Object)> {
        self.find(|content| &content.object, |object| object.name.get_ref() == name)
    }

    pub(crate) fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.files.iter().flat_map(|file| &file.content.platform)
    }

    fn find<T>(&self, of: impl Fn(&Content) -> &Vec<T>, wanted: impl Fn(&T) -> bool) -> Option<(&File, &T)> {
        self.files.iter().find_map(|file| Some((file, of(&file.content).iter().find(|item| wanted(item))?)))
    }
}

impl Codes {
    /// Whether the endpoint or push called `id` answers these codes.
    pub(crate) fn is_of(&self, id: &str) -> bool {
        self.endpoint.as_ref().is_some_and(|of| match of.get_ref().strip_suffix('*') {
            Some(family) => id.starts_with(family),
            None => of.get_ref() == id,
        })
    }
}
