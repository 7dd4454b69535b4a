//! Tests of certificates and transport: in-process loopback, real handshakes, certificates made here.

mod frames;
mod handshakes;
mod identities;
mod loading;
mod pki;
mod restart;
