//! The operator to which a range of phone numbers was first assigned; ported numbers have moved on since.

use std::sync::LazyLock;

use super::prefix_table::PrefixTable;

static CARRIERS: LazyLock<PrefixTable> =
    LazyLock::new(|| PrefixTable::read(include_bytes!("../../data/carriers.tsv.gz")));

/// The operator's name in English; `digits` begin with the country code.
pub(crate) fn carrier(digits: &str) -> Option<&'static str> {
    names(digits).map(|(english, _)| english).filter(|name| !name.is_empty())
}

/// The operator's name in Chinese, known for few countries; `digits` begin with the country code.
pub(crate) fn carrier_zh(digits: &str) -> Option<&'static str> {
    names(digits).map(|(_, chinese)| chinese).filter(|name| !name.is_empty())
}

fn names(digits: &str) -> Option<(&'static str, &'static str)> {
    let line = CARRIERS.find(digits)?;
    Some(line.split_once('\t').unwrap_or((line, "")))
}

#[cfg(test)]
mod tests {
    use super::{CARRIERS, carrier, carrier_zh};

    #[test]
    fn every_line_of_the_data_is_read() {
        assert_eq!(CARRIERS.len(), 29_244);
    }

    #[test]
    fn a_chinese_mobile_number_has_an_operator_in_two_languages() {
        assert_eq!(carrier("8613001234567"), Some("China Unicom"));
        assert_eq!(carrier_zh("8613001234567"), Some("中国联通"));
        assert_eq!(carrier_zh("8619212345678"), Some("中国广电"));
    }

    #[test]
    fn a_range_without_operator_has_none() {
        assert_eq!(carrier("861012345678"), None);
        assert_eq!(carrier_zh("12423571234"), None);
        assert_eq!(carrier("12423571234"), Some("BaTelCo"));
    }
}
