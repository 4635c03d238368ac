//! What a folder answers, over HTTP/1.1 and HTTP/2.

use http::{HeaderMap, Version};

use super::{CHANGED, SITE, site};
use crate::support::{self, Gateway, Http2, Request, each_row, get2, whole};

/// A request, and what its response must be.
struct Row {
    what: &'static str,
    method: &'static str,
    target: &'static str,
    fields: &'static [(&'static str, &'static str)],
    status: u16,
    /// Fields that it must have; without a value, those that it must not have.
    expected: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const fn get(what: &'static str, target: &'static str, status: u16, body: &'static str) -> Row {
    Row { what, method: "GET", target, fields: &[], status, expected: &[], body }
}

impl Row {
    const fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    const fn with(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }

    const fn has(self, expected: &'static [(&'static str, &'static str)]) -> Self {
        Self { expected, ..self }
    }
}

const NOT_FOUND: &str = "404 Not Found\n";
const TEN: &str = "0123456789";

const FOUND: &[Row] = &[
    get("a file", "/ten.txt", 200, TEN).has(&[
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "10"),
        ("last-modified", CHANGED),
        ("etag", "<etag>"),
        ("accept-ranges", "bytes"),
        ("vary", "accept-encoding"),
        ("content-encoding", ""),
    ]),
    get("the query means nothing", "/ten.txt?a=..%2f", 200, TEN),
    get("repeated slashes are one", "//ten.txt", 200, TEN),
    get("HEAD gets what GET would, without the body", "/ten.txt", 200, "").by("HEAD").has(&[
        ("content-length", "10"),
        ("etag", "<etag>"),
        ("content-type", "text/plain; charset=utf-8"),
    ]),
    get("an empty file", "/empty.txt", 200, "").has(&[("content-length", "0")]),
    get("a file of no known kind", "/plain", 200, "no extension")
        .has(&[("content-type", "application/octet-stream")]),
    get("a script", "/app.js", 200, "plain").has(&[("content-type", "text/javascript; charset=utf-8")]),
    get("a name with escapes", "/a%20b/%C3%BC.txt", 200, "umlaut"),
    get("a name with dots in it", "/a..b", 200, "dots inside"),
    get("a link to a file inside", "/inside", 200, TEN),
    get("a link upwards to a file inside", "/docs/up", 200, TEN),
    get("an absolute link to a file inside", "/absolute", 200, TEN),
    get("a link that leads out and in again", "/parent/public/ten.txt", 200, TEN),
    get("what is for the public although it begins with a dot", "/.well-known/security.txt", 200, "contact"),
    get("the page of the folder", "/", 200, "<h1>home</h1>")
        .has(&[("content-type", "text/html; charset=utf-8")]),
    get("the page of a folder inside", "/docs/", 200, "docs"),
    get("the page by its own name", "/docs/index.html", 200, "docs"),
    get("a folder without a slash", "/docs", 301, "301 Moved Permanently\n").has(&[("location", "./docs/")]),
    get("a folder without a slash keeps the query", "/docs?a=b%20c&d", 301, "301 Moved Permanently\n")
        .has(&[("location", "./docs/?a=b%20c&d")]),
    get("a folder without a slash leads to no other host", "//docs", 301, "301 Moved Permanently\n")
        .has(&[("location", "./docs/")]),
    get("a folder whose name looks like a scheme", "/a:b", 301, "301 Moved Permanently\n")
        .has(&[("location", "./a:b/")]),
];

