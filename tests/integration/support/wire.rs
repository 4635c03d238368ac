use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::message::{Fields, Head, Message, Request, field};
use super::wait::DEADLINE;

/// One end of a connection, read and written byte by byte: what a library would tidy up is seen here.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// The other side ended or reset the connection in the middle of a message.
#[derive(Debug)]
pub(crate) struct Broken {
    /// What had arrived of the part that was being read.
    pub(crate) read: Vec<u8>,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    Close,
}

impl Wire {
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, DEADLINE).expect("cannot connect"))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("cannot send");
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Nothing more will be sent, and the other side hears of it.
    pub(crate) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: Request) -> Message {
        self.try_ask(&request)
            .unwrap_or_else(|broken| panic!("{request:?} has no whole response: {broken:?}"))
    }

    pub(crate) fn try_ask(&mut self, request: &Request) -> Result<Message, Broken> {
        self.try_send(request.bytes()).map_err(|_| Broken { read: Vec::new() })?;
        self.response_to(request.is_head())
    }

    /// Reads a response to its end.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Message {
        self.response_to(false).unwrap_or_else(|broken| panic!("no whole response: {broken:?}"))
    }

    /// The next response, whole or not; `None` where the other side ends instead.
    pub(crate) fn next_response(&mut self) -> Option<Message> {
        let head = self.head()?;
        let bodiless = matches!(head.status(), 100..=199 | 204 | 304);
        let framing = if bodiless { Framing::Length(0) } else { framing(&head, Framing::Close) };
        Some(self.message(head.clone(), framing).unwrap_or_else(|broken| Message {
            head,
            body: broken.read,
            trailers: Fields::new(),
        }))
    }

    pub(crate) fn response_to(&mut self, to_head: bool) -> Result<Message, Broken> {
        let head = self.head().ok_or(Broken { read: Vec::new() })?;
        let bodiless = to_head || matches!(head.status(), 100..=199 | 204 | 304);
        let framing = if bodiless { Framing::Length(0) } else { framing(&head, Framing::Close) };
        self.message(head, framing)
    }

    /// Reads a request to its end; `None` where the connection has ended instead.
    pub(crate) fn request(&mut self) -> Option<Message> {
        let head = self.head()?;
        let framing = framing(&head, Framing::Length(0));
        self.message(head, framing).ok()
    }

    fn message(&mut self, head: Head, framing: Framing) -> Result<Message, Broken> {
        let (body, trailers) = match framing {
            Framing::Length(length) => (self.exactly(length)?, Fields::new()),
            Framing::Chunked => self.chunks()?,
            Framing::Close => (self.rest(), Fields::new()),
        };
        Ok(Message { head, body, trailers })
    }

    /// Reads a head; `None` where the connection has ended.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Option<Head> {
        let end = self.find(b"\r\n\r\n")?;
        let head: Vec<u8> = self.unread.drain(..end + 4).collect();
        Some(Head::parse(&String::from_utf8_lossy(&head)))
    }

    #[track_caller]
    pub(crate) fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        while self.unread.len() < length {
            if !self.fill() {
                return Err(Broken { read: std::mem::take(&mut self.unread) });
            }
        }
        Ok(self.unread.drain(..length).collect())
    }

    /// Reads one chunk; an empty one is the last.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> Result<Vec<u8>, Broken> {
        let line = self.line()?;
        let length = line.split(';').next().and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        let length = length.unwrap_or_else(|| panic!("not the head of a chunk: {line:?}"));
        if length == 0 {
            return Ok(Vec::new());
        }
        let data = self.exactly(length)?;
        assert_eq!(self.exactly(2)?, b"\r\n", "what follows a chunk");
        Ok(data)
    }

    fn chunks(&mut self) -> Result<(Vec<u8>, Fields), Broken> {
        let mut body = Vec::new();
        loop {
            match self.chunk() {
                Ok(chunk) if chunk.is_empty() => break,
                Ok(chunk) => body.extend(chunk),
                Err(_) => return Err(Broken { read: body }),
            }
        }
        let mut trailers = Fields::new();
        loop {
            match self.line()? {
                line if line.is_empty() => return Ok((body, trailers)),
                line => trailers.push(field(&line)),
            }
        }
    }

    fn line(&mut self) -> Result<String, Broken> {
        let Some(end) = self.find(b"\r\n") else {
            return Err(Broken { read: std::mem::take(&mut self.unread) });
        };
        let line: Vec<u8> = self.unread.drain(..end + 2).collect();
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    /// Reads whatever comes until the other side ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the other side ends without another byte.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> bool {
        self.unread.is_empty() && !self.fill()
    }

    fn find(&mut self, pattern: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.unread.windows(pattern.len()).position(|window| window == pattern) {
                return Some(at);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Waits for more bytes; false where there will be none.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("nothing came within {DEADLINE:?}")
            }
            Err(_) => false,
        }
    }
}

fn framing(head: &Head, otherwise: Framing) -> Framing {
    if head.all("transfer-encoding").iter().any(|value| value.contains("chunked")) {
        return Framing::Chunked;
    }
    let length = head.get("content-length").map(|value| value.parse().expect("content-length is a number"));
    length.map_or(otherwise, Framing::Length)
}
