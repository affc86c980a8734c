//! What an operator sees of a command: modes, and the name of the box.

use super::lab::{Lab, with};

/// The prompt behind each command.
fn prompts(lab: &mut Lab, commands: &[&str]) -> Vec<String> {
    let answers = lab.converse(commands).into_iter();
    answers.map(|(_, reply)| reply.prompt).collect()
}

#[test]
fn exit_leads_one_mode_up_and_end_out_of_all() {
    with(|lab| {
        lab.configure("");
        let commands = [
            "configure terminal",
            "interface Ethernet0/0",
            "exit",
            "interface Ethernet0/0",
            "quit",
            "crypto isakmp policy 5",
            "end",
            "configure terminal",
            "exit",
        ];
        let expected = [
            "Box(config)# ",
            "Box(config-if)# ",
            "Box(config)# ",
            "Box(config-if)# ",
            "Box(config)# ",
            "Box(config-isakmp-policy)# ",
            "Box# ",
            "Box(config)# ",
            "Box# ",
        ];
        assert_eq!(prompts(lab, &commands), expected);
    });
}

#[test]
fn the_host_name_is_in_the_prompt() {
    with(|lab| {
        lab.configure("hostname gate-7");
        let commands = [
            "show clock",
            "configure terminal",
            "hostname other",
            "no hostname",
        ];
        let expected = [
            "gate-7# ",
            "gate-7(config)# ",
            "other(config)# ",
            "ciscoasa(config)# ",
        ];
        assert_eq!(prompts(lab, &commands), expected);
    });
}
