//! What a file may look like, and that nothing in a table lies idle.

use fastpath::verdict::DropReason;

use crate::assert_none;
use crate::source::{self, File, code, is_test, without_tests, words};

/// Lines of a file that is no test, its own tests included.
const LINES_MAX: usize = 500;
/// Columns of a line.
const COLUMNS_MAX: usize = 100;

/// Longer files, each with its reason.
const LONG_FILES: [(&str, &str); 1] = [(
    "slowpath/src/cli/table.rs",
    "the commands of exec mode: one row is one command",
)];

/// Files whose table has one row per line, which is read across.
const WIDE_FILES: [(&str, &str); 1] = [(
    "fastpath/src/verdict.rs",
    "the drop reasons: one line is one counter",
)];

/// No word of a name: they say that something is there, not what it is.
const FORBIDDEN: [&str; 11] = [
    "util", "utils", "common", "helper", "helpers", "misc", "manager", "handler", "handlers",
    "data", "info",
];

/// Names that somebody else gave.
const FOREIGN: [&str; 1] = ["Helper"];

/// What is left behind by unfinished work.
const UNFINISHED: [&str; 7] = [
    "TODO",
    "FIXME",
    "XXX",
    "HACK",
    "dbg",
    "todo",
    "unimplemented",
];

fn too_long(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let excused = LONG_FILES.iter().any(|(path, _)| *path == file.path);
    let long = lines > LINES_MAX && !excused && !is_test(&file.path);
    long.then(|| format!("{}: {lines} lines", file.path))
}

/// Lines that are too wide. A literal that cannot be broken may stand out.
fn too_wide(file: &File) -> Vec<String> {
    if WIDE_FILES.iter().any(|(path, _)| *path == file.path) {
        return Vec::new();
    }
    let code = code(&file.text);
    let lines = file.text.lines().zip(code.lines()).enumerate();
    lines
        .filter(|(_, (text, code))| {
            let bare: usize = code.split_whitespace().map(str::len).sum();
            let by_literal = text.contains('"') && bare > 0 && bare <= COLUMNS_MAX;
            let of_literal = bare == 0 && !text.trim_start().starts_with("//");
            text.chars().count() > COLUMNS_MAX && !by_literal && !of_literal
        })
        .map(|(line, _)| format!("{}:{}: too wide", file.path, line + 1))
        .collect()
}

/// The words of a name in any of the usual spellings.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_uppercase() {
            parts.push(String::new());
        }
        if c != '_' && c != '-' {
            parts
                .last_mut()
                .expect("at least one")
                .extend(c.to_lowercase());
        }
    }
    parts
}

fn is_forbidden(name: &str) -> bool {
    let bad = |part: &String| FORBIDDEN.contains(&part.as_str());
    !FOREIGN.contains(&name) && parts(name).iter().any(bad)
}

/// Modules, types and files with a name that says nothing.
fn empty_names(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let code = code(&file.text);
    let mut previous = "";
    for (line, word) in words(&code) {
        let declares = ["mod", "struct", "enum", "trait", "type", "union"].contains(&previous);
        if declares && is_forbidden(word) {
            found.push(format!("{}:{line}: `{word}` says nothing", file.path));
        }
        previous = word;
    }
    let steps = file.path.trim_end_matches(".rs").split('/');
    if let Some(step) = steps.into_iter().find(|step| is_forbidden(step)) {
        found.push(format!("{}: `{step}` says nothing", file.path));
    }
    found
}

fn unfinished(file: &File) -> Vec<String> {
    let said = file.text.lines().enumerate().filter(|(_, line)| {
        let comment = line.find("//").map_or("", |at| &line[at..]);
        let marks = |word: &&&str| word.chars().all(char::is_uppercase);
        UNFINISHED
            .iter()
            .filter(marks)
            .any(|mark| comment.contains(mark))
    });
    let said = said.map(|(line, _)| line + 1);
    let code = code(&file.text);
    let done = words(&code).filter(|(_, word)| UNFINISHED.contains(word));
    let lines = said.chain(done.map(|(line, _)| line));
    lines
        .map(|line| format!("{}:{line}: unfinished", file.path))
        .collect()
}

/// Constants without a word on why they are what they are.
fn bare_limits(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let mut previous = "";
    for (at, line) in file.text.lines().enumerate() {
        let declares = line.trim_start().split(' ').any(|word| word == "const");
        let asserts = line.contains("const _:") || line.contains("const fn");
        if declares && !asserts && !line.trim_start().starts_with("//") {
            let documented = previous.trim_start().starts_with("///");
            if !documented {
                found.push(format!(
                    "{}:{}: a bound without its reason",
                    file.path,
                    at + 1
                ));
            }
        }
        previous = line;
    }
    found
}

