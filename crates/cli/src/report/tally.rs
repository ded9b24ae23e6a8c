//! Counts words. A platform may send any number of different ones, so beyond a bound further ones are counted together.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many different words are counted apart.
const MAX_WORDS: usize = 5000;

/// How often which word came.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<String, u64>,
    beyond: u64,
}

/// A word and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Count {
    pub(super) name: String,
    pub(super) count: u64,
}

/// The most frequent words, and all others together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Top {
    pub(super) first: Vec<Count>,
    pub(super) others: u64,
    /// The sum of all.
    pub(super) total: u64,
}

impl Tally {
    pub(super) fn add(&mut self, word: &str) {
        if let Some(count) = self.counts.get_mut(word) {
            *count += 1;
        } else if self.counts.len() < MAX_WORDS {
            self.counts.insert(word.to_owned(), 1);
        } else {
            self.beyond += 1;
        }
    }

    /// The `most` most frequent words, those of one frequency in alphabetical order.
    pub(super) fn top(self, most: usize) -> Top {
        let total = self.counts.values().sum::<u64>() + self.beyond;
        let mut first: Vec<Count> =
            self.counts.into_iter().map(|(name, count)| Count { name, count }).collect();
        // Stable, and the map is in alphabetical order.
        first.sort_by_key(|one| std::cmp::Reverse(one.count));
        first.truncate(most);
        let others = total - first.iter().map(|one| one.count).sum::<u64>();
        Top { first, others, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_among_the_first_is_counted_together_however_many_words_there_are() {
        let mut tally = Tally::default();
        for word in ["b", "a", "b", "c"] {
            tally.add(word);
        }
        for other in 0..MAX_WORDS + 10 {
            tally.add(&format!("word {other}"));
        }
        tally.add("a");
        let top = tally.top(2);
        let count = |name: &str, count| Count { name: name.to_owned(), count };
        assert_eq!(top.first, [count("a", 2), count("b", 2)]);
        assert_eq!((top.others, top.total), (MAX_WORDS as u64 + 11, MAX_WORDS as u64 + 15));
    }
}
