//! Tables on standard output, and the same figures as JSON.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::args::{Case, Plan};
use crate::outcome::{Memory, Outcome, Unit};
use crate::scenario::{ALL, Load};
use crate::target::{Target, Usage};

/// Prints a line of the result.
pub(crate) fn say(line: &str) {
    // A reader that went away is no reason to stop measuring.
    writeln!(std::io::stdout().lock(), "{line}").ok();
}

/// Prints a line that is not part of the result.
pub(crate) fn complain(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// A figure of an outcome.
struct Column {
    key: &'static str,
    title: String,
    digits: usize,
    /// Whether one target's value is worth dividing by another's.
    ratio: bool,
    value: fn(&Outcome) -> Option<f64>,
}

fn columns(case: &Case) -> Vec<Column> {
    let unit = case.scenario.unit;
    let per = unit.name();
    let mut columns = Vec::new();
    let mut add = |key, title: &str, digits, ratio, value| {
        columns.push(Column { key, title: title.to_owned(), digits, ratio, value });
    };
    if unit == Unit::SocketSecond {
        add("sockets", "sockets", 0, false, |o| Some(o.memory?.sockets as f64));
        add("errors", "errors", 0, false, |o| Some(o.tally.errors as f64));
        add("pss_kib_per_socket", "PSS KiB/socket", 2, true, |o| {
            o.memory.as_ref().map(Memory::pss)
        });
        add("rss_kib_per_socket", "RSS KiB/socket", 2, true, |o| {
            o.memory.as_ref().map(Memory::rss)
        });
        add("rss_mib", "RSS MiB", 1, true, |o| Some(o.memory?.after.rss_kib as f64 / 1024.0));
    } else {
        add("units_per_second", &format!("{per}/s"), 0, true, |o| Some(o.units_per_second()));
        add("errors", "errors", 0, false, |o| Some(o.tally.errors as f64));
        add("p50_us", "p50 us", 0, true, |o| Some(o.tally.latency.percentiles().p50));
        add("p90_us", "p90", 0, true, |o| Some(o.tally.latency.percentiles().p90));
        add("p99_us", "p99", 0, true, |o| Some(o.tally.latency.percentiles().p99));
        add("p999_us", "p99.9", 0, true, |o| Some(o.tally.latency.percentiles().p999));
        add("max_us", "max", 0, true, |o| Some(o.tally.latency.percentiles().max));
    }
    if case.scenario.neighbours {
        add("quiet_p50_us", "alone p50", 0, true, |o| {
            Some(o.beside.as_ref()?.quiet.percentiles().p50)
        });
        add("quiet_p99_us", "alone p99", 0, true, |o| {
            Some(o.beside.as_ref()?.quiet.percentiles().p99)
        });
        add("p99_to_quiet", "p99/alone", 2, false, |o| {
            let quiet = o.beside.as_ref()?.quiet.percentiles().p99;
            Some(o.tally.latency.percentiles().p99 / quiet)
        });
        add("bad_calls", "bad calls", 0, false, |o| Some(o.beside.as_ref()?.calls as f64));
        add("rss_before_mib", "RSS MiB before", 1, false, |o| {
            Some(o.beside.as_ref()?.before.rss_kib as f64 / 1024.0)
        });
        add("rss_after_mib", "after", 1, false, |o| {
            Some(o.beside.as_ref()?.after.rss_kib as f64 / 1024.0)
        });
    }
    add("server_us", &format!("server us/{per}"), 2, true, |o| Some(o.server_micros()));
    add("server_us_spread", "+-", 2, false, |o| (o.rounds.len() > 1).then(|| o.spread()));
    add("db_us", &format!("db us/{per}"), 2, true, Outcome::database_micros);
    add("generator_cpu", "generator cpu", 2, false, |o| Some(o.generator_load()));
    if matches!(case.load, Load::Rate(_)) {
        add("generator_late_p99_us", "late p99 us", 0, false, |o| {
            Some(o.tally.lateness.percentiles().p99)
        });
    }
    columns
}

/// What is measured, in a line.
fn heading(case: &Case, plan: &Plan) -> String {
    let scenario = case.scenario;
    let mut parts = vec![scenario.name.to_owned()];
    if scenario.formats {
        parts.push(case.format.name().to_owned());
    }
    let clients = plan.clients.unwrap_or(scenario.clients);
    if scenario.unit == Unit::Delivery {
        parts.push(format!("{clients} x 1 to {}", plan.members));
    } else if scenario.load {
        parts.push(format!("{clients} clients"));
    }
    match case.load {
        Load::Rate(rate) if scenario.unit == Unit::Delivery => {
            parts.push(format!("{rate} messages/s"));
        }
        Load::Rate(rate) => parts.push(format!("{rate}/s")),
        Load::Closed if scenario.load => parts.push("closed loop".to_owned()),
        Load::Closed => {}
    }
    parts.push(format!("{} x {:?}", plan.rounds, plan.length));
    parts.join(", ")
}

/// Prints the results of a case, each target's and their ratios to the first's.
pub(crate) fn case(case: &Case, plan: &Plan, results: &[(String, Outcome)]) {
    let columns = columns(case);
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(columns.iter().map(|column| column.title.clone()));
    for (label, outcome) in results {
        let mut row = vec![label.clone()];
        row.extend(columns.iter().map(|column| shown((column.value)(outcome), column.digits)));
        rows.push(row);
    }
    for (label, ratios) in ratios(&columns, results) {
        let mut row = vec![label];
        row.extend(ratios.into_iter().map(|ratio| shown(ratio, 3)));
        rows.push(row);
    }
    say(&format!("\n{}", heading(case, plan)));
    for line in table(&rows) {
        say(&line);
    }
    for (label, outcome) in results {
        if let Some(error) = &outcome.tally.first_error {
            say(&format!("  {label}: first error: {error}"));
        }
        if outcome.generator_load() > 0.95 {
            say(&format!("  {label}: the generator used a whole core: latencies are its own too"));
        }
    }
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// For every target after the first, its figures divided by the first's.
fn ratios(columns: &[Column], results: &[(String, Outcome)]) -> Vec<(String, Vec<Option<f64>>)> {
    let Some(((first_label, first), others)) = results.split_first() else { return Vec::new() };
    let ratio = |column: &Column, other: &Outcome| {
        let (a, b) = ((column.value)(first)?, (column.value)(other)?);
        // A database that has nothing to do still breathes: that is not worth comparing.
        let least = if column.key == "db_us" { 1.0 } else { 0.0 };
        (column.ratio && a > least).then_some(b / a)
    };
    others
        .iter()
        .map(|(label, other)| {
            let row = columns.iter().map(|column| ratio(column, other)).collect();
            (format!("{label}/{first_label}"), row)
        })
        .collect()
}

/// Lines with aligned columns: the first to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(String::len).max();
    let widths: Vec<usize> = (0..columns).map(|i| width(i).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &width))| {
                if i == 0 { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") }
            });
            cells.collect::<String>().trim_end().to_owned()
        })
        .collect()
}