/// Reasons that no step gives.
fn idle_reasons(reasons: &[String], files: &[File]) -> Vec<String> {
    let product = files.iter().filter(|file| {
        let of_product = ["fastpath/src/", "slowpath/src/"];
        of_product.iter().any(|start| file.path.starts_with(start))
            && file.path != "fastpath/src/verdict.rs"
            && !is_test(&file.path)
    });
    let texts: Vec<String> = product
        .map(|file| code(without_tests(&file.text)))
        .collect();
    let given = |reason: &String| {
        let word = format!("DropReason::{reason}");
        texts.iter().any(|text| {
            let mut places = text.match_indices(&word);
            places.any(|(at, _)| {
                let after = text[at + word.len()..].chars().next();
                !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
    };
    let idle = reasons.iter().filter(|reason| !given(reason));
    idle.map(|reason| format!("DropReason::{reason} is given by no step"))
        .collect()
}

fn each(rule: impl Fn(&File) -> Vec<String>) -> Vec<String> {
    source::rust().iter().flat_map(rule).collect()
}

#[test]
fn files_are_of_one_purpose() {
    assert_none(&each(|file| too_long(file).into_iter().collect()));
}

#[test]
fn lines_fit() {
    assert_none(&each(too_wide));
}

#[test]
fn names_say_what_a_thing_is() {
    assert_none(&each(empty_names));
}

#[test]
fn nothing_is_left_unfinished() {
    assert_none(&each(|file| {
        let own = file.path == "tests/tests/house/tidy.rs";
        if own { Vec::new() } else { unfinished(file) }
    }));
}

#[test]
fn every_bound_has_its_reason() {
    assert_none(&each(|file| {
        let of_limits = file.path.ends_with("/limits.rs");
        if of_limits {
            bare_limits(file)
        } else {
            Vec::new()
        }
    }));
}

#[test]
fn every_drop_reason_is_given() {
    let names = DropReason::ALL.iter().map(|reason| format!("{reason:?}"));
    let names: Vec<_> = names.collect();
    assert_none(&idle_reasons(&names, &source::rust()));
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[test]
fn a_planted_fault_is_found() {
    let long = "\n".repeat(LINES_MAX + 1);
    assert!(too_long(&file("config/src/x.rs", &long)).is_some());
    assert!(too_long(&file("config/src/x/tests.rs", &long)).is_none());
    let wide = format!("let {} = 1;", "a".repeat(COLUMNS_MAX));
    assert_eq!(too_wide(&file("config/src/x.rs", &wide)).len(), 1);
    let text = format!("let a = \"{}\";", "a".repeat(COLUMNS_MAX));
    assert_eq!(too_wide(&file("config/src/x.rs", &text)).len(), 0);
    let comment = format!("// {}", "a ".repeat(COLUMNS_MAX));
    assert_eq!(too_wide(&file("config/src/x.rs", &comment)).len(), 1);
    for (path, text) in [
        ("config/src/x.rs", "mod string_util;"),
        ("config/src/x.rs", "struct ConnManager;"),
        ("config/src/x.rs", "pub enum PacketInfo {}"),
        ("config/src/helper.rs", ""),
        ("config/src/common/x.rs", ""),
    ] {
        assert_eq!(empty_names(&file(path, text)).len(), 1, "{path} {text}");
    }
    assert_eq!(
        empty_names(&file("config/src/x.rs", "mod datagram; // mod util")).len(),
        0
    );
    for text in [
        "// TODO later",
        "dbg!(x);",
        "fn f() { unimplemented!() }",
        "todo!()",
    ] {
        assert_eq!(unfinished(&file("x.rs", text)).len(), 1, "{text}");
    }
    assert_eq!(
        unfinished(&file("x.rs", "let dbg_name = \"todo\";")).len(),
        0
    );
    let bounds =
        "/// Why.\npub const A: u8 = 1;\n\npub const B: u8 = 2;\nconst _: () = assert!(true);";
    assert_eq!(bare_limits(&file("x/limits.rs", bounds)).len(), 1);
    let step = [
        file(
            "fastpath/src/path/x.rs",
            "Err(DropReason::NoRoute) // DropReason::AclDrop",
        ),
        file("fastpath/src/path/tests.rs", "DropReason::AclDrop"),
    ];
    let reasons = ["NoRoute", "AclDrop"].map(str::to_owned);
    assert_eq!(
        idle_reasons(&reasons, &step),
        ["DropReason::AclDrop is given by no step"]
    );
}
