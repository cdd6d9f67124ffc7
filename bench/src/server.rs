//! A private Postgres server, started for one group of rows and removed afterwards.

use crate::failure::{Failure, Result, While};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Settings of every server. Checkpoints are kept out of the measurements: after one, the first change of each
/// page writes the whole page, which would hit whichever contender comes next.
pub const SETTINGS: [(&str, &str); 11] = [
    ("listen_addresses", "''"),
    ("max_wal_size", "48GB"),
    ("min_wal_size", "2GB"),
    ("checkpoint_timeout", "2h"),
    ("wal_level", "replica"),
    ("autovacuum", "on"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("track_wal_io_timing", "on"),
    ("work_mem", "64MB"),
    ("maintenance_work_mem", "512MB"),
];

/// Starts the server, and stops it and removes its folder as soon as standard input closes: however this program
/// ends, no server is left behind.
const KEEPER: &str = r#"trap : INT TERM HUP
"$1/postgres" -D "$2/data" -k "$2" -c shared_buffers="$3" >"$2/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$2""#;

/// The Postgres installation to measure with.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// Folder of `postgres`, `psql` and `pgbench`.
    pub bindir: PathBuf,
    /// User and group to run as; Postgres refuses to run as root.
    run_as: Option<(u32, u32)>,
    /// What `shared_buffers` is set to: a quarter of the memory, 2 GB at most.
    pub shared_buffers: String,
}

impl Postgres {
    /// Finds the installation through `PG_CONFIG`, else `/usr/bin/pg_config`.
    pub fn find() -> Result<Postgres> {
        let pg_config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "/usr/bin/pg_config".into());
        let bindir = PathBuf::from(output(Command::new(&pg_config).arg("--bindir"))?.trim());
        let run_as = if output(Command::new("id").arg("-u"))?.trim() == "0" {
            let id = |flag: &str| -> Result<u32> {
                output(Command::new("id").args([flag, "postgres"]))?.trim().parse().during("id of the user postgres")
            };
            Some((id("-u")?, id("-g")?))
        } else {
            None
        };
        let quarter = crate::machine::memory_mb() / 4;
        Ok(Postgres { bindir, run_as, shared_buffers: format!("{}MB", quarter.clamp(128, 2048)) })
    }

    /// The version as the server reports it, such as `15.20`.
    pub fn version(&self) -> Result<String> {
        let text = output(Command::new(self.bindir.join("postgres")).arg("--version"))?;
        Ok(text.split_whitespace().nth(2).unwrap_or("unknown").to_owned())
    }

    /// A command of the installation, run as the right user and with none of the caller's `PG*` settings.
    pub fn command(&self, program: &str) -> Command {
        self.as_user(self.bindir.join(program))
    }

    fn as_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars() {
            if name.starts_with("PG") || name.starts_with("RUST_") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8").current_dir("/");
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// A running private server. Dropping it stops it and removes its data.
pub struct Server {
    postgres: Postgres,
    dir: PathBuf,
    keeper: Child,
}

impl Server {
    /// Makes a cluster in a new folder under `parent` and starts it on a unix socket there.
    pub fn start(postgres: &Postgres, parent: &Path) -> Result<Server> {
        let stamp = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
        let dir = parent.join(format!("credits-bench-{}-{stamp}", std::process::id()));
        fs::create_dir(&dir).during(&format!("creating {}", dir.display()))?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))?;
        if let Some((uid, gid)) = postgres.run_as {
            chown(&dir, Some(uid), Some(gid))?;
        }
        let data = dir.join("data");
        output(
            postgres
                .command("initdb")
                .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"])
                .arg("-D")
                .arg(&data),
        )?;
        let mut conf = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
        for (name, value) in SETTINGS {
            writeln!(conf, "{name} = {value}")?;
        }
        let keeper = postgres
            .as_user("sh")
            .args(["-c", KEEPER, "keeper"])
            .args([postgres.bindir.as_os_str(), dir.as_os_str(), postgres.shared_buffers.as_ref()])
            .stdin(Stdio::piped())
            .spawn()?;
        let server = Server { postgres: postgres.clone(), dir, keeper };
        let deadline = Instant::now() + Duration::from_secs(60);
        while server.sql("postgres", "SELECT 1").is_err() {
            if Instant::now() > deadline {
                let log = fs::read_to_string(server.dir.join("log")).unwrap_or_default();
                return Err(Failure(format!("the private server did not start:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// A client program (`psql`, `pgbench`) that connects to `database`.
    pub fn client(&self, program: &str, database: &str) -> Command {
        let mut command = self.postgres.command(program);
        command.env("PGHOST", &self.dir).env("PGUSER", "postgres").env("PGDATABASE", database);
        command
    }

    /// Runs SQL and returns what it printed: rows on lines, columns split by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        self.script(database, sql, &[])
    }

    /// Runs a psql script with variables.
    pub fn script(&self, database: &str, script: &str, variables: &[(&str, String)]) -> Result<String> {
        let mut command = self.client("psql", database);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        for (name, value) in variables {
            command.arg("-v").arg(format!("{name}={value}"));
        }
        feed(&mut command, script)
    }

    /// Runs SQL that returns one number.
    pub fn number(&self, database: &str, sql: &str) -> Result<f64> {
        let text = self.sql(database, sql)?;
        text.trim().parse().during(&format!("{sql}: {}", text.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing its input is the signal to stop.
        drop(self.keeper.stdin.take());
        // A failure here leaves nothing to do: the keeper goes on by itself.
        let _ = self.keeper.wait();
    }
}

/// Runs a command and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    feed(command, "")
}

/// Runs a command with `input` on standard input and returns its standard output.
pub fn feed(command: &mut Command, input: &str) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .during(&format!("starting {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that fails early closes its input; its exit status says more than the broken pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    let done = child.wait_with_output()?;
    if !done.status.success() {
        return Err(Failure(format!("{name} failed: {}", String::from_utf8_lossy(&done.stderr).trim())));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
