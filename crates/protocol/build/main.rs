//! Turns `proto/` into Rust: message types by prost, and from the same descriptors the table of
//! calls, the route tries, the realtime messages, the JSON mapping, and documents of all that.
//!
//! Everything is generated into `OUT_DIR`; nothing here needs a program to be installed.

mod calls;
mod documents;
mod json;
mod messages;
mod model;
mod realtime;
mod routes;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::DescriptorPool;

/// The folder with the definitions, seen from this crate.
const PROTO: &str = "../../proto";

#[expect(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
#[expect(clippy::disallowed_methods, reason = "cargo says by the environment where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = Vec::new();
    collect(Path::new(PROTO), &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([PROTO])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;

    messages::generate(compiler.file_descriptor_set(), &out)?;
    // prost's own descriptors drop options they do not know; the pool keeps ours.
    let pool: DescriptorPool = compiler.descriptor_pool();
    let calls = model::calls(&pool)?;
    fs::write(out.join("calls.rs"), calls::generate(&calls))?;
    fs::write(out.join("routes.rs"), routes::generate(&calls))?;
    let messages = model::messages(&pool);
    fs::write(out.join("realtime_table.rs"), realtime::generate(&pool, &messages)?)?;
    fs::write(out.join("openapi.json"), documents::openapi(&calls, &messages))?;
    fs::write(out.join("asyncapi.json"), documents::asyncapi(&pool, &messages)?)?;
    fs::write(out.join("json.rs"), json::generate(&messages)?)?;
    fs::write(out.join("message_list.rs"), model::list(&messages))?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