/// Introduces the targets, with what each uses while nobody asks anything of it.
pub(crate) fn targets(targets: &[(&Target, Usage)]) {
    for (target, rest) in targets {
        let database = match &target.database {
            Some(database) => format!("database processes {:?} and children", database.roots()),
            None => "no database found".to_owned(),
        };
        let share = |cpu: Duration| cpu.as_secs_f64() * 1e6 / rest.elapsed.as_secs_f64();
        say(&format!(
            "{}: {}, process {}, {database}; at rest {:.0} us/s, database {:.0} us/s",
            target.label,
            target.url,
            target.pid,
            share(rest.server),
            rest.database.map_or(0.0, share),
        ));
    }
}

/// The results of a case for the JSON file.
pub(crate) fn case_json(case: &Case, plan: &Plan, results: &[(String, Outcome)]) -> Value {
    let columns = columns(case);
    let object = |values: Vec<(&'static str, Option<f64>)>| -> Map<String, Value> {
        values.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
    };
    let measured: Vec<Value> = results
        .iter()
        .map(|(label, outcome)| {
            let values = columns.iter().map(|c| (c.key, (c.value)(outcome))).collect();
            let mut row = object(values);
            row.insert("target".to_owned(), json!(label));
            row.insert("operations".to_owned(), json!(outcome.tally.operations));
            row.insert("units".to_owned(), json!(outcome.tally.units));
            row.insert("seconds".to_owned(), json!(outcome.usage.elapsed.as_secs_f64()));
            row.insert("rounds_server_us".to_owned(), json!(outcome.rounds));
            row.insert("first_error".to_owned(), json!(outcome.tally.first_error));
            row.into()
        })
        .collect();
    let ratios: Vec<Value> = ratios(&columns, results)
        .into_iter()
        .map(|(label, ratios)| {
            let mut row = object(columns.iter().map(|c| c.key).zip(ratios).collect());
            row.retain(|_, ratio| !ratio.is_null());
            row.insert("targets".to_owned(), json!(label));
            row.into()
        })
        .collect();
    let rate = match case.load {
        Load::Closed => None,
        Load::Rate(rate) => Some(rate),
    };
    json!({
        "scenario": case.scenario.name,
        "format": case.scenario.formats.then(|| case.format.name()),
        "unit": case.scenario.unit.name(),
        "rate": rate,
        "clients": plan.clients.unwrap_or(case.scenario.clients),
        "members": plan.members,
        "payload": plan.payload,
        "results": measured,
        "ratios": ratios,
    })
}

