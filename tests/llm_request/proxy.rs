//! Stands between a client and a server, and breaks at one statement.

use credits_ledger_tests::Server;
use std::io::{ErrorKind, Read, Result, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Which statement it breaks at.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// The n-th of all, from 1.
    Nth(usize),
    /// The first that has this in its text.
    Saying(&'static str),
}

/// What becomes of that statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never comes to the server, and the client waits for ever, unless [`Proxy::let_go`] sends it on.
    StatementKept,
    /// The server carries it out, and the client waits for ever for the answer.
    AnswerKept,
    /// The connection breaks before it comes to the server.
    StatementLost,
    /// The connection breaks, and the server carries it out all the same, but only after [`Proxy::let_go`].
    StatementLate,
    /// The server carries it out, and the connection breaks before the client has the answer.
    AnswerLost,
    /// It never comes to the server, and the client gets an error with this SQLSTATE.
    Error(&'static str),
}

struct State {
    trap: Option<(At, Fault)>,
    statements: Vec<String>,
    /// Says that the trap has sprung.
    sprung: Sender<()>,
    /// What a connection waits for that keeps a statement.
    let_go: Option<Receiver<()>>,
}

/// A socket beside the server's own, of another port. It breaks once and then no more.
pub struct Proxy {
    pub port: u16,
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    sprung: Receiver<()>,
    let_go: Sender<()>,
}

impl Proxy {
    pub fn start(server: &Server, trap: Option<(At, Fault)>) -> Proxy {
        static NEXT: AtomicU16 = AtomicU16::new(6000);
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let socket = |port: u16| server.socket_dir().join(format!(".s.PGSQL.{port}"));
        let (to, mine) = (socket(server.port()), socket(port));
        let listener = UnixListener::bind(&mine).expect("a socket in the server's folder");
        let (sprung, has_sprung) = channel();
        let (let_go, may_go) = channel();
        let state = State { trap, statements: Vec::new(), sprung, let_go: Some(may_go) };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (to, state) = (to.clone(), shared.clone());
                // An error is the end of this connection, which its other end sees, too.
                std::thread::spawn(move || serve(client, UnixStream::connect(to)?, &state));
            }
        });
        Proxy { port, socket: mine, state, sprung: has_sprung, let_go }
    }

    /// Waits until the statement has come, or where its answer is kept or lost, has been carried out. What is late comes
    /// twice: when the connection breaks, and when it has been carried out.
    #[track_caller]
    pub fn wait(&self) {
        let came = self.sprung.recv_timeout(Duration::from_secs(120)).is_ok();
        assert!(came, "the statement did not come; these came: {:#?}", self.statements());
    }

    /// Whether it has broken.
    pub fn has_sprung(&self) -> bool {
        self.sprung.try_recv().is_ok()
    }

    /// Sends on what is kept, or late.
    pub fn let_go(&self) {
        self.let_go.send(()).expect("a connection waits");
    }

    /// The text of each statement that came, in order.
    pub fn statements(&self) -> Vec<String> {
        self.state.lock().expect("no thread panics").statements.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn serve(mut client: UnixStream, mut server: UnixStream, state: &Mutex<State>) -> Result<()> {
    server.write_all(&startup(&mut client)?)?;
    answer(&mut server, Some(&mut client))?;
    loop {
        let (message, sql) = statement(&mut client)?;
        let fault = {
            let mut state = state.lock().expect("no thread panics");
            state.statements.push(sql.clone());
            let number = state.statements.len();
            let fault = state.trap.filter(|(at, _)| match at {
                At::Nth(nth) => *nth == number,
                At::Saying(text) => sql.contains(text),
            });
            if fault.is_some() {
                state.trap = None;
            }
            fault.map(|(_, fault)| (fault, state.sprung.clone(), state.let_go.take()))
        };
        let Some((fault, sprung, let_go)) = fault else {
            server.write_all(&message)?;
            answer(&mut server, Some(&mut client))?;
            continue;
        };
        if matches!(fault, Fault::AnswerKept | Fault::AnswerLost) {
            server.write_all(&message)?;
            answer(&mut server, None)?;
        }
        let _ = sprung.send(());
        match fault {
            Fault::StatementKept | Fault::AnswerKept => {
                wait_for(let_go)?;
                if fault == Fault::StatementKept {
                    server.write_all(&message)?;
                    answer(&mut server, Some(&mut client))?;
                }
            }
            Fault::StatementLost | Fault::AnswerLost => return Ok(()),
            Fault::StatementLate => {
                drop(client);
                wait_for(let_go)?;
                server.write_all(&message)?;
                answer(&mut server, None)?;
                let _ = sprung.send(());
                return Ok(());
            }
            Fault::Error(code) => client.write_all(&error(code))?,
        }
    }
}

/// The end of the proxy is an error.
fn wait_for(let_go: Option<Receiver<()>>) -> Result<()> {
    let_go.expect("it breaks once").recv().map_err(|_| ErrorKind::BrokenPipe.into())
}

/// The first message of a connection, which has no type.
fn startup(from: &mut UnixStream) -> Result<Vec<u8>> {
    let mut message = vec![0; 4];
    from.read_exact(&mut message)?;
    rest(from, &mut message, 0)?;
    Ok(message)
}

/// One message.
fn message(from: &mut UnixStream) -> Result<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message)?;
    rest(from, &mut message, 1)?;
    Ok(message)
}

/// What follows a length that stands at `at` and counts itself.
fn rest(from: &mut UnixStream, message: &mut Vec<u8>, at: usize) -> Result<()> {
    let length = u32::from_be_bytes(message[at..at + 4].try_into().expect("four bytes")) as usize;
    let begun = message.len();
    message.resize(at + length, 0);
    from.read_exact(&mut message[begun..])
}

/// All messages of a client up to the one for which it waits for an answer, and the SQL in them.
fn statement(client: &mut UnixStream) -> Result<(Vec<u8>, String)> {
    let (mut bytes, mut sql) = (Vec::new(), String::new());
    loop {
        let message = message(client)?;
        bytes.extend(&message);
        let text = |from: usize| message[from..].split(|byte| *byte == 0).next().unwrap_or_default();
        match message[0] {
            b'Q' => return Ok((bytes, String::from_utf8_lossy(text(5)).into())),
            // The name of the statement, which has none here, and its text.
            b'P' => sql = String::from_utf8_lossy(text(6)).into(),
            b'S' => return Ok((bytes, sql)),
            b'X' => return Err(ErrorKind::ConnectionAborted.into()),
            _ => {}
        }
    }
}

/// Sends on what the server says until it is ready for the next statement.
fn answer(server: &mut UnixStream, mut client: Option<&mut UnixStream>) -> Result<()> {
    loop {
        let message = message(server)?;
        if let Some(client) = client.as_deref_mut() {
            client.write_all(&message)?;
        }
        if message[0] == b'Z' {
            return Ok(());
        }
    }
}

/// An error as the server would say it, outside of a transaction.
fn error(code: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0Mno luck\0\0");
    let mut bytes = vec![b'E'];
    bytes.extend((fields.len() as u32 + 4).to_be_bytes());
    bytes.extend(fields.as_bytes());
    bytes.extend(b"Z\0\0\0\x05I");
    bytes
}
