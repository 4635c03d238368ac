//! Attribute macros of gatewright-sdk.
