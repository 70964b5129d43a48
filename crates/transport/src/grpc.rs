//! Calls over gRPC.
//!
//! No code per call: a path names the call, bytes go in and bytes come out.

use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::HeaderMap;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use tavern_api::{CallMeta, Input};
use tavern_domain::CodedError;
use tavern_protocol::CallId;
use tavern_telemetry::TraceContext;
use tonic::codec::{
    BufferSettings, Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder,
};
use tonic::server::Grpc;
use tonic::{Code, Status};

use crate::body::Body;
use crate::client::Client;
use crate::dispatch::trace;
use crate::head;
use crate::reply::{Reply, seconds};
use crate::rest::Traced;

/// Most messages are smaller.
const USUAL_MESSAGE: usize = 1024;

/// Answers a gRPC request.
pub(crate) async fn answer(client: &Arc<Client>, request: Request<Incoming>) -> Reply {
    let Some(call) = CallId::from_grpc_path(request.uri().path()) else {
        return refuse(Status::unimplemented("no such method"));
    };
    let headers = request.headers();
    let own = client.settings.call_timeout;
    let limit = deadline(headers).map_or(own, |asked| asked.min(own));
    let mut unary = Unary {
        client: Arc::clone(client),
        call,
        meta: Some(head::meta(headers, client.peer, &client.settings.proxies)),
        parent: trace(headers),
    };
    let mut grpc = Grpc::new(Plain)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(client.settings.max_body);
    let answering = grpc.unary(&mut unary, request);
    let Ok(mut reply) = tokio::time::timeout(limit, answering).await else {
        return refuse(Status::deadline_exceeded("the call took too long"));
    };
    if unary.meta.is_some() {
        // The call never began, so the status is about the message. Clients of the public
        // protocol know "resource exhausted" for one that is too large.
        let out_of_range = HeaderValue::from_static("11");
        if reply.headers().get("grpc-status") == Some(&out_of_range) {
            reply.headers_mut().insert("grpc-status", HeaderValue::from_static("8"));
        }
    }
    reply.map(Body::Grpc)
}

fn refuse(status: Status) -> Reply {
    status.into_http::<tonic::body::Body>().map(Body::Grpc)
}

/// What `grpc-timeout` asks for: at most eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

/// One call, made when its message is there.
struct Unary {
    client: Arc<Client>,
    call: CallId,
    /// Taken when the call begins.
    meta: Option<CallMeta>,
    parent: Option<TraceContext>,
}

impl tower_service::Service<tonic::Request<Bytes>> for Unary {
    type Response = tonic::Response<Vec<u8>>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let Some(meta) = self.meta.take() else {
            return ready(Err(Status::internal("one request, two calls"))).boxed();
        };
        let service = Arc::clone(&self.client.edge.service);
        let running = service.call(self.call, meta, Input::Binary(request.into_inner()));
        let traced = Traced::with_parent(&self.client, self.call.name(), self.parent.take());
        let client = Arc::clone(&self.client);
        async move {
            let answer = traced.run_on(&client, running).await.map_err(CodedError::from).flatten();
            let mut response = tonic::Response::new(answer.map_err(|error| status(&error))?);
            let mut headers = HeaderMap::new();
            traced.tell(&client, &mut headers);
            if !headers.is_empty() {
                *response.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
            }
            Ok(response)
        }
        .boxed()
    }
}

/// The status of an error. The numbers are the same.
///
/// When to try again is told twice: in seconds as over HTTP, and in the milliseconds that gRPC's
/// own retries look at.
fn status(error: &CodedError) -> Status {
    let mut status = Status::new(Code::from_i32(i32::from(error.code().number())), error.message());
    if let Some(after) = error.retry_after() {
        let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let metadata = status.metadata_mut();
        metadata.insert("retry-after", seconds(after).into());
        metadata.insert("grpc-retry-pushback-ms", millis.max(1).into());
    }
    status
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(USUAL_MESSAGE, USUAL_MESSAGE)
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(USUAL_MESSAGE, USUAL_MESSAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tavern_domain::ErrorCode;

    #[test]
    fn timeouts_have_a_unit_and_few_digits() {
        let of = |text| {
            deadline(&HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-timeout"),
                HeaderValue::from_static(text),
            )]))
        };
        assert_eq!(of("2S"), Some(Duration::from_secs(2)));
        assert_eq!(of("100m"), Some(Duration::from_millis(100)));
        assert_eq!(of("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(of("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for wrong in ["", "S", "5", "5x", "-5S", "+5S", "123456789S", "5\u{20ac}".trim_end()] {
            if wrong.is_ascii() {
                assert_eq!(of(wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn every_code_has_its_status() {
        for code in ErrorCode::ALL {
            let status = status(&CodedError::new(code, "text"));
            assert_eq!(status.code() as i32, i32::from(code.number()));
            assert_eq!(status.message(), "text");
        }
    }
}
