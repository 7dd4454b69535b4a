//! Certificates, TLS and QUIC set-up: everything of `common` that touches files, sockets and keys.
//!
//! * [`certificates`] loads a program's own certificate, key and the CAs that it trusts.
//! * [`identity`] reads who a certificate belongs to; [`verify`] decides whether a peer may speak.
//! * [`refusal`] says in one plain line why a certificate or connection was refused.
//! * [`tls`] and [`endpoint`] put both into rustls and quinn; [`handshake`] tells how an attempt ended;
//!   [`socket`] is the counted UDP socket.
//! * [`framed`] reads and writes frames on streams; [`check`] is `check-config --connect`.
//!
//! It knows frames by their header only, and nothing of hosts, alerts or the engines.

mod certificate_error;
pub mod certificates;
pub mod check;
pub mod endpoint;
pub mod framed;
pub mod handshake;
pub mod identity;
mod keyfile;
pub mod limits;
pub mod refusal;
pub mod socket;
pub mod tls;
pub mod verify;

#[cfg(test)]
mod tests;
