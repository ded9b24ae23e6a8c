//! Which endpoint a path belongs to, by the protocol's own declarations.

use hyper::Method;
use numcheck_protocol::{Info, Method as Documented, Platform};

use crate::faults::Operation;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To an endpoint of a platform.
    Endpoint(Operation, &'static Info),
    /// To the sandbox's own page.
    Page(Page),
    /// Nowhere: the path exists, but not with this method. The methods that it has.
    WrongMethod(String),
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
    Privacy,
    Inbox,
    Health,
}

/// The sandbox's own pages on a platform's port, and their paths.
fn pages(platform: Platform) -> &'static [(&'static str, Page)] {
    match platform {
        Platform::Nxcloud => &[
            ("/", Page::Status),
            ("/_sandbox", Page::Status),
            ("/_sandbox/", Page::Status),
            ("/_sandbox/journal.json", Page::Journal),
            ("/_sandbox/ledger.json", Page::Ledger),
            ("/_sandbox/tally.json", Page::Tally),
            ("/_sandbox/privacy.json", Page::Privacy),
            ("/_sandbox/inbox.json", Page::Inbox),
            ("/_sandbox/health", Page::Health),
        ],
        Platform::Qxt => &[],
    }
}

/// Paths are exact, but for QXT's, whose own documents spell it in two ways, unless `qxt_path` is the one spelling.
fn is_path(platform: Platform, info: &Info, qxt_path: Option<&str>, path: &str) -> bool {
    match (platform, qxt_path) {
        (Platform::Nxcloud, _) => info.path == path,
        (Platform::Qxt, Some(only)) => only == path,
        (Platform::Qxt, None) => info.path.eq_ignore_ascii_case(path),
    }
}

fn methods(info: &Info) -> impl Iterator<Item = &'static str> {
    std::iter::once(&info.method).chain(info.also).map(|method| match method {
        Documented::Get => "GET",
        Documented::Post => "POST",
    })
}

/// Every path of a platform's port, for whoever asked for another one.
pub(crate) fn paths(platform: Platform, qxt_path: Option<&str>) -> Vec<String> {
    let path = |info: &'static Info| qxt_path.filter(|_| platform == Platform::Qxt).unwrap_or(info.path);
    let paths = platform
        .endpoints()
        .map(|info| format!("{} {}", methods(info).collect::<Vec<_>>().join(" or "), path(info)));
    paths.chain(pages(platform).iter().map(|(path, _)| format!("GET {path}"))).collect()
}

/// Finds where a request goes.
pub(crate) fn route(platform: Platform, qxt_path: Option<&str>, method: &Method, path: &str) -> Route {
    if let Some(info) = platform.endpoints().find(|info| is_path(platform, info, qxt_path, path)) {
        return match Operation::of(info) {
            Some(operation) if methods(info).any(|known| known == method.as_str()) => {
                Route::Endpoint(operation, info)
            }
            Some(_) => Route::WrongMethod(methods(info).collect::<Vec<_>>().join(", ")),
            None => Route::Nowhere,
        };
    }
    match pages(platform).iter().find(|(known, _)| *known == path) {
        Some((_, page)) if method == Method::GET => Route::Page(*page),
        Some(_) => Route::WrongMethod("GET".to_owned()),
        None => Route::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use numcheck_protocol::{Platform, endpoints};

    use super::{Page, Route, paths, route};
    use crate::faults::Operation;

    #[test]
    fn qxt_is_served_without_regard_to_case_and_by_both_methods() {
        for path in ["/ssPhone_Privacy", "/ssphone_privacy", "/SSPHONE_PRIVACY"] {
            for method in [Method::GET, Method::POST] {
                let found = route(Platform::Qxt, None, &method, path);
                assert!(matches!(found, Route::Endpoint(Operation::Privacy, _)), "{path}");
            }
        }
        assert_eq!(
            route(Platform::Qxt, None, &Method::PUT, "/ssPhone_Privacy"),
            Route::WrongMethod("POST, GET".to_owned())
        );
        assert_eq!(route(Platform::Nxcloud, None, &Method::POST, "/ssPhone_Privacy"), Route::Nowhere);
    }

    #[test]
    fn a_path_of_its_own_is_the_only_one_in_the_only_spelling() {
        let found = |path| route(Platform::Qxt, Some("/ssphone_privacy"), &Method::POST, path);
        assert!(matches!(found("/ssphone_privacy"), Route::Endpoint(Operation::Privacy, _)));
        assert_eq!(found("/ssPhone_Privacy"), Route::Nowhere);
    }

    #[test]
    fn every_path_that_is_named_to_a_lost_caller_exists() {
        for (&platform, qxt_path) in Platform::ALL.iter().zip([None, Some("/own")]) {
            for line in paths(platform, qxt_path) {
                let (methods, path) = line.rsplit_once(' ').unwrap();
                let method: Method = methods.rsplit(' ').next().unwrap().parse().unwrap();
                let found = route(platform, qxt_path, &method, path);
                assert!(matches!(found, Route::Endpoint(..) | Route::Page(_)), "{line}");
            }
        }
    }

    #[test]
    fn every_endpoint_of_the_spec_is_served() {
        for info in endpoints() {
            let found = route(info.platform, None, &Method::POST, info.path);
            assert!(matches!(found, Route::Endpoint(..)), "{}: {found:?}", info.id);
        }
    }

    #[test]
    fn nxclouds_paths_are_exact_and_posted() {
        assert_eq!(
            route(Platform::Nxcloud, None, &Method::GET, "/api/number/check"),
            Route::WrongMethod("POST".to_owned())
        );
        assert_eq!(route(Platform::Nxcloud, None, &Method::POST, "/api/number/Check"), Route::Nowhere);
        assert_eq!(route(Platform::Nxcloud, None, &Method::GET, "/"), Route::Page(Page::Status));
    }
}