/// Lists the scenarios.
pub(crate) fn list() {
    let mut rows = vec![["name", "formats", "CPU per", "clients", ""].map(str::to_owned).to_vec()];
    for scenario in ALL {
        rows.push(vec![
            scenario.name.to_owned(),
            if scenario.formats { "json, protobuf" } else { "-" }.to_owned(),
            scenario.unit.name().to_owned(),
            if scenario.load { scenario.clients.to_string() } else { "-".to_owned() },
        ]);
    }
    let abouts = std::iter::once("what it does").chain(ALL.iter().map(|scenario| scenario.about));
    for (line, about) in table(&rows).iter().zip(abouts) {
        say(&format!("{line}  {about}"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Args;
    use crate::outcome::Tally;

    fn outcome(units: u64, server: u64, database: Option<u64>) -> Outcome {
        let mut tally = Tally::new();
        (tally.operations, tally.units) = (units, units);
        tally.latency.record(Duration::from_micros(100));
        Outcome::new(
            tally,
            Usage {
                elapsed: Duration::from_secs(1),
                server: Duration::from_micros(server),
                database: database.map(Duration::from_micros),
                generator: Duration::ZERO,
            },
        )
    }

    fn plan() -> Plan {
        let line = ["bench", "--scenario", "ping", "--format", "json"];
        Plan::new(Args::try_parse_from(line).unwrap()).unwrap()
    }

    #[test]
    fn ratios_are_each_target_against_the_first() {
        let plan = plan();
        let results = [
            ("a".to_owned(), outcome(100, 4_000, Some(0))),
            ("b".to_owned(), outcome(200, 2_000, Some(500))),
        ];
        let value = case_json(&plan.cases[0], &plan, &results);
        assert_eq!(value["results"][0]["server_us"], 40.0);
        assert_eq!(value["results"][1]["server_us"], 10.0);
        let ratios = &value["ratios"][0];
        assert_eq!(ratios["targets"], "b/a");
        assert_eq!(ratios["server_us"], 0.25);
        assert_eq!(ratios["units_per_second"], 2.0);
        assert!(ratios.get("db_us").is_none(), "nothing divides by zero");
        assert!(ratios.get("errors").is_none());
    }

    #[test]
    fn a_figure_that_is_not_there_is_null_and_shown_as_a_dash() {
        let plan = plan();
        let value = case_json(&plan.cases[0], &plan, &[("a".to_owned(), outcome(1, 1, None))]);
        assert!(value["results"][0]["db_us"].is_null());
        assert_eq!(shown(None, 2), "-");
        assert_eq!(shown(Some(1.255), 1), "1.3");
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "n".into()], vec!["long".into(), "100".into()]];
        assert_eq!(table(&rows), ["  a       n", "  long  100"]);
    }
}
