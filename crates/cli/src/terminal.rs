//! The terminal at which a person answers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};

use crate::exit::Failure;
use crate::print;
use crate::reading;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 1000;

/// Where a person answers.
pub(crate) struct Terminal(Box<dyn BufRead + Send>);

impl Terminal {
    /// Standard input; where that holds data, the terminal that this process belongs to, if the question can be seen there.
    pub(crate) fn find(stdin_is_taken: bool) -> Option<Self> {
        let of = |from: Box<dyn Read + Send>| Self(Box::new(BufReader::new(from.take(MAX_ANSWER))));
        match stdin_is_taken {
            false => reading::stdin().is_terminal().then(|| of(Box::new(reading::stdin()))),
            true if io::stderr().is_terminal() => {
                File::open("/dev/tty").ok().map(|terminal| of(Box::new(terminal)))
            }
            true => None,
        }
    }

    /// Says `question` and reads a line. A stop on request ends the wait.
    pub(crate) async fn answer(mut self, question: &str) -> Result<String, Failure> {
        print::say(question);
        let answer = reading::unless_stopped(move || {
            let mut line = String::new();
            self.0.read_line(&mut line).map(|_| line)
        });
        answer
            .await?
            .map_err(|error| Failure::usage("the answer cannot be read; nothing was sent").because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_one_line_and_none_where_nobody_types() {
        let answer =
            |typed: &'static str| Terminal(Box::new(typed.as_bytes())).answer("numcheck: a test asks");
        assert_eq!(answer("y\nn\n").await.unwrap(), "y\n");
        assert_eq!(answer("").await.unwrap(), "");
    }
}
