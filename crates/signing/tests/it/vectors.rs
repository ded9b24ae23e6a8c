//! Vectors with their intermediate step, so that a failing test points at the step: text, hash, or comparison.

use md5::{Digest, Md5};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign, text_to_sign, verify};
use sha2::Sha256;

const SECRET: &str = "abciiiko2k3";

struct Vector {
    name: &'static str,
    action: &'static str,
    biz_type: &'static str,
    body: Body<'static>,
    /// The text to sign, with the secret left out.
    text: &'static str,
    md5: &'static str,
    sha256: &'static str,
}

/// The MD5 signatures of the first two are published by the vendor. The others, and every SHA-256, were computed
/// from `text` with Python's hashlib.
const VECTORS: &[Vector] = &[
    Vector {
        name: "published: json, name first",
        action: "send",
        biz_type: "1",
        body: Body::Json(r#"{"name":"牛小信","id":10001}"#.as_bytes()),
        text: r#"accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&body={"name":"牛小信","id":10001}&accessSecret="#,
        md5: "87c3560d3331ae23f1021e2025722354",
        sha256: "e0eec2c99ef80f269a82795e2223f618ebfc0616c8b6c8c7d438021ec38ad0eb",
    },
    Vector {
        name: "published: json, id first",
        action: "send",
        biz_type: "1",
        body: Body::Json(r#"{"id":10001,"name":"牛小信"}"#.as_bytes()),
        text: r#"accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&body={"id":10001,"name":"牛小信"}&accessSecret="#,
        md5: "7750759da06333f20d0640be09355e34",
        sha256: "d04863619d46121592cdb312ec0a91c148a1f5daea64930ad0e1fb31a04dc808",
    },
    Vector {
        name: "no body",
        action: "login",
        biz_type: "2",
        body: Body::Empty,
        text: "accessKey=fme2na3kdi3ki&action=login&bizType=2&ts=1655710885431&accessSecret=",
        md5: "6b536916092b660044e8a2c8cf11847a",
        sha256: "3ac5a04ef3289266fef2cfdcd1467efffa95e593d6336e8b937559b1317c7d4b",
    },
    Vector {
        name: "multipart",
        action: "send",
        biz_type: "1",
        body: Body::Multipart,
        text: "accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&accessSecret=",
        md5: "884afe159e39b6c88a0d6102ca97d704",
        sha256: "921e82155cc02cdf78da934307c33cdca3f412d35ddb5b965482a2e029e900f4",
    },
    Vector {
        name: "{} is a body",
        action: "send",
        biz_type: "1",
        body: Body::Json(b"{}"),
        text: "accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&body={}&accessSecret=",
        md5: "8ed2a98fecff8efcc53261033d89bba7",
        sha256: "d07cd2ed8da791d89f3e464d2cf14316970cf732fabc170bbaa3b84fbed7a24e",
    },
    Vector {
        name: "a JSON body of no bytes is still signed as a body",
        action: "send",
        biz_type: "1",
        body: Body::Json(b""),
        text: "accessKey=fme2na3kdi3ki&action=send&bizType=1&ts=1655710885431&body=&accessSecret=",
        md5: "1113d2026a2cb682ba71a9a080e8ad3a",
        sha256: "5ae9e58e3386c849238fe617ded8e5fbb8317f0d06dd4d40ce894ebe3a9db235",
    },
];

impl Vector {
    fn input(&self) -> Input<'static> {
        Input {
            access_key: "fme2na3kdi3ki",
            action: self.action,
            biz_type: self.biz_type,
            ts: "1655710885431",
            body: self.body,
        }
    }
}

#[test]
fn step_1_text_to_sign() {
    for vector in VECTORS {
        assert_eq!(text_to_sign(&vector.input()), format!("{}***", vector.text), "{}", vector.name);
    }
}

#[test]
fn step_2_hash_of_the_whole_text() {
    for vector in VECTORS {
        let text = format!("{}{SECRET}", vector.text);
        assert_eq!(hex::encode(Md5::digest(&text)), vector.md5, "{}", vector.name);
        assert_eq!(hex::encode(Sha256::digest(&text)), vector.sha256, "{}", vector.name);
    }
}

#[test]
fn step_3_sign_and_verify() {
    let secret = Secret::from(SECRET);
    for vector in VECTORS {
        for (algorithm, expected) in [(Algorithm::Md5, vector.md5), (Algorithm::Sha256, vector.sha256)] {
            let signature = sign(&vector.input(), &secret, algorithm);
            assert_eq!(signature.as_str(), expected, "{} {algorithm}", vector.name);
            assert_eq!(verify(&vector.input(), &secret, algorithm, expected), Ok(()), "{}", vector.name);
        }
    }
}
