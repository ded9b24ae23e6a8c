//! What is pushed: the results of one job, as the platform pushes them.
//!
//! It must not cost much while it is measured: what does not change from push to push is made beforehand.

use std::io::Write;

use numcheck_bulk::store::{NewBatch, Skip};
use numcheck_bulk::{BatchEnd, Delivery, JobName, JobSpec, Scope, Store};
use numcheck_protocol::{BatchNo, PhoneNumber};
use numcheck_webhook::ReceiverKey;

use crate::nothing;

/// Numbers in a batch.
const EACH: u64 = 2000;

pub(crate) struct Pushes {
    count: u64,
    job: Option<i64>,
    /// Request line and headers of each batch, up to the length of the body.
    heads: Vec<String>,
    /// The names of the batches.
    names: Vec<String>,
}

impl Pushes {
    /// Those of a job whose batches were all accepted.
    pub(crate) async fn of_a_job(store: &dyn Store, count: u64) -> Self {
        let name = JobName::from_random(1_u64.to_be_bytes());
        let scope = Scope::new("bench", Scope::NUMBER_CHECK, 1);
        let spec = JobSpec::new(scope, "", Delivery::Push, serde_json::Value::Null);
        let job = store.create_job(&name, &spec, 0).await.unwrap();
        for first in (0..count / EACH).step_by(20) {
            let some = (first..(first + 20).min(count / EACH)).map(|batch| NewBatch {
                batch_no: BatchNo::new(&batch_name(batch)).unwrap(),
                group: "CN".to_owned(),
                numbers: (batch * EACH..(batch + 1) * EACH).map(|row| (number(row), row)).collect(),
            });
            store.add_batches(job.id, some.collect()).await.unwrap();
        }
        let job = store.finish_plan(job.id, count).await.unwrap();
        while let Some(next) = store.next_batch(job.id, &Skip::default()).await.unwrap() {
            let claimed = store.claim(next.batch, "bench", u64::MAX, 0).await.unwrap().unwrap();
            assert!(store.confirm(claimed.batch, claimed.claim, 0).await.unwrap());
            let end = BatchEnd::Accepted { message_id: None };
            store.end(claimed.batch, claimed.claim, end, 0).await.unwrap();
        }
        let key = store.secret("receiver", nothing::KEY.to_vec()).await.unwrap();
        Self::new(count, Some(job.id), &ReceiverKey::from_bytes(&key).unwrap())
    }

    /// The same for a server that stores nothing.
    pub(crate) fn of_nothing(count: u64) -> Self {
        Self::new(count, None, &ReceiverKey::from_bytes(&nothing::KEY).unwrap())
    }

    fn new(count: u64, job: Option<i64>, key: &ReceiverKey) -> Self {
        let names: Vec<String> = (0..count / EACH).map(batch_name).collect();
        let heads = names.iter().map(|name| {
            let capability = key.capability(&BatchNo::new(name).unwrap());
            format!(
                "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ",
                capability.path()
            )
        });
        Self { count, job, heads: heads.collect(), names }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The store's key of the job.
    pub(crate) fn job(&self) -> Option<i64> {
        self.job
    }

    /// Writes the request of a push, some 400 bytes of body.
    pub(crate) fn write(&self, row: u64, body: &mut Vec<u8>, to: &mut Vec<u8>) {
        // Results of a batch come in no order.
        let row = row / EACH * EACH + (row % EACH) * 7 % EACH;
        let batch = (row / EACH) as usize;
        body.clear();
        write!(
            body,
            r#"{{"messageId":"83ac95123c47495da3c46d77a9f1149c-{row}","code":0,"msg":"success","batchNo":"{}","phone":"86138{row:08}","data":{{"basic":{{"preCheck":"YES","regionCode":"CN","countryCode":"86","nationalNumber":"138{row:08}","standNumber":"86138{row:08}","numberType":2,"carrier":"China Telecom"}}}},"cost":{{"price":0.1912,"currency":"USD"}}}}"#,
            self.names[batch]
        )
        .unwrap();
        to.clear();
        write!(to, "{}{}\r\n\r\n", self.heads[batch], body.len()).unwrap();
        to.extend_from_slice(body);
    }
}

fn batch_name(batch: u64) -> String {
    format!("nc-0000000000000001-{batch}")
}

fn number(row: u64) -> PhoneNumber {
    PhoneNumber::new(&format!("86138{row:08}")).unwrap()
}
