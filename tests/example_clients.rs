//! The programs in examples/clients are one story in several languages: each shows the same lines, once and again, and
//! comes through what Postgres and the network do to it.

#[path = "example_clients/proxy.rs"]
mod proxy;
#[path = "example_clients/world.rs"]
mod world;

use world::{World, example, read};

/// The tests of each program, as modules, so that they can run beside each other.
macro_rules! clients {
    ($($module:ident: $folder:literal,)*) => {
        const CLIENTS: &[&str] = &[$($folder),*];
        $(mod $module {
            #[test]
            fn it_shows_what_it_should_once_and_again() {
                super::it_shows_what_it_should_once_and_again($folder);
            }
            #[test]
            fn it_repeats_what_failed() {
                super::it_repeats_what_failed($folder);
            }
            #[test]
            fn it_learns_what_was_committed_when_the_answer_is_lost() {
                super::it_learns_what_was_committed_when_the_answer_is_lost($folder);
            }
            #[test]
            fn it_does_not_repeat_what_cannot_succeed() {
                super::it_does_not_repeat_what_cannot_succeed($folder);
            }
            #[test]
            fn it_gives_up_in_the_end() {
                super::it_gives_up_in_the_end($folder);
            }
        })*
    };
}

clients! {
    java_jdbc: "java-jdbc",
    node_drizzle: "node-drizzle",
    node_pg: "node-pg",
    psql: "psql",
    python_psycopg: "python-psycopg",
    python_sqlalchemy: "python-sqlalchemy",
    rust_sqlx: "rust-sqlx",
    rust_tokio_postgres: "rust-tokio-postgres",
}

fn it_shows_what_it_should_once_and_again(client: &'static str) {
    let mut world = World::new(client);
    let first = world.start().end();
    first.shows(&read("expected-output.txt"));
    assert_eq!(first.failures(), Vec::<String>::new());
    world.ends_well();
    world.run_with_url().shows(&read("expected-again.txt"));
    world.ends_well();
}

/// Four failures, made by the server as it makes them in life.
fn it_repeats_what_failed(client: &'static str) {
    let mut world = World::new(client);
    world.close_gates();
    let mut program = world.start();

    // Somebody else holds the account for longer than the program wants to wait.
    world.at_gate(1, &mut program);
    let mut other = world.other_session();
    other.run("SET deadlock_timeout = '10min'");
    other.run("BEGIN; SELECT FROM credits_debit('acme', 1, 'other')");
    world.open_gate(1);

    // They still do, and wait for the program in turn.
    world.at_gate(2, &mut program);
    let waiting = std::thread::spawn(move || other.run("SELECT pg_advisory_xact_lock(0); ROLLBACK"));
    world.waits_for(0, None);
    world.open_gate(2);
    waiting.join().expect("the program is chosen as the victim");

    // The session is ended.
    let process = world.at_gate(3, &mut program);
    assert_eq!(world.session.one(&format!("SELECT pg_terminate_backend({process})")), "t");

    // Somebody else notes the same job, which the transaction's snapshot does not have.
    world.at_gate(4, &mut program);
    world.session.run("INSERT INTO jobs VALUES ('job-1', 'acme', 12.345678)");
    world.open_gate(4);

    let ended = program.end();
    let (first, again) = (read("expected-output.txt"), read("expected-again.txt"));
    // psql has begun anew, with the grant.
    let grant = if client == "psql" { again.lines().nth(1) } else { first.lines().nth(1) };
    ended.shows(&with_line(&first, 1, grant.expect("a second line")));
    let failures = ended.failures();
    let [waited, deadlocked, lost, outdated] = &failures[..] else { panic!("four failures: {failures:?}") };
    assert_eq!([waited, deadlocked, outdated], ["55P03", "40P01", "40001"]);
    assert!(["57P01", "08006", "connection lost"].contains(&lost.as_str()), "{lost}");
    world.ends_well();
}

