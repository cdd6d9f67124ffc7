//! The demo's month, played as `make demo` plays it: each figure that it shows is the one it showed before.

use credits_ledger_tests::Server;
use std::path::Path;

#[test]
fn the_month_shows_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo");
    let script = std::fs::read_to_string(folder.join("month.sql")).expect("demo/month.sql can be read");
    let db = Server::shared().empty_database();
    let args = ["-X", "-q", "-a", "-d", &db.name, "-v", "ON_ERROR_STOP=1", "-P", "null=-", "-P", "footer=off"];
    let output = Server::shared().run_tool_with_input("psql", &args, &script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors.matches("ERROR:").count(), 1, "{errors}");
    assert!(errors.contains("available=489.75 required=600 shortfall=110.25"), "{errors}");

    let shown = String::from_utf8_lossy(&output.stdout);
    let file = folder.join("month.out");
    if std::env::var_os("CREDITS_UPDATE").is_some() {
        std::fs::write(&file, shown.as_bytes()).expect("demo/month.out can be written");
    }
    let expected = std::fs::read_to_string(&file).expect("demo/month.out can be read");
    for (number, (shown, expected)) in shown.lines().zip(expected.lines()).enumerate() {
        assert_eq!(shown, expected, "line {} of demo/month.out (CREDITS_UPDATE=1 writes it anew)", number + 1);
    }
    assert_eq!(shown.lines().count(), expected.lines().count(), "lines of demo/month.out");
}
