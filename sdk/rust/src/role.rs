use crate::{Answer, BodyMode, Direction, Request, Response, Result};

/// Rewrites the outgoing request and chooses where it goes.
///
/// A director runs last before the request is sent, after every middleware, and once for each exchange.
pub trait Director {
    /// How the hook wants the body of the request.
    const BODY: BodyMode = BodyMode::NONE;

    /// Rewrites `request`, and chooses in `direction` what the route should not.
    fn direct(&self, request: &mut Request, direction: &mut Direction) -> Result<()>;
}

/// Stands around everything that follows, as a layer of an onion: the request phases of a route's middlewares run
/// outermost first, the response phases in reverse.
///
/// The two phases of an exchange may run in different instances of the plugin. What lasts from one to the other goes
/// into [attributes](Request::attributes), not into `self`.
///
/// A phase that is not written costs nothing: the gateway calls it once and leaves it out from then on.
pub trait Middleware {
    /// How [`on_request`](Middleware::on_request) wants the body of the request.
    const REQUEST_BODY: BodyMode = BodyMode::NONE;
    /// How [`on_response`](Middleware::on_response) wants the body of the response.
    const RESPONSE_BODY: BodyMode = BodyMode::NONE;

    /// Sees the request before those further inside: changes it and lets it go on, or answers it.
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        request.leave_unused();
        Ok(Flow::Continue)
    }

    /// Sees the response after those further inside.
    fn on_response(&self, response: &mut Response) -> Result<()> {
        response.leave_unused();
        Ok(())
    }
}

/// Changes the upstream's response, before any middleware sees it. An answer of a middleware does not come here.
pub trait ModifyResponse {
    /// How the hook wants the body of the response.
    const BODY: BodyMode = BodyMode::NONE;

    /// Changes `response`. An error becomes a `502`.
    fn modify_response(&self, response: &mut Response) -> Result<()>;
}

/// How an exchange goes on after a middleware's request phase.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// On towards the upstream.
    Continue,
    /// Back to the client, with this answer.
    Answer(Answer),
}

impl From<Answer> for Flow {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// What a plugin can be to a route: the traits that it implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// [`trait@Director`].
    Director,
    /// [`trait@Middleware`].
    Middleware,
    /// [`trait@ModifyResponse`].
    ModifyResponse,
}

impl Role {
    /// The role's name in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Director => "director",
            Self::Middleware => "middleware",
            Self::ModifyResponse => "modify_response",
        }
    }
}
