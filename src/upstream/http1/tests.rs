//! A connection against an endpoint that is scripted byte by byte.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use send_wrapper::SendWrapper;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use super::*;
use crate::socket;

type AnyBody = BoxBody<Bytes, Infallible>;

fn empty() -> AnyBody {
    Empty::new().boxed()
}

fn full(text: &'static str) -> AnyBody {
    Full::from(text).boxed()
}

/// A body that comes in pieces, and where they come from.
fn pieces() -> (UnboundedSender<&'static str>, AnyBody) {
    let (sender, mut receiver) = unbounded_channel();
    let piece = |text: &'static str| Ok(Frame::data(Bytes::from(text)));
    let stream = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|text: Option<&'static str>| text.map(piece))
    });
    (sender, StreamBody::new(stream).boxed())
}

/// A connection, and its other end.
async fn pair() -> (Box<Http1>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let bounds = Bounds { bytes: 64 << 10, fields: 100 };
    let connection = Http1::new(Stream::Clear(socket::Stream::Tcp(stream)), bounds);
    (Box::new(connection), listener.accept().await.unwrap().0)
}

#[derive(Clone)]
struct Heard(SendWrapper<Rc<RefCell<Vec<StatusCode>>>>);

impl Interims for Heard {
    fn came(&self, status: StatusCode, _: &HeaderMap) {
        self.0.borrow_mut().push(status);
    }
}

fn nobody() -> Heard {
    Heard(SendWrapper::new(Rc::default()))
}

async fn send(
    connection: &mut Http1,
    method: Method,
    body: AnyBody,
) -> Result<Response<()>, SendError<AnyBody>> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("h"));
    headers.insert("content-length", HeaderValue::from_static("999"));
    let target = PathAndQuery::from_static("/a?b");
    let head = Outgoing {
        method: &method,
        target: &target,
        headers: &headers,
        host: headers.get("host"),
        upgrade: None,
        expects: false,
    };
    connection.send(&head, body, &nobody()).await
}

async fn collect(connection: &mut Http1) -> Result<String, WireError> {
    let mut text = Vec::new();
    while let Some(frame) = poll_fn(|context| connection.poll_frame(context)).await {
        text.extend(frame?.into_data().unwrap_or_default());
    }
    Ok(String::from_utf8(text).unwrap())
}

