//! Turns events into lines and hands them to the writer.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::format::{Fields, Line, write};
use super::writer::Sender;
use super::{LogFormat, WallClock, nanos};

pub(crate) struct LogLayer {
    format: LogFormat,
    clock: WallClock,
    writer: Sender,
}

impl LogLayer {
    pub(crate) fn new(format: LogFormat, clock: WallClock, writer: Sender) -> Self {
        Self { format, clock, writer }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = Fields::default();
        attrs.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        // Outermost first, so that what stands nearer to the event wins.
        for span in ctx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.named {
                    fields.set(name, value.clone());
                }
            }
        }
        event.record(&mut fields);
        let meta = event.metadata();
        let mut text = String::with_capacity(256);
        let line = Line {
            nanos: nanos(&self.clock),
            level: *meta.level(),
            target: meta.target(),
            fields: &fields,
        };
        write(self.format, &line, &mut text);
        self.writer.line(text);
    }
}
