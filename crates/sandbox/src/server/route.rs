//! Which endpoint a path belongs to.
//!
//! It knows paths and methods, from the protocol's own declarations; it must not look at anything else of a request.

use hyper::Method;
use numcheck_protocol::number_check::{Get, Query, Submit};
use numcheck_protocol::qxt::Privacy;
use numcheck_protocol::whatsapp::{CheckCode, CreateApp, CreateClient, GetCode, Login, PhoneList};
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
    Inbox,
    Health,
}

/// NXCLOUD's endpoints.
static NXCLOUD: &[(Operation, Info)] = &[
    (Operation::Submit, Submit::INFO),
    (Operation::Query, Query::INFO),
    (Operation::Get, Get::INFO),
    (Operation::Login, Login::INFO),
    (Operation::CreateApp, CreateApp::INFO),
    (Operation::PhoneList, PhoneList::INFO),
    (Operation::GetCode, GetCode::INFO),
    (Operation::CheckCode, CheckCode::INFO),
    (Operation::CreateClient, CreateClient::INFO),
];
const PRIVACY: Info = Privacy::INFO;

/// Every path of a platform's port, for whoever asked for another one.
pub(crate) fn paths(platform: Platform) -> Vec<String> {
    let page = |path: &str| format!("GET {path}");
    match platform {
        Platform::Qxt => vec![format!("GET or POST {}", PRIVACY.path)],
        _ => {
            let endpoints = NXCLOUD.iter().map(|(_, info)| format!("POST {}", info.path));
            let pages = [
                "/",
                "/_sandbox/journal.json",
                "/_sandbox/ledger.json",
                "/_sandbox/tally.json",
                "/_sandbox/inbox.json",
                "/_sandbox/health",
            ];
            endpoints.chain(pages.into_iter().map(page)).collect()
        }
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
    if let Some((operation, info)) = NXCLOUD.iter().find(|(_, info)| info.path == path) {
        return if method == Method::POST {
            Route::Endpoint(*operation, info)
        } else {
            Route::WrongMethod("POST")
        };
    }
    let page = match path {
        "/" | "/_sandbox" | "/_sandbox/" => Page::Status,
        "/_sandbox/journal.json" => Page::Journal,
        "/_sandbox/ledger.json" => Page::Ledger,
        "/_sandbox/tally.json" => Page::Tally,
        "/_sandbox/inbox.json" => Page::Inbox,
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
