use crate::testing::EffectCase;

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "service resetinbound",
        given: "",
        line: "service resetinbound",
        then: |config, _| config.service.reset_inbound,
        undo: Some("no service resetinbound"),
    },
    EffectCase {
        row: "service resetoutside",
        given: "",
        line: "service resetoutside",
        then: |config, _| config.service.reset_outside,
        undo: Some("no service resetoutside"),
    },
];
