use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, LOCATION, RANGE, VARY,
};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tower_http::services::ServeDir;
use tower_http::services::fs::{DefaultServeDirFallback, ServeFileSystemResponseBody};

use super::body::FileBody;
use super::disk::Disk;
use super::names::may_be_a_file;
use super::range::Range;

/// What a folder is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The upstream's name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Whether symbolic links in it may lead out of it.
    pub follow_symlinks: bool,
}

/// A folder that requests are answered from; shared by all workers.
#[derive(Debug)]
pub struct Folder {
    settings: Settings,
    files: ServeDir<DefaultServeDirFallback, Disk>,
}

/// Conditions are lists, and lists may come in several fields.
const LISTS: [HeaderName; 2] = [IF_MATCH, IF_NONE_MATCH];

/// What else of a request decides how a file is answered.
const SINGLE: [HeaderName; 2] = [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];

impl Folder {
    /// A folder. It is looked at when the first request comes.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let disk = Disk::new(Arc::from(settings.folder.as_path()), settings.follow_symlinks);
        let files = ServeDir::with_backend(&settings.folder, disk)
            .precompressed_gzip()
            .precompressed_br()
            .precompressed_zstd()
            .ignore_multi_range_requests(true);
        Self { settings, files }
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The upstream's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.folder
    }

    /// The response to a request: a file or a part of one, or why not.
    ///
    /// # Errors
    /// What the system says where it is neither that there is no such file nor that it may not be read.
    pub async fn answer(
        &self,
        method: &Method,
        target: &PathAndQuery,
        headers: &HeaderMap,
    ) -> io::Result<Response<FileBody>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, HeaderMap::new());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        if !may_be_a_file(target.path()) {
            return Ok(refusal(StatusCode::NOT_FOUND, HeaderMap::new()));
        }
        // Only for GET there are ranges (RFC 9110, 14.2). What HEAD gets is otherwise what GET would.
        let range = range(headers).filter(|_| *method == Method::GET);
        let response = match self.part(target, headers, range).await {
            Ok(response) => finished(response, target),
            Err(error) => refusal(status(&error).ok_or(error)?, HeaderMap::new()),
        };
        Ok(if *method == Method::HEAD { response.map(FileBody::leave_out) } else { response })
    }

    /// The range of the file, or all of it where the client's part is of another version.
    async fn part(
        &self,
        target: &PathAndQuery,
        headers: &HeaderMap,
        range: Option<Range>,
    ) -> io::Result<Response<ServeFileSystemResponseBody>> {
        let response = self.ask(target, headers, range).await?;
        let Some(range) = range else { return Ok(response) };
        let status = response.status();
        if !matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) {
            return Ok(response);
        }
        if headers.get(IF_RANGE).is_some_and(|version| !is_version(version, response.headers())) {
            return self.ask(target, headers, None).await;
        }
        match range {
            // More than there is at the end is all there is.
            Range::Last(1..) if status == StatusCode::RANGE_NOT_SATISFIABLE => {
                self.ask(target, headers, Some(Range::From(0, None))).await
            }
            _ => Ok(response),
        }
    }

    async fn ask(
        &self,
        target: &PathAndQuery,
        headers: &HeaderMap,
        range: Option<Range>,
    ) -> io::Result<Response<ServeFileSystemResponseBody>> {
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from(target.clone());
        let asked = request.headers_mut();
        for coding in headers.get_all(ACCEPT_ENCODING) {
            asked.append(ACCEPT_ENCODING, coding.clone());
        }
        for name in SINGLE {
            if let Some(value) = headers.get(&name) {
                asked.insert(name, value.clone());
            }
        }
        for name in LISTS {
            if let Some(list) = joined(headers, &name) {
                asked.insert(name, list);
            }
        }
        if let Some(range) = range {
            asked.insert(RANGE, range.field());
        }
        self.files.clone().try_call(request).await
    }
}

/// The one range that is asked for.
fn range(headers: &HeaderMap) -> Option<Range> {
    let mut fields = headers.get_all(RANGE).iter();
    fields.next().and_then(Range::parse).filter(|_| fields.next().is_none())
}

/// All values of a list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_none() {
        return Some(first.clone());
    }
    let all: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).ok()
}

/// Whether `If-Range` means the file as this response shows it: by its tag, or to the letter by its date (RFC 9110,
/// 13.1.5). A weak tag means none.
fn is_version(condition: &HeaderValue, response: &HeaderMap) -> bool {
    let name = if condition.as_bytes().starts_with(b"\"") { ETAG } else { LAST_MODIFIED };
    response.get(name) == Some(condition)
}

/// Makes the response what a client of ours should get.
fn finished(response: Response<ServeFileSystemResponseBody>, target: &PathAndQuery) -> Response<FileBody> {
    let (mut head, body) = response.into_parts();
    match head.status {
        StatusCode::PARTIAL_CONTENT if length(&head.headers) == 0 => {
            // Of nothing there is no part.
            head.headers.insert(CONTENT_RANGE, HeaderValue::from_static("bytes */0"));
            head.headers.remove(CONTENT_ENCODING);
            refusal(StatusCode::RANGE_NOT_SATISFIABLE, head.headers)
        }
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
            name_charset(&mut head.headers);
            let length = length(&head.headers);
            Response::from_parts(head, FileBody::disk(body, length))
        }
        StatusCode::NOT_MODIFIED => {
            // As on the file itself.
            head.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            Response::from_parts(head, FileBody::text(""))
        }
        StatusCode::TEMPORARY_REDIRECT => match into_folder(target) {
            Some(location) => {
                head.headers.insert(LOCATION, location);
                refusal(StatusCode::MOVED_PERMANENTLY, head.headers)
            }
            None => refusal(StatusCode::NOT_FOUND, HeaderMap::new()),
        },
        status => refusal(status, head.headers),
    }
}

fn length(headers: &HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// Text is UTF-8 today; clients guess otherwise.
fn name_charset(headers: &mut HeaderMap) {
    let plain = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = plain.filter(|kind| kind.starts_with("text/") && !kind.contains(';'));
    if let Some(kind) = kind.and_then(|kind| HeaderValue::try_from(format!("{kind}; charset=utf-8")).ok()) {
        headers.insert(CONTENT_TYPE, kind);
    }
}

/// Where a folder's own page is, from the folder's name without a slash. Relative: what the client asked for may have been
/// rewritten on the way, and a path that begins with two slashes would lead to another host.
fn into_folder(target: &PathAndQuery) -> Option<HeaderValue> {
    let name = target.path().rsplit('/').next()?;
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::try_from(format!("./{name}/{query}")).ok()
}

/// A response that says its status and no more.
fn refusal(status: StatusCode, mut headers: HeaderMap) -> Response<FileBody> {
    let text = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    let mut response = Response::new(FileBody::text(text));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The status that the client gets where the system gives no file; `None` where that is nobody's doing but the gateway's.
fn status(error: &io::Error) -> Option<StatusCode> {
    match error.kind() {
        io::ErrorKind::NotFound => Some(StatusCode::NOT_FOUND),
        io::ErrorKind::PermissionDenied => Some(StatusCode::FORBIDDEN),
        _ => None,
    }
}