fn it_learns_what_was_committed_when_the_answer_is_lost(client: &'static str) {
    let mut world = World::new(client);
    world.proxy.lose_an_answer();
    let ended = world.start().end();
    let (first, again) = (read("expected-output.txt"), read("expected-again.txt"));
    // The first debit is a replay already. psql has begun anew, with the grant.
    let replayed = again.lines().nth(2).expect("a third line");
    ended.shows(&if client == "psql" { again.clone() } else { with_line(&first, 2, replayed) });
    assert_eq!(ended.failures().len(), 1, "{ended:?}");
    assert!(world.proxy.has_lost_it());
    world.ends_well();
}

fn it_does_not_repeat_what_cannot_succeed(client: &'static str) {
    let mut world = World::new(client);
    world.session.run("SELECT credits_disallow('app', 'billing')");
    let ended = world.start().end();
    assert!(ended.fails().contains("permission denied for function credits_open_account"), "{ended:?}");
    assert_eq!(ended.failures(), Vec::<String>::new());
}

fn it_gives_up_in_the_end(client: &'static str) {
    let mut world = World::new(client);
    world.session.run(
        "CREATE SEQUENCE attempts;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN RAISE 'attempt % in vain', nextval('attempts') USING ERRCODE = '40001'; END $$;
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION fail()",
    );
    let ended = world.start().end();
    // It is the COMMIT that fails. What it would have committed is gone.
    assert!(ended.fails().contains("attempt 6 in vain"), "{ended:?}");
    assert_eq!(ended.failures(), ["40001"; 5]);
    assert_eq!(world.session.one("SELECT last_value FROM attempts"), "6");
    world.session.row("SELECT * FROM credits_balance('acme')").has(&[("balance", "100"), ("entry", "2")]);
    assert_eq!(world.session.one("SELECT count(*) FROM jobs"), "0");
}

#[test]
fn every_program_is_run() {
    let mut folders: Vec<String> = std::fs::read_dir(example(""))
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("text"))
        .collect();
    folders.sort();
    assert_eq!(folders, CLIENTS);
    let index = read("README.md");
    for folder in folders {
        assert!(index.contains(&format!("({folder}/README.md)")), "README.md has no link to {folder}");
    }
}

#[test]
fn the_readme_shows_what_they_show() {
    let (readme, first, again) = (read("README.md"), read("expected-output.txt"), read("expected-again.txt"));
    assert!(readme.contains(&format!("```text\n{first}```")), "not the output:\n{first}");
    // And says what is different when it is run again.
    let differs = (1..).zip(first.lines().zip(again.lines())).filter(|(_, (first, again))| first != again);
    let differs: Vec<_> = differs.map(|(line, (first, again))| (line, again.strip_prefix(first))).collect();
    assert_eq!(differs, [(2, Some(", replayed")), (3, Some(", replayed"))]);
    assert_eq!(first.lines().count(), again.lines().count());
}

/// A package of another version must not come by itself, nor from a place that a lock file names.
#[test]
fn versions_are_fixed() {
    for client in CLIENTS {
        match client.split_once('-').map_or(*client, |(language, _)| language) {
            "python" => {
                let wanted = read(&format!("{client}/requirements.txt"));
                assert!(wanted.lines().count() > 0 && wanted.lines().all(|line| line.contains("==")), "{wanted}");
            }
            "node" => {
                let lock = read(&format!("{client}/package-lock.json"));
                assert!(lock.contains("\"integrity\": \"sha512-") && !lock.contains("\"resolved\""), "{client}");
            }
            "rust" => assert!(read(&format!("{client}/Cargo.lock")).contains("checksum = "), "{client}"),
            _ => {}
        }
    }
}

/// The text with one of its lines replaced, counted from 0.
fn with_line(text: &str, number: usize, line: &str) -> String {
    let lines = text.lines().enumerate().map(|(at, old)| if at == number { line } else { old });
    lines.flat_map(|line| [line, "\n"]).collect()
}
