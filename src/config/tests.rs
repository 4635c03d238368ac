//! The golden files.
