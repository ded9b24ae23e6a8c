//! Mounts the receiver in an axum application, beside its other routes.
//!
//! It is an example and must not be deployed: it stores into a file without looking for repeats.

// The URL is what the example has to say.
#![allow(clippy::print_stdout)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use numcheck_protocol::BatchNo;
use numcheck_webhook::{Gate, NotStored, Push, Receiver, ReceiverKey};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key: ReceiverKey = std::env::var("RECEIVER_KEY")?.parse()?;
    let capability = key.capability(&BatchNo::new("20220901")?);
    println!("results of batch 20220901 go to http://127.0.0.1:8080{}", capability.path());

    let file = Arc::new(Mutex::new(OpenOptions::new().create(true).append(true).open("results.jsonl")?));
    let receiver = Receiver::new(Gate::new(key), move |push: Push| {
        let file = Arc::clone(&file);
        async move {
            // Writing to a disk blocks, so it leaves the runtime's threads alone.
            let written = tokio::task::spawn_blocking(move || store(&file, &push)).await;
            written.map_err(|_| NotStored)?
        }
    });
    let app = Router::new().route("/health", get(async || "fine")).fallback_service(receiver);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// One line a push, on the disk before it returns.
fn store(file: &Mutex<File>, push: &Push) -> Result<(), NotStored> {
    let mut file = file.lock().map_err(|_| NotStored)?;
    file.write_all(push.raw())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_data())
        .map_err(|_| NotStored)
}
