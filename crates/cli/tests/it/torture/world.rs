//! What a platform is like: its clock, and what no document says of it.
//!
//! A proof needs two batches whose `ts` are minutes apart, and nothing shortens a signature's life. So the sandbox's clock leaps ahead
//! every few seconds: its time passes quickly, and delays, which do not follow its clock, take as long as ever.

use std::time::Duration;

use super::work::Random;

/// For how long the clock leaps.
const LEAPING: Duration = Duration::from_secs(1200);

/// What the sandbox and the runs are told.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// For the sandbox.
    pub(crate) arguments: Vec<String>,
    /// For the runs: longer than batches really differ in, by the leaping clock.
    pub(crate) visibility_spread: &'static str,
    /// What a person says of the platform to the runs: where it is as assumed, that it lists failed checks.
    pub(crate) granted: &'static [&'static str],
    /// How far a control must be signed after what it is a control for.
    pub(crate) control: Duration,
}

impl World {
    /// The clock is right.
    pub(crate) fn quiet() -> Self {
        let control = Duration::from_secs(190);
        Self { arguments: Vec::new(), visibility_spread: "0s", granted: &["--failures-are-listed"], control }
    }

    /// The clock leaps; all batches take as long until they can be found.
    pub(crate) fn usual() -> Self {
        Self { arguments: vec!["--step-clock".to_owned(), leaps(2000, |_| 240)], ..Self::quiet() }
    }

    /// All that no document says, and faults, drawn from a seed.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x77_6f72_6c64);
        // Batches differ by two seconds at most, in real time. Three leaps lie between a batch and its control, so that these are at least six
        // seconds apart.
        let spread = Duration::from_secs(600);
        let mut steps = Random::new(random.next());
        let leaps = leaps(3000, |at| match steps.below(8) {
            // Set back, by less than the margin.
            0 if at > 0 => -20,
            _ => 300,
        });
        let mut arguments: Vec<String> =
            ["--assume", &seed.to_string(), "--push-price", "listed", "--push-currency", "listed"]
                .map(str::to_owned)
                .to_vec();
        let mut say = |option: &str, value: String| arguments.push(format!("{option}={value}"));
        say("--step-clock", leaps);
        say("--clock-offset", ["0s", "40s", "-40s", "1h", "-5m", "30h"][random.below(6) as usize].to_owned());
        if random.below(2) == 0 {
            say("--visibility-spread", "2s".to_owned());
        }
        let mut submits = |option: &str, most: u64, value: &dyn Fn(&mut Random) -> String| {
            let some: Vec<String> = (0..random.below(most + 1))
                .map(|_| format!("{}{}", 1 + random.below(50), value(&mut random)))
                .collect();
            if !some.is_empty() {
                say(option, some.join(","));
            }
        };
        submits("--lose-answer", 8, &|_| String::new());
        submits("--lose-request", 4, &|_| String::new());
        submits("--hold-request", 8, &|random| format!("={}ms", 200 + random.below(3000)));
        if random.below(4) == 0 {
            say("--code-after", format!("{}=299", 1 + random.below(30)));
        }
        let control = Duration::from_secs(190) + spread;
        Self { arguments, visibility_spread: "10m", granted: &[], control }
    }
}

/// A step of so many seconds every so many milliseconds.
fn leaps(every_ms: u64, mut seconds: impl FnMut(u64) -> i64) -> String {
    let count = LEAPING.as_millis() as u64 / every_ms;
    let steps: Vec<String> =
        (0..count).map(|at| format!("{}ms={}s", (at + 1) * every_ms, seconds(at))).collect();
    steps.join(",")
}
