//! The texts that go with submit and query codes, as the documents word them.
//!
//! For people only. Nothing may compare them: the platform's own samples differ from its table.

use numcheck_protocol::Lang;
use numcheck_protocol::number_check::{QueryCode, SubmitCode};

pub(crate) fn submit_text(code: SubmitCode) -> &'static str {
    match code.get() {
        // The table says "Success", the sample "success".
        0 => "success",
        201 => "Parameter error or empty",
        202 => "Application not available or incorrect appkey",
        203 => "Country operator information not recognized",
        204 => "Exception in customer deduction interface",
        205 => "No application pricing found",
        206 => "Exception in request check business interface",
        207 => "Invalid check type",
        210 => {
            "Inconsistent customer information corresponding to the authentication mechanism and the customer \
             information corresponding to the appkey"
        }
        211 => "Insufficient customer balance",
        212 => "Batch number length cannot exceed 64 characters",
        288 => "Request failed",
        299 => "System error",
        _ => code.meaning(Lang::En),
    }
}

pub(crate) fn query_text(code: QueryCode) -> &'static str {
    match code {
        QueryCode::FOUND => "Request successful",
        QueryCode::BAD_APPKEY => submit_text(SubmitCode::BAD_APPKEY),
        QueryCode::CUSTOMER_MISMATCH => submit_text(SubmitCode::CUSTOMER_MISMATCH),
        _ => code.meaning(Lang::En),
    }
}
