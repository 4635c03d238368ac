use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{BodyMode, Direction, Flow, Request, Response, Result, Role};

/// What a plugin is made from.
///
/// A type under [`#[config]`](macro@crate::config) is a plugin that is its own configuration, and nothing of this
/// trait is to be written. Implement it where the configuration must be checked or turned into something else first:
///
/// ```
/// use gatewright_sdk::prelude::*;
///
/// #[config]
/// struct SamplerConfig {
///     percent: u8,
/// }
///
/// struct Sampler {
///     fraction: f64,
/// }
///
/// impl Plugin for Sampler {
///     type Config = SamplerConfig;
///
///     fn load(config: SamplerConfig) -> Result<Self> {
///         if config.percent > 100 {
///             return Err(format!("percent: {} is more than 100", config.percent).into());
///         }
///         Ok(Self { fraction: f64::from(config.percent) / 100.0 })
///     }
/// }
/// ```
pub trait Plugin: Sized {
    /// The configuration as it is written: the `config` table of the plugin in the gateway's TOML.
    type Config: DeserializeOwned + JsonSchema;

    /// Makes the plugin, once for each of its instances. An error keeps the gateway from loading the configuration, so
    /// say what would be right.
    fn load(config: Self::Config) -> Result<Self>;
}

impl<T: DeserializeOwned + JsonSchema> Plugin for T {
    type Config = Self;

    fn load(config: Self) -> Result<Self> {
        Ok(config)
    }
}

/// The configuration of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// A plugin with the roles that [`plugin!`](crate::plugin) named; implemented by that macro.
pub trait Guest: Plugin + 'static {
    /// The name of the plugin's package.
    const NAME: &'static str;
    /// The version of the plugin's package.
    const VERSION: &'static str;
    /// The roles that the plugin has.
    const ROLES: &'static [Role];
    /// How [`Guest::on_request`] wants its body.
    const ON_REQUEST_BODY: BodyMode = BodyMode::NONE;
    /// How [`Guest::direct`] wants its body.
    const DIRECT_BODY: BodyMode = BodyMode::NONE;
    /// How [`Guest::modify_response`] wants its body.
    const MODIFY_RESPONSE_BODY: BodyMode = BodyMode::NONE;
    /// How [`Guest::on_response`] wants its body.
    const ON_RESPONSE_BODY: BodyMode = BodyMode::NONE;
    /// Whether the plugin has a [`Tick`](crate::Tick).
    const TICKS: bool = false;

    /// [`Director::direct`](crate::Director::direct), where the plugin is one.
    fn direct(&self, _request: &mut Request, _direction: &mut Direction) -> Result<()> {
        Ok(())
    }

    /// [`Middleware::on_request`](crate::Middleware::on_request), where the plugin is one.
    fn on_request(&self, _request: &mut Request) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// [`Middleware::on_response`](crate::Middleware::on_response), where the plugin is one.
    fn on_response(&self, _response: &mut Response) -> Result<()> {
        Ok(())
    }

    /// [`ModifyResponse::modify_response`](crate::ModifyResponse::modify_response), where the plugin is one.
    fn modify_response(&self, _response: &mut Response) -> Result<()> {
        Ok(())
    }

    /// [`Tick::period`](crate::Tick::period), where the plugin has one.
    fn period(&self) -> Duration {
        Duration::MAX
    }

    /// [`Tick::on_tick`](crate::Tick::on_tick), where the plugin has one.
    fn on_tick(&self) -> Result<()> {
        Ok(())
    }
}

