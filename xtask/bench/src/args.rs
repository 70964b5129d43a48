//! The command line, and the plan that follows from it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::scenario::{ALL, Load, Scenario};
use crate::target::{Address, DatabaseChoice, Keys};
use crate::wire::Format;

/// Sockets a run may have open at once: below what one process may open on a usual machine.
const MOST_SOCKETS: usize = 19_000;

/// Loads a server over the public protocol and shows what that costs it.
///
/// Give several targets to compare them: they are measured in turns within one run, and each is
/// set against the first.
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask bench", disable_version_flag = true)]
pub(crate) struct Args {
    /// Server to load, on a loopback address; may be given several times.
    #[arg(long, value_name = "[LABEL=]URL", default_value = "http://127.0.0.1:7350")]
    target: Vec<String>,
    /// Scenarios to run, by name (see --list); all unless given.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    scenario: Vec<String>,
    /// Format of envelopes on sockets: json, protobuf or both.
    #[arg(long, default_value = "both")]
    format: String,
    /// Operations per second of an open loop, or `closed` for a closed one; one after the other.
    #[arg(long, value_delimiter = ',', value_name = "N,...", default_value = "closed")]
    rate: Vec<String>,
    /// Connections, or groups where one sends to several.
    #[arg(long)]
    clients: Option<usize>,
    /// Receivers of each sender in a group.
    #[arg(long, default_value_t = 10)]
    members: usize,
    /// Sockets of idle-sockets.
    #[arg(long, default_value_t = 1_000)]
    sockets: usize,
    /// Bytes of a message's or call's payload.
    #[arg(long, default_value_t = 64)]
    payload: usize,
    /// Length of each measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Load before each measurement that is not counted.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    warmup: f64,
    /// Measurements of each target, in turns [1 for one target, 3 for several].
    #[arg(long)]
    rounds: Option<u32>,
    /// Server key; once for all targets or once for each.
    #[arg(long, value_name = "KEY", default_value = "defaultkey")]
    server_key: Vec<String>,
    /// Key for calls of server functions without a session; once or once for each target.
    #[arg(long, value_name = "KEY", default_value = "defaulthttpkey")]
    http_key: Vec<String>,
    /// Server function that the rpc scenarios call; once or once for each target.
    #[arg(long, value_name = "ID", default_value = "bench_echo")]
    rpc: Vec<String>,
    /// Leaderboard of the board scenarios, best score first; once or once for each target.
    #[arg(long, value_name = "ID", default_value = "bench")]
    board: Vec<String>,
    /// The server's process, once for each target; found by the listening port unless given.
    #[arg(long, value_name = "PID")]
    server_pid: Vec<u32>,
    /// The database's first processes: auto, none, or ids; once or once for each target.
    #[arg(long, value_name = "PID,...", default_value = "auto")]
    db_pids: Vec<DatabaseChoice>,
    /// Also write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// List the scenarios and do nothing else.
    #[arg(long)]
    pub(crate) list: bool,
}

/// One target as the user described it.
#[derive(Clone, Debug)]
pub(crate) struct TargetPlan {
    pub(crate) address: Address,
    pub(crate) keys: Keys,
    pub(crate) pid: Option<u32>,
    pub(crate) database: DatabaseChoice,
}

/// One scenario in one format under one load.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) scenario: &'static Scenario,
    pub(crate) format: Format,
    pub(crate) load: Load,
}

/// What to do, checked.
pub(crate) struct Plan {
    pub(crate) targets: Vec<TargetPlan>,
    pub(crate) cases: Vec<Case>,
    pub(crate) clients: Option<usize>,
    pub(crate) members: usize,
    pub(crate) sockets: usize,
    pub(crate) payload: usize,
    pub(crate) length: Duration,
    pub(crate) warmup: Duration,
    pub(crate) rounds: u32,
    pub(crate) json: Option<PathBuf>,
}

