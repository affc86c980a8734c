use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::table::{self, Token};
use super::*;

const PEER: Ipv4Addr = Ipv4Addr::new(209, 165, 200, 10);

fn exec(line: &str) -> Result<Command, CliError> {
    parse(line, &Mode::Exec).map(|parsed| parsed.command)
}

fn config(line: &str) -> Result<Command, CliError> {
    parse(line, &Mode::Config).map(|parsed| parsed.command)
}

fn configure(line: &str) -> Command {
    Command::Configure(line.to_owned())
}

#[test]
fn show_commands() {
    let running = |all, section: &[&str]| {
        Ok(Command::ShowRunningConfig {
            all,
            section: section.iter().map(|&word| word.to_owned()).collect(),
        })
    };
    assert_eq!(exec("show running-config"), running(false, &[]));
    assert_eq!(exec("show run all sysopt"), running(true, &["sysopt"]));
    assert_eq!(
        exec("sh run crypto map"),
        running(false, &["crypto", "map"])
    );
    assert_eq!(exec("write terminal"), running(false, &[]));
    for (line, command) in [
        ("show startup-config", Command::ShowStartupConfig),
        ("show asp drop", Command::ShowAspDrop),
        ("show asp balance", Command::ShowAspBalance),
        (
            "show conn raw port 7",
            Command::ShowConnRaw(ConnFilter {
                port: Some(7),
                ..ConnFilter::default()
            }),
        ),
        ("show conn count", Command::ShowConnCount),
        ("show xlate", Command::ShowXlate),
        ("show logging", Command::ShowLogging),
        ("show logging queue", Command::ShowLoggingQueue),
        ("show version", Command::ShowVersion),
        ("show arp", Command::ShowArp),
        ("show interface ip brief", Command::ShowInterfaceIpBrief),
        ("sh int ip b", Command::ShowInterfaceIpBrief),
        ("show clock", Command::ShowClock),
        ("show snmp-server statistics", Command::ShowSnmp),
        ("show route", Command::ShowRoute),
        ("show interface", Command::ShowInterface { nameif: None }),
        (
            "sh int outside",
            Command::ShowInterface {
                nameif: Some("outside".to_owned()),
            },
        ),
        (
            "show asp table vpn-context",
            Command::ShowVpnContext { detail: false },
        ),
        (
            "show asp table vpn-context detail",
            Command::ShowVpnContext { detail: true },
        ),
        ("sh cry isa sa", Command::ShowIsakmpSa { detail: false }),
        (
            "show crypto isakmp sa detail",
            Command::ShowIsakmpSa { detail: true },
        ),
        ("show crypto ipsec sa", Command::ShowIpsecSa { peer: None }),
        (
            "show crypto ipsec sa peer 209.165.200.10",
            Command::ShowIpsecSa { peer: Some(PEER) },
        ),
    ] {
        assert_eq!(exec(line), Ok(command.clone()), "{line}");
        assert_eq!(config(line), Ok(command), "{line} in configuration mode");
    }
}

#[test]
fn connections_are_chosen_by_protocol_address_and_port() {
    let filter = ConnFilter {
        address: Some(PEER),
        port: Some(80),
        protocol: Some(6),
    };
    assert_eq!(
        exec("clear conn protocol tcp address 209.165.200.10 port 80"),
        Ok(Command::ClearConn(filter))
    );
    assert_eq!(
        exec("show conn detail port 80"),
        Ok(Command::ShowConn {
            detail: true,
            filter: ConnFilter {
                port: Some(80),
                ..ConnFilter::default()
            },
        })
    );
    for line in ["clear conn", "clear conn all"] {
        assert_eq!(exec(line), Ok(Command::ClearConn(ConnFilter::default())));
    }
    assert_eq!(
        exec("clear conn address 10.0.0.300"),
        Err(CliError::Invalid { column: 19 })
    );
    assert_eq!(exec("clear conn port"), Err(CliError::Incomplete));
}

