//! Signing streamed, beside the obvious way (`format!`, digest, `hex::encode`), in one run: look at the ratio.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};

fn main() {
    let secret = Secret::from("abciiiko2k3");
    for size in [350, 60_000] {
        let body = "8".repeat(size);
        let input = Input {
            access_key: "fme2na3kdi3ki",
            action: "numbercheck",
            biz_type: "1",
            ts: "1655710885431",
            body: Body::Json(body.as_bytes()),
        };
        let rounds = 20_000_000 / size as u32;
        let (mut ours, mut plain) = (Duration::MAX, Duration::MAX);
        // Taken in turns, the best of each: what else the machine does hits both.
        for _ in 0..7 {
            ours = ours.min(time(rounds, || {
                black_box(sign(black_box(&input), &secret, Algorithm::Md5));
            }));
            plain = plain.min(time(rounds, || {
                let input = black_box(&input);
                let text = format!(
                    "accessKey={}&action={}&bizType={}&ts={}&body={body}&accessSecret={}",
                    input.access_key,
                    input.action,
                    input.biz_type,
                    input.ts,
                    secret.expose()
                );
                black_box(hex::encode(Md5::digest(&text)));
            }));
        }
        println!(
            "md5 of {size} bytes: streamed {ours:?}, format! + digest + hex {plain:?}: {:.2} of the time",
            ours.as_secs_f64() / plain.as_secs_f64()
        );
    }
}

fn time(rounds: u32, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    start.elapsed() / rounds
}
