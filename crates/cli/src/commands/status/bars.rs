//! The outcomes and the cost of a job as bars, for a person at a terminal.

use std::io::IsTerminal as _;

use console::{Color, Style};
use numcheck_bulk::{Job, Ledger};

use crate::exit::Failure;
use crate::print;
use crate::report::{grouped, outcomes, share};

/// As far as an eye follows a line.
const MAX_WIDTH: usize = 100;
/// What is shorter says nothing.
const MIN_BAR: usize = 8;

/// How bars are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    width: usize,
    colors: bool,
}

/// A bar: what it stands for, and which part of the whole it is.
struct Bar {
    label: String,
    figure: String,
    share: String,
    /// From 0 to 1.
    part: f64,
    color: Color,
}

impl Canvas {
    /// Standard output, where it is a terminal.
    pub(super) fn of_terminal() -> Option<Self> {
        if !std::io::stdout().is_terminal() {
            return None;
        }
        let width = console::Term::stdout().size_checked().map_or(80, |(_, width)| usize::from(width));
        Some(Self { width, colors: console::colors_enabled() })
    }

    /// Shows how the phone numbers have ended.
    pub(super) fn show_outcomes(self, job: &Job, ledger: &Ledger) -> Result<(), Failure> {
        let bars: Vec<Bar> = outcomes(ledger)
            .iter()
            .map(|line| Bar {
                label: line.outcome.replace('_', " "),
                figure: grouped(line.count),
                share: share(line.count, job.numbers),
                part: line.count as f64 / job.numbers.max(1) as f64,
                color: color(line.outcome),
            })
            .collect();
        self.show(&bars)
    }

    /// Shows what they have cost: each currency by itself, since none is a part of another.
    pub(super) fn show_cost(self, ledger: &Ledger) -> Result<(), Failure> {
        let total = ledger.total().unwrap_or_default();
        let amount = |price: &numcheck_protocol::Price| price.to_string().parse::<f64>().unwrap_or_default();
        let bars: Vec<Bar> = ledger
            .costs
            .iter()
            .map(|((outcome, currency), sum)| {
                let word = if outcome.is_failed() { "failed" } else { "done" };
                Bar {
                    label: word.to_owned(),
                    figure: format!("{} {currency}", sum.amount),
                    share: print::count(sum.count, "result"),
                    part: amount(&sum.amount)
                        / total.get(currency).map_or(1.0, amount).max(f64::MIN_POSITIVE),
                    color: color(word),
                }
            })
            .collect();
        if !bars.is_empty() {
            print::own("cost")?;
        }
        self.show(&bars)
    }

    fn show(self, bars: &[Bar]) -> Result<(), Failure> {
        self.lines(bars).iter().try_for_each(|line| print::own(line))
    }

    fn lines(self, bars: &[Bar]) -> Vec<String> {
        let longest = |text: fn(&Bar) -> &str| bars.iter().map(|bar| text(bar).len()).max().unwrap_or(0);
        let (label, figure, share) =
            (longest(|bar| &bar.label), longest(|bar| &bar.figure), longest(|bar| &bar.share));
        let texts = 2 + label + 2 + 2 + figure + 2 + share;
        let length = self.width.min(MAX_WIDTH).saturating_sub(texts);
        let line = |bar: &Bar| {
            let drawn = match length {
                MIN_BAR.. => {
                    let style = Style::new().fg(bar.color).force_styling(self.colors);
                    let (full, rest) = blocks(bar.part, length);
                    format!("{}{}  ", style.apply_to(full), " ".repeat(rest))
                }
                _ => String::new(),
            };
            format!("  {:<label$}  {drawn}{:>figure$}  {:>share$}", bar.label, bar.figure, bar.share)
        };
        bars.iter().map(line).collect()
    }
}

fn color(outcome: &str) -> Color {
    match outcome {
        "done" => Color::Green,
        "failed" | "refused" => Color::Red,
        "missing" | "in_doubt" => Color::Yellow,
        _ => Color::Blue,
    }
}

/// A bar in eighths of a character, and how many characters are left behind it. What is something is at least one eighth.
fn blocks(part: f64, length: usize) -> (String, usize) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let most = length * 8;
    let least = usize::from(part > 0.0);
    let eighths = ((part * most as f64).round() as usize).clamp(least, most);
    let end = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    let bar = "█".repeat(eighths / 8) + end;
    let taken = bar.chars().count();
    (bar, length - taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, count: u64, whole: u64) -> Bar {
        Bar {
            label: label.to_owned(),
            figure: grouped(count),
            share: share(count, whole),
            part: count as f64 / whole as f64,
            color: color(label),
        }
    }

    #[test]
    fn bars_keep_to_the_width_and_are_as_long_as_their_part() {
        let bars = [bar("done", 1500, 2000), bar("failed", 499, 2000), bar("in doubt", 1, 2000)];
        let lines = Canvas { width: 40, colors: false }.lines(&bars);
        assert_eq!(
            lines,
            [
                "  done      █████████▊     1,500  75.0 %",
                "  failed    ███▎             499  25.0 %",
                "  in doubt  ▏                  1   0.1 %",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_has_the_figures_alone_and_no_colour_is_used_unasked() {
        let bars = [bar("done", 1, 2)];
        assert_eq!(Canvas { width: 20, colors: true }.lines(&bars), ["  done  1  50.0 %"]);
        let wide = |colors| Canvas { width: 60, colors }.lines(&bars).concat();
        assert!(wide(true).contains("\u{1b}[32m█") && !wide(false).contains('\u{1b}'));
        assert!(
            Canvas { width: 1000, colors: false }
                .lines(&bars)
                .iter()
                .all(|line| line.chars().count() == MAX_WIDTH)
        );
    }
}
