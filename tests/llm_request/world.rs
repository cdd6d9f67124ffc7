//! A database with the example's table, a fake of the model, and the program.

use crate::proxy::{At, Fault, Proxy};
use credits_ledger_tests::{Database, Row, Server, Session};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A file of the project.
pub fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Python that has psycopg: the system's, whose package it is, unless `PYTHON` names another.
fn python() -> PathBuf {
    std::env::var_os("PYTHON").map_or_else(|| PathBuf::from("/usr/bin/python3"), PathBuf::from)
}

/// A program in the example's folder, with none of the caller's settings.
fn program(name: impl AsRef<OsStr>) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/llm_request");
    let mut command = Command::new(name);
    command.current_dir(folder).env_clear().env("LC_ALL", "C.UTF-8").env("PATH", "/usr/bin:/bin");
    // No compiled files beside the program.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a program until standard input ends, which it does with this process, however that ends.
const KEEPER: &str = r#"exec 3<&0; "$@" </dev/null 3<&- & read -r _ <&3; kill $!"#;

/// The fake. It ends with the test.
pub struct Model {
    child: Option<Child>,
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Model {
    #[track_caller]
    pub fn start(options: &[&str]) -> Model {
        let mut child = program("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(python())
            .args(["fake_llm.py", "--port=0"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("/bin/sh can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        let url = lines.next().expect("it says its address: can PYTHON, else /usr/bin/python3, be run?").expect("text");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                assert!(line.starts_with("asked: "), "{line}");
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Model { child: Some(child), url, asked }
    }

    /// An address at which nobody listens.
    pub fn nowhere() -> Model {
        // A port that was just given back.
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        Model { child: None, url: format!("http://127.0.0.1:{port}/"), asked: Arc::default() }
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A database in which it is 1 March 2026, 09:00, with an account `acme`, and a role for the program that may spend.
pub struct World {
    db: Database,
    session: RefCell<Session>,
    pub role: String,
}

impl World {
    #[track_caller]
    pub fn new(granted: &str) -> World {
        let db = Server::shared().database();
        let role = db.role("app");
        let mut session = db.session();
        session.run(&read("examples/llm_request/schema.sql"));
        session.run(&format!(
            "GRANT SELECT, INSERT, UPDATE ON requests TO {role}; SELECT credits_allow('{role}', 'spend')"
        ));
        let world = World { db, session: RefCell::new(session), role };
        world.time("2026-03-01 09:00");
        world.run(&format!("SELECT credits_grant('acme', {granted}, 'order-1')"));
        world
    }

    pub fn server(&self) -> &'static Server {
        Server::shared()
    }

    /// Sets the ledger's clock, of this test and of sessions that the program will make.
    pub fn time(&self, now: &str) {
        self.run(&format!("ALTER DATABASE {} SET credits_ledger.now = '{now}'", self.db.name));
        self.session.borrow_mut().at(now);
    }

    #[track_caller]
    pub fn run(&self, sql: &str) {
        self.session.borrow_mut().run(sql);
    }

    #[track_caller]
    pub fn one(&self, sql: &str) -> String {
        self.session.borrow_mut().one(sql)
    }

    #[track_caller]
    pub fn list(&self, sql: &str) -> Vec<String> {
        self.session.borrow_mut().list(sql)
    }

    #[track_caller]
    pub fn row(&self, sql: &str) -> Row {
        self.session.borrow_mut().row(sql)
    }

    /// Waits until this is so.
    #[track_caller]
    pub fn until(&self, sql: &str, value: &str) {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let found = self.one(sql);
            if found == value {
                return;
            }
            assert!(Instant::now() < deadline, "{sql} is {found}, and not {value}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    pub fn figures(&self, account: &str, figures: &[(&str, &str)]) {
        self.row(&format!("SELECT * FROM credits_balance('{account}')")).has(figures);
    }

    /// Columns, or expressions, of a request.
    #[track_caller]
    pub fn request(&self, request: &str, figures: &[(&str, &str)]) {
        for (what, value) in figures {
            let sql = format!("SELECT {what} AS found FROM requests WHERE request = '{request}'");
            self.row(&sql).has(&[("found", value)]);
        }
    }

    /// What became of holds and usage: operation, change of the balance, what is held afterwards, key.
    #[track_caller]
    pub fn operations(&self, account: &str) -> Vec<String> {
        self.list(&format!(
            "SELECT operation, trim_scale(amount), trim_scale(held), idempotency_key FROM credits_history
             WHERE account = '{account}' AND operation IN ('hold', 'capture', 'release', 'extend', 'lapse', 'debit', 'charge')
             ORDER BY entry"
        ))
    }

    #[track_caller]
    pub fn is_sound(&self) {
        assert_eq!(self.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }

    /// Adds a request with the program: 8 words in 40 bytes, an answer of at most 400 tokens.
    #[track_caller]
    pub fn add(&self, request: &str, account: &str) {
        let prompt = "Tell me briefly what credit holds do, ok";
        let status = self.program(None).args(["add", request, account, "u17", prompt]).status().expect("it runs");
        assert!(status.success(), "add: {status}");
    }

    /// Starts `work`, for these requests or else for all; through the proxy where there is one.
    pub fn start(&self, model: &Model, proxy: Option<&Proxy>, requests: &[&str]) -> Child {
        self.program(proxy)
            .args(["--model", &model.url, "work"])
            .args(requests)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started")
    }

    /// Runs `work` to its end, which must be a good one, and returns what it wrote.
    #[track_caller]
    pub fn runs(&self, model: &Model, proxy: Option<&Proxy>, requests: &[&str]) -> String {
        let output = self.start(model, proxy, requests).wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same, for all requests and without a proxy.
    #[track_caller]
    pub fn works(&self, model: &Model) -> String {
        self.runs(model, None, &[])
    }

    /// Runs `work` and kills it with SIGKILL at this point.
    #[track_caller]
    pub fn killed(&self, model: &Model, at: At, fault: Fault) {
        let proxy = Proxy::start(self.server(), Some((at, fault)));
        let mut child = self.start(model, Some(&proxy), &[]);
        proxy.wait();
        child.kill().expect("SIGKILL");
        child.wait().expect("it is dead");
    }

    fn program(&self, proxy: Option<&Proxy>) -> Command {
        let folder = self.server().socket_dir().display();
        let port = proxy.map_or(self.server().port(), |proxy| proxy.port);
        let mut command = program(python());
        command.args([
            "llm_request.py",
            "--database",
            &format!("host={folder} port={port} user={} dbname={}", self.role, self.db.name),
        ]);
        command
    }
}
