//! The Postgres installation under test, and the user its programs run as.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where Postgres is installed and as whom its programs run.
#[derive(Debug)]
pub struct Installation {
    pg_config: PathBuf,
    bindir: PathBuf,
    /// User and group, where this process is root: Postgres refuses to run as root.
    run_as: Option<(u32, u32)>,
}

impl Installation {
    /// The installation that `PG_CONFIG` names, else the one of the `pg_config` on the path.
    pub fn get() -> &'static Installation {
        static FOUND: OnceLock<Installation> = OnceLock::new();
        FOUND.get_or_init(|| {
            let pg_config = PathBuf::from(std::env::var_os("PG_CONFIG").unwrap_or_else(|| "pg_config".into()));
            let bindir = PathBuf::from(text(Command::new(&pg_config).arg("--bindir")));
            let run_as = (text(Command::new("id").arg("-u")) == "0").then(|| {
                let id = |flag| text(Command::new("id").args([flag, "postgres"])).parse().expect("a numeric id");
                (id("-u"), id("-g"))
            });
            Installation { pg_config, bindir, run_as }
        })
    }

    /// What `pg_config` says, for example of `--pkglibdir` or `--version`.
    pub fn pg_config(&self, what: &str) -> String {
        text(Command::new(&self.pg_config).arg(what))
    }

    /// The folder of `postgres`, `psql`, `pg_dump` and the other programs.
    pub fn bindir(&self) -> &Path {
        &self.bindir
    }

    /// A program of the installation, run as the right user in `folder`.
    pub fn program(&self, name: &str, folder: &Path) -> Command {
        self.as_user(self.bindir.join(name), folder)
    }

    /// Any program, run as the right user in `folder`, with none of the caller's `PG*` settings.
    ///
    /// `RUST_BACKTRACE` goes, too: in the server's environment it would put backtraces into the DETAIL of errors.
    pub fn as_user(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            if shown.starts_with("PG") || shown.starts_with("RUST") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C.UTF-8").env("HOME", folder).current_dir(folder);
        if let Some((user, group)) = self.run_as {
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes a folder that only the user of the servers can enter.
    pub fn make_folder(&self, folder: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt, chown};
        std::fs::DirBuilder::new().mode(0o700).create(folder)?;
        match self.run_as {
            Some((user, group)) => chown(folder, Some(user), Some(group)),
            None => Ok(()),
        }
    }
}

/// Runs a command that must succeed and returns its output, trimmed.
pub(crate) fn text(command: &mut Command) -> String {
    String::from_utf8_lossy(&must(command).stdout).trim().to_owned()
}

/// Runs a command that must succeed.
pub(crate) fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
