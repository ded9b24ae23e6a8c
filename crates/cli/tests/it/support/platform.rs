//! A platform that hands every submit to the test, which says how it is answered.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{push, read_message};
use super::{Call, HANGS, free_address, numcheck};

/// A platform that hands every submit to the test, which says how it is answered.
pub(crate) struct Platform {
    pub(crate) url: String,
    submits: Receiver<Submit>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// A submit that waits for its answer. Dropped, its connection is closed without one.
pub(crate) struct Submit {
    pub(crate) head: String,
    pub(crate) body: Value,
    answer: Sender<String>,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, submits) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (send, log) = (send.clone(), Arc::clone(&log));
                thread::spawn(move || serve(stream.unwrap(), &send, &log));
            }
        });
        Self { url, submits, seen }
    }

    /// The variables of an account with it.
    pub(crate) fn account(&self) -> [(&str, &str); 4] {
        [
            ("NXCLOUD_BASE_URL", self.url.as_str()),
            ("NXCLOUD_ACCESS_KEY", "test-access-key"),
            ("NXCLOUD_ACCESS_SECRET", "test-access-secret"),
            ("NXCLOUD_APPKEY", "test-appkey"),
        ]
    }

    /// `numcheck run FILE` with an account with it, receiving on a loopback address.
    pub(crate) fn run(&self, file: &Path) -> Call {
        let listen = free_address();
        let public_url = format!("http://{listen}");
        let call = numcheck(["run"]).arg(file).args(["--listen", &listen, "--public-url", &public_url]);
        call.envs(self.account())
    }

    /// The next submit.
    pub(crate) fn submit(&self) -> Submit {
        self.submits.recv_timeout(HANGS).expect("no submit came")
    }

    /// A submit that comes while a moment passes; for waiting for two things at once.
    pub(crate) fn try_submit(&self) -> Option<Submit> {
        self.submits.recv_timeout(Duration::from_millis(10)).ok()
    }

    /// Takes the next submit and accepts it.
    pub(crate) fn accept(&self) -> Batch {
        let submit = self.submit();
        let batch = submit.batch();
        submit.accept();
        batch
    }

    /// The batch numbers of all submits that arrived so far, answered or not, in their order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Submit {
    pub(crate) fn batch(&self) -> Batch {
        let text = |name: &str| self.body[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        Batch {
            batch_no: text("batchNo"),
            numbers: text("phone").split(',').map(str::to_owned).collect(),
            dr_url: self.body["drUrl"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn accept(self) {
        let data = json!({"messageId": "301ef45b8de54d8aad95c5264c3756be", "batchNo": self.body["batchNo"]});
        self.answer(&json!({"msg": "success", "code": 0, "data": data}));
    }

    pub(crate) fn refuse(self, code: i64, text: &str) {
        self.answer(&json!({"msg": text, "code": code, "data": {"messageId": "", "batchNo": ""}}));
    }

    fn answer(self, body: &Value) {
        self.answer_http("200 OK", "application/json", &body.to_string());
    }

    pub(crate) fn answer_http(self, status: &str, kind: &str, body: &str) {
        self.answer_with(status, &format!("content-type: {kind}\r\n"), body);
    }

    /// Each of the headers ends its line.
    pub(crate) fn answer_with(self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.answer.send(answer).unwrap();
    }

    /// Closes the connection after the request was read, as a platform does that dies in the middle.
    pub(crate) fn lose(self) {}
}

fn serve(mut stream: TcpStream, submits: &Sender<Submit>, seen: &Mutex<Vec<String>>) {
    while let Some((head, body)) = read_message(&mut stream) {
        // A login has none.
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        seen.lock().unwrap().push(body["batchNo"].as_str().unwrap_or_default().to_owned());
        let (answer, answered) = channel();
        if submits.send(Submit { head, body, answer }).is_err() {
            return;
        }
        let Ok(answer) = answered.recv() else {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// The numbers of a submit, and where their results go; nowhere where they are polled.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) batch_no: String,
    pub(crate) numbers: Vec<String>,
    pub(crate) dr_url: String,
}

impl Batch {
    /// A result as the documents show it.
    pub(crate) fn result(&self, phone: &str) -> Value {
        json!({
            "messageId": "83ac9512-3c47-495d-a3c4-6d77a9f1149c", "code": 0, "msg": "success",
            "batchNo": self.batch_no, "phone": phone,
            "data": {"basic": {
                "preCheck": "YES", "regionCode": "CN", "countryCode": "86", "nationalNumber": "800001",
                "standNumber": phone, "numberType": 2, "carrier": "China Telecom",
            }},
            "cost": {"price": 0.1912, "currency": "USD"},
        })
    }

    /// Pushes a result for a number, which must be acknowledged.
    #[track_caller]
    pub(crate) fn push(&self, phone: &str) {
        assert_eq!(push(&self.dr_url, &self.result(phone).to_string()).unwrap(), 200);
    }

    /// The same for all its numbers.
    #[track_caller]
    pub(crate) fn push_all(&self) {
        self.numbers.iter().for_each(|phone| self.push(phone));
    }
}
