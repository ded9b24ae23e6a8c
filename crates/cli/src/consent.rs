//! Asks a person before money is spent.
//!
//! A verb that pays says what it knows of the cost, and sends nothing without a yes. `--yes` is a yes; a platform on this machine's own
//! loopback charges nobody and needs none.

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::Estimate;

use crate::exit::Failure;
use crate::level::Level;
use crate::terminal::Terminal;

/// The yes that is given beforehand.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Yes {
    /// Do not ask before money is spent.
    #[arg(long, env = "NUMCHECK_YES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    yes: bool,
}

/// What is known before money is spent.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What is done with the numbers, such as `checking`.
    pub(crate) what: &'static str,
    /// How many numbers are sent. Without any, nobody is asked.
    pub(crate) numbers: u64,
    pub(crate) level: Option<Level>,
    /// The numbers that are not sent.
    pub(crate) left_out: LeftOut,
    pub(crate) cost: Cost,
    /// Whether the platform is on this machine's own loopback: a sandbox or a test.
    pub(crate) is_loopback: bool,
    /// Whether the numbers are read from standard input, which then holds no answer.
    pub(crate) stdin_is_taken: bool,
}

/// Numbers that were given and are not sent, by the reason.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) reused: u64,
    pub(crate) invalid: u64,
    pub(crate) duplicates: u64,
    pub(crate) in_doubt: u64,
}

/// What is known of a cost.
#[derive(Clone, Debug)]
pub(crate) enum Cost {
    /// The sums by known prices, and how many numbers have none.
    Estimated(Estimate),
    /// No document says whether it costs anything.
    Undocumented,
}

impl Question {
    /// One line, without an end.
    fn statement(&self) -> String {
        let Self { what, numbers, level, left_out, cost, .. } = self;
        let mut line = format!("{what} {numbers} {}", if *numbers == 1 { "number" } else { "numbers" });
        if let Some(level) = level {
            line.push_str(&format!(" at level {}", level.as_str()));
        }
        let LeftOut { reused, invalid, duplicates, in_doubt } = *left_out;
        let duplicate = if duplicates == 1 { "duplicate" } else { "duplicates" };
        let left_out =
            [(reused, "reused"), (invalid, "invalid"), (duplicates, duplicate), (in_doubt, "in doubt")];
        let left_out = left_out.iter().filter(|(count, _)| *count > 0);
        let left_out: Vec<String> = left_out.map(|(count, what)| format!("{count} {what}")).collect();
        if !left_out.is_empty() {
            line.push_str(&format!(" (not sent: {})", left_out.join(", ")));
        }
        match cost {
            Cost::Estimated(estimate) => line.push_str(&format!(" costs money: {estimate}")),
            Cost::Undocumented => line.push_str(" may cost money: no document says how much"),
        }
        line
    }

    /// Whether a person decides.
    fn is_open(&self, yes: &Yes) -> bool {
        self.numbers > 0 && !self.is_loopback && !yes.yes
    }
}

/// Asks whether money may be spent. Nothing may be sent, and no job be made, before this returns.
///
/// # Errors
/// Where the answer is no, or nobody is there to give one: wrong usage, nothing was sent.
pub(crate) async fn ask(question: &Question, yes: &Yes) -> Result<(), Failure> {
    if !question.is_open(yes) {
        return Ok(());
    }
    let statement = question.statement();
    let Some(terminal) = Terminal::find(question.stdin_is_taken) else {
        return Err(no_terminal(&statement, "say --yes"));
    };
    let answer = terminal.answer(&format!("numcheck: {statement}. Go on? [y/N]")).await?;
    if is_yes(&answer) { Ok(()) } else { Err(Failure::usage("nothing was sent")) }
}

/// Lets a person choose: the key of one of `choices`, each a key and what it does. `options` says how to decide without a terminal.
///
/// # Errors
/// Where the answer is none of the keys, or nobody is there to give one: wrong usage, nothing was sent.
pub(crate) async fn choose<'a>(
    question: &str,
    choices: &[(&'a str, &str)],
    stdin_is_taken: bool,
    options: &str,
) -> Result<&'a str, Failure> {
    let Some(terminal) = Terminal::find(stdin_is_taken) else {
        return Err(no_terminal(question, options));
    };
    let answer = terminal.answer(&menu(question, choices)).await?;
    chosen(choices, &answer).ok_or_else(|| Failure::usage("nothing was sent"))
}

