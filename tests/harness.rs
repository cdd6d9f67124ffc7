//! The harness itself, without the extension.

use credits_ledger_tests::{Installation, Server};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_session_speaks_text() {
    let db = Server::shared().empty_database();
    let mut s = db.session();
    s.run("CREATE TABLE t (a int, b numeric, c bool, d text); INSERT INTO t VALUES (1, 5.50, true, NULL), (2, 0, false, 'x')");
    assert_eq!(s.one("SELECT count(*) FROM t"), "2");
    s.row("SELECT * FROM t WHERE a = 1").has(&[("b", "5.5"), ("c", "t"), ("d", "NULL")]);
    assert_eq!(s.list("SELECT * FROM t ORDER BY a"), ["1|5.50|t|NULL", "2|0|f|x"]);
    assert_eq!(s.rows("SELECT * FROM t WHERE a > 5").len(), 0);

    let error = s.error(
        "DO $$ BEGIN RAISE 'no' USING ERRCODE = 'LC001', DETAIL = 'available=3 required=5', HINT = 'wait'; END $$",
    );
    assert_eq!((error.code.as_str(), error.message.as_str(), error.hint.as_str()), ("LC001", "no", "wait"));
    assert_eq!((error.figure("available"), error.figure("required")), ("3", "5"));
    assert_eq!(s.one("SELECT 1"), "1", "the session is usable after an error");
}

#[test]
fn databases_and_roles_are_the_tests_own() {
    let (one, other) = (Server::shared().empty_database(), Server::shared().empty_database());
    one.session().run("CREATE TABLE only_here ()");
    assert_eq!(other.session().one("SELECT to_regclass('only_here')"), "NULL");
    let role = one.role("reader");
    assert_eq!(one.session_as(&role).one("SELECT current_user"), role);
    assert_eq!(one.session_as(&role).error("SELECT * FROM only_here").code, "42501");
}

#[test]
fn tools_run_against_the_server() {
    let db = Server::shared().empty_database();
    let output = db.psql("SELECT 40 + 2 AS answer;\n\\echo done");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("42") && text.contains("done"), "{output:?}");
    let dump = Server::shared().run_tool("pg_dump", &["--schema-only", &db.name]);
    assert!(String::from_utf8_lossy(&dump.stdout).contains("PostgreSQL database dump complete"), "{dump:?}");
}

#[test]
fn a_server_survives_what_tests_do_to_it() {
    let mut server = Server::start(&[("work_mem", "5MB")]);
    let db = server.empty_database();
    let mut s = db.session();
    assert_eq!(s.one("SHOW work_mem"), "5MB");
    s.run("CREATE TABLE t AS SELECT 7 AS a");

    server.kill_backend_of(&s);
    assert_eq!(s.error("SELECT 1").code, "08006");
    server.wait_until_ready();
    assert_eq!(db.session().one("SELECT a FROM t"), "7");

    server.kill_postmaster();
    server.start_again();
    server.stop("immediate");
    server.start_again();
    assert_eq!(db.session().one("SELECT a FROM t"), "7");
    assert!(server.log().contains("database system was not properly shut down"));

    let standby = server.standby();
    db.session().run("INSERT INTO t VALUES (8)");
    server.wait_for(&standby);
    let copy = standby.existing_database(&db.name);
    assert_eq!(copy.session().list("SELECT a FROM t ORDER BY a"), ["7", "8"]);
    assert_eq!(copy.session().error("INSERT INTO t VALUES (9)").code, "25006");
}

/// Runs this binary again, kills it, and sees that its server goes.
#[test]
fn no_server_outlives_a_killed_test() {
    let inner = "CREDITS_TEST_HARNESS_INNER";
    if std::env::var_os(inner).is_some() {
        let server = Server::start(&[]);
        println!("folder {}", server.socket_dir().display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", "no_server_outlives_a_killed_test", "--nocapture"])
        .env(inner, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("a pipe")));
    let folder = lines
        .find_map(|line| line.expect("text").split_once("folder ").map(|(_, folder)| std::path::PathBuf::from(folder)))
        .expect("the inner test names its folder");
    let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("the server runs");
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.lines().next().expect("its id")));
    assert!(process.exists());

    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() || process.exists() {
        assert!(Instant::now() < deadline, "{} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_file_of_this_folder_is_run() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest can be read");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let name = entry.expect("it has a name").file_name().into_string().expect("its name is text");
        if name.ends_with(".rs") {
            files += 1;
            assert!(manifest.contains(&format!("path = \"{name}\"")), "{name} has no [[test]] in tests/Cargo.toml");
        }
    }
    assert!(files > 0 && Installation::get().pg_config("--version").starts_with("PostgreSQL"));
}
