//! What the process itself has: a cache, metrics, files and settings.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::time::Duration;

use async_trait::async_trait;
use tavern_domain::ErrorCode;
use tavern_runtime_hooks::host::{
    FileRead, GetConfig, LocalcacheClear, LocalcacheDelete, LocalcacheGet, LocalcachePut,
    MetricsCounterAdd, MetricsGaugeSet, MetricsTimerRecord, ProcessHost,
};
use tavern_runtime_hooks::{HookError, Json};
use tavern_telemetry::CustomMetricError;

use super::ServerHost;
use super::encoding::invalid;

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 8 << 20;

type Tags = Option<BTreeMap<String, String>>;

fn labels(tags: &Tags) -> Vec<(&str, &str)> {
    tags.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn refused(error: CustomMetricError) -> HookError {
    let code = match error {
        CustomMetricError::NoName | CustomMetricError::OtherKind { .. } => {
            ErrorCode::InvalidArgument
        }
        CustomMetricError::TooMany { .. } => ErrorCode::ResourceExhausted,
    };
    HookError::new(code, error.to_string())
}

/// The text of a file below a folder. Links that lead out of it are not followed.
fn read(folder: &Path, relative: &str) -> Result<String, HookError> {
    let missing = || HookError::new(ErrorCode::NotFound, format!("there is no file {relative:?}"));
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if relative.is_empty() || !Path::new(relative).components().all(plain) {
        return Err(invalid("expects the name of a file in the folder of modules"));
    }
    let folder = folder.canonicalize().map_err(|_| missing())?;
    let path = folder.join(relative).canonicalize().map_err(|_| missing())?;
    if !path.starts_with(&folder) || !path.is_file() {
        return Err(missing());
    }
    let length = path.metadata().map_err(|_| missing())?.len();
    if length > LARGEST_FILE {
        return Err(HookError::new(ErrorCode::OutOfRange, "the file has more than 8 MiB"));
    }
    let text = std::fs::read(path).map_err(HookError::internal)?;
    String::from_utf8(text).map_err(|_| invalid("the file is no text in UTF-8"))
}

#[async_trait]
impl ProcessHost for ServerHost {
    async fn localcache_get(&self, args: LocalcacheGet) -> Result<Option<Json>, HookError> {
        let kept = self.0.local_cache.get(&args.key, self.0.clock.now());
        Ok(kept.map(Json).or(args.default_value))
    }

    async fn localcache_put(&self, args: LocalcachePut) -> Result<(), HookError> {
        let ttl = args.ttl.unwrap_or(0);
        if ttl < 0 {
            return Err(invalid("expects a time to live of 0 or more seconds"));
        }
        let until = (ttl > 0).then(|| self.0.clock.now().plus_seconds(ttl));
        let value = args.value.map_or_else(|| "null".to_owned(), |value| value.0);
        let kept = self.0.local_cache.put(&args.key, value, until);
        kept.map_err(|_| HookError::new(ErrorCode::OutOfRange, "the value has more than 1 MiB"))
    }

    async fn localcache_delete(&self, args: LocalcacheDelete) -> Result<(), HookError> {
        self.0.local_cache.delete(&args.key);
        Ok(())
    }

    async fn localcache_clear(&self, _: LocalcacheClear) -> Result<(), HookError> {
        self.0.local_cache.clear();
        Ok(())
    }

    async fn get_config(&self, _: GetConfig) -> Result<Json, HookError> {
        Ok(Json(self.0.config.for_scripts.expose().to_owned()))
    }

    async fn metrics_counter_add(&self, args: MetricsCounterAdd) -> Result<(), HookError> {
        let counted =
            self.0.custom_metrics.counter_add(&args.name, &labels(&args.tags), args.delta);
        counted.map_err(refused)
    }

    async fn metrics_gauge_set(&self, args: MetricsGaugeSet) -> Result<(), HookError> {
        let set = self.0.custom_metrics.gauge_set(&args.name, &labels(&args.tags), args.value);
        set.map_err(refused)
    }

    async fn metrics_timer_record(&self, args: MetricsTimerRecord) -> Result<(), HookError> {
        let took = u64::try_from(args.value).map_err(|_| invalid("a duration is not negative"))?;
        let took = Duration::from_nanos(took);
        let recorded = self.0.custom_metrics.timer_record(&args.name, &labels(&args.tags), took);
        recorded.map_err(refused)
    }

    async fn file_read(&self, args: FileRead) -> Result<String, HookError> {
        let folder = self.0.config.modules.clone();
        let read = tokio::task::spawn_blocking(move || read(&folder, &args.rel_path));
        read.await.map_err(HookError::internal)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_in_the_folder_are_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "no").unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/a.json"), "{}").unwrap();
        std::fs::write(folder.path().join("image"), [0xff, 0xfe]).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let code = |name: &str| read(folder.path(), name).unwrap_err().code;
        assert_eq!(read(folder.path(), "sub/a.json").unwrap(), "{}");
        assert_eq!(read(folder.path(), "./sub/a.json").unwrap(), "{}");
        for name in ["", "../secret", "/etc/hostname", "sub/../../secret", "image"] {
            assert_eq!(code(name), ErrorCode::InvalidArgument, "{name}");
        }
        for name in ["missing", "sub", "link/secret"] {
            assert_eq!(code(name), ErrorCode::NotFound, "{name}");
        }
    }
}