const NOT_THERE: &[Row] = &[
    get("no such file", "/no-such-file", 404, NOT_FOUND)
        .has(&[("content-type", "text/plain; charset=utf-8"), ("content-length", "14")]),
    get("no such folder", "/no/such/file", 404, NOT_FOUND),
    get("HEAD of no such file", "/no-such-file", 404, "").by("HEAD"),
    get("a folder without a page", "/bare/", 404, NOT_FOUND),
    get("a file with a slash behind it", "/ten.txt/", 404, NOT_FOUND),
    get("a file as a folder", "/ten.txt/x", 404, NOT_FOUND),
    get("dots", "/docs/../ten.txt", 404, ""),
    get("dots at the front", "/../secret.txt", 404, ""),
    get("escaped dots", "/%2e%2e/secret.txt", 404, ""),
    get("escaped dots and slashes", "/..%2fsecret.txt", 404, ""),
    get("an escaped slash", "/docs%2findex.html", 404, NOT_FOUND),
    get("dots and a backslash", "/..%5csecret.txt", 404, ""),
    get("a backslash", "/docs%5cindex.html", 404, NOT_FOUND),
    get("an absolute path", "//etc/passwd", 404, NOT_FOUND),
    get("an escaped absolute path", "/%2fetc/passwd", 404, NOT_FOUND),
    get("bytes that are no UTF-8", "/%ff%fe", 404, NOT_FOUND),
    get("a name that begins with a dot", "/.env", 404, NOT_FOUND),
    get("the same, escaped", "/%2eenv", 404, NOT_FOUND),
    get("a name that begins with two dots", "/..a", 404, NOT_FOUND),
    get("a file in a folder that begins with a dot", "/.git/config", 404, NOT_FOUND),
    get("a folder that begins with a dot", "/.git", 404, NOT_FOUND),
    get("a link that leads out", "/outside", 404, NOT_FOUND),
    get("a file below a link that leads out", "/parent/secret.txt", 404, NOT_FOUND),
    get("a link to a folder outside", "/parent", 404, NOT_FOUND),
    get("the same with a slash", "/parent/", 404, NOT_FOUND),
    get("a link in a circle", "/loop", 404, NOT_FOUND),
    get("a link to nothing", "/nothing", 404, NOT_FOUND),
    get("a pipe that nobody writes to", "/pipe", 404, NOT_FOUND),
    get("another method", "/ten.txt", 405, "405 Method Not Allowed\n")
        .by("POST")
        .has(&[("allow", "GET, HEAD")]),
    get("another method where nothing is", "/no-such-file", 405, "405 Method Not Allowed\n").by("DELETE"),
    get("a question about methods", "/ten.txt", 405, "405 Method Not Allowed\n").by("OPTIONS"),
];