#[test]
fn clear_and_test_commands() {
    for (line, command) in [
        (
            "clear crypto isakmp sa",
            Command::ClearIsakmpSa { peer: None },
        ),
        (
            "clear crypto isakmp sa 209.165.200.10",
            Command::ClearIsakmpSa { peer: Some(PEER) },
        ),
        (
            "clear crypto ipsec sa",
            Command::ClearIpsecSa(IpsecClear::All),
        ),
        (
            "clear crypto ipsec sa counters",
            Command::ClearIpsecSa(IpsecClear::Counters),
        ),
        (
            "clear crypto ipsec sa peer 209.165.200.10",
            Command::ClearIpsecSa(IpsecClear::Peer(PEER)),
        ),
        (
            "clear crypto ipsec sa map Map1",
            Command::ClearIpsecSa(IpsecClear::Map("Map1".to_owned())),
        ),
        (
            "clear crypto ipsec sa entry 209.165.200.10 esp 0xEA40155F",
            Command::ClearIpsecSa(IpsecClear::Entry {
                peer: PEER,
                spi: 0xEA40_155F,
            }),
        ),
        ("clear xlate", Command::ClearXlate),
        ("clear asp drop", Command::ClearAspDrop),
        ("clear logging buffer", Command::ClearLogging),
        ("clear arp", Command::ClearArp),
        (
            "test vpn tunnel 209.165.200.10",
            Command::TestVpnTunnel { peer: PEER },
        ),
        ("write memory", Command::WriteMemory),
        ("wr", Command::WriteMemory),
        ("copy run start", Command::WriteMemory),
        ("terminal pager 0", Command::Terminal),
        ("conf t", Command::ConfigureTerminal),
        ("end", Command::End),
        ("exit", Command::Exit),
        ("quit", Command::Exit),
        ("  ", Command::Nothing),
        ("!--- a comment", Command::Nothing),
    ] {
        assert_eq!(exec(line), Ok(command), "{line}");
    }
}

#[test]
fn configuration_commands_are_handed_on_as_typed() {
    for line in [
        "sysopt connection preserve-vpn-flows",
        "no sysopt connection preserve-vpn-flows",
        "access-list 100 remark a | b",
        "crypto map map1 5 match address 100",
        "clear configure access-list",
    ] {
        assert_eq!(exec(line), Ok(configure(line)));
        assert_eq!(config(line), Ok(configure(line)));
    }
    assert_eq!(config(" nameif Outside"), Ok(configure("nameif Outside")));
    assert_eq!(config("e 3des"), Ok(configure("e 3des")));
    assert_eq!(exec("nameif outside"), Err(CliError::Invalid { column: 0 }));
    assert_eq!(
        config("sysopt ?"),
        Ok(Command::ConfigureHelp("sysopt ".to_owned()))
    );
}

#[test]
fn errors_have_the_words_of_the_asa() {
    let render = |line: &str, prompt: &str| {
        exec(line)
            .expect_err("an error")
            .render(prompt.chars().count())
    };
    assert_eq!(
        render("show foo bar", "CiscoASA# "),
        "               ^\nERROR: % Invalid input detected at '^' marker.\n"
    );
    assert_eq!(
        render("show conn detail foo", "ab# "),
        "                     ^\nERROR: % Invalid input detected at '^' marker.\n"
    );
    assert_eq!(render("show crypto", ""), "ERROR: % Incomplete command\n");
    assert_eq!(
        render("sh c", ""),
        "ERROR: % Ambiguous command:  \"sh c\"\n"
    );
    assert_eq!(render("clear xlate now", "").find('^'), Some(12));
    assert_eq!(exec("show\u{7}"), Err(CliError::Unreadable));
    assert_eq!(exec(&"a".repeat(2049)), Err(CliError::Unreadable));
}

