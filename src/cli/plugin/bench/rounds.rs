use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::exchanges::Exchanges;
use crate::exchange::Exchange;
use crate::plugin::{BodyMode, CallError, Flow, Hook, Pool};

/// Calls between two looks at the clock: enough that the look costs nothing, few enough that the exchanges stay in the
/// processor's cache.
pub(super) const BATCH: usize = 64;

/// Rounds before the measured ones, in which caches fill and branches are learned.
const WARM_UP: usize = 8;

/// What one call costs.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Times {
    pub(super) median_ns: f64,
    pub(super) minimum_ns: f64,
}

/// What the rounds of one hook took, in nanoseconds for a call.
pub(super) struct Measured {
    pub(super) hook: Hook,
    pub(super) answered: bool,
    rounds: Vec<f64>,
}

impl Times {
    pub(super) fn of(mut nanos: Vec<f64>) -> Self {
        nanos.sort_by(f64::total_cmp);
        let at = |place: usize| nanos.get(place).map_or(0.0, |nanos| (nanos * 10.0).round() / 10.0);
        Self { median_ns: at(nanos.len() / 2), minimum_ns: at(0) }
    }
}

impl Measured {
    pub(super) fn times(self) -> Times {
        Times::of(self.rounds)
    }
}

/// How many rounds make at least `calls` calls.
pub(super) fn rounds(calls: u32) -> usize {
    (calls as usize).div_ceil(BATCH)
}

/// Sends exchanges through every hook of the plugin, in the order of an exchange's life.
pub(super) async fn run(pool: &Rc<Pool>, calls: u32) -> Result<Vec<Measured>, CallError> {
    let exchanges = Exchanges::new();
    let hooks = Hook::SERVING.into_iter().filter(|hook| pool.plugin().module().has_hook(*hook));
    let mut measured: Vec<_> =
        hooks.map(|hook| Measured { hook, answered: false, rounds: Vec::new() }).collect();
    for round in 0..WARM_UP + rounds(calls) {
        // New ones for each round: a hook that adds a field must not find those of the calls before.
        let mut batch: Vec<_> = (0..BATCH).map(|_| exchanges.open()).collect();
        for measured in &mut measured {
            let took = measured.enter(pool, &exchanges, &mut batch).await?;
            if round >= WARM_UP {
                measured.rounds.push(nanos(took) / BATCH as f64);
            }
        }
    }
    Ok(measured)
}

/// Sends pieces of a body through the plugin, where one of its hooks streams.
pub(super) async fn stream(pool: &Rc<Pool>, calls: u32) -> Result<Option<Measured>, CallError> {
    let exchanges = Exchanges::new();
    let module = pool.plugin().module();
    let mut hooks = Hook::SERVING.into_iter();
    let Some(hook) = hooks.find(|hook| module.body_use(*hook).mode == BodyMode::Stream) else {
        return Ok(None);
    };
    let mut exchange = exchanges.open();
    exchanges.respond(&mut exchange);
    let Flow::Stream(mut guest) = call(pool, hook, &mut exchange).await? else { return Ok(None) };
    let mut measured = Measured { hook: Hook::OnBody, answered: false, rounds: Vec::new() };
    for round in 0..WARM_UP + rounds(calls) {
        let begun = Instant::now();
        for _ in 0..BATCH {
            guest.piece(exchanges.piece(), false).await?;
        }
        if round >= WARM_UP {
            measured.rounds.push(nanos(begun.elapsed()) / BATCH as f64);
        }
    }
    Ok(Some(measured))
}

impl Measured {
    async fn enter(
        &mut self,
        pool: &Rc<Pool>,
        exchanges: &Exchanges,
        batch: &mut [Box<Exchange>],
    ) -> Result<Duration, CallError> {
        if matches!(self.hook, Hook::OnResponse | Hook::ModifyResponse) {
            batch.iter_mut().filter(|open| open.response.is_none()).for_each(|open| exchanges.respond(open));
        }
        let used = pool.plugin().module().body_use(self.hook);
        batch.iter_mut().for_each(|open| open.window = exchanges.window(self.hook, used));
        let begun = Instant::now();
        for exchange in batch {
            self.answered |= match call(pool, self.hook, exchange).await? {
                Flow::Answered => true,
                // It would have the body now; its instance is what the next call needs.
                Flow::Stream(guest) => {
                    guest.end();
                    false
                }
                Flow::Continue => false,
            };
        }
        Ok(begun.elapsed())
    }
}

/// The calls that the proxy makes.
async fn call(pool: &Rc<Pool>, hook: Hook, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
    match hook {
        Hook::Init | Hook::OnBody | Hook::OnTick => Ok(Flow::Continue),
        Hook::OnRequest => pool.on_request(exchange).await,
        Hook::Direct => pool.direct(exchange).await,
        Hook::ModifyResponse => pool.modify_response(exchange).await,
        Hook::OnResponse => pool.on_response(exchange).await,
    }
}

pub(super) fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_minimum_are_of_the_sorted_rounds() {
        let times = Times::of(vec![30.0, 10.04, 20.0]);
        assert_eq!(times, Times { median_ns: 20.0, minimum_ns: 10.0 });
        assert_eq!(Times::of(Vec::new()), Times { median_ns: 0.0, minimum_ns: 0.0 });
    }

    #[test]
    fn no_fewer_calls_are_made_than_were_asked_for() {
        assert_eq!(rounds(1), 1);
        assert_eq!(rounds(64), 1);
        assert_eq!(rounds(65), 2);
    }
}
