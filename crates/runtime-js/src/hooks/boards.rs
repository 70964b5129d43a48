//! What scripts are told when a board resets or ends.

use std::sync::Arc;

use tavern_protocol::wkt::Timestamp;
use tavern_protocol::{Wire, api};
use tavern_runtime_hooks::{HookContext, HookError, Registrar, Value};

use super::Engine;
use crate::{context, message};

pub(super) fn leaderboard_reset(registrar: &mut Registrar, engine: Arc<Engine>, function: usize) {
    let what: Arc<str> = "leaderboard reset".into();
    registrar.leaderboard_reset(move |call: HookContext, board: api::Leaderboard, reset| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![leaderboard(&board), Value::Int(reset)];
            let context = context::hook("leaderboard_reset", &call);
            engine.call(function, &what, context, arguments).await.map(|_ignored| ())
        }
    });
}

/// The end of a tournament's active time, or its reset.
pub(super) fn tournament(
    registrar: &mut Registrar,
    engine: Arc<Engine>,
    function: usize,
    is_end: bool,
) {
    let (mode, what) = if is_end {
        ("tournament_end", "tournament end")
    } else {
        ("tournament_reset", "tournament reset")
    };
    let what: Arc<str> = what.into();
    let hook = move |call: HookContext, board: api::Tournament, end, reset| {
        let (engine, what) = (Arc::clone(&engine), Arc::clone(&what));
        async move {
            let arguments = vec![tournament_of(&board), Value::Int(end), Value::Int(reset)];
            let context = context::hook(mode, &call);
            let told: Result<(), HookError> =
                engine.call(function, &what, context, arguments).await.map(|_ignored| ());
            told
        }
    };
    if is_end {
        registrar.tournament_end(hook);
    } else {
        registrar.tournament_reset(hook);
    }
}

fn leaderboard(board: &api::Leaderboard) -> Value {
    let times = [("createTime", board.create_time)];
    readable(board, &times, &board.metadata)
}

fn tournament_of(board: &api::Tournament) -> Value {
    let times = [
        ("createTime", board.create_time),
        ("startTime", board.start_time),
        ("endTime", board.end_time),
    ];
    readable(board, &times, &board.metadata)
}

/// A board as scripts have boards: times in Unix seconds, metadata as a value.
fn readable<M: Wire>(board: &M, times: &[(&str, Option<Timestamp>)], metadata: &str) -> Value {
    let Value::Map(mut fields) = message::to_script(board) else { return Value::Null };
    for (name, value) in &mut fields {
        if name == "metadata" {
            *value = Value::from_json(metadata).unwrap_or_else(|_| Value::Map(Vec::new()));
        } else if let Some((_, time)) = times.iter().find(|(time, _)| time == name) {
            *value = time.map_or(Value::Int(0), |time| Value::Int(time.seconds));
        }
    }
    Value::Map(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_have_times_in_seconds_and_metadata_as_a_value() {
        let board = api::Tournament {
            id: "t".into(),
            metadata: r#"{"prize":5}"#.into(),
            start_time: Some(Timestamp { seconds: 77, nanos: 0 }),
            ..api::Tournament::default()
        };
        let seen = tournament_of(&board);
        assert_eq!(seen.get("metadata").get("prize"), &Value::Int(5));
        assert_eq!(seen.get("startTime"), &Value::Int(77));
        assert_eq!(seen.get("endTime"), &Value::Int(0));
        assert_eq!(seen.get("maxNumScore"), &Value::Int(0));
    }
}
