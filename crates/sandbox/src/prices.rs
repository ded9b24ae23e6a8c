//! What checks cost in the sandbox. The platforms publish no prices: these are made up, small, and fixed.

use numcheck_protocol::number_check::KnownCheckLevel;
use numcheck_protocol::{CallingCode, Currency, Price};

/// A row of the sandbox's price list: what one number costs at each level, failures excepted, which are free.
///
/// The country code decides: so all numbers of a batch cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PriceRow {
    /// ISO 4217.
    pub currency: &'static str,
    /// For numbers of which countries.
    pub countries: &'static str,
    /// At level basic, in ten-thousandths.
    pub basic: i64,
    /// At level HLR, in ten-thousandths.
    pub hlr: i64,
    /// At level call, in ten-thousandths.
    pub call: i64,
}

/// The price list of number check, per number.
pub const PRICES: [PriceRow; 3] = [USD, EUR, CNY];

const USD: PriceRow = PriceRow { currency: "USD", countries: "all others", basic: 20, hlr: 100, call: 200 };
const EUR: PriceRow =
    PriceRow { currency: "EUR", countries: "the euro's countries", basic: 18, hlr: 90, call: 180 };
const CNY: PriceRow =
    PriceRow { currency: "CNY", countries: "China (+86)", basic: 120, hlr: 600, call: 1200 };

/// What one successful query of QXT costs, in ten-thousandths of a CNY. Failed ones are free.
pub const QXT_PRICE: i64 = 500;

/// What one number costs at a level, and in which currency.
pub(crate) fn price(country: Option<CallingCode>, level: KnownCheckLevel) -> (Price, Currency) {
    let row = match country.map(CallingCode::get) {
        Some(86) => CNY,
        Some(code) if EURO.contains(&code) => EUR,
        _ => USD,
    };
    let amount = match level {
        KnownCheckLevel::Hlr => row.hlr,
        KnownCheckLevel::Call => row.call,
        _ => row.basic,
    };
    (exact(amount), currency(row.currency))
}

/// What one query of QXT costs.
pub(crate) fn qxt_price() -> (Price, Currency) {
    (exact(QXT_PRICE), currency(CNY.currency))
}

/// Every currency that something can cost.
pub(crate) fn currencies() -> impl Iterator<Item = Currency> {
    PRICES.iter().map(|row| currency(row.currency))
}

/// Another one than that in which something was charged.
pub(crate) fn another_currency(charged: &str) -> Currency {
    currency(if charged == CNY.currency { USD.currency } else { CNY.currency })
}

fn exact(ten_thousandths: i64) -> Price {
    Price::from_ten_thousandths(ten_thousandths).unwrap_or_default()
}

#[expect(clippy::unwrap_used, reason = "only the constants above come here, and a test reads each")]
fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

/// Country codes of the euro's countries.
const EURO: [u16; 20] =
    [30, 31, 32, 33, 34, 39, 43, 49, 351, 352, 353, 356, 357, 358, 370, 371, 372, 385, 386, 421];

#[cfg(test)]
mod tests {
    use numcheck_protocol::CallingCode;
    use numcheck_protocol::number_check::KnownCheckLevel;

    use super::{currencies, price, qxt_price};

    fn text(digits: &str, level: KnownCheckLevel) -> String {
        let (price, currency) = price(CallingCode::prefix_of(digits), level);
        format!("{price} {currency}")
    }

    #[test]
    fn the_country_code_decides_the_currency_and_the_level_the_amount() {
        assert_eq!(text("8613800138000", KnownCheckLevel::Basic), "0.0120 CNY");
        assert_eq!(text("8613800138000", KnownCheckLevel::Hlr), "0.0600 CNY");
        assert_eq!(text("4915112345678", KnownCheckLevel::Call), "0.0180 EUR");
        assert_eq!(text("14155550100", KnownCheckLevel::Basic), "0.0020 USD");
        assert_eq!(text("99912345", KnownCheckLevel::Basic), "0.0020 USD");
    }

    #[test]
    fn every_currency_of_the_list_is_one() {
        let all: Vec<String> = currencies().map(|currency| currency.to_string()).collect();
        assert_eq!(all, ["USD", "EUR", "CNY"]);
        assert_eq!(qxt_price().0.to_string(), "0.0500");
    }
}
