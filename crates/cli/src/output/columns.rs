//! The result columns: which are written, and what each of them means.

use clap::Args;
use numcheck_protocol::number_check::CheckResult;
use numcheck_tables::AddedColumns;

use crate::exit::Failure;

/// What stands before the name of a result column in a table.
const PREFIX: &str = "check_";

/// A result column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultColumn {
    /// Without `check_`.
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    /// Whether it is written for a privacy check only.
    pub(crate) is_privacy: bool,
}

impl ResultColumn {
    const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, is_privacy: false }
    }

    /// All of them, in their order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const STATE: ResultColumn = ResultColumn::new(
            "state",
            "What became of the row: done, failed, refused, invalid, duplicate, pending, in_doubt or missing.",
        );
        const TIME: ResultColumn = ResultColumn::new("time", "When the result came: UTC, RFC 3339.");
        const PRIVACY: [ResultColumn; 3] = [
            ResultColumn {
                is_privacy: true,
                ..ResultColumn::new("privacy", "QXT: whether it is a privacy number: YES, NO or UNKNOWN.")
            },
            ResultColumn {
                is_privacy: true,
                ..ResultColumn::new("status", "QXT: the platform's word for it.")
            },
            ResultColumn { is_privacy: true, ..ResultColumn::new("area", "QXT: where the number is from.") },
        ];
        let own = |name| match name {
            "phone" => Some(
                "The number that was made of the cell and sent: digits with the country code. Personal data.",
            ),
            "message" => Some("The platform's text; of a row without a result, why there is none."),
            "level" => Some("The level it was checked at."),
            _ => None,
        };
        let said = CheckResult::COLUMNS.iter().zip(CheckResult::COLUMN_MEANINGS);
        // The state stands behind the phone number.
        said.flat_map(move |(name, meaning)| {
            let column = Self::new(name, own(name).unwrap_or(meaning));
            [Some(column), (*name == "phone").then_some(STATE)]
        })
        .flatten()
        .chain([TIME])
        .chain(PRIVACY)
    }
}

/// Which result columns are written.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ColumnsArgs {
    /// The result columns to write, in this order, such as phone,state,carrier; all otherwise. `numcheck explain columns` says what each means.
    #[arg(
        long,
        env = "NUMCHECK_COLUMNS",
        hide_env_values = true,
        value_name = "NAME,…",
        value_delimiter = ','
    )]
    columns: Vec<String>,
}

impl ColumnsArgs {
    /// # Errors
    /// When one of them is none. Nothing was sent.
    pub(crate) fn get(&self) -> Result<Columns, Failure> {
        if self.columns.is_empty() {
            return Ok(Columns::default());
        }
        let mut names = Vec::new();
        for asked in &self.columns {
            let asked = asked.trim();
            let name = asked.strip_prefix(PREFIX).unwrap_or(asked);
            let column = ResultColumn::all().find(|column| column.name == name).ok_or_else(|| {
                let known: Vec<&str> = ResultColumn::all().map(|column| column.name).collect();
                Failure::usage(format!(
                    "--columns: one of these is no result column; they are {}; nothing was sent",
                    known.join(", ")
                ))
            })?;
            if !names.contains(&column.name) {
                names.push(column.name);
            }
        }
        Ok(Columns(Some(names)))
    }
}

/// The result columns that are written; all that a level has where nobody chose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns(Option<Vec<&'static str>>);

impl Columns {
    /// The names of the columns, without `check_`.
    pub(super) fn names(&self, with_privacy: bool) -> Vec<&'static str> {
        self.0.clone().unwrap_or_else(|| {
            let written = ResultColumn::all().filter(|column| with_privacy || !column.is_privacy);
            written.map(|column| column.name).collect()
        })
    }
}

/// The columns as they are added to a table.
pub(super) fn added<'a>(names: &'a [&'a str]) -> AddedColumns<'a> {
    AddedColumns { prefix: PREFIX, member: "check", names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_column_of_the_design_goes_or_moves() {
        let design = "phone, state, code, message, level, valid, region, dial_code, national, standard, number_type, carrier, validity, \
            reachable, roaming, ported, mcc, mnc, ring, answered, response, price, currency, message_id, batch_no, time, privacy, status, area";
        let mut columns = ResultColumn::all();
        for column in design.split(", ") {
            assert!(columns.any(|known| known.name == column), "{column} is gone or stands elsewhere");
        }
    }

    #[test]
    fn columns_are_chosen_by_name_with_the_prefix_or_without_and_in_the_order_given() {
        let chosen = |names: &[&str]| {
            let columns = names.iter().map(|name| (*name).to_owned()).collect();
            ColumnsArgs { columns }.get().map(|columns| columns.names(false))
        };
        assert_eq!(
            chosen(&["carrier", "check_phone", " state", "carrier"]).unwrap(),
            ["carrier", "phone", "state"]
        );
        assert_eq!(chosen(&[]).unwrap().len(), CheckResult::COLUMNS.len() + 2);
        let refused = chosen(&["carrier", "8613800000001"]).unwrap_err().to_string();
        assert!(refused.contains("phone, state, code") && !refused.contains("861380"), "{refused}");
    }
}
