use crate::testing::{EffectCase, parsed};

pub(crate) const EFFECTS: &[EffectCase] = &[EffectCase {
    row: "access-group",
    given: "",
    line: "access-group web in interface outside",
    then: |config, _| {
        let group = &config.access_groups[0];
        group.access_list == "web" && group.inbound && group.nameif == "outside"
    },
    undo: Some("no access-group web in interface outside"),
}];

#[test]
fn one_list_stands_at_a_place() {
    let config = parsed(
        "access-group a in interface outside\naccess-group b out interface outside\n\
         access-group c in interface outside\nno access-group a in interface outside",
    );
    let lists: Vec<_> = config
        .access_groups
        .iter()
        .map(|g| g.access_list.as_str())
        .collect();
    assert_eq!(lists, ["c", "b"]);
}