const RANGES: &[Row] = &[
    get("the first bytes", "/ten.txt", 206, "012").with(&[("range", "bytes=0-2")]).has(&[
        ("content-range", "bytes 0-2/10"),
        ("content-length", "3"),
        ("etag", "<etag>"),
        ("content-type", "text/plain; charset=utf-8"),
    ]),
    get("one byte", "/ten.txt", 206, "5").with(&[("range", "bytes=5-5")]),
    get("from a byte on", "/ten.txt", 206, "789").with(&[("range", "bytes=7-")]),
    get("the last bytes", "/ten.txt", 206, "89")
        .with(&[("range", "bytes=-2")])
        .has(&[("content-range", "bytes 8-9/10")]),
    get("more of the last bytes than there are", "/ten.txt", 206, TEN)
        .with(&[("range", "bytes=-99")])
        .has(&[("content-range", "bytes 0-9/10")]),
    get("past the end", "/ten.txt", 206, "89")
        .with(&[("range", "bytes=8-99999999999999999999")])
        .has(&[("content-range", "bytes 8-9/10")]),
    get("leading zeros", "/ten.txt", 206, "12").with(&[("range", "bytes=001-02")]),
    get("behind the end", "/ten.txt", 416, "416 Range Not Satisfiable\n")
        .with(&[("range", "bytes=10-")])
        .has(&[("content-range", "bytes */10")]),
    get("no bytes at the end", "/ten.txt", 416, "416 Range Not Satisfiable\n").with(&[("range", "bytes=-0")]),
    get("a range of an empty file", "/empty.txt", 416, "416 Range Not Satisfiable\n")
        .with(&[("range", "bytes=0-")]),
    get("the last bytes of an empty file", "/empty.txt", 416, "416 Range Not Satisfiable\n")
        .with(&[("range", "bytes=-5")]),
    get("no range at all", "/ten.txt", 416, "416 Range Not Satisfiable\n").with(&[("range", "bytes=a-b")]),
    get("backwards", "/ten.txt", 416, "416 Range Not Satisfiable\n").with(&[("range", "bytes=5-2")]),
    get("several ranges are answered with all", "/ten.txt", 200, TEN).with(&[("range", "bytes=0-1,4-5")]),
    get("ranges in two fields, too", "/ten.txt", 200, TEN)
        .with(&[("range", "bytes=0-1"), ("range", "bytes=4-5")]),
    get("another unit is ignored", "/ten.txt", 200, TEN).with(&[("range", "items=0-1")]),
    get("HEAD knows no ranges", "/ten.txt", 200, "")
        .by("HEAD")
        .with(&[("range", "bytes=0-1")])
        .has(&[("content-length", "10"), ("content-range", "")]),
    get("a range of the same version", "/ten.txt", 206, "01")
        .with(&[("range", "bytes=0-1"), ("if-range", "<etag>")]),
    get("a range of the same version by its date", "/ten.txt", 206, "01")
        .with(&[("range", "bytes=0-1"), ("if-range", CHANGED)]),
    get("a range of another version", "/ten.txt", 200, TEN)
        .with(&[("range", "bytes=0-1"), ("if-range", "\"another\"")])
        .has(&[("content-range", "")]),
    get("a range of another date", "/ten.txt", 200, TEN)
        .with(&[("range", "bytes=0-1"), ("if-range", "Sun, 06 Nov 1994 08:49:38 GMT")]),
    get("a range of a weak version", "/ten.txt", 200, TEN)
        .with(&[("range", "bytes=0-1"), ("if-range", "W/<etag>")]),
    get("what cannot be had of another version", "/ten.txt", 200, TEN)
        .with(&[("range", "bytes=50-"), ("if-range", "\"another\"")]),
    get("a range of what is compressed", "/app.js", 206, "brotli")
        .with(&[("range", "bytes=3-"), ("accept-encoding", "br")])
        .has(&[("content-encoding", "br"), ("content-range", "bytes 3-8/9")]),
];

const CONDITIONS: &[Row] = &[
    get("the client has it", "/ten.txt", 304, "").with(&[("if-none-match", "<etag>")]).has(&[
        ("etag", "<etag>"),
        ("last-modified", CHANGED),
        ("vary", "accept-encoding"),
        ("content-length", ""),
    ]),
    get("the client has it, weakly", "/ten.txt", 304, "").with(&[("if-none-match", "W/<etag>")]),
    get("the client has one of a few", "/ten.txt", 304, "").with(&[("if-none-match", "\"a\", <etag>")]),
    get("the client has one of a few, in fields", "/ten.txt", 304, "")
        .with(&[("if-none-match", "\"a\""), ("if-none-match", "<etag>")]),
    get("the client has any", "/ten.txt", 304, "").with(&[("if-none-match", "*")]),
    get("the client has it, asked by HEAD", "/ten.txt", 304, "")
        .by("HEAD")
        .with(&[("if-none-match", "<etag>")]),
    get("the client has another", "/ten.txt", 200, TEN).with(&[("if-none-match", "\"a\"")]),
    get("not changed since", "/ten.txt", 304, "").with(&[("if-modified-since", CHANGED)]),
    get("changed since", "/ten.txt", 200, TEN)
        .with(&[("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")]),
    get("a date that is none", "/ten.txt", 200, TEN).with(&[("if-modified-since", "yesterday")]),
    get("a version counts more than a date", "/ten.txt", 200, TEN)
        .with(&[("if-none-match", "\"a\""), ("if-modified-since", CHANGED)]),
    get("only if it is still that version", "/ten.txt", 200, TEN).with(&[("if-match", "<etag>")]),
    get("only if it is still another", "/ten.txt", 412, "412 Precondition Failed\n")
        .with(&[("if-match", "\"a\"")]),
    get("only if it is weakly that version", "/ten.txt", 412, "412 Precondition Failed\n")
        .with(&[("if-match", "W/<etag>")]),
    get("only if not changed since", "/ten.txt", 200, TEN).with(&[("if-unmodified-since", CHANGED)]),
    get("only if not changed, but it was", "/ten.txt", 412, "412 Precondition Failed\n")
        .with(&[("if-unmodified-since", "Sun, 06 Nov 1994 08:49:36 GMT")]),
    get("a condition comes before a range", "/ten.txt", 304, "")
        .with(&[("if-none-match", "<etag>"), ("range", "bytes=0-1")]),
    get("a condition on what is not there", "/no-such-file", 404, NOT_FOUND).with(&[("if-none-match", "*")]),
];

