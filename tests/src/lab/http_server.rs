//! nginx, serving one file, paced.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::error::{Doing, LabError, Result};
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::payload::Payload;
use super::process::Process;

/// nginx stops in less.
const STOP: Duration = Duration::from_secs(5);

/// A running nginx on port 80 of every address of its namespace.
#[derive(Debug)]
pub struct HttpServer {
    process: Process,
}

impl HttpServer {
    /// Serves `payload` as `/file`, at `rate_bytes_s` per connection on average (0: unpaced).
    pub fn start(
        space: &Namespace,
        directory: &Path,
        payload: &Payload,
        rate_bytes_s: u64,
    ) -> Result<Self> {
        let home = directory.join("nginx");
        fs::create_dir_all(home.join("tmp")).doing("make nginx's directory")?;
        let config = home.join("nginx.conf");
        fs::write(&config, configuration(&home, payload, rate_bytes_s))
            .doing("write nginx's configuration")?;
        let mut command = space.command("nginx");
        command
            .arg("-c")
            .arg(&config)
            .arg("-p")
            .arg(&home)
            .arg("-e")
            .arg(home.join("error.log"));
        let mut process = Process::start("nginx", command, &home.join("output.log"))?;
        let listening = wait_for("nginx listening", Duration::from_secs(10), || {
            process.expect_running()?;
            let answer = space.run("curl", &["-s", "-I", "http://127.0.0.1/file"]);
            Ok(answer
                .ok()
                .filter(|head| head.contains(" 200 "))
                .map(|_| ()))
        });
        match listening {
            Ok(()) => Ok(Self { process }),
            Err(LabError::Failed(text)) => {
                let log = fs::read_to_string(home.join("error.log")).unwrap_or_default();
                Err(LabError::Failed(format!("{text}\n{log}")))
            }
            Err(other) => Err(other),
        }
    }

    /// Stops it.
    pub fn stop(mut self) -> Result<()> {
        self.process.terminate(STOP)
    }
}

fn configuration(home: &Path, payload: &Payload, rate_bytes_s: u64) -> String {
    let home = home.display();
    let file = payload.path.display();
    format!(
        "daemon off;\nmaster_process off;\npid {home}/nginx.pid;\nuser root;\n\
         worker_processes 1;\nevents {{ worker_connections 256; }}\n\
         http {{\n\
         access_log off;\nsendfile on;\nsendfile_max_chunk 128k;\n\
         keepalive_timeout 0;\nsend_timeout 600s;\n\
         client_body_temp_path {home}/tmp;\nproxy_temp_path {home}/tmp;\n\
         fastcgi_temp_path {home}/tmp;\nuwsgi_temp_path {home}/tmp;\nscgi_temp_path {home}/tmp;\n\
         server {{\nlisten 80;\nlimit_rate {rate_bytes_s};\n\
         location = /file {{ alias {file}; }}\n}}\n}}\n"
    )
}
