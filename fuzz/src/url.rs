//! Joining: the base path of an endpoint and the target of a request become one target of that endpoint and no other.

use gatewright::config::{EndpointPlace, EndpointUrl};
use gatewright::proxy::join;
use http::Uri;
use http::uri::{Authority, PathAndQuery};

/// Reads the first line of `data` as the URL of an endpoint, the rest as the target of a request.
pub fn holds(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(url) = std::str::from_utf8(&data[..end]) else { return };
    let Ok(url) = EndpointUrl::parse(url) else { return };
    endpoint(&url);
    // No longer one comes in, whatever `max_uri` says.
    let Some(target) = data.get(end + 1..).filter(|target| target.len() <= 63 << 10) else { return };
    let Ok(target) = PathAndQuery::try_from(target) else { return };
    joins(&url, &target);
}

/// The endpoint is where its URL says, and nothing in it is a second address.
fn endpoint(url: &EndpointUrl) {
    let base = &url.base_path;
    assert!(base.is_empty() || (base.starts_with('/') && !base.ends_with('/')), "{base:?}");
    let EndpointPlace::Host { host, port, .. } = &url.place else { return };
    let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authority: Authority = address.parse().unwrap_or_else(|_| panic!("{address:?} of {url:?}"));
    assert_eq!(authority.port_u16(), Some(*port));
    assert_eq!(authority.host().trim_matches(['[', ']']), host);
    assert!(!address.contains(['@', '/', '?', '#', '\\', ' ']), "{address:?}");
    assert_eq!(
        EndpointUrl::parse(&format!("http://{address}{base}")).map(|again| again.base_path),
        Ok(base.clone())
    );
}

fn joins(url: &EndpointUrl, target: &PathAndQuery) {
    let base = url.base_path.as_str();
    let joined = match join(base, target) {
        None if base.is_empty() => target.clone(),
        joined => joined.unwrap_or_else(|| panic!("{base:?} and {target:?} cannot be joined")),
    };
    assert!(joined.as_str().bytes().all(|byte| byte > b' ' && byte != 0x7f), "{joined:?}");
    let after =
        joined.as_str().strip_prefix(base).unwrap_or_else(|| panic!("{joined:?} is not below {base:?}"));
    match base {
        "" => assert_eq!(after, target.as_str()),
        _ => {
            let after =
                after.strip_prefix('/').unwrap_or_else(|| panic!("no slash after {base:?} in {joined:?}"));
            assert_eq!(after, target.as_str().strip_prefix('/').unwrap_or(target.as_str()));
        }
    }
    // The query is the request's, escapes and all.
    assert_eq!(joined.query(), target.query());
    let uri = Uri::from(joined);
    assert!(uri.authority().is_none() && uri.scheme().is_none(), "{uri:?}");
}
