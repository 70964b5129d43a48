use super::*;
use crate::Value;

fn registrar() -> Registrar {
    let mut registrar = Registrar::new(Arc::default());
    registrar.begin("first");
    registrar
}

fn add(registrar: &mut Registrar, pattern: &'static str, methods: &[HttpMethod]) {
    registrar.http(pattern, methods, move |_, request| async move {
        Ok(HttpResponse::text(200, format!("{pattern} {:?}", request.params)))
    });
}

/// The pattern and the parameters that answer, or why nothing does.
fn found(hooks: &Hooks, method: &str, path: &str) -> String {
    match hooks.route(method, path) {
        FoundRoute::Route(route) => {
            let params = route.params().iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", route.pattern(), params.collect::<String>())
        }
        FoundRoute::WrongMethod(there) => format!("only {}", there.allowed()),
        FoundRoute::Nothing => "nothing".to_owned(),
        FoundRoute::Malformed => "malformed".to_owned(),
    }
}

#[test]
fn text_goes_before_a_parameter_and_a_parameter_before_the_rest() {
    let mut registrar = registrar();
    for pattern in
        ["/shop/{path...}", "/shop/{item}", "/shop/new", "/shop/{item}/price", "/shop/new/{what}"]
    {
        add(&mut registrar, pattern, &[]);
    }
    assert!(registrar.take_conflict().is_none());
    let hooks = registrar.freeze(Vec::new());
    for (path, expected) in [
        ("/shop/new", "/shop/new"),
        ("/shop/hat", "/shop/{item} item=hat"),
        ("/shop/a%2Fb%20c", "/shop/{item} item=a/b c"),
        ("/shop/hat/price", "/shop/{item}/price item=hat"),
        ("/shop/new/price", "/shop/new/{what} what=price"),
        ("/shop/a/b/c", "/shop/{path...} path=a/b/c"),
        ("/shop/", "/shop/{path...} path="),
        ("/shop", "nothing"),
        ("/Shop/new", "nothing"),
        ("/", "nothing"),
        ("/shop/%zz", "malformed"),
        ("/shop/%ff", "malformed"),
    ] {
        assert_eq!(found(&hooks, "GET", path), expected, "{path}");
    }
}

#[test]
fn methods_are_told_apart_and_get_answers_head() {
    let mut registrar = registrar();
    add(&mut registrar, "/a/{x}", &[HttpMethod::Get]);
    add(&mut registrar, "/a/{y}", &[HttpMethod::Post]);
    add(&mut registrar, "/a/new", &[HttpMethod::Put]);
    add(&mut registrar, "/b", &[HttpMethod::Get]);
    add(&mut registrar, "/b", &[HttpMethod::Head]);
    assert!(registrar.take_conflict().is_none());
    let hooks = registrar.freeze(Vec::new());
    assert_eq!(found(&hooks, "POST", "/a/1"), "/a/{y} y=1");
    assert_eq!(found(&hooks, "HEAD", "/a/1"), "/a/{x} x=1");
    assert_eq!(found(&hooks, "GET", "/a/new"), "/a/{x} x=new", "it has the path for other methods");
    assert_eq!(found(&hooks, "PUT", "/a/1"), "only GET, HEAD, POST, OPTIONS");
    assert_eq!(found(&hooks, "BREW", "/a/new"), "only GET, HEAD, POST, PUT, OPTIONS");
    let FoundRoute::Route(head) = hooks.route("HEAD", "/b") else { panic!("it is there") };
    assert!(head.params().is_empty());
}

#[test]
fn what_is_no_pattern_is_refused() {
    for wrong in [
        "",
        "shop",
        "/",
        "//",
        "/{shop}",
        "/{all...}",
        "/a//b",
        "/a/{}",
        "/a/{b:[0-9]+}",
        "/a/{b",
        "/a/b}",
        "/a/{b}c",
        "/a/{b...}/c",
        "/a/{b}/{b}",
        "/a b",
        "/a?b",
        "/a%20b",
        "/v2/mine",
        "/v2",
        "/v2/",
        "/ws",
        "/healthcheck",
        "/openapi.json",
        "/asyncapi.json/x",
        "/nakama.api.Nakama/GetAccount",
    ] {
        let error = RoutePattern::parse(wrong).unwrap_err();
        assert_eq!(error.code, tavern_domain::ErrorCode::InvalidArgument, "{wrong}");
    }
    assert!(RoutePattern::parse(&format!("/{}", "a/".repeat(40))).is_err());
    assert!(RoutePattern::parse(&format!("/{}", "a".repeat(512))).is_err());
    assert!(RoutePattern::parse("/hooks/{provider}/events").is_ok());
    let mut registrar = registrar();
    add(&mut registrar, "/v2/rpc/mine", &[]);
    let refused = registrar.take_conflict().unwrap().to_string();
    assert!(refused.contains("first") && refused.contains("/v2/rpc/mine"), "{refused}");
}