#[test]
fn help_lists_what_may_follow() {
    assert_eq!(
        exec("show asp ?"),
        Ok(Command::Help(
            "  balance  Where every packet and buffer is\n  \
             drop     Dropped packets and flows\n  \
             table    Tables of the accelerated security path\n"
                .to_owned()
        ))
    );
    assert_eq!(
        exec("show cl?"),
        Ok(Command::Help("  clock  Time of day\n".to_owned()))
    );
    let Ok(Command::Help(all)) = exec("?") else {
        panic!("help");
    };
    assert!(
        all.contains("\n  sysopt ") && all.contains("\n  show "),
        "{all}"
    );
    assert!(!all.contains("<cr>"));
    let Ok(Command::Help(isakmp)) = exec("clear crypto isakmp sa ?") else {
        panic!("help");
    };
    assert_eq!(isakmp, "  <cr>\n  A.B.C.D  Address of the peer\n");
    assert_eq!(exec("show foo ?"), Err(CliError::Invalid { column: 5 }));
    assert_eq!(exec("show zz?"), Err(CliError::Invalid { column: 7 }));
}

#[test]
fn completion_gives_keywords_only() {
    assert_eq!(completions("show as"), ["asp"]);
    assert_eq!(
        completions("clear crypto ipsec sa "),
        ["counters", "entry", "map", "peer"]
    );
    assert!(completions("show foo bar").is_empty());
}

fn filtered(line: &str, text: &str) -> String {
    let parsed = parse(line, &Mode::Exec).expect("a command");
    parsed.filter.expect("a filter").apply(text)
}

#[test]
fn output_filters() {
    let text = "one\ntwo\nthree\n";
    assert_eq!(filtered("show run | include t", text), "two\nthree\n");
    assert_eq!(filtered("show run|i one|three", text), "one\nthree\n");
    assert_eq!(filtered("show run | exclude ^t", text), "one\n");
    assert_eq!(filtered("show run | begin two", text), "two\nthree\n");
    assert_eq!(filtered("show run | grep -v e$", text), "two\n");
    let mut begin = parse("show conn | begin two", &Mode::Exec)
        .expect("a command")
        .filter
        .expect("a filter");
    assert_eq!(begin.apply("one\n"), "");
    assert_eq!(begin.apply("two\n"), "two\n");
    assert_eq!(begin.apply("one\n"), "one\n");
    assert_eq!(exec("show run | include"), Err(CliError::Incomplete));
    assert_eq!(
        exec("show run | foo x"),
        Err(CliError::Invalid { column: 11 })
    );
    assert_eq!(
        exec("show run | include ("),
        Err(CliError::Invalid { column: 19 })
    );
}

/// A line that every token of a row accepts.
fn sample(tokens: &[Token]) -> String {
    let words = tokens.iter().map(|token| match token {
        Token::Word(keyword, _) => *keyword,
        Token::Arg(table::Kind::Address, _) => "192.0.2.1",
        Token::Arg(table::Kind::Protocol, _) => "udp",
        Token::Arg(_, _) => "80",
        Token::Rest(_) => "zzz",
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_row_can_be_reached_and_has_help() {
    for row in table::rows() {
        let line = sample(row.tokens);
        assert!(exec(&line).is_ok(), "{line}");
        for token in row.tokens {
            let (Token::Word(_, help) | Token::Arg(_, help) | Token::Rest(help)) = token;
            assert!(!help.is_empty(), "{line}");
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(line in "\\PC{0,80}", in_config in any::<bool>()) {
        let mode = if in_config { Mode::Config } else { Mode::Exec };
        if let Err(error) = parse(&line, &mode) {
            prop_assert!(error.render(10).contains("ERROR: % "));
        }
        let _keywords = completions(&line);
    }

    #[test]
    fn lines_near_to_commands_never_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "show", "sh", "clear", "c", "crypto", "ipsec", "sa", "conn", "address",
                "192.0.2.1", "port", "80", "|", "include", "(", "?", "é", "all", "run", "no",
            ]),
            0..8,
        ),
        blank in prop::sample::select(vec![" ", "", "\t ", "\u{a0}"]),
    ) {
        let line = words.join(blank);
        for mode in [Mode::Exec, Mode::Config] {
            if let Err(CliError::Invalid { column }) = parse(&line, &mode) {
                prop_assert!(column <= line.chars().count());
            }
        }
    }
}
