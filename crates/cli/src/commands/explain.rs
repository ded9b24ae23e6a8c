//! `numcheck explain CODE`: what a result code means, and what to do.
//!
//! A code means something only together with its endpoint, so every table that knows it answers. It sends nothing.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_protocol::{Charged, Lang, Passes, Table, tables};
use serde::Serialize;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::ResultColumn;
use crate::print;

/// Say what a result code means, and what to do; or what the columns of a file of results mean. Sends nothing.
///
/// The same code means different things at different endpoints: every meaning is listed.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as 211, 1003 or -4; or `columns`, for the columns of a file of results.
    #[arg(value_name = "CODE", allow_negative_numbers = true, value_parser = subject)]
    subject: Subject,
    /// The language of meanings and advice.
    #[arg(long, env = "NUMCHECK_LANG", hide_env_values = true, value_enum, default_value_t = Language::En)]
    lang: Language,
    /// Print one JSON object per meaning.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    En,
    Zh,
}

#[derive(Clone, Copy, Debug)]
enum Subject {
    Code(i64),
    Columns,
}

fn subject(text: &str) -> Result<Subject, &'static str> {
    match text.parse() {
        Ok(code) => Ok(Subject::Code(code)),
        Err(_) if text == "columns" => Ok(Subject::Columns),
        Err(_) => Err("write a code, such as 211, or `columns`"),
    }
}

#[derive(Serialize)]
struct Meaning {
    code: i64,
    table: &'static str,
    title: &'static str,
    endpoint: Option<&'static str>,
    name: &'static str,
    meaning: &'static str,
    charged: &'static str,
    /// `yes`, `no` or `unknown`.
    passes: &'static str,
    advice: &'static str,
}

impl Explain {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.subject {
            Subject::Code(code) => self.explain_code(code),
            Subject::Columns => self.explain_columns(),
        }
    }

    fn explain_columns(&self) -> Result<Exit, Failure> {
        let width = ResultColumn::all().map(|column| column.name.len()).max().unwrap_or(0);
        for ResultColumn { name, meaning, is_privacy } in ResultColumn::all() {
            if self.json {
                print::json(
                    &json!({"column": format!("check_{name}"), "meaning": meaning, "privacy_only": is_privacy}),
                )?;
            } else {
                print::data(&format!("check_{name:width$}  {meaning}"))?;
            }
        }
        Ok(Exit::Settled)
    }

    fn explain_code(&self, code: i64) -> Result<Exit, Failure> {
        let lang = match self.lang {
            Language::En => Lang::En,
            Language::Zh => Lang::Zh,
        };
        let meanings: Vec<Meaning> = tables().iter().filter_map(|table| meaning(table, code, lang)).collect();
        if meanings.is_empty() {
            return Err(Failure::new(format!(
                "{code}: no document lists this code; read the platform's text, and treat the outcome, and whether it was charged, as unknown"
            )));
        }
        for meaning in &meanings {
            if self.json {
                print::json(meaning)?;
            } else {
                let Meaning { code, title, endpoint, name, meaning, charged, passes, advice, .. } = meaning;
                let endpoint = endpoint.map_or(String::new(), |endpoint| format!(" ({endpoint})"));
                let passes = passing(passes, lang).map_or(String::new(), |passing| format!("\n  {passing}"));
                print::data(&format!(
                    "{code} {name}, {title}{endpoint}\n  {meaning}\n  {charged}{passes}\n  {advice}"
                ))?;
            }
        }
        Ok(Exit::Settled)
    }
}

fn meaning(table: &'static Table, code: i64, lang: Lang) -> Option<Meaning> {
    let entry = table.entries.iter().find(|entry| entry.code == code)?;
    Some(Meaning {
        code,
        table: table.name,
        title: table.title(lang),
        endpoint: table.endpoint,
        name: entry.name,
        meaning: entry.meaning(lang),
        charged: charged(entry.charged, lang),
        passes: passes(entry.passes),
        advice: entry.advice(lang),
    })
}

fn passes(passes: Passes) -> &'static str {
    match passes {
        Passes::Yes => "yes",
        Passes::No => "no",
        _ => "unknown",
    }
}

/// Nothing where it is not known, which is so for every success and every refusal.
fn passing(passes: &str, lang: Lang) -> Option<&'static str> {
    let [en, zh] = match passes {
        "yes" => {
            ["it passes with time: the same check may succeed later", "属暂时性失败：稍后再次检测可能成功"]
        }
        "no" => {
            ["it does not pass with time: the same check ends the same", "非暂时性失败：再次检测结果相同"]
        }
        _ => return None,
    };
    Some(match lang {
        Lang::En => en,
        Lang::Zh => zh,
    })
}

fn charged(charged: Charged, lang: Lang) -> &'static str {
    let [en, zh] = match charged {
        Charged::Yes => ["it is charged", "已计费"],
        Charged::WhenChecked => ["each number is charged when it is checked", "按检测的号码计费"],
        Charged::No => ["nothing is charged", "不计费"],
        _ => ["whether it is charged is not documented", "文档未说明是否计费"],
    };
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}
