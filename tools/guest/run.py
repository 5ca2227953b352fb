"""Guest runner: a command on a Soft-RoCE device in an emulated Debian.

    python tools/guest/run.py [--timeout SECONDS] [--cpus N | --count-instructions] -- COMMAND ...

The guest sees this host's files copy-on-write, so a command finds the same Python and the same
repository; only what it writes to $AETHER_OUT stays. The kernel is fetched once. The package is
built on the host and imported from an installed copy: an editable install would try to rebuild.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
HOME = REPO / ".build" / "guest"
REFRESH_BUILD = REPO / "tools" / "refresh_build.py"
BUILD = REPO / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"
VNG = Path(sys.executable).parent / "vng"
# Program or file -> the Debian package that brings it.
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "rdma": "iproute2",
    "ibv_devinfo": "ibverbs-utils",
    "ibverbs-providers": "ibverbs-providers",
    "apt-get": "apt",
    "dpkg": "dpkg",
    "strace": "strace",
    "ib_write_bw": "perftest",
}
# The host's files once more, read-only as the first time, and kept by the guest once read.
CACHED = "cached"
MOUNTED = "ro,trans=virtio,version=9p2000.L,access=any,msize=512000,cache=loose"
PASSED = ("AETHER_SIMD", "HYPOTHESIS_PROFILE")
# By the emulated AVX2 numpy's argsort returns a wrong order, or ends the process.
UNSORTED = "X86_V3"
TIMED_OUT, BROKEN = 124, 125


class GuestError(Exception):
    """The guest cannot run, with a reason in one line."""


class MissingError(GuestError):
    """The host lacks something that the guest needs."""


def say(words: str) -> None:
    """Tell the user one line beside the command's own output."""
    sys.stderr.write(f"guest: {words}\n")


