//! The program in examples/llm_request, run against a real server and a model that is a fake: killed before and after each
//! of its statements, its answers lost, its sessions ended. Whatever happened, the ledger's figures are right afterwards.
//!
//! A statement is kept back, or lost, by a proxy between the program and the server: see `llm_request/proxy.rs`.

#[path = "llm_request/proxy.rs"]
mod proxy;
#[path = "llm_request/world.rs"]
mod world;

use proxy::{At, Fault, Proxy};
use world::{Model, World, read};

/// What the account has. A request may cost 0.82: 40 bytes of prompt are at most 40 tokens, so 10 units, and the answer
/// has at most 400; 410 units at 2 credits for 1,000. Its prompt has 8 tokens, which are 2 units.
const GRANTED: &str = "100";
const MOST: &str = "0.82";
/// 300 tokens and the prompt: 302 units.
const FULL: &str = "0.604";

#[test]
fn an_answer_is_paid_for_by_the_tokens_it_used() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--tokens=300", "--pause=0"]);
    world.add("req-1", "acme");
    let shown = world.works(&model);
    assert!(shown.contains(&"word ".repeat(300)), "{shown}");
    assert!(shown.ends_with("req-1 paid, charged 0.604, complete\n"), "{shown}");
    world.figures("acme", &[("balance", "99.396"), ("held", "0"), ("debt", "0"), ("used", FULL)]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.604|0|req-1 done"]);
    world.row("SELECT * FROM credits_history WHERE operation = 'capture'").has(&[
        ("feature", "chat-large"),
        ("quantity", "302"),
        ("actor", "u17"),
        ("resource", "req-1"),
    ]);
    world.row("SELECT * FROM credits_holds").has(&[("amount", MOST), ("captured", FULL), ("status", "captured")]);
    world.request("req-1", &[("state", "paid"), ("units", "302"), ("charged", FULL), ("reason", "NULL")]);

    // a process that comes late finds nothing to do
    assert_eq!(world.works(&model), "");
    assert!(world.runs(&model, None, &["req-1"]).contains("req-1 paid"));
    assert_eq!(world.operations("acme").len(), 2);
    assert_eq!(model.asked(), 1);
    world.is_sound();
}

#[test]
fn a_model_that_takes_no_request_costs_nothing() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--unavailable"]);
    world.add("req-1", "acme");
    assert!(world.works(&model).contains("req-1 failed, charged 0, HTTPError: HTTP Error 503"));
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "release|0|0|req-1 failed"]);
    assert_eq!(model.asked(), 1);
    world.is_sound();
}

#[test]
fn a_model_that_is_not_there_costs_nothing() {
    let world = World::new(GRANTED);
    world.add("req-1", "acme");
    let shown = world.works(&Model::nowhere());
    assert!(shown.contains("req-1 failed, charged 0, URLError"), "{shown}");
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
    world.is_sound();
}

#[test]
fn an_answer_that_breaks_off_is_paid_for_as_far_as_it_came() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0", "--break-after=70"]);
    world.add("req-1", "acme");
    let shown = world.works(&model);
    assert!(shown.contains("req-1 paid, charged 0.144, EOFError: the stream ended early"), "{shown}");
    // 70 tokens and the prompt: 72 units
    world.figures("acme", &[("balance", "99.856"), ("held", "0")]);
    world.request("req-1", &[("units", "72"), ("length(answer)", "350")]);
    world.is_sound();
}

