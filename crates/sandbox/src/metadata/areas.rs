//! Where a Chinese mobile number was first sold.
//!
//! About a third of today's ranges are in no public data: they are unknown here, and must stay so.

use std::sync::LazyLock;

use super::prefix_table::PrefixTable;

static AREAS: LazyLock<PrefixTable> =
    LazyLock::new(|| PrefixTable::read(include_bytes!("../../data/cn-mobile-areas.tsv.gz")));

/// `province-city` as QXT writes it (`广东-深圳`), for a mobile number of mainland China without country code.
pub(crate) fn area(mobile: &str) -> Option<&'static str> {
    AREAS.find(mobile)
}

#[cfg(test)]
mod tests {
    use super::{AREAS, area};

    #[test]
    fn every_line_of_the_data_is_read() {
        assert_eq!(AREAS.len(), 129_820);
    }

    #[test]
    fn a_known_range_has_its_area_and_an_unknown_one_has_none() {
        assert_eq!(area("18819079212"), Some("广东-深圳"));
        assert_eq!(area("13000001234"), Some("山东-济南"));
        assert_eq!(area("16717707933"), None);
    }
}
