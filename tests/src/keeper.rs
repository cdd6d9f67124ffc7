//! Stops a server and removes its folder when the process that made it is gone, however that ended.

use crate::Installation;
use std::path::Path;
use std::process::{Child, Stdio};

/// A process that waits for the end of its standard input. The other end of that pipe belongs to this process
/// alone, so the kernel closes it even after a SIGKILL.
pub struct Keeper(Child);

/// It ignores the terminal's signals: it has to outlive the test that Ctrl-C ends.
const SCRIPT: &str = r#"trap '' INT TERM HUP
read -r _
"$1/pg_ctl" stop --silent -m immediate -D "$2/data" >/dev/null 2>&1
cd /
rm -rf "$2""#;

impl Keeper {
    /// Watches over the server in `folder` (its data in `folder/data`) from now on.
    pub fn watch(folder: &Path) -> Keeper {
        let installation = Installation::get();
        let child = installation
            .as_user("/bin/sh", folder)
            .args(["-c", SCRIPT, "keeper"])
            .args([installation.bindir(), folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/bin/sh can be started");
        Keeper(child)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Waiting keeps a test's servers from piling up; a keeper that is gone already has done its work.
        let _ = self.0.wait();
    }
}
