//! Spans as a collector gets them.
#![cfg(feature = "otlp")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tavern_telemetry::{
    LogConfig, Metrics, OtlpConfig, TraceContext, TraceState, Tracer, start_logging,
};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.0.lock().expect("no holder of this lock panics").push(request.into_inner());
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[test]
fn a_call_reaches_the_collector_as_part_of_its_callers_trace() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let collector = Collector::default();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let serving = tonic::transport::Server::builder().serve_with_incoming(service, incoming);
    let server = runtime.handle().spawn(serving);

    let config = OtlpConfig {
        endpoint,
        timeout: Duration::from_secs(10),
        sample_ratio: 0.0,
        queue_size: 100,
        node_name: "n1".into(),
        version: "1.2.3".into(),
    };
    let _entered = runtime.enter();
    let tracer = Tracer::otlp(&config).unwrap();
    let quiet = LogConfig { stdout: false, ..LogConfig::default() };
    let (_handle, guard) =
        start_logging(&quiet, Arc::new(|| Duration::ZERO), &Metrics::default(), &tracer).unwrap();

    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut parent = TraceContext::parse(parent).unwrap();
    parent.state = TraceState::parse(["vendor=opaque"]).unwrap();
    {
        let span = tracer.call("GetAccount", Some(&parent));
        let handed_on = tracer.context(&span).unwrap();
        assert_eq!(handed_on.trace_id, parent.trace_id);
        assert_ne!(handed_on.span_id, parent.span_id);
        assert!(handed_on.sampled);
        assert_eq!(handed_on.state, parent.state);
        let _in = span.enter();
        drop(tracer.part("database").entered());
        tracing::info_span!("of no interest to a collector").in_scope(|| {});
    }
    // A call without a caller that records is not recorded at a ratio of 0.
    drop(tracer.call("GetUsers", None).entered());
    // The end of the process sends what is waiting.
    drop(guard);
    server.abort();

    let got = collector.0.lock().unwrap();
    let resource: Vec<_> = got.iter().flat_map(|r| &r.resource_spans).collect();
    let attributes = format!("{:?}", resource[0].resource);
    assert!(attributes.contains("1.2.3") && attributes.contains("n1"), "{attributes}");
    let mut spans: Vec<_> =
        resource.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans).collect();
    spans.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = spans.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["GetAccount", "database"]);
    assert_eq!(spans[0].trace_id, parent.trace_id.bits().to_be_bytes());
    assert_eq!(spans[0].parent_span_id, parent.span_id.bits().to_be_bytes());
    assert_eq!(spans[1].parent_span_id, spans[0].span_id);
}