#[test]
fn two_modules_cannot_have_one_route() {
    let mut registrar = registrar();
    add(&mut registrar, "/a/{x}", &[HttpMethod::Get, HttpMethod::Post]);
    registrar.begin("second");
    add(&mut registrar, "/a/{y}", &[HttpMethod::Put]);
    assert!(registrar.take_conflict().is_none());
    add(&mut registrar, "/a/{y}", &[HttpMethod::Post]);
    let conflict = registrar.take_conflict().unwrap().to_string();
    assert_eq!(conflict, "the route POST /a/{y} is registered by both first and second");
}

#[test]
fn there_is_a_most_of_routes() {
    let mut registrar = registrar();
    for n in 0..MAX_ROUTES {
        registrar.http(&format!("/a/{n}"), &[], |_, _| async { Ok(HttpResponse::empty(204)) });
    }
    assert!(registrar.take_conflict().is_none());
    add(&mut registrar, "/one/more", &[]);
    assert!(matches!(registrar.take_conflict(), Some(LoadError::TooManyRoutes { .. })));
}

#[test]
fn answers_of_scripts_are_read_and_bounded() {
    let field = |name: &str, value| (name.to_owned(), value);
    let text = |text: &str| Value::Text(text.to_owned());
    let read = |fields| HttpResponse::from_script(Value::Map(fields));
    assert_eq!(HttpResponse::from_script(Value::Null).unwrap(), HttpResponse::empty(204));
    assert_eq!(HttpResponse::from_script(text("x")).unwrap(), HttpResponse::text(200, "x"));
    let many = Value::List(vec![text("a=1"), text("b=2")]);
    let headers = Value::Map(vec![field("Set-Cookie", many), field("X-N", Value::Int(3))]);
    let full = read(vec![
        field("status", Value::Int(418)),
        field("headers", headers),
        field("body", Value::Bytes(vec![0xff])),
    ]);
    let full = full.unwrap();
    assert_eq!(full.status, 418);
    let shown: Vec<_> = full.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    let expected =
        ["Set-Cookie: a=1", "Set-Cookie: b=2", "X-N: 3", "content-type: application/octet-stream"];
    assert_eq!(shown, expected);
    assert!(full.check().is_ok());
    for wrong in [
        vec![field("boddy", text("x"))],
        vec![field("status", text("200"))],
        vec![field("body", Value::Int(1))],
        vec![field("headers", Value::Map(vec![field("a", Value::Bool(true))]))],
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong:?}");
    }
    assert!(HttpResponse::from_script(Value::Int(200)).is_err());
    let with = |status, name: &str, value: &str, body: Vec<u8>| HttpResponse {
        status,
        headers: vec![(name.to_owned(), value.to_owned())],
        body: body.into(),
    };
    for wrong in [
        HttpResponse::empty(101),
        HttpResponse::empty(600),
        HttpResponse::text(204, "x"),
        with(200, "a b", "x", vec![]),
        with(200, "a", "x\r\ny: z", vec![]),
        with(200, "Transfer-Encoding", "chunked", vec![]),
        with(200, "a", &"x".repeat(MAX_RESPONSE_HEADER_BYTES), vec![]),
        with(200, "a", "b", vec![0; MAX_RESPONSE_BODY + 1]),
        HttpResponse {
            headers: vec![("a".to_owned(), String::new()); MAX_RESPONSE_HEADERS + 1],
            ..HttpResponse::empty(200)
        },
    ] {
        assert!(wrong.check().is_err(), "{:?} {:?}", wrong.status, wrong.headers.first());
    }
}

#[tokio::test]
async fn a_panic_and_an_impossible_answer_fail_the_request_alone() {
    let mut registrar = registrar();
    registrar.http("/a/panic", &[], |_, request| async move {
        assert_eq!(request.path, "another");
        Ok(HttpResponse::empty(204))
    });
    registrar.http("/a/odd", &[], |_, _| async { Ok(HttpResponse::empty(0)) });
    let hooks = registrar.freeze(Vec::new());
    for path in ["/a/panic", "/a/odd"] {
        let FoundRoute::Route(route) = hooks.route("GET", path) else { panic!("it is there") };
        let node = tavern_domain::NodeName::new("here").unwrap();
        let context = HookContext::of_server(node);
        let error = hooks.http(&route, context, HttpRequest::default()).await.unwrap_err();
        assert_eq!(error.code, tavern_domain::ErrorCode::Internal);
        assert_eq!(error.message, "internal error");
    }
}
