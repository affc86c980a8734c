//! Reading the machine with other people's tools: DPDK's script, a reader of HdrHistogram's
//! formats, Prometheus' parser, a browser; and a crowd of clients that changes nothing.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::lab::Result;
use tests::lab::config_text::{Options, Suite};
use tests::lab::download::Download;
use tests::lab::error::{Doing, LabError, failed};
use tests::lab::holdfast_box::{HoldfastBox, METRICS};
use tests::lab::interrupt::{pause, wait_for};
use tests::lab::namespace::Namespace;
use tests::lab::offices::{Setup, TwoBoxes, wait_tunnel};
use tests::lab::outage::Outage;
use tests::lab::payload::MEGABYTE;
use tests::lab::run::target_dir;
use tests::lab::stats_client::StatsClient;
use tests::lab::topology::SERVER;

const MINUTE: Duration = Duration::from_mins(1);
/// The published copy is half a second old at the most, on a busy machine a little more.
const PUBLISHED: Duration = Duration::from_secs(5);
const DPDK_TOOL: &str = "/usr/bin/dpdk-telemetry.py";
/// A histogram of something that has not happened: the tunnel has not bounced.
const NEVER_FILLED: &str = "flow_resume_us";
/// Clients that behave, beside the stuck one and the one that sends garbage.
const CROWD: usize = 48;

tests::scenarios! {
    everybodys_tools_read_a_box_with_traffic,
    the_status_page_shows_a_bounce,
    a_crowd_of_clients_changes_nothing_on_the_cores,
}

mod scenario {
    pub(super) use super::{
        a_crowd_of_clients_changes_nothing_on_the_cores, everybodys_tools_read_a_box_with_traffic,
        the_status_page_shows_a_bounce,
    };
}

fn offices(workers: usize, rate_bytes_s: u64, file_megabytes: u64) -> Result<TwoBoxes> {
    let options = Options {
        preserve: true,
        suite: Suite::Seed,
    };
    TwoBoxes::start(Setup {
        options,
        workers,
        rate_bytes_s,
        file_megabytes,
    })
}

fn download(offices: &TwoBoxes) -> Result<Download> {
    let topology = &offices.topology;
    Download::start(&topology.client, topology.directory(), SERVER, None)
}

fn client(of: &HoldfastBox) -> Result<StatsClient> {
    StatsClient::connect(&of.run_dir().join("stats.sock"))
}

