//! What looking at a token's checks can cost, found out without looking at them.
//!
//! The engine's own limits are looked at between two queries, not within one, and a query walks over
//! every combination of facts that its predicates match: some dozen facts and one check are enough
//! for years. So a token is measured when it is verified, and one that could cost too much is no
//! token. To make that measurable, blocks hold facts and checks but no rules, facts hold plain
//! values, and nothing compiles a regular expression.

use biscuit_auth::format::schema::{
    AuthorizerSnapshot, Op, Predicate, Rule, Term, op, op_binary, op_unary, term,
};
use hashbrown::HashMap;

use crate::facts::MAX_AMBIENT;

/// The most steps that the checks of a token may take for one thing; a step is in the order of a
/// hundred nanoseconds.
pub(crate) const MAX_STEPS: u64 = 20_000;

/// What a token may not hold.
const RULES: &str = "a block has rules";
const VALUES: &str = "a fact or predicate has a collection";
const NESTED: &str = "a collection within a collection";
const FUNCTIONS: &str = "an expression has a regular expression or an external function";
const COSTLY: &str = "its checks could take too long";
const ODD: &str = "an expression is incomplete";

/// How many facts there are by name and number of terms.
type Counts = HashMap<(u64, usize), u64>;

/// The most steps that the checks of a token take for one thing, whatever the facts of the call.
///
/// # Errors
/// What is wrong with a token that is not looked at: a text for its holder.
pub(crate) fn of(token: &AuthorizerSnapshot, bytes: usize) -> Result<u64, &'static str> {
    let blocks = &token.world.blocks;
    let mut counts = Counts::new();
    let mut facts = MAX_AMBIENT;
    for fact in blocks.iter().flat_map(|block| &block.facts) {
        plain(&fact.predicate, false)?;
        facts += 1;
        *counts.entry((fact.predicate.name, fact.predicate.terms.len())).or_default() += 1;
    }
    if blocks.iter().any(|block| !block.rules.is_empty()) {
        return Err(RULES);
    }
    // Every call takes the token apart anew.
    let mut steps = bytes as u64 / 8 + facts;
    let checks = blocks.iter().flat_map(|block| &block.checks);
    for query in checks.flat_map(|check| &check.queries) {
        steps = steps.saturating_add(query_steps(query, facts, &counts)?);
    }
    if steps > MAX_STEPS { Err(COSTLY) } else { Ok(steps) }
}

/// For each combination of facts that fit the predicates so far, all facts are walked over to find
/// those that fit the next; the expressions are evaluated for each whole combination.
fn query_steps(query: &Rule, facts: u64, counts: &Counts) -> Result<u64, &'static str> {
    let (mut steps, mut combinations) = (0u64, 1u64);
    for predicate in &query.body {
        plain(predicate, true)?;
        let terms = predicate.terms.len();
        steps = steps.saturating_add(combinations.saturating_mul(facts));
        // One more, for the call may have a fact of any name.
        let fitting = counts.get(&(predicate.name, terms)).copied().unwrap_or_default() + 1;
        combinations = combinations.saturating_mul(fitting);
        steps = steps.saturating_add(combinations.saturating_mul(1 + terms as u64));
    }
    for expression in &query.expressions {
        let cost = ops_cost(&expression.ops, collected(&expression.ops)?.max(1))?;
        steps = steps.saturating_add(combinations.saturating_mul(cost));
    }
    Ok(steps)
}

fn plain(predicate: &Predicate, variables: bool) -> Result<(), &'static str> {
    for term in &predicate.terms {
        match &term.content {
            Some(term::Content::Variable(_)) if variables => {}
            Some(
                term::Content::Integer(_)
                | term::Content::String(_)
                | term::Content::Date(_)
                | term::Content::Bytes(_)
                | term::Content::Bool(_)
                | term::Content::Null(_),
            ) => {}
            Some(
                term::Content::Variable(_)
                | term::Content::Set(_)
                | term::Content::Array(_)
                | term::Content::Map(_),
            )
            | None => return Err(VALUES),
        }
    }
    Ok(())
}

/// How many values all collections of an expression have together. No collection that it makes
/// can have more, for each is made of some of them, once.
fn collected(ops: &[Op]) -> Result<u64, &'static str> {
    let mut size = 0u64;
    for op in ops {
        size = size.saturating_add(match &op.content {
            Some(op::Content::Value(value)) => values(value)?,
            Some(op::Content::Closure(closure)) => collected(&closure.ops)?,
            Some(op::Content::Unary(_) | op::Content::Binary(_)) => 0,
            None => return Err(ODD),
        });
    }
    Ok(size)
}

/// How many values a term has; a plain one has none of its own.
fn values(term: &Term) -> Result<u64, &'static str> {
    let flat = |terms: &mut dyn Iterator<Item = &Term>| {
        let mut size = 0;
        for term in terms {
            if values(term)? > 0 || is_collection(term) {
                return Err(NESTED);
            }
            size += 1;
        }
        Ok(size)
    };
    match &term.content {
        Some(term::Content::Set(set)) => flat(&mut set.set.iter()),
        Some(term::Content::Array(array)) => flat(&mut array.array.iter()),
        Some(term::Content::Map(map)) => flat(&mut map.entries.iter().map(|entry| &entry.value)),
        Some(
            term::Content::Variable(_)
            | term::Content::Integer(_)
            | term::Content::String(_)
            | term::Content::Date(_)
            | term::Content::Bytes(_)
            | term::Content::Bool(_)
            | term::Content::Null(_),
        ) => Ok(0),
        None => Err(ODD),
    }
}

fn is_collection(term: &Term) -> bool {
    matches!(
        term.content,
        Some(term::Content::Set(_) | term::Content::Array(_) | term::Content::Map(_))
    )
}

/// What evaluating an expression costs, where collections have at most `most` values: each
/// operation may walk over one, and a closure with a parameter runs for each value.
fn ops_cost(ops: &[Op], most: u64) -> Result<u64, &'static str> {
    let mut cost = 1u64;
    for op in ops {
        cost = cost.saturating_add(match &op.content {
            Some(op::Content::Value(value)) => 1 + values(value)?,
            Some(op::Content::Unary(unary)) => {
                if unary.kind == op_unary::Kind::Ffi as i32 {
                    return Err(FUNCTIONS);
                }
                1
            }
            Some(op::Content::Binary(binary)) => {
                let kind = binary.kind;
                if kind == op_binary::Kind::Regex as i32 || kind == op_binary::Kind::Ffi as i32 {
                    return Err(FUNCTIONS);
                }
                1 + most
            }
            Some(op::Content::Closure(closure)) => {
                let times = if closure.params.is_empty() { 1 } else { most };
                times.saturating_mul(ops_cost(&closure.ops, most)?)
            }
            None => return Err(ODD),
        });
    }
    Ok(cost)
}
