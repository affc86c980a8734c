//! The command reference in the manual is the table's.

use std::path::Path;

use crate::command_reference;

#[test]
fn the_manual_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manual/commands.md");
    let made = command_reference();
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "docs/manual/commands.md is stale: run `UPDATE_MANUAL=1 cargo test -p config`"
    );
}

#[test]
fn a_row_has_syntax_effect_and_help() {
    let made = command_reference();
    for line in [
        "| `[no] names` | global | acted | Let a `name` stand where an address is expected \
         (default) |",
        "| `no mtu <nameif> [<bytes>]` | global | acted | Undo, or the default |",
        "| `[no] ssh <address> <mask> <nameif>` | global | kept | The host has SSH |",
        "| `[no] shutdown` | interface | acted | Turn the interface off |",
    ] {
        assert!(made.contains(line), "{line}");
    }
}
