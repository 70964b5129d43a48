//! Programs in folders of their own.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn load(files: &[(&str, &str)]) -> Result<Option<Program>, SourceError> {
    Program::load(folder(files).path(), None)
}

#[test]
fn without_an_entry_there_is_no_program() {
    assert!(load(&[("match.lua", "return {}")]).unwrap().is_none());
}

#[test]
fn javascript_stays_as_it_is_and_wins_over_typescript() {
    let text = "function InitModule() {}\n!InitModule && InitModule.bind(null);\n";
    let program = load(&[("index.js", text), ("index.ts", "nonsense nonsense")]).unwrap().unwrap();
    assert_eq!(program.code("index.js"), Some(text));
    assert!(!program.entry_is_module);
    assert_eq!(program.place("index.js", 2, 5), ("index.js".to_owned(), 2, 5));
}

#[test]
fn imports_are_followed_in_the_ways_that_typescript_has_of_writing_them() {
    let program = load(&[
        ("index.ts", "import { a } from './lib/a';\nimport b from './lib/b.js';\nimport type { T } from './types';\nexport function InitModule() { return [a, b]; }"),
        ("lib/a.ts", "import c from '../data.json'; export const a: number = c.n;"),
        ("lib/b.ts", "import { shared } from 'shared';\nexport default shared;"),
        ("shared/index.ts", "export const shared = 1;"),
        ("data.json", "{\"n\": 3}"),
    ])
    .unwrap()
    .unwrap();
    assert!(program.entry_is_module);
    assert_eq!(program.len(), 5, "types need no file");
    assert_eq!(&**program.import("lib/b.ts", "shared").unwrap(), "shared/index.ts");
}

#[test]
fn places_are_those_of_the_author() {
    let text = "interface Gone {\n  a: string;\n}\n\ntype AlsoGone = Gone;\n\nfunction f(x: Gone): never {\n  throw new Error(x.a);\n}\n";
    let program = load(&[("index.ts", text)]).unwrap().unwrap();
    let code = program.code("index.ts").unwrap();
    let line = code.lines().position(|l| l.contains("throw")).unwrap() + 1;
    let column = code.lines().nth(line - 1).unwrap().find("throw").unwrap() + 1;
    let place =
        program.place("index.ts", u32::try_from(line).unwrap(), u32::try_from(column).unwrap());
    assert_eq!(place, ("index.ts".to_owned(), 8, 3));
}

#[test]
fn enums_namespaces_and_parameter_properties_are_more_than_types() {
    let text = "enum Kind { A = 1, B }\nconst enum Fast { X = 'x' }\nnamespace Space { export const v = 1; }\nclass C { constructor(private readonly n: number) {} get() { return this.n; } }\nconst all = [Kind.B, Fast.X, Space.v, new C(1).get()] as const satisfies readonly unknown[];";
    let program = load(&[("index.ts", text)]).unwrap().unwrap();
    let code = program.code("index.ts").unwrap();
    assert!(!code.contains("satisfies") && code.contains("this.n = n"), "{code}");
}

#[test]
fn wrong_text_is_named_with_file_and_line() {
    let error = load(&[("index.ts", "const a = 1;\nconst b: = 2;\n")]).unwrap_err();
    assert!(error.to_string().starts_with("index.ts:2:"), "{error}");
    let error = load(&[("index.ts", "import './gone';\n")]).unwrap_err().to_string();
    assert_eq!(error, "index.ts imports \"./gone\": there is no such file");
    let error = load(&[("index.ts", "import '../gone';\n")]).unwrap_err().to_string();
    assert!(error.ends_with("it is outside the folder of modules"), "{error}");
}

#[test]
fn a_link_that_leads_out_is_no_file() {
    let outside = folder(&[("secret.ts", "export const a = 1;")]);
    let dir = folder(&[("index.ts", "import './link';")]);
    std::os::unix::fs::symlink(outside.path().join("secret.ts"), dir.path().join("link.ts"))
        .unwrap();
    assert!(matches!(Program::load(dir.path(), None), Err(SourceError::Import { .. })));
}

#[test]
fn the_map_beside_a_bundle_is_used() {
    let map = r#"{"version":3,"sources":["../src/main.ts"],"names":[],"mappings":"AAIA"}"#;
    let bundle = "function InitModule() {}\n//# sourceMappingURL=index.js.map\n";
    let program = load(&[("index.js", bundle), ("index.js.map", map)]).unwrap().unwrap();
    assert_eq!(program.place("index.js", 1, 3), ("src/main.ts".to_owned(), 5, 1));
}
