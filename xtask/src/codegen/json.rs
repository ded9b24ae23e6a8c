//! The layout of JSON. Values are not read: `0.9230` would come out as `0.923`.

/// Lays a JSON text out anew without touching its values: two spaces a level, one item a line, no comma behind the last.
pub(crate) fn pretty(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    let mut chars = text.chars().filter(tokens()).peekable();
    let mut quoted = Quoted::default();
    while let Some(char) = chars.next() {
        if quoted.step(char) {
            out.push(char);
            continue;
        }
        match char {
            '{' | '[' => {
                out.push(char);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    break_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                break_line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                if !matches!(chars.peek(), Some('}' | ']')) {
                    out.push(char);
                    break_line(&mut out, depth);
                }
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Knows whether a character belongs to a string.
#[derive(Default)]
struct Quoted {
    inside: bool,
    escaped: bool,
}

impl Quoted {
    /// Whether `char` belongs to a string, its quotes included.
    fn step(&mut self, char: char) -> bool {
        if !self.inside {
            self.inside = char == '"';
            return self.inside;
        }
        if self.escaped {
            self.escaped = false;
        } else if char == '\\' {
            self.escaped = true;
        } else if char == '"' {
            self.inside = false;
        }
        true
    }
}

/// A filter that drops white space between tokens.
fn tokens() -> impl FnMut(&char) -> bool {
    let mut quoted = Quoted::default();
    move |char| quoted.step(*char) || !char.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_comma_is_dropped() {
        assert_eq!(pretty("{\"a\":[1,],\n}"), "{\n  \"a\": [\n    1\n  ]\n}\n");
    }

    #[test]
    fn a_layout_keeps_order_spelling_and_strings() {
        let text = r#"{"price": 0.9230,"a":[1,{}], "s":"x, {\"y\": 1}","e":[]}"#;
        let expected = "{\n  \"price\": 0.9230,\n  \"a\": [\n    1,\n    {}\n  ],\n  \"s\": \"x, {\\\"y\\\": 1}\",\n  \"e\": []\n}\n";
        assert_eq!(pretty(text), expected);
    }
}
