use crate::testing::EffectCase;
use crate::{Config, Mode, apply_line};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "exit",
        given: "interface Ethernet0/0",
        line: "exit",
        then: |_, mode| *mode == Mode::Global,
        undo: None,
    },
    EffectCase {
        row: "end",
        given: "policy-map p\n class c",
        line: "end",
        then: |_, mode| *mode == Mode::Global,
        undo: None,
    },
];

#[test]
fn exit_goes_out_one_level_at_a_time() {
    let (mut config, mut mode) = (Config::default(), Mode::Global);
    for line in ["policy-map p", "class c"] {
        apply_line(&mut config, &mut mode, line).unwrap();
    }
    let prompts: Vec<_> = (0..3)
        .map(|_| {
            let applied = apply_line(&mut config, &mut mode, "exit").unwrap();
            (mode.prompt(), applied.leaves)
        })
        .collect();
    let expected = [("config-pmap", false), ("config", false), ("config", true)];
    assert_eq!(prompts, expected);
}
