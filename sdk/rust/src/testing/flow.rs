//! The order of a gateway: what happens to an exchange in a test.

use std::time::Duration;

use gatewright_abi::{Message, hook};

use crate::body::Streaming;
use crate::guest::accepted;
use crate::host::stub::{self, Exchange, Fields, Phase};
use crate::{BodyMode, Direction, Flow, Guest, Request, Response, Result};

/// Sends the exchange through all roles of the plugin; the upstream takes this long.
pub(super) fn run<G: Guest>(plugin: &G, takes: Duration) -> Result<()> {
    stub::change(|exchange| exchange.enter(Phase::OnRequest, G::ON_REQUEST_BODY));
    let mut request = Request::of_exchange();
    match plugin.on_request(&mut request)? {
        Flow::Answer(answer) => {
            answer.give()?;
            stub::change(respond_with_answer);
        }
        Flow::Continue => {
            stream(request.into_stream(), G::ON_REQUEST_BODY)?;
            forward(plugin, takes)?;
        }
    }
    stub::change(|exchange| exchange.enter(Phase::OnResponse, G::ON_RESPONSE_BODY));
    let mut response = Response::of_exchange();
    plugin.on_response(&mut response)?;
    stream(response.into_stream(), G::ON_RESPONSE_BODY)
}

/// To the upstream and back.
fn forward<G: Guest>(plugin: &G, takes: Duration) -> Result<()> {
    stub::change(|exchange| exchange.enter(Phase::Direct, G::DIRECT_BODY));
    let mut request = Request::of_exchange();
    plugin.direct(&mut request, &mut Direction::of_exchange())?;
    stream(request.into_stream(), G::DIRECT_BODY)?;
    stub::change(|exchange| {
        exchange.enter(Phase::ModifyResponse, G::MODIFY_RESPONSE_BODY);
        exchange.wall += takes;
        exchange.monotonic += takes;
    });
    let mut response = Response::of_exchange();
    plugin.modify_response(&mut response)?;
    stream(response.into_stream(), G::MODIFY_RESPONSE_BODY)
}

/// Sends a body through what a hook handed it to.
fn stream(stream: Option<Streaming>, mode: BodyMode) -> Result<()> {
    let Some(mut stream) = accepted(stream, mode)? else { return Ok(()) };
    let message = stream.message();
    let mut pieces = Vec::new();
    stub::change(|exchange| pieces = std::mem::take(exchange.bodies.of(message)));
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let mut made = Vec::new();
    while !stream.is_over() {
        let piece = pieces.next();
        stub::change(|exchange| exchange.hand_over(message, piece));
        let outcome = stream.advance()?;
        stub::change(|exchange| made.push(exchange.take_written()));
        if outcome == hook::DONE {
            made.extend(pieces.by_ref());
        }
    }
    made.retain(|piece| !piece.is_empty());
    stub::change(|exchange| *exchange.bodies.of(message) = made);
    Ok(())
}

fn respond_with_answer(exchange: &mut Exchange) {
    let (status, fields, body) = match &exchange.answer {
        Some(answer) => (answer.status, answer.fields.clone(), answer.body.clone()),
        None => (200, Fields::new(), Vec::new()),
    };
    exchange.status = status;
    exchange.response = fields;
    *exchange.bodies.of(Message::Response) = vec![body];
}