#[test]
fn what_the_account_cannot_pay_for_is_not_begun() {
    let world = World::new("0.81");
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    assert!(world.works(&model).contains("req-1 refused, charged 0, LC001"));
    assert_eq!(world.operations("acme"), Vec::<String>::new());
    assert_eq!(model.asked(), 0);
    // two requests, credits for one: what is left after the first is 0.396
    world.run("SELECT credits_grant('acme', 0.19, 'more')");
    world.add("req-2", "acme");
    world.add("req-3", "acme");
    let shown = world.works(&model);
    assert!(shown.contains("req-2 paid") && shown.contains("req-3 refused, charged 0, LC001"), "{shown}");
    world.figures("acme", &[("balance", "0.396"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn what_a_plan_includes_is_charged_without_a_hold() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0", "--tokens=300"]);
    world.run("SELECT credits_define_plan('solo', 10); SELECT credits_include('solo', 'chat-large', 500)");
    world.run("SELECT credits_subscribe('acme', 'solo', 'evt_1')");
    world.add("req-1", "acme");
    world.works(&model);
    // 302 of 500 units are included; of the 410 that the next may use, 212 would cost something, and 104 do
    world.add("req-2", "acme");
    world.works(&model);
    assert_eq!(
        world.operations("acme"),
        ["charge|0|0|req-1 done", "hold|0|0.424|req-2", "capture|-0.208|0|req-2 done"]
    );
    assert_eq!(world.list("SELECT included FROM credits_history WHERE quantity = 302 ORDER BY entry"), ["302", "198"]);
    world.is_sound();
}

#[test]
fn killed_before_the_hold() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_hold("), Fault::StatementKept);
    assert_eq!(world.operations("acme"), Vec::<String>::new());
    world.request("req-1", &[("state", "new"), ("most", MOST)]);
    // a price that changes meanwhile does not change what the key asks for
    world.run("SELECT credits_define_rate('chat-large', 1, per_units => 1000)");
    world.works(&model);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.302|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.698"), ("held", "0")]);
    assert_eq!(model.asked(), 1);
    world.is_sound();
}

#[test]
fn killed_after_the_hold_committed() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_hold("), Fault::AnswerKept);
    world.figures("acme", &[("balance", GRANTED), ("held", MOST)]);
    world.request("req-1", &[("state", "new")]);
    assert_eq!(model.asked(), 0);
    // the next process finds the hold, made at the old price, and has ten minutes again
    world.time("2026-03-01 09:09");
    world.run("SELECT credits_define_rate('chat-large', 1, per_units => 1000)");
    world.works(&model);
    assert_eq!(
        world.operations("acme"),
        ["hold|0|0.82|req-1", "extend|0|0.82|req-1 at 2.1", "capture|-0.302|0|req-1 done"]
    );
    world.row("SELECT * FROM credits_holds").has(&[("expires_at", "2026-03-01 09:19:00+00")]);
    world.figures("acme", &[("balance", "99.698"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn killed_after_the_hold_committed_and_not_started_again() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_hold("), Fault::AnswerKept);
    world.time("2026-03-01 09:10");
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
    world.row("SELECT * FROM credits_holds").has(&[("status", "lapsed"), ("remaining", "0"), ("captured", "0")]);
    world.is_sound();
    // too late to begin: what was held may be spent by now
    world.works(&model);
    world.request("req-1", &[("state", "failed"), ("reason", "the hold has lapsed")]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "lapse|0|0|NULL"]);
    world.figures("acme", &[("balance", GRANTED), ("held", "0")]);
    assert_eq!(model.asked(), 0);
    world.is_sound();
}

/// The model has said 70 tokens; at the 51st, the program noted 53 units.
fn killed_in_mid_stream(world: &World) -> Model {
    let model = Model::start(&["--pause=0", "--stall-after=70"]);
    world.add("req-1", "acme");
    let mut child = world.start(&model, None, &[]);
    world.until("SELECT units FROM requests", "53");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is dead");
    world.figures("acme", &[("balance", GRANTED), ("held", MOST)]);
    world.request("req-1", &[("state", "streaming"), ("length(answer)", "255")]);
    model
}

#[test]
fn killed_in_mid_stream_and_started_again() {
    let world = World::new(GRANTED);
    let model = killed_in_mid_stream(&world);
    let shown = world.works(&model);
    assert!(shown.contains("req-1 paid, charged 0.106, the process ended"), "{shown}");
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.106|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.894"), ("held", "0")]);
    assert_eq!(model.asked(), 1);
    world.is_sound();
}

#[test]
fn killed_in_mid_stream_and_never_started_again() {
    let world = World::new(GRANTED);
    killed_in_mid_stream(&world);
    world.time("2026-03-01 09:10");
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0"), ("used", "0")]);
    world.is_sound();
    // the same once it is recorded
    world.run("SELECT credits_maintain()");
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "lapse|0|0|NULL"]);
    world.figures("acme", &[("balance", GRANTED), ("held", "0")]);
    world.is_sound();
}

#[test]
fn killed_in_mid_stream_and_started_again_after_the_hold_has_lapsed() {
    let world = World::new(GRANTED);
    let model = killed_in_mid_stream(&world);
    world.time("2026-03-01 12:00");
    // what was held has been spent on something else: what was used becomes debt
    world.run("SELECT credits_debit('acme', 100, 'job-1')");
    world.works(&model);
    world.works(&model);
    assert_eq!(
        world.operations("acme"),
        ["hold|0|0.82|req-1", "lapse|0|0|NULL", "debit|-100|0|job-1", "capture|-0.106|0|req-1 done"]
    );
    world.figures("acme", &[("balance", "-0.106"), ("debt", "0.106"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn killed_before_the_capture() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_capture("), Fault::StatementKept);
    world.figures("acme", &[("balance", GRANTED), ("held", MOST)]);
    world.request("req-1", &[("state", "answered"), ("units", "302"), ("length(answer)", "1500")]);
    world.works(&model);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.604|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.396"), ("held", "0")]);
    assert_eq!(model.asked(), 1, "the model is not asked again for what it answered");
    world.is_sound();
}

#[test]
fn killed_before_the_capture_and_started_again_after_the_hold_has_lapsed() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_capture("), Fault::StatementKept);
    world.time("2026-03-02 09:00");
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
    world.works(&model);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "lapse|0|0|NULL", "capture|-0.604|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.396"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn killed_after_the_capture_committed_and_before_its_answer_was_read() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_capture("), Fault::AnswerKept);
    world.figures("acme", &[("balance", "99.396"), ("held", "0")]);
    world.request("req-1", &[("state", "answered"), ("charged", "NULL")]);
    // long after, and at another price: it is told what it has paid
    world.time("2026-04-20 09:00");
    world.run("SELECT credits_define_rate('chat-large', 9, per_units => 1000)");
    world.works(&model);
    world.request("req-1", &[("state", "paid"), ("charged", FULL)]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.604|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.396"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn killed_during_the_release() {
    for (fault, held) in [(Fault::StatementKept, MOST), (Fault::AnswerKept, "0")] {
        let world = World::new(GRANTED);
        let model = Model::start(&["--unavailable"]);
        world.add("req-1", "acme");
        world.killed(&model, At::Saying("credits_release("), fault);
        world.figures("acme", &[("balance", GRANTED), ("held", held)]);
        world.request("req-1", &[("state", "failing")]);
        world.works(&model);
        world.request("req-1", &[("state", "failed")]);
        assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "release|0|0|req-1 failed"]);
        world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
        assert_eq!(model.asked(), 1);
        world.is_sound();
    }
}

#[test]
fn killed_before_the_release_and_started_again_after_the_hold_has_lapsed() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--unavailable"]);
    world.add("req-1", "acme");
    world.killed(&model, At::Saying("credits_release("), Fault::StatementKept);
    world.time("2026-03-01 09:10");
    world.figures("acme", &[("balance", GRANTED), ("available", GRANTED), ("held", "0")]);
    world.works(&model);
    world.request("req-1", &[("state", "failed")]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "lapse|0|0|NULL"]);
    world.is_sound();
}

/// Runs the story once for each of its statements and each of these faults, and says how it ended. The account of
/// each run is named after it.
fn at_every_statement(model: &Model, faults: &[Fault], mut run: impl FnMut(&World, &str, Proxy) -> bool) -> World {
    let world = World::new(GRANTED);
    world.add("whole", "acme");
    let proxy = Proxy::start(world.server(), None);
    world.runs(model, Some(&proxy), &["whole"]);
    let statements = proxy.statements();
    assert!(statements.len() >= 8, "{statements:#?}");
    for (number, fault) in (1..=statements.len()).flat_map(|number| faults.iter().map(move |fault| (number, *fault))) {
        let name = format!("{fault:?} at {number}");
        world.run(&format!("SELECT credits_grant('{name}', {GRANTED}, 'order-1')"));
        // the row that the program would add, without the time that it takes to start
        world.run(&format!(
            "INSERT INTO requests (request, account, person, prompt, prompt_tokens, max_tokens)
             SELECT '{name}', '{name}', person, prompt, prompt_tokens, max_tokens FROM requests WHERE request = 'whole'"
        ));
        assert!(
            run(&world, &name, Proxy::start(world.server(), Some((At::Nth(number), fault)))),
            "{name}: {}",
            statements[number - 1]
        );
    }
    assert_eq!(world.one("SELECT count(*) FROM requests WHERE state NOT IN ('paid', 'failed')"), "0");
    assert_eq!(world.one("SELECT count(*) FROM credits_accounts WHERE held <> 0 OR debt <> 0"), "0");
    world.is_sound();
    world
}

/// Killed at this statement, and started again.
fn killed_and_started_again(world: &World, model: &Model, name: &str, proxy: &Proxy) -> bool {
    let mut child = world.start(model, Some(proxy), &[name]);
    proxy.wait();
    child.kill().expect("SIGKILL");
    child.wait().expect("it is dead");
    let shown = world.runs(model, None, &[name]);
    shown.contains(&format!("{name} paid")) || shown.contains(&format!("{name} failed"))
}

#[test]
fn killed_at_any_statement_it_is_charged_once_for_what_was_noted() {
    let model = Model::start(&["--pause=0", "--tokens=60"]);
    let world = at_every_statement(&model, &[Fault::StatementKept, Fault::AnswerKept], |world, name, proxy| {
        killed_and_started_again(world, &model, name, &proxy)
    });
    // what was noted before it died: the first token, the 51st, or all of them; and the prompt's 2 units
    let ends = world.list(
        "SELECT DISTINCT trim_scale(r.units), trim_scale(-sum(h.amount)), count(*)
         FROM requests r JOIN credits_history h ON h.account = r.account AND h.operation = 'capture'
         WHERE r.state = 'paid' AND r.charged = -h.amount GROUP BY r.request ORDER BY 1",
    );
    assert_eq!(ends, ["3|0.006|1", "53|0.106|1", "62|0.124|1"]);
    assert_eq!(world.one("SELECT count(*) FROM requests WHERE state <> 'paid'"), "0");
    assert_eq!(world.one("SELECT count(*) - count(DISTINCT account) FROM credits_holds"), "0");
}

#[test]
fn killed_at_any_statement_a_request_that_failed_costs_nothing() {
    let model = Model::start(&["--unavailable"]);
    let world = at_every_statement(&model, &[Fault::StatementKept, Fault::AnswerKept], |world, name, proxy| {
        killed_and_started_again(world, &model, name, &proxy)
    });
    assert_eq!(world.one("SELECT count(*) FROM requests WHERE state <> 'failed'"), "0");
    assert_eq!(world.list("SELECT DISTINCT trim_scale(balance) FROM credits_accounts"), [GRANTED]);
    assert_eq!(world.one("SELECT count(*) - count(DISTINCT account) FROM credits_holds"), "0");
}

#[test]
fn what_is_lost_is_sent_again_with_the_same_key() {
    let faults =
        [Fault::StatementLost, Fault::AnswerLost, Fault::Error("40001"), Fault::Error("40P01"), Fault::Error("57P01")];
    let model = Model::start(&["--pause=0", "--tokens=60"]);
    let world = at_every_statement(&model, &faults, |world, name, proxy| {
        let shown = world.runs(&model, Some(&proxy), &[name]);
        proxy.has_sprung() && shown.contains(&format!("{name} paid, charged 0.124, complete"))
    });
    assert_eq!(world.list("SELECT DISTINCT trim_scale(balance) FROM credits_accounts"), ["99.876"]);
    let doubled = "SELECT account FROM credits_history WHERE operation IN ('hold', 'capture')
                   GROUP BY account HAVING count(*) <> 2";
    assert_eq!(world.list(doubled), Vec::<String>::new());
}

#[test]
fn what_the_ledger_refuses_is_not_sent_again() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0"]);
    world.add("req-1", "acme");
    let proxy = Proxy::start(world.server(), Some((At::Saying("credits_capture("), Fault::Error("LC007"))));
    let output = world.start(&model, Some(&proxy), &[]).wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let captures = proxy.statements().iter().filter(|sql| sql.contains("credits_capture(")).count();
    assert_eq!(captures, 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("req-1: LC007"));
}

#[test]
fn sessions_that_the_server_ends_are_made_anew() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0.002", "--tokens=400"]);
    world.add("req-1", "acme");
    let child = world.start(&model, None, &[]);
    for units in [3, 53, 103, 153, 203, 253] {
        world.until(&format!("SELECT coalesce(units, 0) >= {units} FROM requests"), "t");
        world.run(&format!(
            "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE usename = '{}'",
            world.role
        ));
    }
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.804|0|req-1 done"]);
    world.figures("acme", &[("balance", "99.196"), ("held", "0")]);
    world.is_sound();
}

#[test]
fn many_at_once_at_the_strictest_level_are_each_charged_once() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0.001", "--tokens=200"]);
    world.run(&format!("ALTER ROLE {} SET default_transaction_isolation = 'serializable'", world.role));
    let names: Vec<String> = (1..=12).map(|n| format!("req-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        world.add(name, "acme");
    }
    let children: Vec<_> = names.chunks(3).map(|chunk| world.start(&model, None, chunk)).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // 202 units each
    assert_eq!(
        world.list("SELECT state, trim_scale(charged), count(*) FROM requests GROUP BY 1, 2"),
        ["paid|0.404|12"]
    );
    world.figures("acme", &[("balance", "95.152"), ("held", "0"), ("used", "4.848")]);
    assert_eq!(model.asked(), 12);
    world.is_sound();
}

#[test]
fn of_two_processes_with_one_request_the_later_one_finishes_it() {
    // the slower one is about to hold, and about to note what it has used
    for at in ["credits_hold(", ", units = "] {
        let world = World::new(GRANTED);
        let model = Model::start(&["--pause=0", "--tokens=300"]);
        world.add("req-1", "acme");
        let proxy = Proxy::start(world.server(), Some((At::Saying(at), Fault::StatementKept)));
        let slow = world.start(&model, Some(&proxy), &[]);
        proxy.wait();
        assert!(world.works(&model).contains("req-1 paid, charged 0.604"));
        proxy.let_go();
        let output = slow.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("another process has taken over req-1"), "{said}");
        world.request("req-1", &[("state", "paid"), ("units", "302"), ("charged", FULL)]);
        world.figures("acme", &[("balance", "99.396"), ("held", "0")]);
        world.is_sound();
    }
}

/// The slow one has 62 units to note; what stood there when it was overtaken were 53.
#[test]
fn who_was_overtaken_notes_nothing_any_more() {
    let world = World::new(GRANTED);
    let model = Model::start(&["--pause=0", "--tokens=60"]);
    world.add("req-1", "acme");
    let proxy = Proxy::start(world.server(), Some((At::Saying(", reason = "), Fault::StatementKept)));
    let slow = world.start(&model, Some(&proxy), &[]);
    proxy.wait();
    world.killed(&model, At::Saying("credits_capture("), Fault::StatementKept);
    world.request("req-1", &[("state", "answered"), ("units", "53")]);
    proxy.let_go();
    let output = slow.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    world.request("req-1", &[("state", "answered"), ("units", "53")]);
    assert!(world.works(&model).contains("req-1 paid, charged 0.106"));
    world.figures("acme", &[("balance", "99.894"), ("held", "0")]);
    assert_eq!(world.operations("acme"), ["hold|0|0.82|req-1", "capture|-0.106|0|req-1 done"]);
    world.is_sound();
}

#[test]
fn what_the_server_carries_out_late_changes_nothing() {
    // a hold, a note in mid-stream, the last note of what was used, a capture
    for (at, options) in [
        ("credits_hold(", "--tokens=300"),
        ("credits_hold(", "--unavailable"),
        (", units = ", "--tokens=300"),
        ("reason = ", "--tokens=300"),
        ("credits_capture(", "--tokens=300"),
        ("credits_release(", "--unavailable"),
    ] {
        let world = World::new(GRANTED);
        let model = Model::start(&["--pause=0", options]);
        world.add("req-1", "acme");
        let proxy = Proxy::start(world.server(), Some((At::Saying(at), Fault::StatementLate)));
        world.runs(&model, Some(&proxy), &[]);
        proxy.wait();
        let (operations, request) = (world.operations("acme"), world.row("SELECT * FROM requests"));
        proxy.let_go();
        proxy.wait();
        assert_eq!(world.row("SELECT * FROM requests"), request, "{at}");
        assert_eq!(world.operations("acme"), operations, "{at}");
        let paid = options != "--unavailable";
        world.figures("acme", &[("balance", if paid { "99.396" } else { GRANTED }), ("held", "0")]);
        world.request("req-1", &[("state", if paid { "paid" } else { "failed" })]);
        world.is_sound();
    }
}

/// Each block of Python in the recipe stands in the program, indented or not, and the two pages lead to each other.
#[test]
fn the_recipe_shows_the_program() {
    let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let program = flat(&(read("examples/llm_request/llm_request.py") + &read("examples/llm_request/ledger.py")));
    let recipe = read("docs/recipes/llm-request.md");
    let blocks: Vec<&str> = recipe.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 3, "{} blocks", blocks.len());
    for block in blocks {
        assert!(program.contains(&flat(block)), "the program does not have\n{block}");
    }
    assert!(recipe.contains("(../../examples/llm_request/README.md)"));
    assert!(read("examples/llm_request/README.md").contains("(../../docs/recipes/llm-request.md)"));
}
