//! Private Postgres servers.

use crate::installation::must;
use crate::keeper::Keeper;
use crate::{Database, Installation, Session};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Every server has a socket folder of its own, so all can use one port.
const PORT: u16 = 5432;

/// Tests kill processes, never the machine: what a server has written, it finds again without fsync.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("max_connections", "200"),
    ("max_prepared_transactions", "20"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_checkpoints", "off"),
];

/// A test that waits for ever is worse than one that fails.
const SHARED_SETTINGS: &[(&str, &str)] =
    &[("synchronous_commit", "off"), ("full_page_writes", "off"), ("statement_timeout", "5min")];

/// Databases made from this one have the extension already.
const TEMPLATE: &str = "with_extension";

/// How to reach a server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub socket_dir: PathBuf,
    pub port: u16,
}

impl Address {
    /// Runs a program of the installation against the server, as its user, in its folder.
    pub fn tool(&self, tool: &str, args: &[&str], input: &str) -> Output {
        let mut command = Installation::get().program(tool, &self.socket_dir);
        command.env("PGHOST", &self.socket_dir).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
        command.args(args);
        fed(command, input)
    }
}

/// Runs a program with this on its standard input.
fn fed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("its standard input is a pipe");
    // On a thread of its own: the program may write more than a pipe holds before it has read everything.
    let input = input.to_owned();
    let feeding = std::thread::spawn(move || {
        // One that fails early closes its input; its exit status says more than the broken pipe.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let _ = feeding.join();
    output
}

/// A private Postgres on a unix socket, in a folder of its own. Dropping it, or the end of this process in whatever
/// way, stops it and removes the folder.
pub struct Server {
    folder: PathBuf,
    data: PathBuf,
    address: Address,
    databases: AtomicU32,
    /// Held while a database is made: CREATE DATABASE wants its template for itself.
    template: Mutex<bool>,
    _keeper: Keeper,
}

impl Server {
    /// The server that all tests of one binary share, each with databases of its own.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(SHARED_SETTINGS))
    }

    /// A server of the test's own, with these settings on top of the harness's.
    #[track_caller]
    pub fn start(settings: &[(&str, &str)]) -> Server {
        let server = Server::in_new_folder();
        copy(&template_cluster(), &server.data);
        server.configure(SETTINGS);
        server.configure(settings);
        server.launch();
        server
    }

    /// A streaming standby of this server, made by pg_basebackup.
    #[track_caller]
    pub fn standby(&self) -> Server {
        let standby = Server::in_new_folder();
        let data = standby.data.to_str().expect("the folder's name is text");
        let output = self.run_tool("pg_basebackup", &["-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"]);
        assert!(output.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&output.stderr));
        standby.launch();
        standby
    }

    /// A fresh database with the extension in it.
    #[track_caller]
    pub fn database(&self) -> Database {
        let mut made = lock(&self.template);
        if !*made {
            let template = self.create(TEMPLATE, "template1");
            template.session().run("CREATE EXTENSION credits_ledger");
            self.until_unused(TEMPLATE);
            *made = true;
        }
        self.create(&self.next_name(), TEMPLATE)
    }

    /// A fresh database without the extension.
    #[track_caller]
    pub fn empty_database(&self) -> Database {
        let _held = lock(&self.template);
        self.create(&self.next_name(), "template1")
    }

    /// A database of this server that exists already, for example one that came with a restored backup.
    pub fn existing_database(&self, name: &str) -> Database {
        Database { name: name.to_owned(), address: self.address.clone() }
    }

    /// Stops the server: `smart`, `fast` or `immediate`.
    #[track_caller]
    pub fn stop(&mut self, mode: &str) {
        must(
            Installation::get()
                .program("pg_ctl", &self.folder)
                .args(["stop", "--silent", "-m", mode, "-D"])
                .arg(&self.data),
        );
    }

    /// Starts the server again after [`Server::stop`] or after its processes were killed.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.launch();
    }

    /// Kills the session's backend with SIGKILL: the server then ends all others and restarts by itself, see
    /// [`Server::wait_until_ready`].
    #[track_caller]
    pub fn kill_backend_of(&self, session: &Session) {
        kill(session.backend_pid());
        // The process stands in /proc until the postmaster has noticed; from then on nobody can connect.
        let process = PathBuf::from(format!("/proc/{}", session.backend_pid()));
        within(Duration::from_secs(20), "the postmaster has noticed", || !process.exists());
    }

    /// Kills the postmaster with SIGKILL. Its children notice and go by themselves; [`Server::start_again`] waits
    /// for that.
    #[track_caller]
    pub fn kill_postmaster(&mut self) {
        kill(self.postmaster_pid());
    }

    /// The process id of the postmaster.
    #[track_caller]
    pub fn postmaster_pid(&self) -> u32 {
        let file = self.data.join("postmaster.pid");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        text.lines().next().and_then(|line| line.trim().parse().ok()).expect("postmaster.pid begins with the id")
    }

    /// Waits until the server accepts connections, for example after it restarted by itself.
    #[track_caller]
    pub fn wait_until_ready(&self) {
        within(Duration::from_secs(60), "the server accepts connections", || {
            self.existing_database("postgres").try_session_as("postgres").is_ok()
        });
    }

    /// Waits until a standby of this server has replayed all that this server has written.
    #[track_caller]
    pub fn wait_for(&self, standby: &Server) {
        let written = self.existing_database("postgres").session().one("SELECT pg_current_wal_lsn()");
        let mut session = standby.existing_database("postgres").session();
        within(Duration::from_secs(60), "the standby has replayed everything", || {
            session.one(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")) == "t"
        });
    }

    /// Appends settings to the server's configuration; they count after [`Server::start_again`] or a reload.
    #[track_caller]
    pub fn configure(&self, settings: &[(&str, &str)]) {
        let file = self.data.join("postgresql.conf");
        let mut conf = File::options().append(true).open(&file).expect("postgresql.conf can be written");
        for (name, value) in settings {
            writeln!(conf, "{name} = '{}'", value.replace('\'', "''")).expect("postgresql.conf can be written");
        }
    }

    /// The data folder.
    pub fn pgdata(&self) -> &Path {
        &self.data
    }

    /// The folder of the unix socket. Tools run in it, so that files they write under relative names are here.
    pub fn socket_dir(&self) -> &Path {
        &self.address.socket_dir
    }

    /// The port, which on a unix socket is a part of its name.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read(self.folder.join("log"))
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into())
    }

    /// What a terminal shows when psql reads this, and whether it got to the end: errors stand where they happened.
    pub fn psql(&self, database: &str, script: &str) -> (bool, String) {
        let mut command = Installation::get().as_user("sh", self.socket_dir());
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(Installation::get().bindir().join("psql"));
        command.args(["-X", "-v", "ON_ERROR_STOP=1", "-h"]).arg(self.socket_dir());
        command.args(["-p", &self.port().to_string(), "-U", "postgres", "-d", database]);
        let output = fed(command, script);
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs a tool (`psql`, `pg_dump`, `pg_basebackup` …) against the server, as its user, in its folder.
    pub fn run_tool(&self, tool: &str, args: &[&str]) -> Output {
        self.run_tool_with_input(tool, args, "")
    }

    /// The same, with text for the tool's standard input.
    pub fn run_tool_with_input(&self, tool: &str, args: &[&str], input: &str) -> Output {
        self.address.tool(tool, args, input)
    }

    fn in_new_folder() -> Server {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let stamp = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() % 100_000_000);
        let folder = root().join(format!("credits-test-{}-{stamp}-{number}", std::process::id()));
        Installation::get().make_folder(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Server {
            data: folder.join("data"),
            address: Address { socket_dir: folder.clone(), port: PORT },
            databases: AtomicU32::new(0),
            template: Mutex::new(false),
            _keeper: Keeper::watch(&folder),
            folder,
        }
    }

    #[track_caller]
    fn launch(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            // The socket folder is said here and not in postgresql.conf: a standby's is copied from its primary.
            let options = format!("-k '{}' -p {}", self.folder.display(), self.address.port);
            let started = Installation::get()
                .program("pg_ctl", &self.folder)
                .args(["start", "--silent", "-w", "-t", "120", "-D"])
                .arg(&self.data)
                .arg("-l")
                .arg(self.folder.join("log"))
                .args(["-o", &options])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .expect("pg_ctl can be started");
            if started.success() {
                return;
            }
            // After a SIGKILL the backends of the old postmaster need a moment to notice.
            let log = self.log();
            assert!(log.ends_with_refusal() && Instant::now() < deadline, "the server did not start:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn next_name(&self) -> String {
        format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed) + 1)
    }

    #[track_caller]
    fn create(&self, name: &str, template: &str) -> Database {
        let mut session = self.existing_database("postgres").session();
        session.run(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.existing_database(name)
    }

    /// A session that was closed is there for a moment more, and no database can be a template while it is.
    #[track_caller]
    fn until_unused(&self, database: &str) {
        let mut session = self.existing_database("postgres").session();
        within(Duration::from_secs(20), "the template's session is gone", || {
            session.one(&format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'")) == "0"
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(2000);
            eprintln!("the end of the server's log:\n{}", String::from_utf8_lossy(&log.as_bytes()[from..]));
        }
    }
}

trait Log {
    fn ends_with_refusal(&self) -> bool;
}

impl Log for String {
    /// Whether the last start failed because processes of the one before were still there.
    fn ends_with_refusal(&self) -> bool {
        self.lines().rev().take(4).any(|line| {
            line.contains("pre-existing shared memory block")
                || line.contains("is another postmaster")
                || line.contains("could not bind")
                || line.contains("Is another postmaster")
        })
    }
}

/// Where the servers' folders are made. Short, because the name of a socket holds 107 bytes at most.
fn root() -> PathBuf {
    std::env::var_os("CREDITS_TEST_DIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}

/// A cluster as initdb makes it, made once per machine and version and then copied.
fn template_cluster() -> PathBuf {
    let installation = Installation::get();
    let version: String =
        installation.pg_config("--version").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let user = crate::installation::text(installation.as_user("id", &root()).arg("-un"));
    let folder = root().join(format!("credits-test-template-{user}-{version}"));
    // Several test binaries may come here at once.
    let gate = File::create(folder.with_extension("lock")).expect("the folder of the servers can be written");
    gate.lock().expect("a file in it can be locked");
    if !folder.join("complete").exists() {
        must(installation.as_user("rm", &root()).arg("-rf").arg(&folder));
        installation.make_folder(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        must(
            installation
                .program("initdb", &folder)
                .args(["--no-sync", "--data-checksums", "--auth=trust", "--username=postgres"])
                .args(["--encoding=UTF8", "--locale=C.UTF-8", "-D"])
                .arg(folder.join("data")),
        );
        must(installation.as_user("touch", &folder).arg("complete"));
    }
    folder.join("data")
}

fn copy(from: &Path, to: &Path) {
    must(Installation::get().as_user("cp", Path::new("/")).args(["-a", "--reflink=auto"]).args([from, to]));
}

#[track_caller]
fn kill(process: u32) {
    // The shell's own kill: a small system has no other.
    must(std::process::Command::new("sh").args(["-c", &format!("kill -9 {process}")]));
}

#[track_caller]
fn within(time: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + time;
    while !done() {
        assert!(Instant::now() < deadline, "after {time:?} it is not so that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A test that failed while it held the lock must not fail the others.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
