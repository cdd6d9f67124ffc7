//! A port on which a test's server can be reached, since not every driver knows unix sockets; and which can lose the
//! answer to a COMMIT.

use credits_ledger_tests::Server;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a client asks before it says who it is, and is answered with no.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// Forwards until the test ends.
pub struct Proxy {
    pub port: u16,
    lose: Arc<AtomicBool>,
}

impl Proxy {
    pub fn start(server: &Server) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let lose = Arc::new(AtomicBool::new(false));
        let shared = lose.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (socket, lose) = (socket.clone(), shared.clone());
                // An error is the end of this connection, which its other end sees, too.
                std::thread::spawn(move || serve(client, UnixStream::connect(socket)?, &lose));
            }
        });
        Proxy { port, lose }
    }

    /// From now on the first COMMIT of a connection that has called `credits_debit` is carried out, and its connection
    /// breaks before the client has the answer.
    pub fn lose_an_answer(&self) {
        self.lose.store(true, Ordering::SeqCst);
    }

    /// Whether it was lost.
    pub fn has_lost_it(&self) -> bool {
        !self.lose.load(Ordering::SeqCst)
    }
}

fn serve(mut client: TcpStream, mut server: UnixStream, lose: &AtomicBool) -> Result<()> {
    client.set_nodelay(true)?;
    server.write_all(&startup(&mut client)?)?;
    answer(&mut server, Some(&mut client))?;
    let mut has_debited = false;
    loop {
        let request = request(&mut client)?;
        server.write_all(&request)?;
        if has_debited && says(&request, "COMMIT") && lose.swap(false, Ordering::SeqCst) {
            return answer(&mut server, None);
        }
        has_debited |= says(&request, "credits_debit(");
        answer(&mut server, Some(&mut client))?;
    }
}

fn says(request: &[u8], text: &str) -> bool {
    request.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

/// The first message of a connection, which has no type.
fn startup(client: &mut TcpStream) -> Result<Vec<u8>> {
    loop {
        let mut message = vec![0; 4];
        client.read_exact(&mut message)?;
        rest(client, &mut message, 0)?;
        let code = u32::from_be_bytes(message[4..8].try_into().expect("four bytes"));
        if !matches!(code, SSL_REQUEST | GSS_REQUEST) {
            return Ok(message);
        }
        client.write_all(b"N")?;
    }
}

/// All messages of a client up to the one for which it waits for an answer.
fn request(client: &mut TcpStream) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let message = message(client)?;
        bytes.extend(&message);
        match message[0] {
            b'Q' | b'S' => return Ok(bytes),
            b'X' => return Err(ErrorKind::ConnectionAborted.into()),
            _ => {}
        }
    }
}

/// Sends on what the server says until it is ready for the next request.
fn answer(server: &mut UnixStream, mut client: Option<&mut TcpStream>) -> Result<()> {
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

/// One message.
fn message(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message)?;
    rest(from, &mut message, 1)?;
    Ok(message)
}

/// What follows a length that stands at `at` and counts itself.
fn rest(from: &mut impl Read, message: &mut Vec<u8>, at: usize) -> Result<()> {
    let length = u32::from_be_bytes(message[at..at + 4].try_into().expect("four bytes")) as usize;
    let begun = message.len();
    message.resize(at + length, 0);
    from.read_exact(&mut message[begun..])
}