fn menu(question: &str, choices: &[(&str, &str)]) -> String {
    let mut lines = format!("numcheck: {question}");
    for (key, text) in choices {
        lines.push_str(&format!("\n  {key}  {text}"));
    }
    let keys: Vec<&str> = choices.iter().map(|(key, _)| *key).collect();
    lines.push_str(&format!("\nWhich? [{}]", keys.join("/")));
    lines
}

fn chosen<'a>(choices: &[(&'a str, &str)], answer: &str) -> Option<&'a str> {
    choices.iter().map(|(key, _)| *key).find(|key| key.eq_ignore_ascii_case(answer.trim()))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| yes.eq_ignore_ascii_case(answer.trim()))
}

fn no_terminal(statement: &str, options: &str) -> Failure {
    Failure::usage(format!("{statement}, and there is no terminal to ask at: {options}; nothing was sent"))
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::Currency;

    use super::*;

    fn question(numbers: u64, known: &[(&str, &str)], unknown: u64) -> Question {
        let known =
            known.iter().map(|(currency, sum)| (Currency::new(currency).unwrap(), sum.parse().unwrap()));
        let mut cost = Estimate::default();
        (cost.known, cost.unknown) = (known.collect(), unknown);
        Question {
            what: "checking",
            numbers,
            level: Some(Level::Hlr),
            left_out: LeftOut::default(),
            cost: Cost::Estimated(cost),
            is_loopback: false,
            stdin_is_taken: false,
        }
    }

    #[test]
    fn the_question_says_what_is_sent_what_is_not_and_what_is_known_of_the_cost() {
        let mut all = question(926, &[("CNY", "46.30"), ("USD", "1.5")], 12);
        all.left_out = LeftOut { reused: 30, invalid: 4, duplicates: 1, in_doubt: 2 };
        assert_eq!(
            all.statement(),
            "checking 926 numbers at level hlr (not sent: 30 reused, 4 invalid, 1 duplicate, 2 in doubt) costs money: \
             46.3000 CNY + 1.5000 USD and the unknown price of 12 numbers"
        );
        all.left_out = LeftOut { duplicates: 2, ..LeftOut::default() };
        assert!(all.statement().contains(" (not sent: 2 duplicates) costs"), "{}", all.statement());
        assert_eq!(
            question(40, &[], 40).statement(),
            "checking 40 numbers at level hlr costs money: unknown (40 numbers without a known price)"
        );
        let code = Question { level: None, cost: Cost::Undocumented, ..question(1, &[], 0) };
        assert_eq!(code.statement(), "checking 1 number may cost money: no document says how much");
    }

    #[test]
    fn nobody_is_asked_on_loopback_after_a_yes_or_about_nothing() {
        let (asked, yes) = (question(1, &[], 1), Yes { yes: true });
        assert!(asked.is_open(&Yes::default()));
        assert!(!asked.is_open(&yes));
        assert!(!Question { is_loopback: true, ..asked.clone() }.is_open(&Yes::default()));
        assert!(!Question { numbers: 0, ..asked }.is_open(&Yes::default()));
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Y", " yes \r\n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n", "no", "yes please", "j", "1"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }

    #[test]
    fn a_choice_is_one_of_the_keys_and_nothing_else() {
        let choices = [("r", "reuse them"), ("a", "check them anew, which costs money"), ("s", "stop")];
        assert_eq!(
            menu("30 results are older than 24 hours", &choices),
            "numcheck: 30 results are older than 24 hours\n  r  reuse them\n  a  check them anew, which costs money\n  \
             s  stop\nWhich? [r/a/s]"
        );
        assert_eq!(
            [" R\n", "a", "s\r\n"].map(|answer| chosen(&choices, answer)),
            [Some("r"), Some("a"), Some("s")]
        );
        assert_eq!(["", "\n", "y", "ra"].map(|answer| chosen(&choices, answer)), [None; 4]);
    }

    #[test]
    fn without_a_terminal_the_way_on_is_named() {
        let failure = no_terminal("30 results are older than 24 hours", "say --max-age or --again");
        assert_eq!(
            failure.to_string(),
            "30 results are older than 24 hours, and there is no terminal to ask at: say --max-age or --again; nothing was sent"
        );
    }
}
