//! `CallId`, its table and the markers in `calls`.

use std::fmt::Write as _;

use crate::model::{Call, Segment, rust_path};

pub(crate) fn generate(calls: &[Call]) -> String {
    let mut out = String::new();
    ids(&mut out, calls);
    table(&mut out, calls);
    markers(&mut out, calls);
    visit(&mut out, calls);
    out
}

/// From a number to a type: the one match over all calls.
fn visit(out: &mut String, calls: &[Call]) {
    out.push_str(
        "impl CallId {\n/// Runs generic code for a call that is known only at run time.\n\
         pub fn visit<V: CallVisitor>(self, visitor: V) -> V::Out {\nmatch self {\n",
    );
    for call in calls {
        _ = writeln!(out, "Self::{0} => visitor.visit::<calls::{0}>(),", call.name);
    }
    out.push_str("}\n}\n}\n");
}

fn ids(out: &mut String, calls: &[Call]) {
    out.push_str("/// Every call of the client API.\n");
    out.push_str("#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]\n");
    out.push_str("#[repr(u8)]\npub enum CallId {\n");
    for call in calls {
        doc(out, call);
        _ = writeln!(out, "{},", call.name);
    }
    out.push_str("}\n");
    out.push_str("impl CallId {\n/// Every call, in the order of the definitions.\n");
    _ = writeln!(out, "pub const ALL: [Self; {}] = [", calls.len());
    for call in calls {
        _ = writeln!(out, "Self::{},", call.name);
    }
    out.push_str("];\n}\n");
}

fn table(out: &mut String, calls: &[Call]) {
    _ = writeln!(out, "static INFOS: [CallInfo; {}] = [", calls.len());
    for call in calls {
        _ = write!(
            out,
            "CallInfo {{ id: CallId::{0}, name: {0:?}, grpc_path: {1:?}, auth: Auth::{2}, bindings: &[",
            call.name, call.grpc_path, call.auth
        );
        for b in &call.bindings {
            _ = write!(out, "Binding {{ verb: Verb::{}, path: {:?}, segments: &[", b.verb, b.path);
            for s in &b.segments {
                _ = match s {
                    Segment::Fixed(t) => write!(out, "Segment::Fixed({t:?}),"),
                    Segment::Param(t) => write!(out, "Segment::Param({t:?}),"),
                    Segment::Rest(t) => write!(out, "Segment::Rest({t:?}),"),
                };
            }
            _ = match b.body.as_str() {
                "" => write!(out, "], body: BodyRule::None }},"),
                "*" => write!(out, "], body: BodyRule::All }},"),
                name => write!(out, "], body: BodyRule::Field({name:?}) }},"),
            };
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n");
    let service = calls[0].grpc_path.rsplit_once('/').map_or("", |(service, _)| service);
    _ = writeln!(out, "const SERVICE: &str = {service:?};");
    let mut names: Vec<_> = calls.iter().map(|c| &c.name).collect();
    names.sort();
    _ = writeln!(out, "static BY_NAME: [(&str, CallId); {}] = [", names.len());
    for name in names {
        _ = writeln!(out, "({name:?}, CallId::{name}),");
    }
    out.push_str("];\n");
}

fn markers(out: &mut String, calls: &[Call]) {
    out.push_str("/// One type per call, to name it in generic code.\npub mod calls {\n");
    out.push_str("use crate::{Call, CallId};\n");
    for call in calls {
        doc(out, call);
        let (name, request, response) =
            (&call.name, rust_path(&call.request), rust_path(&call.response));
        _ = write!(
            out,
            "#[derive(Clone, Copy, Debug)]\npub struct {name};\n\
             impl Call for {name} {{\n\
             type Request = {request};\ntype Response = {response};\n\
             const ID: CallId = CallId::{name};\n}}\n"
        );
    }
    out.push_str("}\n");
}

fn doc(out: &mut String, call: &Call) {
    if call.doc.is_empty() {
        _ = writeln!(out, "/// `{}`.", call.name);
    }
    for line in call.doc.lines() {
        _ = writeln!(out, "/// {}", line.trim());
    }
}
