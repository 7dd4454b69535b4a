//! /healthz, /readyz and /metrics on loopback: read only, few connections, each with a short life.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll, ready};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use super::exposition::Source;
use crate::error::DaemonError;
use crate::limits::{HTTP_CONNECTION_LIFE, HTTP_CONNECTIONS_MAX};

/// Whether the daemon does its work, and why not. Shared with whoever starts and stops it.
#[derive(Debug, Clone)]
pub(super) struct Health {
    why_not: Arc<ArcSwap<Option<String>>>,
    source: Arc<OnceLock<Source>>,
}

impl Default for Health {
    fn default() -> Self {
        let starting = Some("starting".to_owned());
        Self { why_not: Arc::new(ArcSwap::from_pointee(starting)), source: Arc::default() }
    }
}

impl Health {
    /// It does its work.
    pub(super) fn ready(&self) {
        self.why_not.store(Arc::new(None));
    }

    /// It does not, and why.
    pub(super) fn not_ready(&self, why: impl Into<String>) {
        self.why_not.store(Arc::new(Some(why.into())));
    }

    /// From where `/metrics` has its numbers, once there are any.
    pub(super) fn measure(&self, source: Source) {
        let _ = self.source.set(source);
    }

    fn why_not(&self) -> Option<String> {
        let own: Option<String> = (**self.why_not.load()).clone();
        own.or_else(|| self.source.get().and_then(Source::why_not_ready))
    }
}

/// Opens the HTTP port.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, DaemonError> {
    TcpListener::bind(address).await.map_err(|source| DaemonError::Http { address, source })
}

/// Answers until the program ends.
pub(super) async fn serve(listener: TcpListener, health: Health) {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    let permits = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
    if let Err(error) = axum::serve(Bounded { listener, permits }, routes).await {
        tracing::warn!(reason = %error, "HTTP is no longer served");
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    match health.why_not() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let Some(source) = health.source.get() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response();
    };
    match source.text().await {
        Some(text) => ([(header::CONTENT_TYPE, TYPE)], text).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine is busy\n").into_response(),
    }
}

/// A listener that lets in only so many connections at a time.
struct Bounded {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Short;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Short, SocketAddr) {
        let permit = self.permits.clone().acquire_owned().await.ok();
        // Waits and tries again when the system is out of descriptors.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let end = Box::pin(sleep(HTTP_CONNECTION_LIFE));
        (Short { stream, end, _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection with a short life.
struct Short {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Short {
    fn poll_alive(&mut self, context: &mut TaskContext<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Short {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_alive(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Short {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_alive(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.poll_alive(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }
}