const CODINGS: &[Row] = &[
    get("the smallest of all", "/app.js", 200, "as zstandard")
        .with(&[("accept-encoding", "gzip, deflate, br, zstd")])
        .has(&[
            ("content-encoding", "zstd"),
            ("content-type", "text/javascript; charset=utf-8"),
            ("content-length", "12"),
            ("vary", "accept-encoding"),
        ]),
    get("what browsers take", "/app.js", 200, "as brotli").with(&[("accept-encoding", "gzip, deflate, br")]),
    get("the one that the client prefers", "/app.js", 200, "as gzip")
        .with(&[("accept-encoding", "gzip, br;q=0.5")]),
    get("in fields", "/app.js", 200, "as gzip")
        .with(&[("accept-encoding", "br;q=0"), ("accept-encoding", "gzip")]),
    get("one that the client does not take", "/app.js", 200, "as gzip")
        .with(&[("accept-encoding", "br;q=0, gzip")]),
    get("one that is not there", "/style.css", 200, "as gzip")
        .with(&[("accept-encoding", "br, gzip;q=0.5")])
        .has(&[("content-encoding", "gzip"), ("content-type", "text/css; charset=utf-8")]),
    get("none that is there", "/style.css", 200, "plain")
        .with(&[("accept-encoding", "br")])
        .has(&[("content-encoding", ""), ("vary", "accept-encoding")]),
    get("plain is preferred", "/app.js", 200, "plain").with(&[("accept-encoding", "identity, gzip;q=0.5")]),
    get("unknown codings", "/app.js", 200, "plain").with(&[("accept-encoding", "compress, *")]),
    get("asked by HEAD", "/app.js", 200, "")
        .by("HEAD")
        .with(&[("accept-encoding", "br")])
        .has(&[("content-encoding", "br"), ("content-length", "9")]),
    get("the page of a folder", "/docs/", 200, "docs as gzip")
        .with(&[("accept-encoding", "gzip")])
        .has(&[("content-type", "text/html; charset=utf-8")]),
    get("by its own name it is no coding", "/app.js.gz", 200, "as gzip")
        .has(&[("content-encoding", ""), ("content-type", "application/gzip")]),
    get("one that leads out", "/leads.txt", 200, "plain")
        .with(&[("accept-encoding", "gzip")])
        .has(&[("content-encoding", "")]),
    get("nothing has no codings", "/no-such-file", 404, NOT_FOUND).with(&[("accept-encoding", "gzip")]),
];

#[test]
fn a_folder_answers_by_its_files() {
    hold(&site(SITE).start(), FOUND);
}

#[test]
fn what_is_not_there_or_not_the_publics_is_not_found() {
    hold(&site(SITE).start(), NOT_THERE);
}