/// What the endpoint has got up to `end`.
async fn got(endpoint: &mut TcpStream, end: &str) -> String {
    let mut all = Vec::new();
    while !all.ends_with(end.as_bytes()) {
        assert_ne!(endpoint.read_buf(&mut all).await.unwrap(), 0, "{}", String::from_utf8_lossy(&all));
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn the_length_that_goes_out_is_that_of_the_body() {
    let (mut connection, mut endpoint) = pair().await;
    let answered = async {
        let first = got(&mut endpoint, "body").await;
        assert_eq!(first, "POST /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
        endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        let second = got(&mut endpoint, "\r\n\r\n").await;
        assert_eq!(second, "POST /a?b HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
        endpoint.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
    };
    let asked = async {
        assert_eq!(send(&mut connection, Method::POST, full("body")).await.unwrap().status(), 200);
        assert_eq!(collect(&mut connection).await.unwrap(), "ok");
        assert!(connection.is_reusable() && !connection.is_sending());
        assert_eq!(send(&mut connection, Method::POST, empty()).await.unwrap().status(), 204);
        assert!(connection.is_end_stream() && connection.is_reusable());
    };
    tokio::join!(answered, asked);
}

#[tokio::test]
async fn an_early_answer_leaves_the_request_to_go_on_by_itself() {
    LocalSet::new()
        .run_until(async {
            let (mut connection, mut endpoint) = pair().await;
            let (sender, body) = pieces();
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            assert_eq!(send(&mut connection, Method::POST, body).await.unwrap().status(), 200);
            assert!(connection.is_reusable() && connection.is_sending());
            sender.send("late").unwrap();
            drop(sender);
            assert!(
                got(&mut endpoint, "4\r\nlate\r\n0\r\n\r\n").await.contains("transfer-encoding: chunked")
            );
            assert!(connection.sent().await);
        })
        .await;
}

#[tokio::test]
async fn a_connection_that_is_dropped_gives_up_its_request() {
    LocalSet::new()
        .run_until(async {
            let (mut connection, mut endpoint) = pair().await;
            let (_sender, body) = pieces();
            endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            send(&mut connection, Method::POST, body).await.unwrap();
            drop(connection);
            let mut all = Vec::new();
            endpoint.read_to_end(&mut all).await.unwrap();
            assert!(!all.ends_with(b"0\r\n\r\n"));
        })
        .await;
}

#[tokio::test]
async fn an_endpoint_that_answered_and_takes_no_more_is_not_waited_for() {
    LocalSet::new()
        .run_until(async {
            let (mut connection, mut endpoint) = pair().await;
            let (sender, body) = pieces();
            let answered = async {
                // What is left unread makes a reset of the close.
                endpoint.read_exact(&mut [0; 4]).await.unwrap();
                endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                drop(endpoint);
                sender.send("more").unwrap();
            };
            let (response, ()) = tokio::join!(send(&mut connection, Method::POST, body), answered);
            assert_eq!(response.unwrap().status(), 200);
            assert!(!connection.is_sending() && !connection.is_reusable());
        })
        .await;
}

#[tokio::test]
async fn what_nobody_asked_for_ends_the_connection() {
    for more in ["HTTP/1.1 200 OK\r\n\r\n", "x"] {
        let (mut connection, mut endpoint) = pair().await;
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na{more}");
        endpoint.write_all(text.as_bytes()).await.unwrap();
        send(&mut connection, Method::GET, empty()).await.unwrap();
        assert_eq!(collect(&mut connection).await.unwrap(), "a");
        assert!(!connection.is_reusable());
    }
    let (connection, mut endpoint) = pair().await;
    assert!(connection.is_quiet(true));
    endpoint.write_all(b"x").await.unwrap();
    assert!(!connection.is_quiet(true));
}

#[tokio::test]
async fn a_response_that_ends_too_soon_is_an_error() {
    for (text, whole) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false),
        ("HTTP/1.1 200 OK\r\n\r\na", true),
    ] {
        let (mut connection, mut endpoint) = pair().await;
        endpoint.write_all(text.as_bytes()).await.unwrap();
        drop(endpoint);
        send(&mut connection, Method::GET, empty()).await.unwrap();
        assert_eq!(collect(&mut connection).await.is_ok(), whole, "{text}");
        assert!(!connection.is_reusable());
    }
    for (text, closed) in [("", true), ("HTTP/1.1 200 OK\r\n", false)] {
        let (mut connection, mut endpoint) = pair().await;
        endpoint.write_all(text.as_bytes()).await.unwrap();
        endpoint.shutdown().await.unwrap();
        let failed = send(&mut connection, Method::GET, empty()).await.unwrap_err();
        assert_eq!(matches!(failed.error, WireError::Closed), closed, "{:?}", failed.error);
        assert!(failed.unsent.is_none(), "the endpoint may have seen it");
    }
}

#[tokio::test]
async fn interim_responses_come_before_the_response() {
    let (mut connection, mut endpoint) = pair().await;
    let text = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    endpoint.write_all(text.as_bytes()).await.unwrap();
    let (headers, target, heard) = (HeaderMap::new(), PathAndQuery::from_static("/"), nobody());
    let head = Outgoing {
        method: &Method::GET,
        target: &target,
        headers: &headers,
        host: None,
        upgrade: None,
        expects: false,
    };
    let response = connection.send(&head, empty(), &heard).await.unwrap();
    assert_eq!((response.status().as_u16(), heard.0.borrow().len()), (200, 2));
}

#[tokio::test]
async fn small_pieces_of_a_large_body_share_their_memory() {
    let (mut connection, mut endpoint) = pair().await;
    endpoint.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
    send(&mut connection, Method::GET, empty()).await.unwrap();
    let mut pieces = Vec::new();
    for _ in 0..20 {
        endpoint.write_all(&[b'a'; 1000]).await.unwrap();
        let frame = poll_fn(|context| connection.poll_frame(context)).await.unwrap().unwrap();
        pieces.push(frame.into_data().unwrap());
    }
    let next_to = |pair: &&[Bytes]| pair[0].as_ptr().wrapping_add(pair[0].len()) == pair[1].as_ptr();
    assert!(pieces.windows(2).filter(next_to).count() >= 18);
}