/// Makes a plugin of a type: names the roles whose traits it implements, and exports what the gateway calls.
///
/// Once for each crate. `plugin!(Hello: Middleware);`, or with several roles `plugin!(Hello: Director, Middleware);`.
/// [`Tick`](trait@crate::Tick) is no role, but is named beside them: `plugin!(Hello: Middleware, Tick);`. A role whose trait is implemented but not named is a mistake that does not compile:
///
/// ```compile_fail
/// use gatewright_sdk::prelude::*;
///
/// #[config]
/// struct Hello;
///
/// impl Middleware for Hello {}
///
/// impl ModifyResponse for Hello {
///     fn modify_response(&self, response: &mut Response) -> Result<()> {
///         response.headers_mut().set("x-hello", "you")
///     }
/// }
///
/// plugin!(Hello: Middleware);
/// ```
#[macro_export]
macro_rules! plugin {
    ($plugin:ty : $($role:ident),+ $(,)?) => {
        impl $crate::Guest for $plugin {
            const NAME: &'static str = ::core::env!("CARGO_PKG_NAME");
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            const ROLES: &'static [$crate::Role] = $crate::__roles!([] $($role)+);
            $($crate::__role!($role);)+
        }

        const _: () = {
            #[allow(unused_imports, reason = "each constant comes from here only where the role is not implemented")]
            use $crate::guest::NotImplemented as _;
            type Implements = $crate::guest::Implements<$plugin>;
            $crate::guest::check_roles(
                <$plugin as $crate::Guest>::ROLES,
                [Implements::DIRECTOR, Implements::MIDDLEWARE, Implements::MODIFY_RESPONSE],
            );
            $crate::guest::check_tick(<$plugin as $crate::Guest>::TICKS, Implements::TICK);
        };

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            ::std::thread_local! {
                static SLOT: $crate::guest::Slot<$plugin> = const { $crate::guest::Slot::new() };
            }

            #[unsafe(no_mangle)]
            extern "C" fn gatewright_abi_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn gatewright_manifest() -> i64 {
                $crate::guest::manifest::<$plugin>()
            }

            #[unsafe(no_mangle)]
            extern "C" fn gatewright_init() -> i32 {
                SLOT.with($crate::guest::init)
            }

            #[unsafe(no_mangle)]
            extern "C" fn gatewright_on_body() -> i32 {
                SLOT.with($crate::guest::on_body)
            }

            $($crate::__export!($role);)+
        };
    };
}

/// The roles among what [`plugin!`] names.
#[macro_export]
#[doc(hidden)]
macro_rules! __roles {
    ([$($role:ident)*]) => { &[$($crate::Role::$role),*] };
    ([$($role:ident)*] Tick $($rest:ident)*) => { $crate::__roles!([$($role)*] $($rest)*) };
    ([$($role:ident)*] $next:ident $($rest:ident)*) => { $crate::__roles!([$($role)* $next] $($rest)*) };
}

/// The hooks of a role, as items of an implementation of [`Guest`].
#[macro_export]
#[doc(hidden)]
macro_rules! __role {
    (Director) => {
        const DIRECT_BODY: $crate::BodyMode = <Self as $crate::Director>::BODY;

        fn direct(
            &self,
            request: &mut $crate::Request,
            direction: &mut $crate::Direction,
        ) -> $crate::Result<()> {
            $crate::Director::direct(self, request, direction)
        }
    };
    (Middleware) => {
        const ON_REQUEST_BODY: $crate::BodyMode = <Self as $crate::Middleware>::REQUEST_BODY;
        const ON_RESPONSE_BODY: $crate::BodyMode = <Self as $crate::Middleware>::RESPONSE_BODY;

        fn on_request(&self, request: &mut $crate::Request) -> $crate::Result<$crate::Flow> {
            $crate::Middleware::on_request(self, request)
        }

        fn on_response(&self, response: &mut $crate::Response) -> $crate::Result<()> {
            $crate::Middleware::on_response(self, response)
        }
    };
    (ModifyResponse) => {
        const MODIFY_RESPONSE_BODY: $crate::BodyMode = <Self as $crate::ModifyResponse>::BODY;

        fn modify_response(&self, response: &mut $crate::Response) -> $crate::Result<()> {
            $crate::ModifyResponse::modify_response(self, response)
        }
    };
    (Tick) => {
        const TICKS: bool = true;

        fn period(&self) -> ::core::time::Duration {
            $crate::Tick::period(self)
        }

        fn on_tick(&self) -> $crate::Result<()> {
            $crate::Tick::on_tick(self)
        }
    };
    ($other:ident) => {
        ::core::compile_error!("here go Director, Middleware, ModifyResponse and Tick");
    };
}

/// The exports of a role, beside a `SLOT`.
#[macro_export]
#[doc(hidden)]
macro_rules! __export {
    (Director) => {
        #[unsafe(no_mangle)]
        extern "C" fn gatewright_direct() -> i32 {
            SLOT.with($crate::guest::direct)
        }
    };
    (Middleware) => {
        #[unsafe(no_mangle)]
        extern "C" fn gatewright_on_request() -> i32 {
            SLOT.with($crate::guest::on_request)
        }

        #[unsafe(no_mangle)]
        extern "C" fn gatewright_on_response() -> i32 {
            SLOT.with($crate::guest::on_response)
        }
    };
    (ModifyResponse) => {
        #[unsafe(no_mangle)]
        extern "C" fn gatewright_modify_response() -> i32 {
            SLOT.with($crate::guest::modify_response)
        }
    };
    (Tick) => {
        #[unsafe(no_mangle)]
        extern "C" fn gatewright_on_tick() -> i32 {
            SLOT.with($crate::guest::on_tick)
        }
    };
    ($other:ident) => {};
}
