//! What the replies of the embedded register have in common.
//!
//! It must not insist on a shape of `data`: whatever came is kept and written back.

use serde::{Deserialize, Serialize};

use crate::field::{Extra, Field};
use crate::generated::whatsapp::WhatsAppCode;
use crate::message::{Message, message};
use crate::refusal::Refusal;
use crate::text::{Json, Text};

/// A reply of this family, whatever its `data`.
pub trait RegisterReply: Message {
    /// What the platform decided, or `None` where the reply holds no code. A refusal quotes `text`, which should be
    /// [`message_text`](Self::message_text) without what the request held: the platform may repeat what it was sent.
    fn verdict(&self, text: Option<&str>) -> Option<Result<(), Refusal>>;

    /// The platform's text, under whichever name it came.
    fn message_text(&self) -> Option<&str>;
}

/// Makes a struct with `code`, `message` and `msg` a [`RegisterReply`].
macro_rules! answers {
    ($Reply:ident) => {
        impl $crate::whatsapp::RegisterReply for $Reply<'_> {
            fn verdict(&self, text: Option<&str>) -> Option<Result<(), $crate::Refusal>> {
                let code = self.code.get()?;
                Some(if code.is_success() { Ok(()) } else { Err(code.refusal(text)) })
            }

            fn message_text(&self) -> Option<&str> {
                self.message.get().or(self.msg.get()).map($crate::Text::as_str)
            }
        }
    };
}

/// The reply of getCode, checkCode and createClient, which tell nothing but a code; it also reads the others' without their `data`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatsAppReply<'a> {
    /// 0 is success; 1001 to 1005 are authentication errors.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub code: Field<WhatsAppCode>,
    /// An object, an empty object, an array, null or absent.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub data: Field<Json>,
    /// The platform's text. See [`RegisterReply::message_text`].
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Text<'a>>,
    /// The same under the name that number check uses.
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    pub msg: Field<Text<'a>>,
    /// Fields that the spec does not list.
    #[serde(flatten)]
    pub extra: Extra,
}

message!(WhatsAppReply { code, data, message, msg });
answers!(WhatsAppReply);

/// A reply whose `data` has a documented type. `[..]` lists the fields for `message!`.
macro_rules! reply {
    ($(#[$doc:meta])* $Reply:ident, $Code:ident, $(#[$data_doc:meta])* $Data:ty, [$($fields:tt)*]) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $Reply<'a> {
            /// 0 is success; 1001 to 1005 are authentication errors.
            #[serde(skip_serializing_if = "Field::is_absent")]
            pub code: Field<$Code>,
            $(#[$data_doc])*
            #[serde(borrow, skip_serializing_if = "Field::is_absent")]
            pub data: Field<$Data>,
            /// The platform's text. See [`RegisterReply::message_text`](crate::whatsapp::RegisterReply::message_text).
            #[serde(borrow, skip_serializing_if = "Field::is_absent")]
            pub message: Field<Text<'a>>,
            /// The same under the name that number check uses.
            #[serde(borrow, skip_serializing_if = "Field::is_absent")]
            pub msg: Field<Text<'a>>,
            /// Fields that the spec does not list.
            #[serde(flatten)]
            pub extra: Extra,
        }

        $crate::message::message!($Reply { $($fields)* });
        $crate::whatsapp::reply::answers!($Reply);
    };
}

pub(super) use {answers, reply};
