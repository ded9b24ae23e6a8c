//! Tables of result codes: whose they are, and which failures pass with time.

use super::{finding, findings};

#[test]
fn an_endpoint_and_its_codes_name_each_other() {
    let found = findings("endpoint = \"teapot.brew\"", "");
    assert!(found[0].ends_with("BrewCode does not name the endpoint `teapot.brew`"), "{found:?}");
    assert!(
        finding("auth = \"ApiKey\"", "auth = { biz_type = \"1\", action = \"brew\" }")
            .starts_with("a signed endpoint answers authentication codes too")
    );
}

#[test]
fn what_passes_with_time_is_a_failure_and_as_sure_as_it_says() {
    assert!(
        finding("passes_sure = \"assumed\"\n", "")
            .ends_with("how sure `passes` is must be said: `passes_sure`")
    );
    let success = "class = \"success\", charged = \"yes\"";
    assert!(
        finding(success, &format!("{success}, passes = \"yes\""))
            .ends_with("only a failure passes with time")
    );
}
