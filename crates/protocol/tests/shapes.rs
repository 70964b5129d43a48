//! Shapes say what the JSON form says.

use tavern_protocol::{
    Call, CallId, CallVisitor, FieldArity, FieldKind, MessageShape, Unknown, Wire, api,
};

#[test]
fn a_shape_names_fields_in_both_habits() {
    let shape = api::Group::shape();
    assert_eq!(shape.name, "nakama.api.Group");
    let field = shape.field("avatarUrl").expect("camel");
    assert_eq!(field.name, "avatar_url");
    assert!(matches!(field.kind, FieldKind::Text));
    let times = shape.field("create_time").expect("snake");
    assert_eq!(times.arity, FieldArity::Optional);
    assert!(matches!(times.kind, FieldKind::Time));
}

/// An object that sets each field to a value of the kind that the shape names.
fn sample(shape: &MessageShape, depth: u8) -> String {
    let mut out = String::from("{");
    let mut seen_member = false;
    for field in shape.fields {
        if field.arity == FieldArity::Member && std::mem::replace(&mut seen_member, true) {
            continue;
        }
        let one = match field.kind {
            FieldKind::Bool => "true".to_owned(),
            FieldKind::Int => "1".to_owned(),
            FieldKind::Long => "\"1\"".to_owned(),
            FieldKind::Double => "1.5".to_owned(),
            FieldKind::Text => "\"x\"".to_owned(),
            FieldKind::Bytes => "\"AA==\"".to_owned(),
            FieldKind::Time => "\"2024-02-29T23:59:59Z\"".to_owned(),
            FieldKind::Message(inner) if depth < 4 => sample(inner, depth + 1),
            FieldKind::Message(_) => "{}".to_owned(),
        };
        let value = match field.arity {
            FieldArity::List => format!("[{one}]"),
            FieldArity::Map => format!("{{\"k\":{one}}}"),
            FieldArity::Plain | FieldArity::Optional | FieldArity::Member => one,
        };
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&format!("\"{}\":{value}", field.camel));
    }
    out.push('}');
    out
}

struct Check;
impl CallVisitor for Check {
    type Out = &'static str;
    fn visit<C: Call>(self) -> &'static str {
        for (shape, read) in [
            (C::Request::shape(), back::<C::Request> as fn(&str) -> Result<String, String>),
            (C::Response::shape(), back::<C::Response>),
        ] {
            let text = sample(shape, 0);
            let written = read(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", shape.name));
            for field in shape.fields.iter().filter(|f| f.arity != FieldArity::Member) {
                let key = format!("\"{}\":", field.name);
                assert!(written.contains(&key), "{} lacks {key}: {written}", shape.name);
            }
        }
        C::ID.name()
    }
}

fn back<M: Wire>(text: &str) -> Result<String, String> {
    let message = M::read_json(text.as_bytes(), Unknown::Reject).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(message.to_json()).expect("JSON is UTF-8"))
}

#[test]
fn every_call_is_visited_and_its_messages_have_the_shape_they_say() {
    for id in CallId::ALL {
        assert_eq!(id.visit(Check), id.name());
    }
}