/// Runs a program with `input`; its standard output.
fn piped(mut command: Command, input: &str) -> Result<String> {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing(&name)?;
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).doing("write to it")?;
    drop(stdin);
    let output = child.wait_with_output().doing(&name)?;
    if !output.status.success() {
        return failed(format!(
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn script(name: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts")
        .join(name);
    let mut command = Command::new("/usr/bin/python3");
    command.arg(path);
    command
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn get(space: &Namespace, path: &str) -> Result<String> {
    let url = format!("http://{METRICS}{path}");
    space.run("curl", &["-sS", "--fail", "--max-time", "10", &url])
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn everybodys_tools_read_a_box_with_traffic(workers: usize) -> Result<()> {
    let offices = offices(workers, 0, 20)?;
    let mut download = download(&offices)?;
    wait_tunnel(&offices.head, 0)?;
    download.wait_bytes(MEGABYTE, MINUTE)?;
    dpdks_tool_reads_both_sockets(&offices.head, workers)?;
    download.expect_whole(&offices.payload, MINUTE)?;
    every_command_is_answered(&offices.head)?;
    state_is_told(&offices.head)?;
    histograms_are_read_alike(&offices)?;
    prometheus_reads_the_metrics(&offices.topology.head)?;
    offices.end()
}

/// `dpdk-telemetry.py` as it is in the package, through a pipe: our socket by the link under its
/// prefix, DPDK's own with the commands that are registered there.
fn dpdks_tool_reads_both_sockets(head: &HoldfastBox, workers: usize) -> Result<()> {
    let lcores: Vec<usize> = (1..=workers).collect();
    let ask = |prefix: &str, run_dir: Option<PathBuf>, commands: &str| {
        let mut command = Command::new("/usr/bin/python3");
        command.args([DPDK_TOOL, "-f", prefix]);
        if let Some(run_dir) = run_dir {
            command.env("RUNTIME_DIRECTORY", run_dir);
        }
        piped(command, commands).map(|text| json_lines(&text))
    };
    let commands = "/ethdev/list\n/ethdev/stats,0\n/holdfast/health\n/eal/lcore/list\n\
        /help,/holdfast/drops\n/bogus\nquit\n";
    let answers = ask("holdfast-stats", Some(head.run_dir()), commands)?;
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert_eq!(answers[0]["/ethdev/list"], serde_json::json!([0, 1]));
    assert!(number(&answers[1]["/ethdev/stats"]["ipackets"]) > 100);
    assert_eq!(
        answers[2]["/holdfast/health"]["status"], "ok",
        "{answers:?}"
    );
    assert_eq!(answers[3]["/eal/lcore/list"], serde_json::json!(lcores));
    assert!(answers[4]["/help"]["/holdfast/drops"].is_string());
    assert_eq!(answers[5], serde_json::json!({ "/bogus": null }));

    let commands = "/\n/holdfast/counters\n/holdfast/drops\n/holdfast/version\n\
        /holdfast/vpn/summary\n/eal/lcore/list\n/eal/lcore/info,1\n/eal/lcore/info,99\nquit\n";
    let answers = ask(head.file_prefix(), None, commands)?;
    assert_eq!(answers.len(), 8, "{answers:?}");
    let names = answers[0]["/"].to_string();
    assert!(names.contains("/ethdev/stats") && names.contains("/holdfast/counters"));
    assert!(number(&answers[1]["/holdfast/counters"]["received"]) > 100);
    assert!(answers[2]["/holdfast/drops"]["acl_drop"].is_u64());
    assert!(answers[3]["/holdfast/version"]["hostname"].is_string());
    assert_eq!(answers[4]["/holdfast/vpn/summary"]["up"], 1, "{answers:?}");
    assert_eq!(answers[5]["/eal/lcore/list"], serde_json::json!(lcores));
    assert!(number(&answers[6]["/eal/lcore/info"]["total_cycles"]) > 0);
    assert_eq!(answers[7]["/eal/lcore/info"], Value::Null);
    Ok(())
}

/// Every command that the box lists gives an answer that is not null, is not longer than promised,
/// and holds no key.
fn every_command_is_answered(head: &HoldfastBox) -> Result<()> {
    let client = client(head)?;
    assert_eq!(client.greeting["max_output_len"], 16_384);
    let names = client.ask("/")?;
    let names: Vec<&str> = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let parameters = match name {
            "/help" => ",/info",
            "/ethdev/info" | "/ethdev/stats" | "/ethdev/xstats" | "/ethdev/link_status" => ",0",
            "/eal/lcore/info" => ",1",
            "/holdfast/counters" => ",lcore1",
            name if name.starts_with("/holdfast/hist/") && !name.ends_with("/list") => ",line_ns",
            _ => "",
        };
        let answer = client.ask(&format!("{name}{parameters}"))?;
        assert!(!answer.is_null(), "{name}{parameters}");
        let text = answer.to_string();
        assert!(text.len() <= 16_384, "{name}: {}", text.len());
        assert!(!text.contains("swordfish"), "{name}: {text}");
        assert_eq!(
            client
                .ask(&format!("{name},\u{fffd}bogus,,"))?
                .to_string()
                .len()
                .min(1),
            1
        );
    }
    Ok(())
}

/// A tunnel to a peer that is not there.
fn configure_another_tunnel(head: &HoldfastBox) -> Result<()> {
    head.configure(&[
        "access-list closed extended permit ip 10.224.228.0 255.255.255.128 10.77.0.0 255.255.0.0",
        "crypto map map1 9 match address closed",
        "crypto map map1 9 set peer 209.165.202.9",
        "crypto map map1 9 set transform-set testSET",
        "tunnel-group 209.165.202.9 type ipsec-l2l",
        "tunnel-group 209.165.202.9 ipsec-attributes",
        " pre-shared-key swordfish",
    ])
}

/// Tunnels, SAs, contexts, connections, as they are.
fn state_is_told(head: &HoldfastBox) -> Result<()> {
    configure_another_tunnel(head)?;
    let client = client(head)?;
    let mut tunnels = Vec::new();
    let told = wait_for("what is published", PUBLISHED, || {
        tunnels = client.pages("/holdfast/vpn/tunnels")?;
        let carried = tunnels
            .iter()
            .any(|it| number(&it["bytes_out"]) > 20 * MEGABYTE);
        let told = tunnels.iter().any(|it| it["sequence"] == 9);
        Ok((told && carried).then_some(()))
    });
    assert!(told.is_ok(), "{tunnels:?}");
    let up: Vec<&Value> = tunnels.iter().filter(|it| it["state"] == "up").collect();
    assert_eq!(up.len(), 1, "{tunnels:?}");
    assert!(
        tunnels.len() > up.len(),
        "a tunnel that is configured and down is told of"
    );
    assert!(number(&up[0]["bytes_out"]) > 20 * MEGABYTE, "{up:?}");
    let sas = client.pages("/holdfast/vpn/sas")?;
    let directions: Vec<&str> = sas
        .iter()
        .filter_map(|it| it["direction"].as_str())
        .collect();
    assert_eq!(directions, ["inbound", "outbound"]);
    let contexts = client.pages("/holdfast/vpn/contexts")?;
    assert_eq!(contexts.len(), 2);
    assert!(contexts.iter().all(|it| it["preserve"] == true));
    assert_eq!(client.pages("/holdfast/ike/sas")?.len(), 1);
    // The download's connection has closed; a page is a page all the same.
    assert!(client.pages("/holdfast/conn/list")?.len() < 4);
    let built = number(&client.ask("/holdfast/events")?["conns_built"]);
    assert!(built >= 1);
    let counters = client.ask("/holdfast/counters")?;
    assert!(number(&counters["sealed"]) > 10_000, "{counters}");
    Ok(())
}

/// A program that shares nothing with the box finds the same percentiles in every form. The
/// network is quiet, so that nothing is counted between two questions.
fn histograms_are_read_alike(offices: &TwoBoxes) -> Result<()> {
    let client = client(&offices.head)?;
    for name in [
        "line_ns",
        "seal_cycles",
        "burst_packets",
        "parse_cycles",
        "esp_seal_large_cycles",
        NEVER_FILLED,
    ] {
        for thread in ["", ",lcore1"] {
            let view = format!("{name}{thread}");
            let (told, forms) = wait_for(&format!("{name} at rest"), MINUTE, || {
                let ask = |form| client.ask(&format!("/holdfast/hist/{form},{view}"));
                let before = ask("percentiles")?;
                let forms = [ask("base64")?, ask("log")?, ask("hgrm")?];
                Ok((ask("percentiles")? == before).then_some((before, forms)))
            })?;
            let texts: Vec<&str> = forms.iter().filter_map(Value::as_str).collect();
            let read = json_lines(&piped(script("hdr_reader.py"), &texts.join("\n"))?);
            assert_eq!(read.len(), 3, "{view}: {forms:?}");
            for (key, value) in told.as_object().into_iter().flatten() {
                assert_eq!(&read[0][key], value, "{view} {key} in base64");
                assert_eq!(&read[1][key], value, "{view} {key} in the log");
            }
            assert_eq!(read[1]["tag"], view.replace(',', "."));
            assert!(read[1]["length"].as_f64() > Some(1.0));
            assert_eq!(read[2]["count"], told["count"]);
            let count = number(&told["count"]);
            if name == NEVER_FILLED {
                assert_eq!(count, 0, "{view}");
            } else if thread.is_empty() {
                assert!(count > 10, "{view}: {told}");
            }
        }
    }
    each_reader_resets_for_itself(&offices.head)?;
    let log = get(&offices.topology.head, "/histograms.hlog")?;
    let intervals = wait_for("an interval of the log", MINUTE, || {
        let log = get(&offices.topology.head, "/histograms.hlog")?;
        let rows = json_lines(&piped(script("hdr_reader.py"), &log)?);
        Ok((!rows.is_empty()).then_some(rows))
    })?;
    assert!(log.starts_with("#[Histogram log format version 1.3]\n"));
    let line = intervals.iter().find(|row| row["tag"] == "line_ns");
    assert!(
        line.is_some_and(|row| number(&row["count"]) > 0),
        "{intervals:?}"
    );
    let hgrm = get(&offices.topology.head, "/histograms/line_ns.hgrm")?;
    assert_eq!(json_lines(&piped(script("hdr_reader.py"), &hgrm)?).len(), 1);
    Ok(())
}

fn each_reader_resets_for_itself(head: &HoldfastBox) -> Result<()> {
    let (one, other) = (client(head)?, client(head)?);
    let count = |client: &StatsClient| {
        let told = client.ask("/holdfast/hist/percentiles,control_turn_us")?;
        Ok::<u64, LabError>(number(&told["count"]))
    };
    let before = count(&other)?;
    one.ask("/holdfast/hist/reset,control_turn_us")?;
    let (reset, kept) = (count(&one)?, count(&other)?);
    assert!(reset < before && before <= kept, "{reset} {before} {kept}");
    Ok(())
}

/// The parser of prometheus_client takes every line; the names are there, and the sums agree with
/// the socket's.
fn prometheus_reads_the_metrics(space: &Namespace) -> Result<()> {
    let url = format!("http://{METRICS}/metrics");
    let text = space.run("curl", &["-sS", "--include", "--max-time", "10", &url])?;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let manual = include_str!("../../docs/manual/statistics.md");
    let content_type = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == content_type), "{head}");
    assert!(body.ends_with("\n# EOF\n"));
    let samples = json_lines(&piped(script("openmetrics_reader.py"), body)?);
    for sample in &samples {
        let name = sample["name"].as_str().unwrap_or_default();
        let named = sample["type"] == "histogram" || manual.contains(&format!("`{name}`"));
        assert!(named, "{name} is not in the manual");
    }
    let of = |name: &str| {
        samples
            .iter()
            .filter(|it| it["name"] == name)
            .collect::<Vec<_>>()
    };
    let sum = |name: &str| {
        of(name)
            .iter()
            .filter_map(|it| it["value"].as_f64())
            .sum::<f64>()
    };
    let one = Some(1.0);
    assert_eq!(of("holdfast_healthy")[0]["value"].as_f64(), one);
    assert!(sum("holdfast_received_total") > 1_000.0);
    assert!(sum("holdfast_tunnel_bytes_out_total") > 20.0 * MEGABYTE as f64);
    let up = of("holdfast_tunnel_up");
    assert_eq!(
        up.iter().filter(|it| it["value"].as_f64() == one).count(),
        1
    );
    assert!(of("holdfast_drops_total").len() > 50);
    let buckets = of("holdfast_line_seconds_bucket");
    assert!(buckets.len() > 20);
    let last = buckets.last().and_then(|it| it["value"].as_f64());
    assert!(last > Some(0.0) && last == of("holdfast_line_seconds_count")[0]["value"].as_f64());
    Ok(())
}

fn the_status_page_shows_a_bounce(workers: usize) -> Result<()> {
    let offices = offices(workers, 4 * MEGABYTE, 200)?;
    let head = &offices.topology.head;
    configure_another_tunnel(&offices.head)?;
    let mut download = download(&offices)?;
    wait_tunnel(&offices.head, 0)?;
    download.wait_bytes(8 * MEGABYTE, MINUTE)?;
    let outage = Outage::begin(&offices.topology.internet)?;
    offices.head.control("clear crypto isakmp sa")?;
    let status = wait_for("the outage in the status", PUBLISHED, || {
        let status: Value = serde_json::from_str(&get(head, "/status.json")?).unwrap_or_default();
        let open = status["bounces"].as_array().is_some_and(|it| it.len() == 1);
        Ok(open.then_some(status))
    })?;
    assert_eq!(status["bounces"][0]["ready_ms"], Value::Null);
    let states = &status["tunnels"];
    assert!(states[0]["state"] != "up", "{states}");
    let down = look(head, "status-down", (1280, 1300))?;
    assert!(down.text.contains("down for "), "{}", down.text);
    assert!(down.text.contains("preserved"));
    for place in ["Pause", "Tunnels", "Bounces", "Drops"] {
        assert!(
            down.reached.iter().any(|it| it == place),
            "{:?}",
            down.reached
        );
    }
    outage.end()?;
    wait_tunnel(&offices.head, 1)?;
    download.wait_progress(MINUTE)?;
    let up = look(head, "status-up", (1280, 1300))?;
    assert!(up.text.contains("1 since the start"), "{}", up.text);
    assert!(!up.text.contains("down for "), "the tunnel is back");
    assert!(up.text.contains("Mbit/s"), "{}", up.text);
    let phone = look(head, "status-phone", (412, 2400))?;
    assert!(phone.text.contains("Latency"));
    drop(download);
    offices.end()
}

/// What a browser found; its picture is kept in `target/stats`.
struct Seen {
    text: String,
    reached: Vec<String>,
}

/// Looks at the status page for some seconds. The page is not wider than the window, and the
/// browser has nothing to complain of: its policy forbids nothing that the page does.
fn look(space: &Namespace, name: &str, (width, height): (u32, u32)) -> Result<Seen> {
    const SECONDS: &str = "5";
    let directory = target_dir()?.join("stats");
    std::fs::create_dir_all(&directory).doing("make the pictures' directory")?;
    let picture = directory.join(format!("{name}.png"));
    let _ = std::fs::remove_file(&picture);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/browser.py");
    let mut command = space.command("/usr/bin/python3");
    command
        .arg(path)
        .arg(format!("http://{METRICS}/"))
        .arg(SECONDS);
    command
        .args([width.to_string(), height.to_string()])
        .arg(&picture);
    let seen: Value = serde_json::from_str(&piped(command, "")?).unwrap_or_default();
    assert_eq!(seen["complaints"], serde_json::json!([]));
    assert_eq!(seen["overflows"], false);
    let size = std::fs::metadata(&picture).doing("find the picture")?.len();
    assert!(size > 20_000, "a picture of {size} bytes");
    let reached = seen["reached"].as_array().into_iter().flatten();
    Ok(Seen {
        text: seen["text"].as_str().unwrap_or_default().to_owned(),
        reached: reached
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect(),
    })
}

fn a_crowd_of_clients_changes_nothing_on_the_cores(workers: usize) -> Result<()> {
    let offices = offices(workers, 4 * MEGABYTE, 100)?;
    let socket = offices.head.run_dir().join("stats.sock");
    let mut download = download(&offices)?;
    wait_tunnel(&offices.head, 0)?;
    download.wait_bytes(4 * MEGABYTE, MINUTE)?;
    let observer = client(&offices.head)?;
    let alone = Pace::of(&observer, &download)?;
    let done = std::sync::atomic::AtomicBool::new(false);
    let (socket, is_done) = (socket.as_path(), &done);
    let crowded = std::thread::scope(|scope| {
        let going = move || !is_done.load(std::sync::atomic::Ordering::Relaxed);
        let crowd: Vec<_> = (0..CROWD)
            .map(|number| scope.spawn(move || ask_all(socket, number, going)))
            .collect();
        let _stuck = never_listens(socket)?;
        let garbage = scope.spawn(move || send_garbage(socket, going));
        let pace = Pace::of(&observer, &download);
        let crowd_of_http = requests_of_every_kind(&offices.topology.head);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for thread in crowd {
            let asked = thread.join().expect("no panic")?;
            assert!(asked > 10, "every client is served, this one {asked} times");
        }
        garbage.join().expect("no panic")?;
        crowd_of_http?;
        pace
    })?;
    // How much of the rate is left on a machine that is shared is a measurement; here it goes on.
    assert!(
        crowded.bytes_s > alone.bytes_s / 4.0,
        "{alone:?} {crowded:?}"
    );
    // Two boxes on two cores overflow a ring now and then; one that is disturbed loses most of its
    // packets.
    let lost = crowded.exhausted.saturating_sub(alone.exhausted);
    assert!(
        lost as f64 * 1_000.0 < crowded.bytes_s * 5.0,
        "{alone:?} {crowded:?}"
    );
    assert_eq!(crowded.stalled, 0);
    download.expect_whole(&offices.payload, MINUTE)?;
    let turn = observer.ask("/holdfast/hist/percentiles,control_turn_us")?;
    assert!(number(&turn["p50"]) < 5_000, "{turn}");
    offices.end()
}

/// How a box does over some seconds.
#[derive(Debug)]
struct Pace {
    bytes_s: f64,
    exhausted: u64,
    stalled: u64,
}

impl Pace {
    fn of(observer: &StatsClient, download: &Download) -> Result<Self> {
        const SECONDS: u64 = 5;
        let begin = download.received_bytes();
        let begun = std::time::Instant::now();
        pause(Duration::from_secs(SECONDS))?;
        let bytes_s = (download.received_bytes() - begin) as f64 / begun.elapsed().as_secs_f64();
        let drops = observer.ask("/holdfast/drops")?;
        let exhausted = ["dispatch-queue-limit", "no-mbuf", "punt-rate-limit"];
        Ok(Self {
            bytes_s,
            exhausted: exhausted.iter().map(|key| number(&drops[*key])).sum(),
            stalled: number(&observer.ask("/holdfast/health")?["workers_stalled"]),
        })
    }
}

/// Asks one command after the other; how many were answered.
fn ask_all(socket: &Path, number: usize, going: impl Fn() -> bool) -> Result<u64> {
    const COMMANDS: [&str; 8] = [
        "/",
        "/holdfast/health",
        "/holdfast/conn/list",
        "/holdfast/vpn/tunnels",
        "/holdfast/drops",
        "/holdfast/hist/base64,line_ns",
        "/ethdev/xstats,0",
        "/holdfast/hist/reset,parse_cycles",
    ];
    let client = StatsClient::connect(socket)?;
    let mut asked = 0;
    while going() {
        let command = COMMANDS[(number + asked as usize) % COMMANDS.len()];
        let answer = client.ask(command)?;
        assert!(
            !answer.is_null() || command.contains("conn/list"),
            "{command}"
        );
        asked += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(asked)
}

/// A client that asks and never reads, not even its greeting.
fn never_listens(socket: &Path) -> Result<StatsClient> {
    let client = StatsClient::connect_without_greeting(socket)?;
    for _ in 0..4 {
        client.send(b"/holdfast/drops")?;
    }
    Ok(client)
}

/// Sends what is no command, of every length, and reads what comes back.
fn send_garbage(socket: &Path, going: impl Fn() -> bool) -> Result<()> {
    let client = StatsClient::connect(socket)?;
    let mut state = 0x9E37_79B9_u32;
    while going() {
        let len = 1 + (state >> 8) as usize % 3000;
        let bytes: Vec<u8> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        client.send(&bytes)?;
        let answer = client.receive()?;
        let object = answer.as_object().expect("an object");
        assert!(object.values().all(Value::is_null), "{answer}");
    }
    Ok(())
}

/// What a careless or hostile client of the HTTP port sends.
fn requests_of_every_kind(space: &Namespace) -> Result<()> {
    let url = format!("http://{METRICS}/metrics");
    let code = |args: &[&str]| {
        let mut all = vec![
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--max-time",
            "10",
        ];
        all.extend(args);
        space.run("curl", &all)
    };
    assert_eq!(code(&["-X", "POST", "-d", "x=1", &url])?, "405");
    assert_eq!(code(&["-H", "Host: rebound.example", &url])?, "421");
    assert_eq!(
        code(&[&format!("http://{METRICS}/../../etc/passwd")])?,
        "404"
    );
    assert_eq!(
        code(&["-H", &format!("X: {}", "y".repeat(9_000)), &url])?,
        "431"
    );
    assert_eq!(code(&[&url])?, "200");
    Ok(())
}
