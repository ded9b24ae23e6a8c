//! What is checked: everything that the exported file follows from.

/// The platform's minute, for its pushes and for the times of the client that no proof rests on. A signature lives 60 s all the same.
pub(crate) const MINUTE: &str = "500ms";

/// How long a slow check takes.
pub(crate) const SLOW: &str = "1200ms";

/// The variant whose file has more than two thousand rows, most of them duplicates.
pub(crate) const LONG: u64 = 2;

/// The variant whose file has so few rows that the sandbox's journal shows all that happened.
pub(crate) const SMALL: u64 = 4;

/// SplitMix64: small, seeded, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What is checked, and how results come back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) variant: u64,
    pub(crate) delivery: &'static str,
    /// Whether results are to be found by queries alone.
    pub(crate) queried: bool,
    /// How long a check takes. Until then a query finds nothing, which must not be taken for proof.
    pub(crate) delay: &'static str,
    /// How long a run waits after the last result.
    pub(crate) wait: &'static str,
}

impl Work {
    pub(crate) fn new(variant: u64, delivery: &'static str) -> Self {
        Self { variant, delivery, queried: delivery == "poll", delay: "150ms", wait: "3s" }
    }

    /// Numbers of several countries in a CSV file, with duplicates in other spellings, failing checks, results that are pushed twice, and
    /// such as are pushed before the submit is answered.
    pub(crate) fn input(&self) -> String {
        let mut random = Random::new(self.variant);
        let mut text = "id,phone,note\n".to_owned();
        let prefixes = ["86138", "8529", "49151", "33612", "4479"];
        let rows = if self.variant == SMALL { 24 } else { 60 + random.below(60) };
        for at in 0..rows {
            let prefix = prefixes[random.below(5) as usize];
            let digits = 11 + usize::from(prefix.starts_with("86")) * 2;
            let width = digits - prefix.len();
            let (tail, note) = match random.below(20) {
                // A query shows a failed check as one that is not finished.
                0 if !self.queried => (103, "fails"),
                1 => (3301, "twice"),
                2 => (3304, "early"),
                3 if self.delivery != "push" => (3302, "never pushed"),
                _ => (500_000 + random.below(400_000), ""),
            };
            let middle = 10_u64.pow(u32::try_from(width).unwrap() - 6);
            let number = format!("{prefix}{:0width$}", random.below(middle) * 1_000_000 + tail);
            text.push_str(&format!("{at},{number},{note}\n"));
            match random.below(12) {
                0 => text.push_str(&format!("{at}b,+{number},again\n")),
                1 if self.variant % 2 == 1 => text.push_str(&format!("{at}c,none,\"no, number\"\n")),
                _ => {}
            }
        }
        if self.variant == LONG {
            // More rows than are read from the store at a time.
            for at in 0..2100 {
                text.push_str(&format!("{at}d,8613800500500,\n"));
            }
        }
        text
    }
}
