//! The attribute macro of `gatewright-sdk`, which re-exports and documents it.

use proc_macro::{TokenStream, TokenTree};

/// Makes a type the configuration of a plugin, or a part of one: derives what reads it from JSON and what writes its
/// JSON Schema, and refuses unknown keys.
///
/// Everything that `#[serde(…)]` and `#[schemars(…)]` can say about a field works; doc comments become the
/// descriptions of the schema. A plugin without a configuration is a unit struct: `#[config] struct Hello;`.
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if let Some(argument) = arguments.into_iter().next() {
        return error(&format!("`#[config]` takes no arguments, but here is `{argument}`"));
    }
    match unit_struct(item.clone()) {
        Some(name) => [item, unit_plugin(&name)].into_iter().collect(),
        None => [attributes(), item].into_iter().collect(),
    }
}

/// The name, if `item` is `struct NAME;`.
fn unit_struct(item: TokenStream) -> Option<String> {
    let mut tokens = item.into_iter().skip_while(|token| !is_ident(token, "struct")).skip(1);
    let name = tokens.next()?.to_string();
    match tokens.next()? {
        TokenTree::Punct(end) if end.as_char() == ';' => Some(name),
        _ => None,
    }
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == name)
}

fn attributes() -> TokenStream {
    parse(
        r#"
        #[derive(::gatewright_sdk::__private::serde::Deserialize, ::gatewright_sdk::__private::schemars::JsonSchema)]
        #[serde(crate = "::gatewright_sdk::__private::serde", deny_unknown_fields)]
        #[schemars(crate = "::gatewright_sdk::__private::schemars")]
        "#,
    )
}

fn unit_plugin(name: &str) -> TokenStream {
    parse(&format!(
        "impl ::gatewright_sdk::Plugin for {name} {{
            type Config = ::gatewright_sdk::NoConfig;

            fn load(_config: Self::Config) -> ::gatewright_sdk::Result<Self> {{
                ::core::result::Result::Ok({name})
            }}
        }}"
    ))
}

fn parse(code: &str) -> TokenStream {
    code.parse().unwrap_or_else(|_| error("`#[config]` wrote code that is none"))
}

fn error(message: &str) -> TokenStream {
    // A string literal and a macro call always parse.
    format!("::core::compile_error!({message:?});").parse().unwrap_or_default()
}
