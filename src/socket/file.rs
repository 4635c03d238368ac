use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a listening Unix socket. It is removed when this is dropped, unless somebody else listens on it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Which file it is: another process may have put its own in the place.
    identity: (u64, u64),
    left: AtomicBool,
}

impl SocketFile {
    /// A socket that is bound to this path, and its file. One that a process has left behind is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::AddrInUse`] where somebody listens on it, or it is no socket.
    pub fn bind(path: &Path, mode: Option<u32>) -> io::Result<(Socket, Self)> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let address = SockAddr::unix(path)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_behind(path) => {
                fs::remove_file(path)?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        let file = Self::of(path)?;
        // Before anybody can connect.
        file.set_mode(mode)?;
        Ok((socket, file))
    }

    /// The file of a socket that is bound already.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let identity = (found.dev(), found.ino());
        Ok(Self { path: path.to_owned(), identity, left: AtomicBool::new(false) })
    }

    /// Who may connect, as `chmod` takes it.
    ///
    /// # Errors
    /// Where the file is not there, or not this user's.
    pub fn set_mode(&self, mode: Option<u32>) -> io::Result<()> {
        match mode {
            Some(mode) => fs::set_permissions(&self.path, Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }

    /// Another process listens on it from now on.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path).map(|found| (found.dev(), found.ino()));
        if !self.left.load(Ordering::Relaxed) && found.is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether there is a socket that nobody listens on.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let connected = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Where nobody accepts for the moment, connecting would wait.
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    is_socket && connected().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (socket, file) = SocketFile::bind(&path, Some(0o600)).unwrap();
        socket.listen(1).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SocketFile::bind(&path, None).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(socket);
        std::mem::forget(file);
        assert!(path.exists());
        let (socket, file) = SocketFile::bind(&path, None).unwrap();
        drop((socket, file));
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        fs::write(&path, "data").unwrap();
        assert_eq!(SocketFile::bind(&path, None).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    }

    #[test]
    fn a_file_is_removed_only_where_it_is_the_same_and_nobody_else_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let (_first, file) = SocketFile::bind(&path, None).unwrap();
        fs::remove_file(&path).unwrap();
        let (_second, other) = SocketFile::bind(&path, None).unwrap();
        // Inode numbers may be given out again at once.
        if file.identity != other.identity {
            drop(file);
            assert!(path.exists());
        }
        other.leave();
        drop(other);
        assert!(path.exists());
    }
}
