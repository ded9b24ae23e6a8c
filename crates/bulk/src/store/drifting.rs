//! How what no document lists is written down by a store.
//!
//! It must not grow without end: a platform may send any number of names.

use std::collections::BTreeMap;

use numcheck_protocol::{Drift, DriftKind};

use super::Drifted;

/// How many places, kinds and values of a job are told apart; what comes behind them is counted together.
pub(crate) const MOST_PLACES: u64 = 1000;

/// Each with how often it is there.
pub(crate) fn counted(job: i64, drift: Vec<Drift>) -> BTreeMap<(i64, Drift), u64> {
    let mut counts = BTreeMap::new();
    for one in drift {
        *counts.entry((job, one)).or_default() += 1;
    }
    counts
}

/// Tells whoever reads the log, once for each thing and job.
pub(crate) fn say(news: &[Drift]) {
    for Drift { place, kind, value, .. } in news {
        let value = value.as_deref().unwrap_or_default();
        tracing::warn!(%place, ?kind, value, "the platform sent something that no document lists; it is kept and counted");
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
pub(crate) fn elsewhere(drift: &Drift) -> Drift {
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
