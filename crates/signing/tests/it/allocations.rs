//! To sign and to verify allocates nothing. In a binary of its own, because it replaces the global allocator.

use numcheck_signing::{
    Algorithm, Body, Input, Secret, check_freshness, sign, text_to_sign, verify, verify_request,
};

#[test]
fn signing_allocates_nothing_and_copies_no_body() {
    let body = vec![b'7'; 100_000];
    let secret = Secret::from("abciiiko2k3");
    for body in [Body::Json(&body), Body::Empty, Body::Multipart] {
        let input =
            Input { access_key: "key", action: "numbercheck", biz_type: "1", ts: "1655710885431", body };
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let counted = allocation_counter::measure(|| {
                let signature = sign(&input, &secret, algorithm);
                verify(&input, &secret, algorithm, signature.as_str()).expect("its own signature");
                check_freshness(input.ts, 1_655_710_885_431, 60_000).expect("now");
            });
            assert_eq!(counted.count_total, 0, "{counted:?}");
        }
        let counted = allocation_counter::measure(|| drop(text_to_sign(&input)));
        assert!(counted.count_total > 0, "the counter counts: {counted:?}");
    }
}

#[test]
fn verifying_a_request_allocates_nothing() {
    let body = br#"{"phone":"8521234567"}"#;
    let secret = Secret::from("abciiiko2k3");
    let ts = "1655710885431";
    let input = Input { access_key: "key", action: "numbercheck", biz_type: "1", ts, body: Body::Json(body) };
    let sign = sign(&input, &secret, Algorithm::Md5);
    let fields: [(&str, &[u8]); 6] = [
        ("Host", b"h"),
        ("Accesskey", b"key"),
        ("Ts", ts.as_bytes()),
        ("Biztype", b"1"),
        ("Action", b"numbercheck"),
        ("Sign", sign.as_str().as_bytes()),
    ];
    let counted = allocation_counter::measure(|| {
        verify_request(fields, body, 1_655_710_885_431, |_| Some(&secret)).expect("its own signature");
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}
