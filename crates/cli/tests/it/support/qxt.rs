//! A platform of QXT's that speaks as the document does, and counts what it is asked. It shares nothing with the sandbox.

use std::collections::HashMap;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::read_message;

/// What the platform says to a query.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The body of a reply.
    Says(String),
    /// A body and what its headers say of it.
    Sends(&'static str, Vec<u8>),
    /// A server on the way answers with this status, and is no part of the platform.
    TurnedAway(u16),
    /// The connection is closed.
    Nothing,
    /// The body of a reply, once the platform is let go.
    Later(String),
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

/// A platform that speaks as the document does, and as it is told.
pub(crate) struct Platform {
    pub(crate) url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    asked: Mutex<HashMap<String, u32>>,
    changed: Condvar,
    is_let_go: AtomicBool,
}

pub(crate) fn reply(mobile: &str, status: &str) -> Answer {
    Answer::Says(format!(
        r#"{{"code":0,"reason":"Succ","result":{{"Mobile":"{mobile}","Status":"{status}","Area":"广东-深圳","Now_isp":"中国联通"}}}}"#
    ))
}

pub(crate) fn refusal(code: i64) -> Answer {
    Answer::Says(format!(r#"{{"code":{code},"reason":"no"}}"#))
}

impl Platform {
    pub(crate) fn start(script: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (state, script): (_, Arc<Script>) = (Arc::<State>::default(), Arc::new(script));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(stream.unwrap(), &state, &*script));
            }
        });
        Self { url, state }
    }

    pub(crate) fn asked(&self) -> HashMap<String, u32> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Sends what was held back.
    pub(crate) fn let_go(&self) {
        let asked = self.state.asked.lock().unwrap();
        self.state.is_let_go.store(true, Ordering::SeqCst);
        drop(asked);
        self.state.changed.notify_all();
    }

    /// Waits until so many queries have come.
    pub(crate) fn wait_for(&self, count: u32) {
        let asked = self.state.asked.lock().unwrap();
        drop(self.state.changed.wait_while(asked, |asked| asked.values().sum::<u32>() < count).unwrap());
    }
}

fn serve(mut stream: TcpStream, state: &State, script: &Script) {
    while let Some((_, body)) = read_message(&mut stream) {
        let body = String::from_utf8(body).unwrap();
        let mobile = body.split('&').find_map(|pair| pair.strip_prefix("mobile=")).unwrap().to_owned();
        *state.asked.lock().unwrap().entry(mobile.clone()).or_default() += 1;
        state.changed.notify_all();
        let json = "content-type: application/json;charset=UTF-8";
        let (status, headers, said) = match script(&mobile) {
            Answer::Says(said) => (200, json, said.into_bytes()),
            Answer::Sends(headers, said) => (200, headers, said),
            Answer::TurnedAway(status) => (status, json, b"<h1>Go away</h1>".to_vec()),
            Answer::Nothing => return,
            Answer::Later(said) => {
                let asked = state.asked.lock().unwrap();
                let held = |_: &mut HashMap<String, u32>| !state.is_let_go.load(Ordering::SeqCst);
                drop(state.changed.wait_while(asked, held).unwrap());
                (200, json, said.into_bytes())
            }
        };
        let length = said.len();
        let head = format!(
            "HTTP/1.1 {status} OK\r\nretry-after: 0\r\n{headers}\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream.write_all(&[head.into_bytes(), said].concat()).is_err() {
            return;
        }
    }
}

pub(crate) fn mobiles(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("138{at:08}")).collect()
}
