//! The gateway's part in native tests: one exchange for each thread, kept to the rules of `gatewright-abi`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatewright_abi::{Code, Level, Message, Part, fields};

use super::entries::Entries;
use crate::name::{is_reserved, is_token};

/// Which hook runs, and so what it may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None: there is no exchange.
    #[default]
    Outside,
    OnRequest,
    Direct,
    ModifyResponse,
    OnResponse,
}

impl Phase {
    fn is_request(self) -> bool {
        matches!(self, Self::OnRequest | Self::Direct)
    }

    fn is_response(self) -> bool {
        matches!(self, Self::ModifyResponse | Self::OnResponse)
    }
}

/// Header fields in their order, names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// What a middleware answered.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
}

/// Everything that the calls of a hook see and change.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) phase: Phase,
    pub(crate) request: Fields,
    pub(crate) response: Fields,
    pub(crate) status: u16,
    pub(crate) parts: BTreeMap<u32, Vec<u8>>,
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
    pub(crate) answer: Option<Given>,
    pub(crate) log_level: Level,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) wall: Duration,
    pub(crate) monotonic: Duration,
    /// Shared with the exchanges before and after this one.
    pub(crate) entries: Arc<Mutex<Entries>>,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            phase: Phase::Outside,
            request: Fields::new(),
            response: Fields::new(),
            status: 200,
            parts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            answer: None,
            log_level: Level::Trace,
            logs: Vec::new(),
            wall: Duration::from_secs(1_000_000_000),
            monotonic: Duration::from_secs(1),
            entries: Arc::default(),
        }
    }
}

pub(crate) type Checked<T> = Result<T, Code>;

impl Exchange {
    pub(crate) fn part(&self, part: Part) -> Option<&[u8]> {
        self.parts.get(&(part as u32)).map(Vec::as_slice)
    }

    /// Sets a part without asking who may.
    pub(crate) fn put_part(&mut self, part: Part, value: &[u8]) -> Checked<()> {
        if !part_is_valid(part, value) {
            return Err(Code::Invalid);
        }
        if part == Part::Query && value.is_empty() {
            self.parts.remove(&(part as u32));
        } else {
            self.parts.insert(part as u32, value.to_vec());
        }
        Ok(())
    }

    fn set_part(&mut self, part: Part, value: &[u8]) -> Checked<()> {
        let allowed = match part {
            Part::Method | Part::Path | Part::Query | Part::Host => self.phase.is_request(),
            Part::Upstream | Part::Endpoint | Part::HashKey | Part::TimeoutMs => self.phase == Phase::Direct,
            Part::ClientIp | Part::Scheme | Part::Route | Part::RequestId | Part::Protocol => false,
        };
        if !allowed {
            return Err(Code::Forbidden);
        }
        self.put_part(part, value)
    }

    fn get_part(&self, part: Part) -> Checked<&[u8]> {
        self.in_exchange()?;
        self.part(part).ok_or(Code::NotFound)
    }

    fn readable(&self, message: Message) -> Checked<&Fields> {
        self.in_exchange()?;
        match message {
            Message::Request => Ok(&self.request),
            Message::Response if self.phase.is_response() => Ok(&self.response),
            Message::Response => Err(Code::Forbidden),
        }
    }

    fn writable(&mut self, message: Message) -> Checked<&mut Fields> {
        match message {
            Message::Request if self.phase.is_request() => Ok(&mut self.request),
            Message::Response if self.phase.is_response() => Ok(&mut self.response),
            _ => Err(Code::Forbidden),
        }
    }

    fn in_exchange(&self) -> Checked<()> {
        if self.phase == Phase::Outside { Err(Code::Forbidden) } else { Ok(()) }
    }

