//! JSON as text: keys keep the order in which they were given, and numbers their spelling.
//!
//! It must not read a document into a tree and write it again: `0.9230` would come out as `0.923`.

/// A piece of JSON, in its compact form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Json(String);

/// An object in the making.
#[derive(Default)]
pub(crate) struct Object(Vec<String>);

impl Json {
    /// JSON that was checked before.
    pub(crate) fn raw(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn array(items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<String> = items.into_iter().map(|item| item.0).collect();
        Self(format!("[{}]", items.join(",")))
    }

    /// With line breaks, two spaces a level, and a line break at the end.
    pub(crate) fn pretty(&self) -> String {
        pretty(&self.0)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self(value.to_string())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self(number.to_string())
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self(format!("{{{}}}", object.0.join(",")))
    }
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an entry.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.put(key, value);
        self
    }

    /// Adds an entry where there is a value.
    pub(crate) fn with_some(self, key: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds an entry.
    pub(crate) fn put(&mut self, key: &str, value: impl Into<Json>) {
        self.0.push(format!("{}:{}", Json::from(key).0, value.into().0));
    }
}

/// Lays a JSON text out anew without touching its values.
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
                out.push(char);
                break_line(&mut out, depth);
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
    fn a_layout_keeps_order_spelling_and_strings() {
        let text = r#"{"price": 0.9230,"a":[1,{}], "s":"x, {\"y\": 1}","e":[]}"#;
        let expected = "{\n  \"price\": 0.9230,\n  \"a\": [\n    1,\n    {}\n  ],\n  \"s\": \"x, {\\\"y\\\": 1}\",\n  \"e\": []\n}\n";
        assert_eq!(pretty(text), expected);
    }

    #[test]
    fn an_object_keeps_the_order_of_its_entries() {
        let object = Object::new().with("b", "x\"y").with("a", true).with_some("c", None::<&str>);
        assert_eq!(Json::from(object).0, r#"{"b":"x\"y","a":true}"#);
    }
}
