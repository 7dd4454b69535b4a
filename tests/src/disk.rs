//! A small file system of its own, that can be full or read-only. Needs root; gone when it is dropped.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::geteuid;

use crate::{PATIENCE, until};

/// A file system in memory, mounted.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `size`, such as `16m`, at `path`. The error is why that cannot be done here.
    pub fn mount(path: &Path, size: &str) -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("only root may mount a file system".to_owned());
        }
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o"]).arg(format!("size={size}")).arg("tmpfs").arg(path);
        match mount.output() {
            Ok(output) if output.status.success() => Ok(Self { path: path.to_path_buf() }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    /// Takes all room that is left.
    pub fn fill(&self) -> Result<()> {
        for (name, size) in [("filler-large", 65_536), ("filler-small", 4_096), ("filler-last", 1)]
        {
            let mut filler =
                File::options().create(true).append(true).open(self.path.join(name))?;
            let piece = vec![0xa5; size];
            let error = loop {
                if let Err(error) = filler.write_all(&piece) {
                    break error;
                }
            };
            ensure!(error.kind() == ErrorKind::StorageFull, "{name}: {error}");
        }
        Ok(())
    }

    /// Gives back what [`Self::fill`] has taken.
    pub fn make_room(&self) -> Result<()> {
        for name in ["filler-large", "filler-small", "filler-last"] {
            fs::remove_file(self.path.join(name))?;
        }
        Ok(())
    }

    /// From now on nothing can be written to it. The system allows that once no file on it is open to be
    /// written.
    pub fn make_read_only(&self) -> Result<()> {
        until("a read-only disk", PATIENCE, || Ok(self.remount("remount,ro")?.then_some(())))
    }

    /// The end of [`Self::make_read_only`].
    pub fn make_writable(&self) -> Result<()> {
        ensure!(self.remount("remount,rw")?, "{} stays read-only", self.path.display());
        Ok(())
    }

    fn remount(&self, how: &str) -> Result<bool> {
        let mount = Command::new("mount").args(["-o", how]).arg(&self.path).output()?;
        Ok(mount.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a program of the test may still be about to end.
        let _gone = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
