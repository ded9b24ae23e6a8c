//! How stores count undocumented fields and values (drift), and how much of it: a platform may send any number of names.

use std::collections::BTreeMap;

use numcheck_protocol::{Drift, DriftKind};

use super::{Drifted, Store};

/// How many places, kinds and values of a job are told apart; what comes behind them is counted together.
pub const MAX_DRIFT_PLACES: u64 = 1000;

/// Each with how often it is there.
pub(crate) fn counted(job: i64, drift: Vec<Drift>) -> BTreeMap<(i64, Drift), u64> {
    let mut counts = BTreeMap::new();
    for one in drift {
        *counts.entry((job, one)).or_default() += 1;
    }
    counts
}

/// Tells whoever reads the log, once for each thing and job: a line for a place and kind, however many values came there at once.
pub(crate) fn say(news: &[Drift]) {
    let mut places = BTreeMap::<_, Vec<&str>>::new();
    for Drift { place, kind, value, .. } in news {
        places.entry((place, kind.as_str())).or_default().extend(value.as_deref());
    }
    for ((place, kind), values) in places {
        let value = listed(&values);
        tracing::warn!(%place, kind, value, "the platform sent something that no document lists; it is kept and counted");
    }
}

/// The first of them, and how many more there are.
fn listed(values: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown = values.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Counts and tells. A store that cannot count loses a figure, and nothing that was paid for.
pub(crate) async fn note<S: Store + ?Sized>(store: &S, job: i64, drift: Vec<Drift>) {
    if drift.is_empty() {
        return;
    }
    match store.note_drift(job, drift).await {
        Ok(news) => say(&news),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what no document lists could not be counted"
            );
        }
    }
}

/// The figure of a kind in a store.
pub(crate) fn kind_number(kind: DriftKind) -> i64 {
    match kind {
        DriftKind::NewField => 0,
        DriftKind::NewValue => 1,
        _ => 2,
    }
}

/// Where it is counted that is told apart no more.
pub fn further_places(drift: &Drift) -> Drift {
    Drift::new("(further places)", drift.kind, None)
}

/// Reads a row.
pub(crate) fn from_row(place: String, kind: i64, value: String, count: u64) -> Drifted {
    let kind = match kind {
        0 => DriftKind::NewField,
        1 => DriftKind::NewValue,
        _ => DriftKind::OddShape,
    };
    Drifted { drift: Drift::new(place, kind, Some(value).filter(|value| !value.is_empty())), count }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn many_new_values_of_a_place_make_one_short_line() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["7", "8", "9"]), "7, 8, 9");
        assert_eq!(listed(&["7", "8", "9", "10", "11"]), "7, 8, 9 and 2 more");
    }
}
