"""Router and checksums of aarch64: compiled for it, and run by an emulator."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
C = HERE.parents[2] / "cython_core" / "c"
COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
INCLUDES = [f"-I{C}", f"-I{C / 'crc'}", f"-I{C / 'route'}"]
ROUTE, NEON = (
    ["-O3", "-DAETHER_VARIANT=baseline"],
    ["-O3", "-DAETHER_NEON", "-DAETHER_VARIANT=neon"],
)
# Each with the flags that cython_core/meson.build gives it.
SOURCES = (
    ("route/route_kernel.c", ROUTE),
    ("route/route_kernel.c", [*ROUTE, "-DAETHER_RECORDS"]),
    ("route/route_kernel.c", NEON),
    ("route/route_kernel.c", [*NEON, "-DAETHER_RECORDS"]),
    ("route/route.c", []),
    ("route/route_two_passes.c", []),
    ("route/workers.c", []),
    ("route/simd.c", []),
    ("crc/crc32c.c", []),
    ("crc/crc_instruction.c", ["-march=armv8-a+crc"]),
)


@pytest.mark.slow(reason="a cross compiler and an emulated processor: 15 s")
@pytest.mark.aarch64
@pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
    reason=f"{COMPILER} and {EMULATOR} (packages gcc-aarch64-linux-gnu, qemu-user) are not there",
)
def test_the_kernels_of_aarch64_do_what_plain_loops_do(tmp_path: Path) -> None:
    objects = []
    for place, (source, flags) in enumerate(SOURCES):
        objects.append(str(tmp_path / f"{place}.o"))
        made = [COMPILER, "-O2", *INCLUDES, *flags, "-c", str(C / source), "-o", objects[-1]]
        subprocess.run(made, check=True)
    program = str(tmp_path / "kernels")
    main = [str(HERE / "kernels.c"), *objects, "-lm", "-lpthread", "-o", program]
    subprocess.run([COMPILER, "-O2", "-static", *INCLUDES, *main], check=True)
    run = subprocess.run([EMULATOR, program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.splitlines()) == (
        0,
        ["route baseline", "route neon", "checksum table", "checksum instruction"],
    )