    fn header(&self, message: Message, name: &[u8], index: u32) -> Checked<&[u8]> {
        let fields = self.readable(message)?;
        let name = field_name(name)?;
        if is_host(message, &name) {
            return if index == 0 { self.get_part(Part::Host) } else { Err(Code::NotFound) };
        }
        let mut values = fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_slice());
        values.nth(index.try_into().map_err(|_| Code::Invalid)?).ok_or(Code::NotFound)
    }

    fn set_header(&mut self, message: Message, name: &[u8], value: &[u8]) -> Checked<()> {
        self.writable(message)?;
        let (name, value) = changeable(name, value)?;
        if is_host(message, &name) {
            return self.set_part(Part::Host, &value);
        }
        let fields = self.writable(message)?;
        // Where the first one stood, as the header maps of HTTP libraries do it.
        let place = fields.iter().position(|field| field.0 == name).unwrap_or(fields.len());
        fields.retain(|field| field.0 != name);
        fields.insert(place, (name, value));
        Ok(())
    }

    fn add_header(&mut self, message: Message, name: &[u8], value: &[u8]) -> Checked<()> {
        let fields = self.writable(message)?;
        let (name, value) = changeable(name, value)?;
        if is_host(message, &name) {
            return Err(Code::Forbidden);
        }
        fields.push((name, value));
        Ok(())
    }

    fn remove_header(&mut self, message: Message, name: &[u8]) -> Checked<()> {
        let fields = self.writable(message)?;
        let (name, _) = changeable(name, b"")?;
        if is_host(message, &name) {
            return Err(Code::Forbidden);
        }
        let before = fields.len();
        fields.retain(|field| field.0 != name);
        if fields.len() < before { Ok(()) } else { Err(Code::NotFound) }
    }

    fn all_headers(&self, message: Message) -> Checked<Vec<u8>> {
        let mut packed = Vec::new();
        let host = match message {
            Message::Request => self.part(Part::Host).map(|host| ("host", host)),
            Message::Response => None,
        };
        let fields = self.readable(message)?.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        for (name, value) in host.into_iter().chain(fields) {
            let len = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| Code::Limit);
            packed.extend(fields::prefix(len(name.as_bytes())?, len(value)?));
            packed.extend(name.as_bytes());
            packed.extend(value);
        }
        Ok(packed)
    }

    fn status(&self) -> Checked<i32> {
        self.readable(Message::Response)?;
        Ok(self.status.into())
    }

    fn set_status(&mut self, status: u32) -> Checked<()> {
        self.writable(Message::Response)?;
        self.status = valid_status(status)?;
        Ok(())
    }

    fn give_answer(&mut self, status: u32, fields: &[u8], body: &[u8]) -> Checked<()> {
        if self.phase != Phase::OnRequest {
            return Err(Code::Forbidden);
        }
        if self.answer.is_some() {
            return Err(Code::Already);
        }
        let status = valid_status(status)?;
        let mut checked = Fields::new();
        for field in fields::iter(fields) {
            let (name, value) = field.map_err(|_| Code::Invalid)?;
            checked.push(changeable(name, value)?);
        }
        self.answer = Some(Given { status, fields: checked, body: body.to_vec() });
        Ok(())
    }

    fn attribute(&self, name: &[u8]) -> Checked<&[u8]> {
        self.in_exchange()?;
        Ok(self.attributes.get(attribute_name(name)?).ok_or(Code::NotFound)?)
    }

    fn set_attribute(&mut self, name: &[u8], value: &[u8]) -> Checked<()> {
        self.in_exchange()?;
        self.attributes.insert(attribute_name(name)?.to_owned(), value.to_vec());
        Ok(())
    }

    fn remove_attribute(&mut self, name: &[u8]) -> Checked<()> {
        self.in_exchange()?;
        self.attributes.remove(attribute_name(name)?).ok_or(Code::NotFound)?;
        Ok(())
    }

    /// Runs a call of the key-value store at this exchange's time.
    fn kv<T>(&self, call: impl FnOnce(&mut Entries) -> Checked<T>) -> Checked<T> {
        self.in_exchange()?;
        call(locked(&self.entries).at(self.wall))
    }

    fn log(&mut self, level: Level, line: &[u8]) {
        if level <= self.log_level {
            self.logs.push((level, String::from_utf8_lossy(line).into_owned()));
        }
    }
}

