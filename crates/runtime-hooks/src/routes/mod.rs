//! Routes of server code's own on the listeners of clients: what answers a request whose path is
//! none of the product's.

mod message;
mod method;
mod pattern;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hashbrown::HashMap;

use crate::context::HookContext;
use crate::error::{HookError, LoadError};
use crate::hooks::{Hooks, guarded};
use crate::registrar::{Entry, Registrar};

pub use message::{
    HttpRequest, HttpResponse, MAX_RESPONSE_BODY, MAX_RESPONSE_HEADER_BYTES, MAX_RESPONSE_HEADERS,
};
pub use method::{HttpMethod, HttpMethods};
pub use pattern::RoutePattern;
use pattern::Segments;

/// Most routes of a server.
pub const MAX_ROUTES: usize = 1_000;

/// Answers a request.
type HttpFn = Arc<
    dyn Fn(HookContext, HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HookError>>
        + Send
        + Sync,
>;

/// A registered route.
#[derive(Clone)]
struct Registered {
    pattern: Arc<RoutePattern>,
    methods: HttpMethods,
    entry: Entry<HttpFn>,
}

/// All routes, by the first part of their paths, which is text. Those with the same first part are
/// in the order in which they are tried.
#[derive(Clone, Default)]
pub(crate) struct Routes(HashMap<String, Vec<Registered>>);

/// The route of a request, with what its path has at the pattern's parameters.
#[derive(Clone)]
pub struct Route {
    pattern: Arc<RoutePattern>,
    params: BTreeMap<String, String>,
    entry: Entry<HttpFn>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("pattern", &self.pattern.as_str()).finish_non_exhaustive()
    }
}

impl Route {
    /// The pattern of its path.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The parameters in the path, decoded.
    #[must_use]
    pub const fn params(&self) -> &BTreeMap<String, String> {
        &self.params
    }
}

/// What there is at a path.
#[derive(Clone, Debug)]
pub enum FoundRoute {
    /// This answers.
    Route(Route),
    /// The path is there, for these methods.
    WrongMethod(HttpMethods),
    /// No route has this path.
    Nothing,
    /// The path cannot be decoded.
    Malformed,
}

impl Routes {
    /// Without those of these modules.
    pub(crate) fn without(&self, owners: &[&str]) -> Self {
        let others = |routes: &Vec<Registered>| {
            let others = routes.iter().filter(|route| !owners.contains(&&*route.entry.owner));
            others.cloned().collect::<Vec<_>>()
        };
        let left = self.0.iter().map(|(first, routes)| (first.clone(), others(routes)));
        Self(left.filter(|(_, routes)| !routes.is_empty()).collect())
    }

    fn add(&mut self, new: Registered) -> Result<(), LoadError> {
        let owner = || new.entry.owner.to_string();
        if self.0.values().map(Vec::len).sum::<usize>() >= MAX_ROUTES {
            return Err(LoadError::TooManyRoutes { module: owner(), most: MAX_ROUTES });
        }
        let routes = self.0.entry(new.pattern.first().to_owned()).or_default();
        let taken = routes
            .iter()
            .find(|other| other.pattern.is_like(&new.pattern) && other.methods.meet(new.methods));
        if let Some(taken) = taken {
            return Err(LoadError::Conflict {
                what: format!("the route {} {}", new.methods, new.pattern.as_str()),
                first: taken.entry.owner.to_string(),
                second: owner(),
            });
        }
        let place = routes.partition_point(|other| other.pattern.goes_before(&new.pattern));
        routes.insert(place, new);
        Ok(())
    }

    fn find(&self, method: &str, path: &str) -> FoundRoute {
        // Paths that nobody has registered are not taken apart.
        if self.0.is_empty() {
            return FoundRoute::Nothing;
        }
        let Some(segments) = Segments::of(path) else { return FoundRoute::Malformed };
        let Some(routes) = self.0.get(segments.first()) else { return FoundRoute::Nothing };
        let method = HttpMethod::from_name(method);
        let mut there = HttpMethods::default();
        let mut in_place_of_head = None;
        for route in routes {
            let Some(params) = route.pattern.params(&segments) else { continue };
            let found = |params| Route {
                pattern: Arc::clone(&route.pattern),
                params,
                entry: route.entry.clone(),
            };
            if method.is_some_and(|method| route.methods.has(method)) {
                return FoundRoute::Route(found(params));
            }
            if method == Some(HttpMethod::Head) && route.methods.has(HttpMethod::Get) {
                in_place_of_head.get_or_insert_with(|| found(params));
            }
            there = there.with_all(route.methods);
        }
        match in_place_of_head {
            Some(route) => FoundRoute::Route(route),
            None if there.is_empty() => FoundRoute::Nothing,
            None => FoundRoute::WrongMethod(there),
        }
    }
}

impl Registrar {
    /// Answers requests on the client port whose path fits `pattern` and whose method is among
    /// `methods`; with none given, all methods. See [`RoutePattern`] for patterns.
    ///
    /// Nobody has proved who they are: `handler` decides who may ask. HEAD is answered as GET
    /// without the body, unless registered itself. What the handler says by an error with a code of
    /// its own is told with that code's status; an internal error and a panic are a 500 that tells
    /// nothing, and so is an answer outside the bounds of [`HttpResponse`].
    ///
    /// A pattern that is none, and one that another module has for the same method, fails the load.
    pub fn http<H, F>(&mut self, pattern: &str, methods: &[HttpMethod], handler: H)
    where
        H: Fn(HookContext, HttpRequest) -> F + Send + Sync + 'static,
        F: Future<Output = Result<HttpResponse, HookError>> + Send + 'static,
    {
        match RoutePattern::parse(pattern) {
            Ok(pattern) => self.http_route(pattern, HttpMethods::of(methods), handler),
            Err(error) => {
                let (module, text) = (self.owner.to_string(), error.message.into_owned());
                self.conflict.get_or_insert(LoadError::BadRoute { module, text });
            }
        }
    }

    /// The same with a pattern that was looked at already.
    pub fn http_route<H, F>(&mut self, pattern: RoutePattern, methods: HttpMethods, handler: H)
    where
        H: Fn(HookContext, HttpRequest) -> F + Send + Sync + 'static,
        F: Future<Output = Result<HttpResponse, HookError>> + Send + 'static,
    {
        let run: HttpFn = Arc::new(move |context, request| handler(context, request).boxed());
        let entry = Entry { owner: Arc::clone(&self.owner), run };
        let new = Registered { pattern: Arc::new(pattern), methods, entry };
        if let Err(error) = self.all.routes.add(new) {
            self.conflict.get_or_insert(error);
        }
    }
}

impl Hooks {
    /// What server code has at a path, which is given as it came, without its query.
    #[must_use]
    pub fn route(&self, method: &str, path: &str) -> FoundRoute {
        self.all().routes.find(method, path)
    }

    /// Answers a request by its route.
    ///
    /// # Errors
    /// What the handler said; an internal error if it panicked or answered outside the bounds.
    pub async fn http(
        &self,
        route: &Route,
        context: HookContext,
        request: HttpRequest,
    ) -> Result<HttpResponse, HookError> {
        let run = (route.entry.run)(context, request);
        let answer = guarded(run, &route.entry.owner).await?;
        answer.check().map_err(HookError::internal)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
