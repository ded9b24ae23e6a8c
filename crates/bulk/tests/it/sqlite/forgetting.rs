//! What was forgotten cannot be found in the files any more.

use numcheck_bulk::store::Source;
use numcheck_bulk::{BatchEnd, Store};
use numcheck_protocol::PhoneNumber;

use super::File;
use super::conformance::Place;
use super::conformance::made::*;

fn holds(file: &File, needle: &[u8]) -> bool {
    file.bytes().windows(needle.len()).any(|bytes| bytes == needle)
}

/// A number as it stands in the table of numbers: an integer of 6 bytes.
fn packed(number: PhoneNumber) -> [u8; 6] {
    number.pack().to_be_bytes()[2..].try_into().unwrap()
}

#[tokio::test]
async fn nothing_personal_of_a_forgotten_job_is_left_in_the_files() {
    let file = File::new();
    let store = file.open().await;
    let onlooker = file.open().await;

    let mut notes = spec(1);
    notes.notes = serde_json::json!({ "file": "canary-notes.csv" });
    let job = store.create_job(&name(1), &notes, T0).await.unwrap();
    store.add_input(job.id, 0, b"phone,name\n8613800100000,canary-input\n".repeat(2000)).await.unwrap();
    store.add_batches(job.id, batches(1, &[300, 2])).await.unwrap();
    store.finish_plan(job.id, 302).await.unwrap();
    let job = store.job(&name(1)).await.unwrap().unwrap();
    let stays = planned(&*store, 2, &[300]).await;
    let (claimed, other) = (accepted(&*store, &job).await, accepted(&*store, &stays).await);
    let refused = claim(&*store, &job, T0).await;
    end(&*store, &refused, BatchEnd::Refused { code: None, message: "canary-message".into() }).await;

    // Results of both jobs in turns, so that they share pages; sizes from a few bytes to several pages; repeats, conflicts and strays.
    for at in 0..300 {
        let size = [1, 200, 3000, 20_000][at % 4];
        let of = |claimed: &numcheck_bulk::store::Claimed, word: &str| Push {
            carrier: word.repeat(size / word.len() + 1),
            ..Push::of(&claimed.batch_no, claimed.numbers[at])
        };
        let mut results = vec![of(&claimed, "canary-first").pushed(), of(&other, "stays").pushed()];
        if at % 3 == 0 {
            results.push(of(&claimed, "canary-first").with_id("again").pushed());
            results.push(of(&claimed, "canary-conflict").pushed());
        }
        if at % 10 == 0 {
            let stray = format!("canary-stray {at}").into_bytes();
            results.push(result(claimed.batch_no.as_str(), Source::Push, stray));
        }
        enter(&*store, results).await;
    }
    store
        .append(vec![
            Push { carrier: "canary-waits".into(), ..Push::of(&refused.batch_no, refused.numbers[0]) }
                .pushed(),
        ])
        .await
        .unwrap();
    onlooker.rows(job.id, None, 10).await.unwrap();

    let canaries: Vec<Vec<u8>> = [
        "canary",
        "8613800100000",
        "0010000",
        "4c3756be-250142\",\"code\":0,\"msg\":\"m\",\"batchNo\":\"b1-",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([packed(claimed.numbers[0]).to_vec(), packed(claimed.numbers[299]).to_vec()])
    .collect();
    for canary in &canaries {
        assert!(holds(&file, canary), "{:?} was never there", String::from_utf8_lossy(canary));
    }
    store.forget(job.id, true).await.unwrap();
    for canary in &canaries {
        assert!(!holds(&file, canary), "{:?} is still there", String::from_utf8_lossy(canary));
    }
    assert!(holds(&file, b"staysstays"), "the other job's results are");
    assert_eq!(check(&*onlooker, stays.id).await.settled, 300);
    assert_eq!(onlooker.ledger(job.id).await.unwrap().settled, 301);
}
