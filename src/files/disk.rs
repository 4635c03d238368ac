use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File};

/// What `open` says of a symbolic link that leads in a circle. The standard library has no stable name for it.
const ELOOP: i32 = 40;

/// The way to the files below a folder.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    folder: Arc<Path>,
    /// Whether symbolic links may lead out of it.
    follow_symlinks: bool,
}

/// An open file and what was known of it then.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: tokio::fs::File,
    metadata: Metadata,
}

/// What is on its way on another thread.
type Blocking<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl Disk {
    pub(super) fn new(folder: Arc<Path>, follow_symlinks: bool) -> Self {
        Self { folder, follow_symlinks }
    }

    /// A file, if it is one: the end of a pipe would keep whoever opens it waiting.
    fn open(&self, path: &Path) -> io::Result<(fs::File, Metadata)> {
        if !fs::metadata(path)?.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        match metadata.is_file() && self.has(path, &metadata)? {
            true => Ok((file, metadata)),
            false => Err(ErrorKind::NotFound.into()),
        }
    }

    fn look(&self, path: &Path) -> io::Result<Metadata> {
        let metadata = fs::metadata(path)?;
        match self.has(path, &metadata)? {
            true => Ok(metadata),
            false => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Whether what was found at this path is in the folder, wherever symbolic links may have led meanwhile. The folder
    /// itself may be a link, which may change.
    fn has(&self, path: &Path, found: &Metadata) -> io::Result<bool> {
        if self.follow_symlinks {
            return Ok(true);
        }
        let real = fs::canonicalize(path)?;
        let there = fs::symlink_metadata(&real)?;
        let same = (there.dev(), there.ino()) == (found.dev(), found.ino());
        Ok(same && real.starts_with(fs::canonicalize(&self.folder)?))
    }
}

impl Backend for Disk {
    type File = OpenFile;
    type Metadata = Metadata;
    type OpenFuture = Blocking<OpenFile>;
    type MetadataFuture = Blocking<Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let disk = self.clone();
        Box::pin(async move {
            let (file, metadata) = elsewhere(move || disk.open(&path)).await?;
            Ok(OpenFile { file: file.into(), metadata })
        })
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let disk = self.clone();
        Box::pin(elsewhere(move || disk.look(&path)))
    }
}

/// Does what may wait for a disk on a thread that may wait.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await?;
    done.map_err(|error| if is_nothing(&error) { ErrorKind::NotFound.into() } else { error })
}

/// Whether the error says that there is nothing with such a name, or cannot be.
fn is_nothing(error: &io::Error) -> bool {
    let kinds = [ErrorKind::NotADirectory, ErrorKind::InvalidFilename, ErrorKind::InvalidInput];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(ELOOP)
}

impl File for OpenFile {
    type Metadata = Metadata;
    type MetadataFuture<'a> = std::future::Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        std::future::ready(Ok(self.metadata.clone()))
    }
}

impl AsyncRead for OpenFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(context, buffer)
    }
}

impl AsyncSeek for OpenFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(context)
    }
}
