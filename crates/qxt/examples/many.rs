//! Asks about many numbers, and stops at Ctrl-C without losing an answer that was paid for: `cargo run -p numcheck-qxt --example many`.
//!
//! With `QXT_API_KEY` it costs money; without, it runs against a sandbox.

// What it says goes to the terminal.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::pin::pin;

use numcheck_qxt::Client;
use numcheck_qxt::protocol::ApiKey;
use numcheck_qxt::protocol::qxt::Mobile;
use numcheck_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mobiles: Vec<Mobile> =
        (10..60).map(|n| Mobile::new(&format!("188190792{n}"))).collect::<Result<_, _>>()?;
    let (client, _sandbox) = match std::env::var_os("QXT_API_KEY") {
        Some(_) => (Client::from_env()?, None),
        None => {
            let sandbox = Sandbox::start().await?;
            (sandbox_client(&sandbox)?, Some(sandbox))
        }
    };
    let Asked { answered, in_doubt } =
        ask(&client, mobiles, async { drop(tokio::signal::ctrl_c().await) }).await;
    println!("{} answered", answered.len());
    for mobile in in_doubt {
        println!("{}: may have been paid for, and there is no way to ask", mobile.masked());
    }
    Ok(())
}

/// What became of the numbers. Those in neither list were not asked about.
struct Asked {
    answered: Vec<(Mobile, Option<bool>)>,
    in_doubt: Vec<Mobile>,
}

/// Eight under way at a time. From `stop` on nothing more is asked, and what is under way is still answered.
async fn ask(client: &Client, mobiles: Vec<Mobile>, stop: impl Future<Output = ()>) -> Asked {
    let mut asked = Asked { answered: Vec::new(), in_doubt: Vec::new() };
    let mut calls = client.check_many(mobiles, 8);
    let mut stop = pin!(stop);
    let mut is_stopped = false;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop, if !is_stopped => {
                is_stopped = true;
                calls.stop_asking();
                continue;
            }
            next = calls.next() => next,
        };
        match next {
            Some((mobile, Ok(answer))) => asked.answered.push((mobile, answer.is_privacy())),
            Some((mobile, Err(error))) if error.may_have_happened() => asked.in_doubt.push(mobile),
            Some((mobile, Err(error))) => println!("{}: {error}", mobile.masked()),
            None => return asked,
        }
    }
}

fn sandbox_client(sandbox: &Sandbox) -> Result<Client, Box<dyn Error>> {
    Ok(Client::builder(ApiKey::new(sandbox.qxt_api_key())?).base_url(sandbox.qxt_url()).build()?)
}

#[tokio::test]
async fn stopping_asks_nothing_more_and_keeps_every_answer() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = sandbox_client(&sandbox).unwrap();
    let mobiles = || (10..60).map(|n| Mobile::new(&format!("188190792{n}")).unwrap()).collect::<Vec<_>>();

    let all = ask(&client, mobiles(), std::future::pending()).await;
    assert_eq!((all.answered.len(), all.in_doubt.len()), (50, 0));
    let none = ask(&client, mobiles(), async {}).await;
    assert_eq!((none.answered.len(), none.in_doubt.len()), (0, 0));
    assert_eq!(sandbox.tally().accepted, 50);
}