def missing() -> list[str]:
    """Return the Debian packages that the host lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    absent = {package for name, package in NEEDED.items() if not shutil.which(name, path=path)}
    if any(Path("/usr/lib").glob("*/libibverbs/librxe-rdmav*.so")):
        absent.discard("ibverbs-providers")
    if not Path("/usr/include/infiniband/verbs.h").exists():
        absent.add("libibverbs-dev")
    return sorted(absent)


def fetch_kernel() -> Path:
    """Return the guest's kernel image, fetched and unpacked at the first call only."""
    root = HOME / "kernel"
    if not (root / "ready").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        depends = subprocess.run(
            ["apt-cache", "depends", "--important", "linux-image-amd64"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        names = [word for word in depends if word.startswith("linux-image-") and word[12].isdigit()]
        if not names:
            raise MissingError("apt knows no linux-image-amd64: run apt-get update")
        say(f"fetching {names[0]}")
        fetch = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", names[0]]
        if subprocess.run(fetch, cwd=root, check=False).returncode:
            raise MissingError(f"cannot download {names[0]}: run apt-get update and try again")
        package = next(root.glob("*.deb"))
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
        package.unlink()
        version = next((root / "lib" / "modules").iterdir()).name
        subprocess.run(["/sbin/depmod", "-b", str(root), version], check=True)
        (root / "ready").touch()
    return next((root / "boot").glob("vmlinuz-*"))


def install_copy() -> Path:
    """Build what changed and return a folder from which the guest imports the package."""
    if not (BUILD / "build.ninja").exists():
        raise GuestError("not built: pip install --no-build-isolation -e '.[test,rdma]'")
    if subprocess.run([sys.executable, str(REFRESH_BUILD)], check=False).returncode:
        raise GuestError("the build failed")
    site = HOME / "site"
    # The virtual environment's meson, also when it is not activated.
    env = os.environ | {"PATH": f"{VNG.parent}:{os.environ.get('PATH', '')}"}
    shutil.rmtree(site, ignore_errors=True)
    meson = ["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet"]
    subprocess.run([*meson, "--destdir", str(site)], env=env, check=True)
    return next(site.rglob("cython_core/__init__.py")).parents[1]


def editable_hooks() -> list[Path]:
    """Return what makes Python import the editable install rather than the copy."""
    return [*Path(sysconfig.get_path("purelib")).glob("aethermodel-editable.pth")]


def read_often(site: Path) -> list[str]:
    """Return the folders that every process in the guest reads its Python from."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), site}
    return [shlex.quote(str(folder)) for folder in sorted(prefixes)]


def job_folder(command: list[str], site: Path, clock: str) -> Path:
    """Write the command for the guest into a folder that both sides see."""
    job = Path(tempfile.mkdtemp(prefix="job-", dir=HOME))
    lines = [
        # The root that vng mounts asks the host each time: half of what an import takes.
        f"mkdir /run/{CACHED} && mount -t 9p -o {MOUNTED} {CACHED} /run/{CACHED}",
        *(f"mount --bind /run/{CACHED}{folder} {folder}" for folder in read_often(site)),
        "unset PYTHONHOME",
        f"export PATH={shlex.quote(str(VNG.parent))}:$PATH:/usr/sbin:/sbin",
        f"export PYTHONPATH={shlex.quote(str(site))} PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1",
        # The editable install's loader: it would rebuild, and costs every process 3 s in here.
        *(f"mount --bind /dev/null {shlex.quote(str(file))}" for file in editable_hooks()),
        f"export AETHER_GUEST=soft-roce AETHER_REQUIRE=rdma AETHER_OUT={shlex.quote(str(job))}",
        f"export AETHER_CLOCK={clock} NPY_DISABLE_CPU_FEATURES={UNSORTED}",
    ]
    lines += [
        f"export {name}={shlex.quote(os.environ[name])}" for name in PASSED if name in os.environ
    ]
    lines += [f"cd {shlex.quote(str(REPO))}", shlex.join(command)]
    (job / "command").write_text("\n".join(lines) + "\n")
    return job


def pump(source: int, target: int) -> None:
    """Copy what the guest says as it says it."""
    while chunk := os.read(source, 65536):
        os.write(target, chunk)


def boot(
    kernel: Path,
    job: Path,
    timeout: float,
    cpus: int,
    memory: str,
    *,
    count: bool = False,
    skip: bool = False,
) -> int:
    """Boot the guest, wait for the command, and return its exit status."""
    inside = shlex.join(["sh", str(Path(__file__).with_name("inside.sh")), str(job)])
    call = [str(VNG), "--run", str(kernel), "--disable-kvm", "--force-9p", "--user", "root"]
    call += ["--cpus", str(cpus), "--memory", memory, "--overlay-rwdir", str(REPO)]
    # Else the guest reads its clock from an emulated timer, at microseconds a reading.
    call += ["--append", "tsc=reliable clocksource=tsc"]
    # Its main loop polls every queue of the emulated serial ports, which are 64 each otherwise.
    options = "-global virtio-serial-device.max_ports=2"
    share = f"local,id={CACHED},path=/,security_model=none,readonly=on,multidevs=remap"
    options += f" -fsdev {share} -device virtio-9p-pci,fsdev={CACHED},mount_tag={CACHED}"
    if count:  # a nanosecond an instruction
        options += " -icount shift=0" + ",sleep=off" * skip
    call += [f"--qemu-opts={options}"]
    call += ["--rwdir", str(job), "--exec", inside]
    env = os.environ | {"PATH": f"{VNG.parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    # A session of its own, so that the emulator goes with everything that started it.
    # Pipes, because the emulator writes at offsets of its own where it is given a file.
    guest = subprocess.Popen(
        call,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    assert guest.stdout is not None and guest.stderr is not None
    pumps = [
        threading.Thread(target=pump, args=(pipe.fileno(), target), daemon=True)
        for pipe, target in ((guest.stdout, 1), (guest.stderr, 2))
    ]
    for thread in pumps:
        thread.start()
    try:
        guest.wait(timeout)
        for thread in pumps:
            thread.join()
    except subprocess.TimeoutExpired:
        say(f"stopped, no answer within {timeout:g} s")
        return TIMED_OUT
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(guest.pid, signal.SIGKILL)
        guest.wait()
    status = job / "status"
    if not status.exists():
        raise GuestError("the guest ended before the command did")
    return int(status.read_text())


def main() -> int:
    """Parse, prepare, boot; one clear line for whatever is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds, boot included")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument(
        "--count-instructions",
        action="store_true",
        help="one core, and a clock that counts its instructions: no neighbour disturbs it",
    )
    parser.add_argument(
        "--skip-idle",
        action="store_true",
        help="with --count-instructions: while nothing runs, the clock jumps to the next timer "
        "instead of following the host's",
    )
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--out", type=Path, help="copy what the command leaves in $AETHER_OUT here")
    parser.add_argument(
        "--or-skip",
        action="store_true",
        help="exit 0 where something is missing, unless AETHER_REQUIRE names rdma",
    )
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _frame: sys.exit(128 + got))
    job: Path | None = None
    try:
        if absent := missing():
            raise MissingError(f"missing Debian packages: apt-get install {' '.join(absent)}")
        if not VNG.exists():
            raise MissingError(
                "virtme-ng is missing: pip install --no-build-isolation -e '.[rdma]'"
            )
        HOME.mkdir(parents=True, exist_ok=True)
        with (HOME / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one guest at a time
            kernel = fetch_kernel()
            count = options.count_instructions
            cpus = 1 if count else options.cpus
            job = job_folder(options.command, install_copy(), "instructions" if count else "host")
            skip = options.skip_idle
            status = boot(
                kernel, job, options.timeout, cpus, options.memory, count=count, skip=skip
            )
        if options.out:
            shutil.copytree(
                job,
                options.out,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("command", "status"),
            )
        return status
    except MissingError as error:
        if options.or_skip and "rdma" not in os.environ.get("AETHER_REQUIRE", "").split(","):
            say(f"skipped tests on Soft-RoCE: {error}")
            return 0
        say(str(error))
        return BROKEN
    except GuestError as error:
        say(str(error))
        return BROKEN
    except KeyboardInterrupt:
        return 130
    finally:
        if job:
            shutil.rmtree(job, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
