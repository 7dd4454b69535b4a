//! Endpoints that are used again: each attempt dials from a new socket, but not with new buffers.
//!
//! A quinn endpoint holds 3 MB for receiving. Untouched they cost nothing, but an allocator that gets
//! them back hands them out again as memory in use; so they are never given back.

use std::sync::{Arc, Mutex, PoisonError};

use std::net::SocketAddr;

use systole_common::net::endpoint::{ClientEndpoint, EndpointError, client_endpoint};
use systole_common::net::limits::CLIENT_SOCKET_BUFFER_BYTES;
use systole_common::net::socket::{bind, local_for};

/// All endpoints of this agent, in use or not: a few for each daemon.
#[derive(Debug, Default)]
pub(in crate::shell) struct Endpoints {
    all: Mutex<Vec<Arc<ClientEndpoint>>>,
}

impl Endpoints {
    /// An endpoint with a new socket, to dial `remote` from. It is free again when dropped.
    pub(in crate::shell) fn fresh(
        &self,
        remote: SocketAddr,
    ) -> Result<Arc<ClientEndpoint>, EndpointError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let local = local_for(remote);
        let Some(free) = all.iter().find(|endpoint| Arc::strong_count(endpoint) == 1) else {
            let endpoint = Arc::new(client_endpoint(local)?);
            all.push(endpoint.clone());
            return Ok(endpoint);
        };
        bind(local, CLIENT_SOCKET_BUFFER_BYTES)
            .and_then(|(socket, _)| free.endpoint().rebind(socket))
            .map_err(|source| EndpointError::Bind { address: local, source })?;
        Ok(free.clone())
    }

    /// Waits until no connection has anything to send any more, its close included.
    pub(in crate::shell) async fn idle(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for endpoint in all {
            endpoint.endpoint().wait_idle().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_is_free_is_used_again_from_another_port() {
        let endpoints = Endpoints::default();
        let remote: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let port = |one: &Arc<ClientEndpoint>| one.endpoint().local_addr().unwrap().port();
        let first = endpoints.fresh(remote).unwrap();
        let second = endpoints.fresh(remote).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        let before = port(&first);
        drop(first);
        let third = endpoints.fresh(remote).unwrap();
        assert_ne!(port(&third), before);
        assert_eq!(endpoints.all.lock().unwrap().len(), 2);
    }
}
