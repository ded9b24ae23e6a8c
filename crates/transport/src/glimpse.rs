//! What an error may show of a reply that is not the platform's: where it points to, and the first words of its page.
//!
//! Both may quote the request, whose URL holds keys and phone numbers, or somebody's session. So only what reads as a word is shown.

use http::Uri;
use http::header::LOCATION;
use numcheck_protocol::mask;

use crate::{Reply, quotable};

/// How much of a page is looked at.
const MAX_PAGE: usize = 4096;
/// How many words are shown.
const MAX_WORDS: usize = 12;
/// A longer word is a key rather than a word.
const MAX_WORD: usize = 20;

/// ` to ADDRESS` and ` ("FIRST WORDS")`, each where there is something to show.
pub(crate) fn of(reply: &Reply, secrets: &[&str]) -> String {
    let mut shown = String::new();
    if let Some(address) = location(reply, secrets) {
        shown.push_str(&format!(" to {address}"));
    }
    if let Some(words) = first_words(&reply.body, secrets) {
        shown.push_str(&format!(" (\"{words}\")"));
    }
    shown
}

/// Without what may hold a secret: user, query and fragment.
fn location(reply: &Reply, secrets: &[&str]) -> Option<String> {
    let location = reply.headers.get(LOCATION)?.to_str().ok()?;
    let address = location.split(['?', '#']).next()?.parse::<Uri>().ok()?;
    let path: Vec<String> = quotable(address.path(), secrets).split('/').map(word).collect();
    let path = mask::digits(&path.join("/")).into_owned();
    let host = address.authority().map(|authority| {
        let port = authority.port().map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{}{port}", address.scheme_str().unwrap_or("https"), authority.host())
    });
    Some(quotable(&host.unwrap_or_default(), secrets).into_owned() + &path)
}

fn first_words(body: &[u8], secrets: &[&str]) -> Option<String> {
    let page = String::from_utf8_lossy(body.get(..MAX_PAGE).unwrap_or(body));
    // JSON has values rather than words.
    if page.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return None;
    }
    let page = quotable(&page, secrets);
    let mut text = String::new();
    for (at, piece) in page.split('<').enumerate() {
        let (tag, behind) = if at == 0 { ("", piece) } else { piece.split_once('>').unwrap_or((piece, "")) };
        let tag = tag.to_ascii_lowercase();
        if !(tag.starts_with("style") || tag.starts_with("script") || tag.starts_with("!--")) {
            text.push(' ');
            text.push_str(behind);
        }
    }
    if quotes(&text, secrets) {
        return None;
    }
    let words: Vec<String> = text.split_whitespace().take(MAX_WORDS).map(word).collect();
    let is_any = words.iter().any(|word| word.chars().any(char::is_alphanumeric));
    let words = words.join(" ");
    // A status is left; more may be a number, whatever stands between its digits.
    let shown = match words.chars().filter(|char| char.is_numeric()).count() {
        0..=4 => words,
        _ => words.chars().map(|char| if char.is_numeric() { '*' } else { char }).collect(),
    };
    is_any.then_some(shown)
}

/// Whether a text holds a secret, in whatever case, and with tags and blanks within it.
fn quotes(text: &str, secrets: &[&str]) -> bool {
    let bare = |text: &str| {
        text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    let text = bare(text);
    secrets.iter().map(|secret| bare(secret)).any(|secret| secret.len() >= 4 && text.contains(&secret))
}

/// A word, or `…` in place of what is none: an address, a key, a number.
fn word(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || ".,:;!-_()*".contains(char);
    let digits = word.chars().filter(|char| char.is_numeric()).count();
    let is_mixed = digits > 0 && word.chars().any(char::is_alphabetic) && word.chars().count() > 8;
    if word.chars().all(is_plain) && word.chars().count() <= MAX_WORD && digits <= 4 && !is_mixed {
        word.to_owned()
    } else {
        "…".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode, header};

    use super::of;
    use crate::Reply;

    fn shown(body: &str, location: &str) -> String {
        let reply = Reply::new(StatusCode::FOUND, body.to_owned());
        let reply = match location {
            "" => reply,
            location => reply.with_header(header::LOCATION, HeaderValue::from_str(location).unwrap()),
        };
        of(&reply, &["s3cret", "hunter two"])
    }

    #[test]
    fn the_first_words_of_a_page_are_shown() {
        for (page, words) in [
            ("<html><head><title>403 Forbidden</title></head>", " (\"403 Forbidden\")"),
            ("\n  Sign in to continue\n", " (\"Sign in to continue\")"),
            ("<style>p{}</style><!-- a comment --><p>请先登录</p>", " (\"请先登录\")"),
            ("<script>go()</script>", ""),
            ("", ""),
            (r#"{"token":"abc"}"#, ""),
            ("\u{feff} [1]", ""),
            (
                "one two three four five six seven eight nine ten eleven twelve thirteen",
                " (\"one two three four five six seven eight nine ten eleven twelve\")",
            ),
        ] {
            assert_eq!(shown(page, ""), words, "{page}");
        }
    }

    #[test]
    fn where_a_redirect_points_to_is_shown_without_what_may_be_secret() {
        for (location, address) in [
            (
                "https://login.example.org/portal?apikey=k&mobile=16717707933#x",
                "https://login.example.org/portal",
            ),
            ("http://user:password@example.org:8080/", "http://example.org:8080/"),
            ("/api/number/check", "/api/number/check"),
            ("https://example.org/16717707933/s3cret/eyJhbGciOiJIUzI1NiJ9", "https://example.org/…/***/…"),
        ] {
            assert_eq!(shown("", location), format!(" to {address}"), "{location}");
        }
        assert_eq!(shown("", "not an address"), "");
    }

    #[test]
    fn nothing_that_may_be_a_key_or_a_number_is_shown() {
        for page in [
            "no such page: /ssphone?apikey=a1b2c3d4&mobile=16717707933",
            "number 16717707933 and 167 1770 7933 and 1-671-770-7933",
            "key s3cret, phrase hunter two, token eyJhbGciOiJIUzI1NiJ9",
            "16717707933",
            "138 .... 0013 .... 1770",
            "1380 (CN) 0131 (x) 770",
            "phrase hun<wbr>ter t<b>wo</b>",
            "phrase HUNTER TWO",
            "\u{1b}[31mred\u{202e}der\u{7}",
        ] {
            let shown = shown(page, "");
            for secret in [
                "a1b2c3d4", "1770", "771", "770", "s3cret", "hun", "HUNTER", "eyJ", "\u{1b}", "\u{202e}",
                "\u{7}",
            ] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
