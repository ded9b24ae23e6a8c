//! Which endpoint a path belongs to.
//!
//! It knows paths and methods, from the protocol's own declarations; it must not look at anything else of a request.

use hyper::Method;
use numcheck_protocol::number_check::{Get, Query, Submit};
use numcheck_protocol::qxt::Privacy;
use numcheck_protocol::whatsapp::CheckCode;
use numcheck_protocol::{Endpoint, Info, Platform};

use crate::faults::Operation;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To an endpoint of a platform.
    Endpoint(Operation, &'static Info),
    /// To the sandbox's own page.
    Page(Page),
    /// Nowhere: the path exists, but not with this method. The methods that it has.
    WrongMethod(&'static str),
    /// Nowhere.
    Nowhere,
}

/// The sandbox's own pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Status,
    Journal,
    Ledger,
    Tally,
    Health,
}

const SUBMIT: Info = Submit::INFO;
const QUERY: Info = Query::INFO;
const GET: Info = Get::INFO;
const CHECK_CODE: Info = CheckCode::INFO;
const PRIVACY: Info = Privacy::INFO;

/// Every path of a platform's port, for whoever asked for another one.
pub(crate) fn paths(platform: Platform) -> Vec<String> {
    let page = |path: &str| format!("GET {path}");
    match platform {
        Platform::Qxt => vec![format!("GET or POST {}", PRIVACY.path)],
        _ => vec![
            format!("POST {}", SUBMIT.path),
            format!("POST {}", QUERY.path),
            format!("POST {}", GET.path),
            format!("POST {}", CHECK_CODE.path),
            page("/"),
            page("/_sandbox/journal.json"),
            page("/_sandbox/ledger.json"),
            page("/_sandbox/tally.json"),
            page("/_sandbox/health"),
        ],
    }
}

/// Finds where a request goes. Paths are exact, but for QXT's, whose own documents spell it in two ways.
pub(crate) fn route(platform: Platform, method: &Method, path: &str) -> Route {
    match platform {
        Platform::Qxt if path.eq_ignore_ascii_case(PRIVACY.path) => match *method {
            Method::GET | Method::POST => Route::Endpoint(Operation::Privacy, &PRIVACY),
            _ => Route::WrongMethod("GET, POST"),
        },
        Platform::Qxt => Route::Nowhere,
        _ => nxcloud(method, path),
    }
}

fn nxcloud(method: &Method, path: &str) -> Route {
    let endpoint = match path {
        path if path == SUBMIT.path => Some((Operation::Submit, &SUBMIT)),
        path if path == QUERY.path => Some((Operation::Query, &QUERY)),
        path if path == GET.path => Some((Operation::Get, &GET)),
        path if path == CHECK_CODE.path => Some((Operation::CheckCode, &CHECK_CODE)),
        _ => None,
    };
    if let Some((operation, info)) = endpoint {
        return if method == Method::POST {
            Route::Endpoint(operation, info)
        } else {
            Route::WrongMethod("POST")
        };
    }
    let page = match path {
        "/" | "/_sandbox" | "/_sandbox/" => Page::Status,
        "/_sandbox/journal.json" => Page::Journal,
        "/_sandbox/ledger.json" => Page::Ledger,
        "/_sandbox/tally.json" => Page::Tally,
        "/_sandbox/health" => Page::Health,
        _ => return Route::Nowhere,
    };
    if method == Method::GET { Route::Page(page) } else { Route::WrongMethod("GET") }
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use numcheck_protocol::Platform;

    use super::{Page, Route, paths, route};
    use crate::faults::Operation;

    #[test]
    fn qxt_is_served_without_regard_to_case_and_by_both_methods() {
        for path in ["/ssPhone_Privacy", "/ssphone_privacy", "/SSPHONE_PRIVACY"] {
            for method in [Method::GET, Method::POST] {
                let found = route(Platform::Qxt, &method, path);
                assert!(matches!(found, Route::Endpoint(Operation::Privacy, _)), "{path}");
            }
        }
        assert_eq!(route(Platform::Qxt, &Method::PUT, "/ssPhone_Privacy"), Route::WrongMethod("GET, POST"));
        assert_eq!(route(Platform::Nxcloud, &Method::POST, "/ssPhone_Privacy"), Route::Nowhere);
    }

    #[test]
    fn every_path_that_is_named_to_a_lost_caller_exists() {
        for platform in [Platform::Nxcloud, Platform::Qxt] {
            for line in paths(platform) {
                let (methods, path) = line.rsplit_once(' ').unwrap();
                let method: Method = methods.rsplit(' ').next().unwrap().parse().unwrap();
                let found = route(platform, &method, path);
                assert!(matches!(found, Route::Endpoint(..) | Route::Page(_)), "{line}");
            }
        }
    }

    #[test]
    fn nxclouds_paths_are_exact_and_posted() {
        assert_eq!(route(Platform::Nxcloud, &Method::GET, "/api/number/check"), Route::WrongMethod("POST"));
        assert_eq!(route(Platform::Nxcloud, &Method::POST, "/api/number/Check"), Route::Nowhere);
        assert_eq!(route(Platform::Nxcloud, &Method::GET, "/"), Route::Page(Page::Status));
    }
}
