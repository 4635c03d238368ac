//! Heads of requests that could be read in more than one way, and those that only look like it.

use super::{passed, refused};
use crate::support::{Backend, Gateway, Request};

#[test]
fn a_body_has_one_length_or_none() {
    refused(&[
        (
            "a length and chunks",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "chunks and a length",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "no length and chunks",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "two lengths",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            400,
        ),
        (
            "the same length twice",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            400,
        ),
        ("a list of equal lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
        ("a list of lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello", 400),
        ("a length with a sign", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
        ("a negative length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", 400),
        ("an empty length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello", 400),
        ("a blank length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t \r\n\r\nhello", 400),
        ("a hexadecimal length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", 400),
        ("a length in two words", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 0\r\n\r\nhello", 400),
        ("a fractional length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello", 400),
        ("a length in quotes", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nhello", 400),
        (
            "a length of 2^64",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
            400,
        ),
        (
            "a length of 2^64 + 5",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
            400,
        ),
        (
            "a length with a vertical tab",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \x0b5\r\n\r\nhello",
            400,
        ),
        (
            "a length in full-width digits",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u{ff15}\r\n\r\nhello".as_bytes(),
            400,
        ),
        (
            "a length for GET, twice",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 43\r\nContent-Length: 0\r\n\r\n",
            400,
        ),
    ]);
}

#[test]
fn a_transfer_coding_is_chunked() {
    refused(&[
        ("identity", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        ("chunked first", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        ("chunked last", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 400),
        ("gzip", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400),
        ("gzip in chunks", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("xchunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("chunkedx", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", 400),
        ("cow", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400),
        ("a parameter", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 400),
        ("a blank parameter", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked ;a\r\n\r\n0\r\n\r\n", 400),
        ("quotes", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400),
        ("chunked twice in a list", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunked twice in two fields", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunked, then another field", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        ("another field, then chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("an empty one", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
        ("an empty one and a length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding:\r\n\r\nhello", 400),
        ("a comma behind", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 400),
        ("a comma before", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 400),
        ("a vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        ("a form feed", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n", 400),
        ("a no-break space", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n", 400),
        ("a long s", "POST / HTTP/1.1\r\nHost: a\r\nTran\u{17f}fer-Encoding: chunked\r\n\r\n0\r\n\r\n".as_bytes(), 400),
        ("a space before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        ("a tab before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
        ("a NUL before the colon", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n", 400),
        ("a continued line", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        ("a field behind a bare CR", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("a field behind a bare LF", b"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("HTTP/1.0 that wants to stay", b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ]);
}

#[test]
fn lines_end_with_cr_lf_and_hold_no_control_characters() {
    refused(&[
        ("a request line that ends with LF", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("a request line that ends with CR", b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        ("a field that ends with LF", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("a head that ends with LF", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("nothing but LF", b"GET / HTTP/1.1\nHost: a\n\n", 400),
        ("a bare CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        ("two CR at the end of a field", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", 400),
        ("two CR at the end of the head", b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400),
        ("a bare CR in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\rY: a\r\n\r\n", 400),
        ("a NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
        ("a NUL in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n", 400),
        ("a NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a NUL in the method", b"GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a backspace in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x08b\r\n\r\n", 400),
        ("an escape in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x1b[1m\r\n\r\n", 400),
        ("a delete in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400),
        ("a continued line", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        ("a line continued with a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n", 400),
        ("a first field that is continued", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        ("a blank continuation", b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", 400),
        ("a space before a colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("a field without a colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        ("a field without a name", b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
        ("a name in two words", b"GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n", 400),
        ("a name with brackets", b"GET / HTTP/1.1\r\nHost: a\r\nX(Y): a\r\n\r\n", 400),
        ("a name beyond ASCII", b"GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: a\r\n\r\n", 400),
        ("a name in quotes", b"GET / HTTP/1.1\r\nHost: a\r\n\"X\": a\r\n\r\n", 400),
    ]);
}

#[test]
fn a_request_line_is_a_method_a_target_and_a_version() {
    refused(&[
        ("no version", b"GET /\r\nHost: a\r\n\r\n", 400),
        ("no version and nothing else", b"GET /\r\n", 400),
        ("HTTP/0.9 by name", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("HTTP/3.0", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("HTTP/11", b"GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        ("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("HTTP/01.1", b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", 400),
        ("HTTP/1,1", b"GET / HTTP/1,1\r\nHost: a\r\n\r\n", 400),
        ("HTTP/1.x", b"GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400),
        ("HTTP/+1.1", b"GET / HTTP/+1.1\r\nHost: a\r\n\r\n", 400),
        ("http/1.1", b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("HTTPS/1.1", b"GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400),
        ("a space behind the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("two spaces before the target", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("two spaces before the version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a tab before the version", b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a space before the method", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("no method", b"/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a method with a slash", b"GET/X / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a method with a colon", b"GET: / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a target in two words", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a target with a smuggled version", b"GET /a HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("LF before the method", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("the greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ("a response", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
    ]);
}

#[test]
fn a_target_is_a_path_or_a_url_of_plain_characters() {
    refused(&[
        ("a fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a backslash", b"GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a bare word", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("an authority", b"GET a.test:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a query alone", b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("an asterisk for GET", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("bytes beyond ASCII", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("angle brackets", b"GET /<script> HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("a delete", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("half an escape", b"GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("one digit of an escape", b"GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("an escape of other letters", b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("an escaped NUL", b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("another scheme", b"GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("a file", b"GET file:///etc/passwd HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("a tunnel", b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 501),
    ]);
}

#[test]
fn what_only_looks_odd_goes_through() {
    passed(&[
        (
            "a lower-case coding",
            b"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1",
        ),
        (
            "an upper-case coding",
            b"POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1",
        ),
        (
            "a coding between blanks",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \t chunked \t\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1",
        ),
        (
            "a length with leading zeros",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello",
            "POST / HTTP/1.1",
        ),
        (
            "a length between blanks",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t 5 \t\r\n\r\nhello",
            "POST / HTTP/1.1",
        ),
        (
            "a GET with a body",
            b"GET /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "GET /body HTTP/1.1",
        ),
        ("an empty value", b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "GET / HTTP/1.1"),
        ("a value with colons", b"GET / HTTP/1.1\r\nHost: a\r\nX: :a:b:\r\n\r\n", "GET / HTTP/1.1"),
        ("a value with tabs", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n", "GET / HTTP/1.1"),
        ("an empty line before the request", b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1"),
        ("an unknown method", b"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "BREW /pot HTTP/1.1"),
        ("HTTP/1.0 without a Host", b"GET /old HTTP/1.0\r\n\r\n", "GET /old HTTP/1.1"),
        (
            "HTTP/1.0 with a body",
            b"POST /old HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
            "POST /old HTTP/1.1",
        ),
        (
            "escapes in the query that are none",
            b"GET /?a=%zz&b=%00 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?a=%zz&b=%00 HTTP/1.1",
        ),
        ("a URL", b"GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET /x?y HTTP/1.1"),
        ("a URL without a path", b"GET http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET / HTTP/1.1"),
        (
            "a URL in the query",
            b"GET /?u=http://b.test/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?u=http://b.test/ HTTP/1.1",
        ),
        ("an asterisk for OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1"),
        ("an address as host", b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "GET / HTTP/1.1"),
    ]);
}

#[test]
fn a_host_is_a_name_and_perhaps_a_port() {
    refused(&[
        ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
        ("two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("the same Host twice", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("two Hosts in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("a port alone", b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
        ("a user", b"GET / HTTP/1.1\r\nHost: a@b.test\r\n\r\n", 400),
        ("a space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("a tab", b"GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n", 400),
        ("a list", b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
        ("a path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("a query", b"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", 400),
        ("a fragment", b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", 400),
        ("a backslash", b"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400),
        ("a URL", b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", 400),
        ("a port of letters", b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        ("a port with a sign", b"GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n", 400),
        ("two ports", b"GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n", 400),
        ("a port past the last", b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
        ("half a bracket", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ("brackets around a name", b"GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", 400),
        ("text behind brackets", b"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400),
        ("bytes beyond ASCII", b"GET / HTTP/1.1\r\nHost: \xc3\xa9.test\r\n\r\n", 400),
        ("a URL with a user", b"GET http://u@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
        ("a URL and no Host", b"GET http://a.test/ HTTP/1.1\r\n\r\n", 400),
        ("a URL and two Hosts", b"GET http://a.test/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("a URL without a host", b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn a_method_that_shows_what_was_sent_is_not_served() {
    refused(&[
        ("TRACE", b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("TRACK", b"TRACK / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ]);
}

#[test]
fn what_a_client_expects_is_known() {
    refused(&[
        (
            "another expectation",
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n",
            417,
        ),
        (
            "one more",
            b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 0\r\n\r\n",
            417,
        ),
    ]);
}

fn long(bytes: usize) -> String {
    format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes))
}

fn many(fields: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields))
}

fn large(bytes: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(bytes))
}

#[test]
fn a_head_has_its_limits() {
    refused(&[
        ("a target past its limit", long(16 << 10).as_bytes(), 414),
        ("a target without end", format!("GET /{}", "x".repeat(200_000)).as_bytes(), 414),
        ("a field too many", many(100).as_bytes(), 431),
        ("fields without end", many(20_000).as_bytes(), 431),
        ("a field that is too large", large(70_000).as_bytes(), 431),
        ("a name that is too long", format!("GET / HTTP/1.1\r\n{}", "x".repeat(200_000)).as_bytes(), 431),
    ]);
}

#[test]
fn a_head_within_its_limits_goes_through() {
    passed(&[
        ("a long target", long(8_000).as_bytes(), long(8_000).lines().next().unwrap()),
        ("many fields", many(99).as_bytes(), "GET / HTTP/1.1"),
        ("a large field", large(60_000).as_bytes(), "GET / HTTP/1.1"),
    ]);
}

#[test]
fn the_limits_of_a_head_are_configured() {
    let app = Backend::named("app");
    let limits = "max_uri = \"1KiB\"\nmax_headers = 150\nmax_head = \"1MiB\"";
    let gateway = Gateway::before(app.url()).listener(limits).start();
    let many =
        |fields| (0..fields).fold(Request::get("/many"), |request, n| request.with("x", &n.to_string()));
    assert_eq!(gateway.get(&format!("/{}", "x".repeat(1024))).status(), 414);
    assert_eq!(gateway.get(&format!("/{}", "x".repeat(1023))).status(), 200);
    assert_eq!(gateway.ask(many(149)).status(), 200);
    assert_eq!(gateway.ask(many(150)).status(), 431);
    assert_eq!(gateway.ask(Request::get("/").with("x", &"y".repeat(900_000))).status(), 200);
}

#[test]
fn a_refusal_has_a_body_and_a_line_in_the_access_log() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("PUT /cut HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
    let response = client.response();
    let line = gateway.log().access("/cut");
    assert_eq!((line["status"].as_u64(), line["method"].as_str()), (Some(400), Some("PUT")));
    assert!(response.text().contains(line["request_id"].as_str().unwrap()), "{}", response.text());
    gateway.log().says("more than one Content-Length");
}