#[test]
fn a_name_that_no_file_can_have_is_not_found() {
    let gateway = site(SITE).start();
    let rows = [("a name", 300), ("one that has no room for .gz", 254), ("a path", 5000)];
    each_row(rows, |(_, length)| {
        let target = format!("/{}", "a".repeat(length));
        let answer = gateway.ask(Request::get(&target).with("accept-encoding", "gzip"));
        assert_eq!((answer.status(), answer.text().as_str()), (404, NOT_FOUND));
    });
}

#[test]
fn a_nul_ends_no_name() {
    let gateway = site(SITE).start();
    let mut client = Http2::connect(gateway.address());
    each_row(["/ten.txt%00", "/plain%00.html"], |target| {
        // Over HTTP/1.1 it does not come so far.
        assert_eq!(gateway.get(target).status(), 400);
        assert_eq!(client.ask(get2(target)).status(), 404);
    });
}

#[test]
fn ranges_are_as_rfc_9110_has_them() {
    hold(&site(SITE).start(), RANGES);
}

#[test]
fn conditions_are_as_rfc_9110_has_them() {
    hold(&site(SITE).start(), CONDITIONS);
}

#[test]
fn files_compressed_beforehand_are_sent_to_who_takes_them() {
    hold(&site(SITE).start(), CODINGS);
}

/// Asks over both protocols, each on one connection: a body of the wrong length would spoil the next answer.
#[track_caller]
fn hold(gateway: &Gateway, rows: &[Row]) {
    let etag = gateway.get("/ten.txt").get("etag").unwrap().to_owned();
    let (mut one, mut two) = (None, None);
    each_row(rows.iter().flat_map(|row| PROTOCOLS.map(|protocol| (row, protocol))), |(row, protocol)| {
        let fields = row.fields(&etag);
        let (status, headers, body) = match protocol {
            Version::HTTP_11 => {
                let mut client = one.take().unwrap_or_else(|| gateway.connect());
                let request = Request::new(row.method, row.target);
                let answer = client.ask(fields.iter().fold(request, |request, (n, v)| request.with(n, v)));
                one = Some(client);
                let field =
                    |(name, value): &(String, String)| (name.try_into().unwrap(), value.try_into().unwrap());
                (answer.status(), answer.fields.iter().map(field).collect(), answer.text())
            }
            _ => {
                let mut client = two.take().unwrap_or_else(|| Http2::connect(gateway.address()));
                let target = format!("http://gateway.test{}", row.target);
                let request = http::Request::builder().method(row.method).uri(target);
                let request = fields.iter().fold(request, |request, (n, v)| request.header(*n, v));
                let answer = client.ask(request.body(whole("")).unwrap());
                two = Some(client);
                (answer.status(), answer.head.headers.clone(), answer.text())
            }
        };
        row.check(status, &headers, &body, &etag);
    });
}

const PROTOCOLS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// A row, and over which protocol it is asked.
impl support::Row for (&Row, Version) {
    fn sentence(&self) -> String {
        format!("{} over {:?}", self.0.what, self.1)
    }
}

impl Row {
    /// The fields of its request.
    fn fields(&self, etag: &str) -> Vec<(&'static str, String)> {
        self.fields.iter().map(|(name, value)| (*name, value.replace("<etag>", etag))).collect()
    }

    #[track_caller]
    fn check(&self, status: u16, fields: &HeaderMap, body: &str, etag: &str) {
        let case = format!("{} {}: {status} {fields:?} {body:?}", self.method, self.target);
        assert_eq!(status, self.status, "{case}");
        // Where no route matches, the gateway itself answers.
        if !self.body.is_empty() || status != 404 {
            assert_eq!(body, self.body, "{case}");
        }
        assert!(!body.contains("secret"), "{case}");
        for (name, value) in self.expected {
            let value = value.replace("<etag>", etag);
            assert_eq!(
                fields.get(*name).map_or("", |found| found.to_str().unwrap()),
                value,
                "{name}: {case}"
            );
        }
    }
}
