//! The same server with a handler that stores nothing: what storing is measured against.
//!
//! It must not differ from `numcheck receive` in anything but the handler.

use std::io::Write;

use numcheck_webhook::{Gate, Push, Receiver, ReceiverKey, ReceiverLimits, Server};

/// Set for the process that serves.
pub(crate) const ASKED: &str = "NUMCHECK_BENCH_STORES_NOTHING";
/// Its key.
pub(crate) const KEY: [u8; 32] = [7; 32];

pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(ASKED).is_some()
}

/// Serves until it is killed.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        println!("{}", serde_json::json!({"listening": server.local_addr().to_string()}));
        std::io::stdout().flush().unwrap();
        let gate = Gate::new(ReceiverKey::from_bytes(&KEY).unwrap());
        let receiver = Receiver::unread(gate, |_: Push| async { Ok(()) }, ReceiverLimits::default());
        server.serve(receiver, std::future::pending()).await;
    });
}
