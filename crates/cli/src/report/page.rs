//! The report as a page: one file that needs nothing else, from the template beside this module.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::contents::Report;
use crate::exit::Failure;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// The page. Every text in it is escaped.
pub(crate) fn html(report: &Report) -> Result<String, Failure> {
    render(report).map_err(|error| Failure::new("the report cannot be written").because(error))
}

fn render(report: &Report) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("count", grouped);
    environment.add_filter("share", share);
    environment.add_filter("width", width);
    environment.add_filter("duration", duration);
    environment.add_filter("when", when);
    environment.add_template("page.html", PAGE)?;
    environment.get_template("page.html")?.render(minijinja::context! { report, style => STYLE })
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A part of a whole as people read it. What is not all is never shown as all, nor what is something as nothing.
pub(crate) fn share(part: u64, whole: u64) -> String {
    let tenths = tenths_of_percent(part, whole);
    match (tenths, part) {
        (0, 1..) => "< 0.1 %".to_owned(),
        (1000.., _) if part < whole => "> 99.9 %".to_owned(),
        (0 | 1000, _) => format!("{} %", tenths / 10),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// The same as the width of a bar.
fn width(part: u64, whole: u64) -> String {
    let tenths = tenths_of_percent(part, whole);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

fn tenths_of_percent(part: u64, whole: u64) -> u64 {
    let rounded = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2).max(1);
    u64::try_from(rounded).unwrap_or(u64::MAX).min(1000)
}

/// Seconds as people read them: tenths only where they matter.
fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    humantime::format_duration(std::time::Duration::from_secs(seconds as u64)).to_string()
}

/// A time of RFC 3339 as people read it.
fn when(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_people_read_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let shares = [(0, 0), (0, 5), (5, 5), (1, 3), (1, 4), (1, 3000), (2999, 3000), (u64::MAX, u64::MAX)];
        let shown = shares.map(|(part, whole)| share(part, whole));
        assert_eq!(shown, ["0 %", "0 %", "100 %", "33.3 %", "25.0 %", "< 0.1 %", "> 99.9 %", "100 %"]);
        assert_eq!(
            [(1, 3), (5, 5), (0, 0)].map(|(part, whole)| width(part, whole)),
            ["33.3%", "100.0%", "0.0%"]
        );
        assert_eq!([0.25, 75.4, 3700.0].map(duration), ["0.2 s", "1m 15s", "1h 1m 40s"]);
        assert_eq!(when("2026-11-29T15:00:01Z"), "2026-11-29 15:00:01 UTC");
    }
}
