//! How numbers are put together into batches: apart by country, or together; in whichever size is faster.

use std::collections::BTreeSet;

use numcheck_bulk::{Grouping, JobName, Plan, Planner};
use numcheck_protocol::number_check::Submit;
use numcheck_protocol::{Endpoint, PhoneNumber};
use proptest::prelude::*;

/// A plan of so many numbers of each group.
fn plan(grouping: Grouping, most: usize, groups: &[(&'static str, u64)]) -> Plan {
    let mut planner = Planner::<&str>::default();
    let mut row = 0;
    for (at, (group, count)) in groups.iter().enumerate() {
        for number in 0..*count {
            let digits = format!("{}{number:08}", 850 + at);
            planner.add(row, PhoneNumber::new(&digits).unwrap(), |_| *group).unwrap();
            row += 1;
        }
    }
    planner.finish(grouping, most)
}

/// Group and size of each batch.
fn batches(plan: &Plan) -> Vec<(String, usize)> {
    let job = JobName::from_random([7; 8]);
    plan.cut(&job).map(|batch| batch.unwrap()).map(|batch| (batch.group, batch.numbers.len())).collect()
}

fn expect(list: &[(&str, usize)]) -> Vec<(String, usize)> {
    list.iter().map(|(group, size)| ((*group).to_owned(), *size)).collect()
}

#[test]
fn apart_a_batch_holds_one_group_and_together_it_is_filled_up() {
    let groups = [("CN", 5), ("HK", 1), ("US", 4)];
    let apart = plan(Grouping::Apart, 4, &groups);
    assert_eq!(batches(&apart), expect(&[("CN", 4), ("CN", 1), ("HK", 1), ("US", 4)]));
    let together = plan(Grouping::Together, 4, &groups);
    assert_eq!(batches(&together), expect(&[("CN", 4), ("CN,HK,US", 4), ("US", 2)]));
    for plan in [&apart, &together] {
        assert_eq!(plan.numbers(), 10);
        assert_eq!(plan.batches(), batches(plan).len() as u64);
        assert_eq!(plan.groups().collect::<Vec<_>>(), groups);
    }
}

#[test]
fn of_the_two_sizes_that_the_platform_takes_the_faster_one_is_picked() {
    let fastest = |grouping, groups: &[(&'static str, u64)]| {
        let plan = plan(grouping, 2000, groups).in_fastest(&[2000, 5000], Submit::INFO.rates);
        (plan.batch_size(), plan.batches(), plan.shortest_ms(Submit::INFO.rates))
    };
    // Ten requests a second of 2000 beat one of 5000, but for a job of one request, which waits for nobody.
    assert_eq!(fastest(Grouping::Apart, &[("CN", 30_000)]), (2000, 15, 1400));
    assert_eq!(fastest(Grouping::Apart, &[("CN", 5000)]), (5000, 1, 0));
    assert_eq!(fastest(Grouping::Apart, &[("CN", 1999)]), (2000, 1, 0));
    // A small request behind a large one waits for as long as the large one's limit wants.
    assert_eq!(fastest(Grouping::Apart, &[("CN", 2001), ("HK", 1)]), (2000, 3, 200));
    assert_eq!(fastest(Grouping::Apart, &[("CN", 5200)]), (2000, 3, 200));
    assert_eq!(fastest(Grouping::Together, &[("CN", 2001), ("HK", 1)]), (5000, 1, 0));
    assert_eq!(fastest(Grouping::Together, &[]), (2000, 0, 0));
}

proptest! {
    #[test]
    fn every_number_is_in_one_batch_whatever_the_grouping(
        counts in prop::collection::vec(0_u64..40, 0..6),
        most in 1_usize..20,
        together: bool,
    ) {
        let names = ["AA", "BB", "CC", "DD", "EE", "FF"];
        let groups: Vec<(&str, u64)> = names.into_iter().zip(counts.iter().copied()).collect();
        let grouping = if together { Grouping::Together } else { Grouping::Apart };
        let plan = plan(grouping, most, &groups);
        let job = JobName::from_random([7; 8]);
        let (mut rows, mut names, mut batches) = (BTreeSet::new(), BTreeSet::new(), 0);
        for batch in plan.cut(&job) {
            let batch = batch.unwrap();
            prop_assert!((1..=most).contains(&batch.numbers.len()));
            prop_assert!(together || !batch.group.contains(','));
            prop_assert!(names.insert(batch.batch_no));
            batches += 1;
            for (_, row) in batch.numbers {
                prop_assert!(rows.insert(row));
            }
        }
        prop_assert_eq!(rows.len() as u64, counts.iter().sum::<u64>());
        prop_assert_eq!(batches, plan.batches());
    }
}
