//! What happens, as JSON: for the page and for scripts.
//!
//! It must show no number in full.

use serde_json::{Value, json};

use crate::journal::{Entry, PushNext, What};
use crate::server::Answer;
use crate::state::Shared;

/// How many entries are shown.
const SHOWN: usize = 200;

/// The last entries of the journal, newest first, and what is still to be pushed.
pub(crate) fn journal(shared: &Shared) -> Answer {
    let journal = shared.log.tail(SHOWN);
    let (waiting, in_flight) = shared.queue.waiting();
    let page = json!({
        "now_ms": shared.clock.now_ms(),
        "counts": journal.counts(),
        "pushes_waiting": waiting,
        "pushes_in_flight": in_flight,
        "entries": journal.entries().rev().map(entry).collect::<Vec<_>>(),
    });
    Answer::json(200, &page, "")
}

/// What everybody paid and has left.
pub(crate) fn ledger(shared: &Shared) -> Answer {
    let ledger = shared.books.read();
    let lines = ledger.lines().iter().map(|line| {
        json!({
            "account": line.account,
            "service": line.service.to_string(),
            "code": line.code,
            "currency": line.currency.to_string(),
            "count": line.count,
            "amount": line.amount.to_string(),
        })
    });
    let balances = shared.accounts.iter().map(|account| {
        let name = &account.access_key;
        let left = |currency| ledger.balance(name, currency).unwrap_or_default().to_string();
        let purses =
            account.balance.keys().map(|currency| (currency.to_string(), Value::String(left(*currency))));
        json!({
            "account": name,
            "balance": purses.collect::<serde_json::Map<_, _>>(),
            "qxt_balance_cny": ledger.qxt_balance(name).unwrap_or_default().to_string(),
        })
    });
    let batches = ledger.batches().iter().map(|line| {
        json!({
            "account": line.account,
            "batch_no": line.batch_no,
            "times": line.times,
            "numbers": line.numbers,
            "charged": line.charged,
        })
    });
    let page = json!({
        "lines": lines.collect::<Vec<_>>(),
        "balances": balances.collect::<Vec<_>>(),
        "batches": batches.collect::<Vec<_>>(),
    });
    Answer::json(200, &page, "")
}

/// How often numbers were accepted.
pub(crate) fn tally(shared: &Shared) -> Answer {
    let (tally, _) = shared.count_acceptances();
    let examples =
        tally.examples.iter().map(|(phone, batches)| json!({ "phone": phone, "batches": batches }));
    let page = json!({
        "submits": tally.submits,
        "accepted": tally.accepted,
        "distinct": tally.distinct,
        "repeated": tally.repeated,
        "paid_twice": tally.paid_twice,
        "most": tally.most,
        "examples": examples.collect::<Vec<_>>(),
    });
    Answer::json(200, &page, "")
}

/// How often numbers were asked about at QXT.
pub(crate) fn privacy(shared: &Shared) -> Answer {
    Answer::json(200, &shared.privacy.sums(), "")
}

/// The verification codes that were sent, newest first.
pub(crate) fn inbox(shared: &Shared) -> Answer {
    let messages = shared.register.inbox();
    let messages = messages.iter().rev().map(|message| {
        json!({
            "at_ms": message.at_ms,
            "phone": format!("{:?}", message.phone),
            "method": message.method.as_str(),
            "code": message.code.as_str(),
        })
    });
    Answer::json(200, &json!({ "messages": messages.collect::<Vec<_>>() }), "")
}

/// That it runs, and what it does where the documents are silent.
pub(crate) fn health(shared: &Shared) -> Answer {
    let facts = shared.settings.assumptions.facts().into_iter();
    let facts = facts.map(|(name, value)| (name.to_owned(), Value::String(value)));
    let page = json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "now_ms": shared.clock.now_ms(),
        "seed": shared.settings.seed,
        "assumptions": facts.collect::<serde_json::Map<_, _>>(),
    });
    Answer::json(200, &page, "")
}

fn entry(entry: &Entry) -> Value {
    let mut value = match &entry.what {
        What::Request(request) => json!({
            "kind": "request",
            "method": request.method,
            "path": request.path,
            "endpoint": request.endpoint,
            "access_key": request.access_key,
            "status": request.status,
            "code": request.code,
            "why": request.why,
            "numbers": request.numbers,
            "batch_no": request.batch_no,
            "message_id": request.message_id,
            "fault": request.fault,
        }),
        What::Push(push) => json!({
            "kind": "push",
            "message_id": push.message_id,
            "batch_no": &*push.batch_no,
            "phone": format!("{:?}", push.phone),
            "code": push.code.get(),
            "attempt": push.attempt,
            "to": &*push.to,
            "answer": format!("{:?}", push.answer),
            "next": match push.next {
                PushNext::RetryAt(_) => "RetryAt".to_owned(),
                other => format!("{other:?}"),
            },
            "retry_at_ms": match push.next {
                PushNext::RetryAt(at_ms) => Some(at_ms),
                _ => None,
            },
        }),
        What::Note(note) => {
            json!({ "kind": "note", "batch_no": note.batch_no.as_deref(), "text": note.text })
        }
    };
    if let Value::Object(fields) = &mut value {
        fields.insert("sequence".to_owned(), entry.sequence.into());
        fields.insert("at_ms".to_owned(), entry.at_ms.into());
    }
    value
}
