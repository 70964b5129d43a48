//! Sending spans to an OpenTelemetry collector, by gRPC without TLS.
//!
//! A collector stands beside the server or in the same private network; TLS towards a remote
//! backend is the collector's work.

use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, TraceContextExt, TraceFlags, TraceState as OtelState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::tracer::SPAN_TARGET;
use crate::{OtlpConfig, SpanId, TraceContext, TraceId, TraceState, Tracer};

/// Why the exporter could not be set up. A collector that cannot be reached is no reason: it is
/// tried again with every batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is not one.
    #[error("cannot send spans to {endpoint}")]
    Build {
        /// The address as configured.
        endpoint: String,
        /// Why.
        source: opentelemetry_otlp::ExporterBuildError,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Tracer {
    /// A tracer that exports. Its connection lives on the present runtime.
    ///
    /// # Errors
    /// When the address is not one.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn otlp(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(config.endpoint.clone())
            .with_timeout(config.timeout)
            .build()
            .map_err(|source| OtlpError::Build { endpoint: config.endpoint.clone(), source })?;
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(config.queue_size)
            .with_max_export_batch_size(config.queue_size.min(512))
            .build();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "tavern"),
                KeyValue::new("service.version", config.version.clone()),
                KeyValue::new("service.instance.id", config.node_name.clone()),
            ])
            .build();
        let sampler =
            Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(exporter).with_batch_config(batch).build(),
            )
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("tavern");
        Ok(Self { otlp: Some(Exporter { provider, tracer }) })
    }

    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let exporter = self.otlp.as_ref()?;
        let layer = tracing_opentelemetry::layer()
            .with_tracer(exporter.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let ours = filter_fn(|meta| meta.is_span() && meta.target() == SPAN_TARGET);
        Some(layer.with_filter(ours))
    }

    /// Sends what is waiting, within `patience`. Blocks the calling thread.
    pub(crate) fn shutdown(&self, patience: Duration) {
        let Some(exporter) = &self.otlp else { return };
        if let Err(error) = exporter.provider.shutdown_with_timeout(patience) {
            tracing::warn!(%error, "not all spans could be sent");
        }
    }
}

/// Makes `span` part of the caller's trace.
pub(crate) fn adopt(span: &Span, parent: Option<&TraceContext>) {
    let Some(parent) = parent else { return };
    let state = parent.state.as_str().parse::<OtelState>().unwrap_or_default();
    let remote = SpanContext::new(
        parent.trace_id.bits().into(),
        parent.span_id.bits().into(),
        if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() },
        true,
        state,
    );
    // Fails for a span that no layer took, and then there is nothing to adopt.
    span.set_parent(Context::new().with_remote_span_context(remote)).unwrap_or(());
}

/// The context of `span` itself, to be handed on.
pub(crate) fn context_of(span: &Span) -> Option<TraceContext> {
    let context = span.context();
    let otel = context.span().span_context().clone();
    let state = otel.trace_state().header();
    Some(TraceContext {
        trace_id: TraceId::new(u128::from_be_bytes(otel.trace_id().to_bytes()))?,
        span_id: SpanId::new(u64::from_be_bytes(otel.span_id().to_bytes()))?,
        sampled: otel.is_sampled(),
        state: TraceState::parse([state.as_str()]).unwrap_or_default(),
    })
}
