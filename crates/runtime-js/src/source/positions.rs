//! Where a piece of code stood before it was compiled.

use oxc_sourcemap::SourceMap;

/// Places in compiled code and where they come from, in the order of the compiled code.
#[derive(Debug)]
pub(super) struct Positions {
    /// Names of the original files; empty when there is one, the file itself.
    files: Vec<String>,
    tokens: Vec<Token>,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    /// Line and column in the compiled code, from 0.
    at: (u32, u32),
    /// Which of `files`.
    file: u32,
    /// Line and column before, from 0.
    from: (u32, u32),
}

impl Positions {
    /// From a map. `own` says that the map is of the file itself, not of a bundle of others.
    pub(super) fn new(map: &SourceMap<'_>, own: bool) -> Self {
        let files = if own { Vec::new() } else { map.get_sources().map(tidy).collect() };
        let tokens = map
            .get_tokens()
            .filter_map(|token| {
                Some(Token {
                    at: (token.get_dst_line(), token.get_dst_col()),
                    file: token.get_source_id()?,
                    from: (token.get_src_line(), token.get_src_col()),
                })
            })
            .collect();
        Self { files, tokens }
    }

    /// From the map that a bundler has written, if it is one.
    pub(super) fn of_bundle(json: &str) -> Option<Self> {
        SourceMap::from_json_string(json).ok().map(|map| Self::new(&map, false))
    }

    /// The original of a place; lines and columns from 1. `None` for code that has none.
    pub(super) fn find(&self, line: u32, column: u32) -> Option<(Option<&str>, u32, u32)> {
        let at = (line.checked_sub(1)?, column.saturating_sub(1));
        let next = self.tokens.partition_point(|token| token.at <= at);
        let token =
            self.tokens[..next].last().filter(|token| token.at.0 == at.0).or_else(|| {
                // Before the first token of the line: the line's first token is the closest.
                self.tokens.get(next).filter(|token| token.at.0 == at.0)
            })?;
        let file = usize::try_from(token.file).ok().and_then(|n| self.files.get(n));
        Some((file.map(String::as_str), token.from.0 + 1, token.from.1 + 1))
    }
}

/// Bundlers write paths as seen from the bundle, or with a scheme.
fn tidy(name: &str) -> String {
    let name = name.rsplit_once("://").map_or(name, |(_, path)| path);
    name.trim_start_matches("../").trim_start_matches("./").to_owned()
}
