//! Signing streamed, beside the obvious way: `format!`, digest, `hex::encode`.

use std::hint::black_box;

use md5::{Digest, Md5};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};

use crate::{Aim, Line, in_turns};

pub(crate) fn lines() -> [Line; 2] {
    [("sign 350 bytes", 350), ("sign 60 000 bytes", 60_000)].map(|(work, size)| {
        let secret = Secret::from("abciiiko2k3");
        let body = "8".repeat(size);
        let input = Input {
            access_key: "fme2na3kdi3ki",
            action: "numbercheck",
            biz_type: "1",
            ts: "1655710885431",
            body: Body::Json(body.as_bytes()),
        };
        let rounds = 600_000 / size as u32;
        let (ours, theirs) = in_turns(
            rounds,
            || _ = black_box(sign(black_box(&input), &secret, Algorithm::Md5)),
            || {
                let Input { access_key, action, biz_type, ts, .. } = black_box(&input);
                let secret = secret.expose();
                let text = format!(
                    "accessKey={access_key}&action={action}&bizType={biz_type}&ts={ts}&body={body}&accessSecret={secret}"
                );
                black_box(hex::encode(Md5::digest(&text)));
            },
        );
        Line { work, peer: "format! + md-5 + hex", ours, theirs, aim: Aim::AtMost(1.0) }
    })
}
