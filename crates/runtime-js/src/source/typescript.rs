//! Makes of a file what the engine runs: TypeScript loses its types, JavaScript stays as it is.

use std::path::Path;

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{TransformOptions, Transformer};

use super::SourceError;
use super::positions::Positions;

/// What was made of a file.
pub(super) struct Compiled {
    pub(super) code: String,
    pub(super) positions: Option<Positions>,
    /// Whether it has imports or exports.
    pub(super) is_module: bool,
    /// What it imports, each once.
    pub(super) imports: Vec<String>,
}

/// Makes of a file what the engine runs. It says nothing about types: that is for the studio's
/// editor and its build.
pub(super) fn compile(name: &str, path: &Path, text: String) -> Result<Compiled, SourceError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("ts" | "mts" | "cts") => typescript(name, path, &text),
        Some("json") => Ok(Compiled {
            // The text of any JSON value is an expression.
            code: format!("export default {text}"),
            positions: None,
            is_module: true,
            imports: Vec::new(),
        }),
        _ => Ok(javascript(path, text)),
    }
}

fn javascript(path: &Path, code: String) -> Compiled {
    let (is_module, imports) = syntax(&code);
    let is_module = is_module || path.extension().is_some_and(|e| e == "mjs");
    let positions = bundle_positions(path, &code);
    Compiled { code, positions, is_module, imports }
}

fn typescript(name: &str, path: &Path, text: &str) -> Result<Compiled, SourceError> {
    let allocator = Allocator::default();
    let kind = SourceType::ts().with_unambiguous(true);
    let parsed = Parser::new(&allocator, text, kind).parse();
    first_error(name, text, parsed.diagnostics.errors())?;
    let mut program = parsed.program;

    let analysed = SemanticBuilder::new()
        .with_excess_capacity(2.0)
        .with_enum_eval(true)
        .with_check_syntax_error(true)
        .build(&program);
    first_error(name, text, analysed.diagnostics.errors())?;
    let scoping = analysed.semantic.into_scoping();
    let options = TransformOptions::from_target("es2022").map_err(|message| {
        SourceError::Syntax { file: name.to_owned(), line: 1, column: 1, message }
    })?;
    let transformed =
        Transformer::new(&allocator, path, &options).build_with_scoping(scoping, &mut program);
    first_error(name, text, transformed.diagnostics.errors())?;

    let options =
        CodegenOptions { source_map_path: Some(path.to_path_buf()), ..CodegenOptions::default() };
    let written = Codegen::new().with_options(options).build(&program);
    let positions = written.map.as_ref().map(|map| Positions::new(map, true));
    let (is_module, imports) = syntax(&written.code);
    Ok(Compiled { code: written.code, positions, is_module, imports })
}

/// Whether JavaScript has imports or exports, and what it imports. What is wrong with the text is
/// for the engine to say.
fn syntax(code: &str) -> (bool, Vec<String>) {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, code, SourceType::unambiguous()).parse();
    let record = &parsed.module_record;
    let mut imports: Vec<String> =
        record.requested_modules.keys().map(|name| name.as_str().to_owned()).collect();
    imports.sort();
    (record.has_module_syntax, imports)
}

fn first_error<'e>(
    name: &str,
    text: &str,
    mut errors: impl Iterator<Item = &'e OxcDiagnostic>,
) -> Result<(), SourceError> {
    let Some(error) = errors.next() else { return Ok(()) };
    let offset = error.labels.first().map_or(0, |label| label.offset() as usize);
    let before = text.get(..offset.min(text.len())).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Err(SourceError::Syntax {
        file: name.to_owned(),
        line: small(line),
        column: small(column),
        message: error.message.to_string(),
    })
}

/// The places that a bundler says its output comes from: in the file, or in one beside it.
fn bundle_positions(path: &Path, code: &str) -> Option<Positions> {
    let tail = code.len().saturating_sub(4_096);
    let tail = (tail..code.len()).find(|at| code.is_char_boundary(*at)).unwrap_or(code.len());
    let marker = "//# sourceMappingURL=";
    // A map inside the file is one long line, which may begin before the tail.
    let at = code[tail..].rfind(marker).map(|at| tail + at).or_else(|| code.rfind(marker))?;
    let address = code[at + marker.len()..].lines().next()?.trim();
    if let Some(data) = address.strip_prefix("data:application/json;") {
        use base64::Engine as _;
        let encoded = data.rsplit_once("base64,")?.1;
        let json = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        return Positions::of_bundle(std::str::from_utf8(&json).ok()?);
    }
    // Only a name beside the bundle: nothing leads out of its folder.
    let name = Path::new(address).file_name()?;
    let beside = path.with_file_name(name);
    let small = std::fs::metadata(&beside).is_ok_and(|m| m.len() <= super::LARGEST_FILE);
    Positions::of_bundle(&small.then(|| std::fs::read_to_string(&beside).ok()).flatten()?)
}
