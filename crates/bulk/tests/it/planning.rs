//! The plan of an input, held against one made in the plainest way.
//!
//! It must not touch a store: a plan is pure.

use std::collections::BTreeMap;

use numcheck_bulk::store::{Duplicate, NewBatch};
use numcheck_bulk::{Added, Grouping, JobName, Planner};
use numcheck_protocol::PhoneNumber;
use proptest::prelude::*;

fn number(at: u32) -> PhoneNumber {
    PhoneNumber::new(&format!("86138{:08}", 10_000_000 + at)).unwrap()
}

proptest! {
    #[test]
    fn each_number_is_planned_once_in_its_group_s_batches_and_its_repeats_point_to_its_first_row(
        rows in prop::collection::vec((0_u32..60, 0_u8..4), 0..200),
        most in 1_usize..9,
    ) {
        let mut planner = Planner::<u8>::default();
        let (mut first_rows, mut groups) = (BTreeMap::new(), BTreeMap::<u8, Vec<(PhoneNumber, u64)>>::new());
        let mut duplicates = Vec::new();
        // The group of a number is asked for once, so that one number in two groups is the first one's.
        for (row, (at, group)) in (0..).zip(&rows) {
            let added = planner.add(row, number(*at), |_| *group).unwrap();
            match first_rows.get(at) {
                Some(first) => {
                    prop_assert_eq!(added, Added::Duplicate);
                    duplicates.push(Duplicate { row, first: *first });
                }
                None => {
                    prop_assert_eq!(added, Added::New);
                    first_rows.insert(*at, row);
                    groups.entry(*group).or_default().push((number(*at), row));
                }
            }
        }
        let plan = planner.finish(Grouping::Apart, most);
        prop_assert_eq!(plan.numbers(), first_rows.len() as u64);
        prop_assert_eq!(plan.duplicates().collect::<Vec<_>>(), duplicates);
        let name = JobName::from_random([7; 8]);
        let batches: Vec<NewBatch> = plan.cut(&name).map(Result::unwrap).collect();
        prop_assert_eq!(plan.batches(), batches.len() as u64);
        let chunks = groups.iter().flat_map(|(group, numbers)| {
            numbers.chunks(most).map(move |chunk| (group.to_string(), chunk.to_vec()))
        });
        let expected: Vec<_> = chunks.collect();
        let cut: Vec<_> = batches.iter().map(|batch| (batch.group.clone(), batch.numbers.clone())).collect();
        prop_assert_eq!(cut, expected);
        for (at, batch) in batches.iter().enumerate() {
            prop_assert_eq!(batch.batch_no.as_str(), format!("nc-{name}-{}", at + 1));
        }
    }
}
