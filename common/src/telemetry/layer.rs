//! The subscriber's layer: gathers an event and its spans into an [`Entry`] and hands it on.

use std::time::{SystemTime, UNIX_EPOCH};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::entry::{Entry, Fields};
use crate::time::UnixMs;

/// Hands every event to one function.
pub(super) struct LineLayer {
    write: Box<dyn Fn(&Entry) + Send + Sync>,
}

impl LineLayer {
    pub(super) fn new(write: impl Fn(&Entry) + Send + Sync + 'static) -> Self {
        Self { write: Box::new(write) }
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for LineLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut around = Fields::default();
        let spans = context.event_scope(event).into_iter();
        for span in spans.flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                fields.iter().for_each(|(name, datum)| around.put(name, datum.clone()));
            }
        }
        (self.write)(&Entry::new(now(), event, around));
    }
}

fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
