//! The example's processes: the worker, and the stand-in for Stripe.

use credits_ledger_tests::{Database, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project's folder")
}

pub fn example() -> PathBuf {
    project().join("examples/recharge_worker")
}

/// The Python that has the example's packages; made at the first use on a machine.
fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        // Beside the folder of this program, so that `make clean` removes it.
        let program = std::env::current_exe().expect("this program has a path");
        let target = program.ancestors().nth(3).expect("it lies in target/debug/deps");
        let output =
            Command::new(project().join("scripts/python-env")).arg(target.join("python")).output().expect("sh");
        assert!(output.status.success(), "scripts/python-env: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// The stand-in for Stripe. It ends with the test.
pub struct Stripe {
    child: Child,
    port: u16,
}

/// A payment that it was asked for.
#[derive(Debug)]
pub struct Payment {
    pub id: String,
    pub status: String,
    /// In the currency's smallest unit, and the currency.
    pub amount: String,
    pub key: String,
}

impl Stripe {
    pub fn start() -> Stripe {
        let mut child = Command::new(python())
            .arg(example().join("fake_stripe.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("python can be started");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let port = line.trim().rsplit(' ').next().and_then(|port| port.parse().ok());
        Stripe { child, port: port.unwrap_or_else(|| panic!("it says where it listens: {line:?}")) }
    }

    /// A customer with a card of this number, as the ledger names payment methods for the worker.
    pub fn card(&self, number: &str) -> String {
        self.call("POST", &format!("cards?number={number}"))
    }

    /// What happens to the next attempt to pay, and to which process.
    pub fn fault(&self, kind: &str, worker: Option<&Service>) {
        let pid = worker.map_or(0, |worker| worker.child.id());
        self.call("POST", &format!("faults?kind={kind}&pid={pid}"));
    }

    pub fn settle(&self, payment: &str, outcome: &str) {
        self.call("POST", &format!("settle?payment={payment}&outcome={outcome}"));
    }

    /// How often somebody tried to pay.
    pub fn attempts(&self) -> u32 {
        self.call("GET", "attempts").parse().expect("a number")
    }

    /// Payments that were made or declined; an answer that was given again is none.
    pub fn payments(&self) -> Vec<Payment> {
        let text = self.call("GET", "payments");
        text.lines()
            .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
                [id, status, amount, currency, key] => Payment {
                    id: id.into(),
                    status: status.into(),
                    amount: format!("{amount} {currency}"),
                    key: key.into(),
                },
                _ => panic!("five words: {line:?}"),
            })
            .collect()
    }

    fn call(&self, method: &str, what: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let request = format!("{method} /_fake/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an empty line ends the head");
        assert!(head.starts_with("HTTP/1.1 200"), "{what}: {answer}");
        body.to_owned()
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The worker's environment. `RECHARGE_LEASE` is short, for a test to see it lapse.
pub struct Environment(Vec<(String, String)>);

pub const SECRET: &str = "sk_test_4711";

impl Environment {
    pub fn new(server: &Server, db: &Database, role: &str, stripe: &Stripe) -> Environment {
        let (socket, port) = (server.socket_dir().display(), server.port());
        let database = format!("host={socket} port={port} dbname={} user={role}", db.name);
        let base = format!("http://127.0.0.1:{}", stripe.port);
        let mut environment = Environment(Vec::new());
        for (name, value) in [
            ("DATABASE_URL", database.as_str()),
            ("STRIPE_API_KEY", SECRET),
            ("STRIPE_API_BASE", &base),
            ("STRIPE_TIMEOUT", "2"),
            ("STRIPE_RETRIES", "0"),
            ("RECHARGE_LEASE", "3"),
            ("RECHARGE_POLL", "0.2"),
        ] {
            environment.0.push((name.into(), value.into()));
        }
        environment
    }

    pub fn with(mut self, name: &str, value: &str) -> Environment {
        self.0.retain(|(other, _)| other != name);
        self.0.push((name.into(), value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(python());
        command.arg(example().join("recharge_worker.py")).env_clear().envs(self.0.iter().map(|(n, v)| (n, v)));
        command.env("PATH", "/usr/bin:/bin").env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the worker until there is no request that it could claim, and returns what it logged.
    #[track_caller]
    pub fn work_once(&self) -> String {
        let output = self.command().arg("--once").output().expect("python can be started");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}\n{log}", output.status);
        log
    }

    /// Runs the worker, which is expected to end by itself.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().expect("python can be started")
    }

    pub fn start(&self) -> Service {
        Service { child: self.command().spawn().expect("python can be started") }
    }
}

/// A worker that runs as a service. It is killed at the latest when the test ends.
pub struct Service {
    child: Child,
}

impl Service {
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Waits until it was killed.
    pub fn is_killed(&mut self) {
        until("the worker was killed", || self.child.try_wait().expect("it is a child").is_some());
    }

    /// Stops it as systemd does, and returns what it logged.
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

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "it never was so that {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