impl Plan {
    /// Checks everything and reports all problems at once.
    pub(crate) fn new(args: Args) -> Result<Self> {
        let mut problems = Vec::new();
        let targets = targets(&args, &mut problems);
        let cases = cases(&args, &mut problems);
        let mut within = |name: &str, value: f64, least: f64, most: f64| {
            if !(least..=most).contains(&value) {
                problems.push(format!("--{name} {value} is not within {least} and {most}"));
            }
        };
        within("seconds", args.seconds, 0.1, 600.0);
        within("warmup", args.warmup, 0.0, 60.0);
        within("members", args.members as f64, 1.0, 10_000.0);
        within("sockets", args.sockets as f64, 2.0, MOST_SOCKETS as f64);
        within("payload", args.payload as f64, 18.0, 2_000.0);
        let rounds = args.rounds.unwrap_or(if args.target.len() > 1 { 3 } else { 1 });
        within("rounds", f64::from(rounds), 1.0, 100.0);
        if let Some(clients) = args.clients {
            within("clients", clients as f64, 1.0, MOST_SOCKETS as f64);
        }
        for case in &cases {
            let clients = args.clients.unwrap_or(case.scenario.clients);
            let sockets = case.scenario.sockets(clients, args.members, args.sockets);
            if sockets > MOST_SOCKETS {
                let name = case.scenario.name;
                problems.push(format!("{name} would open {sockets} sockets, over {MOST_SOCKETS}"));
            }
        }
        problems.dedup();
        if !problems.is_empty() {
            bail!("{}", problems.join("\n       "));
        }
        Ok(Self {
            targets,
            cases,
            clients: args.clients,
            members: args.members,
            sockets: args.sockets,
            payload: args.payload,
            length: Duration::from_secs_f64(args.seconds),
            warmup: Duration::from_secs_f64(args.warmup),
            rounds,
            json: args.json,
        })
    }
}

/// The value for target `index` of an option given once for all or once for each.
fn of_each<T: Clone>(values: &[T], index: usize) -> Option<T> {
    if values.len() == 1 { values.first() } else { values.get(index) }.cloned()
}

fn targets(args: &Args, problems: &mut Vec<String>) -> Vec<TargetPlan> {
    let count = args.target.len();
    let mut once_or_each = |name: &str, given: usize| {
        if given != 1 && given != count {
            problems.push(format!("--{name} is given {given} times for {count} targets"));
        }
    };
    once_or_each("server-key", args.server_key.len());
    once_or_each("http-key", args.http_key.len());
    once_or_each("rpc", args.rpc.len());
    once_or_each("db-pids", args.db_pids.len());
    if !args.server_pid.is_empty() && args.server_pid.len() != count {
        problems.push("--server-pid has to be given for every target or for none".to_owned());
    }
    let mut targets: Vec<TargetPlan> = Vec::new();
    for (index, text) in args.target.iter().enumerate() {
        let address = match Address::parse(text) {
            Ok(address) => address,
            Err(error) => {
                problems.push(format!("{error:#}"));
                continue;
            }
        };
        if targets.iter().any(|other| other.address.label == address.label) {
            problems.push(format!("two targets are called `{}`", address.label));
        }
        targets.push(TargetPlan {
            address,
            keys: Keys {
                server_key: of_each(&args.server_key, index).unwrap_or_default(),
                http_key: of_each(&args.http_key, index).unwrap_or_default(),
                rpc: of_each(&args.rpc, index).unwrap_or_default(),
                board: of_each(&args.board, index).unwrap_or_default(),
            },
            pid: args.server_pid.get(index).copied(),
            database: of_each(&args.db_pids, index).unwrap_or(DatabaseChoice::Auto),
        });
    }
    targets
}

