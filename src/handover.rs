//! A new process takes the listening sockets over from the running one.

use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use socket2::Socket;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::server::start_with;

/// How long the new process may take to be ready: it compiles all plugins.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a hand-over did not come about. The running process goes on.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// The program is not there, or cannot be started.
    #[error("cannot start {program}: {error}")]
    Start {
        /// As it was called.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It started and ended.
    #[error("the new process ended ({0}); what it said is above")]
    Ended(ExitStatus),
    /// It started and was not heard of.
    #[error("the new process was not ready within {0:?} and was ended")]
    Late(Duration),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Starts the program anew, as it was called this time, with these sockets, and waits until it serves. Returns its id.
///
/// # Errors
/// [`HandOverError`]; the new process has then ended.
pub async fn hand_over(sockets: Vec<(String, Socket)>) -> Result<u32, HandOverError> {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let mut command = Command::new(&program);
    command.args(arguments);
    let failed = |error| HandOverError::Start { program: program.to_string_lossy().into_owned(), error };
    let (mut child, ready) = start_with(command, &sockets).map_err(failed)?;
    drop(sockets);
    match timeout(PATIENCE, is_ready(ready)).await {
        Ok(true) => Ok(child.id()),
        Ok(false) => Err(HandOverError::Ended(end(child).await?)),
        Err(_) => {
            child.kill()?;
            end(child).await?;
            Err(HandOverError::Late(PATIENCE))
        }
    }
}

/// Whether it said so, or ended without a word.
async fn is_ready(stream: StdUnixStream) -> bool {
    let mut byte = [0];
    let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
    match stream {
        Ok(mut stream) => stream.read(&mut byte).await.is_ok_and(|count| count == 1),
        Err(_) => false,
    }
}

async fn end(mut child: Child) -> std::io::Result<ExitStatus> {
    tokio::task::spawn_blocking(move || child.wait()).await?
}
