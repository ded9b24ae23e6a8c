//! What the generated modules use.

pub(crate) use crate::endpoint::{
    Auth, BodyKind, Endpoint, Envelope, Info, Method, Platform, PushInfo, Rate, Repeat,
};
pub(crate) use crate::message::{IntoOwned, message};
pub(crate) use crate::table::{code_table, open_numbers, open_words};
pub(crate) use crate::view::{Cell, View, is_value};
pub(crate) use crate::{Count, HiddenText, Json, List, PhoneText, Price, Text};
