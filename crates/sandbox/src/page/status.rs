//! The page itself: one file, with the tables that never change already in it.
//!
//! Everything that is not written by this crate is set by its script as text, never as HTML.

use std::fmt::Write;
use std::sync::LazyLock;

use crate::magic::MAGIC;
use crate::prices::PRICES;
use crate::server::Answer;

/// The page may run its own script and ask its own server, and nothing else.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("status.html")
        .replace("<!-- magic -->", &magic_rows())
        .replace("<!-- prices -->", &price_rows())
});

/// The page.
pub(crate) fn status() -> Answer {
    Answer::new(200, "text/html; charset=utf-8", PAGE.as_bytes())
}

fn magic_rows() -> String {
    MAGIC.iter().fold(String::new(), |mut rows, row| {
        let [endpoint, pattern, example, effect] =
            [row.endpoint, row.pattern, row.example, row.effect].map(escape);
        // Writing into a string does not fail.
        let _ = writeln!(
            rows,
            "<tr><td>{endpoint}</td><td><code>{pattern}</code></td><td><code>{example}</code></td><td>{effect}</td></tr>"
        );
        rows
    })
}

fn price_rows() -> String {
    let money =
        |ten_thousandths: i64| format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000);
    PRICES.iter().fold(String::new(), |mut rows, row| {
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>",
            escape(row.currency),
            escape(row.countries),
            money(row.basic),
            money(row.hlr),
            money(row.call)
        );
        rows
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::{PAGE, escape};

    #[test]
    fn the_page_is_filled_and_needs_nothing_from_elsewhere() {
        assert!(PAGE.contains("…000ccc") && PAGE.contains("0.0120") && !PAGE.contains("<!-- magic"));
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!PAGE.contains(outside), "{outside}");
        }
        assert!(!PAGE.contains("innerHTML"));
    }

    #[test]
    fn text_cannot_become_html() {
        assert_eq!(escape("<a b=\"c\">&'"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    }
}
