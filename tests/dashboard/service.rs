//! The example's process, and HTTP as a browser speaks it.

use credits_ledger_tests::{Database, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project's folder")
}

/// The Python that has the packages of the example and of its test.
pub fn python() -> PathBuf {
    // Beside the folder of this program, where `make test` puts it.
    let program = std::env::current_exe().expect("this program has a path");
    let target = program.ancestors().nth(3).expect("it lies in target/debug/deps");
    let python = target.join("dashboard/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup-dashboard {}", python.display(), target.display());
    python
}

/// How the dashboard's role reaches its database.
pub fn conninfo(server: &Server, db: &Database, role: &str) -> String {
    format!("host={} port={} dbname={} user={role}", server.socket_dir().display(), server.port(), db.name)
}

/// A dashboard on a free port. It ends with the test.
pub struct Dashboard {
    child: Child,
    pub port: u16,
}

/// What it answered.
pub struct Answer {
    pub status: u16,
    /// Name and value as they were sent.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The only header of a name, or nothing.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<&str> = self
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        assert!(found.len() <= 1, "{name}: {found:?}");
        found.first().copied().unwrap_or_default()
    }
}

impl Dashboard {
    #[track_caller]
    pub fn start(database: &str, settings: &[(&str, &str)]) -> Dashboard {
        let mut command = Command::new(python());
        command.arg(project().join("examples/dashboard/dashboard.py")).env_clear();
        command.env("DATABASE_URL", database).env("DASHBOARD_BIND", "127.0.0.1:0").envs(settings.iter().copied());
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("LC_ALL", "C.UTF-8");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("python");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let port = line.trim().strip_prefix("Listening on http://127.0.0.1:").and_then(|port| port.parse().ok());
        Dashboard { child, port: port.unwrap_or_else(|| panic!("it says where it listens: {line:?}")) }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "localhost")
    }

    /// Asks by HTTP/1.0, which answers without chunks: what comes until the connection ends is the body.
    #[track_caller]
    pub fn ask(&self, method: &str, target: &str, host: &str) -> Answer {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        write!(connection, "{method} {target} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("it answers in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an empty line: {answer}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Answer { status, headers, body: body.to_owned() }
    }

    /// Stops it as systemd does, and returns what it logged.
    #[track_caller]
    pub fn stop(mut self) -> String {
        let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(killed.expect("sh").success());
        let mut log = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "{status}\n{log}");
        log
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything but letters and digits as %XX.
pub fn quoted(text: &str) -> String {
    let quote = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(quote).collect()
}

/// Reads RFC 4180 as it is written: every line ends with CRLF; a quote only around a field, doubled within one.
pub fn strict_csv(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut row = Vec::new();
        loop {
            let (field, after) = field(rest)?;
            row.push(field);
            if let Some(next) = after.strip_prefix(',') {
                rest = next;
            } else if let Some(next) = after.strip_prefix("\r\n") {
                rest = next;
                break;
            } else {
                return Err(format!("neither a comma nor CRLF before {:.30?}", after));
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn field(text: &str) -> Result<(String, &str), String> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n', '"']).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut field = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or_else(|| format!("no closing quote after {rest:.30?}"))?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, after)),
        }
    }
}
