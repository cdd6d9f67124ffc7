//! A database for one of the programs, the program, and a gate at which its attempts wait for the test.

use super::proxy::Proxy;
use credits_ledger_tests::{Database, Installation, Server, Session};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The driver that Debian's libpostgresql-jdbc-java brings.
const JDBC: &str = "/usr/share/java/postgresql.jar";

/// Its number is known to the test by the lock for which it waits.
const GATE: &str = "
    CREATE SEQUENCE attempts;
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE attempt bigint := nextval('attempts');
    BEGIN
        IF attempt <= 4 THEN
            -- Held to the end of the attempt: whoever waits for it waits for the program.
            PERFORM pg_advisory_xact_lock(0);
            PERFORM pg_advisory_xact_lock_shared(attempt);
            -- The first waits for a lock no longer than this. If there is a deadlock, the program is who finds it.
            PERFORM set_config('lock_timeout', CASE attempt WHEN 1 THEN '20ms' ELSE '0' END, true),
                    set_config('deadlock_timeout', '10ms', true);
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER gate BEFORE INSERT ON jobs FOR EACH ROW WHEN (current_user = 'app') EXECUTE FUNCTION gate();";

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project's folder")
}

/// A file or folder of the examples.
pub fn example(name: &str) -> PathBuf {
    project().join("examples/clients").join(name)
}

