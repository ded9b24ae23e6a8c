//! What every store must do, whatever it is made of: one suite, generic over [`Store`]. A case's name is the sentence that it proves.
//!
//! With the feature `test-util`, for whoever writes a store: [`conformance!`](crate::conformance!) makes a test of each case.

// Outside a `#[test]` clippy does not see that this is one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
// Names say what they are for.
#![allow(missing_docs, missing_debug_implementations, async_fn_in_trait)]

mod answers;
mod book;
mod claims;
mod common;
mod each;
mod jobs;
pub mod made;
mod plans;
pub mod reader;
mod reading;
mod results;
mod sending;
pub mod service;

use std::sync::Arc;

use numcheck_bulk::Store;

/// A place where one store lives. Opening it again is what another process does, or the next one.
pub trait Place {
    type Store: Store;
    async fn open(&self) -> Arc<Self::Store>;
}

pub use answers::*;
pub use book::*;
pub use claims::*;
pub use common::*;
pub use each::*;
pub use jobs::*;
pub use plans::*;
pub use reading::*;
pub use results::*;
pub use sending::*;

/// The whole suite as tests of the crate that calls it, which needs tokio's features `macros` and `rt-multi-thread`. The argument makes an
/// empty [`Place`](crate::conformance::Place) for each case.
///
/// ```text
/// numcheck_bulk::conformance!(MyPlace::new().await);
/// ```
#[macro_export]
macro_rules! conformance {
    ($place:expr) => {
        $crate::conformance!($place;
            a_job_is_made_once_and_found_by_its_name
            a_plan_that_was_never_finished_is_begun_anew_and_whoever_began_it_can_add_nothing
            a_plan_is_durable_and_the_same_after_reopening
            a_batch_no_that_the_store_has_is_refused_and_named
            nothing_is_sent_of_a_job_whose_plan_is_not_whole
            a_job_without_numbers_is_final
            a_batch_is_taken_once_by_however_many_senders_in_two_processes
            batches_are_sent_in_the_order_of_the_plan
            every_end_of_sending_leads_to_its_state
            what_was_turned_away_is_planned_with_its_reason_until_it_is_taken_again
            a_word_about_an_earlier_sending_changes_nothing
            an_end_cannot_undo_what_a_result_has_proved
            a_sender_that_died_leaves_its_batch_in_doubt
            only_a_batch_in_doubt_is_planned_again
            a_batch_that_is_planned_again_is_found_by_all_its_numbers
            a_late_result_stops_the_second_sending
            a_result_that_waits_stops_planning_again
            only_what_was_accepted_is_given_up_as_missing
            a_result_that_comes_after_it_was_given_up_still_counts
            turns_are_shared_by_two_processes_and_exact
            ten_takers_together_get_as_many_turns_as_one
            two_turns_lie_as_far_apart_as_the_longer_of_their_intervals
            nobody_waits_for_the_time_that_a_clock_showed_before_it_was_set_back
            the_size_of_the_next_batch_can_be_seen_before_it_is_taken
            repeats_change_nothing_in_any_order_and_with_any_suffix
            a_result_after_a_removed_repeat_is_entered
            a_result_before_the_submit_s_answer_counts
            a_result_may_name_its_batch_by_the_id_of_its_submit
            a_second_result_with_other_content_is_kept_beside_the_first
            what_belongs_to_nothing_is_quarantined_as_it_came
            what_was_quarantined_is_entered_once_as_soon_as_it_belongs_to_a_number
            a_quarantined_charge_of_a_sending_that_a_person_repeated_is_a_second_charge
            a_push_without_a_number_finds_the_only_number_of_its_batch
            a_result_ends_doubt_and_refusal
            a_fetched_row_and_a_push_agree_or_are_a_conflict
            numbers_that_were_not_taken_are_refused_and_not_sent_again
            a_result_for_a_number_that_was_not_taken_counts_and_both_are_kept
            what_no_document_lists_is_counted_by_place_and_told_once
            a_job_tells_a_thousand_places_apart_and_counts_the_rest_together
            many_processes_enter_each_result_once
            costs_are_exact_to_four_decimals
            a_cost_that_cannot_be_read_is_counted_as_unpriced
            prices_are_learned_by_level_and_region
            rows_come_in_the_input_s_order_whatever_the_page
            every_row_tells_its_fate
            a_forgotten_job_keeps_its_sums_and_nothing_else
            a_forgotten_job_drops_what_comes_late_and_sends_nothing
            forgetting_one_job_leaves_the_others
            a_secret_is_made_once
            what_was_learnt_last_is_remembered
            what_was_turned_away_is_added_up_by_kind_whoever_counts
            a_copy_is_not_paid_from_until_it_is_adopted
            a_store_tells_its_backlog_its_size_and_its_batches_counts
            the_newest_unfinished_job_of_the_same_numbers_goes_on_whatever_its_name
            a_job_whose_rows_wait_for_another_is_unfinished
            a_job_without_a_set_is_continued_by_nobody
            an_override_goes_on_with_its_own_kind_and_replaces_any_other
            a_plain_job_goes_on_with_an_interrupted_override
            rows_follow_the_new_file_and_costs_and_results_stay
            with_the_first_sending_forgotten_a_later_one_that_was_refused_is_the_first
            with_the_newest_sending_forgotten_the_one_before_decides_again
            a_job_with_something_under_way_or_in_doubt_is_not_forgotten_without_a_word
            a_forgotten_phone_number_is_gone_from_every_job_and_the_book_and_nothing_else_is
            what_other_jobs_refer_to_outlives_the_job_that_paid_for_it
            what_a_forgotten_job_has_under_way_is_in_doubt_for_those_that_wait
            what_a_forgotten_job_was_just_sending_is_in_doubt_too
            a_claim_is_confirmed_with_each_timestamp_that_is_signed
            a_claim_that_is_over_cannot_be_confirmed
            a_claim_that_was_never_confirmed_is_planned_again_as_it_was
            a_claim_with_a_limit_cuts_the_batch_and_the_rest_is_planned
            a_batch_that_was_planned_again_is_not_cut
            the_next_batch_passes_over_groups_and_over_what_others_have_sent
            what_is_claimed_by_another_between_a_look_and_a_claim_is_left_out
            only_accepted_batches_of_a_first_try_that_were_signed_later_are_controls
            the_book_tells_what_it_knows_of_each_number_and_since_when
            a_refused_sending_counts_for_nothing_and_the_one_before_decides
            what_was_turned_away_and_then_cut_off_still_has_its_earlier_result
            jobs_that_are_turned_away_in_turn_still_know_what_came_before
            a_number_s_history_has_every_sending_the_newest_first
            an_account_under_another_spelling_is_merged_with_its_book_and_its_money
            a_merged_book_loses_no_sending_that_may_still_be_paid
            sendings_of_a_merged_book_stand_in_the_order_of_their_claims
            an_account_s_spending_is_told_by_day_and_what_is_under_way_by_level_and_group
            the_highest_price_of_each_currency_is_kept
            a_result_teaches_the_price_of_its_batch_s_group
            a_name_of_any_length_stops_no_result_and_teaches_no_price
            a_price_that_nobody_can_believe_is_kept_shown_and_not_counted
            strays_fill_a_batch_and_genuine_results_are_still_expected
            a_phone_number_of_two_jobs_is_sent_by_the_first_and_the_other_takes_its_result
            no_phone_number_is_accepted_twice_however_many_claim_at_once
            a_fresh_result_is_taken_at_no_cost_and_an_older_one_is_paid_for_again
            an_override_sends_settled_numbers_again_and_never_what_is_under_way_or_in_doubt
            a_result_that_came_after_the_job_was_made_is_taken_whatever_clocks_say
            a_result_from_the_future_is_of_unknown_age
            only_failures_that_pass_are_checked_again_on_request
            what_was_never_taken_frees_its_numbers_for_the_job_that_waits
            a_claim_that_was_never_confirmed_frees_its_numbers_when_it_is_given_up
            a_number_refused_in_an_accepted_batch_is_settled_for_every_job
            the_waiting_job_alone_can_resubmit_a_doubt_and_only_its_own_numbers_are_sent
            a_resubmission_waits_for_what_another_job_has_resubmitted_before
            a_resubmission_covers_what_was_sent_before_its_time
            a_doubt_that_a_result_has_ended_is_not_resubmitted
            missing_counts_as_in_doubt_and_is_resubmitted
            results_of_both_sendings_are_two_charges
            a_phone_number_that_has_moved_on_is_counted_once_when_its_first_sending_answers_late
            scopes_share_nothing
            a_marked_number_without_an_answer_is_in_doubt_once_its_sender_died_and_nothing_else_is
            a_claim_of_which_nothing_was_marked_is_planned_again_as_it_was
            each_number_of_a_claim_ends_in_its_own_state
            a_number_that_was_never_marked_is_sent_by_whoever_claims_it_next
            a_marked_number_in_doubt_is_sent_again_only_by_a_person_s_decision
            a_job_that_waits_for_a_claim_follows_its_parts
            only_what_the_last_claim_has_yet_to_send_is_marked_and_once
            a_result_that_comes_with_a_mark_is_stored_whatever_becomes_of_the_mark
            each_number_is_marked_once_however_many_mark_at_the_same_time_and_what_is_not_is_planned
            numbers_are_marked_while_replies_are_entered_and_another_job_follows
            a_word_about_an_earlier_claim_s_numbers_changes_nothing
            a_reply_that_is_no_result_of_its_number_leaves_it_in_doubt
            a_reply_that_comes_after_its_claim_was_given_up_ends_the_doubt
            a_reply_that_can_be_read_at_last_ends_the_doubt_about_its_number_and_no_other
            a_reply_that_can_be_read_after_its_number_was_resubmitted_is_taken_or_charged_beside
            what_was_marked_of_a_forgotten_job_is_in_doubt_for_those_that_wait
        );
    };
    ($place:expr; $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case(&$place).await;
            }
        )+
    };
}
