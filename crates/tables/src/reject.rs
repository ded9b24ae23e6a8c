//! Why a cell is not sent: for each reason a word for machines and a sentence for people.
//!
//! None quotes the cell: a rejected cell may still be most of a phone number.

use std::fmt;

/// Why the number of a row cannot be read with certainty, so that it is not sent and costs nothing.
///
/// `Display` is one sentence that says what is wrong and what to do; it never repeats the cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reject {
    /// No digit and no letter: the cell is empty, holds spaces or punctuation only, or the row has no such cell.
    Blank,
    /// `4.47400E+11`: a spreadsheet has thrown the last digits away.
    ScientificNotation,
    /// `37477123456.5`: a spreadsheet took it for an amount, which may have rounded it.
    Decimal,
    /// `*` and nothing else: what `numcheck forget --number` leaves of a row.
    Forgotten,
    /// Digits hidden behind `*` or `x`, as in `138****5678`.
    Masked,
    /// Letters, as in `+44 7400 CALLME` or `n/a`.
    Letters,
    /// `+44 (0)7400 …`: the zero is dialled in some countries and left out in most.
    TrunkZero,
    /// Two or more numbers, or one with a slash, comma, semicolon or line break between its digits.
    SeveralNumbers,
    /// A character that stands in no phone number.
    UnexpectedCharacter,
    /// Fewer digits than any number that can be sent.
    TooShort {
        /// How many digits there are.
        digits: usize,
    },
    /// More digits than any number that can be sent.
    TooLong {
        /// How many digits there are.
        digits: usize,
    },
    /// The cell is not UTF-8 text.
    NotUtf8,
    /// No phone number of the region that was named, and none with a country code.
    NotOfRegion,
    /// Not 11 digits that begin with 1, with or without `86` before them, where only Chinese mobile numbers are asked about.
    NotChineseMobile,
}

impl Reject {
    /// The reason as one stable lower-case word for machines, such as `scientific_notation`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::ScientificNotation => "scientific_notation",
            Self::Decimal => "decimal",
            Self::Forgotten => "forgotten",
            Self::Masked => "masked",
            Self::Letters => "letters",
            Self::TrunkZero => "trunk_zero",
            Self::NotOfRegion => "not_of_region",
            Self::NotChineseMobile => "not_chinese_mobile",
            Self::SeveralNumbers => "several_numbers",
            Self::UnexpectedCharacter => "unexpected_character",
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::NotUtf8 => "not_utf8",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("there is no number in the cell"),
            Self::ScientificNotation => f.write_str(
                "a spreadsheet has replaced the last digits by an exponent (E+…): format the column as text, enter the number again and export anew",
            ),
            Self::Decimal => f.write_str(
                "a spreadsheet has made a decimal fraction of it and may have rounded it: format the column as text and export anew",
            ),
            Self::Forgotten => f.write_str("there is nothing but * in the cell: the number was forgotten, or hidden"),
            Self::Masked => f.write_str("some digits are hidden behind * or x: give the whole number"),
            Self::Letters => f.write_str("it has letters: write digits only, with the country code"),
            Self::NotOfRegion => f.write_str(
                "it is no number of the region, and none with a country code: write it with + and the country code",
            ),
            Self::NotChineseMobile => f.write_str(
                "it is a number of another country, or no mobile number: 11 digits that begin with 1, with or without 86 before them",
            ),
            Self::TrunkZero => f.write_str(
                "it has a (0) within: leave it out, or keep it without the brackets where it is dialled from abroad too, as in Italy",
            ),
            Self::SeveralNumbers => f.write_str(
                "it looks like several numbers in one cell: give each a row of its own (a single number: no comma, semicolon, slash or line break in it)",
            ),
            Self::UnexpectedCharacter => {
                f.write_str("it has a character that is in no phone number: write digits only, with the country code")
            }
            Self::TooShort { digits } => {
                write!(f, "it has only {digits} digits and the shortest number has 5: check that the country code is there")
            }
            Self::TooLong { digits } => {
                write!(f, "it has {digits} digits and the longest number has 15: check that the cell holds one number")
            }
            Self::NotUtf8 => f.write_str("it is not UTF-8 text: save the file as \"CSV UTF-8\""),
        }
    }
}