#[track_caller]
pub fn read(name: &str) -> String {
    std::fs::read_to_string(example(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Where the programs are built: beside this program, so that `make clean` removes it.
fn built() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("it lies in target/debug/deps").join("clients")
}

/// Builds the program and installs what it needs, once.
#[track_caller]
fn prepare(client: &'static str) {
    static PREPARED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut prepared = lock(&PREPARED);
    if !prepared.contains(client) {
        let mut setup = Command::new(project().join("scripts/setup-clients"));
        let output = setup.arg(built()).arg(client).env("PATH", path()).output().expect("sh can be started");
        assert!(output.status.success(), "scripts/setup-clients: {}", String::from_utf8_lossy(&output.stderr));
        prepared.insert(client);
    }
}

/// A test that failed while it held the lock must not fail the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A database with schema.sql in it, and one of the programs, ready to run.
pub struct World {
    client: &'static str,
    db: Database,
    pub session: Session,
    pub proxy: Proxy,
}

impl World {
    #[track_caller]
    pub fn new(client: &'static str) -> World {
        prepare(client);
        let db = Server::shared().database();
        {
            // The role belongs to all databases, and the first makes it.
            static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
            let _held = lock(&ONE_AT_A_TIME);
            let shown = db.psql(&format!("\\set ON_ERROR_STOP on\n{}", read("schema.sql")));
            assert!(shown.status.success(), "schema.sql: {}", String::from_utf8_lossy(&shown.stderr));
        }
        World { client, session: db.session(), db, proxy: Proxy::start(Server::shared()) }
    }

    /// Starts the program, which finds the server by the PG* variables.
    pub fn start(&self) -> Running {
        let mut command = self.command();
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.proxy.port.to_string());
        command.env("PGUSER", "app").env("PGDATABASE", &self.db.name);
        Running::start(&mut command)
    }

    /// Runs the program to its end, with a URL for an argument.
    #[track_caller]
    pub fn run_with_url(&self) -> Ended {
        let scheme = if self.client == "java-jdbc" { "jdbc:postgresql" } else { "postgresql" };
        let url = format!("{scheme}://127.0.0.1:{}/{}?user=app", self.proxy.port, self.db.name);
        Running::start(self.command().arg(url)).end()
    }

    fn command(&self) -> Command {
        let (built, name) = (built(), self.client);
        let mut command = match name.split_once('-').map_or(name, |(language, _)| language) {
            "python" => Command::new(built.join("python/bin/python")),
            "node" => Command::new("node"),
            "rust" => Command::new(built.join("rust/debug").join(name.replacen("rust", "credits", 1))),
            "java" => Command::new("java"),
            "psql" => Command::new(example(name).join("run.sh")),
            _ => panic!("how is {name} run?"),
        };
        match name.split_once('-').map_or("", |(language, _)| language) {
            "python" => command.arg(example(name).join("credits.py")),
            "node" => command.arg(built.join(name).join("credits.js")),
            "java" => command.args(["-cp", &format!("{}:{JDBC}", built.join(name).display()), "Credits"]),
            _ => &mut command,
        };
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("PG") {
                command.env_remove(variable);
            }
        }
        command.env("PATH", path()).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// The account has what the story leaves, in three entries and one job, however often it was told.
    #[track_caller]
    pub fn ends_well(&mut self) {
        self.session.row("SELECT * FROM credits_balance('acme')").has(&[
            ("balance", "87.654322"),
            ("available", "87.654322"),
            ("entry", "3"),
        ]);
        let operations = "SELECT operation, idempotency_key, recorded_by FROM credits_history ORDER BY entry";
        assert_eq!(self.session.list(operations), ["open|NULL|app", "grant|order-1|app", "debit|job-1|app"]);
        assert_eq!(self.session.list("SELECT * FROM jobs"), ["job-1|acme|12.345678"]);
        assert_eq!(self.session.list("SELECT * FROM credits_verify()"), Vec::<String>::new());
    }

    /// Makes the first four attempts to run a job wait at a gate of their own, in the middle of their transaction, and
    /// makes transactions see one state of the database.
    pub fn close_gates(&mut self) {
        self.session.run(GATE);
        self.session.run("SELECT pg_advisory_lock(attempt) FROM generate_series(1, 4) attempt");
        self.session
            .run(&format!("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'", self.db.name));
    }

    /// Waits until an attempt stands at its gate, and returns its process.
    #[track_caller]
    pub fn at_gate(&mut self, attempt: u32, program: &mut Running) -> u32 {
        self.waits_for(attempt, Some(program))
    }

    /// Waits until somebody waits for this lock.
    #[track_caller]
    pub fn waits_for(&mut self, lock: u32, mut program: Option<&mut Running>) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(60);
        let sql = format!(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        );
        loop {
            if let [pid] = &self.session.list(&sql)[..] {
                return pid.parse().expect("a process");
            }
            if let Some(ended) = program.as_deref_mut().and_then(Running::has_ended) {
                panic!("the program has ended, and nobody waits for lock {lock}: {ended:?}");
            }
            assert!(Instant::now() < deadline, "nobody waits for lock {lock}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn open_gate(&mut self, attempt: u32) {
        self.session.run(&format!("SELECT pg_advisory_unlock({attempt})"));
    }

    /// Another session of a superuser.
    pub fn other_session(&self) -> Session {
        self.db.session()
    }
}

/// With the programs of the installation under test before others, which may be of another version.
fn path() -> std::ffi::OsString {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(Installation::get().bindir().to_owned()).chain(std::env::split_paths(&others));
    std::env::join_paths(all).expect("no colon in a folder's name")
}

/// The program while it runs. It ends with the test.
pub struct Running(Option<Child>);

impl Running {
    fn start(command: &mut Command) -> Running {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Running(Some(child.unwrap_or_else(|error| panic!("{command:?}: {error}"))))
    }

    fn has_ended(&mut self) -> Option<Ended> {
        let child = self.0.as_mut()?;
        child.try_wait().expect("a child can be waited for")?;
        Some(self.take())
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        self.take()
    }

    fn take(&mut self) -> Ended {
        let child = self.0.take().expect("it ends once");
        Ended(child.wait_with_output().expect("a child can be waited for"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What the program has shown.
#[derive(Debug)]
pub struct Ended(Output);

impl Ended {
    /// That it ended well and has written this.
    #[track_caller]
    pub fn shows(&self, expected: &str) {
        let shown = String::from_utf8_lossy(&self.0.stdout);
        let said = self.says();
        assert!(
            self.0.status.success() && shown == expected,
            "{}\n{shown}{said}\nexpected:\n{expected}",
            self.0.status
        );
    }

    /// That it failed, and what it has written to standard error.
    #[track_caller]
    pub fn fails(&self) -> String {
        assert!(!self.0.status.success(), "it ended well: {:?}", self.0);
        self.says()
    }

    fn says(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Why attempts failed after which another followed: SQLSTATEs, or what else was known.
    pub fn failures(&self) -> Vec<String> {
        let said = self.says();
        let lines = said.lines().filter_map(|line| {
            let reason = line.strip_prefix("attempt ").and_then(|rest| rest.split_once(": "));
            // psql's: it begins with its first attempt again.
            reason.map(|(_, reason)| reason).or_else(|| (line == "connection lost").then_some(line))
        });
        lines.map(str::to_owned).collect()
    }
}
