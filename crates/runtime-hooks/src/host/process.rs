//! What the process itself has: a cache, metrics, files and settings.

use std::collections::BTreeMap;

use super::declare::host_area;
use crate::value::Json;

host_area! {
    /// What the process itself has: a cache, metrics, files and settings.
    ProcessHost

    /// A value of the cache of this process, or else the default.
    fn localcache_get as "localcacheGet" (LocalcacheGet {
        key: String,
        default_value: Option<Json>,
    }) -> Option<Json>, js_undefined ["default_value"];

    /// Keeps a value in the cache of this process for so many seconds, 0 for as long as there is
    /// room: all languages share 64 MiB, and what was put longest ago makes room. One value has at
    /// most 1 MiB.
    fn localcache_put as "localcachePut" (LocalcachePut {
        key: String,
        value: Option<Json>,
        ttl: Option<i64>,
    }) -> ();

    /// Drops a value of the cache.
    fn localcache_delete as "localcacheDelete" (LocalcacheDelete { key: String }) -> ();

    /// Drops all values of the cache.
    fn localcache_clear as "localcacheClear" (LocalcacheClear {}) -> ();

    /// Adds to a counter of the studio's own.
    fn metrics_counter_add as "metricsCounterAdd" (MetricsCounterAdd {
        name: String,
        tags: Option<BTreeMap<String, String>>,
        delta: i64,
    }) -> ();

    /// Sets a gauge of the studio's own.
    fn metrics_gauge_set as "metricsGaugeSet" (MetricsGaugeSet {
        name: String,
        tags: Option<BTreeMap<String, String>>,
        value: f64,
    }) -> ();

    /// Records a duration, in nanoseconds, in a timer of the studio's own.
    fn metrics_timer_record as "metricsTimerRecord" (MetricsTimerRecord {
        name: String,
        tags: Option<BTreeMap<String, String>>,
        value: i64,
    }) -> ();

    /// The text of a file in the folder of modules, named relative to it, of at most 8 MiB.
    fn file_read as "fileRead" (FileRead { rel_path: String }) -> String;

    /// The settings that the server was started with, in the groups and by the names of its
    /// configuration, as far as they concern server code: name, log level, sessions, socket,
    /// environment, log-ins of other providers, purchases. Among them are keys.
    fn get_config as "" (GetConfig {}) -> Json;
}