fn cases(args: &Args, problems: &mut Vec<String>) -> Vec<Case> {
    let mut scenarios: Vec<&'static Scenario> = ALL.iter().collect();
    if !args.scenario.is_empty() {
        for name in &args.scenario {
            if !ALL.iter().any(|scenario| scenario.name == name) {
                problems.push(format!("there is no scenario `{name}`; --list shows them"));
            }
        }
        scenarios.retain(|scenario| args.scenario.iter().any(|name| name == scenario.name));
    }
    let formats: Vec<Format> = Format::ALL
        .into_iter()
        .filter(|format| args.format == "both" || args.format == format.name())
        .collect();
    if formats.is_empty() {
        problems.push(format!("--format {} is not json, protobuf or both", args.format));
    }
    let loads: Vec<Load> = args
        .rate
        .iter()
        .filter_map(|text| {
            let load = load(text);
            if load.is_none() {
                problems.push(format!("--rate {text} is neither `closed` nor 0.1 to 200000"));
            }
            load
        })
        .collect();
    let mut cases = Vec::new();
    for scenario in scenarios {
        let formats = if scenario.formats { &formats[..] } else { &[Format::Json] };
        let loads = if scenario.load { &loads[..] } else { &[Load::Closed] };
        for &format in formats {
            cases.extend(loads.iter().map(|&load| Case { scenario, format, load }));
        }
    }
    cases
}

fn load(text: &str) -> Option<Load> {
    if text == "closed" {
        return Some(Load::Closed);
    }
    let rate = text.parse::<f64>().ok()?;
    (0.1..=200_000.0).contains(&rate).then_some(Load::Rate(rate))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::new(Args::try_parse_from(["bench"].into_iter().chain(line.split_whitespace()))?)
    }

    #[test]
    fn without_arguments_everything_runs_once_in_a_closed_loop() {
        let plan = plan("").unwrap();
        assert_eq!(plan.targets.len(), 1);
        assert_eq!(plan.rounds, 1);
        let per_format = ALL.iter().filter(|scenario| scenario.formats).count();
        assert_eq!(plan.cases.len(), ALL.len() + per_format);
        assert!(plan.cases.iter().all(|case| case.load == Load::Closed));
    }

    #[test]
    fn loads_and_formats_multiply_where_they_mean_something() {
        let plan =
            plan("--scenario ping,login-new,idle-sockets --rate closed,50,200.5 --format protobuf")
                .unwrap();
        let cases: Vec<_> =
            plan.cases.iter().map(|c| (c.scenario.name, c.format.name(), c.load)).collect();
        assert_eq!(
            cases,
            [
                ("idle-sockets", "protobuf", Load::Closed),
                ("login-new", "json", Load::Closed),
                ("login-new", "json", Load::Rate(50.0)),
                ("login-new", "json", Load::Rate(200.5)),
                ("ping", "protobuf", Load::Closed),
                ("ping", "protobuf", Load::Rate(50.0)),
                ("ping", "protobuf", Load::Rate(200.5)),
            ]
        );
    }

    #[test]
    fn options_are_given_once_or_once_for_each_target() {
        let plan = plan(
            "--target a=http://127.0.0.1:1 --target b=http://127.0.0.1:2 --server-key k \
             --http-key one --http-key two --db-pids none --db-pids 7 --server-pid 5 \
             --server-pid 6",
        )
        .unwrap();
        let [a, b] = &plan.targets[..] else { panic!("two targets") };
        assert_eq!((a.keys.server_key.as_str(), b.keys.server_key.as_str()), ("k", "k"));
        assert_eq!((a.keys.http_key.as_str(), b.keys.http_key.as_str()), ("one", "two"));
        assert_eq!(a.database, DatabaseChoice::None);
        assert_eq!(b.database, DatabaseChoice::Processes(vec![7]));
        assert_eq!((a.pid, b.pid), (Some(5), Some(6)));
        assert_eq!(plan.rounds, 3);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let error = plan(
            "--target http://192.0.2.1:1 --target x=http://127.0.0.1:1 --target \
             x=http://127.0.0.1:2 --scenario nothing --seconds 9999 --rate 0 --server-pid 4 \
             --format xml --members 10000 --clients 10",
        )
        .map(|_| ())
        .unwrap_err()
        .to_string();
        for part in ["192.0.2.1", "`x`", "`nothing`", "--seconds", "--rate", "--server-pid", "xml"]
        {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[test]
    fn a_run_never_opens_more_sockets_than_a_process_may() {
        let error = plan("--scenario room --members 1000 --clients 100").map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("100100 sockets"), "{error}");
        assert!(plan("--scenario room --members 1000 --clients 10").is_ok());
        assert!(plan("--scenario ping --members 1000 --clients 100").is_ok());
    }
}