/// A test that failed while it held the entries leaves them as they are.
pub(crate) fn locked(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request's `host` field and [`Part::Host`] are the same thing.
fn is_host(message: Message, name: &str) -> bool {
    message == Message::Request && name == "host"
}

/// A field's name in lower case.
pub(crate) fn field_name(name: &[u8]) -> Checked<String> {
    if !is_token(name) {
        return Err(Code::Invalid);
    }
    Ok(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// A field that a message can have.
pub(crate) fn field(name: &[u8], value: &[u8]) -> Checked<(String, Vec<u8>)> {
    let printable = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    if !value.iter().all(printable) {
        return Err(Code::Invalid);
    }
    Ok((field_name(name)?, value.to_vec()))
}

/// A field that a guest may set.
fn changeable(name: &[u8], value: &[u8]) -> Checked<(String, Vec<u8>)> {
    let field = field(name, value)?;
    if is_reserved(&field.0) { Err(Code::Forbidden) } else { Ok(field) }
}

fn valid_status(status: u32) -> Checked<u16> {
    match u16::try_from(status) {
        Ok(status @ 200..=599) => Ok(status),
        _ => Err(Code::Invalid),
    }
}

fn attribute_name(name: &[u8]) -> Checked<&str> {
    match std::str::from_utf8(name) {
        Ok("") | Err(_) => Err(Code::Invalid),
        Ok(name) => Ok(name),
    }
}

fn part_is_valid(part: Part, value: &[u8]) -> bool {
    let visible =
        |bytes: &[u8], but: &[u8]| bytes.iter().all(|byte| byte.is_ascii_graphic() && !but.contains(byte));
    match part {
        Part::Method => is_token(value),
        Part::Path => value.starts_with(b"/") && visible(value, b"?#"),
        Part::Query => visible(value, b"#"),
        Part::Host => !value.is_empty() && visible(value, b"/?#@"),
        Part::TimeoutMs => {
            std::str::from_utf8(value).is_ok_and(|text| text.parse::<u32>().is_ok_and(|ms| ms > 0))
        }
        Part::Upstream | Part::Endpoint => std::str::from_utf8(value).is_ok_and(|text| !text.is_empty()),
        Part::HashKey | Part::ClientIp | Part::Scheme | Part::Route | Part::RequestId | Part::Protocol => {
            true
        }
    }
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Runs `test` with `exchange` as the one that calls see, and gives it back as they left it.
pub(crate) fn during<T>(exchange: Exchange, test: impl FnOnce() -> T) -> (Exchange, T) {
    let outer = EXCHANGE.replace(exchange);
    let result = test();
    (EXCHANGE.replace(outer), result)
}

/// Changes the exchange that calls see.
pub(crate) fn change(change: impl FnOnce(&mut Exchange)) {
    EXCHANGE.with_borrow_mut(change);
}

/// The functions of the other side of the border, see [`super`].
pub(crate) mod calls {
    use super::{Checked, Code, EXCHANGE, Entries, Exchange, Level, Message, Part};

    fn read<T: AsRef<[u8]> + ?Sized>(value: Checked<&T>, out: &mut Vec<u8>) -> i32 {
        let value = match value {
            Ok(value) => value.as_ref(),
            Err(code) => return code as i32,
        };
        if value.len() <= out.capacity() {
            out.clear();
            out.extend_from_slice(value);
        }
        i32::try_from(value.len()).unwrap_or(Code::Limit as i32)
    }

    fn change(change: impl FnOnce(&mut Exchange) -> Checked<()>) -> i32 {
        EXCHANGE.with_borrow_mut(|exchange| change(exchange)).map_or_else(|code| code as i32, |()| 0)
    }

    pub(crate) fn header(message: Message, name: &[u8], index: u32, out: &mut Vec<u8>) -> i32 {
        EXCHANGE.with_borrow(|exchange| read(exchange.header(message, name, index), out))
    }

    pub(crate) fn set_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
        change(|exchange| exchange.set_header(message, name, value))
    }

    pub(crate) fn add_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
        change(|exchange| exchange.add_header(message, name, value))
    }

    pub(crate) fn remove_header(message: Message, name: &[u8]) -> i32 {
        change(|exchange| exchange.remove_header(message, name))
    }

    pub(crate) fn all_headers(message: Message, out: &mut Vec<u8>) -> i32 {
        EXCHANGE
            .with_borrow(|exchange| read(exchange.all_headers(message).as_ref().map_err(|code| *code), out))
    }

    pub(crate) fn part(part: Part, out: &mut Vec<u8>) -> i32 {
        EXCHANGE.with_borrow(|exchange| read(exchange.get_part(part), out))
    }

    pub(crate) fn set_part(part: Part, value: &[u8]) -> i32 {
        change(|exchange| exchange.set_part(part, value))
    }

    pub(crate) fn status() -> i32 {
        EXCHANGE.with_borrow(Exchange::status).unwrap_or_else(|code| code as i32)
    }

    pub(crate) fn set_status(status: u32) -> i32 {
        change(|exchange| exchange.set_status(status))
    }

    pub(crate) fn answer(status: u32, fields: &[u8], body: &[u8]) -> i32 {
        change(|exchange| exchange.give_answer(status, fields, body))
    }

    pub(crate) fn attribute(name: &[u8], out: &mut Vec<u8>) -> i32 {
        EXCHANGE.with_borrow(|exchange| read(exchange.attribute(name), out))
    }

    pub(crate) fn set_attribute(name: &[u8], value: &[u8]) -> i32 {
        change(|exchange| exchange.set_attribute(name, value))
    }

    pub(crate) fn remove_attribute(name: &[u8]) -> i32 {
        change(|exchange| exchange.remove_attribute(name))
    }

    fn kv(call: impl FnOnce(&mut Entries) -> Checked<i32>) -> i32 {
        EXCHANGE.with_borrow(|exchange| exchange.kv(call)).unwrap_or_else(|code| code as i32)
    }

    pub(crate) fn kv_get(key: &[u8], out: &mut Vec<u8>) -> i32 {
        kv(|entries| Ok(read(entries.get(key), out)))
    }

    pub(crate) fn kv_put(key: &[u8], value: &[u8], ttl_ms: i64) -> i32 {
        kv(|entries| entries.put(key, value, ttl_ms).map(|()| 0))
    }

    pub(crate) fn kv_delete(key: &[u8]) -> i32 {
        kv(|entries| entries.delete(key).map(|()| 0))
    }

    pub(crate) fn kv_add(key: &[u8], delta: i64, ttl_ms: i64, sum: &mut i64) -> i32 {
        kv(|entries| {
            *sum = entries.add(key, delta, ttl_ms)?;
            Ok(0)
        })
    }

    pub(crate) fn kv_swap(key: &[u8], old: Option<&[u8]>, new: &[u8], ttl_ms: i64) -> i32 {
        kv(|entries| entries.swap(key, old, new, ttl_ms).map(i32::from))
    }

    /// Tests load plugins from configurations of their own; only a guest's `init` reads this one.
    pub(crate) fn config(out: &mut Vec<u8>) -> i32 {
        read(Ok(b"{}"), out)
    }

    pub(crate) fn log(level: Level, line: &[u8]) {
        EXCHANGE.with_borrow_mut(|exchange| exchange.log(level, line));
    }

    pub(crate) fn log_enabled(level: Level) -> bool {
        EXCHANGE.with_borrow(|exchange| level <= exchange.log_level)
    }

    /// Tests see the error itself.
    pub(crate) fn fail(_reason: &[u8]) {}

    pub(crate) fn wall() -> i64 {
        EXCHANGE.with_borrow(|exchange| i64::try_from(exchange.wall.as_nanos()).unwrap_or(i64::MAX))
    }

    pub(crate) fn monotonic() -> i64 {
        EXCHANGE.with_borrow(|exchange| i64::try_from(exchange.monotonic.as_nanos()).unwrap_or(i64::MAX))
    }
}
