//! The message types, by prost.

use std::error::Error;
use std::path::Path;

use prost_types::FileDescriptorSet;

pub(crate) fn generate(mut files: FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    // The options are for this build only.
    files
        .file
        .retain(|f| !f.package().starts_with("tavern") && !f.name().ends_with("descriptor.proto"));
    let mut config = prost_build::Config::new();
    config
        .out_dir(out)
        // Match data travels from one socket to many others without being copied.
        .bytes(["."])
        // Sorted maps make the JSON the same every time.
        .btree_map(["."])
        // Turns prost's own mapping off, which would take `Timestamp` and `Empty` from elsewhere.
        .compile_well_known_types()
        .extern_path(".google.protobuf.Timestamp", "crate::wkt::Timestamp")
        .extern_path(".google.protobuf.Empty", "crate::wkt::Unit")
        .extern_path(".google.protobuf.BoolValue", "bool")
        .extern_path(".google.protobuf.Int32Value", "i32")
        .extern_path(".google.protobuf.Int64Value", "i64")
        .extern_path(".google.protobuf.UInt32Value", "u32")
        .extern_path(".google.protobuf.StringValue", "::prost::alloc::string::String")
        .compile_fds(files)?;
    Ok(())
}
